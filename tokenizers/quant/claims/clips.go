package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/clips"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/temporal"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

//go:embed clips.yaml
var listedClips []byte

// A clipClaim is one entry of the list of films.
type clipClaim struct {
	ID      string    `yaml:"id"`
	System  string    `yaml:"system"`
	Claim   string    `yaml:"claim"`
	Measure string    `yaml:"measure"`
	Of      clipArm   `yaml:"of"`
	Against clipArm   `yaml:"against"`
	Steps   []float64 `yaml:"steps"`
	Sets    []string  `yaml:"sets"`
	Least   float64   `yaml:"least"`
}

// A clipArm is a tokenizer; alone, it gets one frame at a time.
type clipArm struct {
	Use   string `yaml:"use"`
	Alone bool   `yaml:"alone"`
}

func (a clipArm) String() string {
	if a.Alone {
		return a.Use + " frame by frame"
	}
	return a.Use
}

// at is the arm with another step.
func (a clipArm) at(step float64) clipArm {
	sep := ":"
	if strings.Contains(a.Use, ":") {
		sep = ","
	}
	a.Use += fmt.Sprintf("%sstep=%g", sep, step)
	return a
}

// Measures of films, and what they are in.
var clipUnits = map[string]string{
	"psnr": " dB", "flicker": " grey levels", "saved": " %", "stands": " %", "coded": " %", "ratio": "",
}

// filmSets are the films: name in the table, data set, and the width that frames are
// scaled to.
var filmSets = []struct{ name, set string }{
	{"drawn", clips.ID}, {"linear", clips.LinearID}, {"standing", clips.StaticID}, {"film", video.Bunny},
}

const (
	window     = 16
	windows    = 2 // of every clip
	filmWidth  = 480
	filmHeight = 256 // of the 270 there are: a multiple of the largest block
)

func clipKinds() []tokenizers.Kind { return append(kinds(), quant.ClipKinds()...) }

// listClips reads and checks the list of films.
func listClips() ([]clipClaim, error) {
	var claims []clipClaim
	if err := strictyaml.Decode("clips.yaml", listedClips, &claims); err != nil {
		return nil, err
	}
	kinds := clipKinds()
	for _, c := range claims {
		if _, ok := clipUnits[c.Measure]; !ok || len(c.Sets) == 0 || (len(c.Steps) > 0) != (c.Measure == "saved" || c.Measure == "stands") {
			return nil, fmt.Errorf("claim %s: measure %q of %d steps on sets %v", c.ID, c.Measure, len(c.Steps), c.Sets)
		}
		for _, a := range c.arms() {
			s, err := tokenizers.ParseSpec(a.Use, kinds)
			if err == nil {
				_, _, err = tokenizers.Resolve(s, kinds)
			}
			if err != nil {
				return nil, fmt.Errorf("claim %s: %w", c.ID, err)
			}
		}
	}
	return claims, nil
}

// arms are those that the claim compares, with all their steps.
func (c clipClaim) arms() []clipArm {
	var out []clipArm
	for _, a := range []clipArm{c.Of, c.Against} {
		switch {
		case a.Use == "":
		case len(c.Steps) == 0:
			out = append(out, a)
		default:
			for _, s := range c.Steps {
				out = append(out, a.at(s))
			}
		}
	}
	return out
}

func (c clipClaim) what() string {
	out := "`" + c.Of.String() + "`"
	if c.Against.Use != "" {
		out += " against `" + c.Against.String() + "`"
	}
	switch c.Measure {
	case "saved", "stands":
		out += ", bits saved"
	case "coded":
		out += ", coded bits saved"
	case "psnr":
	default:
		out += ", " + c.Measure
	}
	return out
}

// A clipOutcome is what an arm made of a window.
type clipOutcome struct {
	psnr, flicker, nominal, coded, ratio float64 // bits are of a pixel
}

// clipBench measures on one set after the other.
type clipBench struct {
	tokens  map[string]tokenizers.Tokenizer
	set     *set // clusters of windows
	windows []pix.Clip
	clips   []string // of every window
	seen    map[clipArm][]clipOutcome
}

