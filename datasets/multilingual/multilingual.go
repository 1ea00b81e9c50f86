// Package multilingual renders pages in seven scripts with exact labels: Chinese,
// Japanese, Korean, Hindi, Arabic, Russian, and Latin with diacritics.
//
// Its opinion: a script is drawn as its readers expect it, or not at all. Shaping is
// HarfBuzz's, Arabic runs from right to left, Devanagari has its conjuncts; the texts are
// sentences, of our own making; and labels are in NFC, in the order in which they are
// read.
//
//	set, err := multilingual.New(multilingual.Options{}) // *missing.Error without the fonts
//	item, err := set.Load(ctx, 0)
//
// The fonts are those of Debian and Ubuntu (make deps-multilingual); their digests are
// part of the set's.
package multilingual

import (
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/internal/typeset"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/pix"
)

// Version of the set: it rises when the same seed and fonts yield other pixels or labels.
const Version = 1

// ID of the set with default options.
const ID = "multilingual-default"

// DefaultSeed is the seed of multilingual-default.
const DefaultSeed = 20251128

// DefaultImages is the size of the whole set: twenty pages a script.
const DefaultImages = 20 * 7

// Side is the width and height of every image.
const Side = 512

// Mend is the command that installs the fonts.
const Mend = "make deps-multilingual"

// A script is a way of writing, its texts and its fonts.
type script struct {
	tag    string
	rtl    bool
	spaced bool // words are parted by spaces
	fonts  []fontFile
}

// fontFile is where distributions keep a font, below fontDirs.
type fontFile struct{ path, pack, licence string }

// fontDirs are the folders of fonts.
var fontDirs = []string{"/usr/share/fonts", "/usr/local/share/fonts"}

const (
	noto  = "fonts-noto-core"
	nanum = "fonts-nanum"
	ipa   = "fonts-ipafont-gothic"
	wqy   = "fonts-wqy-microhei"
	ofl   = "OFL-1.1"
)

// scripts take turns.
var scripts = []script{
	{"zh", false, false, []fontFile{{"truetype/wqy/wqy-microhei.ttc", wqy, "Apache-2.0"}}},
	{"ja", false, false, []fontFile{{"opentype/ipafont-gothic/ipag.ttf", ipa, "IPA"}}},
	{"ko", false, true, []fontFile{{"truetype/nanum/NanumGothic.ttf", nanum, ofl}, {"truetype/nanum/NanumMyeongjo.ttf", nanum, ofl}}},
	{"hi", false, true, []fontFile{{"truetype/noto/NotoSansDevanagari-Regular.ttf", noto, ofl}, {"truetype/noto/NotoSerifDevanagari-Regular.ttf", noto, ofl}}},
	{"ar", true, true, []fontFile{{"truetype/noto/NotoNaskhArabic-Regular.ttf", noto, ofl}, {"truetype/noto/NotoSansArabic-Regular.ttf", noto, ofl}}},
	{"ru", false, true, []fontFile{{"truetype/noto/NotoSans-Regular.ttf", noto, ofl}, {"truetype/noto/NotoSerif-Regular.ttf", noto, ofl}}},
	{"latin", false, true, []fontFile{{"truetype/noto/NotoSerif-Regular.ttf", noto, ofl}, {"truetype/noto/NotoSans-Regular.ttf", noto, ofl}}},
}

// Scripts lists the tags of the scripts, in the order in which they take turns.
func Scripts() []string {
	var out []string
	for _, s := range scripts {
		out = append(out, s.tag)
	}
	return out
}

// sizes are those of the letters, in pixels an em.
var sizes = []float64{20, 28, 24, 34}

// enough is how many characters a page has at most.
const enough = 150

const margin = 28

//go:embed texts/*.txt
var textFiles embed.FS

// Options choose a set.
type Options struct {
	Seed   uint64 // 0 is DefaultSeed
	Images int    // 0 is DefaultImages
}

// Set is the rendered set. It holds no images: each is drawn when loaded.
type Set struct {
	seed  uint64
	fonts map[string]*typeset.Font // by path
	texts map[string][]string      // by tag
	ids   []string
	info  datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Stratum = (*Set)(nil)
)

// New reads the fonts and returns the set for the options.
func New(o Options) (*Set, error) {
	o.Seed = cmp.Or(o.Seed, DefaultSeed)
	o.Images = cmp.Or(o.Images, DefaultImages)
	if o.Images < 0 || o.Images > 100_000 {
		return nil, fmt.Errorf("rendered scripts, %d images: want 1 to 100000", o.Images)
	}
	s := &Set{seed: o.Seed, fonts: map[string]*typeset.Font{}, texts: map[string][]string{}, ids: make([]string, o.Images)}
	h := sha256.New()
	fmt.Fprintf(h, "%s version %d seed %d images %d side %d sizes %v enough %d\n", ID, Version, o.Seed, o.Images, Side, sizes, enough)
	for _, sc := range scripts {
		b, err := textFiles.ReadFile("texts/" + sc.tag + ".txt")
		if err != nil {
			return nil, fmt.Errorf("reading the embedded texts: %w", err)
		}
		fmt.Fprintf(h, "text %s %x\n", sc.tag, sha256.Sum256(b))
		s.texts[sc.tag] = strings.Split(strings.TrimSpace(norm.NFC.String(string(b))), "\n")
		for _, f := range sc.fonts {
			if s.fonts[f.path] != nil {
				continue
			}
			file, err := f.read()
			if err != nil {
				return nil, err
			}
			if s.fonts[f.path], err = typeset.Parse(filepath.Base(f.path), file, 0); err != nil {
				return nil, err
			}
			fmt.Fprintf(h, "font %s %x\n", f.path, sha256.Sum256(file))
		}
	}
	for i := range s.ids {
		s.ids[i] = fmt.Sprintf("%s/%03d", scripts[i%len(scripts)].tag, i)
	}
	s.info = datasets.Info{
		ID: ID, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:   fmt.Sprintf("Rendered pages in %d scripts, %d images of %d×%d", len(scripts), o.Images, Side, Side),
		Source:  fmt.Sprintf("generated, seed %d", o.Seed),
		Licence: "Apache-2.0",
	}
	return s, nil
}

