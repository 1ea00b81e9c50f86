package cli

import (
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/record"
)

func (a *app) statusCommand() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "status RUN",
		Short: "Show how far a run is, from another terminal too",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
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
