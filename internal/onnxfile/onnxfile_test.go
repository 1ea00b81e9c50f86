package onnxfile

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

func field(n protowire.Number, parts ...[]byte) []byte {
	var v []byte
	for _, p := range parts {
		v = append(v, p...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), v)
}

// tensor is a TensorProto whose data lies in a file.
func tensor(location string) []byte {
	entry := func(key, value string) []byte {
		return field(externalData, field(1, []byte(key)), field(2, []byte(value)))
	}
	dims := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 4)
	return append(append(dims, entry("location", location)...), entry("offset", "16")...)
}

// graph is a ModelProto with weights in an initializer, in a constant, and in the branch
// of a node within a branch.
func graph(a, b, c string) []byte {
	constant := field(1, field(5, field(5, tensor(b))))
	nested := field(1, field(5, field(6, field(1, field(5, field(11, field(5, tensor(c))))))))
	return field(7, field(5, tensor(a)), constant, nested)
}

func TestDigestSeesAllThatAGraphRefersTo(t *testing.T) {
	dir := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	model := put("model.onnx", string(graph("weights.bin", "deep/consts", "weights.bin")))
	digest := func() string {
		t.Helper()
		sum, err := SHA256(model)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if _, err := SHA256(model); err == nil || !strings.Contains(err.Error(), "deep") {
		t.Errorf("missing weights: %v", err)
	}
	put("weights.bin", "1")
	put("deep/consts", "2")
	put("model.onnx.data", "not referred to")
	first := digest()
	put("model.onnx.data", "still not")
	if digest() != first {
		t.Error("a file that the graph does not refer to changes the digest")
	}
	put("deep/consts", "3")
	second := digest()
	put("weights.bin", "4")
	if third := digest(); second == first || third == second {
		t.Error("other weights, the same digest")
	}

	alone := graphAlone()
	put("model.onnx", string(alone))
	want := sha256.Sum256(alone)
	if digest() != hex.EncodeToString(want[:]) {
		t.Error("the digest of a graph that holds its weights is not that of the file")
	}
	for content, want := range map[string]string{
		string(graph("../up", "a", "a")): "not beside it",
		"\x0a\xff":                       "not an ONNX graph",
	} {
		put("model.onnx", content)
		if _, err := SHA256(model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
}

func graphAlone() []byte { return field(7, field(5, field(9, []byte("raw data")))) }

func FuzzExternal(f *testing.F) {
	f.Add(graph("a", "b", "c"))
	f.Add(graphAlone())
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := External(b)
		if err == nil && len(names) > len(b) {
			t.Errorf("%d files in %d bytes", len(names), len(b))
		}
	})
}
