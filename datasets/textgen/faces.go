package textgen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"sync"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/dejavu/dejavusanscondensed"
	"github.com/go-fonts/dejavu/dejavusanscondensedbold"
	"github.com/go-fonts/dejavu/dejavusansmono"
	"github.com/go-fonts/dejavu/dejavusansmonobold"
	"github.com/go-fonts/dejavu/dejavuserif"
	"github.com/go-fonts/dejavu/dejavuserifbold"
	"github.com/go-fonts/dejavu/dejavuserifcondensedbold"
	"github.com/go-fonts/latin-modern/lmmonoprop10regular"
	"github.com/go-fonts/latin-modern/lmroman10bold"
	"github.com/go-fonts/latin-modern/lmroman10italic"
	"github.com/go-fonts/latin-modern/lmroman10regular"
	"github.com/go-fonts/latin-modern/lmromandunh10regular"
	"github.com/go-fonts/latin-modern/lmsansdemicond10regular"
	"github.com/go-fonts/latin-modern/lmsansquot8bold"
	"github.com/go-fonts/liberation/liberationmonobold"
	"github.com/go-fonts/liberation/liberationmonoregular"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansbolditalic"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/go-fonts/liberation/liberationserifbold"
	"github.com/go-fonts/liberation/liberationserifitalic"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Classes of faces, as they appear among an instance's tags.
const (
	classSans    = "sans"
	classSerif   = "serif"
	classMono    = "mono"
	classDisplay = "display"
)

// A Face is one of the typefaces the set is drawn with.
type Face struct {
	Name    string // "liberation-sans-bold"
	Class   string // "sans", "serif", "mono" or "display"
	Bold    bool
	Italic  bool
	Licence string // SPDX id

	ttf    []byte
	once   sync.Once
	font   *sfnt.Font
	err    error
	glyphs [128]glyph
	kernMu sync.Mutex
	kerns  map[[2]byte]float64
}

// Digest is the hex SHA-256 of the outlines.
func (f *Face) Digest() string {
	sum := sha256.Sum256(f.ttf)
	return hex.EncodeToString(sum[:])
}

// A glyph is an outline in units of the em, y down, flattened to polygons.
type glyph struct {
	index    sfnt.GlyphIndex
	ok       bool
	advance  float64
	contours [][]pt
	box      frect // of the ink
}

// Licences of the faces. All of them allow redistribution and use in rendered
// images. Latin Modern's is the GUST Font License: LPPL-1.3c and a request to
// rename what is modified; DejaVu adds public-domain changes to Bitstream Vera.
const (
	licenceGo         = "BSD-3-Clause"
	licenceLiberation = "OFL-1.1"
	licenceDejaVu     = "Bitstream-Vera"
	licenceGUST       = "LPPL-1.3c"
)

