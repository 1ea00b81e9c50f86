package text

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"pgregory.net/rapid"
)

// The table is jiwer's and rapidfuzz's (testdata/goldens.py); counts must be
// equal, rates equal to rounding.
func TestAgreesWithJiwer(t *testing.T) {
	var table struct {
		WER, CER float64
		Cases    []struct {
			Ref, Got     string
			Words, Chars [2]int
			Distance     int
			Similarity   float64
			Relaxed      [2]string
		}
	}
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Cases) < 250 {
		t.Fatalf("the table has %d cases, want 250 or more", len(table.Cases))
	}
	var words, chars Errors
	for _, c := range table.Cases {
		w, ch := Words(c.Ref, c.Got), Characters(c.Ref, c.Got, CodePoint)
		if w != (Errors{c.Words[0], c.Words[1]}) {
			t.Errorf("words %q %q: %v, want %v", c.Ref, c.Got, w, c.Words)
		}
		if ch != (Errors{c.Chars[0], c.Chars[1]}) {
			t.Errorf("characters %q %q: %v, want %v", c.Ref, c.Got, ch, c.Chars)
		}
		if d := Distance(c.Ref, c.Got, CodePoint); d != c.Distance {
			t.Errorf("distance %q %q: %d, want %d", c.Ref, c.Got, d, c.Distance)
		}
		if s := Similarity(c.Ref, c.Got, CodePoint); math.Abs(s-c.Similarity) > 1e-15 {
			t.Errorf("similarity %q %q: %v, want %v", c.Ref, c.Got, s, c.Similarity)
		}
		for i, s := range []string{c.Ref, c.Got} {
			if r := RelaxedForm(s); r != c.Relaxed[i] {
				t.Errorf("relaxed form of %q: %q, want %q", s, r, c.Relaxed[i])
			}
		}
		words, chars = words.Add(w), chars.Add(ch)
	}
	if math.Abs(words.Rate()-table.WER) > 1e-15 || math.Abs(chars.Rate()-table.CER) > 1e-15 {
		t.Errorf("corpus WER %v, CER %v; want %v, %v", words.Rate(), chars.Rate(), table.WER, table.CER)
	}
}

// jiwer's own tests (tests/test_measures.py, tests/test_cer.py).
func TestPublishedRates(t *testing.T) {
	for _, c := range []struct {
		ref, got string
		errs     func(ref, got string) Errors
		want     Errors
	}{
		{"X Y X", "X Z", Words, Errors{2, 3}},
		{"X Y X", "X Z", characters, Errors{3, 5}},
		{"X", "X X Y Y", Words, Errors{3, 1}},
		{"This is a test", "This test", characters, Errors{5, 14}},
		{"This is a test", "This test", Words, Errors{2, 4}},
	} {
		if got := c.errs(c.ref, c.got); got != c.want {
			t.Errorf("%q against %q: %v, want %v", c.got, c.ref, got, c.want)
		}
	}
	if r := (Errors{3, 1}).Rate(); r != 3 {
		t.Errorf("rate of 3 errors in 1 word is %v", r)
	}
	if r := Words("", "a b").Rate(); !math.IsNaN(r) {
		t.Errorf("rate over an empty reference is %v, want NaN", r)
	}
}

func characters(ref, got string) Errors { return Characters(ref, got, CodePoint) }

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		a, b               string
		points, graphemes  int
		similarityGrapheme float64
	}{
		{"", "", 0, 0, 1},
		{"café", "cafe\u0301", 2, 1, .75},
		{"e\u0301", "e", 1, 1, 0},
		{"👩‍👩‍👧", "👩", 4, 1, 0},
		{"👍🏽", "👍🏿", 1, 1, 0},
		{"🇩🇪🇫🇷", "🇩🇪", 2, 1, .5},
		{"नमस्ते", "नमस्", 2, 1, .75}, // Unicode 15.0: the conjunct is two clusters
		{"\U00010348x", "x", 1, 1, .5},
		{"a\r\nb", "ab", 2, 1, 2. / 3},
		{"a\r\nb", "a\nb", 1, 1, 2. / 3},
		{"ab\xff\xfe", "ab", 2, 2, .5},
		{"\xff", "\xfe", 0, 0, 1}, // both are U+FFFD
	} {
		if d := Distance(c.a, c.b, CodePoint); d != c.points {
			t.Errorf("%q %q: %d code points, want %d", c.a, c.b, d, c.points)
		}
		if d := Distance(c.a, c.b, Grapheme); d != c.graphemes {
			t.Errorf("%q %q: %d graphemes, want %d", c.a, c.b, d, c.graphemes)
		}
		if s := Similarity(c.a, c.b, Grapheme); math.Abs(s-c.similarityGrapheme) > 1e-15 {
			t.Errorf("%q %q: similarity %v, want %v", c.a, c.b, s, c.similarityGrapheme)
		}
	}
	// Beyond 65,535 the library keeps distances in wider integers.
	if d := Distance(strings.Repeat("a", 66000), strings.Repeat("b", 10), CodePoint); d != 66000 {
		t.Errorf("distance of a long string is %d, want 66000", d)
	}
}

