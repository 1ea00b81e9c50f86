package quant

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/tokenizers"
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

// shipped opens the artefact that a rule's options ask for.
func shipped(r rule, opts tokenizers.Options) (*Artefact, error) {
	stem := r.stem(opts)
	if data, err := fitted.ReadFile(path.Join("fitted", stem+extension)); err == nil {
		a, err := ReadArtefact(data)
		if err != nil {
			return nil, fmt.Errorf("the shipped %s: %w", stem, err)
		}
		return a, nil
	}
	prefix, _, _ := strings.Cut(stem, "-")
	var have []string
	for _, name := range Shipped() {
		if strings.HasPrefix(name, prefix+"-") {
			have = append(have, name)
		}
	}
	return nil, fmt.Errorf("%s is not among the fitted ones that ship (%s)%s; fit it with `go run ./tokenizers/quant/fit -o my%s %s` and use file=my%s",
		stem, strings.Join(have, ", "), suggest.Hint(stem, have), extension, r.spec(opts), extension)
}

// transformOf finds the shipped transform whose latents an artefact belongs to.
func transformOf(a *Artefact) (*Artefact, error) {
	stem := transformStem(fmt.Sprint(a.Patch))
	data, err := fitted.ReadFile(path.Join("fitted", stem+extension))
	if err != nil {
		return nil, fmt.Errorf("it belongs to a transform of patch %d, which neither it nor this program has", a.Patch)
	}
	t, err := ReadArtefact(data)
	if err != nil {
		return nil, fmt.Errorf("the shipped %s: %w", stem, err)
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
