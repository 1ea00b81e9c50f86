package format_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

func ExampleStyle_Interval() {
	st := format.For(metrics.Spec{ID: "t-acc", Show: metrics.Percent(1)})
	fmt.Println(st.Interval(0.7134, 0.69, 0.735), st.Unit)
	// Output: 71.3 [69.0, 73.5] %
}

func TestNumber(t *testing.T) {
	spec := func(unit string, show metrics.Display) metrics.Spec {
		return metrics.Spec{ID: "a", Unit: unit, Show: show}
	}
	share, ratio := spec("share", metrics.Percent(1)), spec("", metrics.Fixed(3))
	db, bpp := spec("dB", metrics.Fixed(2)), spec("bpp", metrics.Significant(3))
	codes := spec("codes", metrics.Significant(3))
	byUnit := metrics.Display{} // as runs of older versions have it
	for _, tc := range []struct {
		spec metrics.Spec
		v    float64
		want string
	}{
		{share, 0.71349, "71.3 %"},
		{spec("%", byUnit), 71.349, "71.3 %"},
		{spec("share", byUnit), 0.5, "50.0 %"},
		{share, 1.25, "125.0 %"},
		{ratio, 0.91234, "0.912"},
		{spec("", byUnit), 0.91234, "0.912"},
		{db, 24.305, "24.30 dB"},
		{db, math.Inf(1), "∞ dB"},
		{db, math.NaN(), "–"},
		{db, -0.001, "0.00 dB"},
		{spec("dB", byUnit), -1.5, "−1.50 dB"},
		{bpp, 0.0390625, "0.0391 bpp"},
		{spec("bit/px", byUnit), 1.23456, "1.23 bpp"},
		{bpp, 0.99996, "1.00 bpp"},
		{bpp, 24, "24.0 bpp"},
		{codes, 812.4, "812 codes"},
		{spec("codes", byUnit), 14.23, "14.2 codes"},
		{codes, 123456.7, "123,457 codes"},
		{codes, 0, "0 codes"},
		{bpp, 0.0000001, "1.00e-07 bpp"},
		{spec("cm", byUnit), 1.23456, "1.235 cm"},
		{spec("cm", metrics.Fixed(1)), 1.23456, "1.2 cm"},
		{spec("", metrics.Fixed(-3)), 1.23456, "1"}, // a file says so
		{spec("", metrics.Fixed(1000)), .5, "0.500000000"},
	} {
		if got := format.For(tc.spec).With(tc.v); got != tc.want {
			t.Errorf("%+v %v: got %q, want %q", tc.spec, tc.v, got, tc.want)
		}
	}
}

func TestDelta(t *testing.T) {
	st := format.For(metrics.Spec{ID: "t-acc", Show: metrics.Percent(1)})
	for v, want := range map[float64]string{0.0123: "+1.2", -0.0123: "−1.2", 0: "0.0", 0.0001: "0.0", -0.0001: "0.0"} {
		if got := st.Delta(v); got != want {
			t.Errorf("Delta(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestMillis(t *testing.T) {
	for v, want := range map[float64]string{3e-5: "< 0.01", 0: "0", 0.0867: "0.0867", 1.381: "1.38", 1234: "1,234"} {
		if got := format.Millis(v); got != want {
			t.Errorf("Millis(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestIntervalWithoutEnds(t *testing.T) {
	st := format.For(metrics.Spec{ID: "psnr", Unit: "dB"})
	if got := st.Interval(20, math.NaN(), 21); got != "20.00" {
		t.Errorf("got %q", got)
	}
	if got := st.Interval(math.NaN(), 1, 2); got != format.None {
		t.Errorf("got %q", got)
	}
}

func TestBytesCountPlural(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 123456: "123 kB", 999_600: "1.0 MB", 3_400_000: "3.4 MB"} {
		if got := format.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{1: "1", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := format.Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	if a, b := format.Plural(1, "image", "images"), format.Plural(1200, "image", "images"); a != "1 image" || b != "1,200 images" {
		t.Errorf("Plural: %q, %q", a, b)
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"vq:k=1024":       "vq:k=1024",
		"日本 é":            "日本 é",
		"a\nb":            `a\nb`,
		"\x1b[31mred":     `\x1b[31mred`,
		"a\u202eb":        `a\u202eb`,
		"bad\xffbyte":     `bad\xffbyte`,
		"\u009bcsi\u200b": `\x9bcsi\u200b`,
		"so\u00adft":      `so\xadft`,
		"tag\U000e0041":   `tag\ue0041`,
		"क्\u200dष":       "क्\u200dष",
	} {
		if got := format.Line(in); got != want {
			t.Errorf("Line(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestLineIsAlwaysOneSafeLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out := format.Line(string(rapid.SliceOf(rapid.Byte()).Draw(t, "s")))
		if !utf8.ValidString(out) || strings.ContainsAny(out, "\n\r\x1b\x00\u202e") {
			t.Fatalf("unsafe: %q", out)
		}
		if format.Line(out) != out {
			t.Fatalf("not stable: %q", out)
		}
	})
}

func TestSlugs(t *testing.T) {
	for in, want := range map[string]string{
		"vq:k=1024,patch=8": "vq-k=1024-patch=8", "../../etc/passwd": "etc-passwd", "": "x", "...": "x", "日本": "x", "A b": "a-b",
	} {
		if got := format.Slug(in); got != want {
			t.Errorf("Slug(%q) = %q, want %q", in, got, want)
		}
	}
	var s format.Slugs
	a, b, again := s.For("a/b"), s.For("a:b"), s.For("a/b")
	if a == b || a != again {
		t.Errorf("slugs: %q %q %q", a, b, again)
	}
	rapid.Check(t, func(t *rapid.T) {
		out := format.Slug(rapid.String().Draw(t, "s"))
		if out == "" || strings.HasPrefix(out, ".") || strings.ContainsAny(out, `/\: `) || len(out) > 80 {
			t.Fatalf("bad slug %q", out)
		}
	})
}

func TestPlusMinus(t *testing.T) {
	share := format.For(metrics.Spec{ID: "a", Show: metrics.Percent(1)})
	inf := math.Inf(1)
	for _, tc := range []struct {
		mean, lo, hi, least, most float64
		want                      string
	}{
		{.7, .68, .72, 0, 1, "70.0±2.0"},
		{.7, .68, .722, 0, 1, "70.0±2.1"},          // about even
		{.989, .951, 1, 0, 1, "98.9+1.1−3.8"},      // half of it would pass 100
		{.995, .989, 1, 0, 1, "99.5+0.5−0.6"},      // passes 100, if only by a digit
		{.01, 0, .05, 0, inf, "1.0+4.0−1.0"},       // passes 0
		{.5, .5, .5, 0, 1, "50.0±0.0"},             // nothing to tell apart
		{.7, .69, .75, -inf, inf, "70.0+5.0−1.0"},  // uneven without any limit
		{.7, math.NaN(), math.NaN(), 0, 1, "70.0"}, // no interval
		{math.NaN(), math.NaN(), math.NaN(), 0, 1, "–"},
	} {
		if got := share.PlusMinus(tc.mean, tc.lo, tc.hi, tc.least, tc.most); got != tc.want {
			t.Errorf("%v [%v, %v] is written %q, want %q", tc.mean, tc.lo, tc.hi, got, tc.want)
		}
	}
}