func TestRelaxed(t *testing.T) {
	for _, c := range []struct {
		ref, got       string
		equal, defined bool
	}{
		{"Stop!", "STOP", true, true},
		{"it's", "its", true, true},
		{"A-1", "a 2", false, true},
		{"日本", "中国", true, false},
		{"!?", "", true, false},
		{"a", "", false, true},
	} {
		equal, defined := Relaxed(c.ref, c.got)
		if equal != c.equal || defined != c.defined {
			t.Errorf("%q %q: %v %v, want %v %v", c.ref, c.got, equal, defined, c.equal, c.defined)
		}
	}
	if Exact("Stop", "stop") || !Exact("é", "é") {
		t.Error("exact comparison folds something")
	}
}

// Metric axioms, bounds, and agreement of the two implementations: ours on
// tokens and the library's on code points.
func TestDistanceProperties(t *testing.T) {
	letters := rapid.StringOf(rapid.SampledFrom([]rune("ab c\u0301é日\r\n👍🏽\u200d")))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := letters.Draw(t, "a"), letters.Draw(t, "b"), letters.Draw(t, "c")
		for _, u := range []Unit{CodePoint, Grapheme} {
			ab, la, lb := distance(a, b, u)
			if ba := Distance(b, a, u); ba != ab {
				t.Fatalf("%s: d(a,b) = %d, d(b,a) = %d", u, ab, ba)
			}
			if Distance(a, a, u) != 0 || (ab == 0) != (a == b) {
				t.Fatalf("%s: distance %d of %q and %q", u, ab, a, b)
			}
			if ab > max(la, lb) || ab < max(la-lb, lb-la) {
				t.Fatalf("%s: distance %d of lengths %d and %d", u, ab, la, lb)
			}
			if ac, bc := Distance(a, c, u), Distance(b, c, u); ac > ab+bc {
				t.Fatalf("%s: triangle inequality: %d > %d + %d", u, ac, ab, bc)
			}
			if s := Similarity(a, b, u); !(s >= 0 && s <= 1) {
				t.Fatalf("%s: similarity %v", u, s)
			}
		}
		if la, lb := strings.Split(a, ""), strings.Split(b, ""); tokenDistance(la, lb) != levenshtein.ComputeDistance(a, b) {
			t.Fatalf("implementations differ on %q %q", a, b)
		}
		if e := Words(a, a); e.Edits != 0 {
			t.Fatalf("%q has %d word errors against itself", a, e.Edits)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("This is a test", "This test")
	f.Add("\xff\x80", "e\u0301\r\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a) > 300 || len(b) > 300 {
			return
		}
		for _, u := range []Unit{CodePoint, Grapheme} {
			e := Characters(a, b, u)
			if e.Edits < 0 || e.Length < 0 || e.Length > utf8.RuneCountInString(a) || e.Edits > len(a)+len(b) {
				t.Fatalf("%s %q %q: %v", u, a, b, e)
			}
			if s := Similarity(a, b, u); !(s >= 0 && s <= 1) {
				t.Fatalf("%s %q %q: %v", u, a, b, s)
			}
		}
		if w := Words(a, b); w.Edits > len(a)+len(b) {
			t.Fatalf("%q %q: %v", a, b, w)
		}
		for _, r := range RelaxedForm(a) {
			if !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz", r) {
				t.Fatalf("%q left %q", a, r)
			}
		}
	})
}

func Example() {
	var total Errors
	for _, p := range [][2]string{{"Exit 12", "Exit l2"}, {"OPEN", "0PEN"}} {
		total = total.Add(Characters(p[0], p[1], CodePoint))
	}
	fmt.Printf("CER %.3f, similarity %.3f\n", total.Rate(), Similarity("Exit 12", "Exit l2", CodePoint))
	// Output: CER 0.182, similarity 0.857
}

// A word of a photograph: the floor is 8 × 8 cells of the matrix, about 64
// comparisons and minima.
func BenchmarkSimilarity(b *testing.B) {
	for _, p := range []struct{ name, a, b string }{
		{"word", "Boulevard", "Bou1evard5"},
		{"line", strings.Repeat("the quick brown fox ", 5), strings.Repeat("the quikc brown f0x ", 5)},
	} {
		for _, u := range []Unit{CodePoint, Grapheme} {
			b.Run(fmt.Sprintf("%s/%s", p.name, u), func(b *testing.B) {
				b.SetBytes(int64(len(p.a)))
				b.ReportAllocs()
				for b.Loop() {
					Similarity(p.a, p.b, u)
				}
			})
		}
	}
}
