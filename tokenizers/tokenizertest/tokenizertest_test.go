package tokenizertest

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// toy quantizes every sample to 16 levels: a discrete tokenizer with all the
// optional interfaces, and with a switch for each way of breaking the contract.
type toy struct {
	info  tokenizers.Info
	calls atomic.Int64
	buf   []uint8

	breakShape, breakRange, breakBatch, breakInput, breakCodes, breakDecode bool
	breakIsolation, breakTimes, breakBits, reuse, hang, panics, random      bool
	lenient, refuseEmpty, ignoreSize, badNear, badLatents, racy             bool
	swapped, mixes                                                          bool

	needs, least int // sides are multiples of needs, and not below least, whatever is declared
}

func newToy() *toy {
	return &toy{info: tokenizers.Info{
		Name: "toy", Version: "1", Deterministic: true, Concurrent: true,
		Stride: 1, Channels: 3, Codebooks: []int{16},
	}}
}

func (t *toy) Info() tokenizers.Info { return t.info }

func (t *toy) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	n := t.calls.Add(1)
	if t.refuseEmpty && len(in) == 0 {
		return nil, errors.New("nothing to do")
	}
	if t.hang && n > 3 {
		select {}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		out[i] = t.one(m, i)
	}
	if t.breakShape && len(out) > 1 {
		out = out[:len(out)-1]
	}
	return out, nil
}

func (t *toy) one(m pix.Image, i int) (r tokenizers.Reconstruction) {
	start := time.Now()
	if err := m.Validate(); err != nil {
		if t.panics {
			panic(err)
		}
		if !t.breakIsolation {
			r.Err = err
			return r
		}
		r.Image = pix.New(1, 1)
		return r
	}
	if err := t.info.Accepts(m.W, m.H); err != nil && !t.ignoreSize {
		r.Err = err
		return r
	}
	if t.needs > 0 && (m.W%t.needs != 0 || m.H%t.needs != 0) || min(m.W, m.H) < t.least {
		r.Err = errors.New("cannot reshape")
		return r
	}
	if t.ignoreSize && m.W%2 == 1 {
		r.Err = errors.New("odd width")
		return r
	}
	ids := make([]int32, len(m.Pix))
	for j, v := range m.Pix {
		ids[j] = int32(v / 16)
	}
	r.Image = t.paint(ids, m.W, m.H)
	if t.reuse {
		if cap(t.buf) < len(m.Pix) {
			t.buf = make([]uint8, 4*len(m.Pix))
		}
		r.Image.Pix = t.buf[:copy(t.buf[:len(m.Pix)], r.Image.Pix)]
	}
	if t.breakRange {
		for j := range r.Image.Pix {
			r.Image.Pix[j] /= 200
		}
	}
	if t.breakBatch && i > 0 {
		r.Image.Pix[0] ^= 1
	}
	if t.mixes && i > 0 {
		for j := range r.Image.Pix {
			r.Image.Pix[j] ^= 4
		}
	}
	if t.swapped {
		r.Image = redForBlue(r.Image)
	}
	if t.random {
		r.Image.Pix[0] = uint8(rand.Uint32())
	}
	if t.breakInput {
		m.Pix[0] ^= 1
	}
	if t.breakCodes {
		ids[0] = 16
	}
	if t.racy && t.calls.Load()%2 == 0 {
		r.Image.Pix[0] ^= 0x80
	}
	r.Codes = &tokenizers.Codes{Books: []tokenizers.Book{{Size: 16, Shape: []int{3, m.H, m.W}, IDs: ids}}}
	r.Bits, r.FileBits = int64(4*len(ids)), int64(4*len(ids)+64)
	if t.breakBits {
		r.FileBits = r.Bits / 8
	}
	r.Encode = time.Since(start)
	if t.breakTimes {
		r.Encode += time.Hour
	}
	return r
}

func (t *toy) paint(ids []int32, w, h int) pix.Image {
	m := pix.New(w, h)
	for i, id := range ids {
		m.Pix[i] = uint8(16*id + 8)
	}
	return m
}

func (t *toy) Decode(_ context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		if !t.lenient {
			if err := c.Validate(); err != nil {
				return nil, err
			}
			if c == nil || len(c.Books) != 1 || len(c.Books[0].IDs) != 3*w*h {
				return nil, errors.New("codes do not fit")
			}
		}
		out[i] = pix.New(w, h)
		if c != nil && len(c.Books) > 0 && len(c.Books[0].IDs) == 3*w*h {
			out[i] = t.paint(c.Books[0].IDs, w, h)
		}
		if t.breakDecode {
			out[i].Pix[0]++
		}
	}
	return out, nil
}

