package document

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/dejavu/dejavusansmono"
	"github.com/go-fonts/dejavu/dejavuserif"
	"github.com/go-fonts/latin-modern/lmroman10regular"
	"github.com/go-fonts/liberation/liberationmonoregular"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/internal/typeset"
	"github.com/vtbench/vtbench/pix"
)

// A face is one of the typefaces of the set. They are the ones of the text set, whose
// licences FONTS.md lists there.
type face struct {
	name string
	file []byte
	font func() (*typeset.Font, error)
}

var faces = sync.OnceValue(func() []*face {
	list := []*face{
		{name: "liberation-serif", file: liberationserifregular.TTF},
		{name: "liberation-serif-bold", file: liberationserifbold.TTF},
		{name: "liberation-serif-italic", file: liberationserifitalic.TTF},
		{name: "liberation-sans", file: liberationsansregular.TTF},
		{name: "liberation-sans-bold", file: liberationsansbold.TTF},
		{name: "liberation-mono", file: liberationmonoregular.TTF},
		{name: "dejavu-serif", file: dejavuserif.TTF},
		{name: "dejavu-sans", file: dejavusans.TTF},
		{name: "dejavu-sans-bold", file: dejavusansbold.TTF},
		{name: "dejavu-sans-mono", file: dejavusansmono.TTF},
		{name: "latin-modern-roman", file: lmroman10regular.TTF},
		{name: "go-regular", file: goregular.TTF},
		{name: "go-mono", file: gomono.TTF},
	}
	for _, f := range list {
		f.font = sync.OnceValues(func() (*typeset.Font, error) { return typeset.Parse(f.name, f.file, 0) })
	}
	return list
})

// A page is an image while it is written, with what stands on it.
type page struct {
	dice.Source
	img       pix.Image
	instances []datasets.Instance
	kind      string
	pt        int // size of the running text
	ink       typeset.Color
	paper     typeset.Color
	texts     []string // sentences that were not used yet
	chars     int
	err       error
}

// enough is how many characters a page has at most, so that small print does not cost
// ten times what large print does; a picture fills what is left.
const enough = 750

// margin is the least space around the text of a page, in pixels.
const margin = 34

var whole = image.Rect(0, 0, Side, Side)

// px is the size of an em in pixels.
func px(pt int) float64 { return float64(pt) * resolution / 72 }

// compose draws item i.
func compose(seed uint64, i int) (*page, error) {
	k := kinds[i%len(kinds)]
	p := &page{
		Source: dice.New(seed, uint64(i)), img: pix.New(Side, Side), kind: k.name, pt: points[sizeOf(i)],
		texts: strings.Split(strings.TrimSpace(sentenceFile), "\n"),
	}
	p.ink = dice.Pick(p.Source, []typeset.Color{{R: 15, G: 15, B: 18}, {R: 0, G: 0, B: 0}, {R: 30, G: 33, B: 45}, {R: 45, G: 30, B: 22}})
	p.paper = dice.Pick(p.Source, []typeset.Color{{R: 255, G: 255, B: 255}, {R: 255, G: 255, B: 255}, {R: 252, G: 249, B: 240}, {R: 244, G: 246, B: 249}})
	p.bar(whole, p.paper)
	dice.Shuffle(p.Source, p.texts)
	k.draw(p)
	return p, p.err
}

// bar fills a rectangle.
func (p *page) bar(r image.Rectangle, c typeset.Color) {
	r = r.Intersect(whole)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := p.img.Row(y)[3*r.Min.X : 3*r.Max.X]
		for i := 0; i < len(row); i += 3 {
			row[i], row[i+1], row[i+2] = c.R, c.G, c.B
		}
	}
}

// set shapes a text and keeps the error.
func (p *page) set(name, text string) (typeset.Line, bool) {
	i := slices.IndexFunc(faces(), func(f *face) bool { return f.name == name })
	if i < 0 {
		p.err = fmt.Errorf("there is no face %q", name)
		return typeset.Line{}, false
	}
	f, err := faces()[i].font()
	var l typeset.Line
	if err == nil {
		l, err = f.Set(text)
	}
	if err != nil {
		p.err = err
		return l, false
	}
	return l, true
}

// A style is how a line looks and what it is.
type style struct {
	face string
	pt   int
	what string // tag
	ink  *typeset.Color
}

// put draws a text with its left edge at x and its baseline at y, and labels it. It
// returns where the text ends.
func (p *page) put(s style, text string, x, y float64) float64 {
	l, ok := p.set(s.face, text)
	if !ok {
		return x
	}
	ink := p.ink
	if s.ink != nil {
		ink = *s.ink
	}
	box := l.Draw(p.img, x, y, px(s.pt), ink)
	if box.Dx() < 2 || box.Dy() < 2 {
		p.err = fmt.Errorf("%q lies outside the page", text)
		return x
	}
	tags := []string{p.kind, sizeTag(min(s.pt, points[len(points)-1])), s.what}
	if strings.HasPrefix(s.what, datasets.TagCell) {
		tags = append(tags, datasets.TagCell)
	}
	p.instances = append(p.instances, datasets.Instance{ID: fmt.Sprintf("%03d", len(p.instances)), Box: box, Text: text, Tags: slices.Compact(tags)})
	p.chars += len(text)
	return x + float64(l.Advance*px(s.pt))
}

// width is the advance of a text in pixels.
func (p *page) width(s style, text string) float64 {
	l, ok := p.set(s.face, text)
	if !ok {
		return 0
	}
	return float64(l.Advance * px(s.pt))
}