func newFaces() []*Face {
	face := func(name, class, style, licence string, ttf []byte) *Face {
		return &Face{
			Name: name, Class: class, Licence: licence, ttf: ttf,
			Bold: style == "bold" || style == "bold italic", Italic: style == "italic" || style == "bold italic",
		}
	}
	return []*Face{
		face("go-regular", classSans, "", licenceGo, goregular.TTF),
		face("go-medium", classSans, "", licenceGo, gomedium.TTF),
		face("go-bold", classSans, "bold", licenceGo, gobold.TTF),
		face("go-bold-italic", classSans, "bold italic", licenceGo, gobolditalic.TTF),
		face("liberation-sans", classSans, "", licenceLiberation, liberationsansregular.TTF),
		face("liberation-sans-bold", classSans, "bold", licenceLiberation, liberationsansbold.TTF),
		face("liberation-sans-bold-italic", classSans, "bold italic", licenceLiberation, liberationsansbolditalic.TTF),
		face("dejavu-sans", classSans, "", licenceDejaVu, dejavusans.TTF),
		face("dejavu-sans-bold", classSans, "bold", licenceDejaVu, dejavusansbold.TTF),
		face("dejavu-sans-condensed", classSans, "", licenceDejaVu, dejavusanscondensed.TTF),

		face("liberation-serif", classSerif, "", licenceLiberation, liberationserifregular.TTF),
		face("liberation-serif-bold", classSerif, "bold", licenceLiberation, liberationserifbold.TTF),
		face("liberation-serif-italic", classSerif, "italic", licenceLiberation, liberationserifitalic.TTF),
		face("dejavu-serif", classSerif, "", licenceDejaVu, dejavuserif.TTF),
		face("dejavu-serif-bold", classSerif, "bold", licenceDejaVu, dejavuserifbold.TTF),
		face("latin-modern-roman", classSerif, "", licenceGUST, lmroman10regular.TTF),
		face("latin-modern-roman-bold", classSerif, "bold", licenceGUST, lmroman10bold.TTF),
		face("latin-modern-roman-italic", classSerif, "italic", licenceGUST, lmroman10italic.TTF),

		face("go-mono", classMono, "", licenceGo, gomono.TTF),
		face("go-mono-bold", classMono, "bold", licenceGo, gomonobold.TTF),
		face("liberation-mono", classMono, "", licenceLiberation, liberationmonoregular.TTF),
		face("liberation-mono-bold", classMono, "bold", licenceLiberation, liberationmonobold.TTF),
		face("dejavu-sans-mono", classMono, "", licenceDejaVu, dejavusansmono.TTF),
		face("dejavu-sans-mono-bold", classMono, "bold", licenceDejaVu, dejavusansmonobold.TTF),

		face("latin-modern-sans-demi-condensed", classDisplay, "bold", licenceGUST, lmsansdemicond10regular.TTF),
		face("latin-modern-sans-quotation-bold", classDisplay, "bold", licenceGUST, lmsansquot8bold.TTF),
		face("latin-modern-dunhill", classDisplay, "", licenceGUST, lmromandunh10regular.TTF),
		face("latin-modern-mono-proportional", classDisplay, "", licenceGUST, lmmonoprop10regular.TTF),
		face("dejavu-sans-condensed-bold", classDisplay, "bold", licenceDejaVu, dejavusanscondensedbold.TTF),
		face("dejavu-serif-condensed-bold", classDisplay, "bold", licenceDejaVu, dejavuserifcondensedbold.TTF),
	}
}

// faces parses nothing: each face is read when its first glyph is needed.
var faces = sync.OnceValue(newFaces)

// Faces lists the typefaces of the set with their licences.
func Faces() []*Face { return faces() }

var facesByClass = sync.OnceValue(func() map[string][]*Face {
	m := map[string][]*Face{}
	for _, f := range faces() {
		m[f.Class] = append(m[f.Class], f)
	}
	return m
})

func (f *Face) load() error {
	f.once.Do(func() { f.err = f.parse() })
	return f.err
}

func (f *Face) parse() error {
	ft, err := sfnt.Parse(f.ttf)
	if err != nil {
		return fmt.Errorf("parsing face %s: %w", f.Name, err)
	}
	f.font = ft
	var buf sfnt.Buffer
	upm := fixed.I(int(ft.UnitsPerEm()))
	em := float64(upm)
	for c := byte(' '); c < 127; c++ {
		gi, err := ft.GlyphIndex(&buf, rune(c))
		if err != nil || gi == 0 {
			continue
		}
		adv, err := ft.GlyphAdvance(&buf, gi, upm, font.HintingNone)
		if err != nil {
			return fmt.Errorf("face %s, advance of %q: %w", f.Name, c, err)
		}
		segs, err := ft.LoadGlyph(&buf, gi, upm, nil)
		if err != nil {
			return fmt.Errorf("face %s, outline of %q: %w", f.Name, c, err)
		}
		g := glyph{index: gi, ok: true, advance: float64(adv) / em, contours: flatten(segs, em), box: emptyRect()}
		for _, contour := range g.contours {
			for _, p := range contour {
				g.box.add(p)
			}
		}
		f.glyphs[c] = g
	}
	f.kerns = map[[2]byte]float64{}
	return nil
}

// kern returns the pair correction in em.
func (f *Face) kern(a, b byte) float64 {
	if f.Class == classMono {
		return 0
	}
	f.kernMu.Lock()
	defer f.kernMu.Unlock()
	key := [2]byte{a, b}
	if k, ok := f.kerns[key]; ok {
		return k
	}
	var buf sfnt.Buffer
	upm := fixed.I(int(f.font.UnitsPerEm()))
	k, err := f.font.Kern(&buf, f.glyphs[a].index, f.glyphs[b].index, upm, font.HintingNone)
	v := 0.0
	if err == nil { // a face without a kerning table reports that as an error
		v = float64(k) / float64(upm)
	}
	f.kerns[key] = v
	return v
}

