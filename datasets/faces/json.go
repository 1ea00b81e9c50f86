package faces

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vtbench/vtbench/internal/boundedjson"
)

// nothing is what a value becomes that is passed over.
type nothing struct{}

func (*nothing) UnmarshalJSON([]byte) error { return nil }

// A reader hands out the elements of lists of a file of JSON one by one, so that one that
// does not fit costs itself, and knows their lines.
type reader struct {
	file string
	b    []byte
	dec  *json.Decoder
	// line is that of byte at.
	line int
	at   int
}

// read checks the syntax of a file and that what it becomes, a value like shape, takes no
// more memory than is accepted.
func read(file string, b []byte, shape any) (*reader, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if err := json.Unmarshal(b, &nothing{}); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			before := b[:min(max(syntax.Offset, 0), int64(len(b)))]
			return nil, fmt.Errorf("%s: %w", at(file, 1+bytes.Count(before, []byte("\n"))), err)
		}
		return nil, fmt.Errorf("decoding %s: %w", file, err)
	}
	if err := boundedjson.Check(b, shape, boundedjson.Default); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", file, err)
	}
	return &reader{file: file, b: b, dec: json.NewDecoder(bytes.NewReader(b)), line: 1}, nil
}

// here is the line of the value that comes next.
func (r *reader) here() int {
	to := int(r.dec.InputOffset())
	for to < len(r.b) && bytes.IndexByte([]byte(" \t\r\n,:"), r.b[to]) >= 0 {
		to++
	}
	r.line += bytes.Count(r.b[r.at:to], []byte("\n"))
	r.at = to
	return r.line
}

// open passes the bracket that a value begins with; ok is false for null, and an error is
// another value.
func (r *reader) open(name string, bracket json.Delim) (ok bool, err error) {
	line := r.here()
	t, err := r.dec.Token()
	switch {
	case err != nil:
		return false, fmt.Errorf("%s: %w", at(r.file, line), err)
	case t == nil:
		return false, nil
	case t != bracket:
		want := map[json.Delim]string{'[': "a list", '{': "an object"}[bracket]
		return false, fmt.Errorf("%s: %s begins with %.80v: %s is wanted", at(r.file, line), name, t, want)
	}
	return true, nil
}

// An element is one of a list; err says why it is not whole.
type element[T any] struct {
	value   T
	n, line int
	err     error
}

// elements decodes a list, of which it is told how the file calls it.
func elements[T any](r *reader, name string) ([]element[T], error) {
	ok, err := r.open(name, '[')
	if !ok {
		return nil, err
	}
	var out []element[T]
	for r.dec.More() {
		e := element[T]{n: len(out), line: r.here()}
		if err := r.dec.Decode(&e.value); err != nil {
			if e.err = misfit(err); e.err == nil {
				return nil, fmt.Errorf("%s: %s[%d]: %w", at(r.file, e.line), name, e.n, err)
			}
		}
		out = append(out, e)
	}
	if _, err := r.dec.Token(); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", r.file, err)
	}
	return out, nil
}

// misfit says which field of a value is of another kind; nil for other errors.
func misfit(err error) error {
	var kind *json.UnmarshalTypeError
	if !errors.As(err, &kind) {
		return nil
	}
	field := kind.Field
	if field == "" {
		field = "it"
	}
	return fmt.Errorf("%s is a %.80s of JSON, which does not fit: %s is wanted", field, kind.Value, kind.Type)
}

// A part is decoded by itself, so that what does not fit in it costs it and no other.
type part[T any] struct {
	value T
	err   error
}

func (p *part[T]) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &p.value); err != nil {
		if p.err = misfit(err); p.err == nil {
			return err
		}
	}
	return nil
}

// boxOf is a box from JSON: left, top, right, bottom.
func boxOf(v []float64) (box, error) {
	if len(v) != 4 {
		return box{}, fmt.Errorf("the box has %d numbers, want 4", len(v))
	}
	for _, x := range v {
		if !plausible(x) {
			return box{}, fmt.Errorf("the box has %g, which is no position in an image", x)
		}
	}
	return box(v), nil
}
