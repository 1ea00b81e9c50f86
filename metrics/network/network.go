// Package network holds the metrics whose definition is a neural network: LPIPS,
// DISTS, and the features behind FID and its kin. The weights are the user's: an
// ONNX file named by an option, run by ONNX Runtime.
//
// Its opinion: such a number means the network, its weights and its preprocessing
// together. The preprocessing is the source's and fixed here (LPIPS is fed [-1,1],
// DISTS [0,1]: feeding the other range gives plausible, wrong numbers); the file's
// SHA-256 goes into the provenance of every run, and a file that is not the one
// the user meant is refused. Nothing stands in where a file is missing.
//
//	vtbench score ref/ dist/ -m lpips-alex --option lpips-alex.model=lpips_alex.onnx
//
// export.py writes the graphs from the packages lpips and DISTS_pytorch.
package network

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// A definition is a metric of two images that a graph computes.
type definition struct {
	spec   metrics.Spec
	lo, hi float32 // range of the pixels that the graph is fed
	side   int     // shortest side the network takes
}

func definitions() []definition {
	lpips := func(net, title string, side int) definition {
		return definition{
			spec: metrics.Spec{
				ID: "lpips-" + net, Version: 1, Title: "LPIPS (" + net + ")", Better: metrics.Lower, Min: 0, Max: metrics.Unbounded(1),
				Scope: metrics.PerImage, Source: "Zhang et al. 2018, LPIPS v0.1 (richzhang/PerceptualSimilarity), RGB in [-1,1], full size",
				Role: metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
				Short: "perceptual distance, 0 is identical",
				Long:  "Distance between " + title + " features of both pictures; not comparable with that of another network.",
			},
			lo: -1, hi: 1, side: side,
		}
	}
	return []definition{
		lpips("alex", "AlexNet", 31), // five poolings and strides leave nothing of less
		lpips("vgg", "VGG", 16),
		{
			spec: metrics.Spec{
				ID: "dists", Version: 1, Title: "DISTS", Better: metrics.Lower, Min: 0, Max: 1,
				Scope: metrics.PerImage, Source: "Ding et al. 2020 (dingkeyan93/DISTS), RGB in [0,1], full size",
				Role: metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005},
				Short: "perceptual distance of structure and texture, 0 is identical",
				Long:  "Forgives a texture that was replaced by one of the same kind.",
			},
			lo: 0, hi: 1, side: 16,
		},
	}
}

// Kinds lists the metrics of this package. Opening one needs the options
// ID.model (a file) and, to make sure that it is the right one, ID.sha256.
func Kinds() []metrics.Kind {
	var out []metrics.Kind
	for _, d := range definitions() {
		out = append(out, metrics.Kind{
			Specs: []metrics.Spec{d.spec}, NeedsModel: true,
			Open: func(_ context.Context, cfg metrics.Config) (metrics.Metric, error) { return open(d, cfg) },
		})
	}
	return append(out, setKind(), clipKind())
}

func open(d definition, cfg metrics.Config) (metrics.Metric, error) {
	g, err := openGraph(d.spec.ID, cfg.Options, ofImages)
	if err != nil {
		return nil, err
	}
	if len(g.inputs) != 2 {
		return nil, errors.Join(fmt.Errorf("%s: %s has %d inputs (%s), want two images", d.spec.ID, g.path, len(g.inputs), strings.Join(g.inputs, ", ")), g.Close())
	}
	return &pairMetric{definition: d, graph: g}, nil
}

// A graph is an opened ONNX file.
type graph struct {
	path, digest    string
	engine          string // "ONNX Runtime 1.27.0"
	inputs, outputs []string
	shapes          []ortlib.Shape // of the inputs; −1 is any
	session         *ortlib.DynamicAdvancedSession
	mu              sync.RWMutex // Run may be called at once; Close waits for all
	closed          bool
}

// What the axes of an input are, as messages have it.
const (
	ofImages = "batch, 3, height, width"
	ofClips  = "batch, 3, frames, height, width"
	ofFrames = "batch, frames, 3, height, width"
)

