package html

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// shown is a case as the page shows it.
type shown struct {
	Token                    token
	Section                  string
	Original, Reconstruction template.URL
	Damaged                  template.URL // what the tokenizer was shown, where that was damaged
	Alt                      string
	Expected                 string
	Got                      []span
	GotText                  string
	GotOriginal, GotDamaged  string
	Value, Bin, Where        string
	Exact                    bool
	Search                   string // what a filter looks in
	bad                      float64
}

// picture is an image with its description; without a URL there is none.
type picture struct {
	URL template.URL
	Alt string
}

// OriginalPicture is for the template.
func (s shown) OriginalPicture() picture { return picture{s.Original, "original"} }

// Read reports whether the case is something that was read.
func (s shown) Read() bool { return s.Expected != "" || s.GotText != "" }

// DamagedPicture is for the template.
func (s shown) DamagedPicture() picture { return picture{s.Damaged, "damaged"} }

// ReconstructionPicture is for the template.
func (s shown) ReconstructionPicture() picture { return picture{s.Reconstruction, s.Alt} }

// Limits of what one page holds; what is beyond is counted on the page and stays
// in the run directory.
const (
	maxWorst   = 2000
	maxSamples = 4000 // cells
)

type sampleTable struct {
	Section string
	Tokens  []token
	Rows    []sampleRow
}

type sampleRow struct {
	Expected, Bin, Where string
	Cells                []shown
}

// wholeJSON is a whole image for the page's script.
type wholeJSON struct {
	Section        string `json:"section"`
	Item           string `json:"item"`
	Token          string `json:"token"`
	Original       string `json:"original"`
	Reconstruction string `json:"reconstruction"`
	Heat           string `json:"heat,omitempty"`
}

// pictures turns cases into what is shown.
type pictures struct {
	v     *view.View
	album *album
}

func (p pictures) show(c view.Case) shown {
	spec, _ := p.v.Metric(c.Metric)
	t, ok := p.v.Token(c.Tokenizer)
	if !ok {
		t = view.Token{Name: c.Tokenizer}
	}
	out := shown{
		Token: toToken(t), Section: p.sectionTitle(c),
		Original: p.album.url(c.Run, c.Original), Reconstruction: p.album.url(c.Run, c.Reconstruction),
		Damaged:  p.album.url(c.Run, c.Damaged),
		Expected: c.Expected, GotText: c.Got, GotOriginal: c.GotOriginal, GotDamaged: c.GotDamaged, Bin: c.Bin, Exact: c.Got == c.Expected,
		Where: c.Item,
		Alt:   strings.TrimSpace(fmt.Sprintf("%s after %s", c.Expected, c.Tokenizer)),
	}
	if c.Instance != "" {
		out.Where += ", " + c.Instance
	}
	if c.Value != nil {
		out.Value = spec.Title + " " + format.For(spec).With(float64(*c.Value))
		if out.bad = float64(*c.Value); spec.Better == metrics.Lower {
			out.bad = -out.bad
		}
	}
	if c.Expected != "" || c.Got != "" {
		out.Got = diff(c.Expected, c.Got)
	}
	out.Search = strings.ToLower(strings.Join([]string{c.Expected, c.Got, c.Item, c.Instance, c.Bin}, " "))
	return out
}

func (p pictures) sectionTitle(c view.Case) string {
	cond, ok := p.v.Condition(c.Condition)
	if !ok {
		cond = view.Condition{Key: c.Condition}
		if parsed, err := suite.ParseCondition(c.Condition); err == nil {
			cond.Condition = parsed
		}
	}
	s := view.Section{Condition: cond}
	for _, d := range p.v.Datasets {
		if d.Name == c.Dataset {
			s.Dataset = d
		}
	}
	return p.v.Title(s)
}

// of lists the cases of a kind in the order of the page's conditions, then worst
// first.
func (p pictures) of(why string) []view.Case {
	place := map[string]int{}
	for i, c := range p.v.Conditions {
		place[c.Key] = i
	}
	var out []view.Case
	for _, c := range p.v.Cases {
		if c.Why == why {
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b view.Case) int { return cmp.Compare(place[a.Condition], place[b.Condition]) })
	return out
}

