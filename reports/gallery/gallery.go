// Package gallery gathers what a page shows of single items: pictures that runs kept, what
// was read in them, and the values of every item, from records and cases.
//
// Its opinion: whoever judges a tokenizer looks at single images, so every item of a run
// is listed with its values, whether a picture of it was kept or not. Where a metric has
// values by word or face, an image has their mean; nothing else is computed.
package gallery

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/view"
)

// MaxItems bounds what a page lists; items of which a picture was kept come first.
const MaxItems = 50_000

// A Gallery is all items of a page.
type Gallery struct {
	Metrics []metrics.Spec // with values of single items, in the order of the page
	Maps    []record.Map   // metrics that drew maps
	Items   []*Item
	Left    int // items beyond MaxItems
	Tracks  []*Track
}

// A Track is a thing that is followed through a clip, and what a metric of tracks says of it.
type Track struct {
	Dataset, Clip, Instance, Condition, Metric string
	Values                                     []float64 // by tokenizer, as in view.View.Tokens; NaN where there is none
}

// An Item is an image, or an instance of one of which a picture was kept, under one
// condition.
type Item struct {
	Dataset, Name, Instance, Condition string
	Bin, Label                         string
	Clip                               string // of which it is a frame, "" for none
	Frame                              int    // its place in the clip, from 0
	Run                                int    // whose picture Original is
	Original, ReadOriginal             string
	Worst, Sample                      bool
	Shown                              []Shown // by tokenizer, in the order of the page
	// Values are by metric and tokenizer, as they are in Gallery.Metrics and
	// view.View.Tokens; NaN where there is none.
	Values [][]float64
	Boxes  *Boxes
}

// Shown is what one tokenizer made of an item; paths are relative to the run's directory.
type Shown struct {
	Token, Run              int
	Reconstruction, Damaged string
	Read, ReadDamaged       string
	Maps                    map[string]string
}

// Boxes are the instances of a whole image, and what became of them.
type Boxes struct {
	record.Boxes
	Metric int // of Found.Value, in Gallery.Metrics; -1 for none
	Found  map[string][]Found
}

// Found is what a tokenizer left of an instance.
type Found struct {
	Token int
	Read  string
	Value float64
	Right float64 // the first metric that only knows right and wrong: 1, 0; NaN where it has no value
}

type key struct{ dataset, item, instance, condition string }

// builder gathers items.
type builder struct {
	v       *view.View
	g       *Gallery
	items   map[key]*Item
	sums    map[*Item]map[int][]sum // means over instances: by metric, by tokenizer
	metric  map[string]int
	own     []map[string]int // by run: tokenizers by their own names
	shownBy map[string]int   // by data set: the metric of an instance's box
	right   int              // the metric of Found.Right, -1 for none
	films   map[string]*frames
	tracks  map[trackKey]*Track
}

type trackKey struct{ dataset, clip, instance, condition, metric string }

// frames finds which frame of which clip an item is: items come in the order of the plan,
// and all frames of a clip one after the other. One that could not be loaded does not say
// whose frame it is.
type frames struct {
	clips []record.ClipEntry
	of    map[string]int // clips by their names
	clip  int            // the one that the last item is of, -1 for none
	frame int
	lost  int // items before the first of the next clip that says so
	last  string
}

func newFrames(clips []record.ClipEntry) *frames {
	f := &frames{clips: clips, of: map[string]int{}, clip: -1}
	for i, c := range clips {
		f.of[c.ID] = i
	}
	return f
}

// next is the clip of which the item of a record is a frame, "" for none, and which.
func (f *frames) next(r *record.Record) (clip string, frame int) {
	if r.Item != f.last {
		f.last = r.Item
		i, known := f.of[r.Cluster]
		switch {
		case known && i == f.clip:
			f.frame++
		case known:
			f.clip, f.frame, f.lost = i, f.lost, 0
		case r.Cluster != "":
			f.clip = -1
		case f.clip >= 0 && f.frame+1 < f.clips[f.clip].Frames:
			f.frame++
		default:
			f.clip, f.lost = -1, f.lost+1
		}
	}
	if f.clip < 0 {
		return "", 0
	}
	return f.clips[f.clip].ID, f.frame
}

