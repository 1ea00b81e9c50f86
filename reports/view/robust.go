package view

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
)

// A RobustGrid is what the tokenizers keep of one metric under every corruption,
// at one resolution, scored against one thing.
type RobustGrid struct {
	Dataset    record.DatasetEntry
	Resolution int
	Against    string // "" or [bench.AgainstClean]
	Metric     metrics.Spec
	// Score is what the cells hold: [bench.ScoreRetention], or [bench.ScoreFlip].
	Score       string
	Corruptions []string // in suite order
	HasMCE      bool
	Rows        []RobustGridRow // upper bounds first, then the highest rPC first
}

// A RobustGridRow is one tokenizer of a RobustGrid.
type RobustGridRow struct {
	Token Token
	P     Cell   // on clean images
	MPC   Cell   // mean over corruptions
	RPC   Cell   // mPC over P
	MCE   Cell   // errors relative to the baseline's
	Cells []Cell // one a corruption
}

func robustCell(r summary.RobustRow) Cell {
	return Cell{OK: true, Mean: float64(r.Value), Lo: float64(r.Lo), Hi: float64(r.Hi), Clusters: r.Clusters}
}

func noCell() Cell { return Cell{Mean: math.NaN(), Lo: math.NaN(), Hi: math.NaN()} }

// RobustGrids are the tables of what is kept under damage: headline metrics in
// suite order, fidelity before restoration, flipped tokens last.
func (v *View) RobustGrids() []RobustGrid {
	type key struct {
		dataset string
		res     int
		metric  string
		against string
		score   string
	}
	rows := map[key]map[string]*RobustGridRow{}
	corruptions := map[key][]string{}
	var keys []key
	for _, r := range v.Robust {
		k := key{r.Dataset, r.Resolution, r.Metric, r.Against, summary.ScoreRetention}
		if r.Score == summary.ScoreFlip {
			k.score = summary.ScoreFlip
		}
		if rows[k] == nil {
			rows[k] = map[string]*RobustGridRow{}
			keys = append(keys, k)
		}
		if r.Corruption != "" && !slices.Contains(corruptions[k], r.Corruption) {
			corruptions[k] = append(corruptions[k], r.Corruption)
		}
	}
	place := map[string]int{}
	for i, c := range v.Suite.Corruptions {
		place[c.Type] = i
	}
	for k := range corruptions {
		slices.SortStableFunc(corruptions[k], func(a, b string) int { return cmp.Compare(place[a], place[b]) })
	}
	for _, r := range v.Robust {
		k := key{r.Dataset, r.Resolution, r.Metric, r.Against, summary.ScoreRetention}
		if r.Score == summary.ScoreFlip {
			k.score = summary.ScoreFlip
		}
		row := rows[k][r.Tokenizer]
		if row == nil {
			t, ok := v.Token(r.Tokenizer)
			if !ok {
				t = Token{Name: r.Tokenizer, Own: r.Tokenizer}
			}
			row = &RobustGridRow{Token: t, P: noCell(), MPC: noCell(), RPC: noCell(), MCE: noCell(), Cells: make([]Cell, len(corruptions[k]))}
			for i := range row.Cells {
				row.Cells[i] = noCell()
			}
			rows[k][r.Tokenizer] = row
		}
		var to *Cell
		switch r.Score {
		case summary.ScoreP:
			to = &row.P
		case summary.ScoreMPC:
			to = &row.MPC
		case summary.ScoreRPC:
			to = &row.RPC
		case summary.ScoreMCE:
			to = &row.MCE
		case summary.ScoreRetention, summary.ScoreFlip:
			to = &row.Cells[slices.Index(corruptions[k], r.Corruption)]
		}
		if to != nil && !to.OK {
			*to = robustCell(r)
		}
	}
	var out []RobustGrid
	for _, k := range keys {
		g := RobustGrid{Resolution: k.res, Against: k.against, Score: k.score, Corruptions: corruptions[k]}
		g.Metric, _ = v.Metric(k.metric)
		for _, d := range v.Datasets {
			if d.Name == k.dataset {
				g.Dataset = d
			}
		}
		for _, t := range v.Tokens {
			if r := rows[k][t.Name]; r != nil {
				g.Rows = append(g.Rows, *r)
				g.HasMCE = g.HasMCE || !math.IsNaN(r.MCE.Mean)
			}
		}
		if len(g.Corruptions) == 0 || len(g.Rows) == 0 {
			continue
		}
		slices.SortStableFunc(g.Rows, func(a, b RobustGridRow) int {
			if d := rank(a.Token) - rank(b.Token); d != 0 {
				return d
			}
			return better(metrics.Higher, a.RPC.Mean, b.RPC.Mean)
		})
		out = append(out, g)
	}
	metric := func(g RobustGrid) int {
		return slices.IndexFunc(v.Metrics, func(s metrics.Spec) bool { return s.ID == g.Metric.ID })
	}
	set := func(g RobustGrid) int {
		return slices.IndexFunc(v.Datasets, func(d record.DatasetEntry) bool { return d.Name == g.Dataset.Name })
	}
	slices.SortStableFunc(out, func(a, b RobustGrid) int {
		return cmp.Or(cmp.Compare(set(a), set(b)), cmp.Compare(a.Resolution, b.Resolution), strings.Compare(b.Score, a.Score),
			cmp.Compare(metric(a), metric(b)), strings.Compare(a.Against, b.Against))
	})
	return out
}

// Key names the table among those of the page.
func (g RobustGrid) Key() string {
	return strings.Join([]string{g.Score, g.Dataset.Name, strconv.Itoa(g.Resolution), g.Metric.ID, g.Against}, "/")
}

// AgainstTitle says what a robustness score compares with.
func (g RobustGrid) AgainstTitle() string {
	switch {
	case g.Score == summary.ScoreFlip:
		return "tokens of the clean image"
	case g.Metric.Labels:
		return "the labels"
	case g.Against == suite.AgainstClean:
		return "the undamaged original"
	}
	return "what was shown"
}

// WithoutTokens are the tokenizers whose tokens cannot be damaged, for want of
// discrete tokens or of a way to decode them, where the suite damages tokens.
func (g RobustGrid) WithoutTokens() []string {
	var out []string
	if g.Score != summary.ScoreRetention {
		return nil
	}
	for _, r := range g.Rows {
		damages, has := false, false
		for i, c := range g.Corruptions {
			if slices.Contains(suite.TokenDamages(), c) {
				damages, has = true, has || r.Cells[i].OK
			}
		}
		if damages && !has {
			out = append(out, r.Token.Name)
		}
	}
	return out
}

// CorruptionTitle is the name of a corruption in words.
func CorruptionTitle(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

// A SeverityPoint is a headline number under one severity; 0 is clean.
type SeverityPoint struct {
	Severity int
	Cell
}

// Severities follows a tokenizer through the severities of a corruption, from
// clean images on.
func (v *View) Severities(t Token, g RobustGrid, corruption string) []SeverityPoint {
	var out []SeverityPoint
	for _, c := range v.Conditions {
		if c.Resolution != g.Resolution || c.Corruption != "" && c.Corruption != corruption {
			continue
		}
		if against := c.Against; against != g.Against && c.Corruption != "" && !c.DamagesTokens() {
			continue
		}
		if cell := v.Head(t, g.Dataset.Name, c, g.Metric.ID); cell.OK && !math.IsNaN(cell.Mean) && !math.IsInf(cell.Mean, 0) {
			out = append(out, SeverityPoint{Severity: c.Severity, Cell: cell})
		}
	}
	if len(out) == 1 && out[0].Severity == 0 {
		return nil // never damaged
	}
	return out
}
