package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
)

// Options of an extractor, behind what they are for and a point: "feature.model".
const (
	optModel  = "model"     // the network's file
	optName   = "name"      // what the network is called: "inception-v3-fid"
	optSide   = "side"      // images are resized to side × side; 0 leaves them
	optBy     = "filter"    // of that: "lanczos" (default), "bicubic", "bilinear", "box", "nearest"
	optAnti   = "antialias" // of that: "true" (default) or "false"
	optRange  = "range"     // "0..1" (default), "-1..1", "0..255"
	optMean   = "mean"      // three numbers subtracted after scaling, "r:g:b"
	optStd    = "std"       // three numbers to divide by, "r:g:b"
	optLayout = "layout"    // of windows of frames: "ncthw" (default) or "ntchw"
)

// settings are the options of one extractor.
type settings struct {
	prefix  string
	options map[string]string
}

func (s settings) key(name string) string { return s.prefix + "." + name }
func (s settings) get(name string) string { return s.options[s.key(name)] }

// bad says which option is wrong, and what it should be.
func (s settings) bad(name, want string) error {
	return fmt.Errorf("%s=%s: %s", s.key(name), s.get(name), want)
}

// Extractor turns images into feature vectors by an ONNX graph with one image
// input; the first output, flattened, is the vector.
type Extractor struct {
	graph      *graph
	name       string
	side       int
	lo, hi     float32
	mean, std  [3]float32
	sampling   pix.Sampling
	settings   settings
	provenance feature.Provenance
}

var _ feature.Extractor = (*Extractor)(nil)

// OpenExtractor opens the network that the options feature.model (and
// feature.sha256, feature.name, feature.side, feature.range, feature.mean,
// feature.std) describe. reference names the set that its features belong to.
func OpenExtractor(options map[string]string, reference string) (*Extractor, error) {
	return openExtractor(settings{"feature", options}, ofImages, reference)
}

func openExtractor(o settings, axes, reference string) (*Extractor, error) {
	e := &Extractor{name: o.get(optName), settings: o, hi: 1, std: [3]float32{1, 1, 1}}
	switch o.get(optRange) {
	case "", "0..1":
	case "-1..1":
		e.lo = -1
	case "0..255":
		e.hi = 255
	default:
		return nil, o.bad(optRange, "want 0..1, -1..1 or 0..255")
	}
	resize := "none"
	if s := o.get(optSide); s != "" && s != "0" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 4096 {
			return nil, o.bad(optSide, "want a whole number from 1 to 4096")
		}
		e.side, resize = n, "Lanczos-3 "+s
	}
	var err error
	if e.sampling, resize, err = samplingOf(o, resize); err != nil {
		return nil, err
	}
	for _, t := range []struct {
		name string
		to   *[3]float32
	}{{optMean, &e.mean}, {optStd, &e.std}} {
		if err := triple(o, t.name, t.to); err != nil {
			return nil, err
		}
	}
	if slices.Contains(e.std[:], 0) {
		return nil, o.bad(optStd, "none may be 0")
	}
	g, err := openGraph(o.prefix, o.options, axes)
	if err != nil {
		return nil, err
	}
	if len(g.inputs) != 1 {
		err := fmt.Errorf("%s: %s has %d inputs (%s), want one", o.key(optModel), g.path, len(g.inputs), strings.Join(g.inputs, ", "))
		return nil, errors.Join(err, g.Close())
	}
	if e.name == "" {
		e.name = "sha256:" + g.digest[:12]
	}
	e.graph = g
	e.provenance = feature.Provenance{Extractor: e.name, Weights: g.digest, Layer: g.outputs[0], Resize: resize, Engine: g.engine, Reference: reference}
	return e, nil
}

// samplingOf reads how images are resized, and names it beside the side; the default keeps
// the name that it always had.
func samplingOf(o settings, resize string) (pix.Sampling, string, error) {
	var s pix.Sampling
	var err error
	if name := o.get(optBy); name != "" {
		if s.Filter, err = pix.ParseFilter(name); err != nil {
			return s, "", fmt.Errorf("%s: %w", o.key(optBy), err)
		}
	}
	switch o.get(optAnti) {
	case "", "true":
	case "false":
		s.Aliased = true
	default:
		return s, "", o.bad(optAnti, "want true or false")
	}
	if err := s.Validate(); err != nil {
		return s, "", fmt.Errorf("%s, %s: %w", o.key(optBy), o.key(optAnti), err)
	}
	if s != (pix.Sampling{}) && resize != "none" {
		resize = s.String() + " " + o.get(optSide)
	}
	return s, resize, nil
}

func triple(o settings, name string, to *[3]float32) error {
	s := o.get(name)
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return o.bad(name, "want three numbers, r:g:b")
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(p, 32)
		if err != nil {
			return o.bad(name, fmt.Sprintf("%q is not a number", p))
		}
		to[i] = float32(v)
	}
	return nil
}

// input says what the network is fed.
func (e *Extractor) input() string {
	s := fmt.Sprintf("RGB in %g..%g", e.lo, e.hi)
	if e.mean != [3]float32{} || e.std != [3]float32{1, 1, 1} {
		s += fmt.Sprintf(" less %v over %v", e.mean, e.std)
	}
	return s
}

// Provenance implements feature.Extractor.
func (e *Extractor) Provenance() feature.Provenance { return e.provenance }

// Close frees the network.
func (e *Extractor) Close() error { return e.graph.Close() }

// Features implements feature.Extractor, one image after the other.
func (e *Extractor) Features(ctx context.Context, in []pix.Image) ([][]float32, error) {
	out := make([][]float32, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, err := e.tensor(m)
		if err == nil {
			out[i], err = e.graph.run(t)
		}
		if err != nil {
			return nil, fmt.Errorf("extracting features of image %d: %w", i, err)
		}
	}
	return out, nil
}

// tensor is what the network is fed of an image.
func (e *Extractor) tensor(m pix.Image) (tensor, error) {
	if err := m.Validate(); err != nil {
		return tensor{}, err
	}
	if e.side > 0 {
		var err error
		if m, err = pix.ResizeBy(e.sampling, m, e.side, e.side); err != nil {
			return tensor{}, err
		}
	}
	t := newTensor(m, e.lo, e.hi)
	n := m.W * m.H
	for c := range 3 {
		mean, std := e.mean[c], e.std[c]
		if mean == 0 && std == 1 {
			continue
		}
		plane := t.data[c*n : (c+1)*n]
		for k := range plane {
			plane[k] = (plane[k] - mean) / std
		}
	}
	return t, nil
}

// said is the provenance of what the network is: two runs whose features were made in other
// ways differ in it.
func (e *Extractor) said() map[string]string {
	p, o := e.provenance, e.settings
	return map[string]string{
		o.key(optModel):      "sha256:" + p.Weights,
		o.prefix:             fmt.Sprintf("%s, layer %s, resize %s, %s", p.Extractor, p.Layer, p.Resize, e.input()),
		o.prefix + ".engine": p.Engine,
	}
}
