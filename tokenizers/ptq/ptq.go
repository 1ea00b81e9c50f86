// Package ptq measures what quantizing a tokenizer's weights costs: it takes a tokenizer
// that runs ONNX graphs, quantizes the weights of its convolutions and products after
// training, and is the tokenizer with the weights that are left.
//
// Its opinion: bits are what a file has. Every network is written as one packed file with
// all scales, books, outliers and branches, read back, and measured with the weights that
// the file decodes to and no others. Rules are those of package weights; a published
// method is a line of the table of presets, and what differs from its paper stands in
// docs/weights.md.
//
//	ptq:of=conv-vq,rule=gptq,bits=4
//	ptq:of={onnx:encoder=enc.onnx,decoder=dec.onnx},rule=mixed,bits=3,abits=8
//
// A packed network is made once and kept in the cache folder under the digest of all that
// it depends on.
package ptq

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/onnx"
)

// version changes when the same network and options would give other weights.
const version = "1"

const extension = ".vtbw"

// maxPacked bounds a file of the cache.
const maxPacked = 2 << 30

// Kind is the entry of the registry; kinds lists what can be quantized.
func Kind(kinds func() []tokenizers.Kind) tokenizers.Kind {
	of := tokenizers.SpecOption("of", "the tokenizer, one that runs ONNX graphs: conv-vq, onnx:…", kinds)
	of.Required = true
	return tokenizers.Kind{
		Name:    "ptq",
		Summary: "a tokenizer of ONNX graphs with its weights quantized after training",
		Source:  "GPTQ, HAWQ-V3, KVQuant, SVDQuant, VPTQ and others; docs/weights.md",
		Example: "ptq:of=conv-vq,rule=gptq,bits=4",
		Options: []tokenizers.Option{
			of,
			tokenizers.ChoiceOption("rule", "how weights are quantized", presetNames()...),
			{Name: "bits", Help: "of a weight, 1 to 8; 1.58 for three values; on average with rule=mixed; the rule's own unless given", Check: checkBits},
			{Name: "abits", Help: "of an activation, 2 to 8; 0 leaves them as they are; the rule's own unless given", Check: func(v string) error {
				if n, err := strconv.Atoi(v); v != "" && (err != nil || n != 0 && (n < 2 || n > 8)) {
					return errors.New("want 0, or a whole number from 2 to 8")
				}
				return nil
			}},
			tokenizers.ChoiceOption("per", "what shares a scale", "channel", "tensor"),
			tokenizers.IntOption("group", 0, 0, 1<<16, "weights of a row that share a scale; 0: the row"),
			tokenizers.IntOption("rank", 2, 1, 256, "of the branch of lowrank; qvgen begins with four times as much"),
			tokenizers.FloatOption("outliers", 1, 0, 50, "per cent of the weights that nuq keeps exactly"),
			tokenizers.IntOption("dyadic", 31, 2, 31, "binary digits of the steps of dyadic"),
			tokenizers.ChoiceOption("by", "what mixed gives bits by: error of the outputs, trace of the Hessian, drop of T-NED and F-Sim, entropy of activations", byError, byTrace, byDrop, byEntropy),
			tokenizers.ChoiceOption("cost", "what mixed keeps to: the bits of all weights, or bits times measured time", costSize, costTime),
			{Name: "sensitivity", Help: "file of what was measured of single layers, for by=drop and cost=time; those of some networks ship"},
			tokenizers.ChoiceOption("calibrate", "what networks are calibrated on: photographs and text whose role it is, or images drawn from stored statistics alone", "sample", "synthetic"),
			tokenizers.IntOption("only", 0, 0, maxLayers, "the number of the only layer that is quantized, from 1; 0: all"),
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			return Open(ctx, opts, kinds())
		},
	}
}

func checkBits(v string) error {
	if b, err := strconv.ParseFloat(v, 64); v != "" && (err != nil || !(b >= 1 && b <= 8)) {
		return errors.New("want a number from 1 to 8")
	}
	return nil
}

// configOf reads the options.
func configOf(opts tokenizers.Options) (config, error) {
	p, err := presetOf(opts["rule"])
	if err != nil {
		return config{}, fmt.Errorf("ptq: %w", err)
	}
	c := config{preset: p, bits: p.bits, abits: p.abits, by: opts["by"], cost: opts["cost"], synthetic: opts["calibrate"] == "synthetic", only: opts.Int("only")}
	if opts["bits"] != "" {
		c.bits = opts.Float("bits")
	}
	if opts["abits"] != "" {
		c.abits = opts.Int("abits")
	}
	if isTernary(c.bits) {
		c.bits = math.Log2(3)
	}
	if !p.fits(c.bits) {
		return config{}, fmt.Errorf("ptq: rule=%s has no codes of bits=%s: %s", p.name, opts["bits"], p.takes())
	}
	c.settings = settings{shared: opts["per"] == "tensor", group: opts.Int("group"), rank: opts.Int("rank"), outliers: opts.Float("outliers")}
	if p.name == "dyadic" {
		c.digits = opts.Int("dyadic")
	}
	switch {
	case c.shared && c.group > 0:
		return config{}, errors.New("ptq: group is a part of a row, per=tensor is all rows: use one of them")
	case !p.mixed && (c.by != byError || c.cost != costSize):
		return config{}, fmt.Errorf("ptq: by and cost belong to rule=mixed, not to %s", p.name)
	}
	return c, nil
}

// takes says which bits a rule has codes of.
func (p preset) takes() string {
	text := "it has"
	for _, b := range []float64{1, 1.5, math.Log2(3), 2, 2.5, 3, 4, 5, 6, 7, 8} {
		if p.fits(b) {
			text += " " + bitsText(b)
		}
	}
	return text
}

