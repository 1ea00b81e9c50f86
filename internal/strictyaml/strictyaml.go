// Package strictyaml reads YAML in which every key must be known: a misspelt key
// that is silently ignored is a wrong result that looks right.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/vtbench/vtbench/internal/suggest"
)

// Decode reads one document into v, a pointer to a struct. Errors carry name,
// line and column and, for an unknown key, the nearest known one.
func Decode(name string, data []byte, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict())
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty", name)
	}
	if err == nil {
		return nil
	}
	var ye yaml.Error
	if !errors.As(err, &ye) {
		return fmt.Errorf("%s: %w", name, err)
	}
	where, hint := name, ""
	if tok := ye.GetToken(); tok != nil && tok.Position != nil {
		where = fmt.Sprintf("%s:%d:%d", name, tok.Position.Line, tok.Position.Column)
	}
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) && unknown.Token != nil {
		hint = suggest.Hint(unknown.Token.Value, keys(reflect.TypeOf(v), map[reflect.Type]bool{}))
	}
	return fmt.Errorf("%s: %s%s", where, strings.TrimSpace(ye.GetMessage()), hint)
}

// keys lists the yaml keys of a struct and of everything it contains.
func keys(t reflect.Type, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return nil
	}
	seen[t] = true
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("yaml"), ","); tag != "" && tag != "-" {
			out = append(out, tag)
		}
		out = append(out, keys(f.Type, seen)...)
	}
	return out
}
