package html

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// shown is a case as the page shows it.
type shown struct {
	Token          token
	Reconstruction template.URL
	Alt            string
	Expected       string
	Got            []span
	GotText        string
	Value, Bin     string
	Where          string
	Exact          bool
}

// maxSamples bounds the cells of samples on one page; what is beyond is counted there and
// stays in the gallery.
const maxSamples = 4000

type sampleTable struct {
	Section string
	Tokens  []token
	Rows    []sampleRow
}

type sampleRow struct {
	Expected, Bin, Where string
	Cells                []shown
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
		Token: toToken(t), Reconstruction: p.album.url(c.Run, c.Reconstruction),
		Expected: c.Expected, GotText: c.Got, Bin: c.Bin, Exact: c.Got == c.Expected, Where: c.Item,
		Alt: strings.TrimSpace(fmt.Sprintf("%s after %s", c.Expected, c.Tokenizer)),
	}
	if c.Instance != "" {
		out.Where += ", " + c.Instance
	}
	if c.Value != nil {
		out.Value = spec.Title + " " + format.For(spec).With(float64(*c.Value))
	}
	if c.Expected != "" || c.Got != "" {
		out.Got = diff(c.Expected, c.Got)
	}
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
