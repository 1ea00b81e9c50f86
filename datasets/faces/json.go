package faces

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vtbench/vtbench/internal/boundedjson"
)

// unmarshal decodes a file and names line and field of what is wrong with it.
func unmarshal(file string, b []byte, v any) error {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	err := boundedjson.Unmarshal(b, v, boundedjson.Default)
	if err == nil {
		return nil
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	line := func(offset int64) int {
		return 1 + bytes.Count(b[:min(max(offset, 0), int64(len(b)))], []byte("\n"))
	}
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s:%d: %w", file, line(syntax.Offset), err)
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			field = "the file"
		}
		return fmt.Errorf("%s:%d: %s is a %s of JSON, which does not fit: %w", file, line(kind.Offset), field, kind.Value, err)
	}
	return fmt.Errorf("decoding %s: %w", file, err)
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
