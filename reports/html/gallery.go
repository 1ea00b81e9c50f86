package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/view"
)

// galleryIndex is what the page's script needs to know before any item.
type galleryIndex struct {
	Tokens     []exploreToken     `json:"tokens"`
	Metrics    []galleryMetric    `json:"metrics"`
	Maps       []string           `json:"maps"` // titles
	Datasets   []string           `json:"datasets"`
	Conditions []galleryCondition `json:"conditions"`
	Bins       []string           `json:"bins"`
	Bound      int                `json:"bound"` // the tokenizer that losses are against, -1 for none
	First      int                `json:"first"` // the tokenizer that is shown first: the best that lost anything
	Sort       string             `json:"sort"`  // id of the metric that sorts at first
	Total      int                `json:"total"`
	Pictured   int                `json:"pictured"`
	Left       int                `json:"left,omitempty"`
	Parts      []string           `json:"parts,omitempty"` // scripts with the items; without, they are on the page
}

type galleryMetric struct {
	exploreMetric
	ID   string `json:"id"`
	Up   int    `json:"up"`             // 1 where higher is better, −1 where lower is, else 0
	Mean bool   `json:"mean,omitempty"` // an image has the mean of its instances
}

type galleryCondition struct {
	Title   string `json:"title"`
	Section string `json:"section"` // of the results, "" under damage
}

// partItems is how many items a script beside the page has; inPage is how many may stand
// on the page itself.
const (
	partItems = 1000
	inPage    = 400
)

// encodedGallery is a gallery for the page's script.
type encodedGallery struct {
	index galleryIndex
	parts [][]byte // JSON lists of items
}

// place numbers texts in the order of their first use.
type place struct {
	of   map[string]int
	list []string
}

func (p *place) at(s string) int {
	if i, ok := p.of[s]; ok {
		return i
	}
	if p.of == nil {
		p.of = map[string]int{}
	}
	p.of[s] = len(p.list)
	p.list = append(p.list, s)
	return len(p.list) - 1
}

// graded is the first headline metric of quality that has more than right and wrong of single
// items, "" for none.
func graded(v *view.View) string {
	for _, id := range v.Headline {
		if m, _ := v.Metric(id); m.Role == metrics.RoleQuality && !m.Binary && m.Scope != metrics.PerTrack && m.Scope != metrics.PerClip {
			return id
		}
	}
	return ""
}

func encodeGallery(v *view.View, g *gallery.Gallery, a *album) (encodedGallery, error) {
	out := encodedGallery{index: galleryIndex{Tokens: newExploreTokens(v), Bound: -1, First: -1, Sort: graded(v), Total: len(g.Items), Left: g.Left, Bins: []string{}, Maps: []string{}}}
	x := &out.index
	for _, m := range g.Metrics {
		gm := galleryMetric{exploreMetric: newExploreMetric(m), ID: m.ID, Mean: m.Scope == metrics.PerInstance}
		switch m.Better {
		case metrics.Higher:
			gm.Up = 1
		case metrics.Lower:
			gm.Up = -1
		}
		x.Metrics = append(x.Metrics, gm)
	}
	for _, m := range g.Maps {
		x.Maps = append(x.Maps, m.Title)
	}
	if s := v.Sections(); len(s) > 0 && len(v.Headline) > 0 {
		grid := v.Grid(s[0].Dataset.Name, s[0].Condition.Key, v.Headline[0])
		x.Bound = slices.IndexFunc(v.Tokens, func(t view.Token) bool { return t.Name == grid.Bound })
		for _, r := range grid.Contestants() { // the best that lost anything
			t := slices.IndexFunc(v.Tokens, func(t view.Token) bool { return t.Name == r.Token.Name })
			if x.First < 0 {
				x.First = t
			}
			if slices.ContainsFunc(g.Items, func(it *gallery.Item) bool {
				return it.Worst && slices.ContainsFunc(it.Shown, func(s gallery.Shown) bool { return s.Token == t })
			}) {
				x.First = t
				break
			}
		}
	}
	var sets, conditions, bins place
	type section struct{ dataset, condition string }
	places := map[section]int{}
	var part []any
	flush := func() error {
		if len(part) == 0 {
			return nil
		}
		b, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("writing the items of the page: %w", err)
		}
		out.parts = append(out.parts, b)
		part = nil
		return nil
	}
	for _, it := range g.Items {
		at := section{it.Dataset, it.Condition}
		c, ok := places[at]
		if !ok {
			c = conditions.at(it.Dataset + "\x00" + it.Condition)
			places[at] = c
			x.Conditions = append(x.Conditions, newGalleryCondition(v, it))
		}
		bin := -1
		if it.Bin != "" {
			bin = bins.at(format.Text(it.Bin))
		}
		part = append(part, encodeItem(it, c, sets.at(format.Text(it.Dataset)), bin, g, a))
		if it.Original != "" {
			x.Pictured++
		}
		if len(part) == partItems {
			if err := flush(); err != nil {
				return out, err
			}
		}
	}
	x.Datasets = sets.list
	x.Bins = append(x.Bins, bins.list...)
	return out, flush()
}

