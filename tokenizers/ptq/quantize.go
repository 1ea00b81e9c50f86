package ptq

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/ptq/weights"
)

// A config is all that a quantized network depends on, beside the network.
type config struct {
	preset
	settings
	bits      float64
	abits     int
	synthetic bool
	by        string // sensitivity that bits are given by
	cost      string // what bits cost
	only      int    // the only layer that is quantized, from 1; 0: all
	table     *Sensitivities
}

// images are those to calibrate on; none where nothing is calibrated.
func (c config) images(t onnx.Editable) ([]pix.Image, error) {
	if c.plain && c.abits == 0 && !c.mixed {
		return nil, nil
	}
	return calibrationSet(t.Info(), c.synthetic)
}

// quantize quantizes a network.
func quantize(ctx context.Context, t onnx.Editable, graphs []onnx.Graph, c config, images []pix.Image, report func(string)) (_ *Packed, err error) {
	n, err := parse(graphs)
	if err != nil {
		return nil, err
	}
	layers := n.layers
	if len(layers) == 0 {
		return nil, fmt.Errorf("%s has no weights to quantize: %s", graphs[0].Name, n.why())
	}
	if c.only > len(layers) {
		return nil, fmt.Errorf("only=%d: %s has %d layers", c.only, graphs[0].Name, len(layers))
	}
	if c.only > 0 {
		for i, l := range layers {
			if i != c.only-1 {
				n.left = append(n.left, LeftOut{Graph: l.graph, Name: l.name, What: l.op, Count: len(l.values), Reason: fmt.Sprintf("only=%d asks for another layer", c.only)})
			}
		}
		layers = layers[c.only-1 : c.only]
	}
	stats := make([]*statistics, len(layers))
	for i := range stats {
		stats[i] = &statistics{}
	}
	var o *observation
	if len(images) > 0 {
		if o, err = observe(t, n, c, images); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, o.gram.net.Close()) }()
		report(fmt.Sprintf("calibrating %d layers on %d images", len(layers), len(images)))
		if stats, err = o.moments(ctx, layers, c.abits > 0 || c.by == "entropy"); err != nil {
			return nil, err
		}
	}
	ratios := make([][]float64, len(layers))
	var grids []placedGrid
	if c.abits > 0 {
		if grids, err = c.activate(n, layers, stats, ratios); err != nil {
			return nil, err
		}
	}
	problems := make([]*weights.Problem, len(layers))
	for i, l := range layers {
		problems[i] = weights.NewProblem(l.Rows, l.Cols, l.matrix(), stats[i].h)
	}
	bits := slices.Repeat([]float64{c.bits}, len(layers))
	if c.mixed && c.only == 0 {
		if bits, err = c.allot(ctx, o, layers, problems, stats, report); err != nil {
			return nil, err
		}
	}
	forms := make([]weights.Form, len(layers))
	losses := make([]float64, len(layers)) // of the energy of the outputs
	code := func(i int) error {
		rule := c.rule(c.settings)
		if ratios[i] != nil {
			rule = weights.Scaled{Rule: rule, By: ratios[i]}
		}
		f, err := rule.Code(problems[i], bits[i])
		if err != nil {
			return fmt.Errorf("%s: %w", n.label(layers[i]), err)
		}
		forms[i] = f
		losses[i] = problems[i].Error(f.Decode()) / max(problems[i].Signal(), math.SmallestNonzeroFloat64)
		problems[i], stats[i].h = nil, nil // second moments of all layers take the most memory
		return nil
	}
	if c.sequential && o != nil {
		if err := o.sequence(ctx, layers, problems, forms, code, report); err != nil {
			return nil, err
		}
	} else {
		// Layers are independent, so the results are those of any number of threads.
		var group errgroup.Group
		group.SetLimit(runtime.GOMAXPROCS(0))
		for i := range layers {
			group.Go(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return code(i)
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	for i, g := range grids {
		if err := fakeQuantize(n.models[g.graph], g.uses, g.grid, i+1); err != nil {
			return nil, fmt.Errorf("%s: %w", graphs[g.graph].Name, err)
		}
	}
	out := &Packed{network: n}
	for i, l := range layers {
		out.entries = append(out.entries, entry{layer: l, form: forms[i], Layer: Layer{
			Graph: l.graph, Label: n.label(l), Op: l.op, Tensor: l.root.tensor, layout: l.layout, Kind: l.kind, Bits: bits[i], Error: losses[i],
		}})
		if l.root.tensor == "" {
			out.entries[i].Constant = l.root.value
		}
	}
	return out, nil
}

// why says what keeps a network from having layers.
func (n *network) why() string {
	var reasons []string
	for _, l := range n.left {
		if l.What != "initializer" {
			reasons = append(reasons, fmt.Sprintf("%s %s: %s", l.What, l.Name, l.Reason))
		}
	}
	switch {
	case len(reasons) == 0:
		return "no Conv, ConvTranspose, MatMul or Gemm is in it"
	case len(reasons) > 4:
		reasons = append(reasons[:4], "…")
	}
	return strings.Join(reasons, "; ")
}

func observe(t onnx.Editable, n *network, c config, images []pix.Image) (*observation, error) {
	g, err := newGram(t.Info().Params["library"])
	if err != nil {
		return nil, err
	}
	o := &observation{t: t, n: n, images: images, gram: g}
	if c.important {
		o.importance, err = importanceOf(images)
	}
	return o, err
}

// A placedGrid is that of one value of a graph.
type placedGrid struct {
	graph int
	uses  []use
	grid  actGrid
}

// activate fits grids of the inputs of layers, and says by how much the columns of the
// weights of each are scaled.
func (c config) activate(n *network, layers []*layer, stats []*statistics, ratios [][]float64) ([]placedGrid, error) {
	type value struct {
		graph int
		name  string
	}
	var order []value
	at := map[value]int{}
	var out []placedGrid
	var readers [][]int // layers that read each value
	for i, l := range layers {
		kind := l.kind
		if l.root.cast != 0 {
			kind = l.root.cast
		}
		if onnxpb.TensorProto_DataType(kind) != onnxpb.TensorProto_FLOAT {
			return nil, fmt.Errorf("%s computes with %s: activations are quantized in float32 graphs only; export it in float32, or leave abits out", n.label(l), onnxfile.TypeName(kind))
		}
		for _, u := range l.uses {
			v := value{l.graph, u.input}
			k, known := at[v]
			if !known {
				k = len(order)
				at[v] = k
				order = append(order, v)
				out = append(out, placedGrid{graph: l.graph})
				readers = append(readers, nil)
			}
			out[k].uses = append(out[k].uses, u)
			if !slices.Contains(readers[k], i) {
				readers[k] = append(readers[k], i)
			}
		}
	}
	for k := range out {
		g := &out[k]
		r := stats[readers[k][0]].ranges
		foldable := c.activations != oneStep
		for _, i := range readers[k] {
			// A layer of several inputs or groups has no one scale a column.
			foldable = foldable && len(layers[i].uses) == 1 && layers[i].uses[0].groups == 1 && layers[i].uses[0].channel == g.uses[0].channel
		}
		var ratio []float64
		switch {
		case !foldable:
			g.grid = activationOf(r, c.abits)
		case c.activations == smooth:
			peaks := make([]float64, len(r.low))
			for _, i := range readers[k] {
				l := layers[i]
				per := l.Cols / len(peaks)
				for j, at := range l.place {
					ch := j % l.Cols / per
					peaks[ch] = max(peaks[ch], math.Abs(float64(l.values[at])))
				}
			}
			g.grid, ratio = smoothed(r, c.abits, peaks)
		default:
			g.grid, ratio = folded(r, c.abits, c.activations == foldedMedian)
		}
		if c.digits > 0 {
			g.grid.dyadicStep(c.digits)
		}
		if ratio == nil {
			continue
		}
		for _, i := range readers[k] {
			l := layers[i]
			per := l.Cols / len(ratio)
			ratios[i] = make([]float64, l.Cols)
			for j := range ratios[i] {
				ratios[i][j] = min(max(ratio[j/per], 0x1p-12), 0x1p12)
			}
		}
	}
	return out, nil
}

// sequence codes one layer after the other. Each is fitted to give for the inputs that it
// gets, of the layers before as they are now, what it gave before for its own (the
// asymmetric calibration of block-wise reconstruction): its weights become
// (W·E[x x̂ᵀ] + δW)(E[x̂ x̂ᵀ] + δ)⁻¹ before they are coded. A decoder is calibrated on what
// the encoder gave before.
func (o *observation) sequence(ctx context.Context, layers []*layer, problems []*weights.Problem, forms []weights.Form, code func(int) error, report func(string)) error {
	full, err := o.n.bytes()
	if err != nil {
		return err
	}
	for i, l := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		report(fmt.Sprintf("fitting layer %d of %d", i+1, len(layers)))
		if l.Cols <= maxMoments/4 {
			now, err := o.n.bytes()
			if err != nil {
				return err
			}
			for g := range l.graph {
				now[g] = full[g]
			}
			h, cross, err := o.cross(ctx, l, full, now)
			if err != nil {
				return err
			}
			w, err := target(problems[i], h, cross)
			if err != nil {
				return fmt.Errorf("%s: %w", o.n.label(l), err)
			}
			problems[i] = weights.NewProblem(l.Rows, l.Cols, w, h)
		}
		if err := code(i); err != nil {
			return err
		}
		o.n.set(l, l.stored(forms[i].Decode()))
	}
	return nil
}

// cross finds E[x̂ x̂ᵀ] and E[x x̂ᵀ] of the inputs of a layer in two versions of the graphs.
func (o *observation) cross(ctx context.Context, l *layer, full, now []onnx.Graph) (h, cross []float64, err error) {
	const every = 2 // half of the positions: pairs take twice the columns
	values := make([][]string, len(full))
	for _, u := range l.uses {
		values[l.graph] = append(values[l.graph], u.input)
	}
	var before [][]float32
	collect := func(graphs []onnx.Graph, see func(k int, rows []float32) error) error {
		shown, names, err := exposed(graphs, values)
		if err != nil {
			return err
		}
		k := 0
		return o.t.Observe(ctx, shown, names, o.images, func(image, g int, name string, shape []int64, data []float32) error {
			for _, u := range l.uses {
				if observed(u.input) != name || g != l.graph {
					continue
				}
				rows, err := o.rows(l, u, image, shape, data)
				if err != nil {
					return err
				}
				rows = rows[:max(1, len(rows)/l.Cols/every)*l.Cols]
				if err := see(k, rows); err != nil {
					return err
				}
				k++
			}
			return nil
		})
	}
	if err := collect(full, func(_ int, rows []float32) error {
		before = append(before, rows)
		return nil
	}); err != nil {
		return nil, nil, fmt.Errorf("calibrating: %w", err)
	}
	n := l.Cols
	both := make([]float64, 4*n*n)
	count := 0.0
	if err := collect(now, func(k int, rows []float32) error {
		pairs := make([]float32, 0, 2*len(rows))
		for at := 0; at < len(rows); at += n {
			pairs = append(pairs, before[k][at:][:n]...)
			pairs = append(pairs, rows[at:][:n]...)
		}
		count += float64(len(rows) / n)
		return o.gram.add(both, pairs, 2*n)
	}); err != nil {
		return nil, nil, fmt.Errorf("calibrating: %w", err)
	}
	h, cross = make([]float64, n*n), make([]float64, n*n)
	for i := range n {
		for j := range n {
			h[i*n+j] = both[(n+i)*2*n+n+j] / count
			cross[i*n+j] = both[i*2*n+n+j] / count
		}
	}
	return h, cross, nil
}

// target are the weights that give for new inputs what the old ones gave for the old.
func target(p *weights.Problem, h, cross []float64) ([]float64, error) {
	n := p.Cols
	var trace float64
	for i := range n {
		trace += h[i*n+i] / float64(n)
	}
	delta := weights.Damp * max(trace, 1e-12)
	a := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			a.SetSym(i, j, h[i*n+j])
		}
		a.SetSym(i, i, h[i*n+i]+delta)
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, errors.New("the second moments of its inputs are not those of any numbers")
	}
	var b, x mat.Dense
	b.Mul(mat.NewDense(p.Rows, n, p.W), mat.NewDense(n, n, cross))
	for i, w := range p.W {
		b.Set(i/n, i%n, b.At(i/n, i%n)+delta*w)
	}
	var condition mat.Condition
	if err := chol.SolveTo(&x, b.T()); err != nil && !errors.As(err, &condition) {
		return nil, err
	}
	out := make([]float64, len(p.W))
	for r := range p.Rows {
		for j := range n {
			out[r*n+j] = x.At(j, r)
		}
	}
	return out, nil
}