type sum struct{ v, n float64 }

// Of gathers the items of a page. A directory without records (an import, a test) has
// what its cases tell.
func Of(v *view.View) (*Gallery, error) {
	b := &builder{v: v, g: &Gallery{}, items: map[key]*Item{}, sums: map[*Item]map[int][]sum{}, metric: map[string]int{}, shownBy: map[string]int{}, right: -1, tracks: map[trackKey]*Track{}}
	for _, m := range v.Metrics {
		if m.Scope == metrics.PerImage || m.Scope == metrics.PerInstance || m.Scope == metrics.PerStep {
			if m.Scope == metrics.PerInstance && m.Binary && b.right < 0 {
				b.right = len(b.g.Metrics)
			}
			b.metric[m.ID] = len(b.g.Metrics)
			b.g.Metrics = append(b.g.Metrics, m)
		}
	}
	for i := range v.Runs {
		own := map[string]int{}
		for k, t := range v.Tokens {
			if t.Run == i {
				own[t.Own] = k
			}
		}
		b.own = append(b.own, own)
	}
	for _, c := range v.Cases {
		b.addCase(c)
	}
	for i, r := range v.Runs {
		if err := b.records(i, r.Dir); err != nil {
			return nil, err
		}
		if err := b.boxes(i, r.Dir); err != nil {
			return nil, err
		}
	}
	b.finish()
	return b.g, nil
}

func (b *builder) item(k key) *Item {
	it, ok := b.items[k]
	if !ok {
		it = &Item{Dataset: k.dataset, Name: k.item, Instance: k.instance, Condition: k.condition}
		b.items[k] = it
		b.g.Items = append(b.g.Items, it)
	}
	return it
}

func (b *builder) addCase(c view.Case) {
	t := slices.IndexFunc(b.v.Tokens, func(t view.Token) bool { return t.Name == c.Tokenizer })
	if t < 0 {
		return
	}
	it := b.item(key{c.Dataset, c.Item, c.Instance, c.Condition})
	if it.Original == "" {
		it.Run, it.Original = c.Run, c.Original
	}
	it.Bin, it.Label, it.ReadOriginal = cmp.Or(it.Bin, c.Bin), cmp.Or(it.Label, c.Expected), cmp.Or(it.ReadOriginal, c.GotOriginal)
	it.Worst = it.Worst || c.Why == record.WhyWorst
	it.Sample = it.Sample || c.Why == record.WhySample
	at := slices.IndexFunc(it.Shown, func(s Shown) bool { return s.Token == t })
	if at < 0 {
		it.Shown = append(it.Shown, Shown{Token: t, Run: c.Run})
		at = len(it.Shown) - 1
	}
	s := &it.Shown[at]
	if c.Why == record.WhyImage || s.Reconstruction == "" { // the whole picture, at its size
		s.Reconstruction = c.Reconstruction
		if c.Why == record.WhyImage {
			it.Run, it.Original = c.Run, c.Original
		}
	}
	s.Damaged, s.Read, s.ReadDamaged = cmp.Or(s.Damaged, c.Damaged), cmp.Or(s.Read, c.Got), cmp.Or(s.ReadDamaged, c.GotDamaged)
	if len(c.Maps) > 0 {
		s.Maps = c.Maps
	}
	if c.Heat != "" { // of a run before there were several
		s.Maps = map[string]string{"": c.Heat}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Maps)) {
		if !slices.ContainsFunc(b.g.Maps, func(m record.Map) bool { return m.ID == id }) {
			b.g.Maps = append(b.g.Maps, b.titled(c.Run, id))
		}
	}
	if m, ok := b.metric[c.Metric]; ok && c.Value != nil {
		b.set(it, m, t, float64(*c.Value))
	}
}