// leading is the distance of two baselines.
func leading(pt int) float64 { return math.Round(px(pt) * 1.3) }

// fits reports whether a line with its baseline at y is above a foot.
func fits(y, foot float64) bool { return y+3 < foot }

// flow writes words from x0 to x1 below y, line by line, the first one indented, and
// returns the next free baseline. It stops above foot.
func (p *page) flow(s style, text string, x0, x1, y, foot, indent float64) float64 {
	words := strings.Fields(text)
	space := p.width(s, "n n") - p.width(s, "nn")
	var line []string
	at, used := x0+indent, 0.0
	flush := func() bool {
		if len(line) == 0 || p.err != nil || !fits(y, foot) {
			return false
		}
		p.put(s, strings.Join(line, " "), at, y)
		line, used, at = nil, 0, x0
		y += leading(s.pt)
		return true
	}
	for _, w := range words {
		wide := p.width(s, w)
		if used > 0 && at+used+space+wide > x1 {
			if !flush() {
				return y
			}
		}
		if used > 0 {
			used += space
		}
		line, used = append(line, w), used+wide
	}
	flush()
	return y
}

// paragraphs writes paragraphs until the room or the characters end.
func (p *page) paragraphs(s style, x0, x1, y, foot float64, most int) float64 {
	for n := 0; n < most && fits(y, foot) && p.chars < enough && p.err == nil; n++ {
		var text []string
		for range p.Between(2, 4) {
			text = append(text, p.sentence())
		}
		indent := 0.0
		if n > 0 {
			indent = px(s.pt) * 1.2
		}
		y = p.flow(s, strings.Join(text, " "), x0, x1, y, foot, indent)
	}
	return y
}

var months = []string{"January", "March", "April", "June", "July", "September", "October", "December"}

// sentence is one that the page does not have yet.
func (p *page) sentence() string {
	if len(p.texts) == 0 {
		p.texts = strings.Split(strings.TrimSpace(sentenceFile), "\n")
		dice.Shuffle(p.Source, p.texts)
	}
	s := p.texts[0]
	p.texts = p.texts[1:]
	return strings.NewReplacer(
		"{n}", p.thousands(), "{d}", fmt.Sprint(p.Between(3, 29)), "{year}", fmt.Sprint(p.Between(1874, 2024)),
		"{pct}", fmt.Sprintf("%d.%d %%", p.Between(2, 48), p.Between(1, 9)),
		"{date}", fmt.Sprintf("%d %s %d", p.Between(2, 28), dice.Pick(p.Source, months), p.Between(1996, 2025)),
	).Replace(s)
}

func (p *page) thousands() string { return fmt.Sprintf("%d,%03d", p.Between(2, 98), p.N(1000)) }

// picture fills a rectangle with a landscape of smooth shades, without text.
func (p *page) picture(r image.Rectangle) {
	if r.Dx() < 24 || r.Dy() < 24 {
		return
	}
	sky := dice.Pick(p.Source, [][3]int{{150, 185, 215}, {205, 190, 175}, {120, 130, 150}})
	hill := dice.Pick(p.Source, [][3]int{{70, 100, 75}, {110, 90, 60}, {60, 65, 80}})
	peak, width := p.Between(20, 80), p.Between(30, 60)
	for y := range r.Dy() {
		row := p.img.Row(r.Min.Y + y)
		for x := range r.Dx() {
			c, shade := sky, 40*y/r.Dy()
			d := 100*x/r.Dx() - peak
			if d < 0 {
				d = -d
			}
			if top := 35 + min(d, width)*45/width; 100*y/r.Dy() > top {
				c, shade = hill, 30-(100*y/r.Dy()-top)/2
			}
			at := 3 * (r.Min.X + x)
			for k := range 3 {
				row[at+k] = uint8(min(max(c[k]+shade, 0), 255))
			}
		}
	}
}

// rest fills what is left of a page below y with a picture.
func (p *page) rest(y float64) {
	p.picture(image.Rect(margin, int(y)-int(px(p.pt)*.4), Side-margin, Side-margin))
}

// scan makes the page what a flatbed scanner delivers: uneven light, optics that blur,
// noise and dust. Boxes stay.
func (p *page) scan() {
	src := p.img.Clone()
	left, top := p.Between(-14, 14), p.Between(-14, 14)
	for y := range p.img.H {
		row := p.img.Row(y)
		up, here, down := src.Row(max(y-1, 0)), src.Row(y), src.Row(min(y+1, src.H-1))
		for x := range p.img.W {
			l, r := max(x-1, 0), min(x+1, src.W-1)
			light := left*(2*x-p.img.W)/p.img.W + top*(2*y-p.img.H)/p.img.H - 10
			grain := p.Noise(7)
			for c := range 3 {
				sum := 4*int(here[3*x+c]) + 2*(int(up[3*x+c])+int(down[3*x+c])+int(here[3*l+c])+int(here[3*r+c])) +
					int(up[3*l+c]) + int(up[3*r+c]) + int(down[3*l+c]) + int(down[3*r+c])
				v := sum/16 + light + grain>>16
				row[3*x+c] = uint8(min(max(v, 0), 255))
			}
		}
	}
	for range p.Between(10, 25) { // dust
		x, y := p.N(p.img.W-2), p.N(p.img.H-2)
		p.bar(image.Rect(x, y, x+p.Between(1, 2), y+p.Between(1, 2)), typeset.Color{R: 90, G: 85, B: 80})
	}
}
