// Package onnxfile reads what vtbench must know of an ONNX graph without running it, and
// edits graphs.
//
// Its opinion: what is only asked about (which files weights lie in, their digest) is
// read field by field, without making messages of gigabytes. What is edited is a [Model],
// in which only the parts that were touched are written anew: all others, unknown ones
// among them, keep their bytes.
//
// Field numbers are those of onnx.proto of ONNX 1.17, of which package onnxpb is made.
package onnxfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/vtbench/vtbench/internal/files"
)

// MaxBytes bounds a graph that is read: protobuf itself allows no more than 2 GiB.
const MaxBytes = 2 << 30

// maxDepth bounds graphs within attributes of graphs (If, Loop).
const maxDepth = 32

// Digest hashes a graph and then, sorted by name, the files that it refers to for its
// weights, each followed by its size. It returns how many bytes all of them have.
func Digest(h hash.Hash, file string) (size int64, err error) {
	b, err := files.Read(file, MaxBytes)
	if err != nil {
		return 0, fmt.Errorf("reading a model: %w", err)
	}
	names, err := External(b)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w", file, err)
	}
	return digest(h, file, b, names)
}

// SHA256 is the digest of a graph in hex: of the file itself, as sha256sum prints it,
// where that holds all weights, else of [Digest].
func SHA256(file string) (string, error) {
	b, err := files.Read(file, MaxBytes)
	if err != nil {
		return "", fmt.Errorf("reading a model: %w", err)
	}
	names, err := External(b)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	h := sha256.New()
	if len(names) == 0 {
		h.Write(b) // a hash never fails
	} else if _, err := digest(h, file, b, names); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digest(h hash.Hash, file string, graph []byte, names []string) (int64, error) {
	sum(h, graph)
	size := int64(len(graph))
	for _, name := range names {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return 0, fmt.Errorf("reading %s: its weights are in %q, which is not beside it", file, name)
		}
		n, err := add(h, filepath.Join(filepath.Dir(file), filepath.FromSlash(name)))
		if err != nil {
			return 0, fmt.Errorf("reading the weights of %s: %w", file, err)
		}
		size += n
	}
	return size, nil
}

func sum(h hash.Hash, b []byte) {
	h.Write(b) // a hash never fails
	h.Write(fmt.Appendf(nil, "|%d|", len(b)))
}

func add(h hash.Hash, name string) (int64, error) {
	f, err := files.Open(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return 0, fmt.Errorf("%s, which the graph refers to, is missing: %w", name, err)
		}
		return 0, err
	}
	n, err := io.Copy(h, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, err
	}
	h.Write(fmt.Appendf(nil, "|%d|", n))
	return n, nil
}

// External lists, sorted and once each, the files in which a ModelProto says that
// tensors lie.
func External(model []byte) ([]string, error) {
	names := map[string]bool{}
	if err := walk(model, modelProto, names, 0); err != nil {
		return nil, fmt.Errorf("it is not an ONNX graph: %w", err)
	}
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}

// A message of onnx.proto3 in which a tensor may lie.
type message int

const (
	modelProto message = iota + 1
	trainingInfoProto
	graphProto
	nodeProto
	attributeProto
	functionProto
	sparseTensorProto
	tensorProto
)

// inner says of which message a field is, where tensors may lie in it.
var inner = map[message]map[protowire.Number]message{
	modelProto:        {7: graphProto, 20: trainingInfoProto, 25: functionProto},
	trainingInfoProto: {1: graphProto, 2: graphProto},
	graphProto:        {1: nodeProto, 5: tensorProto, 15: sparseTensorProto},
	nodeProto:         {5: attributeProto},
	attributeProto:    {5: tensorProto, 6: graphProto, 10: tensorProto, 11: graphProto, 22: sparseTensorProto, 23: sparseTensorProto},
	functionProto:     {7: nodeProto, 11: attributeProto},
	sparseTensorProto: {1: tensorProto, 2: tensorProto},
}

// externalData is the field of TensorProto that says where its data lies: pairs of key
// and value, of which "location" is the file.
const externalData = 13

func walk(b []byte, m message, names map[string]bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("it nests more than %d deep", maxDepth)
	}
	return fields(b, func(number protowire.Number, value []byte) error {
		if m == tensorProto && number == externalData {
			return location(value, names)
		}
		if in := inner[m][number]; in != 0 {
			return walk(value, in, names, depth+1)
		}
		return nil
	})
}

// location notes the value of a StringStringEntryProto whose key is "location".
func location(b []byte, names map[string]bool) error {
	var key, value string
	err := fields(b, func(number protowire.Number, v []byte) error {
		switch number {
		case 1:
			key = string(v)
		case 2:
			value = string(v)
		}
		return nil
	})
	if err == nil && key == "location" {
		names[value] = true
	}
	return err
}

// fields yields the length-delimited fields of a message.
func fields(b []byte, yield func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
				return protowire.ParseError(n)
			}
			b = b[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := yield(number, v); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
