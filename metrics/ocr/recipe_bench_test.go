package ocr

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/vtbench/vtbench/datasets/textgen"
)

// BenchmarkRecipes is the measurement behind docs/ocr.md: every choice of the
// recipe against its alternatives, on rendered and on photographed words.
//
//	go test ./metrics/ocr -run - -bench Recipes -benchtime 1x
func BenchmarkRecipes(b *testing.B) {
	type variant struct {
		name string
		r    recipe
	}
	variants := []variant{{"standard", standard}}
	add := func(name string, f func(*recipe)) {
		r := standard
		f(&r)
		variants = append(variants, variant{name, r})
	}
	for _, h := range []int{24, 32, 40, 48, 64} {
		add(fmt.Sprintf("height=%d", h), func(r *recipe) { r.height = h })
	}
	for _, m := range [][2]float64{{0, 0}, {.1, .1}, {.1, .2}, {.1, .4}, {.05, .3}, {.2, .2}, {.2, .3}, {.3, .3}} {
		add(fmt.Sprintf("margin=%g,%g", m[0], m[1]), func(r *recipe) { r.padX, r.padY = m[0], m[1] })
	}
	for _, f := range []filter{cubic, lanczos} {
		add("filter="+f.name, func(r *recipe) { r.filter = f })
	}
	add("dictionaries=on", func(r *recipe) { r.initVariables = nil })
	add("invert=tesseract", func(r *recipe) { r.upright, r.variables = false, nil })
	add("invert=both", func(r *recipe) { r.variables = nil })
	add("invert=none", func(r *recipe) { r.upright = false })
	add("stretch=off", func(r *recipe) { r.stretch = false })
	for _, psm := range []int{6, 7, 8} {
		add(fmt.Sprintf("segmentation=%d", psm), func(r *recipe) { r.segmentation = psm })
	}

	var clean, at512, at256 []sample
	for _, size := range []float64{12, 16, 22, 31, 41, 52, 64, 82} {
		c := corpus(b, size, uint64(size))
		clean = append(clean, c...)
		if size >= 16 {
			at512 = append(at512, seen(b, c, 512, 0)...)
		}
		if size >= 31 {
			at256 = append(at256, seen(b, c, 256, 0)...)
		}
	}
	sets := []struct {
		name    string
		samples []sample
	}{
		{"original", clean},
		{"512", at512},
		{"256", at256},
		{"jpeg256", jpegAt256(b, 40)},
		{"hard", hard(b)},
		{"text", rendered(b, 24, 0)},
		{"text512", rendered(b, 24, 512)},
		{"text256", rendered(b, 24, 256)},
		{"photos", icdar(b)},
	}
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			p := recipePool(b, 2, v.r)
			for b.Loop() {
				crops := 0
				start := cpuTime(b)
				for _, s := range sets {
					got := readAll(b, p, s.samples)
					crops += len(got)
					exact, ned := tally(s.samples, got)
					b.ReportMetric(100*exact, s.name+"-exact%")
					b.ReportMetric(100*ned, s.name+"-ned%")
					for _, kind := range []string{"word", "other"} {
						var in []sample
						var read []string
						for i, x := range s.samples {
							if x.kind == kind {
								in, read = append(in, x), append(read, got[i])
							}
						}
						if len(in) > 0 {
							exact, _ := tally(in, read)
							b.ReportMetric(100*exact, s.name+"-"+kind+"%")
						}
					}
				}
				b.ReportMetric(float64((cpuTime(b)-start).Microseconds())/float64(crops), "cpu-µs/crop")
			}
		})
	}
}

// hard is what is hardly legible any more: small at 256, and heavy JPEG.
func hard(b *testing.B) []sample {
	var out []sample
	for _, size := range []float64{18, 22, 26} {
		out = append(out, seen(b, corpus(b, size, uint64(size)), 256, 0)...)
	}
	return append(out, jpegAt256(b, 10)...)
}

func jpegAt256(b *testing.B, quality int) []sample {
	var out []sample
	for _, size := range []float64{41, 52, 64, 82} {
		out = append(out, seen(b, corpus(b, size, uint64(size)), 256, quality)...)
	}
	return out
}

// cpuTime is the processor time of this process so far: on a machine that does
// other things at the same time it tells more than a clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rendered takes words of the first n images of the rendered text set, as a
// tokenizer without loss would leave them at a resolution.
func rendered(b *testing.B, n, side int) []sample {
	set, err := textgen.New(textgen.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var out []sample
	for i := range n {
		it, err := set.Load(b.Context(), i)
		if err != nil {
			b.Fatal(err)
		}
		for _, in := range it.Instances {
			s := float64(in.Box.Dx()) / float64(len([]rune(in.Text))) / 1024
			if side > 0 && s*float64(side) < 4 {
				continue
			}
			out = append(out, sample{img: it.Image, box: in.Box, label: in.Text, kind: "text"})
		}
	}
	if side > 0 {
		out = seen(b, out, side, 0)
	}
	return out
}
