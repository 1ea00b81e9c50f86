package ptq

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/neural"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

func kinds() []tokenizers.Kind {
	return slices.Concat(neural.Kinds(), quant.Kinds(), []tokenizers.Kind{onnx.Kind(), Kind(kinds)})
}

// open opens a quantized tokenizer with a cache of the test's own.
func open(t *testing.T, spec string) (tokenizers.Tokenizer, error) {
	t.Helper()
	s, err := tokenizers.ParseSpec(spec, kinds())
	if err != nil {
		return nil, err
	}
	k, opts, err := tokenizers.Resolve(s, kinds())
	if err != nil {
		return nil, err
	}
	tok, err := k.Open(context.Background(), opts)
	if err == nil {
		t.Cleanup(func() {
			if c, ok := tok.(io.Closer); ok {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	return tok, err
}

func mustOpen(t *testing.T, spec string) tokenizers.Tokenizer {
	t.Helper()
	tok, err := open(t, spec)
	testenv.Need(t, err)
	return tok
}

// ownCache makes a cache folder for a test, in which ONNX Runtime is found still.
func ownCache(t *testing.T) {
	t.Helper()
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("VTBENCH_ONNXRUNTIME") == "" {
		found, err := filepath.Glob(filepath.Join(cache, "vtbench", "onnxruntime-*"))
		if err == nil && len(found) > 0 {
			t.Setenv("VTBENCH_ONNXRUNTIME", found[len(found)-1])
		}
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// pages are images that nothing is calibrated on.
func pages(t *testing.T, n int) []pix.Image {
	t.Helper()
	text, err := sample.NewText(99)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]pix.Image, n)
	for i := range out {
		if out[i], err = text.Page(64, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func reconstruct(t *testing.T, tok tokenizers.Tokenizer, in []pix.Image) []pix.Image {
	t.Helper()
	got, err := tok.Reconstruct(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]pix.Image, len(got))
	for i, r := range got {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		out[i] = r.Image
	}
	return out
}

func psnr(a, b []pix.Image) float64 {
	var sum, n float64
	for i := range a {
		for k, v := range a[i].Pix {
			d := float64(v) - float64(b[i].Pix[k])
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255*n/sum)
}

// A builder makes small graphs.
type builder struct {
	t     *testing.T
	nodes []*onnxpb.NodeProto
	more  []*onnxpb.TensorProto
	rng   *rand.Rand
}

func newBuilder(t *testing.T) *builder { return &builder{t: t, rng: rand.New(rand.NewPCG(1, 2))} }

func (b *builder) node(op, name string, in, out []string, attributes ...*onnxpb.AttributeProto) {
	b.nodes = append(b.nodes, &onnxpb.NodeProto{OpType: &op, Name: &name, Input: in, Output: out, Attribute: attributes})
}

func (b *builder) tensor(name string, kind onnxpb.TensorProto_DataType, scale float64, dims ...int64) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: &name, Dims: dims, DataType: proto.Int32(int32(kind))}
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(scale * b.rng.NormFloat64())
	}
	onnxfile.SetFloats(t, values)
	b.more = append(b.more, t)
	return t
}

func attr(name string, values ...int64) *onnxpb.AttributeProto {
	if len(values) == 1 {
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &values[0]}
	}
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: values}
}

func (b *builder) write(opset int64) string {
	m, err := onnxfile.New(opset, "y", b.nodes...)
	if err != nil {
		b.t.Fatal(err)
	}
	m.AddInput("x", 0, 3, 0, 0)
	for _, t := range b.more {
		m.AddTensor(t)
	}
	data, err := m.Bytes()
	if err != nil {
		b.t.Fatal(err)
	}
	file := filepath.Join(b.t.TempDir(), "model.onnx")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

const single = onnxpb.TensorProto_FLOAT

// network is x → Conv, Relu, ConvTranspose and, on channels last, MatMul, plus x; with a
// node of a codebook's search and a Gather beside it. w is the type of the first weights.
func (b *builder) network(first onnxpb.TensorProto_DataType) {
	weight := "w1"
	b.tensor("w1", first, .2, 8, 3, 3, 3)
	if first != single {
		b.node("Cast", "widen", []string{"w1"}, []string{"w1s"}, attr("to", int64(single)))
		weight = "w1s"
	}
	b.tensor("w2", single, .2, 8, 3, 2, 2)
	b.tensor("w3", single, .3, 3, 3)
	b.tensor("bias", single, .1, 8)
	b.node("Conv", "down", []string{"x", weight, "bias"}, []string{"a"}, attr("strides", 2, 2), attr("pads", 1, 1, 1, 1))
	b.node("Relu", "relu", []string{"a"}, []string{"r"})
	b.node("ConvTranspose", "up", []string{"r", "w2"}, []string{"u"}, attr("strides", 2, 2))
	b.node("Transpose", "last", []string{"u"}, []string{"l"}, attr("perm", 0, 2, 3, 1))
	b.node("MatMul", "mix", []string{"l", "w3"}, []string{"m"})
	b.node("Transpose", "first", []string{"m"}, []string{"f"}, attr("perm", 0, 3, 1, 2))
	b.node("Add", "skip", []string{"f", "x"}, []string{"y"})
}

func TestLayersAreFound(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(onnxpb.TensorProto_FLOAT16)
	file := b.write(13)
	u, data := quantized(t, "ptq:of={onnx:model="+file+"},rule=gptq,bits=8,calibrate=synthetic")
	var got []string
	for _, l := range u.Layers {
		got = append(got, fmt.Sprintf("%s %d×%d", l.Label, l.Rows, l.Cols))
		if l.Error > 1e-3 {
			t.Errorf("%s: error %g at 8 bits", l.Label, l.Error)
		}
	}
	if want := []string{"model down 8×27", "model up 12×8", "model mix 3×3"}; !slices.Equal(got, want) {
		t.Errorf("layers %v, want %v", got, want)
	}
	if len(u.Left) != 1 || u.Left[0].Name != "bias" {
		t.Errorf("left out: %v", u.Left)
	}
	again, err := Unpack(data)
	if err != nil || again.Digest != u.Digest {
		t.Errorf("read again: %v", err)
	}
	if u.Nominal() != 8 || u.Real() < 8 || u.Bytes != len(data) {
		t.Errorf("%g nominal bits, %g real, %d bytes", u.Nominal(), u.Real(), u.Bytes)
	}
}

func quantized(t *testing.T, spec string) (*Unpacked, []byte) {
	t.Helper()
	s, err := tokenizers.ParseSpec(spec, kinds())
	if err != nil {
		t.Fatal(err)
	}
	_, opts, err := tokenizers.Resolve(s, kinds())
	if err != nil {
		t.Fatal(err)
	}
	u, data, err := Quantize(context.Background(), opts, kinds())
	testenv.Need(t, err)
	return u, data
}

// The weights in the graphs that are measured are those that the file's bits stand for,
// and all else of the graphs is byte for byte what it was.
func TestWhatIsMeasuredIsWhatIsPacked(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(onnxpb.TensorProto_FLOAT16)
	file := b.write(13)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tok := mustOpen(t, "onnx:model="+file)
	inner := tok.(onnx.Editable)
	graphs, err := inner.Graphs()
	if err != nil {
		t.Fatal(err)
	}
	p, err := presetOf("gptq")
	if err != nil {
		t.Fatal(err)
	}
	c := config{preset: p, bits: 3, by: byError, cost: costSize, synthetic: true}
	images, err := c.images(inner)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := quantize(context.Background(), inner, graphs, c, images, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float32{}
	for _, e := range packed.entries {
		want[e.Tensor] = e.layer.stored(e.form.Decode())
	}
	data, err := packed.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	u, err := Unpack(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnxfile.Parse(u.Graphs[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		tensor, ok := m.Tensor(name)
		if !ok {
			t.Fatalf("%s is gone", name)
		}
		got, err := onnxfile.Floats(tensor)
		if err != nil || !slices.Equal(got, w) {
			t.Errorf("%s: other weights are in the graph than were packed (%v)", name, err)
		}
	}
	old, err := onnxfile.Parse(before)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range old.Nodes() {
		raw, err := proto.Marshal(n.NodeProto)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(u.Graphs[0].Data, raw) {
			t.Errorf("node %s has other bytes", n.GetName())
		}
	}
}

// Any number of threads gives the same file, and another rule, other calibration images
// or other weights another one.
func TestFilesFollowFromWhatTheyDependOn(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(single)
	file := b.write(13)
	spec := func(more string) string {
		return "ptq:of={onnx:model=" + file + "},bits=3,calibrate=synthetic," + more
	}
	seen := map[string]string{}
	for _, more := range []string{"rule=gptq", "rule=rsq", "rule=learned", "rule=gptq,abits=8", "rule=gptq,group=4", "rule=mixed", "rule=mixed,by=trace", "rule=mixed,by=entropy"} {
		var first []byte
		for _, threads := range []int{1, 3} {
			was := runtime.GOMAXPROCS(threads)
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			u, data := quantized(t, spec(more))
			runtime.GOMAXPROCS(was)
			if first != nil && !bytes.Equal(first, data) {
				t.Errorf("%s: another file with %d threads", more, threads)
			}
			first = data
			if same := seen[u.Digest]; same != "" && same != more {
				t.Errorf("%s has the file of %s", more, same)
			}
			seen[u.Digest] = more
		}
	}
	a := mustOpen(t, spec("rule=gptq")).Info()
	c := mustOpen(t, spec("rule=rsq")).Info()
	if a.Weights == c.Weights || a.Params["calibrated_on"] == "" || a.WeightBytes == 0 {
		t.Errorf("what they say of themselves: %+v and %+v", a, c)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cache, "vtbench", "fitted", "ptq-gptq-*"+extension))
	if err != nil || len(files) != 1 {
		t.Fatalf("in the cache: %v, %v", files, err)
	}
	// A damaged file is made again.
	if err := os.WriteFile(files[0], []byte("VTBW and nothing else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if again := mustOpen(t, spec("rule=gptq")).Info(); again.Weights != a.Weights {
		t.Error("made again, it is another one")
	}
}

// Eight bits a channel are within a tenth of a decibel of float, on a network that ships.
func TestEightBitsAreEnough(t *testing.T) {
	ownCache(t)
	in := pages(t, 3)
	float := psnr(in, reconstruct(t, mustOpen(t, "conv-vq"), in))
	last := float
	for _, bits := range []int{8, 2} {
		got := psnr(in, reconstruct(t, mustOpen(t, fmt.Sprintf("ptq:of=conv-vq,rule=rtn,bits=%d", bits)), in))
		t.Logf("%d bits: %.2f dB, float %.2f dB", bits, got, float)
		if bits == 8 && math.Abs(got-float) > .1 {
			t.Errorf("8 bits: %.2f dB, float %.2f dB", got, float)
		}
		if bits == 2 && got > last-1 {
			t.Errorf("2 bits: %.2f dB, 8 bits %.2f dB: is anything quantized?", got, last)
		}
		last = got
	}
}

// Quantized activations: at 8 bits next to nothing changes, at 2 much does; whatever a
// rule does to them cancels where nothing is rounded.
func TestActivations(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(single)
	file := b.write(13)
	in := pages(t, 2)
	float := reconstruct(t, mustOpen(t, "onnx:model="+file), in)
	for _, rule := range []string{"rtn", "repq", "mosf", "lowrank", "dyadic"} {
		at := func(abits int) float64 {
			spec := fmt.Sprintf("ptq:of={onnx:model=%s},rule=%s,bits=8,abits=%d,calibrate=synthetic", file, rule, abits)
			return psnr(float, reconstruct(t, mustOpen(t, spec), in))
		}
		fine, coarse := at(8), at(2)
		if fine < 30 || coarse > fine-3 {
			t.Errorf("%s: %.1f dB at 8 bits of activations, %.1f dB at 2", rule, fine, coarse)
		}
	}
}

func TestRefusedByName(t *testing.T) {
	ownCache(t)
	need := mustOpen(t, "conv-vq")
	_ = need
	plain := newBuilder(t)
	plain.network(single)
	good := plain.write(13)
	none := newBuilder(t)
	none.node("Relu", "relu", []string{"x"}, []string{"y"})
	old := newBuilder(t)
	old.network(single)
	computed := newBuilder(t)
	computed.tensor("w", single, .2, 3, 3, 1, 1)
	computed.node("Relu", "early", []string{"w"}, []string{"v"})
	computed.node("Conv", "conv", []string{"x", "v"}, []string{"y"})
	integers := newBuilder(t)
	integers.more = append(integers.more, &onnxpb.TensorProto{Name: proto.String("q"), Dims: []int64{3, 3, 1, 1}, DataType: proto.Int32(int32(onnxpb.TensorProto_INT8)), RawData: []byte("123456789")})
	integers.tensor("s", single, .01)
	integers.node("DequantizeLinear", "dequantize", []string{"q", "s"}, []string{"w"})
	integers.node("Conv", "conv", []string{"x", "w"}, []string{"y"})
	shared := newBuilder(t)
	shared.tensor("w", single, .2, 3, 3, 1, 1)
	shared.node("Conv", "conv", []string{"x", "w"}, []string{"c"})
	shared.node("ReduceSum", "sum", []string{"w"}, []string{"s"})
	shared.node("Add", "add", []string{"c", "s"}, []string{"y"})
	half := newBuilder(t)
	half.tensor("w", onnxpb.TensorProto_FLOAT16, .2, 3, 3, 1, 1)
	half.node("Cast", "in", []string{"x"}, []string{"h"}, attr("to", int64(onnxpb.TensorProto_FLOAT16)))
	half.node("Conv", "conv", []string{"h", "w"}, []string{"c"})
	half.node("Cast", "out", []string{"c"}, []string{"y"}, attr("to", int64(single)))
	halfFile := half.write(13)

	for _, c := range []struct{ spec, want string }{
		{"ptq:of={vq:patch=8,k=1024},rule=rtn", "runs no ONNX graph"},
		{"ptq:of={onnx:model=" + none.write(13) + "},rule=rtn", "no Conv, ConvTranspose, MatMul or Gemm"},
		{"ptq:of={onnx:model=" + computed.write(13) + "},rule=rtn", "computed while running (by Relu)"},
		{"ptq:of={onnx:model=" + integers.write(13) + "},rule=rtn", "quantized already"},
		{"ptq:of={onnx:model=" + shared.write(13) + "},rule=rtn", "read by sum, too"},
		{"ptq:of={onnx:model=" + halfFile + "},rule=rtn,abits=8,calibrate=synthetic", "computes with FLOAT16"},
		{"ptq:of={onnx:model=" + old.write(10) + "},rule=rtn,abits=8,calibrate=synthetic", "operator set 11"},
		{"ptq:of={onnx:model=" + good + "},rule=vptq,bits=5", "it has 1 2 3 4 6 8"},
		{"ptq:of={onnx:model=" + good + "},rule=rtn,by=trace", "belong to rule=mixed"},
		{"ptq:of={onnx:model=" + good + "},rule=rtn,per=tensor,group=8", "use one of them"},
		{"ptq:of={onnx:model=" + good + "},rule=rtn,only=9", "has 3 layers"},
		{"ptq:of={onnx:model=" + good + "},rule=mixed,by=drop", "nothing was measured of single layers"},
		{"ptq:of=conv-vq,rule=gtpq", "did you mean"},
		{"ptq:rule=gptq", `option "of" is missing`},
	} {
		if _, err := open(t, c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.spec, err, c.want)
		}
	}
	// Weights of half precision in a graph that computes with them stay what they are.
	u, _ := quantized(t, "ptq:of={onnx:model="+halfFile+"},rule=gptq,bits=4,calibrate=synthetic")
	if u.Layers[0].Kind != int32(onnxpb.TensorProto_FLOAT16) {
		t.Errorf("they are of type %d", u.Layers[0].Kind)
	}
}

func TestWeightsInOtherFiles(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(single)
	var data []byte
	for _, w := range b.more {
		where := func(key, value string) *onnxpb.StringStringEntryProto {
			return &onnxpb.StringStringEntryProto{Key: &key, Value: &value}
		}
		w.ExternalData = []*onnxpb.StringStringEntryProto{where("location", "model.bin"), where("offset", fmt.Sprint(len(data)))}
		w.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		data = append(data, w.RawData...)
		w.RawData = nil
	}
	file := b.write(13)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "model.bin"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	in := pages(t, 1)
	float := reconstruct(t, mustOpen(t, "onnx:model="+file), in)
	got := reconstruct(t, mustOpen(t, "ptq:of={onnx:model="+file+"},rule=gptq,bits=8,calibrate=synthetic"), in)
	if p := psnr(float, got); p < 35 {
		t.Errorf("%.1f dB from float", p)
	}
}

func TestKnapsackIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		lists := make([][]choice, 1+rng.IntN(6))
		for i := range lists {
			for b := range 1 + rng.IntN(4) {
				lists[i] = append(lists[i], choice{float64(b+1) * float64(1+rng.IntN(9)), rng.Float64()})
			}
		}
		budget := float64(rng.IntN(90))
		best := math.Inf(1)
		var walk func(n int, cost, loss float64)
		walk = func(n int, cost, loss float64) {
			if cost > budget {
				return
			}
			if n == len(lists) {
				best = min(best, loss)
				return
			}
			for _, c := range lists[n] {
				walk(n+1, cost+c.cost, loss+c.loss)
			}
		}
		walk(0, 0, 0)
		picked, err := knapsack(lists, budget)
		if math.IsInf(best, 1) {
			if err == nil {
				t.Errorf("%v within %g: %v where nothing is possible", lists, budget, picked)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var cost, loss float64
		for i, k := range picked {
			cost, loss = cost+lists[i][k].cost, loss+lists[i][k].loss
		}
		if cost > budget || math.Abs(loss-best) > 1e-12 {
			t.Errorf("%v within %g: loss %g at %g, the least is %g", lists, budget, loss, cost, best)
		}
	}
}

// Folding steps of channels to one changes nothing but what is stored.
func TestFoldedIsChannelwise(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	r := &ranges{}
	data := make([]float32, 4*100)
	for i := range data {
		data[i] = float32(rng.NormFloat64() * math.Pow(10, float64(i/100-2)))
	}
	if err := r.add([]int64{1, 4, 10, 10}, data, 1, 7); err != nil {
		t.Fatal(err)
	}
	for _, median := range []bool{false, true} {
		g, ratio := folded(r, 8, median)
		for c := range 4 {
			own := fitGrid(r.low[c], r.high[c], r.samples[c:c+1], 8)
			for _, v := range data[100*c:][:100] {
				x := float64(v)
				got := g.value((x-g.shift[c])/ratio[c])*ratio[c] + g.shift[c]
				if want := own.value(x); math.Abs(got-want) > 1e-6*math.Abs(r.high[c])+own.step*1e-3 {
					t.Fatalf("channel %d: %g became %g, by itself %g", c, x, got, want)
				}
			}
		}
	}
}

// Bytes that are no packed network are an error; a checksum that fits protects nothing.
func FuzzUnpack(f *testing.F) {
	head := func(header, body string) []byte {
		out := append([]byte(packedMagic), 1, 0, 0, 0)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
		return append(append(out, header...), body...)
	}
	f.Add(head(`{"graphs":[],"layers":[]}`, ""))
	f.Add(head(`{"graphs":[{"name":"a","size":4,"bytes":2}],"layers":[]}`, "xx"))
	f.Add(head(`{"graphs":[],"layers":[{"rows":1,"cols":1,"bytes":3}]}`, "xxx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		u, err := Unpack(append(slices.Clone(body), sum[:]...))
		if err == nil && len(u.Graphs) != len(u.Header.Graphs) {
			t.Errorf("%d graphs of %d", len(u.Graphs), len(u.Header.Graphs))
		}
	})
}

func TestDamagedFilesAreRefused(t *testing.T) {
	ownCache(t)
	b := newBuilder(t)
	b.network(single)
	_, data := quantized(t, "ptq:of={onnx:model="+b.write(13)+"},rule=rtn,bits=4")
	for i := 0; i < len(data); i += 1 + len(data)/50 {
		bad := slices.Clone(data)
		bad[i] ^= 1
		if _, err := Unpack(bad); err == nil {
			t.Errorf("byte %d of %d is damaged, and nobody sees it", i, len(data))
		}
		if _, err := Unpack(data[:i]); err == nil {
			t.Errorf("%d bytes of %d are enough", i, len(data))
		}
	}
	// The same with a checksum that fits: an error, or a network, and no crash.
	for i := range len(data) - sha256.Size {
		bad := slices.Clone(data[:len(data)-sha256.Size])
		bad[i] ^= 1 << (i % 8)
		sum := sha256.Sum256(bad)
		_, _ = Unpack(append(bad, sum[:]...))
	}
}

// A user's graphs, exported by PyTorch: found, quantized, and as good at 8 bits.
func TestTorchExport(t *testing.T) {
	python := os.Getenv("VTBENCH_TORCH_PYTHON")
	if python == "" {
		t.Skip("set VTBENCH_TORCH_PYTHON to a Python with torch (Debian: python3-torch)") //nolint:forbidigo // make test-torch sets it
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "../../examples/tokenizers/export_dct.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ownCache(t)
	spec := fmt.Sprintf("onnx:encoder=%s,decoder=%s", filepath.Join(dir, "encoder.onnx"), filepath.Join(dir, "decoder.onnx"))
	u, _ := quantized(t, "ptq:of={"+spec+"},rule=gptq,bits=4,calibrate=synthetic")
	var ops []string
	for _, l := range u.Layers {
		ops = append(ops, l.Op)
	}
	if want := []string{"Conv", "MatMul", "MatMul", "ConvTranspose"}; !slices.Equal(ops, want) {
		t.Errorf("layers %v, want %v", ops, want)
	}
	in := pages(t, 3)
	float := psnr(in, reconstruct(t, mustOpen(t, spec), in))
	if got := psnr(in, reconstruct(t, mustOpen(t, "ptq:of={"+spec+"},rule=gptq,bits=8,calibrate=synthetic"), in)); math.Abs(got-float) > .1 {
		t.Errorf("%.2f dB at 8 bits, %.2f dB in float", got, float)
	}
}
