package onnx

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Graph is the encoder or decoder of a tokenizer, or its only graph, with all its
// weights.
type Graph struct {
	Name string // for messages: the file, or what the program calls it
	Data []byte
}

// An Editable tokenizer runs graphs that can be had, and replaced by others of the same
// inputs and outputs.
type Editable interface {
	tokenizers.Tokenizer
	// Graphs returns the encoder and, where there is one, the decoder.
	Graphs() ([]Graph, error)
	// WithGraphs opens the tokenizer again with other graphs. describe changes what it
	// says of itself. The caller closes it where it is an io.Closer.
	WithGraphs(graphs []Graph, describe func(*tokenizers.Info)) (tokenizers.Tokenizer, error)
	// Observe runs images, one at a time, through graphs that have more outputs than the
	// tokenizer's own: those of graph g that are named in names[g], which are of float32.
	// Data is valid until see returns. The decoder is fed by the encoder given.
	Observe(ctx context.Context, graphs []Graph, names [][]string, in []pix.Image, see func(image, graph int, name string, shape []int64, data []float32) error) error
}

var _ Editable = (*Tokenizer)(nil)

// Graphs implements [Editable].
func (t *Tokenizer) Graphs() ([]Graph, error) {
	out := make([]Graph, len(t.from))
	for i, from := range t.from {
		data := from.data
		if data == nil {
			var err error
			if data, err = files.Read(from.name, onnxfile.MaxBytes); err != nil {
				return nil, fmt.Errorf("onnx: %w", err)
			}
			m, err := onnxfile.Parse(data)
			if err == nil {
				err = m.Inline(filepath.Dir(from.name))
			}
			if err == nil {
				data, err = m.Bytes()
			}
			if err != nil {
				return nil, fmt.Errorf("onnx: reading %s: %w", from.name, err)
			}
		}
		out[i] = Graph{from.name, data}
	}
	return out, nil
}

// WithGraphs implements [Editable].
func (t *Tokenizer) WithGraphs(graphs []Graph, describe func(*tokenizers.Info)) (tokenizers.Tokenizer, error) {
	if len(graphs) != len(t.from) {
		return nil, fmt.Errorf("onnx: %d graphs instead of %d", len(graphs), len(t.from))
	}
	sources := make([]source, 2)
	digest := sha256.New()
	for i, g := range graphs {
		sources[i] = source{g.Name, g.Data}
		digest.Write(g.Data) // a hash never fails
		digest.Write(fmt.Appendf(nil, "|%d|", len(g.Data)))
	}
	other, err := open(sources[0], sources[1], t.side, digest, t.set)
	if err != nil {
		return nil, err
	}
	describe(&other.info)
	return other.withAbilities(), nil
}

// Observe implements [Editable].
func (t *Tokenizer) Observe(ctx context.Context, graphs []Graph, names [][]string, in []pix.Image, see func(image, graph int, name string, shape []int64, data []float32) error) (err error) {
	if len(graphs) != len(t.from) || len(names) != len(graphs) {
		return fmt.Errorf("onnx: %d graphs instead of %d", len(graphs), len(t.from))
	}
	opened := make([]*graph, len(graphs))
	defer func() {
		for _, g := range opened {
			if g != nil {
				err = errors.Join(err, g.session.Destroy())
			}
		}
	}()
	for i, g := range graphs {
		ins, outs := t.enc.inputs, pickNames(t.enc.outputs, t.wires)
		if i == 1 {
			ins, outs = t.dec.inputs, nil
		}
		for _, name := range names[i] {
			outs = append(outs, tensor{name: name, dtype: ortlib.TensorElementDataTypeFloat})
		}
		if len(outs) == 0 {
			continue // nothing of it is asked for
		}
		if opened[i], err = newGraph(source{g.Name, g.Data}, ins, outs, t.set); err != nil {
			return err
		}
	}
	if opened[0] == nil {
		return nil
	}
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.observe(ctx, opened, names, m, func(g int, name string, shape []int64, data []float32) error {
			return see(i, g, name, shape, data)
		}); err != nil {
			return err
		}
	}
	return nil
}

// observe runs one image.
func (t *Tokenizer) observe(ctx context.Context, opened []*graph, names [][]string, m pix.Image, see func(g int, name string, shape []int64, data []float32) error) error {
	if err := t.info.Accepts(m.W, m.H); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	input, err := t.in.value([][]pix.Image{t.still(m)}, max(1, t.fixed))
	if err != nil {
		return fmt.Errorf("onnx: %s: input %q: %w", t.enc.file, t.in.tensor.name, err)
	}
	defer destroy(input)
	var tokens *values
	for g, graph := range opened {
		if graph == nil {
			continue
		}
		feed := []ortlib.Value{input}
		if g == 1 {
			feed = feed[:0]
			for _, w := range t.wires {
				feed = append(feed, tokens.get(w))
			}
		}
		out, err := graph.run(ctx, feed)
		if err != nil {
			return err
		}
		defer out.free()
		if g == 0 {
			tokens = out
		}
		for _, name := range names[g] {
			v, ok := out.get(name).(*ortlib.Tensor[float32])
			if !ok {
				return fmt.Errorf("onnx: %s: value %q is a %T where float32 was asked for", graph.file, name, out.get(name))
			}
			if err := see(g, name, v.GetShape(), v.GetData()); err != nil {
				return err
			}
		}
	}
	return nil
}

func pickNames(outs []tensor, names []string) []tensor {
	return slices.DeleteFunc(slices.Clone(outs), func(t tensor) bool { return !slices.Contains(names, t.name) })
}
