package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/workwire"
	"github.com/vtbench/vtbench/reports/format"
)

func (a *app) statusCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "status RUN|URL",
		Short: "Show how far a run is, from another terminal too, or the runs by workers of a NATS server",
		Args:  takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.Contains(args[0], "://") {
				return a.serverStatus(cmd.Context(), args[0], as == "json")
			}
			s, err := record.StatusOf(args[0])
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

func (a *app) printStatus(s *record.Status) error {
	what := "suite " + s.Suite
	if s.Shard != "" {
		what += ", shard " + s.Shard
	}
	fmt.Fprintf(a.out, "%s: %s, %s, %d of %d items committed\n", s.Run, what, s.State, s.Items, s.Planned)
	if s.Damage != "" {
		a.warnf("%s", s.Damage)
	}
	if s.State == record.Interrupted {
		fmt.Fprintf(a.out, "continue with: vtbench run … -o %s --resume (and the same flags)\n", shellWord(s.Run))
	}
	if h := s.Holder; h != nil && h.Host != "" {
		fmt.Fprintf(a.out, "by process %d on %s, since %s\n", h.PID, h.Host, h.Started)
	}
	return a.printProgress(s.Progress, false)
}

// printProgress prints how far a run is, by tokenizer and, where it is measured by workers,
// by worker; nil prints nothing.
func (a *app) printProgress(p *record.Progress, workers bool) error {
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
	if err := w.Flush(); err != nil || !workers && p.Workers == nil {
		return err
	}
	return a.printWorkers(p)
}

// straggles is how many times as long as others at its tokenizers a unit may take before its
// worker is marked.
const straggles = 3

// printWorkers prints who measures, with the age of the oldest unit that each has.
func (a *app) printWorkers(p *record.Progress) error {
	if len(p.Workers) == 0 {
		fmt.Fprintln(a.out, "no worker was heard of")
		return nil
	}
	age := func(w record.Worker) time.Duration {
		if w.Since.IsZero() {
			return 0
		}
		return p.Updated.Sub(w.Since)
	}
	typical := map[string]time.Duration{}
	for lane, ages := range byLane(p.Workers, age) {
		slices.Sort(ages)
		typical[lane] = ages[len(ages)/2]
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "worker\thost\tunits\tat its oldest for\tcrashes\t")
	for _, k := range p.Workers {
		note, at := k.Refuse, "–"
		if d := age(k); d > 0 {
			if at = d.Round(time.Second).String(); d > time.Minute && d > straggles*typical[k.Lane] {
				note = "behind the others"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\n", k.Name, k.Host, k.Done, at, k.Crash, note)
	}
	return w.Flush()
}

func byLane(workers []record.Worker, age func(record.Worker) time.Duration) map[string][]time.Duration {
	out := map[string][]time.Duration{}
	for _, w := range workers {
		out[w.Lane] = append(out[w.Lane], age(w))
	}
	return out
}

// serverStatus prints what a server knows of its runs.
func (a *app) serverStatus(ctx context.Context, url string, asJSON bool) error {
	program, err := workwire.FindWork()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "status", "--nats", url)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return usagef("asking the server at %s: %w: %s", url, err, format.Line(strings.TrimSpace(said.String())))
	}
	var runs []workwire.Run
	if err := json.Unmarshal(out, &runs); err != nil {
		return fmt.Errorf("reading what %s says: %w", workwire.WorkProgram, err)
	}
	if asJSON {
		return a.json(runs)
	}
	if len(runs) == 0 {
		fmt.Fprintf(a.out, "%s has no run\n", url)
	}
	for _, r := range runs {
		fmt.Fprintf(a.out, "run %s: suite %s, begun %s, %s done, %d queued, %d of them taken\n", r.ID, r.Suite, r.Started, format.Plural(r.Units, "unit", "units"), r.Queued, r.Taken)
		if err := a.printProgress(r.Progress, true); err != nil {
			return err
		}
	}
	return nil
}

// about is a time that is left, for the end of a line; "" where it is not known.
func about(left time.Duration, ok bool) string {
	if !ok {
		return ""
	}
	return ", about " + left.String() + " left"
}