func (t *toy) Latents(_ context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	out := make([]tokenizers.Latent, len(in))
	for i, m := range in {
		out[i] = tokenizers.Latent{Shape: []int{3, m.H, m.W}, Data: make([]float32, 3*m.H*m.W)}
		if t.badLatents {
			out[i].Data = out[i].Data[1:]
		}
	}
	return out, nil
}

func (t *toy) Nearest(int) ([]int32, error) {
	out := make([]int32, 16)
	for i := range out {
		out[i] = int32(max(i-1, 0))
	}
	out[0] = 1
	if t.badNear {
		out[5] = 5
	}
	return out, nil
}

func (t *toy) Distance(_ int, a, b int32) (float64, error) { return float64(max(a-b, b-a)), nil }

func TestAConformingTokenizerPasses(t *testing.T) {
	var seen int
	r := Run(t.Context(), newToy(), Options{Progress: func(Check) { seen++ }})
	if !r.OK() || r.Count(Warning) > 0 || r.Count(OK) < 18 {
		t.Errorf("report:\n%s", r)
	}
	if seen != len(r.Checks) {
		t.Errorf("progress told of %d of %d checks", seen, len(r.Checks))
	}
	raw, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil || len(back.Checks) != len(r.Checks) {
		t.Errorf("the report does not survive JSON: %v", err)
	}
}

func TestConformReportsToTheTest(t *testing.T) {
	Conform(t, func(context.Context) (tokenizers.Tokenizer, error) { return newToy(), nil }, Options{})
	broken := newToy()
	broken.breakBits = true
	rec := &recorder{ctx: t.Context()}
	Conform(rec, func(context.Context) (tokenizers.Tokenizer, error) { return broken, nil }, Options{})
	if len(rec.errors) != 1 || !strings.Contains(rec.errors[0], "bits") {
		t.Errorf("errors are %q", rec.errors)
	}
	rec = &recorder{ctx: t.Context()}
	Conform(rec, func(context.Context) (tokenizers.Tokenizer, error) { return nil, errors.New("no weights") }, Options{})
	if len(rec.errors) != 1 || !strings.Contains(rec.errors[0], "no weights") {
		t.Errorf("errors are %q", rec.errors)
	}
}

type recorder struct {
	ctx    context.Context
	errors []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Logf(string, ...any)      {}
func (r *recorder) Errorf(f string, a ...any) {
	r.errors = append(r.errors, strings.TrimSpace(f)+" "+sprint(a))
}
func (r *recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...) }

func sprint(a []any) string {
	var b strings.Builder
	for _, v := range a {
		switch v := v.(type) {
		case string:
			b.WriteString(v + " ")
		case error:
			b.WriteString(v.Error() + " ")
		}
	}
	return b.String()
}

