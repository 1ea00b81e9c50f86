package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// lock makes the run directory and keeps others from writing to it.
func (r *runner) lock() (*record.Lock, error) {
	if err := wholefile.Folder(r.cfg.Dir, record.ImagesDir); err != nil {
		return nil, configErrorf("making the run directory: %w; choose another one with -o", err)
	}
	lock, err := record.TakeLock(r.cfg.Dir, r.cfg.BreakLock)
	if err != nil {
		return nil, &ConfigError{err}
	}
	return lock, nil
}

// noJournal refuses a directory with records that are of no run that is known.
func noJournal(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, record.RecordsFile)); err == nil {
		return configErrorf("%s has records but no manifest; choose another directory with -o", dir)
	}
	return nil
}

// open begins a run directory or picks up what is there, and returns the position in
// the plan to start from. The manifest is on disk before anything is measured.
func (r *runner) open(plan []*group) (start int, err error) {
	dir := r.cfg.Dir
	path := filepath.Join(dir, record.ManifestFile)
	var old record.Manifest
	switch err := record.ReadJSON(path, &old); {
	case errors.Is(err, fs.ErrNotExist):
		if err := noJournal(dir); err != nil {
			return 0, err
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
	diff, err := identity.Differences(&old, &r.manifest)
	if err != nil {
		return 0, err
	}
	if len(diff) > 0 {
		return 0, configErrorf("%s cannot be resumed, it was started as another run than this one: the fields of its %s that differ are %s; choose another directory with -o",
			dir, record.ManifestFile, identity.Strings(diff))
	}
	r.manifest.Host = old.Host // the run keeps its beginning
	// It says the same, perhaps not in the same bytes.
	if err := record.WriteJSON(path, &r.manifest); err != nil {
		return 0, err
	}
	return r.replay(plan)
}

// untilAgain is how many groups come before the first of which a value was lost for a
// reason that is not its image's. That group and all after it are measured again.
func untilAgain(dir string, groups []record.GroupLine) (int, error) {
	at, lines := 0, 0
	for rec, err := range record.Records(dir) {
		if err != nil {
			return 0, &ConfigError{err}
		}
		for at < len(groups) && lines == groups[at].Records.Lines {
			at, lines = at+1, 0
		}
		if lines++; rec.Again {
			return at, nil
		}
	}
	return len(groups), nil
}

// replay finds out how far a run came, from the groups that are committed and whole, and
// cuts off what lies behind them.
func (r *runner) replay(plan []*group) (start int, err error) {
	dir := r.cfg.Dir
	state, err := record.Verify(dir)
	if err != nil {
		return 0, configErrorf("resuming: %w", err)
	}
	keep := len(state.Groups)
	if from := r.cfg.RedoFrom; from != nil {
		for keep > 0 && state.Groups[keep-1].Group >= *from {
			keep--
		}
	}
	if r.cfg.RedoFrom == nil {
		if keep, err = untilAgain(dir, state.Groups[:keep]); err != nil {
			return 0, err
		}
	}
	if d := state.Damage; d != nil && d.Group >= 0 && (r.cfg.RedoFrom == nil || *r.cfg.RedoFrom > d.Group) {
		return 0, configErrorf("resuming %s: %w", dir, d)
	}
	if len(state.Pictures) > 0 && (r.cfg.RedoFrom == nil || *r.cfg.RedoFrom > 0) {
		return 0, configErrorf("resuming %s: %s (%d in all); no value depends on pictures, and reports name those; the same run with --resume --redo-from 0 measures all again, pictures included",
			dir, state.Pictures[0], len(state.Pictures))
	}
	for i, g := range state.Groups[:keep] {
		if i < len(plan) && g.Group == plan[i].number && g.Items != len(plan[i].items) {
			return 0, configErrorf("resuming %s: %w", dir, &record.Damage{
				File: record.GroupsFile, Line: i + 1, Group: g.Group,
				What: fmt.Sprintf("it counts %d items in group %d, which has %d in the plan", g.Items, g.Group, len(plan[i].items)),
			})
		}
		if i >= len(plan) || g.Group != plan[i].number {
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
