package record

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// RunState says whether a run is at work.
type RunState string

// The states there are.
const (
	Running     RunState = "running"
	Finished    RunState = "finished"
	Interrupted RunState = "interrupted"
)

// Status is how far a run is.
type Status struct {
	Run   string   `json:"run"` // its directory
	State RunState `json:"state"`
	Suite string   `json:"suite"`
	Shard string   `json:"shard,omitempty"`
	// Items that are committed, and those that the run plans.
	Items    int       `json:"items"`
	Planned  int       `json:"planned"`
	Holder   *Holder   `json:"holder,omitempty"`
	Progress *Progress `json:"progress,omitempty"` // as of its last second, where it is running
	Damage   string    `json:"damage,omitempty"`
}

// StatusOf looks at a run directory without touching it.
func StatusOf(dir string) (*Status, error) {
	var m Manifest
	if err := ReadJSON(filepath.Join(dir, ManifestFile), &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run directory: it has no %s", dir, ManifestFile)
		}
		return nil, err
	}
	if m.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s has schema version %d, this program reads %d: it was written by another release of vtbench", dir, m.Schema, SchemaVersion)
	}
	s := &Status{Run: dir, State: Interrupted, Suite: m.Suite.ID, Shard: m.Shard}
	for _, d := range m.Datasets {
		s.Planned += d.Items
	}
	groups, err := CommittedGroups(dir)
	if err != nil {
		s.Damage = err.Error()
	}
	for _, g := range groups {
		s.Items += g.Items
	}
	h, held, err := Held(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case held:
		s.State, s.Holder = Running, &h
		var p Progress
		switch err := ReadJSON(filepath.Join(dir, ProgressFile), &p); {
		case err == nil:
			s.Progress = &p
		case !errors.Is(err, fs.ErrNotExist): // it is at its end
			return nil, err
		}
	case Complete(dir):
		s.State = Finished
	}
	return s, nil
}
