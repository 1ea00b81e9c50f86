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
	Dir         string // where relative paths of cases start
	Manifest    record.Manifest
	Summary     Summary
	Performance Performance
	Cases       []record.Case
	Complete    bool // every planned item is there
	// Damaged are pictures of a complete run that are missing or not as they were
	// written, with what is wrong.
	Damaged []string
}

// Open reads a run directory for reports and holds it against its check sums: a line or
// file that was lost, doubled or edited is a *record.Damage. The summary is computed from
// the records when the run was interrupted before it wrote one. kinds are the metrics
// that there are: they make the values of whole sets then.
func Open(dir string, kinds []metrics.Kind) (*Run, error) {
	r := &Run{Dir: dir}
	if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &r.Manifest); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run directory: it has no %s", dir, record.ManifestFile)
		}
		return nil, err
	}
	if r.Manifest.Schema != record.SchemaVersion {
		return nil, fmt.Errorf("%s has schema version %d, this program reads %d: it was written by another release of vtbench, run it again",
			filepath.Join(dir, record.ManifestFile), r.Manifest.Schema, record.SchemaVersion)
	}
	r.Manifest.Metrics = metrics.Fill(r.Manifest.Metrics, kinds)
	state, err := record.Verify(dir)
	if err != nil {
		return nil, err
	}
	if state.Damage != nil {
		return nil, fmt.Errorf("%s: %w", dir, state.Damage)
	}
	r.Damaged = state.Pictures
	if r.Complete = record.Complete(dir); r.Complete {
		err = record.ReadJSON(filepath.Join(dir, record.SummaryFile), &r.Summary)
	} else {
		if r.Summary, err = Summarise(dir, &r.Manifest, kinds); err != nil {
			err = fmt.Errorf("summing up %s as its %s says: %w", dir, record.ManifestFile, err)
		}
	}
	if err != nil {
		return nil, err
	}
	for path, v := range map[string]any{
		filepath.Join(dir, record.PerformanceFile):             &r.Performance,
		filepath.Join(dir, record.ImagesDir, record.CasesFile): &r.Cases,
	} {
		if err := record.ReadJSON(path, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return r, nil
}
