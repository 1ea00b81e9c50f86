package ocr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/document"
	"github.com/vtbench/vtbench/datasets/multilingual"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/text"
)

// BenchmarkPages measures which engine reads documents: the lines of 16 pages, as
// drawn, as scanned, and through smaller sizes, by size of the letters.
//
//	go test ./metrics/ocr -run - -bench Pages -benchtime 1x
func BenchmarkPages(b *testing.B) {
	sizes := []string{"6pt", "8pt", "10pt", "12pt", "14pt"}
	load := func(scan bool, side int) []sample {
		set, err := document.New(document.Options{Scan: scan})
		if err != nil {
			b.Fatal(err)
		}
		return linesOf(b, set, 2*8, side) // every kind twice
	}
	for _, engine := range []string{EngineTesseract, EnginePPOCR} {
		b.Run(engine, func(b *testing.B) {
			r := openFor(b, engine, nil)
			for b.Loop() {
				for _, c := range []struct {
					name string
					in   []sample
				}{{"pages", load(false, 0)}, {"scans", load(true, 0)}, {"pages-512", load(false, 512)}, {"pages-256", load(false, 256)}} {
					start := cpuTime(b)
					got := readAll(b, r, c.in)
					spent := cpuTime(b) - start
					exact, ned := tally(c.in, got)
					chars := 0
					line := ""
					for _, s := range c.in {
						chars += len(s.label)
					}
					for _, size := range sizes {
						var in []sample
						var read []string
						for i, s := range c.in {
							if s.kind == size {
								in, read = append(in, s), append(read, got[i])
							}
						}
						_, n := tally(in, read)
						line += fmt.Sprintf("  %s %5.1f", size, 100*n)
					}
					b.Logf("%-9s %4d lines  exact %5.1f %%  NED %5.1f %%  %.0f ms a line, %.2f ms a character; NED by size%s", c.name, len(got), 100*exact, 100*ned,
						spent.Seconds()*1e3/float64(len(got)), spent.Seconds()*1e3/float64(chars), line)
				}
			}
		})
	}
}

// linesOf takes the lines of the first n items of a set, through a resolution where side
// is not 0; their kind is the tag that says the size.
func linesOf(t testing.TB, set datasets.Dataset, n, side int) []sample {
	var out []sample
	for i := range n {
		it, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range it.Instances {
			at := slices.IndexFunc(in.Tags, func(s string) bool { return len(s) > 2 && s[len(s)-2:] == "pt" })
			out = append(out, sample{img: it.Image, box: in.Box, label: in.Text, kind: in.Tags[at]})
		}
	}
	if side > 0 {
		out = seen(t, out, side, 0)
	}
	return out
}

// BenchmarkScripts measures which engine reads which script.
//
//	go test ./metrics/ocr -run - -bench Scripts -benchtime 1x
func BenchmarkScripts(b *testing.B) {
	set, err := multilingual.New(multilingual.Options{})
	testenv.Need(b, err)
	langs := map[string][]string{
		"zh": {"chi_sim"}, "ja": {"jpn"}, "ko": {"kor"}, "hi": {"hin"}, "ar": {"ara"}, "ru": {"rus"}, "latin": {"Latin", "eng"},
	}
	for _, script := range multilingual.Scripts() {
		var clean []sample
		for i, id := range set.IDs()[:6*len(multilingual.Scripts())] {
			if !strings.HasPrefix(id, script+"/") {
				continue
			}
			it, err := set.Load(b.Context(), i)
			if err != nil {
				b.Fatal(err)
			}
			for _, in := range it.Instances {
				clean = append(clean, sample{img: it.Image, box: in.Box, label: in.Text, kind: script})
			}
		}
		half := seen(b, clean, 256, 0)
		try := func(name string, r reader) {
			b.Run(script+"/"+name, func(b *testing.B) {
				for b.Loop() {
					line := ""
					for _, in := range [][]sample{clean, half} {
						got := readAll(b, r, in)
						var e text.Errors
						for i, s := range in {
							e = e.Add(text.Characters(norm.NFC.String(s.label), norm.NFC.String(got[i]), text.Grapheme))
						}
						exact, _ := tally(in, got)
						line += fmt.Sprintf("  CER %5.1f %% exact %5.1f %%", 100*e.Rate(), 100*exact)
					}
					b.Logf("%d lines, as drawn and through 256:%s", len(clean), line)
				}
			})
		}
		try(EnginePPOCR, openFor(b, EnginePPOCR, nil))
		for _, lang := range langs[script] {
			try(EngineTesseract+":"+lang, openFor(b, EngineTesseract, map[string]string{OptionLang: lang}))
		}
	}
}