// maxFont bounds the size of a font file; the largest here has 5 MB.
const maxFont = 128 << 20

// read finds and reads the file.
func (f fontFile) read() ([]byte, error) {
	for _, dir := range fontDirs {
		name := filepath.Join(dir, filepath.FromSlash(f.path))
		if _, err := os.Stat(name); err != nil {
			continue
		}
		return files.Read(name, maxFont)
	}
	return nil, &missing.Error{What: "the font " + filepath.Base(f.path), Mend: Mend + ", or apt-get install " + f.pack}
}

// Info implements [datasets.Dataset].
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements [datasets.Dataset]: SCRIPT/NUMBER. The scripts take turns.
func (s *Set) IDs() []string { return s.ids }

// DefaultItems implements [datasets.Stratum]: three pages of every script.
func (s *Set) DefaultItems() int { return min(3*len(scripts), len(s.ids)) }

// Load draws item i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("rendered scripts have no item %d: there are %d", i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	it, err := s.draw(i)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("rendering %s: %w", s.ids[i], err)
	}
	return it, nil
}

func (s *Set) draw(i int) (datasets.Item, error) {
	sc, round := scripts[i%len(scripts)], i/len(scripts)
	rng := dice.New(s.seed, uint64(i))
	font := s.fonts[sc.fonts[round%len(sc.fonts)].path]
	em := sizes[round%len(sizes)]
	ink := dice.Pick(rng, []typeset.Color{{R: 10, G: 10, B: 12}, {R: 40, G: 20, B: 20}, {R: 15, G: 30, B: 70}, {R: 245, G: 245, B: 240}})
	paper := dice.Pick(rng, []typeset.Color{{R: 255, G: 255, B: 255}, {R: 250, G: 245, B: 230}, {R: 236, G: 240, B: 244}})
	if ink.R > 200 {
		paper = dice.Pick(rng, []typeset.Color{{R: 30, G: 34, B: 44}, {R: 60, G: 30, B: 35}, {R: 20, G: 60, B: 50}})
	}
	it := datasets.Item{ID: s.ids[i], Image: pix.New(Side, Side)}
	for p := 0; p < len(it.Image.Pix); p += 3 {
		it.Image.Pix[p], it.Image.Pix[p+1], it.Image.Pix[p+2] = paper.R, paper.G, paper.B
	}
	texts := append([]string{}, s.texts[sc.tag]...)
	dice.Shuffle(rng, texts)
	y := margin + em*1.1
	pitch := math.Round(em * 1.75)
	chars := 0
	for n := 0; n < len(texts) && chars < enough; n++ {
		lines, err := wrap(font, sc, texts[n], em)
		if err != nil {
			return it, err
		}
		for _, l := range lines {
			if y+em*.5 > Side-margin {
				return it, nil
			}
			x := float64(margin)
			if sc.rtl {
				x = Side - margin - float64(l.Advance*em)
			}
			box := l.Draw(it.Image, x, y, em, ink)
			it.Instances = append(it.Instances, datasets.Instance{
				ID: fmt.Sprintf("%03d", len(it.Instances)), Box: box, Text: l.Text,
				Tags: []string{sc.tag, fmt.Sprintf("%gpx", em)},
			})
			chars += utf8.RuneCountInString(l.Text)
			y += pitch
		}
		y += math.Round(em * .35)
	}
	return it, nil
}

// wrap breaks a text into lines: at spaces, or where a script has none, anywhere but
// before punctuation.
func wrap(f *typeset.Font, sc script, text string, em float64) ([]typeset.Line, error) {
	const room = Side - 2*margin
	units := strings.SplitAfter(text, " ")
	if !sc.spaced {
		units = nil
		for _, r := range text {
			if n := len(units); n > 0 && strings.ContainsRune("。，、？！", r) {
				units[n-1] += string(r)
				continue
			}
			units = append(units, string(r))
		}
	}
	var out []typeset.Line
	for len(units) > 0 {
		var best typeset.Line
		used := 0
		for n := 1; n <= len(units); n++ {
			l, err := f.Set(strings.TrimSpace(strings.Join(units[:n], "")))
			if err != nil {
				return nil, err
			}
			if used > 0 && float64(l.Advance*em) > room {
				break
			}
			best, used = l, n
		}
		out, units = append(out, best), units[used:]
	}
	return out, nil
}