// Every way of breaking the contract is found, by the check made for it.
func TestWhatIsBrokenIsFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*toy)
		check  string
		status Status
	}{
		{"a result missing", func(t *toy) { t.breakShape = true }, "shape", Failed},
		{"values of 0..1 taken for 0..255", func(t *toy) { t.breakRange = true }, "resemblance", Warning},
		{"sampling", func(t *toy) { t.random = true }, "deterministic", Failed},
		{"the batch shows, which is said not to", func(t *toy) { t.breakBatch, t.info.BatchInvariant = true, true }, "batch", Failed},
		{"one image changes another", func(t *toy) { t.mixes = true }, "batch", Failed},
		{"batch invariant and random", func(t *toy) { t.info.BatchInvariant, t.info.Deterministic = true, false }, "info", Failed},
		{"BGR comes out", func(t *toy) { t.swapped = true }, "resemblance", Warning},
		{"inputs written to", func(t *toy) { t.breakInput = true }, "shape", Failed},
		{"a constraint not declared", func(t *toy) { t.ignoreSize = true }, "sizes", Failed},
		{"empty batch refused", func(t *toy) { t.refuseEmpty = true }, "empty", Failed},
		{"an id beyond the codebook", func(t *toy) { t.breakCodes = true }, "codes", Failed},
		{"codebook not as declared", func(t *toy) { t.info.Codebooks = []int{32} }, "codes", Failed},
		{"codes not declared", func(t *toy) { t.info.Codebooks = nil }, "codes", Failed},
		{"another decoder", func(t *toy) { t.breakDecode = true }, "decode", Failed},
		{"bad codes taken", func(t *toy) { t.lenient = true }, "bad codes", Failed},
		{"latents cut short", func(t *toy) { t.badLatents = true }, "latents", Failed},
		{"latents of other channels", func(t *toy) { t.info.Channels = 4 }, "latents", Failed},
		{"an id its own neighbour", func(t *toy) { t.badNear = true }, "neighbours", Failed},
		{"bytes for bits", func(t *toy) { t.breakBits = true }, "bits", Failed},
		{"times longer than the call", func(t *toy) { t.breakTimes = true }, "times", Failed},
		{"an image from nothing", func(t *toy) { t.breakIsolation = true }, "isolation", Failed},
		{"a panic", func(t *toy) { t.panics = true }, "isolation", Failed},
		{"buffers handed out", func(t *toy) { t.reuse, t.info.Concurrent = true, false }, "retained", Failed},
		{"shared state", func(t *toy) { t.racy = true }, "concurrent", Failed},
		{"no version", func(t *toy) { t.info.Version = "" }, "info", Failed},
		{"weights not a digest", func(t *toy) { t.info.Weights = "v1" }, "info", Failed},
		{"no size possible", func(t *toy) { t.info.MultipleOf, t.info.FixedW = 8, 12 }, "info", Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok := newToy()
			c.spoil(tok)
			r := Run(t.Context(), tok, Options{Side: 32})
			for _, got := range r.Checks {
				if got.Name == c.check {
					if got.Status != c.status || got.Detail == "" || got.Mend == "" {
						t.Errorf("check %q is %s (%s), want %s with detail and mend\n%s", c.check, got.Status, got.Detail, c.status, r)
					}
					return
				}
			}
			t.Errorf("no check %q", c.check)
		})
	}
}

// find returns one check of a report.
func find(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return Check{}
}

// A wrong declaration of sizes is found in the sizes, whatever else fails with it, and
// what fits is named.
func TestWrongSizesAreNamed(t *testing.T) {
	for _, c := range []struct {
		name            string
		declared        int
		needs, least    int
		check, says     string
		mixed           Status // of the check that used to be blamed
		mixedDetailSays string
	}{
		{"nothing declared", 0, 16, 0, "sizes", "an image of 1×1: cannot reshape; multiples of 16 work: it looks as if multiple_of is 16", Skipped, "fails alone too"},
		{"too small a multiple", 8, 16, 0, "sizes", "it looks as if multiple_of is 16", Skipped, "fails alone too"},
		{"patches of 14", 0, 14, 0, "shape", "it looks as if multiple_of is 14", Skipped, "see the check shape"},
		{"too small a multiple for the usual size", 24, 48, 0, "shape", "it looks as if multiple_of is 48", Skipped, "see the check shape"},
		{"a least side", 0, 0, 8, "sizes", "8×8 and larger sizes work: it looks as if min_side is 8", OK, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok := newToy()
			tok.info.MultipleOf, tok.needs, tok.least = c.declared, c.needs, c.least
			r := Run(t.Context(), tok, Options{})
			if got := find(t, r, c.check); got.Status != Failed || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%s is %s: %s; want %q", c.check, got.Status, got.Detail, c.says)
			}
			if got := find(t, r, "mixed"); got.Status != c.mixed || !strings.Contains(got.Detail, c.mixedDetailSays) {
				t.Errorf("mixed is %s: %s; want %s, %q", got.Status, got.Detail, c.mixed, c.mixedDetailSays)
			}
			for _, got := range r.Checks {
				if got.Status == Failed && (strings.Contains(got.Detail, "batch") || strings.Contains(got.Mend, "batch")) {
					t.Errorf("the batch is blamed in %s: %s\n-> %s", got.Name, got.Detail, got.Mend)
				}
			}
		})
	}
}

