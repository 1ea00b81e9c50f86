package quant

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sampleArtefact() *Artefact {
	return &Artefact{Header: Header{
		Rule: "vq", Patch: 2, Dim: 3, Transform: "abc", Fit: map[string]string{"seed": "1"},
		Tensors: []Tensor{
			{Name: "half", Type: "f16", Shape: []int{2, 3}, Data: []float32{0, 1, -2, .5, 1024, -.25}},
			{Name: "full", Type: "f32", Shape: []int{2}, Data: []float32{math.Pi, -1e-20}},
		},
	}}
}

func encode(t testing.TB, a *Artefact) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArtefactRoundTrip(t *testing.T) {
	a := sampleArtefact()
	data := encode(t, a)
	back, err := ReadArtefact(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.Header, back.Header); diff != "" {
		t.Error(diff)
	}
	if a.Digest() != back.Digest() || len(a.Digest()) != 64 {
		t.Errorf("digests %q and %q", a.Digest(), back.Digest())
	}
	if _, err := back.Tensor("half", 3, 2); err == nil {
		t.Error("a tensor is given out in another shape")
	}
	if _, err := back.Tensor("none", 1); err == nil {
		t.Error("a tensor that is not there is given out")
	}
}

func TestDamagedArtefactsAreRefused(t *testing.T) {
	data := encode(t, sampleArtefact())
	// seal makes the checksum right again, so that what is behind it is tested.
	seal := func(b []byte) []byte {
		body := b[:len(b)-sha256.Size]
		sum := sha256.Sum256(body)
		return append(bytes.Clone(body), sum[:]...)
	}
	edit := func(f func(b []byte)) []byte {
		b := bytes.Clone(data)
		f(b)
		return seal(b)
	}
	replace := func(from, to string) []byte {
		if len(from) != len(to) || !bytes.Contains(data, []byte(from)) {
			t.Fatalf("cannot replace %q", from)
		}
		return seal(bytes.Replace(data, []byte(from), []byte(to), 1))
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":            {nil, "not a fitted artefact"},
		"another file":     {bytes.Repeat([]byte("x"), 100), "not a fitted artefact"},
		"one bit":          {append([]byte{data[0], data[1], data[2], data[3], data[4], data[5], data[6], data[7], data[8], data[9], data[10], data[11], data[12] ^ 1}, data[13:]...), "damaged"},
		"cut short":        {data[:len(data)-1], "damaged"},
		"another version":  {edit(func(b []byte) { b[4] = 9 }), "format version 9"},
		"header too long":  {edit(func(b []byte) { binary.LittleEndian.PutUint32(b[8:], 1<<31) }), "header claims"},
		"header not JSON":  {edit(func(b []byte) { b[12] = '!' }), "header"},
		"unknown field":    {replace(`"rule"`, `"rulx"`), "unknown field"},
		"unknown type":     {replace(`"f16"`, `"f17"`), "f17"},
		"too few numbers":  {replace(`[2,3]`, `[9,9]`), "ends in tensor"},
		"too many numbers": {replace(`[2,3]`, `[1,3]`), "behind its last tensor"},
		"no side":          {replace(`[2,3]`, `[0,3]`), "sides must be positive"},
		"no patch":         {replace(`"patch":2`, `"patch":0`), "patch 0"},
		"not a number":     {edit(func(b []byte) { binary.LittleEndian.PutUint32(b[len(b)-sha256.Size-4:], 0x7fc00000) }), "holds NaN"},
	} {
		if _, err := ReadArtefact(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, c.want)
		}
	}
}

func FuzzReadArtefact(f *testing.F) {
	f.Add(encode(f, sampleArtefact()))
	f.Add([]byte(artefactMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A checksum keeps a fuzzer out; put the right one at the end.
		if len(data) >= sha256.Size {
			sum := sha256.Sum256(data[:len(data)-sha256.Size])
			data = append(bytes.Clone(data[:len(data)-sha256.Size]), sum[:]...)
		}
		a, err := ReadArtefact(data)
		if err != nil {
			return
		}
		back, err := ReadArtefact(encode(t, a))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(a.Header, back.Header); diff != "" {
			t.Error(diff)
		}
	})
}

// Half floats are rounded once, when they are written: what was read comes back bit
// by bit, and rounding is to the nearest, ties to even.
func TestHalfFloats(t *testing.T) {
	data := []float32{65504, 65519, 6.1035156e-05, 2.9802326e-08, 1.0004883, 1.0004884, 1.0014648, -2}
	want := []float32{65504, 65504, 6.1035156e-05, 5.9604645e-08, 1, 1.0009766, 1.0019531, -2}
	a := &Artefact{Header: Header{Rule: "vq", Patch: 1, Dim: 3, Tensors: []Tensor{{Name: "x", Type: "f16", Shape: []int{len(data)}, Data: data}}}}
	for range 2 {
		back, err := ReadArtefact(encode(t, a))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, back.Tensors[0].Data); diff != "" {
			t.Fatal(diff)
		}
		a = back
	}
}
