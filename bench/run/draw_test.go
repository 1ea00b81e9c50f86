package run_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/metrics"
)

// undrawn leaves a run that takes everything from a cache as one that broke off after n
// groups does: without pictures, which are drawn at its end.
func undrawn(t *testing.T, cfg run.Config, groups int) string {
	t.Helper()
	dir := execute(t, cfg).Dir
	lines, err := record.CommittedGroups(dir)
	if err != nil {
		t.Fatal(err)
	}
	var records int64
	for _, g := range lines[:groups] {
		records += g.Records.Bytes
	}
	interrupt(t, dir, records)
	if err := os.RemoveAll(filepath.Join(dir, record.ImagesDir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPicturesOfKnownResults: a run that takes its results from a cache and breaks off
// before it has drawn them ends with the same pictures when it is resumed, with that cache,
// with one that has lost reconstructions, and without any. The seal has their check sums.
func TestPicturesOfKnownResults(t *testing.T) {
	for groups, mixes := range map[int]bool{1: false, 2: true} {
		w := newWorld().changed(func(w *world) {
			if w.info.BatchInvariant, w.mixes = !mixes, mixes; mixes {
				w.keep = record.KeepWorst
			}
		})
		dir := t.TempDir()
		want := results(t, execute(t, w.config(t, openCache(t, dir))).Dir)
		for _, tc := range []struct {
			what string
			left func() *cache.Cache
		}{
			{"with the cache", func() *cache.Cache { return openCache(t, dir) }},
			{"with an empty cache", func() *cache.Cache { return openCache(t, t.TempDir()) }},
			{"without a cache", func() *cache.Cache { return nil }},
			{"without reconstructions", func() *cache.Cache {
				if err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
					if err == nil && strings.HasSuffix(path, "-r") {
						return os.Remove(path)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
				return openCache(t, dir)
			}},
		} {
			broken := undrawn(t, w.config(t, openCache(t, dir)), groups)
			cfg := w.config(t, tc.left())
			cfg.Dir, cfg.Resume = broken, true
			same(t, tc.what, results(t, execute(t, cfg).Dir), want)
		}
	}
}

// TestMergeOfUndrawn: a part that broke off before its pictures were drawn is named, and
// resuming it is all that is asked.
func TestMergeOfUndrawn(t *testing.T) {
	w := newWorld()
	dir := t.TempDir()
	want := results(t, execute(t, w.config(t, openCache(t, dir))).Dir)
	first := w.config(t, openCache(t, dir))
	first.Dir = undrawn(t, first, 1)
	second := w.config(t, openCache(t, dir))
	second.Shard = run.Shard{Index: 2, Count: 2}
	all := []metrics.Kind{{Specs: first.Observers[0].Specs(), Observer: first.Observers[0]}, {Specs: first.Sets[0].Specs, Sets: first.Sets[0].Sets}}
	parts := run.MergeConfig{Dirs: []string{first.Dir, execute(t, second).Dir}, Dir: filepath.Join(t.TempDir(), "m"), Kinds: all}
	_, err := run.Merge(t.Context(), parts)
	var ce *run.ConfigError
	if !errors.As(err, &ce) || !strings.Contains(err.Error(), first.Dir) || !strings.Contains(err.Error(), "pictures") || !strings.Contains(err.Error(), "--resume") {
		t.Fatalf("%v, want an error that names %s", err, first.Dir)
	}
	first.Resume = true
	execute(t, first)
	got, err := run.Merge(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "merged", results(t, got.Run.Dir), want)
}
