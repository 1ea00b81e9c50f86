package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
)

// lock makes the run directory and keeps others from writing to it.
func (r *runner) lock() (*record.Lock, error) {
	if err := os.MkdirAll(filepath.Join(r.cfg.Dir, record.ImagesDir), 0o777); err != nil {
		return nil, configErrorf("making the run directory: %w; choose another one with -o", err)
	}
	lock, err := record.TakeLock(r.cfg.Dir, r.cfg.BreakLock)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return lock, nil
}

// open begins a run directory or picks up what is there, and returns the position in
// the plan to start from. The manifest is on disk before anything is measured.
func (r *runner) open(plan []*group) (start int, err error) {
	dir := r.cfg.Dir
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
		return 0, &ConfigError{err}
	case !r.cfg.Resume:
		return 0, configErrorf("%s already holds a run; continue it with --resume, or choose another directory with -o", dir)
	}
	diff, err := differences(old, r.manifest)
	if err != nil {
		return 0, err
	}
	if len(diff) > 0 {
		return 0, configErrorf("%s cannot be resumed, it was started with another %s; choose another directory with -o",
			dir, strings.Join(diff, ", another "))
	}
	r.manifest.Host = old.Host // the run keeps its beginning
	return r.replay(plan)
}

// differences names what makes two manifests different runs.
func differences(a, b record.Manifest) ([]string, error) {
	// What was not written, because it was empty, is read back as nothing: both are
	// compared as they are read.
	written, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	b = record.Manifest{}
	if err := json.Unmarshal(written, &b); err != nil {
		return nil, err
	}
	if a.Schema != b.Schema {
		return []string{fmt.Sprintf("schema version (%d there, %d here: that directory belongs to another release of vtbench)", a.Schema, b.Schema)}, nil
	}
	var out []string
	check := func(x, y any, what string) {
		if digestOf(x) != digestOf(y) {
			out = append(out, what)
		}
	}
	check(a.SuiteHash, b.SuiteHash, "suite (or resolutions, or metrics)")
	check(a.Datasets, b.Datasets, "data set (or --limit, or --full)")
	check(a.Seed, b.Seed, "seed")
	check(a.Shard, b.Shard, "shard")
	check(a.Batch, b.Batch, "batch size")
	check(a.KeepImages, b.KeepImages, "number of kept images (--keep-images)")
	check(a.Bootstrap, b.Bootstrap, "bootstrap")
	check(a.Tokenizers, b.Tokenizers, "list of tokenizers (or their weights or versions)")
	check(a.Metrics, b.Metrics, "metric version")
	check(a.Provenance, b.Provenance, "OCR engine or model")
	check(a.Host.Features, b.Host.Features, "processor (results of networks may differ in their last digits)")
	return out, nil
}

// replay finds out how far a run came, from the groups that are committed and whole, and
// cuts off what lies behind them.
func (r *runner) replay(plan []*group) (start int, err error) {
	dir := r.cfg.Dir
	state, err := record.Verify(dir)
	if err != nil {
		return 0, err
	}
	keep := len(state.Groups)
	if from := r.cfg.RedoFrom; from != nil {
		for keep > 0 && state.Groups[keep-1].Group >= *from {
			keep--
		}
	}
	if d := state.Damage; d != nil && d.Group >= 0 && (r.cfg.RedoFrom == nil || *r.cfg.RedoFrom > d.Group) {
		return 0, configErrorf("resuming %s: %w", dir, d)
	}
	for i, g := range state.Groups[:keep] {
		if i >= len(plan) || g.Group != plan[i].number || g.Items != len(plan[i].items) {
			return 0, configErrorf("resuming %s: %s:%d: group %d of %d items is not the one that the plan has there; choose another directory with -o",
				dir, record.GroupsFile, i+1, g.Group, g.Items)
		}
	}
	if err := record.Unseal(dir); err != nil {
		return 0, err
	}
	if err := state.Cut(dir, keep); err != nil {
		return 0, fmt.Errorf("resuming: %w", err)
	}
	for rec, err := range record.Records(dir) {
		if err != nil {
			return 0, &ConfigError{err}
		}
		r.keeper.add(&rec)
	}
	return keep, nil
}