// Rounding that depends on the batch is no fault where nothing else was said, and
// equality is noticed.
func TestBatchInvariance(t *testing.T) {
	tok := newToy()
	tok.breakBatch = true
	if c := find(t, Run(t.Context(), tok, Options{}), "batch"); c.Status != OK || !strings.Contains(c.Detail, "rightly not declared") {
		t.Errorf("rounding: %s", c)
	}
	if c := find(t, Run(t.Context(), newToy(), Options{}), "batch"); c.Status != OK || !strings.Contains(c.Detail, "batch_invariant may be declared") {
		t.Errorf("equality, undeclared: %s", c)
	}
	tok = newToy()
	tok.info.BatchInvariant = true
	if c := find(t, Run(t.Context(), tok, Options{}), "batch"); c.Status != OK || strings.Contains(c.Detail, "may be") {
		t.Errorf("equality, declared: %s", c)
	}
}

// ranged is a model that takes and gives 0..255, opened as if it were another range.
type ranged struct {
	*toy
	lo, hi float64
	far    bool // values outside their range are errors
	closed *int
}

func (r ranged) Range() (lo, hi float64, ok bool) { return r.lo, r.hi, true }

func (r ranged) InRange(_ context.Context, lo, hi float64) (tokenizers.Tokenizer, error) {
	return ranged{r.toy, lo, hi, r.far, r.closed}, nil
}

func (r ranged) Close() error { *r.closed++; return nil }

func (r ranged) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out, err := r.toy.Reconstruct(ctx, in)
	for i := range out {
		switch {
		case r.hi == 255:
		case r.far:
			out[i] = tokenizers.Reconstruction{Err: errors.New("values from 0 to 255")}
		case out[i].Err == nil:
			for j := range out[i].Image.Pix {
				out[i].Image.Pix[j] = 255
			}
		}
	}
	return out, err
}

func TestTheRangeThatFitsIsNamed(t *testing.T) {
	for _, far := range []bool{false, true} {
		closed := 0
		c := find(t, Run(t.Context(), ranged{newToy(), -1, 1, far, &closed}, Options{}), "resemblance")
		want := Warning
		if far {
			want = Failed
		}
		if c.Status != want || !strings.Contains(c.Detail, "35.0 dB with the range 0 to 255 (tried 0 to 1: ") && !far || !strings.Contains(c.Detail, "declare range: [0, 255]") {
			t.Errorf("far %v: %s", far, c)
		}
		if closed != 3 {
			t.Errorf("far %v: %d of 3 tried tokenizers were closed", far, closed)
		}
	}
	closed := 0
	if c := find(t, Run(t.Context(), ranged{newToy(), 0, 255, false, &closed}, Options{}), "resemblance"); c.Status != OK || closed != 0 {
		t.Errorf("the range is right, and %d others were tried: %s", closed, c)
	}
}

// warner has something to say that no check finds.
type warner struct{ *toy }

func (warner) Warnings() []string { return []string{"output ids is not declared"} }
func (warner) Stderr() []string   { return nil }

func TestWarningsAreShown(t *testing.T) {
	if c := find(t, Run(t.Context(), warner{newToy()}, Options{}), "warnings"); c.Status != Warning || c.Detail != "output ids is not declared" {
		t.Errorf("%s", c)
	}
}

// Whoever writes a plug-in reads names of its language, not of ours.
func TestTextsNameFieldsAsPluginsDo(t *testing.T) {
	goNames := regexp.MustCompile(`\b(MultipleOf|FixedW|FixedH|MinSide|MaxSide|BatchInvariant|Codebooks|FileBits|Info|Reconstruct|Decode|Warm|Nearest|Deterministic|Concurrent|ctx)\b`)
	texts := func(r Report) (all []string) {
		for _, c := range r.Checks {
			all = append(all, c.Asks, c.Mend, c.Detail)
		}
		return all
	}
	for _, c := range checks() {
		if m := goNames.FindString(c.asks + " " + c.mend); m != "" {
			t.Errorf("check %s says %s: %s, %s", c.name, m, c.asks, c.mend)
		}
	}
	for _, spoil := range []func(*toy){
		func(t *toy) { t.info = tokenizers.Info{MinSide: 9, MaxSide: 8, Weights: "x", Codebooks: []int{0}} },
		func(t *toy) { t.info.Codebooks = nil },
		func(t *toy) { t.info.Codebooks, t.info.Channels = []int{32}, 4 },
		func(t *toy) { t.needs = 16 },
		func(t *toy) { t.info.MultipleOf = 2; t.breakIsolation, t.lenient = true, true },
	} {
		tok := newToy()
		spoil(tok)
		for _, text := range texts(Run(t.Context(), tok, Options{})) {
			if m := goNames.FindString(text); m != "" {
				t.Errorf("%s in %q", m, text)
			}
		}
	}
}