// titled is a map with its title, as its run knows it.
func (b *builder) titled(run int, id string) record.Map {
	for _, m := range b.v.Runs[run].Manifest.Maps {
		if m.ID == id {
			return m
		}
	}
	if m, ok := b.v.Metric(id); ok {
		return record.Map{ID: id, Title: m.Title}
	}
	return record.Map{ID: id, Title: cmp.Or(id, "damage")}
}

func (b *builder) set(it *Item, m, t int, v float64) {
	if it.Values == nil {
		it.Values = make([][]float64, len(b.g.Metrics))
	}
	if it.Values[m] == nil {
		it.Values[m] = make([]float64, len(b.v.Tokens))
		for i := range it.Values[m] {
			it.Values[m][i] = math.NaN()
		}
	}
	it.Values[m][t] = v
}

// records reads the values of a run: those of whole undamaged images, and those of
// instances that are listed.
func (b *builder) records(run int, dir string) error {
	b.films = map[string]*frames{}
	for _, d := range b.v.Runs[run].Manifest.Datasets {
		if len(d.Clips) > 0 {
			b.films[d.Name] = newFrames(d.Clips)
		}
	}
	for r, err := range record.Records(dir) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing the items of %s: %w", dir, err)
		}
		clip, frame := "", 0
		if f := b.films[r.Dataset]; f != nil {
			clip, frame = f.next(&r)
		}
		t, known := b.own[run][r.Tokenizer]
		if clip != "" && known {
			b.track(&r, clip, t)
		}
		m, shown := b.metric[r.Metric]
		if !known || !shown || strings.Contains(r.Condition, "~") {
			continue
		}
		v, reason := r.Counted()
		if reason != "" && !math.IsInf(v, 0) {
			v = math.NaN()
		}
		if r.Instance != "" {
			if it, ok := b.items[key{r.Dataset, r.Item, r.Instance, r.Condition}]; ok && !math.IsNaN(v) {
				b.set(it, m, t, v)
			}
		}
		if !strings.HasPrefix(r.Condition, "clean") {
			continue
		}
		it := b.item(key{r.Dataset, r.Item, "", r.Condition})
		if clip != "" {
			it.Clip, it.Frame = clip, frame
		}
		if r.Instance == "" {
			if !math.IsNaN(v) {
				b.set(it, m, t, v)
			}
			continue
		}
		b.instance(it, &r, m, t, v)
	}
	return nil
}

// track notes what a metric of tracks says of a thing that is followed through a clip.
func (b *builder) track(r *record.Record, clip string, t int) {
	if spec, ok := b.v.Metric(r.Metric); !ok || spec.Scope != metrics.PerTrack || !strings.HasPrefix(r.Condition, "clean") || strings.Contains(r.Condition, "~") {
		return
	}
	v, reason := r.Counted()
	if reason != "" {
		return
	}
	k := trackKey{r.Dataset, clip, r.Instance, r.Condition, r.Metric}
	track := b.tracks[k]
	if track == nil {
		if len(b.tracks) >= MaxItems {
			return
		}
		track = &Track{Dataset: k.dataset, Clip: clip, Instance: r.Instance, Condition: r.Condition, Metric: r.Metric, Values: make([]float64, len(b.v.Tokens))}
		for i := range track.Values {
			track.Values[i] = math.NaN()
		}
		b.tracks[k] = track
		b.g.Tracks = append(b.g.Tracks, track)
	}
	track.Values[t] = v
}