// load takes the first windows of every clip.
func (b *clipBench) load(ctx context.Context, name string) error {
	b.set, b.windows, b.clips, b.seen = &set{}, nil, nil, map[clipArm][]clipOutcome{}
	d, err := datasets.Open(ctx, name, alldata.Kinds())
	if err != nil {
		return err
	}
	films, ok := d.(datasets.Clipped)
	if !ok {
		return fmt.Errorf("%s has no films", name)
	}
	for _, c := range films.Clips() {
		var cluster []int
		for w := range min(windows, c.Frames/window) {
			clip := pix.Clip{Rate: c.Rate, Start: w * window}
			for f := range window {
				item, err := d.Load(ctx, c.First+w*window+f)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", name, c.ID, err)
				}
				m, err := cut(sample.Shrink(item.Image, filmWidth))
				if err != nil {
					return fmt.Errorf("%s: %s: %w", name, c.ID, err)
				}
				clip.Frames = append(clip.Frames, m)
			}
			cluster = append(cluster, len(b.windows))
			b.windows, b.clips = append(b.windows, clip), append(b.clips, c.ID)
		}
		if len(cluster) > 0 {
			b.set.clusters = append(b.set.clusters, cluster)
		}
	}
	return nil
}

// cut takes the middle rows of a frame.
func cut(m pix.Image) (pix.Image, error) {
	if m.W != filmWidth || m.H < filmHeight {
		return pix.Image{}, fmt.Errorf("frames of %d×%d are not %d×%d at least", m.W, m.H, filmWidth, filmHeight)
	}
	out := pix.New(filmWidth, filmHeight)
	copy(out.Pix, m.Pix[(m.H-filmHeight)/2*3*m.W:])
	return out, nil
}

func (b *clipBench) outcomes(ctx context.Context, a clipArm) ([]clipOutcome, error) {
	if o, ok := b.seen[a]; ok {
		return o, nil
	}
	tok := b.tokens[a.Use]
	if tok == nil {
		spec, err := tokenizers.ParseSpec(a.Use, clipKinds())
		if err != nil {
			return nil, err
		}
		kind, opts, err := tokenizers.Resolve(spec, clipKinds())
		if err != nil {
			return nil, err
		}
		if tok, err = kind.Open(ctx, opts); err != nil {
			return nil, err
		}
		b.tokens[a.Use] = tok
	}
	out, errs := make([]clipOutcome, len(b.windows)), make([]error, len(b.windows))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(out); i += workers {
				var err error
				if out[i], err = measureClip(ctx, tok, a.Alone, b.windows[i]); err != nil {
					errs[i] = fmt.Errorf("%s on frame %d of %s: %w", a, b.windows[i].Start, b.clips[i], err)
				}
			}
		})
	}
	group.Wait()
	b.seen[a] = out
	return out, errors.Join(errs...)
}

// measureClip runs a window.
func measureClip(ctx context.Context, tok tokenizers.Tokenizer, alone bool, in pix.Clip) (clipOutcome, error) {
	var o clipOutcome
	var frames []pix.Image
	var bits int64
	var codes []*tokenizers.Codes
	latentFrames := 1 // frames that latents are of
	if clips, ok := tok.(tokenizers.ClipTokenizer); ok && !alone {
		r, err := clips.ReconstructClip(ctx, in)
		if err != nil {
			return o, err
		}
		if err := tokenizers.CheckClip(in, &r); err != nil {
			return o, err
		}
		frames, bits, codes = r.Frames, r.Bits, append(codes, r.Codes)
		latentFrames = max(1, tok.Info().Clips.Multiple)
	} else {
		rs, err := tok.Reconstruct(ctx, in.Frames)
		if err != nil {
			return o, err
		}
		for _, r := range rs {
			if r.Err != nil {
				return o, r.Err
			}
			frames, bits, codes = append(frames, r.Image), bits+r.Bits, append(codes, r.Codes)
		}
	}
	pixels := float64(len(in.Frames) * filmWidth * filmHeight)
	for _, c := range codes {
		if c == nil {
			continue
		}
		for _, book := range c.Books {
			o.nominal += float64(len(book.IDs)) * math.Log2(float64(book.Size)) / pixels
		}
	}
	o.coded = float64(bits) / pixels
	if l, ok := tok.(tokenizers.LatentEncoder); ok {
		latents, err := l.Latents(ctx, in.Frames[:1])
		if err != nil {
			return o, err
		}
		o.ratio = float64(latentFrames*len(in.Frames[0].Pix)) / float64(len(latents[0].Data))
	}
	var squares float64
	for f, m := range in.Frames {
		for i, v := range m.Pix {
			d := float64(v) - float64(frames[f].Pix[i])
			squares += d * d
		}
	}
	o.psnr = 10 * math.Log10(255*255*3*pixels/max(squares, 1e-9))
	var err error
	o.flicker, err = flicker(ctx, in.Frames, frames)
	return o, err
}

