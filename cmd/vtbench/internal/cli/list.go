package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/suite"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/reports/table"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/zoo"
)

// listing is one kind of thing that can be listed.
type listing struct {
	name string
	rows func() ([]entry, error)
}

// entry is one line of a list; Details are shown in JSON only.
type entry struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Example string `json:"example,omitempty"`
	Group   string `json:"group,omitempty"`  // heading of the lines that have the same
	Source  string `json:"source,omitempty"` // where it is published
	Details any    `json:"details,omitempty"`
}

func listings() []listing {
	return []listing{
		{"suites", listSuites},
		{"tokenizers", listTokenizers},
		{"metrics", listMetrics},
		{"datasets", listDatasets},
		{"corruptions", listCorruptions},
	}
}

func (a *app) listCommand() *cobra.Command {
	var names []string
	for _, l := range listings() {
		names = append(names, l.name)
	}
	var format string
	var presets bool
	cmd := &cobra.Command{
		Use:       "list " + strings.Join(names, "|"),
		Short:     "Show what there is, one line each",
		Args:      takes(1, 1),
		ValidArgs: names,
		RunE: func(_ *cobra.Command, args []string) error {
			if presets && args[0] != "tokenizers" {
				return usagef("--zoo goes with `list tokenizers`")
			}
			if presets {
				return a.list(listing{"tokenizers", listZoo}, format)
			}
			for _, l := range listings() {
				if l.name == args[0] {
					return a.list(l, format)
				}
			}
			return usagef("cannot list %q%s; want %s", args[0], suggest.Hint(args[0], names), strings.Join(names, ", "))
		},
	}
	formatFlag(cmd, &format, "table", "json")
	cmd.Flags().BoolVar(&presets, "zoo", false, "of 'list tokenizers': the released tokenizers that -t zoo:NAME has")
	return cmd
}

func (a *app) list(l listing, format string) error {
	rows, err := l.rows()
	if err != nil {
		return err
	}
	if format == "json" {
		return a.json(rows)
	}
	title := strings.TrimSuffix(l.name, "s")
	// Groups come in the order of their first line; what has none comes as it is.
	for at := 0; at < len(rows); {
		group := rows[at].Group
		var cells [][]string
		for ; at < len(rows) && rows[at].Group == group; at++ {
			r := rows[at]
			what := r.Summary
			if r.Example != "" && r.Example != r.Name {
				what += "; for example " + r.Example
			}
			if r.Source != "" {
				what += " (" + r.Source + ")"
			}
			cells = append(cells, []string{r.Name, what})
		}
		head := title
		if group != "" {
			head = group
		}
		if err := table.List(a.out, []string{head, "what it is"}, cells, table.Options{}); err != nil {
			return err
		}
		if at < len(rows) {
			fmt.Fprintln(a.out)
		}
	}
	return nil
}

func listSuites() ([]entry, error) {
	all, err := suite.BuiltIn()
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, s := range all {
		out = append(out, entry{Name: s.ID, Summary: s.Question, Details: s})
	}
	return out, nil
}

func listTokenizers() ([]entry, error) {
	type option struct {
		Name    string `json:"name"`
		Help    string `json:"help"`
		Default string `json:"default"`
	}
	var out []entry
	for _, k := range alltok.Kinds() {
		var opts []option
		for _, o := range k.Options {
			opts = append(opts, option{o.Name, o.Help, o.Default})
		}
		out = append(out, entry{Name: k.Name, Summary: k.Summary, Example: k.Example, Group: k.Group, Source: k.Source, Details: opts})
	}
	return out, nil
}

// listZoo lists the released tokenizers.
func listZoo() ([]entry, error) {
	all, err := zoo.Presets()
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, group := range []string{"continuous", "discrete", "of video"} {
		for _, p := range all {
			if p.Group() != group {
				continue
			}
			what := fmt.Sprintf("%s: %s; %s of %s %s or later", p.Title, p.Shape(), p.Class, p.Library, p.Since)
			if p.Licence != "" {
				what += "; " + p.Licence
			}
			if p.Gated {
				what += "; gated"
			}
			out = append(out, entry{Name: "zoo:" + p.Name, Summary: what, Group: p.Group(), Source: p.Hub, Details: p})
		}
	}
	return out, nil
}

func listMetrics() ([]entry, error) {
	var out []entry
	add := func(specs []metrics.Spec) {
		for _, s := range specs {
			unit := ""
			if s.Unit != "" {
				unit = " in " + s.Unit
			}
			out = append(out, entry{Name: s.ID, Summary: fmt.Sprintf("%s%s, %s is better, per %s; %s", s.Title, unit, s.Better, s.Scope.Words(), s.Source), Details: s})
		}
	}
	for _, k := range allmetrics.Kinds() {
		add(k.Specs)
	}
	return out, nil
}

func listCorruptions() ([]entry, error) {
	var out []entry
	for _, c := range corrupt.All() {
		out = append(out, entry{Name: c.Name, Summary: fmt.Sprintf("%s; %s", c.Summary, c.Family), Details: c})
	}
	summaries := map[string]string{
		suite.TokenDrop:    "tokens replaced by the most frequent code of the image",
		suite.TokenRandom:  "tokens replaced by any other code",
		suite.TokenNearest: "tokens replaced by the nearest other code",
		suite.TokenRepair:  "tokens lost and guessed from those around them, where the tokenizer can",
		suite.TokenCluster: "tokens replaced by another of their cluster, where the tokenizer has clusters",

		suite.TokenMaskReplace: "nine of ten tokens dropped, one replaced by any other code, as VQ-Diffusion does",
	}
	for _, name := range suite.TokenDamages() {
		out = append(out, entry{Name: name, Summary: summaries[name] + "; tokens, in suites only", Details: map[string]any{"Unit": "share of tokens", "Amounts": suite.TokenShares}})
	}
	return out, nil
}

func listDatasets() ([]entry, error) {
	var out []entry
	for _, k := range alldata.Kinds() {
		out = append(out, entry{Name: k.Name, Summary: k.Summary, Example: k.Example})
	}
	return out, nil
}
