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

// Options of an extractor, behind "feature.".
const (
	optModel = "feature.model"     // the network's file
	optName  = "feature.name"      // what the network is called: "inception-v3-fid"
	optSide  = "feature.side"      // images are resized to side × side; 0 leaves them
	optBy    = "feature.filter"    // of that: "lanczos" (default), "bicubic", "bilinear", "box", "nearest"
	optAnti  = "feature.antialias" // of that: "true" (default) or "false"
	optRange = "feature.range"     // "0..1" (default), "-1..1", "0..255"
	optMean  = "feature.mean"      // three numbers subtracted after scaling, "r:g:b"
	optStd   = "feature.std"       // three numbers to divide by, "r:g:b"
)

// Extractor turns images into feature vectors by an ONNX graph with one image
// input; the first output, flattened, is the vector.
type Extractor struct {
	graph      *graph
	name       string
	side       int
	lo, hi     float32
	mean, std  [3]float32
	sampling   pix.Sampling
	options    map[string]string
	provenance feature.Provenance
}

var _ feature.Extractor = (*Extractor)(nil)

// OpenExtractor opens the network that the options feature.model (and
// feature.sha256, feature.name, feature.side, feature.range, feature.mean,
// feature.std) describe. reference names the set that its features belong to.
func OpenExtractor(options map[string]string, reference string) (*Extractor, error) {
	e := &Extractor{name: options[optName], options: options, hi: 1, std: [3]float32{1, 1, 1}}
	switch r := options[optRange]; r {
	case "", "0..1":
	case "-1..1":
		e.lo = -1
	case "0..255":
		e.hi = 255
	default:
		return nil, fmt.Errorf("%s=%s: want 0..1, -1..1 or 0..255", optRange, r)
	}
	resize := "none"
	if s := options[optSide]; s != "" && s != "0" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 4096 {
			return nil, fmt.Errorf("%s=%s: want a whole number from 1 to 4096", optSide, s)
		}
		e.side, resize = n, "Lanczos-3 "+s
	}
	var err error
	if e.sampling, resize, err = samplingOf(options, resize); err != nil {
		return nil, err
	}
	for _, o := range []struct {
		key string
		to  *[3]float32
	}{{optMean, &e.mean}, {optStd, &e.std}} {
		if err := triple(o.key, options[o.key], o.to); err != nil {
			return nil, err
		}
	}
	if slices.Contains(e.std[:], 0) {
		return nil, fmt.Errorf("%s=%s: none may be 0", optStd, options[optStd])
	}
	g, err := openGraph("feature", options)
	if err != nil {
		return nil, err
	}
	if len(g.inputs) != 1 {
		err := fmt.Errorf("feature.model: %s has %d inputs (%s), want one image", g.path, len(g.inputs), strings.Join(g.inputs, ", "))
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
func samplingOf(options map[string]string, resize string) (pix.Sampling, string, error) {
	var s pix.Sampling
	var err error
	if name := options[optBy]; name != "" {
		if s.Filter, err = pix.ParseFilter(name); err != nil {
			return s, "", fmt.Errorf("%s: %w", optBy, err)
		}
	}
	switch v := options[optAnti]; v {
	case "", "true":
	case "false":
		s.Aliased = true
	default:
		return s, "", fmt.Errorf("%s=%s: want true or false", optAnti, v)
	}
	if err := s.Validate(); err != nil {
		return s, "", fmt.Errorf("%s, %s: %w", optBy, optAnti, err)
	}
	if s != (pix.Sampling{}) && resize != "none" {
		resize = s.String() + " " + options[optSide]
	}
	return s, resize, nil
}

func triple(key, s string, to *[3]float32) error {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return fmt.Errorf("%s=%s: want three numbers, r:g:b", key, s)
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(p, 32)
		if err != nil {
			return fmt.Errorf("%s=%s: %q is not a number", key, s, p)
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
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("extracting features of image %d: %w", i, err)
		}
		if e.side > 0 {
			var err error
			if m, err = pix.ResizeBy(e.sampling, m, e.side, e.side); err != nil {
				return nil, fmt.Errorf("extracting features of image %d: %w", i, err)
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
		f, err := e.graph.run(t)
		if err != nil {
			return nil, fmt.Errorf("extracting features of image %d: %w", i, err)
		}
		out[i] = f
	}
	return out, nil
}
