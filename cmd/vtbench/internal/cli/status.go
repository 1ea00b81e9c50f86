package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/record"
)

// What `vtbench status` calls the state of a run.
const (
	stateRunning     = "running"
	stateFinished    = "finished"
	stateInterrupted = "interrupted"
)

// runStatus is what `status --format json` prints.
type runStatus struct {
	Run   string `json:"run"`
	State string `json:"state"`
	Suite string `json:"suite"`
	Shard string `json:"shard,omitempty"`
	// Items that are committed, and those that the run plans.
	Items    int              `json:"items"`
	Planned  int              `json:"planned"`
	Holder   *record.Holder   `json:"holder,omitempty"`
	Progress *record.Progress `json:"progress,omitempty"` // as of its last second, where it is running
	Damage   string           `json:"damage,omitempty"`
}

func (a *app) statusCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how far a run is, from another terminal too",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := statusOf(args[0])
			if err != nil {
				return usage(err)
			}
			if as == "json" {
				return a.json(s)
			}
			return a.printStatus(s)
		},
	}
	formatFlag(cmd, &as, "table", "json")
	return cmd
}

// statusOf looks at a run directory without touching it.
func statusOf(dir string) (*runStatus, error) {
	var m record.Manifest
	if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run directory: it has no %s", dir, record.ManifestFile)
		}
		return nil, err
	}
	if m.Schema != record.SchemaVersion {
		return nil, fmt.Errorf("%s has schema version %d, this program reads %d: it was written by another release of vtbench", dir, m.Schema, record.SchemaVersion)
	}
	s := &runStatus{Run: dir, State: stateInterrupted, Suite: m.Suite.ID, Shard: m.Shard}
	for _, d := range m.Datasets {
		s.Planned += d.Items
	}
	groups, err := record.CommittedGroups(dir)
	if err != nil {
		s.Damage = err.Error()
	}
	for _, g := range groups {
		s.Items += g.Items
	}
	h, held, err := record.Held(dir)
	if err != nil {
		return nil, err
	}
	switch {
	case held:
		s.State, s.Holder = stateRunning, &h
		var p record.Progress
		switch err := record.ReadJSON(filepath.Join(dir, record.ProgressFile), &p); {
		case err == nil:
			s.Progress = &p
		case !errors.Is(err, fs.ErrNotExist): // it is at its end
			return nil, err
		}
	case record.Complete(dir):
		s.State = stateFinished
	}
	return s, nil
}

func (a *app) printStatus(s *runStatus) error {
	what := "suite " + s.Suite
	if s.Shard != "" {
		what += ", shard " + s.Shard
	}
	fmt.Fprintf(a.out, "%s: %s, %s, %d of %d items committed\n", s.Run, what, s.State, s.Items, s.Planned)
	if s.Damage != "" {
		a.warnf("%s", s.Damage)
	}
	if s.State == stateInterrupted {
		fmt.Fprintf(a.out, "continue with: vtbench run … -o %s --resume (and the same flags)\n", s.Run)
	}
	if h := s.Holder; h != nil && h.Host != "" {
		fmt.Fprintf(a.out, "by process %d on %s, since %s\n", h.PID, h.Host, h.Started)
	}
	p := s.Progress
	if p == nil {
		return nil
	}
	fmt.Fprintf(a.out, "%s: %d of %d, %s%s\n", p.Phase, p.Done, p.Total, p.Updated.Sub(p.Begun).Round(time.Second), about(p.Left()))
	if old := time.Since(p.Updated); old > 30*time.Second {
		a.warnf("this was %s ago: the process hangs, is stopped, or is on another machine and dead", old.Round(time.Second))
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "tokenizer\tdone\tof\tper min\tleft\tcached\tfailed")
	for _, t := range p.Tokenizers {
		rate, left := "–", "–"
		if r := p.RateOf(t); r > 0 {
			rate = strconv.FormatFloat(60*r, 'f', 1, 64)
		}
		if d, ok := p.LeftOf(t); ok {
			left = d.String()
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%d\t%d\n", t.Name, t.Done, t.Total, rate, left, t.Cached, t.Failed)
	}
	return w.Flush()
}

// about is a time that is left, for the end of a line; "" where it is not known.
func about(left time.Duration, ok bool) string {
	if !ok {
		return ""
	}
	return ", about " + left.String() + " left"
}
