package onnxfile

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
)

// models are graphs that others wrote: those that ship, and those of the tests.
func models(t testing.TB) map[string][]byte {
	out := map[string][]byte{}
	for _, pattern := range []string{"../../tokenizers/neural/models/*.onnx", "../../tokenizers/onnx/testdata/*.onnx"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(name)] = b
		}
	}
	return out
}

func TestWhatIsNotEditedKeepsItsBytes(t *testing.T) {
	for name, b := range models(t) {
		m, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := m.Bytes()
		if err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: taken apart and put together it has %d bytes instead of %d, %v", name, len(got), len(b), err)
		}
		// Every part but the one that is edited stands in the result, byte by byte.
		tensors := m.Tensors()
		if len(tensors) == 0 {
			continue
		}
		edited := tensors[0].GetName()
		m.EditTensor(edited, func(t *onnxpb.TensorProto) { t.DocString = proto.String("edited") })
		got, err = m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range m.inner {
			if p.tensor != nil && p.tensor.GetName() == edited {
				continue
			}
			if p.raw == nil || !bytes.Contains(got, p.raw) {
				t.Errorf("%s: a part of field %d lost its bytes", name, p.number)
			}
		}
		again, err := Parse(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, ok := again.Tensor(edited); !ok || back.GetDocString() != "edited" {
			t.Errorf("%s: the edited tensor is %v", name, back)
		}
	}
}

// A node of an operator, and with fields, that nobody knows keeps both where others are
// edited, and where it is edited itself.
func TestUnknownFieldsStay(t *testing.T) {
	unknown := protowire.AppendString(protowire.AppendTag(nil, 1999, protowire.BytesType), "kept")
	strange := append(field(4, []byte("OpOfTomorrow")), unknown...)
	strange = append(strange, field(1, []byte("x"))...) // out of order
	number := protowire.AppendVarint(protowire.AppendTag(nil, 77, protowire.VarintType), 5)
	data := append(field(7, field(1, strange), field(1, field(4, []byte("Relu")), field(2, []byte("y"))), number), unknown...)
	m, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Bytes(); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%x, want %x (%v)", got, data, err)
	}
	relu, ok := m.Producer("y")
	if !ok {
		t.Fatal("no node gives y")
	}
	m.InsertBefore(relu, &onnxpb.NodeProto{OpType: proto.String("Identity")})
	m.Edit(relu, func(n *onnxpb.NodeProto) { n.Input = []string{"z"} })
	m.AddOutput("y")
	m.AddOutput("y") // once is enough
	got, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string][]byte{"the strange node": field(1, strange), "a number of the graph": number, "a field of the model": unknown} {
		if !bytes.Contains(got, want) {
			t.Errorf("%s is gone", what)
		}
	}
	if m, err = Parse(got); err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, n := range m.Nodes() {
		ops = append(ops, n.GetOpType())
	}
	if want := []string{"OpOfTomorrow", "Identity", "Relu"}; !slices.Equal(ops, want) || !slices.Equal(m.Outputs(), []string{"y"}) {
		t.Errorf("nodes %v and outputs %v", ops, m.Outputs())
	}
	odd, _ := m.Producer("nothing")
	if odd.NodeProto != nil {
		t.Error("nothing is computed by something")
	}
	// Edited itself, it keeps what is not known of it.
	first := m.Nodes()[0]
	m.Edit(first, func(n *onnxpb.NodeProto) { n.Name = proto.String("named") })
	if got, err = m.Bytes(); err != nil || !bytes.Contains(got, unknown[:3]) || !bytes.Contains(got, []byte("kept")) {
		t.Errorf("an edited node lost its unknown field: %v", err)
	}
}