func bitsText(b float64) string {
	if isTernary(b) {
		return "1.58"
	}
	return strconv.FormatFloat(b, 'g', 4, 64)
}

// Open quantizes a tokenizer, or finds it quantized in the cache, and opens it.
func Open(ctx context.Context, opts tokenizers.Options, kinds []tokenizers.Kind) (_ tokenizers.Tokenizer, err error) {
	inner, err := openInner(ctx, opts, kinds)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeOf(inner)) }()
	u, err := packedOf(ctx, inner, opts)
	if err != nil {
		return nil, err
	}
	return inner.WithGraphs(u.Graphs, func(in *tokenizers.Info) {
		in.Version += "+ptq" + version
		in.Weights = u.Digest
		in.WeightBytes = int64(u.Bytes)
		params := map[string]string{}
		for k, v := range in.Params {
			params[k] = v
		}
		for k, v := range u.Made {
			params[k] = v
		}
		params["nominal_bits"] = strconv.FormatFloat(u.Nominal(), 'f', 3, 64)
		params["real_bits"] = strconv.FormatFloat(u.Real(), 'f', 3, 64)
		params["quantized_weights"] = strconv.Itoa(u.Weights())
		in.Params = params
	})
}

func closeOf(t tokenizers.Tokenizer) error {
	if c, ok := t.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// openInner opens the tokenizer that is quantized.
func openInner(ctx context.Context, opts tokenizers.Options, kinds []tokenizers.Kind) (onnx.Editable, error) {
	spec, err := tokenizers.ParseSpec(opts["of"], kinds)
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	kind, own, err := tokenizers.Resolve(spec, kinds)
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	t, err := kind.Open(ctx, own)
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	inner, ok := t.(onnx.Editable)
	if !ok {
		err := fmt.Errorf("ptq: %s runs no ONNX graph whose weights could be quantized: of takes conv, its presets, and onnx", spec.Name)
		return nil, errors.Join(err, closeOf(t))
	}
	return inner, nil
}

// Quantize returns the packed network of the options of a [Kind], as [Open] measures it,
// with the bytes of its file.
func Quantize(ctx context.Context, opts tokenizers.Options, kinds []tokenizers.Kind) (_ *Unpacked, file []byte, err error) {
	inner, err := openInner(ctx, opts, kinds)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, closeOf(inner)) }()
	file, err = fileOf(ctx, inner, opts)
	if err != nil {
		return nil, nil, err
	}
	u, err := Unpack(file)
	return u, file, err
}

func packedOf(ctx context.Context, inner onnx.Editable, opts tokenizers.Options) (*Unpacked, error) {
	file, err := fileOf(ctx, inner, opts)
	if err != nil {
		return nil, err
	}
	return Unpack(file)
}

// making lets one network at a time be quantized: it takes all cores by itself, and the
// second moments of several networks would be in memory at once.
var making sync.Mutex

// fileOf finds the packed file in the cache, or makes it and puts it there. Its name holds
// the digest of all that it depends on.
func fileOf(ctx context.Context, inner onnx.Editable, opts tokenizers.Options) ([]byte, error) {
	c, err := configOf(opts)
	if err != nil {
		return nil, err
	}
	in := inner.Info()
	if c.by == byDrop || c.cost == costTime {
		if c.table, err = tableOf(opts["sensitivity"], in.Weights); err != nil {
			return nil, fmt.Errorf("ptq: %w", err)
		}
	}
	graphs, err := inner.Graphs()
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	images, err := c.images(inner)
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	made := map[string]string{"of": in.Name, "rule": c.name, "bits": bitsText(c.bits), "abits": strconv.Itoa(c.abits), "ptq": version}
	if len(images) > 0 {
		made["calibrated_on"] = imagesDigest(images)
	}
	for _, name := range []string{"per", "group", "rank", "outliers", "dyadic", "by", "cost", "calibrate", "only"} {
		made[name] = opts[name]
	}
	if c.table != nil {
		made["sensitivity"] = c.table.digest
	}
	key, err := json.Marshal(struct {
		Made    map[string]string
		Of      tokenizers.Info
		Digests []string
	}{made, in, digests(graphs)})
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("ptq: finding the cache folder: %w", err)
	}
	dir := filepath.Join(cache, "vtbench", "fitted")
	file := filepath.Join(dir, fmt.Sprintf("ptq-%s-%sbit-%.16s%s", c.name, bitsText(c.bits), sum(key), extension))
	data, err := files.Read(file, maxPacked)
	if err == nil {
		if _, err := Unpack(data); err == nil {
			return data, nil
		} // a file that is damaged is made again
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	making.Lock()
	defer making.Unlock()
	if data, err := files.Read(file, maxPacked); err == nil { // another one made it meanwhile
		if _, err := Unpack(data); err == nil {
			return data, nil
		}
	}
	progress := tokenizers.Progress(ctx)
	progress("quantizing " + in.Name + " once, into " + file)
	p, err := quantize(ctx, inner, graphs, c, images, progress)
	if err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	p.made = made
	if data, err = p.Bytes(); err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("ptq: making the cache folder: %w", err)
	}
	if err := wholefile.Write(file, data); err != nil {
		return nil, fmt.Errorf("ptq: %w", err)
	}
	return data, nil
}

func digests(graphs []onnx.Graph) []string {
	var out []string
	for _, g := range graphs {
		out = append(out, sum(g.Data))
	}
	return slices.Clip(out)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
