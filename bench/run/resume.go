package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
)

// open makes the run directory or picks up what is there, and returns the
// position in the plan to start from. The manifest is on disk before anything is
// measured.
func (r *runner) open(plan []planned) (start int, err error) {
	dir := r.cfg.Dir
	if err := os.MkdirAll(filepath.Join(dir, record.ImagesDir), 0o755); err != nil {
		return 0, configErrorf("making the run directory: %w; choose another one with -o", err)
	}
	path := filepath.Join(dir, record.ManifestFile)
	var old record.Manifest
	switch err := record.ReadJSON(path, &old); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Join(dir, record.RecordsFile)); err == nil {
			return 0, configErrorf("%s has records but no manifest; choose another directory with -o", dir)
		}
		if err := record.WriteJSON(path, &r.manifest); err != nil {
			return 0, &ConfigError{err}
		}
		return 0, nil
	case err != nil:
		return 0, err
	case !r.cfg.Resume:
		return 0, configErrorf("%s already holds a run; continue it with --resume, or choose another directory with -o", dir)
	}
	if diff := differences(&old, &r.manifest); len(diff) > 0 {
		return 0, configErrorf("%s cannot be resumed, it was started with another %s; choose another directory with -o",
			dir, strings.Join(diff, ", another "))
	}
	r.manifest.Host = old.Host // the run keeps its beginning
	if start, err = r.replay(plan); err != nil {
		return 0, err
	}
	if err := os.Remove(filepath.Join(dir, record.SummaryFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("resuming: %w", err)
	}
	return start, nil
}

// differences names what makes two manifests different runs.
func differences(a, b *record.Manifest) []string {
	var out []string
	check := func(same bool, what string) {
		if !same {
			out = append(out, what)
		}
	}
	check(a.Schema == b.Schema, "schema version")
	check(a.SuiteHash == b.SuiteHash, "suite (or resolutions, or metrics)")
	check(slices.EqualFunc(a.Datasets, b.Datasets, sameItems), "data set (or --limit, or --full)")
	check(a.Seed == b.Seed, "seed")
	check(a.Shard == b.Shard, "shard")
	check(a.Batch == b.Batch, "batch size")
	check(a.Bootstrap == b.Bootstrap, "bootstrap")
	check(digestOf(a.Tokenizers) == digestOf(b.Tokenizers), "list of tokenizers (or their weights or versions)")
	check(digestOf(a.Metrics) == digestOf(b.Metrics), "metric version")
	check(digestOf(a.Provenance) == digestOf(b.Provenance), "OCR engine or model")
	return out
}

// replay finds out how far a run came: the records hold a prefix of the plan, of
// which the last group may be incomplete. That group is cut off and done again.
func (r *runner) replay(plan []planned) (start int, err error) {
	type key struct{ dataset, item string }
	position := make(map[key]int, len(plan))
	for i, p := range plan {
		position[key{r.manifest.Datasets[p.source].Name, p.id}] = i
	}
	at := func(dataset, item string) (int, error) {
		i, ok := position[key{dataset, item}]
		if !ok {
			return 0, fmt.Errorf("resuming %s: item %s of %s is not in the plan", r.cfg.Dir, item, dataset)
		}
		return i, nil
	}
	last := -1
	for rec, err := range record.Records(r.cfg.Dir) {
		if err != nil {
			return 0, err
		}
		i, err := at(rec.Dataset, rec.Item)
		if err != nil {
			return 0, err
		}
		last = max(last, i)
	}
	if last < 0 {
		return 0, r.truncate(func(string, string) (bool, error) { return false, nil })
	}
	start = last / r.manifest.Batch * r.manifest.Batch
	if err := r.truncate(func(dataset, item string) (bool, error) {
		i, err := at(dataset, item)
		return i < start, err
	}); err != nil {
		return 0, err
	}
	for rec, err := range record.Records(r.cfg.Dir) {
		if err != nil {
			return 0, err
		}
		r.keeper.add(&rec)
	}
	return start, nil
}

// truncate cuts every journal before the first line that is not to be kept.
func (r *runner) truncate(keep func(dataset, item string) (bool, error)) error {
	for _, name := range []string{record.RecordsFile, record.CodesFile, record.TimingsFile} {
		path := filepath.Join(r.cfg.Dir, name)
		var end int64
		for at, decode := range record.Lines[struct{ Dataset, Item string }](path) {
			l, err := decode()
			if err != nil {
				return err
			}
			ok, err := keep(l.Dataset, l.Item)
			if err != nil {
				return err
			}
			if end = at; !ok {
				break
			}
			end = -1
		}
		if end < 0 {
			end = endOfLines(path)
		}
		if err := os.Truncate(path, end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("resuming: %w", err)
		}
	}
	return nil
}

// endOfLines is the offset behind the last complete line.
func endOfLines(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return int64(strings.LastIndexByte(string(b), '\n') + 1)
}

// sameItems compares what decides which items a run has; files beside a data set may
// come and go.
func sameItems(a, b record.DatasetEntry) bool {
	return a.Name == b.Name && a.Spec == b.Spec && a.Info == b.Info && a.Items == b.Items && a.Total == b.Total
}
