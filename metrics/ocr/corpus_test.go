package ocr

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-fonts/dejavu/dejavuserif"
	"github.com/go-fonts/liberation/liberationsansregular"
	"github.com/go-fonts/liberation/liberationserifregular"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/text"
	"github.com/vtbench/vtbench/pix"
)

// sample is one crop to read, with its label.
type sample struct {
	img   pix.Image
	box   image.Rectangle
	label string
	kind  string // "word": in the dictionary; "other": not
}

// Words that a dictionary knows, and strings of the same shape that none does.
var (
	corpusWords = strings.Fields(`the and for with market Street receipt Total coffee House bridge
		Monday change CLOSED private garden Station kitchen yellow River SALE platform welcome Library
		number cash theatre Office north parking tickets Museum fresh bread island winter quality
		repair service Danger silver window Please beyond harvest ANIMAL history travel`)
	corpusOther = strings.Fields(`tha onf fur-7 wiph mirket Spreet neceipt Tolal coffoe Hauso brilge
		Mondoy chonge CLOZED pnivate gorden Stalion kitchan yollow Rivon SAIE plotform welcame Libnary
		rumber cosh theotre Offica $14.99 2024-05-17 B&B 7,350.00 14:05 #4821 QX7-92B 50% N°12 (3/4)
		info@shop.org A1 www.bahn.de +49/30 1,299 K9-T4`)
	corpusFonts = [][]byte{
		goregular.TTF, gobold.TTF, goitalic.TTF, gomono.TTF, gomediumitalic.TTF,
		liberationserifregular.TTF, liberationsansregular.TTF, dejavuserif.TTF,
	}
)

// corpus draws words of a font size on 1024² pages of varied colours, with noise
// in the background of half of them.
func corpus(t testing.TB, size float64, seed uint64) []sample {
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	var out []sample
	type entry struct{ text, kind string }
	var all []entry
	for i := range corpusWords {
		all = append(all, entry{corpusWords[i], "word"})
	}
	for _, w := range corpusOther {
		all = append(all, entry{w, "other"})
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for page := 0; len(all) > 0; page++ {
		gray := func(lo, hi int) color.Color {
			v := lo + rng.IntN(hi-lo)
			tint := func() uint8 { return uint8(min(max(v+rng.IntN(41)-20, 0), 255)) }
			return color.RGBA{tint(), tint(), tint(), 255}
		}
		paper, ink := gray(190, 250), gray(5, 100)
		if page%3 == 2 {
			paper, ink = ink, paper
		}
		c := newCanvas(1024, 1024, paper)
		from := len(out)
		ttf := corpusFonts[(int(seed)+page)%len(corpusFonts)]
		step := int(size * 1.7)
		var pageSamples []sample
		for y := step / 2; y+step < 1024 && len(all) > 0; y += step {
			for x := step; len(all) > 0; {
				e := all[len(all)-1]
				if x+int(float64(len(e.text))*size*.75) > 1024 {
					break
				}
				box := c.word(t, ttf, size, ink, x, y, e.text)
				pageSamples = append(pageSamples, sample{box: box, label: e.text, kind: e.kind})
				x = box.Max.X + step/2 + rng.IntN(step)
				all = all[:len(all)-1]
			}
			if len(pageSamples) >= 24 { // several pages, so that fonts and colours vary
				break
			}
		}
		img := c.pix()
		if page%2 == 1 {
			for i, v := range img.Pix {
				img.Pix[i] = uint8(min(max(int(v)+int(rng.NormFloat64()*8), 0), 255))
			}
		}
		out = append(out, pageSamples...)
		for i := from; i < len(out); i++ {
			out[i].img = img
		}
	}
	return out
}

// seen returns the samples as a tokenizer without loss but of one resolution
// would leave them; quality > 0 adds JPEG at that resolution.
func seen(t testing.TB, in []sample, side, quality int) []sample {
	var last, lastOut pix.Image
	out := make([]sample, len(in))
	for i, s := range in {
		if !s.img.Same(last) {
			small, place, err := pix.Fit(s.img, side)
			if err != nil {
				t.Fatal(err)
			}
			if quality > 0 {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, small.RGBA(), &jpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				d, err := pix.Decode(&b, pix.Options{})
				if err != nil {
					t.Fatal(err)
				}
				small = d.Image
			}
			last = s.img
			if lastOut, err = place.Restore(small); err != nil {
				t.Fatal(err)
			}
		}
		out[i] = s
		out[i].img = lastOut
	}
	return out
}

// icdar loads the words of the real photographs, don't-care ones left out.
func icdar(t testing.TB) []sample {
	dir := testenv.Data(t, "icdar15-sample")
	files, err := filepath.Glob(filepath.Join(dir, "gt", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no labels in %s: %v", dir, err)
	}
	var out []sample
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "gt_"), ".txt")
		img, err := pix.Load(filepath.Join(dir, "images", name+".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.TrimPrefix(string(b), "\ufeff")) {
			part := strings.SplitN(strings.TrimRight(line, "\r\n"), ",", 9)
			if len(part) < 9 || part[8] == "###" {
				continue
			}
			box := image.Rectangle{Min: image.Pt(1<<20, 1<<20), Max: image.Pt(-1<<20, -1<<20)}
			for i := 0; i < 8; i += 2 {
				x, errX := strconv.Atoi(part[i])
				y, errY := strconv.Atoi(part[i+1])
				if errX != nil || errY != nil {
					t.Fatalf("%s: %q", f, line)
				}
				box.Min = image.Pt(min(box.Min.X, x), min(box.Min.Y, y))
				box.Max = image.Pt(max(box.Max.X, x), max(box.Max.Y, y))
			}
			out = append(out, sample{img: img, box: box, label: part[8], kind: "photo"})
		}
	}
	return out
}

// readAll reads samples with every client of the pool.
func readAll(t testing.TB, p reader, in []sample) []string {
	got := make([]string, len(in))
	var wg sync.WaitGroup
	next := make(chan int)
	for range p.Clients() {
		wg.Go(func() {
			for i := range next {
				var err error
				if got[i], err = p.ReadBox(context.Background(), in[i].img, in[i].box); err != nil {
					t.Errorf("%q: %v", in[i].label, err)
				}
			}
		})
	}
	for i := range in {
		next <- i
	}
	close(next)
	wg.Wait()
	return got
}

// tally is the share read exactly and the mean similarity.
func tally(in []sample, got []string) (exact, ned float64) {
	for i, s := range in {
		if s.label == got[i] {
			exact++
		}
		ned += text.Similarity(s.label, got[i], text.CodePoint)
	}
	n := float64(max(len(in), 1))
	return exact / n, ned / n
}

func boundsOf(m pix.Image) image.Rectangle { return image.Rect(0, 0, m.W, m.H) }
