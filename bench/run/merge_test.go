package run_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// TestMergeRefuses shards that are not of one run, naming directory and field.
func TestMergeRefuses(t *testing.T) {
	shard := func(i, n int, change func(*world)) string {
		w := newWorld().changed(func(w *world) {
			w.suite.Metrics, w.suite.Corruptions, w.keep = []string{"read", "mae"}, nil, 0
			if change != nil {
				change(w)
			}
		})
		cfg := w.config(t, nil)
		cfg.Shard = run.Shard{Index: i, Count: n}
		return execute(t, cfg).Dir
	}
	one, two := shard(1, 2, nil), shard(2, 2, nil)
	edited := func(change func(*record.Manifest)) string {
		dir := shard(2, 2, nil)
		path := filepath.Join(dir, record.ManifestFile)
		var m record.Manifest
		if err := record.ReadJSON(path, &m); err != nil {
			t.Fatal(err)
		}
		change(&m)
		if err := record.WriteJSON(path, &m); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	damaged := func() string {
		dir := shard(2, 2, nil)
		b := read(t, dir, record.RecordsFile)
		if err := os.WriteFile(filepath.Join(dir, record.RecordsFile), append(b[:len(b)-20], b[len(b)-10:]...), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// A picture that is none of the run's, edited after the run: one that its seal counts.
	repainted := func() string {
		dir := shard(2, 2, nil)
		name := filepath.Join(dir, record.ImagesDir, "a.png")
		if err := os.WriteFile(name, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := record.Seal(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("after"), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	unfinished := func() string {
		dir := shard(2, 2, nil)
		for _, name := range []string{record.SealFile, record.SummaryFile} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{record.GroupsFile, record.RecordsFile, record.CodesFile, record.TimingsFile} {
			if err := os.Truncate(filepath.Join(dir, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for name, tc := range map[string]struct {
		other string
		want  []string // besides the directory
	}{
		"another suite":          {shard(2, 2, func(w *world) { w.suite.ID = "other" }), []string{"suite.id", `"world"`, `"other"`}},
		"option of the suite":    {shard(2, 2, func(w *world) { w.suite.Options["read.lang"] = "deu" }), []string{"suite.options.read.lang"}},
		"other data":             {shard(2, 2, func(w *world) { w.dataset.Digest = "d9" }), []string{"datasets[words].info.digest", "d1", "d9"}},
		"other number of items":  {shard(2, 2, func(w *world) { w.limit = 3 }), []string{"datasets[words].planned"}},
		"version of a metric":    {shard(2, 2, func(w *world) { w.metric.Version = 2 }), []string{"metrics[read].version"}},
		"version of a tokenizer": {shard(2, 2, func(w *world) { w.info.Version = "2" }), []string{"tokenizers[mine].info.version"}},
		"engine":                 {edited(func(m *record.Manifest) { m.Provenance = map[string]string{"tesseract": "4"} }), []string{"provenance.tesseract"}},
		"processor":              {edited(func(m *record.Manifest) { m.Host.Features = "none" }), []string{"engine.Features"}},
		"build":                  {edited(func(m *record.Manifest) { m.Host.Build = "another" }), []string{"engine.Build"}},
		"schema":                 {edited(func(m *record.Manifest) { m.Schema = 1 }), []string{"schema", "another release"}},
		"unequal counts":         {shard(2, 3, nil), []string{one, "unequal counts", "n/2", "2/3"}},
		"no shard at all":        {edited(func(m *record.Manifest) { m.Shard = "two" }), []string{"field shard", `"two"`}},
		"damaged":                {damaged(), []string{record.RecordsFile}},
		"picture":                {repainted(), []string{record.ImagesDir + "/a.png", "--redo-from 0"}},
		"unfinished":             {unfinished(), []string{"words: items 3 to 4", record.SealFile}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run.Merge(t.Context(), run.MergeConfig{Dirs: []string{one, tc.other}, Dir: filepath.Join(t.TempDir(), "m"), Kinds: kinds()})
			var ce *run.ConfigError
			if !errors.As(err, &ce) {
				t.Fatalf("%v, want an error that the user can mend", err)
			}
			for _, w := range append(tc.want, tc.other) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not named in: %v", w, err)
				}
			}
		})
	}
	// What only the directory that is written to has, is not lost.
	whole := filepath.Join(t.TempDir(), "m")
	if _, err := run.Merge(t.Context(), run.MergeConfig{Dirs: []string{one, two}, Dir: whole, Kinds: kinds()}); err != nil {
		t.Fatal(err)
	}
	strange := t.TempDir()
	if err := os.WriteFile(filepath.Join(strange, record.RecordsFile), []byte("mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{whole: "that would be lost (1)", strange: "has records but no manifest"} {
		before := read(t, dir, record.RecordsFile)
		_, err := run.Merge(t.Context(), run.MergeConfig{Dirs: []string{one}, Dir: dir, Kinds: kinds(), Partial: true})
		var ce *run.ConfigError
		if !errors.As(err, &ce) || !strings.Contains(err.Error(), want) || !bytes.Equal(before, read(t, dir, record.RecordsFile)) {
			t.Errorf("a part over %s: %v, want %q and the records as they were", dir, err, want)
		}
	}
	got, err := run.Merge(t.Context(), run.MergeConfig{Dirs: []string{one, two, two + "/."}, Dir: filepath.Join(t.TempDir(), "m"), Kinds: kinds()})
	if err != nil || len(got.Doubled) != 1 || !strings.Contains(got.Doubled[0], two) || !strings.Contains(got.Doubled[0], "groups 1") {
		t.Errorf("one shard twice: %q, %v", got.Doubled, err)
	}
}

// BenchmarkMerge joins shards of a million records: `go test ./bench/run -bench Merge
// -benchtime 1x -run ^$`. Peak memory is that of the process, with
// /usr/bin/time -v.
func BenchmarkMerge(b *testing.B) {
	const shards, items, perItem, batch = 8, 50_000, 20, 4
	m := record.Manifest{
		Schema: record.SchemaVersion, Suite: testSuite(), Seed: 1, Batch: batch,
		Datasets:   []record.DatasetEntry{{Name: "words", Spec: "words", Info: datasets.Info{ID: "words", Version: 1, Digest: "d"}, Planned: items, Total: items}},
		Tokenizers: []record.TokenEntry{{Name: "mine", Info: tokenizers.Info{Name: "mine", Deterministic: true}}},
		Metrics:    []metrics.Spec{{ID: "mae", Version: 1, Better: metrics.Lower, Scope: metrics.PerImage}},
		Bootstrap:  record.BootstrapConfig{Resamples: 1000, Level: .95, Method: "percentile"},
	}
	m.Suite.Resolutions, m.Suite.Metrics, m.Suite.Headline, m.Suite.Worst, m.Suite.Bins = []int{32}, []string{"mae"}, []string{"mae"}, "mae", nil
	root := b.TempDir()
	var dirs []string
	for s := range shards {
		dir := filepath.Join(root, fmt.Sprint(s))
		dirs = append(dirs, dir)
		if err := os.MkdirAll(filepath.Join(dir, record.ImagesDir), 0o700); err != nil {
			b.Fatal(err)
		}
		part := m
		part.Shard = fmt.Sprintf("%d/%d", s+1, shards)
		if err := record.WriteJSON(filepath.Join(dir, record.ManifestFile), &part); err != nil {
			b.Fatal(err)
		}
		j, err := record.OpenJournal(dir)
		if err != nil {
			b.Fatal(err)
		}
		// One commit of many groups at once would be another format; syncing 12,500 groups
		// is most of the time of making them.
		for g := s; g < items/batch; g += shards {
			for i := range batch {
				for k := range perItem {
					v := record.Number(float64(g*batch+i) / 7 * float64(k))
					rec := record.Record{
						Tokenizer: "mine", Suite: "demo", Dataset: "words", Item: fmt.Sprintf("img/%06d", g*batch+i), Instance: fmt.Sprintf("w%02d", k),
						Condition: "clean@32", Metric: "mae", Value: &v,
					}
					if err := j.AddRecord(&rec); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := j.Commit(g, batch); err != nil {
				b.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		got, err := run.Merge(b.Context(), run.MergeConfig{Dirs: dirs, Dir: filepath.Join(root, "merged"), Kinds: kinds()})
		if err != nil {
			b.Fatal(err)
		}
		if !got.Run.Complete {
			b.Fatal("not complete")
		}
	}
	b.ReportMetric(float64(items*perItem), "records")
}
