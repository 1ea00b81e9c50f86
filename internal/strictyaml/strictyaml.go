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
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/vtbench/vtbench/internal/suggest"
)

// MaxBytes bounds a document: a suite of every corruption takes a hundredth of it.
const MaxBytes = 1 << 20

// maxTokens bounds the words and signs of a document, ten times as many as that suite has:
// the parser takes a kilobyte for each, and time that grows with the square of a list.
const maxTokens = 20_000

// How deep a document may nest, in flow style, in block style and on one line. The
// parser keeps memory that grows with the square of the depth.
const (
	maxDepth  = 32
	maxIndent = 200
)

// Decode reads one document into v, a pointer to a struct. Errors carry name,
// line and column and, for an unknown key, the nearest known one. Documents that are
// larger, deeper or more entangled than any that is meant are refused before they are
// parsed.
func Decode(name string, data []byte, v any) error {
	if err := guarded(func() error { return check(name, data) }); err != nil {
		return err
	}
	err := guarded(func() error { return yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(v) })
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
	return fmt.Errorf("%s: %s%s", where, message(ye), hint)
}

// message says what is wrong in the words of who wrote the file: what is wanted and what
// stands there, not which Go types they are.
func message(err yaml.Error) string {
	var (
		kind *yaml.TypeError
		over *yaml.OverflowError
		node *yaml.UnexpectedNodeTypeError
		want string
	)
	switch {
	case errors.As(err, &kind):
		want = wanted(kind.DstType)
	case errors.As(err, &over):
		return fmt.Sprintf("%s is too large", over.SrcNum)
	case errors.As(err, &node) && node.Expected == ast.SequenceType:
		want = "a list, [a, b]"
	case errors.As(err, &node) && node.Expected == ast.MappingType:
		want = "fields with values, field: value"
	}
	if want == "" {
		return strings.TrimSpace(err.GetMessage())
	}
	if tok := err.GetToken(); tok != nil && strings.Trim(tok.Value, "[{-|>:") != "" {
		return fmt.Sprintf("%q: want %s", tok.Value, want)
	}
	return "want " + want
}

// wanted is a type in words; "" for types that no document holds.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list, [a, b]"
	case reflect.Struct, reflect.Map:
		return "fields with values, field: value"
	default:
		return ""
	}
}

// check refuses what would take the parser memory out of proportion. Splitting into
// tokens is linear.
func check(name string, data []byte) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("%s has %d bytes, at most %d are read", name, len(data), MaxBytes)
	}
	flow, line, openers := 0, 0, 0
	if n := signs(data); n > maxTokens {
		return fmt.Errorf("%s has about %d words and signs, at most %d are read", name, n, maxTokens)
	}
	for _, t := range lexer.Tokenize(string(data)) {
		bad := func(what string) error {
			return fmt.Errorf("%s:%d:%d: %s", name, t.Position.Line, t.Position.Column, what)
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return bad("anchors and aliases are not read: write the value where it is used")
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		}
		if t.Position.Line != line {
			line, openers = t.Position.Line, 0
		}
		opens := t.Type == token.SequenceEntryType || t.Type == token.MappingKeyType
		if opens {
			openers++
		}
		if flow > maxDepth || openers > maxDepth {
			return bad(fmt.Sprintf("the document nests more than %d deep", maxDepth))
		}
		if flow == 0 && (opens && t.Position.Column > maxIndent || t.Type == token.MappingValueType && t.Position.IndentNum > maxIndent) {
			return bad(fmt.Sprintf("the line is indented by more than %d columns", maxIndent))
		}
	}
	return nil
}

// Where is name:line:column of a field such as "gates[2].level", for messages about
// values that are well-formed and wrong; of what holds the field, where the field
// itself is not there.
func Where(name string, data []byte, field string) string {
	out := name
	err := guarded(func() error {
		file, err := parser.ParseBytes(data, 0)
		for err == nil && field != "" {
			if path, err := yaml.PathString("$." + field); err == nil {
				if node, err := path.FilterFile(file); err == nil && node != nil && node.GetToken() != nil {
					at := node.GetToken().Position
					out = fmt.Sprintf("%s:%d:%d", name, at.Line, at.Column)
					return nil
				}
			}
			field = field[:max(0, strings.LastIndexAny(field, ".["))]
		}
		return err
	})
	if err != nil {
		return name
	}
	return out
}

// guarded turns a panic of the YAML package into an error: it panics on some broken
// files, such as a tag where a list should be.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is not YAML that can be read (%v)", p)
		}
	}()
	return f()
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

// signs estimates the tokens of a document before any is made, from above for what could
// take memory: the signs that begin an element, and line breaks.
func signs(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case '\n', ',', ':', '[', ']', '{', '}', '-', '&', '*', '!', '?', '#', '"', '\'', '|', '>':
			n++
		}
	}
	return n
}
