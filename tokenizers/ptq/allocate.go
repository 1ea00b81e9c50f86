package ptq

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/tokenizers/ptq/weights"
)

// allotted are the bits that a layer can get.
var allotted = []float64{2, 3, 4, 5, 6, 8}

// Bits by sensitivity. All ways begin with the error of a layer's outputs at each number
// of bits, as part of their energy, and weight it.
const (
	byError   = "error"   // nothing else: all layers count alike
	byTrace   = "trace"   // by the trace of the Hessian (HAWQ)
	byDrop    = "drop"    // by how much less is read and recognised without the layer's precision (LRP-QViT)
	byEntropy = "entropy" // by the entropy of what goes in; neighbours above the mean share bits (Q-VLM)
)

// allot gives every layer bits: those of the least sum of weighted errors that cost no
// more than c.bits everywhere.
func (c config) allot(ctx context.Context, o *observation, layers []*layer, problems []*weights.Problem, stats []*statistics, report func(string)) ([]float64, error) {
	report(fmt.Sprintf("trying %d layers at %d numbers of bits", len(layers), len(allotted)))
	errs := make([][]float64, len(layers))    // of outputs, relative
	squares := make([][]float64, len(layers)) // of weights, absolute
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range problems {
		errs[i], squares[i] = make([]float64, len(allotted)), make([]float64, len(allotted))
		group.Go(func() error {
			signal := max(p.Signal(), math.SmallestNonzeroFloat64)
			for k, b := range allotted {
				if err := ctx.Err(); err != nil {
					return err
				}
				f, err := c.rule(c.settings).Code(p, b)
				if err != nil {
					return fmt.Errorf("%s: %w", o.n.label(layers[i]), err)
				}
				w := f.Decode()
				errs[i][k] = p.Error(w) / signal
				for j, v := range w {
					squares[i][k] += (v - p.W[j]) * (v - p.W[j])
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	costs := make([]float64, len(layers))
	for i, l := range layers {
		costs[i] = float64(len(l.values))
	}
	var own []Measured
	if c.by == byDrop || c.cost == costTime {
		var err error
		if own, err = c.table.of(o.n, layers); err != nil {
			return nil, err
		}
	}
	if c.cost == costTime {
		for i := range costs {
			costs[i] = own[i].Milliseconds
		}
	}
	blocks := make([][]int, len(layers)) // that share bits
	for i := range blocks {
		blocks[i] = []int{i}
	}
	weight := slices.Repeat([]float64{1}, len(layers))
	switch c.by {
	case byTrace:
		traces, err := o.traces(ctx, layers, report)
		if err != nil {
			return nil, err
		}
		// HAWQ-V3: Ω = mean trace · ‖Q(W)−W‖².
		for i := range errs {
			for k := range errs[i] {
				errs[i][k] = squares[i][k]
			}
			weight[i] = traces[i] / float64(len(layers[i].values))
		}
	case byDrop:
		for i := range errs {
			base := errs[i][slices.Index(allotted, dropBits)]
			weight[i] = own[i].drop() / max(base, 1e-12)
		}
	case byEntropy:
		entropies := make([]float64, len(layers))
		for i, s := range stats {
			entropies[i] = s.ranges.bits()
			weight[i] = entropies[i]
		}
		middle := mean(entropies)
		blocks = blocks[:0]
		for i := range layers {
			if i > 0 && entropies[i] > middle && entropies[i-1] > middle && layers[i].graph == layers[i-1].graph {
				last := len(blocks) - 1
				blocks[last] = append(blocks[last], i)
				continue
			}
			blocks = append(blocks, []int{i})
		}
	}
	choices := make([][]choice, len(blocks))
	var budget float64
	for b, members := range blocks {
		for k, bits := range allotted {
			var x choice
			for _, i := range members {
				x.cost += costs[i] * bits
				x.loss += weight[i] * errs[i][k]
			}
			choices[b] = append(choices[b], x)
		}
		for _, i := range members {
			budget += costs[i] * c.bits
		}
	}
	picked, err := knapsack(choices, budget)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(layers))
	for b, members := range blocks {
		for _, i := range members {
			out[i] = allotted[picked[b]]
		}
	}
	return out, nil
}

// A choice is what one number of bits costs and loses.
type choice struct{ cost, loss float64 }

// maxFront bounds how many partial sums are kept.
const maxFront = 1 << 20

// knapsack picks one choice of every list, of the least loss in all at a cost within the
// budget. It is exact: of all partial sums only those are dropped that another one is no
// worse than in both. This is the integer programme of HAWQ-V3 with one constraint.
func knapsack(lists [][]choice, budget float64) ([]int, error) {
	type sum struct {
		choice
		from, took int // the sum of the lists before, and the choice of this one
	}
	front := []sum{{}}
	history := make([][]sum, len(lists))
	for n, list := range lists {
		least := 0.0 // that the lists behind cost at least
		for _, later := range lists[n+1:] {
			low := math.Inf(1)
			for _, c := range later {
				low = min(low, c.cost)
			}
			least += low
		}
		var next []sum
		for f, s := range front {
			for k, c := range list {
				if cost := s.cost + c.cost; cost+least <= budget*(1+1e-9) {
					next = append(next, sum{choice{cost, s.loss + c.loss}, f, k})
				}
			}
		}
		slices.SortStableFunc(next, func(a, b sum) int {
			switch {
			case a.cost != b.cost:
				if a.cost < b.cost {
					return -1
				}
				return 1
			case a.loss < b.loss:
				return -1
			case a.loss > b.loss:
				return 1
			}
			return 0
		})
		front = front[:0:0]
		best := math.Inf(1)
		for _, s := range next {
			if s.loss < best {
				best = s.loss
				front = append(front, s)
			}
		}
		switch {
		case len(front) == 0:
			return nil, fmt.Errorf("no choice of bits costs as little as asked: %g bits are the least", allotted[0])
		case len(front) > maxFront:
			return nil, fmt.Errorf("there are more than %d combinations of bits to compare", maxFront)
		}
		history[n] = front
	}
	out := make([]int, len(lists))
	at := len(front) - 1 // the costliest is the one of least loss
	for n := len(lists) - 1; n >= 0; n-- {
		out[n] = history[n][at].took
		at = history[n][at].from
	}
	return out, nil
}

const (
	traceImages = 2   // of photographs and of text
	traceDraws  = 2   // of random signs
	traceStep   = .01 // of the weights' own spread
)

// traces are Hutchinson estimates of the trace of the Hessian of each layer: the mean of
// vᵀHv over random signs v. The loss is the squared difference from what the network gave
// before, which has its least value, nothing, at the weights as they are; so for a small ε
// vᵀHv = (L(W+εv) + L(W−εv))/ε², a finite difference in place of the gradient that HAWQ
// takes.
func (o *observation) traces(ctx context.Context, layers []*layer, report func(string)) ([]float64, error) {
	few := &observation{t: o.t, n: o.n, gram: o.gram}
	half := len(o.images) / 2
	few.images = slices.Concat(o.images[:min(traceImages, half)], o.images[half:][:min(traceImages, half)])
	before, err := few.outputs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(layers))
	for i, l := range layers {
		report(fmt.Sprintf("measuring the sensitivity of layer %d of %d", i+1, len(layers)))
		var spread float64
		for _, v := range l.values {
			spread += float64(v) * float64(v) / float64(len(l.values))
		}
		step := traceStep * math.Sqrt(spread)
		if step == 0 {
			continue
		}
		rng := rand.New(rand.NewPCG(calibrationSeed, uint64(l.part)))
		for range traceDraws {
			signs := make([]float32, len(l.values))
			for k := range signs {
				signs[k] = float32(1 - 2*int(rng.Uint32()&1))
			}
			for _, side := range []float64{step, -step} {
				moved := make([]float32, len(l.values))
				for k, v := range l.values {
					moved[k] = v + float32(side)*signs[k]
				}
				o.n.set(l, moved)
				now, err := few.outputs(ctx)
				if err != nil {
					return nil, err
				}
				for j, v := range now {
					d := float64(v) - float64(before[j])
					out[i] += d * d / float64(len(now)) / (step * step) / traceDraws
				}
			}
		}
		o.n.set(l, l.values)
	}
	return out, nil
}

// outputs are the numbers that the last graph gives for all images.
func (o *observation) outputs(ctx context.Context) ([]float32, error) {
	graphs, err := o.n.bytes()
	if err != nil {
		return nil, err
	}
	last := len(graphs) - 1
	values := make([][]string, len(graphs))
	values[last] = o.n.models[last].Outputs()
	shown, names, err := exposed(graphs, values)
	if err != nil {
		return nil, err
	}
	var out []float32
	err = o.t.Observe(ctx, shown, names, o.images, func(_, _ int, _ string, _ []int64, data []float32) error {
		out = append(out, data...)
		return nil
	})
	return out, err
}

// What a bit more costs.
const (
	costSize = "size"
	costTime = "time" // as if time went with bits, which it does where memory is what counts (OHQ)
)

// dropBits are those that a layer had alone when its drop was measured.
const dropBits = 2

// Sensitivities are what was measured of single layers of one network: how much less is
// read and recognised with the layer at two bits and all others as they were, and the time
// that it takes. `go run ./tokenizers/ptq/sensitivity` measures them.
type Sensitivities struct {
	Weights string     `json:"weights"` // digest of the network
	Of      string     `json:"of"`      // its spec
	Layers  []Measured `json:"layers"`
	digest  string
}

// Measured is what was measured of one layer.
type Measured struct {
	Label        string  `json:"label"`
	TNED         float64 `json:"t_ned"` // drop, of one
	FSim         float64 `json:"f_sim"` // drop, of one
	Milliseconds float64 `json:"ms"`    // of the calibration images, each
}

// drop joins both; what rose by chance is nothing, and nothing is not quite none.
func (m Measured) drop() float64 { return max(m.TNED, 0) + max(m.FSim, 0) + 1e-4 }

const maxSensitivities = 1 << 20

//go:embed sensitivity/*.json
var shippedTables embed.FS

// tableOf reads the table of a network: a file, or the one that ships.
func tableOf(file, digest string) (*Sensitivities, error) {
	read := func(data []byte) (*Sensitivities, error) {
		s := &Sensitivities{digest: sum(data)}
		return s, boundedjson.Unmarshal(data, s, 8*maxSensitivities)
	}
	if file != "" {
		s, err := ReadSensitivities(file)
		if err != nil {
			return nil, err
		}
		if s.Weights != digest {
			return nil, fmt.Errorf("%s is of another network (%.12s, this one is %.12s): measure it again", file, s.Weights, digest)
		}
		return s, nil
	}
	names, err := fs.Glob(shippedTables, "sensitivity/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := shippedTables.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := read(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if s.Weights == digest {
			return s, nil
		}
	}
	return nil, errors.New("nothing was measured of single layers of this network: `go run ./tokenizers/ptq/sensitivity -of SPEC -o FILE`, then sensitivity=FILE; or use by=trace and cost=size")
}

// ReadSensitivities reads a table that `go run ./tokenizers/ptq/sensitivity` wrote.
func ReadSensitivities(file string) (*Sensitivities, error) {
	data, err := files.Read(file, maxSensitivities)
	if err != nil {
		return nil, fmt.Errorf("reading sensitivities: %w", err)
	}
	s := &Sensitivities{digest: sum(data)}
	if err := boundedjson.Unmarshal(data, s, 8*maxSensitivities); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

// of finds the entries of layers.
func (s *Sensitivities) of(n *network, layers []*layer) ([]Measured, error) {
	out := make([]Measured, len(layers))
	for i, l := range layers {
		k := slices.IndexFunc(s.Layers, func(m Measured) bool { return m.Label == n.label(l) })
		if k < 0 {
			return nil, fmt.Errorf("the table of sensitivities has no layer %q", n.label(l))
		}
		out[i] = s.Layers[k]
	}
	return out, nil
}
