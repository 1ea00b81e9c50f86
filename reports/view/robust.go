package view

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

// A RobustGrid is what the tokenizers keep of one metric under every corruption,
// at one resolution, scored against one thing.
type RobustGrid struct {
	Dataset    record.DatasetEntry
	Resolution int
	Against    string // "" or [bench.AgainstClean]
	Metric     metrics.Spec
	// Score is what the cells hold: [summary.ScoreUnder], or [summary.ScoreFlip].
	Score       string
	Corruptions []string // in suite order
	HasMCE      bool
	Baseline    string          // that Loss and the clean floor refer to
	Rows        []RobustGridRow // upper bounds first, then the best under damage first
}

// A RobustGridRow is one tokenizer of a RobustGrid.
type RobustGridRow struct {
	Token Token
	P     Cell   // on clean images
	MPC   Cell   // mean over corruptions
	Loss  Cell   // mPC less that of the baseline
	RPC   Cell   // mPC over P; nothing below the clean floor
	MCE   Cell   // errors relative to the baseline's
	Cells []Cell // the score under each corruption
	Kept  []Cell // the same over P; nothing below the clean floor
}

// CleanFloor is the share of the baseline's clean score below which what is kept of a
// tokenizer's own says nothing: who reads nothing loses nothing.
const CleanFloor = .5

// KeptLegend explains relative scores.
func (g RobustGrid) KeptLegend() string {
	return fmt.Sprintf("kept: share of the own clean score, if that is ≥ %.0f %% of %s's", 100*CleanFloor, g.Baseline)
}

// Kept writes a share that is kept; more than all of it was not kept, but is easier.
func Kept(c Cell) string {
	if c.Mean > 1 {
		return "> 100"
	}
	return format.Percent.Number(c.Mean)
}

// HasKept reports whether any relative score is shown.
func (g RobustGrid) HasKept() bool {
	return slices.ContainsFunc(g.Rows, func(r RobustGridRow) bool { return !math.IsNaN(r.RPC.Mean) })
}

// relative leaves relative scores only where they mean something: of a score whose
// largest value is known, so that it is no logarithm, of which more is better, and above
// the clean floor.
func (g *RobustGrid) relative() {
	floor := math.NaN()
	for _, r := range g.Rows {
		if r.Token.Own == g.Baseline {
			floor = CleanFloor * r.P.Mean
		}
	}
	bounded := g.Metric.Better == metrics.Higher && !math.IsInf(g.Metric.Max, 0)
	for i := range g.Rows {
		r := &g.Rows[i]
		if bounded && r.P.Mean > 0 && r.P.Mean >= floor {
			continue
		}
		r.RPC = noCell()
		for k := range r.Kept {
			r.Kept[k] = noCell()
		}
	}
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
		k := key{r.Dataset, r.Resolution, r.Metric, r.Against, summary.ScoreUnder}
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
		k := key{r.Dataset, r.Resolution, r.Metric, r.Against, summary.ScoreUnder}
		if r.Score == summary.ScoreFlip {
			k.score = summary.ScoreFlip
		}
		row := rows[k][r.Tokenizer]
		if row == nil {
			t, ok := v.Token(r.Tokenizer)
			if !ok {
				t = Token{Name: r.Tokenizer, Own: r.Tokenizer}
			}
			row = &RobustGridRow{Token: t, P: noCell(), MPC: noCell(), Loss: noCell(), RPC: noCell(), MCE: noCell()}
			for range corruptions[k] {
				row.Cells, row.Kept = append(row.Cells, noCell()), append(row.Kept, noCell())
			}
			rows[k][r.Tokenizer] = row
		}
		var to *Cell
		switch r.Score {
		case summary.ScoreP:
			to = &row.P
		case summary.ScoreMPC:
			to = &row.MPC
		case summary.ScoreLoss:
			to = &row.Loss
		case summary.ScoreRPC:
			to = &row.RPC
		case summary.ScoreMCE:
			to = &row.MCE
		case summary.ScoreRetention:
			to = &row.Kept[slices.Index(corruptions[k], r.Corruption)]
		case summary.ScoreUnder, summary.ScoreFlip:
			to = &row.Cells[slices.Index(corruptions[k], r.Corruption)]
		}
		if to != nil && !to.OK {
			*to = robustCell(r)
		}
	}
	var out []RobustGrid
	for _, k := range keys {
		g := RobustGrid{Resolution: k.res, Against: k.against, Score: k.score, Corruptions: corruptions[k], Baseline: v.Suite.Baseline}
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
			return better(g.Metric.Better, a.MPC.Mean, b.MPC.Mean)
		})
		g.relative()
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
	if g.Score != summary.ScoreUnder {
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