// flatten turns curves into chords that stay within flatness em of them.
func flatten(segs sfnt.Segments, em float64) [][]pt {
	const flatness = 1.0 / 2500 // 0.04 pixel in letters of 100 pixels
	var out [][]pt
	var cur []pt
	at := func(p fixed.Point26_6) pt { return pt{float64(p.X) / em, float64(p.Y) / em} }
	for _, s := range segs {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if len(cur) > 2 {
				out = append(out, cur)
			}
			cur = []pt{at(s.Args[0])}
		case sfnt.SegmentOpLineTo:
			cur = append(cur, at(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			a, b, c := cur[len(cur)-1], at(s.Args[0]), at(s.Args[1])
			// A quadratic in n chords deviates by |a−2b+c| / (4n²) at most.
			n := chords(length(a.x-2*b.x+c.x, a.y-2*b.y+c.y)/4, flatness)
			for i := 1; i <= n; i++ {
				t := float64(i) / float64(n)
				u := 1 - t
				cur = append(cur, pt{
					mul(mul(u, u), a.x) + mul(mul(2*u, t), b.x) + mul(mul(t, t), c.x),
					mul(mul(u, u), a.y) + mul(mul(2*u, t), b.y) + mul(mul(t, t), c.y),
				})
			}
		case sfnt.SegmentOpCubeTo:
			a, b, c, d := cur[len(cur)-1], at(s.Args[0]), at(s.Args[1]), at(s.Args[2])
			// A cubic's second derivative is at most 6·(larger second difference), and n
			// chords deviate by 1/8 of that over n².
			dev := max(length(a.x-2*b.x+c.x, a.y-2*b.y+c.y), length(b.x-2*c.x+d.x, b.y-2*c.y+d.y)) * 0.75
			n := chords(dev, flatness)
			for i := 1; i <= n; i++ {
				t := float64(i) / float64(n)
				u := 1 - t
				w0, w1, w2, w3 := mul(mul(u, u), u), mul(mul(3*u, u), t), mul(mul(3*u, t), t), mul(mul(t, t), t)
				cur = append(cur, pt{
					mul(w0, a.x) + mul(w1, b.x) + mul(w2, c.x) + mul(w3, d.x),
					mul(w0, a.y) + mul(w1, b.y) + mul(w2, c.y) + mul(w3, d.y),
				})
			}
		}
	}
	if len(cur) > 2 {
		out = append(out, cur)
	}
	return out
}

// length is math.Hypot without its assembly: see geometry.go.
func length(x, y float64) float64 { return math.Sqrt(mul(x, x) + mul(y, y)) }

func chords(deviation, flatness float64) int {
	return min(max(int(math.Ceil(math.Sqrt(deviation/flatness)-1e-9)), 1), 24)
}

// A run is a string set in a face, in units of the em, baseline at y = 0.
type run struct {
	face *Face
	text string
	at   []float64 // x of each glyph's origin
	ink  frect
}

// set lays out a string; tracking is extra space between letters in em.
func (f *Face) set(text string, tracking float64) (run, error) {
	if err := f.load(); err != nil {
		return run{}, err
	}
	r := run{face: f, text: text, at: make([]float64, len(text)), ink: emptyRect()}
	x := 0.0
	for i := range len(text) {
		c := text[i]
		if c >= 128 || !f.glyphs[c].ok {
			return run{}, fmt.Errorf("face %s has no glyph for %q in %q", f.Name, c, text)
		}
		if i > 0 {
			x += f.kern(text[i-1], c) + tracking
		}
		r.at[i] = x
		if b := f.glyphs[c].box; b.x0 <= b.x1 {
			r.ink.add(pt{b.x0 + x, b.y0})
			r.ink.add(pt{b.x1 + x, b.y1})
		}
		x += f.glyphs[c].advance
	}
	if r.ink.x0 > r.ink.x1 {
		return run{}, fmt.Errorf("face %s: %q has no ink", f.Name, text)
	}
	return r, nil
}

// outline calls add with every contour of the run, mapped by to.
func (r run) outline(to func(pt) pt, add func([]pt)) {
	var buf []pt
	for i := range len(r.text) {
		for _, contour := range r.face.glyphs[r.text[i]].contours {
			buf = buf[:0]
			for _, p := range contour {
				buf = append(buf, to(pt{p.x + r.at[i], p.y}))
			}
			add(buf)
		}
	}
}
