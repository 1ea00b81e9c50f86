// Simulate asks what a run by many workers waits for first, by playing through the events of
// one: units taken from a queue, measured, results stored, acknowledged, and committed in
// the order of the plan.
//
//	go run ./bench/distribute/simulate
//	go run ./bench/distribute/simulate -workers 1000 -items 10000000 -unit 4s
//
// The server does its operations one after the other, and so does the coordinator; what each
// takes is measured (docs/scale.md names the benchmarks). Units have costs that are drawn
// log-normal, as those of decoders that iterate are.
package main

import (
	"container/heap"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"text/tabwriter"
	"time"
)

// A site is what is simulated.
type site struct {
	workers, items, batch, lanes int
	unit                         time.Duration // a unit takes at the median
	spread                       float64       // standard deviation of its logarithm
	server                       time.Duration // of the server, a unit: taken, stored, acknowledged
	commit                       time.Duration // of the coordinator, a unit: brought and written
	dies                         time.Duration // a worker lives so long on average; 0 for ever
	lease                        time.Duration
}

// An outcome is what came of it.
type outcome struct {
	took                       time.Duration
	workers, server, committer float64 // share of the time that each was busy
	again                      int     // units that were done again
	waiting                    int     // results that waited for an earlier one, at most
}

// An event is a worker that has finished, or that comes to take a unit.
type event struct {
	at     float64
	worker int
	unit   int // -1: none, it comes to take one
	lost   bool
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// run plays a run through.
func (s site) run(seed uint64) outcome {
	rng := rand.New(rand.NewPCG(seed, seed))
	units := (s.items + s.batch - 1) / s.batch * s.lanes
	var out outcome
	var q events
	for w := range s.workers {
		q = append(q, event{at: rng.Float64(), worker: w, unit: -1})
	}
	heap.Init(&q)
	next, committed := 0, 0
	var redo []int
	done := make([]bool, units)
	server, coordinator := 0.0, 0.0 // when each is free
	busy, waiting := 0.0, 0
	for committed < units {
		e := heap.Pop(&q).(event)
		switch {
		case e.lost: // its lease has run out: another gets the unit
			redo = append(redo, e.unit)
			out.again++
			e.unit = -1
		case e.unit >= 0:
			server = max(server, e.at) + s.server.Seconds()
			e.at = server
			done[e.unit] = true
			waiting++
			for committed < units && done[committed] {
				coordinator = max(coordinator, e.at) + s.commit.Seconds()
				committed++
				waiting--
			}
			out.waiting = max(out.waiting, waiting)
		}
		var u int
		switch {
		case len(redo) > 0:
			u, redo = redo[len(redo)-1], redo[:len(redo)-1]
		case next < units:
			u, next = next, next+1
		default:
			heap.Push(&q, event{at: e.at + 1, worker: e.worker, unit: -1})
			continue
		}
		cost := s.unit.Seconds() * math.Exp(s.spread*rng.NormFloat64())
		if s.dies > 0 && rng.Float64() < 1-math.Exp(-cost/s.dies.Seconds()) {
			heap.Push(&q, event{at: e.at + cost/2 + s.lease.Seconds(), worker: e.worker, unit: u, lost: true})
			continue
		}
		busy += cost
		heap.Push(&q, event{at: e.at + cost, worker: e.worker, unit: u})
	}
	end := max(server, coordinator)
	out.took = time.Duration(end * float64(time.Second))
	out.workers = busy / end / float64(s.workers)
	out.server = float64(units+out.again) * s.server.Seconds() / end
	out.committer = float64(units) * s.commit.Seconds() / end
	return out
}

// first names what is busiest.
func (o outcome) first() string {
	switch m := max(o.workers, o.server, o.committer); m {
	case o.workers:
		return "workers"
	case o.server:
		return "server"
	default:
		return "coordinator"
	}
}

func main() {
	s := site{batch: 4, lanes: 1, lease: time.Minute}
	flag.IntVar(&s.workers, "workers", 1000, "workers")
	flag.IntVar(&s.items, "items", 10_000_000, "items")
	flag.IntVar(&s.batch, "batch", 4, "items of a unit")
	flag.Float64Var(&s.spread, "spread", 1, "standard deviation of the logarithm of a unit's cost")
	flag.DurationVar(&s.server, "server", 400*time.Microsecond, "of the server, a unit")
	flag.DurationVar(&s.commit, "commit", 2*time.Millisecond, "of the coordinator, a unit")
	flag.DurationVar(&s.dies, "dies", 6*time.Hour, "a worker lives so long on average; 0 for ever")
	unit := flag.Duration("unit", 0, "a unit at the median; 0 for a table")
	flag.Parse()
	list := []time.Duration{*unit}
	if *unit == 0 {
		list = []time.Duration{200 * time.Millisecond, time.Second, 4 * time.Second, 20 * time.Second, time.Minute}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "a unit\ttook\tworkers busy\tserver\tcoordinator\tfirst\tdone again\tresults waiting")
	for _, u := range list {
		s.unit = u
		o := s.run(1)
		fmt.Fprintf(w, "%s\t%s\t%.0f %%\t%.0f %%\t%.0f %%\t%s\t%d\t%d\n", u, o.took.Round(time.Minute), 100*o.workers, 100*o.server, 100*o.committer, o.first(), o.again, o.waiting)
	}
	if err := w.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
