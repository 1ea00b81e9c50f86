package summary

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
)

// A Run is a finished or interrupted run directory, as far as reports need it.
type Run struct {
	Dir      string // where relative paths of cases start
	Manifest record.Manifest
	Summary  Summary
	Timings  []Timing
	Cases    []record.Case
	Complete bool // every planned item is there
}

// OpenRun reads a run directory for reports. The summary is computed from the
// records, with the help of the observers, when the run was interrupted before it
// wrote one.
func Open(dir string, observers []metrics.Observer) (*Run, error) {
	r := &Run{Dir: dir}
	if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &r.Manifest); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run directory: it has no %s", dir, record.ManifestFile)
		}
		return nil, err
	}
	if r.Manifest.Schema != record.SchemaVersion {
		return nil, fmt.Errorf("%s has schema version %d, this program reads %d", filepath.Join(dir, record.ManifestFile), r.Manifest.Schema, record.SchemaVersion)
	}
	err := record.ReadJSON(filepath.Join(dir, record.SummaryFile), &r.Summary)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.Summary, err = Summarise(dir, &r.Manifest, observers); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		r.Complete = true
	}
	for path, v := range map[string]any{
		filepath.Join(dir, record.PerformanceFile):             &r.Timings,
		filepath.Join(dir, record.ImagesDir, record.CasesFile): &r.Cases,
	} {
		if err := record.ReadJSON(path, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return r, nil
}