func TestFloatsOfAllTypes(t *testing.T) {
	values := []float32{0, 1, -2.5, 65504, 1.0 / 3}
	for _, kind := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16} {
		tensor := &onnxpb.TensorProto{DataType: proto.Int32(int32(kind)), Dims: []int64{5}}
		SetFloats(tensor, values)
		got, err := Floats(tensor)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if got[i] != Rounded(v, int32(kind)) || math.Abs(float64(got[i]-v)) > math.Abs(float64(v))/128 {
				t.Errorf("%s: %g became %g, rounded %g", kind, v, got[i], Rounded(v, int32(kind)))
			}
		}
	}
	// The same as lists of a type.
	listed := &onnxpb.TensorProto{DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT16)), Dims: []int64{2}, Int32Data: []int32{0x3c00, 0xc000}}
	if got, err := Floats(listed); err != nil || !slices.Equal(got, []float32{1, -2}) {
		t.Errorf("%v, %v", got, err)
	}
	for what, bad := range map[string]*onnxpb.TensorProto{
		"of type INT8":  {DataType: proto.Int32(int32(onnxpb.TensorProto_INT8)), Dims: []int64{1}, RawData: []byte{1}},
		"it has 1":      {DataType: proto.Int32(1), Dims: []int64{2}, FloatData: []float32{1}},
		"no numbers of": {DataType: proto.Int32(1), Dims: []int64{2}, RawData: []byte{1, 2, 3}},
		"another file":  {DataType: proto.Int32(1), Dims: []int64{2}, DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()},
		"more than":     {DataType: proto.Int32(1), Dims: []int64{1 << 28, 1 << 28}},
		"its shape":     {DataType: proto.Int32(1), Dims: []int64{-1}},
	} {
		if _, err := Floats(bad); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
}

func TestInline(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), []byte("....\x00\x00\x80\x3f\x00\x00\x00\x40"), 0o600); err != nil {
		t.Fatal(err)
	}
	entry := func(key, value string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: &key, Value: &value}
	}
	model := func(dims []int64, entries ...*onnxpb.StringStringEntryProto) *Model {
		m, err := New(13, "y", &onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{"w"}, Output: []string{"y"}})
		if err != nil {
			t.Fatal(err)
		}
		m.AddTensor(&onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: dims, DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(), ExternalData: entries})
		return m
	}
	m := model([]int64{2}, entry("location", "w.bin"), entry("offset", "4"), entry("length", "8"))
	if err := m.Inline(dir); err != nil {
		t.Fatal(err)
	}
	w, _ := m.Tensor("w")
	if got, err := Floats(w); err != nil || !slices.Equal(got, []float32{1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	if b, err := m.Bytes(); err != nil {
		t.Error(err)
	} else if names, err := External(b); err != nil || len(names) > 0 {
		t.Errorf("it still refers to %v, %v", names, err)
	}
	for want, bad := range map[string]*Model{
		"not beside":     model([]int64{2}, entry("location", "../w.bin")),
		"ends before":    model([]int64{2}, entry("location", "w.bin"), entry("offset", "8")),
		"no such file":   model([]int64{2}, entry("location", "v.bin")),
		"needs 12 bytes": model([]int64{3}, entry("location", "w.bin"), entry("length", "8")),
		`offset of its`:  model([]int64{2}, entry("location", "w.bin"), entry("offset", "-1")),
		"its shape is":   model([]int64{1 << 40}, entry("location", "w.bin")),
		"more than 2147483648 bytes in all": func() *Model { // nothing of it is read
			m := model([]int64{1}, entry("location", "w.bin"))
			m.AddTensor(&onnxpb.TensorProto{
				Name: proto.String("v"), DataType: proto.Int32(1), Dims: []int64{maxElements}, DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
				ExternalData: []*onnxpb.StringStringEntryProto{entry("location", "w.bin")},
			})
			return m
		}(),
	} {
		if err := bad.Inline(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for want, data := range map[string][]byte{
		"no graph":          field(8, field(1, []byte("x"))),
		"two graphs":        append(field(7), field(7)...),
		"not an ONNX graph": {0x0a, 0xff},
	} {
		if _, err := Parse(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(graph("a", "b", "c"))
	f.Add(graphAlone())
	f.Add(models(f)["autoencoder.onnx"])
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		for _, tensor := range m.Tensors() {
			if v, err := Floats(tensor); err == nil && len(v) > 8*len(data) {
				t.Errorf("%d numbers from %d bytes", len(v), len(data))
			}
		}
		b, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(b); err != nil || len(again.Nodes()) != len(m.Nodes()) {
			t.Errorf("it is not read back: %v", err)
		}
	})
}