// flicker is the mean over the steps of a window.
func flicker(ctx context.Context, ref, got []pix.Image) (float64, error) {
	steps, err := temporal.Kinds()[0].Temporal(ctx, metrics.Config{Wanted: []string{temporal.Flicker}})
	if err != nil {
		return 0, err
	}
	seq, err := steps.Begin(ctx, metrics.ClipInfo{ID: "window", Frames: len(ref)})
	if err != nil {
		return 0, err
	}
	var sum float64
	n := 0
	for f := range ref {
		values, err := seq.Next(ctx, metrics.Frame{Index: f, Ref: ref[f], Got: got[f]})
		if err != nil {
			return 0, err
		}
		for _, v := range values {
			sum += v.Value
			n++
		}
	}
	return sum / float64(n), seq.Close()
}

func meanOf(of []clipOutcome, windows []int, get func(clipOutcome) float64) float64 {
	var sum float64
	for _, i := range windows {
		sum += get(of[i])
	}
	return sum / float64(len(windows))
}

func clipPSNR(o clipOutcome) float64  { return o.psnr }
func clipCoded(o clipOutcome) float64 { return o.coded }

// bitsAt is the coded rate of a family of steps at a PSNR, by interpolation of its
// logarithm.
func bitsAt(family [][]clipOutcome, windows []int, psnr float64) float64 {
	var x, y []float64
	for _, o := range slices.Backward(family) { // steps rise, PSNR falls
		x = append(x, meanOf(o, windows, clipPSNR))
		y = append(y, math.Log(meanOf(o, windows, clipCoded)))
	}
	return math.Exp(along(x, y, psnr))
}

// statistic is what a claim compares on the set that is loaded.
func (b *clipBench) statistic(ctx context.Context, c clipClaim) (value, error) {
	var arms [][]clipOutcome
	for _, a := range c.arms() {
		o, err := b.outcomes(ctx, a)
		if err != nil {
			return nil, err
		}
		arms = append(arms, o)
	}
	n := len(c.Steps)
	switch c.Measure {
	case "psnr":
		return func(w []int) float64 { return meanOf(arms[0], w, clipPSNR) - meanOf(arms[1], w, clipPSNR) }, nil
	case "flicker":
		get := func(o clipOutcome) float64 { return o.flicker }
		return func(w []int) float64 { return meanOf(arms[1], w, get) - meanOf(arms[0], w, get) }, nil
	case "coded":
		return func(w []int) float64 {
			return 100 * (1 - meanOf(arms[0], w, clipCoded)/meanOf(arms[1], w, clipCoded))
		}, nil
	case "ratio":
		return func(w []int) float64 { return meanOf(arms[0], w, func(o clipOutcome) float64 { return o.ratio }) }, nil
	case "saved":
		return func(w []int) float64 {
			at := meanOf(arms[n+n/2], w, clipPSNR)
			return 100 * (1 - bitsAt(arms[:n], w, at)/bitsAt(arms[n:], w, at))
		}, nil
	}
	return func([]int) float64 { // stands
		moving, standing := b.of("static-00"), b.of("static-75")
		at := meanOf(arms[n/2], moving, clipPSNR)
		return 100 * (1 - bitsAt(arms, standing, at)/bitsAt(arms, moving, at))
	}, nil
}

// of are the windows of a clip.
func (b *clipBench) of(clip string) []int {
	var out []int
	for i, c := range b.clips {
		if c == clip {
			out = append(out, i)
		}
	}
	return out
}

