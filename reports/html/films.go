package html

import (
	"slices"

	"github.com/vtbench/vtbench/reports/film"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/view"
)

// films is the part of a page with films.
type films struct {
	Clips   int // that can be played
	Index   filmIndex
	Figures []figure
}

// filmIndex is what the player needs beside the items of the gallery, which hold the pictures
// and values.
type filmIndex struct {
	Films   []playedFilm `json:"films"`
	Metrics []int        `json:"metrics"` // of the gallery, that are shown over time
	First   int          `json:"first"`   // the tokenizer that is shown first, -1 for the first of a film
}

// playedFilm is a film of which pictures were kept.
type playedFilm struct {
	Title  string  `json:"title"`
	ID     string  `json:"id"` // in the address
	Rate   float64 `json:"rate"`
	Window int     `json:"window"`
	Tokens []int   `json:"tokens"`
	Items  []int   `json:"items"` // by frame: the item of the gallery, -1 for none
}

// defaultRate is how many frames a second are played of a film that does not say it.
const defaultRate = 25

// films fills the part of a page with films.
func (p *page) films(v *view.View, g *gallery.Gallery, o Options) {
	if len(o.Films) == 0 {
		return
	}
	out := &films{Index: filmIndex{Films: []playedFilm{}, Metrics: film.Timed(v, g), First: p.Items.First}, Figures: p.strips}
	place := make(map[*gallery.Item]int, len(g.Items))
	for i, it := range g.Items {
		place[it] = i
	}
	for _, f := range o.Films {
		if len(f.Kept) == 0 {
			continue
		}
		x := playedFilm{Title: format.Text(f.Clip.ID + ", " + v.Title(f.Section)), ID: format.Text(f.Dataset.Name + "/" + f.Clip.ID + "/" + f.Condition.Key), Rate: f.Clip.Rate, Window: f.Window, Tokens: slices.Clone(f.Kept)}
		if !(x.Rate > 0) {
			x.Rate = defaultRate
		}
		for _, it := range f.Frames[:f.Shown] {
			i, ok := place[it]
			if !ok {
				i = -1
			}
			x.Items = append(x.Items, i)
		}
		out.Index.Films = append(out.Index.Films, x)
	}
	out.Clips = len(out.Index.Films)
	p.Films = out
}
