package bench

// A Run is a finished or interrupted run directory, as far as reports need it.
type Run struct {
	Dir      string // where relative paths of cases start
	Manifest Manifest
	Summary  Summary
	Timings  []Timing
	Cases    []Case
	Complete bool // every planned item is there
}