// films measures all claims of films and writes three tables: of claims, of rates, and of
// the share that stands.
func films(ctx context.Context, claims []clipClaim) (string, error) {
	b := &clipBench{tokens: map[string]tokenizers.Tokenizer{}}
	cells := make([]map[string]string, len(claims))
	for i := range cells {
		cells[i] = map[string]string{}
	}
	var standing strings.Builder
	rated := []clipArm{{Use: "kl:patch=8,dim=16"}, {Use: "kl:patch=16,dim=4"}, {Use: "vq:patch=8,k=1024"}}
	for _, k := range quant.ClipKinds() {
		rated = append(rated, clipArm{Use: k.Example})
	}
	rated = append(rated, clipArm{Use: "kl3d:patch=32,t=8,dim=128"})
	rates := make([][]clipOutcome, len(rated)) // of all windows of all sets
	psnrs := make([][]string, len(rated))
	for _, f := range filmSets {
		if err := b.load(ctx, f.set); err != nil {
			return "", err
		}
		fmt.Fprintf(os.Stderr, "%s: %d windows of %d clips of %s\n", f.name, len(b.windows), len(b.set.clusters), f.set)
		all := slices.Concat(b.set.clusters...)
		for i, c := range claims {
			if !slices.Contains(c.Sets, f.name) {
				continue
			}
			fmt.Fprintln(os.Stderr, c.ID)
			of, err := b.statistic(ctx, c)
			if err != nil {
				return "", fmt.Errorf("claim %s: %w", c.ID, err)
			}
			if len(b.set.clusters) < fewest || c.Measure == "stands" {
				cells[i][f.name] = decimals(of(all))
				continue
			}
			v, lo, hi := interval(b.set, of)
			cells[i][f.name] = fmt.Sprintf("%s: %s (%s … %s)", verdict(lo, hi, c.Least), decimals(v), decimals(lo), decimals(hi))
		}
		for i, a := range rated {
			o, err := b.outcomes(ctx, a)
			if err != nil {
				return "", err
			}
			rates[i] = append(rates[i], o...)
			psnrs[i] = append(psnrs[i], fmt.Sprintf("%.2f", meanOf(o, all, clipPSNR)))
		}
		if f.set == clips.StaticID {
			if err := b.standing(ctx, &standing, claims[0]); err != nil {
				return "", err
			}
		}
	}
	var w strings.Builder
	names := make([]string, len(filmSets))
	for i, f := range filmSets {
		names[i] = f.name
	}
	rule := strings.Repeat("---|", len(names))
	fmt.Fprintf(&w, "| claim | measured | at least | %s |\n|---|---|---|%s\n", strings.Join(names, " | "), rule)
	for i, c := range claims {
		fmt.Fprintf(&w, "| %s: %s | %s | %g%s |", c.System, c.Claim, c.what(), c.Least, clipUnits[c.Measure])
		for _, n := range names {
			fmt.Fprintf(&w, " %s |", cells[i][n])
		}
		fmt.Fprintln(&w)
	}
	fmt.Fprintf(&w, "\n| tokenizer | samples a number | bpp, fixed length | bpp, coded | %s, dB |\n|---|---|---|---|%s\n", strings.Join(names, ", dB | "), rule)
	for i, a := range rated {
		n := make([]int, len(rates[i]))
		for k := range n {
			n[k] = k
		}
		nominal, coded := "–", "–"
		if v := meanOf(rates[i], n, func(o clipOutcome) float64 { return o.nominal }); v > 0 {
			nominal, coded = fmt.Sprintf("%.3f", v), fmt.Sprintf("%.3f", meanOf(rates[i], n, clipCoded))
		}
		numbers := "–"
		if v := meanOf(rates[i], n, func(o clipOutcome) float64 { return o.ratio }); v > 0 {
			numbers = fmt.Sprintf("%g", v)
		}
		fmt.Fprintf(&w, "| `%s` | %s | %s | %s | %s |\n", a, numbers, nominal, coded, strings.Join(psnrs[i], " | "))
	}
	return w.String() + "\n" + standing.String(), nil
}

// standing lists the bits of a pixel over the share that stands, at the PSNR of the middle
// step on the clip that moves, together and frame by frame.
func (b *clipBench) standing(ctx context.Context, w *strings.Builder, c clipClaim) error {
	var together, alone [][]clipOutcome
	for _, s := range c.Steps {
		for _, own := range []struct {
			to  *[][]clipOutcome
			arm clipArm
		}{{&together, c.Of}, {&alone, clipArm{Use: c.Of.Use, Alone: true}}} {
			o, err := b.outcomes(ctx, own.arm.at(s))
			if err != nil {
				return err
			}
			*own.to = append(*own.to, o)
		}
	}
	at := meanOf(together[len(together)/2], b.of("static-00"), clipPSNR)
	fmt.Fprintf(w, "| share that stands | bpp, coded, `%s` at %.2f dB | frame by frame |\n|---|---|---|\n", c.Of, at)
	for _, cluster := range b.set.clusters {
		_, share, _ := strings.Cut(b.clips[cluster[0]], "-")
		fmt.Fprintf(w, "| %s %% | %.3f | %.3f |\n", strings.TrimLeft(share[:1], "0")+share[1:], bitsAt(together, cluster, at), bitsAt(alone, cluster, at))
	}
	return nil
}
