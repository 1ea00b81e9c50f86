package run

import (
	"sync/atomic"
	"time"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
)

// stage is a part of the work of a run.
type stage int

const (
	reading stage = iota
	preparing
	tokenizing
	scoring
	writing
	stages
)

var stageNames = [stages]string{"reading and decoding images", "preparing", "tokenizers", "metrics", "writing"}

// spent adds up the time of each stage over all goroutines.
type spent [stages]atomic.Int64

// in begins a stage; the returned function ends it.
func (s *spent) in(which stage) func() {
	begun := time.Now()
	return func() { s[which].Add(int64(time.Since(begun))) }
}

// told are the stages for performance.json; none where nothing was done.
func (s *spent) told() []summary.Stage {
	total := 0.
	for i := range s {
		total += float64(s[i].Load())
	}
	if total == 0 {
		return nil
	}
	var out []summary.Stage
	for i, name := range stageNames {
		ns := float64(s[i].Load())
		out = append(out, summary.Stage{Name: name, Seconds: record.Number(ns / 1e9), Share: record.Number(ns / total)})
	}
	return out
}