func TestAHangEndsTheRun(t *testing.T) {
	tok := newToy()
	tok.hang = true
	// The grace is long for devices; here the context has ended already.
	old := grace
	grace = 10 * time.Millisecond
	defer func() { grace = old }()
	r := Run(t.Context(), tok, Options{Timeout: 20 * time.Millisecond})
	if r.OK() || r.Count(Failed) != 1 || r.Count(Skipped) < 10 {
		t.Errorf("report:\n%s", r)
	}
}

func TestInterruptedRunSkipsTheRest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Run(ctx, newToy(), Options{})
	if r.Count(Skipped) != len(r.Checks) {
		t.Errorf("report:\n%s", r)
	}
}

func TestConstraintsAreKept(t *testing.T) {
	for name, set := range map[string]func(*tokenizers.Info){
		"multiple": func(in *tokenizers.Info) { in.MultipleOf = 24 },
		"fixed":    func(in *tokenizers.Info) { in.FixedW, in.FixedH = 40, 24 },
		"range":    func(in *tokenizers.Info) { in.MinSide, in.MaxSide, in.MultipleOf = 20, 50, 8 },
	} {
		tok := newToy()
		set(&tok.info)
		if r := Run(t.Context(), tok, Options{}); !r.OK() {
			t.Errorf("%s:\n%s", name, r)
		}
	}
}

// spoilt makes a mistake behind a good tokenizer.
type spoilt struct {
	*toy
	with func(in, out pix.Image) pix.Image
}

func (s spoilt) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out, err := s.toy.Reconstruct(ctx, in)
	for i := range out {
		out[i].Bits, out[i].FileBits = 0, 0
		if out[i].Err == nil {
			out[i].Image = s.with(in[i], out[i].Image)
		}
	}
	return out, err
}

// The likely cause is named where a run would name it.
func TestLikelyCauses(t *testing.T) {
	level := func(f func(v int) int) func(in, out pix.Image) pix.Image {
		return func(_, out pix.Image) pix.Image {
			m := out.Clone()
			for i, v := range m.Pix {
				m.Pix[i] = uint8(min(max(f(int(v)), 0), 255))
			}
			return m
		}
	}
	for name, c := range map[string]struct {
		with   func(in, out pix.Image) pix.Image
		check  string
		status Status
		says   string
	}{
		"a tenth":      {level(func(v int) int { return v / 10 }), "resemblance", Warning, "of the contrast is left"},
		"half":         {level(func(v int) int { return v/2 + 127 }), "resemblance", Warning, "values of 0 to 1 that are taken for −1 to 1"},
		"shifted":      {level(func(v int) int { return v + 60 }), "resemblance", Warning, "levels off"},
		"negative":     {level(func(v int) int { return 255 - v }), "resemblance", Warning, "negated"},
		"one colour":   {level(func(int) int { return 128 }), "resemblance", Warning, "one colour"},
		"the input":    {func(in, _ pix.Image) pix.Image { return in.Clone() }, "resemblance", Warning, "the image itself"},
		"twice as big": {func(_, out pix.Image) pix.Image { return pix.New(2*out.W, 2*out.H) }, "shape", Failed, "2 times the sides"},
	} {
		t.Run(name, func(t *testing.T) {
			got := find(t, Run(t.Context(), spoilt{newToy(), c.with}, Options{}), c.check)
			if got.Status != c.status || !strings.Contains(got.Detail, c.says) {
				t.Errorf("%s is %s: %s; want %s, …%s…", c.check, got.Status, got.Detail, c.status, c.says)
			}
		})
	}
	if got := find(t, Run(t.Context(), spoilt{newToy(), func(_, out pix.Image) pix.Image { return out }}, Options{}), "resemblance"); got.Status != OK {
		t.Errorf("nothing is wrong, and it says %s", got)
	}
}

func TestEveryLineOfADetailIsIndented(t *testing.T) {
	got := Check{Name: "latents", Status: Failed, Asks: "why?", Detail: "image 0\nimage 1", Mend: "so"}.String()
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "failed") && !strings.HasPrefix(line, strings.Repeat(" ", 24)) {
			t.Errorf("%q in\n%s", line, got)
		}
	}
}