func newGalleryCondition(v *view.View, it *gallery.Item) galleryCondition {
	out := galleryCondition{Title: format.Text(it.Condition)}
	for i, s := range v.Sections() {
		if s.Dataset.Name == it.Dataset && s.Condition.Key == it.Condition {
			out.Section = "s" + strconv.Itoa(i)
		}
	}
	for _, d := range v.Datasets {
		if cond, ok := v.Condition(it.Condition); ok && d.Name == it.Dataset {
			out.Title = format.Text(v.Title(view.Section{Dataset: d, Condition: cond}))
		}
	}
	return out
}

// encodeItem is an item as the script wants it: a list, since names would take most of
// the page. gallery.js says which place is what.
func encodeItem(it *gallery.Item, cond, set, bin int, g *gallery.Gallery, a *album) []any {
	flags := 0
	if it.Worst {
		flags |= 1
	}
	if it.Sample {
		flags |= 2
	}
	shown := make([]any, 0, len(it.Shown))
	for _, s := range it.Shown {
		maps := make([]any, 0, len(g.Maps))
		for _, m := range g.Maps {
			maps = append(maps, string(a.url(s.Run, s.Maps[m.ID])))
		}
		if len(s.Maps) == 0 {
			maps = nil
		}
		shown = append(shown, []any{s.Token, string(a.url(s.Run, s.Reconstruction)), format.Text(s.Read), string(a.url(s.Run, s.Damaged)), format.Text(s.ReadDamaged), maps})
	}
	values := make([]any, 0, len(it.Values))
	for _, v := range it.Values {
		if v == nil {
			values = append(values, 0)
			continue
		}
		row := make([]any, len(v))
		for i, f := range v {
			switch {
			case math.IsInf(f, 1):
				row[i] = json.RawMessage("1e999") // infinite in a script
			case math.IsInf(f, -1):
				row[i] = json.RawMessage("-1e999")
			default:
				row[i] = number(f)
			}
		}
		values = append(values, row)
	}
	var boxes any = 0
	if b := it.Boxes; b != nil {
		list := make([]any, 0, len(b.List))
		for _, box := range b.List {
			found := []any{}
			for _, f := range b.Found[box.ID] {
				found = append(found, []any{f.Token, format.Text(f.Read), number(f.Value)})
			}
			list = append(list, []any{format.Text(box.ID), format.Text(box.Label), box.X, box.Y, box.W, box.H, found})
		}
		boxes = []any{b.W, b.H, b.Metric, list}
	}
	return []any{
		set, cond, format.Text(it.Name), format.Text(it.Instance), bin, format.Text(it.Label), flags,
		string(a.url(it.Run, it.Original)), format.Text(it.ReadOriginal), shown, values, boxes,
	}
}

// all is one JSON list of all items.
func (e encodedGallery) all() template.JS {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, part := range e.parts {
		if i > 0 && b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(part[1 : len(part)-1])
	}
	b.WriteByte(']')
	return template.JS(b.String()) //nolint:gosec // JSON, in which < is escaped
}