// openGraph opens the file that the options name for an id; axes are those of its inputs.
func openGraph(id string, options map[string]string, axes string) (*graph, error) {
	path := options[id+".model"]
	lacks := missing.Error{What: path + ", the network of " + id, Mend: "pass --option " + id + ".model=FILE, an ONNX graph with one input of float32 (" + axes + ")"}
	if slices.ContainsFunc(definitions(), func(d definition) bool { return d.spec.ID == id }) {
		lacks.Mend = "export it with metrics/network/export.py and pass --option " + id + ".model=FILE"
	}
	if path == "" {
		lacks.What = "the network of " + id
		return nil, &lacks
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		lacks.Err = err
		return nil, &lacks
	}
	sum, err := onnxfile.SHA256(path)
	if err != nil {
		return nil, fmt.Errorf("%s.model: %w", id, err)
	}
	g := &graph{path: path, digest: sum}
	if want := strings.ToLower(options[id+".sha256"]); want != "" && want != g.digest {
		return nil, fmt.Errorf("%s.model: %s has SHA-256 %s, %s.sha256 says %s: it is another file", id, path, g.digest, id, want)
	}
	_, version, err := ort.Load(options["onnxruntime"])
	if err != nil {
		return nil, err
	}
	g.engine = "ONNX Runtime " + version
	in, out, err := ortlib.GetInputOutputInfo(path)
	if err != nil {
		return nil, fmt.Errorf("%s.model: reading %s: %w", id, path, err)
	}
	for _, i := range in {
		if want := strings.Count(axes, ",") + 1; i.DataType != ortlib.TensorElementDataTypeFloat || len(i.Dimensions) != want {
			return nil, fmt.Errorf("%s.model: input %q of %s is %v %v, want float32 in %d dimensions (%s)", id, i.Name, path, i.DataType, i.Dimensions, want, axes)
		}
		g.inputs = append(g.inputs, i.Name)
		g.shapes = append(g.shapes, i.Dimensions)
	}
	if len(out) == 0 || out[0].DataType != ortlib.TensorElementDataTypeFloat {
		return nil, fmt.Errorf("%s.model: the first output of %s must be float32", id, path)
	}
	g.outputs = []string{out[0].Name}
	opts, err := ortlib.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("%s.model: %w", id, err)
	}
	// One thread a call: the harness runs as many calls as there are workers.
	err = errors.Join(opts.SetIntraOpNumThreads(1), opts.SetInterOpNumThreads(1))
	if err == nil {
		g.session, err = ortlib.NewDynamicAdvancedSession(path, g.inputs, g.outputs, opts)
	}
	if err = errors.Join(err, opts.Destroy()); err != nil {
		return nil, fmt.Errorf("%s.model: opening %s: %w", id, path, err)
	}
	return g, nil
}

// Close frees the session; later runs fail.
func (g *graph) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.session == nil {
		return nil
	}
	g.closed = true
	return g.session.Destroy()
}

// tensor is planar RGB, scaled to [lo, hi], of an image or a window of frames.
type tensor struct {
	w, h  int
	shape ortlib.Shape
	data  []float32
}

func newTensor(m pix.Image, lo, hi float32) tensor {
	n := m.W * m.H
	t := tensor{m.W, m.H, ortlib.NewShape(1, 3, int64(m.H), int64(m.W)), make([]float32, 3*n)}
	scale := (hi - lo) / 255
	r, g, b := t.data[:n], t.data[n:2*n], t.data[2*n:]
	for i := range n {
		p := m.Pix[3*i : 3*i+3]
		r[i], g[i], b[i] = lo+scale*float32(p[0]), lo+scale*float32(p[1]), lo+scale*float32(p[2])
	}
	return t
}

// run feeds images of batch size 1 and returns the first output.
func (g *graph) run(in ...tensor) (out []float32, err error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return nil, fmt.Errorf("%s is closed", g.path)
	}
	values := make([]ortlib.Value, 0, len(in))
	results := []ortlib.Value{nil}
	defer func() {
		for _, v := range append(values, results...) {
			if v != nil {
				err = errors.Join(err, v.Destroy())
			}
		}
	}()
	for _, t := range in {
		v, err := ortlib.NewTensor(t.shape, t.data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.path, err)
		}
		values = append(values, v)
	}
	if err := g.session.Run(values, results); err != nil {
		return nil, fmt.Errorf("running %s on %d×%d: %w", g.path, in[0].w, in[0].h, err)
	}
	t, ok := results[0].(*ortlib.Tensor[float32])
	if !ok {
		return nil, fmt.Errorf("%s: output %q is no float32 tensor", g.path, g.outputs[0])
	}
	return append([]float32(nil), t.GetData()...), nil
}

// pairMetric scores two images by a graph.
type pairMetric struct {
	definition
	graph *graph
}

// Specs implements metrics.Metric.
func (m *pairMetric) Specs() []metrics.Spec { return []metrics.Spec{m.spec} }

// Close implements io.Closer.
func (m *pairMetric) Close() error { return m.graph.Close() }

// Provenance implements metrics.Provenance.
func (m *pairMetric) Provenance() map[string]string {
	return map[string]string{m.spec.ID + ".model": "sha256:" + m.graph.digest, m.spec.ID + ".engine": m.graph.engine}
}

// Prepare implements metrics.Metric.
func (m *pairMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	if err := ref.Image.Validate(); err != nil {
		return nil, fmt.Errorf("%s: reference: %w", m.spec.ID, err)
	}
	if min(ref.Image.W, ref.Image.H) < m.side {
		return nil, fmt.Errorf("%s: images are %d×%d, both sides must be at least %d", m.spec.ID, ref.Image.W, ref.Image.H, m.side)
	}
	a := newTensor(ref.Image, m.lo, m.hi)
	return metrics.ScorerFunc(func(ctx context.Context, got pix.Image) ([]metrics.Value, error) {
		if err := got.Validate(); err != nil {
			return nil, fmt.Errorf("%s: distorted: %w", m.spec.ID, err)
		}
		if got.W != a.w || got.H != a.h {
			return nil, fmt.Errorf("%s: the reference is %d×%d, the other image %d×%d: sizes must be equal", m.spec.ID, a.w, a.h, got.W, got.H)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out, err := m.graph.run(a, newTensor(got, m.lo, m.hi))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.spec.ID, err)
		}
		if len(out) != 1 {
			return nil, fmt.Errorf("%s: %s gave %d numbers for one pair, want one distance", m.spec.ID, m.graph.path, len(out))
		}
		v := float64(out[0])
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s: %s gave %v", m.spec.ID, m.graph.path, v)
		}
		return []metrics.Value{{Metric: m.spec.ID, Value: v}}, nil
	}), nil
}
