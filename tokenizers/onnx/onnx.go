// Package onnx runs a tokenizer that was exported as ONNX: an encoder and a
// decoder, or one graph from image to image.
//
// Its opinion: a graph says which tensors it takes, not what their numbers mean,
// so that stands in a small YAML file beside it ([Sidecar]) and is never guessed
// where a guess could be wrong without showing. Names, types and shapes are
// checked when the model is opened, with the tensor's name in the error: not
// after an hour, on the first batch.
//
//	onnx:model=vae.onnx
//	onnx:encoder=enc.onnx,decoder=dec.onnx
//
// Sessions run on one thread each unless told otherwise and may be used by several
// workers at once, so that the workers, not ONNX Runtime's pool, fill the
// machine.
package onnx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/tokenizers"
)

// defaultBatch is how many images a graph with a free batch axis gets at once.
const defaultBatch = 8

// Kind is the registry entry.
func Kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "onnx",
		Summary: "a model exported as ONNX: encoder and decoder, or one graph",
		Example: "onnx:encoder=enc.onnx,decoder=dec.onnx",
		Guess: func(path string) string {
			if !strings.HasSuffix(path, ".onnx") {
				return ""
			}
			return "onnx:model=" + path
		},
		Options: []tokenizers.Option{
			{Name: "model", Help: "one graph from image to image"},
			{Name: "encoder", Help: "graph from image to tokens"},
			{Name: "decoder", Help: "graph from tokens to image"},
			{Name: "config", Help: "sidecar YAML; the one beside the model or encoder (vae.yaml) unless named"},
			{Name: "onnxruntime", Help: "ONNX Runtime library; found in $" + ort.Env + " and the usual places unless named"},
			tokenizers.IntOption("threads", 1, 1, 1024, "threads of one call"),
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			t, err := Open(ctx, opts)
			if err != nil {
				return nil, err
			}
			return t.withAbilities(), nil
		},
	}
}

// A tensor is an input or output of a graph.
type tensor struct {
	name  string
	dtype ortlib.TensorElementDataType
	shape ortlib.Shape // -1: any
}

