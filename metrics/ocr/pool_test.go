package ocr

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/pix"
)

func TestReadsRenderedWords(t *testing.T) {
	p := testPool(t, 1)
	for _, tt := range []struct {
		text       string
		font       []byte
		size       float64
		paper, ink color.Color
	}{
		{"Hamburg", goregular.TTF, 40, color.White, color.Black},
		{"receipt", gomono.TTF, 14, color.White, color.Gray{90}},
		{"TOTAL", gobold.TTF, 300, color.White, color.Black},
		{"$14.99", goregular.TTF, 40, color.Black, color.White},
		{"2024-05-17", goregular.TTF, 25, color.RGBA{20, 40, 160, 255}, color.RGBA{250, 240, 180, 255}},
		{"Two words here", goregular.TTF, 40, color.RGBA{180, 30, 30, 255}, color.White},
		{"faint", goregular.TTF, 40, color.Gray{128}, color.Gray{112}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			c := newCanvas(1400, 500, tt.paper)
			box := c.word(t, tt.font, tt.size, tt.ink, 60, 100, tt.text)
			got, err := p.ReadBox(context.Background(), c.pix(), box)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.text {
				t.Errorf("read %q, want %q", got, tt.text)
			}
		})
	}
}

// Grain in the paper once made Tesseract's own contrast normalisation fail on
// words as clear as these.
func TestReadsOnGrainyPaper(t *testing.T) {
	p := testPool(t, 2)
	var in []sample
	for seed := range uint64(4) {
		in = append(in, corpus(t, 40, seed)...)
	}
	if exact, ned := tally(in, readAll(t, p, in)); exact < .95 || ned < .98 {
		t.Errorf("%.1f %% of %d words read exactly, similarity %.3f; want 95 %% and .98", 100*exact, len(in), ned)
	}
}

// Scores must not depend on how many workers there are, which means that a
// client must not learn.
func TestTextDependsOnTheCropAlone(t *testing.T) {
	in := seen(t, corpus(t, 31, 7), 256, 20) // damaged, so that the reader is unsure
	want := readAll(t, testPool(t, 1), in)
	p := testPool(t, 3)
	for _, seed := range []uint64{1, 2} {
		order := rand.New(rand.NewPCG(seed, 0)).Perm(len(in))
		shuffled := make([]sample, len(in))
		for i, o := range order {
			shuffled[i] = in[o]
		}
		read := readAll(t, p, shuffled)
		got := make([]string, len(in))
		for i, o := range order {
			got[o] = read[i]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("in another order by other clients (-one client +three):\n%s", d)
		}
	}
}

// oddCrops are images no text was ever on.
func oddCrops() map[string]pix.Image {
	rng := rand.New(rand.NewPCG(5, 6))
	out := map[string]pix.Image{}
	for _, size := range []image.Point{{1, 1}, {2, 2}, {1, 50}, {50, 1}, {3, 700}, {5000, 20}, {20, 5000}, {64, 48}, {2000, 1500}} {
		for name, at := range map[string]func() uint8{
			"black": func() uint8 { return 0 },
			"white": func() uint8 { return 255 },
			"noise": func() uint8 { return uint8(rng.Uint32()) },
			"faint": func() uint8 { return 100 + uint8(rng.IntN(3)) },
		} {
			m := pix.New(size.X, size.Y)
			for i := range m.Pix {
				m.Pix[i] = at()
			}
			out[fmt.Sprintf("%s %v", name, size)] = m
		}
	}
	return out
}

func TestOddCrops(t *testing.T) {
	p := testPool(t, 2)
	for name, m := range oddCrops() {
		got, err := p.Recognise(context.Background(), m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name[0] != 'n' && got != "" { // not noise
			t.Errorf("%s: read %q where there is nothing", name, got)
		}
	}
	for _, bad := range []pix.Image{{}, {W: -1, H: 5}, {W: 10, H: 10, Pix: make([]uint8, 7)}} {
		if got, err := p.Recognise(context.Background(), bad); err == nil {
			t.Errorf("image of %d×%d with %d bytes is read as %q", bad.W, bad.H, len(bad.Pix), got)
		}
	}
}

func TestPoolStartsClientsWhenNeeded(t *testing.T) {
	p := testPool(t, 3)
	if p.Clients() != 3 || len(p.warm) != 1 || len(p.cold) != 2 {
		t.Errorf("a new pool of %d has %d clients running", p.Clients(), len(p.warm))
	}
	held, err := p.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	p.put(second)
	p.put(held)
	if len(p.warm) != 2 {
		t.Errorf("two taken at once leave %d clients running", len(p.warm))
	}
	if err := p.Warm(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(p.warm) != 3 {
		t.Errorf("Warm leaves %d clients running", len(p.warm))
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	p := testPool(t, 1)
	held, err := p.take(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() {
		_, err := p.Recognise(ctx, oddCrops()["noise (64,48)"])
		waiting <- err
	}()
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller whose context has ended gets %v", err)
	}
	p.put(held)
	if _, err := p.Recognise(ctx, oddCrops()["noise (64,48)"]); !errors.Is(err, context.Canceled) {
		t.Errorf("a free client is given to an ended context: %v", err)
	}
}

func TestCloseWaitsAndRefuses(t *testing.T) {
	p := testPool(t, 2)
	crop := oddCrops()["noise (64,48)"]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				if _, err := p.Recognise(context.Background(), crop); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Errorf("a caller of a pool being closed gets %v", err)
					}
					return
				}
			}
		})
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := p.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if _, err := p.Recognise(context.Background(), crop); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool answers %v", err)
	}
}
