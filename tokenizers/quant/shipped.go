package quant

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

//go:embed fitted/*.vtbq
var fitted embed.FS

const extension = ".vtbq"

// Shipped lists the names of the artefacts inside this program.
func Shipped() []string {
	entries, err := fitted.ReadDir("fitted")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), extension))
	}
	slices.Sort(out)
	return out
}

func transformStem(patch string) string { return "pca-p" + patch }

func blocksStem(patch, frames string) string { return "klt3-p" + patch + "-t" + frames }

// find returns the artefact that a rule's options ask for: one that ships, one that
// was fitted before, or one that is fitted now, to the photographs that what ships
// was fitted to.
func find(ctx context.Context, r rule, opts tokenizers.Options) (*Artefact, error) {
	stem := r.stem(opts)
	if data, err := fitted.ReadFile(path.Join("fitted", deepEnough(stem, Shipped())+extension)); err == nil {
		a, err := ReadArtefact(data)
		if err != nil {
			return nil, fmt.Errorf("the shipped %s: %w", stem, err)
		}
		return a, nil
	}
	cache, err := fittedFolder()
	if err != nil {
		return nil, err
	}
	a, err := onDemand(ctx, Fitting{rule: r, opts: opts}, cache, func() (Source, error) {
		return Packaged(SourcePixels, SourceSeed)
	})
	if err != nil {
		prefix, _, _ := strings.Cut(stem, "-")
		var have []string
		for _, name := range Shipped() {
			if strings.HasPrefix(name, prefix+"-") {
				have = append(have, name)
			}
		}
		return nil, fmt.Errorf("%s is not among the fitted ones that ship%s, and cannot be fitted now: %w; those that ship: %s; with images of your own: `go run ./tokenizers/quant/fit -images DIR -o my%s %s`, then file=my%s",
			stem, suggest.Hint(stem, have), err, strings.Join(have, ", "), extension, r.spec(opts), extension)
	}
	return a, nil
}

// fittedFolder is where what was fitted on demand is kept.
func fittedFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return filepath.Join(cache, "vtbench", "fitted"), nil
}

// onDemand reads an artefact from a cache, or fits it and puts it there. The file's
// name holds what the fit depends on, so that another program version, or other
// photographs, never get it; fitting again gives the same bytes.
func onDemand(ctx context.Context, f Fitting, cache string, source func() (Source, error)) (*Artefact, error) {
	base, err := shippedTransform(f.transform())
	if err != nil {
		return nil, err
	}
	t, err := ReadLinear(base)
	if err != nil {
		return nil, err
	}
	if f.Dim() > base.Dim {
		return nil, fmt.Errorf("dim=%d: the transform that ships has %d directions: dim=%d is the most", f.Dim(), base.Dim, base.Dim)
	}
	most := 2 * SourcePixels / (f.Patch() * f.Patch())
	if n := f.Frames(); n > 0 {
		most = movingCount(f.Patch(), n, SourcePixels)
	}
	if slices.Max(append(numbers(f.opts, "k"), 0)) > most {
		return nil, fmt.Errorf("k=%s: there are %d vectors to fit to: k=%d is the most", f.opts["k"], most, most)
	}
	id := sha256.Sum256(fmt.Append(nil, version, f.Dim(), base.Digest(), sample.Digest()))
	file := filepath.Join(cache, fmt.Sprintf("%s-%x%s", f.Stem(), id[:6], extension))
	if _, err := os.Stat(file); err == nil {
		return readFile(file)
	}
	images, err := source()
	if err != nil {
		return nil, err
	}
	report := tokenizers.Progress(ctx)
	report("fitting it once, into " + file)
	a, err := f.Fit(ctx, images, t, false, report)
	if err != nil {
		return nil, err
	}
	a.Fit["photographs"] = sample.Digest()
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return nil, err
	}
	data := b.Bytes()
	if err := os.MkdirAll(cache, 0o777); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	if err := wholefile.Write(file, data); err != nil {
		return nil, err
	}
	return ReadArtefact(data)
}

// shippedTransform reads a transform that ships.
func shippedTransform(stem string) (*Artefact, error) {
	data, err := fitted.ReadFile(path.Join("fitted", stem+extension))
	if err != nil {
		kind, _, _ := strings.Cut(stem, "-")
		var have []string
		for _, name := range Shipped() {
			if strings.HasPrefix(name, kind+"-") {
				have = append(have, name)
			}
		}
		return nil, fmt.Errorf("no transform %s ships: %s do", stem, strings.Join(have, ", "))
	}
	a, err := ReadArtefact(data)
	if err != nil {
		return nil, fmt.Errorf("the shipped %s: %w", stem, err)
	}
	return a, nil
}

// deepEnough is the name among have that holds what stem asks for: itself, or the
// shallowest of those that have more codebooks in a row and are otherwise the same.
func deepEnough(stem string, have []string) string {
	if slices.Contains(have, stem) {
		return stem
	}
	same, depth := cutDepth(stem)
	best, least := stem, math.MaxInt
	for _, name := range have {
		if s, d := cutDepth(name); s == same && d >= depth && d < least {
			best, least = name, d
		}
	}
	return best
}

func cutDepth(stem string) (string, int) {
	if head, tail, ok := strings.Cut(stem, "-depth"); ok {
		if n, err := strconv.Atoi(tail); err == nil {
			return head, n
		}
	}
	return stem, 1
}

// transformOf finds the shipped transform whose latents an artefact belongs to.
func transformOf(a *Artefact) (*Artefact, error) {
	stem := transformStem(strconv.Itoa(a.Patch))
	if a.Frames > 0 {
		stem = blocksStem(strconv.Itoa(a.Patch), strconv.Itoa(a.Frames))
	}
	t, err := shippedTransform(stem)
	if err != nil {
		return nil, fmt.Errorf("the transform that it was fitted to is neither in it nor here: %w", err)
	}
	if a.Transform != t.Digest() {
		return nil, fmt.Errorf("it was fitted to the transform %.12s, the shipped %s is %.12s: fit it again", a.Transform, stem, t.Digest())
	}
	return t, nil
}

// spec is the tokenizer that the options stand for, as a user writes it.
func (r rule) spec(opts tokenizers.Options) string {
	var parts []string
	for _, o := range r.options {
		if v := opts[o.Name]; o.Name != "file" && (v != o.Default || o.Name == "patch") {
			parts = append(parts, o.Name+"="+v)
		}
	}
	return r.name + ":" + strings.Join(parts, ",")
}