func (t tensor) String() string {
	dims := make([]string, len(t.shape))
	for i, d := range t.shape {
		if dims[i] = strconv.FormatInt(d, 10); d < 0 {
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%q (%s [%s])", t.name, typeName(t.dtype), strings.Join(dims, ", "))
}

func typeName(d ortlib.TensorElementDataType) string {
	return strings.ToLower(strings.TrimPrefix(d.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}

// A source is where a graph comes from.
type source struct {
	name string // for messages: the file, or what the program calls it
	data []byte // the graph itself; nil where it lies in the file of that name
}

// A graph is one model with a session.
type graph struct {
	file    string
	session *ortlib.DynamicAdvancedSession
	inputs  []tensor
	outputs []tensor // those that are asked for, in this order
}

// A Tokenizer runs one or two graphs.
type Tokenizer struct {
	info    tokenizers.Info
	side    *Sidecar
	enc     *graph // the only graph where dec is nil
	dec     *graph
	in      imageTensor // image into the encoder
	out     imageTensor // image out of the last graph
	wires   []string    // for each input of the decoder, the encoder's output
	fixed   int         // batch the graphs insist on; 0: any
	decodes bool        // the decoder needs nothing but the ids
	// from are the graphs, and set how they are run: to have them again, edited.
	from []source
	set  settings
	// warnings are what its author should know and no check can be sure of.
	warnings []string

	mu     sync.RWMutex // read: in use; write: closing
	closed bool
}

// An imageTensor is an input or output of a graph that holds images, or clips of frames,
// with how its numbers become bytes and back.
type imageTensor struct {
	tensor tensor
	layout string // one of layouts
	bgr    bool
	scales [3]affine
}

// Open loads the graphs, checks them against the sidecar and each other, and
// makes their sessions.
func Open(_ context.Context, opts tokenizers.Options) (*Tokenizer, error) {
	model, encoder, decoder := opts["model"], opts["encoder"], opts["decoder"]
	switch {
	case model != "" && (encoder != "" || decoder != ""):
		return nil, errors.New("onnx: give either model, or encoder and decoder, not both")
	case model == "" && (encoder == "" || decoder == ""):
		return nil, errors.New("onnx: give model=FILE for one graph from image to image, or encoder=FILE and decoder=FILE")
	case model != "":
		encoder = model
	}
	side, err := readSidecar(opts["config"], encoder)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	digest := sha256.New()
	var size int64
	for _, f := range []string{encoder, decoder} {
		if f != "" {
			n, err := onnxfile.Digest(digest, f)
			if err != nil {
				return nil, fmt.Errorf("onnx: %w", err)
			}
			size += n
		}
	}
	set := settings{library: opts["onnxruntime"], threads: max(1, opts.Int("threads"))}
	t, err := open(source{name: encoder}, source{name: decoder}, side, digest, set)
	if err == nil {
		t.info.WeightBytes = size
	}
	return t, err
}

// An Embedded is a model whose graphs the program carries.
type Embedded struct {
	Name             string // stands for the file in messages
	Encoder, Decoder []byte
	Sidecar          Sidecar
}

// OpenEmbedded opens such a model. Its sessions take one thread and give memory back
// after every call. The result has the optional interfaces that the sidecar allows.
func OpenEmbedded(m Embedded) (tokenizers.Tokenizer, error) {
	side := m.Sidecar
	if err := side.check(m.Name); err != nil {
		return nil, err
	}
	digest := sha256.New()
	for _, data := range [][]byte{m.Encoder, m.Decoder} {
		digest.Write(data) // a hash never fails
		digest.Write(fmt.Appendf(nil, "|%d|", len(data)))
	}
	t, err := open(source{m.Name + ".encoder.onnx", m.Encoder}, source{m.Name + ".decoder.onnx", m.Decoder}, &side, digest, settings{threads: 1, lean: true})
	if err != nil {
		return nil, err
	}
	t.info.WeightBytes = int64(len(m.Encoder) + len(m.Decoder))
	return t.withAbilities(), nil
}

// settings are those of ONNX Runtime.
type settings struct {
	library string // "" looks for it
	threads int
	lean    bool // hand memory back after every call, at the price of asking for it again
}

// open loads the graphs; decoder has no name where there is one graph.
func open(encoder, decoder source, side *Sidecar, digest hash.Hash, set settings) (_ *Tokenizer, err error) {
	_, version, err := ort.Load(set.library)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	t := &Tokenizer{side: side, from: []source{encoder}, set: set}
	if decoder.name != "" {
		t.from = append(t.from, decoder)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()

	encIn, encOut, err := describe(encoder)
	if err != nil {
		return nil, err
	}
	var decIn, decOut []tensor
	if decoder.name != "" {
		if decIn, decOut, err = describe(decoder); err != nil {
			return nil, err
		}
	}
	if err := t.plan(encoder.name, encIn, encOut, decoder.name, decIn, decOut); err != nil {
		return nil, err
	}
	// Only the outputs that are used are asked for: the rest need not be computed.
	last := ""
	if decoder.name == "" {
		last = t.out.tensor.name
	}
	t.enc, err = newGraph(encoder, encIn, pick(encOut, last, t.wires, side.Codes, side.Latent), set)
	if err != nil {
		return nil, err
	}
	if decoder.name != "" {
		if t.dec, err = newGraph(decoder, decIn, []tensor{t.out.tensor}, set); err != nil {
			return nil, err
		}
	}
	t.describe(encoder.name, digest, version, set.threads)
	return t, nil
}

// describe fills the Info.
func (t *Tokenizer) describe(encoder string, digest hash.Hash, version string, threads int) {
	s := t.side
	name := s.Name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(encoder), filepath.Ext(encoder))
	}
	v := s.Version
	if v == "" {
		v = "1"
	}
	t.info = tokenizers.Info{
		Name: name, Version: v, Weights: hex.EncodeToString(digest.Sum(nil)),
		Deterministic: s.Deterministic == nil || *s.Deterministic,
		Concurrent:    true, BatchInvariant: s.BatchInvariant,
		MultipleOf: s.MultipleOf, MinSide: s.MinSide, MaxSide: s.MaxSide, FixedW: s.Width, FixedH: s.Height,
		Stride: s.Stride, Codebooks: s.Codebooks, BatchSize: defaultBatch,
		Params: map[string]string{"onnxruntime": version, "threads": strconv.Itoa(threads)},
	}
	if s.digest != "" { // what numbers mean changes what comes out
		t.info.Params["sidecar"] = s.digest
	}
	h0, w0 := t.in.side('H'), t.in.side('W')
	if t.info.FixedH == 0 && h0 > 0 {
		t.info.FixedH = h0
	}
	if t.info.FixedW == 0 && w0 > 0 {
		t.info.FixedW = w0
	}
	switch {
	case t.fixed > 0:
		t.info.BatchSize = t.fixed
	case s.Batch > 0:
		t.info.BatchSize = s.Batch
	}
	if t.in.clips() {
		clips := tokenizers.ClipInfo{}
		if s.Clips != nil {
			clips = *s.Clips
		}
		if n := t.in.side('T'); n > 0 {
			clips = tokenizers.ClipInfo{Fixed: n}
		}
		t.info.Clips = &clips
	}
	if i := slices.IndexFunc(t.enc.outputs, func(o tensor) bool { return o.name == s.Latent }); i >= 0 && s.Latent != "" {
		if sh := t.enc.outputs[i].shape; len(sh) == len(t.in.layout) && sh[1] > 0 {
			t.info.Channels = int(sh[1])
		}
	}
}

// plan decides which tensor is what, and refuses what does not fit.
func (t *Tokenizer) plan(encoder string, encIn, encOut []tensor, decoder string, decIn, decOut []tensor) error {
	s := t.side
	if len(encIn) != 1 {
		return fmt.Errorf("onnx: %s has %d inputs (%s): want one, the image; bake the others into the graph as constants", encoder, len(encIn), list(encIn))
	}
	var err error
	if t.in, err = newImageTensor(encoder, "input", encIn[0], &s.Pixels); err != nil {
		return err
	}
	for _, name := range append(slices.Clone(s.Codes), s.Latent) {
		if name != "" && !slices.ContainsFunc(encOut, func(o tensor) bool { return o.name == name }) {
			return fmt.Errorf("onnx: %s has no output %q, which the sidecar names; it has %s", encoder, name, list(encOut))
		}
	}
	for _, o := range encOut {
		whole := o.dtype == ortlib.TensorElementDataTypeInt64 || o.dtype == ortlib.TensorElementDataTypeInt32
		if whole && len(o.shape) >= 2 && !slices.Contains(s.Codes, o.name) {
			t.warnings = append(t.warnings, fmt.Sprintf("output %s of %s looks like the ids of a codebook and is not declared, so its tokens are not measured: put codes: [%s] and codebooks: [SIZE] into %s", o, encoder, o.name, s.file))
		}
	}
	for _, name := range s.Codes {
		o := encOut[slices.IndexFunc(encOut, func(o tensor) bool { return o.name == name })]
		if o.dtype != ortlib.TensorElementDataTypeInt64 && o.dtype != ortlib.TensorElementDataTypeInt32 {
			return fmt.Errorf("onnx: %s: output %s holds the codes: want int64 or int32", encoder, o)
		}
		if len(o.shape) > 0 && len(o.shape) < 2 {
			return fmt.Errorf("onnx: %s: output %s holds the codes: want a batch axis and a grid; export it without flattening the batch into it", encoder, o)
		}
		if len(s.Codes) == 1 && len(s.Codebooks) > 1 && len(o.shape) > s.BooksAxis && o.shape[s.BooksAxis] > 0 && int(o.shape[s.BooksAxis]) != len(s.Codebooks) {
			return fmt.Errorf("onnx: %s: output %s has %d entries along books_axis %d, codebooks has %d sizes", encoder, o, o.shape[s.BooksAxis], s.BooksAxis, len(s.Codebooks))
		}
	}
	if i := slices.IndexFunc(encOut, func(o tensor) bool { return o.name == s.Latent }); s.Latent != "" && encOut[i].dtype != ortlib.TensorElementDataTypeFloat {
		return fmt.Errorf("onnx: %s: output %s holds the latent: want float", encoder, encOut[i])
	}

	lastFile, lastOut := encoder, encOut
	if decoder != "" {
		lastFile, lastOut = decoder, decOut
		if t.wires, err = wire(encoder, encOut, decoder, decIn, s.Connect); err != nil {
			return err
		}
		t.decodes = len(s.Codes) > 0 && len(decIn) == len(s.Codes) && !slices.ContainsFunc(t.wires, func(w string) bool { return !slices.Contains(s.Codes, w) })
	}
	rec, err := reconstruction(lastFile, lastOut, s)
	if err != nil {
		return err
	}
	pixels := &s.Pixels
	if s.Output != nil {
		pixels = s.Output
	}
	if t.out, err = newImageTensor(lastFile, "output", rec, pixels); err != nil {
		return err
	}
	if err := t.clips(encoder, lastFile); err != nil {
		return err
	}
	// One batch size must suit every graph.
	for _, o := range slices.Concat(encIn, decIn) {
		if len(o.shape) > 0 && o.shape[0] > 0 {
			n := int(o.shape[0])
			if t.fixed != 0 && t.fixed != n {
				return fmt.Errorf("onnx: the batch of %s is %d where another tensor has %d: export both graphs with one batch size, or a free one", o, n, t.fixed)
			}
			t.fixed = n
		}
	}
	return nil
}

// clips checks what is said of windows against the graphs.
func (t *Tokenizer) clips(encoder, last string) error {
	in, out, said := t.in.side('T'), t.out.side('T'), t.side.Clips
	switch {
	case t.in.clips() != t.out.clips():
		return fmt.Errorf("onnx: input %s of %s and output %s of %s: both must hold images (4 axes) or clips (5)", t.in.tensor, encoder, t.out.tensor, last)
	case said != nil && !t.in.clips():
		return fmt.Errorf("onnx: clips is in %s, and input %s of %s holds images: want 5 axes", t.side.file, t.in.tensor, encoder)
	case in > 0 && out > 0 && in != out:
		return fmt.Errorf("onnx: input %s of %s has %d frames, output %s of %s has %d: want one frame out for one in", t.in.tensor, encoder, in, t.out.tensor, last, out)
	case said != nil && in > 0 && said.Accepts(in) != nil:
		return fmt.Errorf("onnx: input %s of %s has %d frames, and clips in %s says otherwise: %w", t.in.tensor, encoder, in, t.side.file, said.Accepts(in))
	case t.in.clips() && in <= 0 && said == nil:
		t.warnings = append(t.warnings, fmt.Sprintf("input %s of %s takes any number of frames, as far as it says: where it does not, put clips: {multiple: 4, causal: true} into %s", t.in.tensor, encoder, t.side.file))
	}
	return nil
}

// wire finds, for every input of the decoder, the encoder's output that feeds it.
func wire(encoder string, outs []tensor, decoder string, ins []tensor, connect map[string]string) ([]string, error) {
	for in := range connect {
		if !slices.ContainsFunc(ins, func(t tensor) bool { return t.name == in }) {
			return nil, fmt.Errorf("onnx: the sidecar connects input %q, which %s does not have; it has %s", in, decoder, list(ins))
		}
	}
	wires := make([]string, len(ins))
	for i, in := range ins {
		name, said := connect[in.name]
		if !said {
			name = in.name
			if !slices.ContainsFunc(outs, func(t tensor) bool { return t.name == name }) && len(ins) == 1 && len(outs) == 1 {
				name = outs[0].name
			}
		}
		k := slices.IndexFunc(outs, func(t tensor) bool { return t.name == name })
		if k < 0 {
			return nil, fmt.Errorf("onnx: nothing feeds input %s of %s; %s has %s: say which in the sidecar (connect: {%s: …})", in, decoder, encoder, list(outs), in.name)
		}
		if err := fits(outs[k], in); err != nil {
			return nil, fmt.Errorf("onnx: output %s of %s cannot feed input %s of %s: %w", outs[k], encoder, in, decoder, err)
		}
		wires[i] = name
	}
	return wires, nil
}

// fits compares types and what is known of the shapes.
func fits(a, b tensor) error {
	if a.dtype != b.dtype {
		return errors.New("the types differ")
	}
	if len(a.shape) != len(b.shape) {
		return errors.New("the numbers of axes differ")
	}
	for i := range a.shape {
		if a.shape[i] > 0 && b.shape[i] > 0 && a.shape[i] != b.shape[i] {
			return fmt.Errorf("axis %d differs", i)
		}
	}
	return nil
}

// reconstruction picks the output that holds the image.
func reconstruction(file string, outs []tensor, s *Sidecar) (tensor, error) {
	if s.Reconstruction != "" {
		i := slices.IndexFunc(outs, func(t tensor) bool { return t.name == s.Reconstruction })
		if i < 0 {
			return tensor{}, fmt.Errorf("onnx: %s has no output %q, which the sidecar calls the reconstruction; it has %s", file, s.Reconstruction, list(outs))
		}
		return outs[i], nil
	}
	var images []tensor
	for _, o := range outs {
		if o.name != s.Latent && !slices.Contains(s.Codes, o.name) && len(possible(o.shape)) > 0 {
			images = append(images, o)
		}
	}
	switch {
	case len(images) == 1:
		return images[0], nil
	case len(images) == 0 && len(outs) == 1:
		return outs[0], nil
	case len(images) == 0:
		return tensor{}, fmt.Errorf("onnx: none of the outputs of %s looks like an image: %s; name it in the sidecar (reconstruction: …)", file, list(outs))
	}
	return tensor{}, fmt.Errorf("onnx: %d outputs of %s look like images: %s; name the right one in the sidecar (reconstruction: …)", len(images), file, list(images))
}

// newImageTensor checks an image tensor and works out its conversion.
func newImageTensor(file, what string, t tensor, p *Pixels) (imageTensor, error) {
	b := imageTensor{tensor: t, bgr: p.Colour == "BGR"}
	fail := func(format string, args ...any) (imageTensor, error) {
		return imageTensor{}, fmt.Errorf("onnx: %s: %s %s: %s", file, what, t, fmt.Sprintf(format, args...))
	}
	switch t.dtype {
	case ortlib.TensorElementDataTypeFloat, ortlib.TensorElementDataTypeUint8:
	case ortlib.TensorElementDataTypeFloat16, ortlib.TensorElementDataTypeBFloat16:
		return fail("images must come in and go out as float (32 bits) or uint8; export with float inputs and outputs around the half-precision graph")
	default:
		return fail("want float or uint8")
	}
	if len(t.shape) != 4 && len(t.shape) != 5 {
		return fail("an image tensor has 4 axes: batch, channels, height and width; one of clips has 5, with time behind the channels")
	}
	could := possible(t.shape)
	switch {
	case p.Layout != "" && len(p.Layout) != len(t.shape):
		return fail("layout %s of the sidecar has %d axes", p.Layout, len(p.Layout))
	case p.Layout != "":
		b.layout = p.Layout
	case len(could) > 0:
		b.layout = could[0]
	default:
		b.layout = map[int]string{4: "NCHW", 5: "NCTHW"}[len(t.shape)]
	}
	if c := b.side('C'); c > 0 && c != 3 {
		return fail("want 3 channels along axis %d (layout %s), have %d", strings.IndexByte(b.layout, 'C'), b.layout, c)
	}
	b.scales = p.scales(t.dtype == ortlib.TensorElementDataTypeUint8)
	return b, nil
}

// possible are the layouts that a shape can have: those whose channels are said to be 3, else
// all where every axis that could be the channels is open.
func possible(shape ortlib.Shape) []string {
	var sure, all []string
	open := true
	for _, l := range layouts {
		if len(l) != len(shape) {
			continue
		}
		all = append(all, l)
		c := shape[strings.IndexByte(l, 'C')]
		if c == 3 {
			sure = append(sure, l)
		}
		open = open && c < 0
	}
	if len(sure) == 0 && open {
		return all
	}
	return sure
}

// clips reports whether the tensor holds clips.
func (b imageTensor) clips() bool { return len(b.layout) == 5 }

// side is how long the graph insists an axis is, 0 where it does not.
func (b imageTensor) side(axis byte) int {
	i := strings.IndexByte(b.layout, axis)
	if i < 0 {
		return 0
	}
	return int(max(b.tensor.shape[i], 0))
}

// pick keeps the outputs that something needs, in the graph's order.
func pick(outs []tensor, last string, wires, codes []string, latent string) []tensor {
	return slices.DeleteFunc(slices.Clone(outs), func(t tensor) bool {
		return t.name != last && t.name != latent && !slices.Contains(wires, t.name) && !slices.Contains(codes, t.name)
	})
}

func list(ts []tensor) string {
	words := make([]string, len(ts))
	for i, t := range ts {
		words[i] = t.String()
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// describe reads the inputs and outputs of a model.
func describe(from source) (ins, outs []tensor, err error) {
	file := from.name
	var i, o []ortlib.InputOutputInfo
	if from.data != nil {
		i, o, err = ortlib.GetInputOutputInfoWithONNXData(from.data)
	} else {
		i, o, err = ortlib.GetInputOutputInfo(file)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("onnx: loading %s: %w", file, err)
	}
	convert := func(infos []ortlib.InputOutputInfo) ([]tensor, error) {
		var ts []tensor
		for _, in := range infos {
			if in.OrtValueType != ortlib.ONNXTypeTensor {
				return nil, fmt.Errorf("onnx: %s: %q is no tensor but %s", file, in.Name, in.OrtValueType)
			}
			ts = append(ts, tensor{in.Name, in.DataType, in.Dimensions.Clone()})
		}
		return ts, nil
	}
	if ins, err = convert(i); err != nil {
		return nil, nil, err
	}
	outs, err = convert(o)
	return ins, outs, err
}

// newGraph makes a session with bounded threads.
func newGraph(from source, ins, outs []tensor, set settings) (_ *graph, err error) {
	file := from.name
	fail := func(err error) error { return fmt.Errorf("onnx: making a session of %s: %w", file, err) }
	opts, err := ortlib.NewSessionOptions()
	if err != nil {
		return nil, fail(err)
	}
	defer func() { err = errors.Join(err, opts.Destroy()) }()
	for _, do := range []func() error{
		func() error { return opts.SetCpuMemArena(!set.lean) },
		func() error { return opts.SetMemPattern(!set.lean) },
		func() error { return opts.SetIntraOpNumThreads(set.threads) },
		func() error { return opts.SetInterOpNumThreads(1) },
		func() error { return opts.SetExecutionMode(ortlib.ExecutionModeSequential) },
		// Threads that wait must not burn the cores that others compute on.
		func() error { return opts.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
	} {
		if err := do(); err != nil {
			return nil, fail(err)
		}
	}
	names := func(ts []tensor) []string {
		out := make([]string, len(ts))
		for i, t := range ts {
			out[i] = t.name
		}
		return out
	}
	var s *ortlib.DynamicAdvancedSession
	if from.data != nil {
		s, err = ortlib.NewDynamicAdvancedSessionWithONNXData(from.data, names(ins), names(outs), opts)
	} else {
		s, err = ortlib.NewDynamicAdvancedSession(file, names(ins), names(outs), opts)
	}
	if err != nil {
		return nil, fail(err)
	}
	return &graph{file: file, session: s, inputs: ins, outputs: outs}, nil
}

// Info implements tokenizers.Tokenizer.
func (t *Tokenizer) Info() tokenizers.Info { return t.info }

// Warnings implements tokenizers.Witness.
func (t *Tokenizer) Warnings() []string { return slices.Clone(t.warnings) }

// Stderr implements tokenizers.Witness: graphs print nothing.
func (t *Tokenizer) Stderr() []string { return nil }

// Range implements tokenizers.Ranger.
func (t *Tokenizer) Range() (lo, hi float64, ok bool) {
	if t.side.Mean != nil || t.side.Std != nil || t.in.tensor.dtype == ortlib.TensorElementDataTypeUint8 {
		return 0, 0, false
	}
	black := t.in.scales[0]
	return black.shift, black.shift + 255*black.scale, true
}

// InRange implements tokenizers.Ranger. The sessions are shared, so it is not to be
// used when t is closed.
func (t *Tokenizer) InRange(_ context.Context, lo, hi float64) (tokenizers.Tokenizer, error) {
	if t.in.tensor.dtype == ortlib.TensorElementDataTypeUint8 && t.out.tensor.dtype == ortlib.TensorElementDataTypeUint8 {
		return nil, fmt.Errorf("onnx: images go in and out as bytes: %w", errors.ErrUnsupported)
	}
	other := &Tokenizer{info: t.info, side: t.side, enc: t.enc, dec: t.dec, in: t.in, out: t.out, wires: t.wires, fixed: t.fixed, decodes: t.decodes, from: t.from, set: t.set}
	p := &Pixels{Range: []float64{lo, hi}}
	for _, b := range []*imageTensor{&other.in, &other.out} {
		if b.tensor.dtype != ortlib.TensorElementDataTypeUint8 {
			b.scales = p.scales(false)
		}
	}
	return struct{ tokenizers.Tokenizer }{other}, nil // without Close
}

// Close frees the sessions, once the calls that run have ended.
func (t *Tokenizer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	var errs []error
	for _, g := range []*graph{t.enc, t.dec} {
		if g != nil {
			errs = append(errs, g.session.Destroy())
		}
	}
	return errors.Join(errs...)
}
