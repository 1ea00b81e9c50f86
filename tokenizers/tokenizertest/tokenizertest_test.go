package tokenizertest

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
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
		{"the batch shows", func(t *toy) { t.breakBatch = true }, "batch", Failed},
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