// worst are the worst cases, worst first; left counts those that the page has no
// room for. Room is shared: every tokenizer under every condition gets as many.
func (p pictures) worst() (out []shown, left int) {
	groups := map[[2]string][]view.Case{}
	var order [][2]string
	all := p.of(record.WhyWorst)
	for _, c := range all {
		k := [2]string{c.Tokenizer, c.Condition}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], c)
	}
	each := len(all)
	for each > 1 {
		total := 0
		for _, g := range groups {
			total += min(len(g), each)
		}
		if total <= maxWorst {
			break
		}
		each = min(each, 32) - 1
	}
	for _, k := range order {
		g := groups[k]
		for _, c := range g[:min(len(g), each)] {
			out = append(out, p.show(c))
		}
	}
	slices.SortStableFunc(out, func(a, b shown) int {
		switch an, bn := math.IsNaN(a.bad), math.IsNaN(b.bad); {
		case an != bn && an:
			return 1
		case an != bn:
			return -1
		case an:
			return 0
		}
		return cmp.Compare(a.bad, b.bad)
	})
	return out, len(all) - len(out)
}

// samples are tables of instances by tokenizers. Where there are too many, those
// of undamaged conditions stay.
func (p pictures) samples() (out []sampleTable, left int) {
	type key struct{ section, dataset, item, instance, condition string }
	all := p.of(record.WhySample)
	if len(all) > maxSamples {
		clean := slices.DeleteFunc(slices.Clone(all), func(c view.Case) bool {
			cond, ok := p.v.Condition(c.Condition)
			return ok && cond.Corruption != ""
		})
		clean = clean[:min(len(clean), maxSamples)]
		left, all = len(all)-len(clean), clean
	}
	var keys []key
	cases := map[key]map[string]view.Case{}
	for _, c := range all {
		k := key{p.sectionTitle(c), c.Dataset, c.Item, c.Instance, c.Condition}
		if cases[k] == nil {
			cases[k] = map[string]view.Case{}
			keys = append(keys, k)
		}
		cases[k][c.Tokenizer] = c
	}
	for _, k := range keys {
		if len(cases[k]) < 2 {
			continue // read by the original only: nothing to compare
		}
		i := slices.IndexFunc(out, func(t sampleTable) bool { return t.Section == k.section })
		if i < 0 {
			t := sampleTable{Section: k.section}
			for _, tok := range p.v.Tokens {
				t.Tokens = append(t.Tokens, toToken(tok))
			}
			out, i = append(out, t), len(out)
		}
		row := sampleRow{}
		for _, t := range p.v.Tokens {
			c, ok := cases[k][t.Name]
			if !ok {
				row.Cells = append(row.Cells, shown{Token: toToken(t)})
				continue
			}
			s := p.show(c)
			row.Expected, row.Bin, row.Where = s.Expected, s.Bin, s.Where
			row.Cells = append(row.Cells, s)
		}
		out[i].Rows = append(out[i].Rows, row)
	}
	for i := range out {
		slices.SortStableFunc(out[i].Rows, func(a, b sampleRow) int {
			return slices.Index(p.v.Bins, a.Bin) - slices.Index(p.v.Bins, b.Bin)
		})
	}
	return out, left
}

func (p pictures) wholes() []wholeJSON {
	var out []wholeJSON
	for _, c := range p.of(record.WhyImage) {
		w := wholeJSON{
			Section: p.sectionTitle(c), Item: c.Item, Token: c.Tokenizer,
			Original: string(p.album.url(c.Run, c.Original)), Reconstruction: string(p.album.url(c.Run, c.Reconstruction)),
			Heat: string(p.album.url(c.Run, c.Heat)),
		}
		if w.Original != "" && w.Reconstruction != "" {
			out = append(out, w)
		}
	}
	return out
}
