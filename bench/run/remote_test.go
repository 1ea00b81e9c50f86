package run_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/datasets"
)

// near is a run.Remote whose workers are in this process: one a lane, which does groups from
// the last to the first.
type near struct {
	t      *testing.T
	config func() run.Config
	lanes  []run.Lane
	as     func(run.Unit) string // how a unit is done
	done   map[run.Unit]*run.Output
	ended  bool
}

func (n *near) Begin(ctx context.Context, m *record.Manifest, lanes []run.Lane, groups []int, arrived func(run.Unit)) error {
	n.lanes, n.done = lanes, map[run.Unit]*run.Output{}
	for l, lane := range lanes {
		cfg := n.config()
		cfg.Tokenizers = slices.DeleteFunc(cfg.Tokenizers, func(t run.TokenizerSource) bool { return !slices.Contains(lane, t.Name) })
		w, err := run.NewWorker(ctx, cfg, *m, func() {})
		if err != nil {
			return err
		}
		for _, g := range slices.Backward(groups) {
			u := run.Unit{Lane: l, Group: g}
			out, err := w.Do(ctx, g, nil, n.as(u), "its worker died")
			if err != nil {
				return err
			}
			b, err := json.Marshal(out)
			if err != nil {
				return err
			}
			var back run.Output // as another process gets it
			if err := json.Unmarshal(b, &back); err != nil {
				return err
			}
			w.Accepted(out)
			n.done[u] = &back
			arrived(u)
		}
	}
	return nil
}

func (n *near) Result(_ context.Context, u run.Unit) (*run.Output, error) { return n.done[u], nil }
func (n *near) Tell(record.Progress)                                      {}
func (n *near) Workers() []record.Worker                                  { return []record.Worker{{Name: "near"}} }

func (n *near) End(context.Context) error { n.ended = true; return nil }

func remotely(t *testing.T, w world, as func(run.Unit) string) (run.Config, *near) {
	t.Helper()
	if as == nil {
		as = func(run.Unit) string { return run.Measured }
	}
	n := &near{t: t, as: as, config: func() run.Config { return w.config(t, nil) }}
	cfg := w.config(t, nil)
	cfg.Remote = n
	return cfg, n
}

// TestRemoteEqualsLocal: what workers did, with damage to images and tokens, sets, codes and
// pictures, makes the directory of a run that did it itself.
func TestRemoteEqualsLocal(t *testing.T) {
	for _, change := range []func(*world){
		func(*world) {},
		func(w *world) { w.info.External = true },
		func(w *world) { w.info.BatchInvariant, w.mixes, w.keep = false, true, record.KeepWorst },
	} {
		w := newWorld().changed(change)
		cfg, n := remotely(t, w, nil)
		same(t, "by workers", results(t, execute(t, cfg).Dir), results(t, execute(t, w.config(t, nil)).Dir))
		if want := 1 + map[bool]int{true: 1}[w.info.External]; !n.ended || len(n.lanes) != want {
			t.Errorf("ended %v, lanes %v, want %d", n.ended, n.lanes, want)
		}
	}
}

// shortFirst is a data set of two films, the longer after the shorter.
type shortFirst struct{ reel }

func (shortFirst) Clips() []datasets.Clip {
	return []datasets.Clip{{ID: "short", Frames: 3, Rate: 25}, {ID: "long", First: 3, Frames: 10, Rate: 25}, {ID: "last", First: 13, Frames: 3, Rate: 25}}
}

func (s shortFirst) IDs() []string {
	var ids []string
	for _, c := range s.Clips() {
		for i := range c.Frames {
			ids = append(ids, fmt.Sprintf("%s/%04d", c.ID, i))
		}
	}
	return ids
}

// asked is a run.Remote that only notes what it was asked for.
type asked struct {
	near
	groups []int
}

var errAsked = errors.New("asked")

func (a *asked) Begin(_ context.Context, _ *record.Manifest, _ []run.Lane, groups []int, _ func(run.Unit)) error {
	a.groups = groups
	return errAsked
}

// Films are handed out by their length, and what is equal in the order of the plan.
func TestLongFilmsFirst(t *testing.T) {
	cfg := filmConfig(t, shortFirst{}, nil, newSpacetime())
	a := &asked{}
	cfg.Remote = a
	if _, err := run.Execute(t.Context(), cfg); !errors.Is(err, errAsked) {
		t.Fatal(err)
	}
	if want := []int{1, 0, 2}; !slices.Equal(a.groups, want) {
		t.Errorf("groups are handed out as %v, want %v", a.groups, want)
	}
}

// Units that were given up are errors with their reason: of all values of their tokenizers,
// or of the items where these could not be loaded. Others keep theirs, and the counts add up.
func TestGivenUpUnits(t *testing.T) {
	w := newWorld()
	kept, lost := map[string]int{}, 0
	of := func(item string) bool { return item == "img/2" || item == "img/3" }
	for r, err := range record.Records(execute(t, w.config(t, nil)).Dir) {
		switch {
		case err != nil:
			t.Fatal(err)
		case of(r.Item):
			lost++
		default:
			kept[text(t, r)]++
		}
	}
	for _, as := range []string{run.Failed, run.Lost} {
		cfg, _ := remotely(t, w, func(u run.Unit) string {
			if u.Group == 1 {
				return as
			}
			return run.Measured
		})
		left, n := maps.Clone(kept), 0
		for r, err := range record.Records(execute(t, cfg).Dir) {
			switch {
			case err != nil:
				t.Fatal(err)
			case !of(r.Item):
				left[text(t, r)]--
			case !strings.Contains(r.Error, "its worker died"):
				t.Errorf("%s: of a unit that was given up: %s", as, text(t, r))
			default:
				n++
			}
		}
		for r, n := range left {
			if n != 0 {
				t.Errorf("%s: there are %d more or less of %s", as, n, r)
			}
		}
		if as == run.Failed && n < lost || as == run.Lost && n != 2 {
			t.Errorf("%s: %d records of the unit that was given up, where there were %d", as, n, lost)
		}
	}
}

// A worker that would measure something else is refused, with the field.
func TestWorkersOfAnotherRun(t *testing.T) {
	base := newWorld()
	whole := execute(t, base.config(t, nil)).Manifest
	for field, change := range map[string]func(*world){
		"tokenizers[mine].info.weights": func(w *world) { w.info.Weights = "w9" },
		"datasets[words].info.digest":   func(w *world) { w.dataset.Digest = "d9" },
		"metrics[read].version":         func(w *world) { w.metric.Version = 9 },
		"seed":                          func(w *world) { w.seed = 9 },
	} {
		_, err := run.NewWorker(t.Context(), base.changed(change).config(t, nil), whole, func() {})
		var ce *run.ConfigError
		if !errors.As(err, &ce) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for field, change := range map[string]func(*record.Manifest){
		"engine.Build":    func(m *record.Manifest) { m.Host.Build = "another" },
		"engine.Features": func(m *record.Manifest) { m.Host.Features = "none" },
		"provenance":      func(m *record.Manifest) { m.Provenance = map[string]string{"tesseract": "4"} },
	} {
		other := whole
		change(&other)
		if _, err := run.NewWorker(t.Context(), base.config(t, nil), other, func() {}); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