// instance adds a value of an instance to its image.
func (b *builder) instance(it *Item, r *record.Record, m, t int, v float64) {
	if !math.IsNaN(v) && !math.IsInf(v, 0) {
		if b.sums[it] == nil {
			b.sums[it] = map[int][]sum{}
		}
		if b.sums[it][m] == nil {
			b.sums[it][m] = make([]sum, len(b.v.Tokens))
		}
		n := r.N
		if n == 0 {
			n = 1
		}
		s := &b.sums[it][m][t]
		s.v, s.n = s.v+v*n, s.n+n
	}
	if it.Original == "" {
		return // no picture of the whole: nowhere to draw boxes
	}
	by, ok := b.shownBy[r.Dataset]
	if !ok {
		by = m // the first metric of instances; that of the worst cases where it is one
		for _, d := range b.v.Datasets {
			if w, ok := b.metric[b.v.Suite.WorstOf(d.Spec)]; ok && d.Name == r.Dataset {
				by = w
			}
		}
		b.shownBy[r.Dataset] = by
	}
	if it.Boxes == nil {
		it.Boxes = &Boxes{Metric: -1, Found: map[string][]Found{}}
	}
	found := it.Boxes.Found[r.Instance]
	at := slices.IndexFunc(found, func(f Found) bool { return f.Token == t })
	if at < 0 {
		found = append(found, Found{Token: t, Value: math.NaN(), Right: math.NaN()})
		at = len(found) - 1
	}
	found[at].Read = cmp.Or(found[at].Read, r.Detail)
	if m == b.right {
		found[at].Right = v
	}
	if m == by {
		it.Boxes.Metric, found[at].Value = m, v
	}
	it.Boxes.Found[r.Instance] = found
}

// boxes reads where the instances of whole images are.
func (b *builder) boxes(run int, dir string) error {
	if !slices.ContainsFunc(b.v.Cases, func(c view.Case) bool { return c.Run == run && c.Why == record.WhyImage }) {
		return nil
	}
	for l, err := range record.Codes(dir) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing the items of %s: %w", dir, err)
		}
		if l.Observer != record.BoxesID {
			continue
		}
		it, ok := b.items[key{l.Dataset, l.Item, "", l.Condition}]
		if !ok || it.Original == "" {
			continue
		}
		boxes, err := record.ParseBoxes(l.State)
		if err != nil {
			return fmt.Errorf("listing the items of %s: %s: %w", dir, l.Item, err)
		}
		if it.Boxes == nil {
			it.Boxes = &Boxes{Metric: -1, Found: map[string][]Found{}}
		}
		it.Boxes.Boxes = boxes
	}
	return nil
}

// finish makes means, drops metrics without values, and orders: pictures first.
func (b *builder) finish() {
	for it, byMetric := range b.sums {
		for m, tokens := range byMetric {
			for t, s := range tokens {
				if s.n > 0 {
					b.set(it, m, t, s.v/s.n)
				}
			}
		}
	}
	g := b.g
	slices.SortStableFunc(g.Items, func(x, y *Item) int { return pictured(y) - pictured(x) })
	if len(g.Items) > MaxItems {
		g.Left = len(g.Items) - MaxItems
		g.Items = g.Items[:MaxItems]
	}
	for _, it := range g.Items {
		it.Shown = slices.DeleteFunc(it.Shown, func(s Shown) bool { return s.Reconstruction == "" }) // of which the values are known
		slices.SortFunc(it.Shown, func(x, y Shown) int { return cmp.Compare(x.Token, y.Token) })
		if it.Boxes != nil && len(it.Boxes.List) == 0 {
			it.Boxes = nil // a run that did not say where
		}
	}
	var kept []metrics.Spec
	place := make([]int, len(g.Metrics))
	for m, spec := range g.Metrics {
		place[m] = -1
		if slices.ContainsFunc(g.Items, func(it *Item) bool { return it.Values != nil && it.Values[m] != nil }) {
			place[m] = len(kept)
			kept = append(kept, spec)
		}
	}
	for _, it := range g.Items {
		values := make([][]float64, len(kept))
		for m, v := range it.Values {
			if place[m] >= 0 {
				values[place[m]] = v
			}
		}
		it.Values = values
		if it.Boxes != nil && it.Boxes.Metric >= 0 {
			it.Boxes.Metric = place[it.Boxes.Metric]
		}
	}
	g.Metrics = kept
}

func pictured(it *Item) int {
	if it.Original != "" {
		return 1
	}
	return 0
}
