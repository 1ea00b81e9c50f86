package summary

import (
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics/stat"
)

// An Estimate is a statistic of a set with its interval.
type Estimate struct {
	Value    record.Number
	Lo, Hi   record.Number // null where there is no interval: one image says nothing about others
	Clusters int           // independent units that it rests on
	Warnings []string      // why the interval deserves less trust ("few_clusters")
}

// Estimated computes a statistic over n values with its interval on a plan of resamples;
// everything is null where n is 0.
func Estimated(plan *stat.Plan, s stat.Statistic, n int, boot record.BootstrapConfig) (Estimate, error) {
	e := Estimate{Value: record.NaN, Lo: record.NaN, Hi: record.NaN}
	if n == 0 {
		return e, nil
	}
	iv, err := plan.Interval(s, stat.Options{Level: boot.Level, Method: stat.Method(boot.Method)})
	if err != nil {
		return e, err
	}
	e.Value, e.Clusters = record.Number(iv.Estimate), iv.Clusters
	if iv.Clusters > 1 {
		e.Lo, e.Hi = record.Number(iv.Lo), record.Number(iv.Hi)
	}
	for _, w := range iv.Warnings {
		e.Warnings = append(e.Warnings, string(w))
	}
	return e, nil
}
