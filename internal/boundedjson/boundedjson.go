// Package boundedjson decodes JSON that somebody else may have written, in memory that
// was agreed on beforehand.
//
// Its opinion: the size of a text says little about what it becomes. For each element of
// a list encoding/json spends what the Go type takes, so that "{}," is three bytes of text
// and several hundred of memory, and fifty kilobytes that unpack to a list of nothing end
// up as gigabytes. So a text is first walked through beside the type that it is to
// become, without any of it being made, and is refused where its values would take more
// than the caller allows. Texts that are too short to reach the limit with that type are
// decoded at once.
//
//	var m Manifest
//	err := boundedjson.Unmarshal(data, &m, 64<<20)
package boundedjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Default is how much memory the values of a file may take where nothing speaks for
// another number: ten times the largest that was seen.
const Default = 512 << 20

// maxDepth bounds how deep values may nest: ten times what any file of ours does.
const maxDepth = 100

// Unmarshal is [json.Unmarshal] for texts whose values take at most limit bytes.
func Unmarshal(data []byte, v any, limit int64) error {
	if err := Check(data, v, limit); err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// UnmarshalFile decodes what a file of this name holds, with or without a byte order mark,
// within [Default]; an error names the file and the line.
func UnmarshalFile(file string, b []byte, v any) error {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	err := Unmarshal(b, v, Default)
	if err == nil {
		return nil
	}
	offset := int64(0)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	line := 1 + bytes.Count(b[:min(max(offset, 0), int64(len(b)))], []byte("\n"))
	return fmt.Errorf("%s:%d: %w", file, line, err)
}

// Check reports whether the values of a text would take more than limit bytes as what v,
// a pointer, points to. What encoding/json makes of a list that grows is counted twice,
// since the shorter one is in memory beside the longer one. A text that is no JSON is
// left for the decoder to refuse, which does so before it makes anything.
func Check(data []byte, v any, limit int64) error {
	p := planOf(reflect.TypeOf(v))
	if int64(len(data)) <= limit/p.factor && !deep(data) {
		return nil
	}
	if !json.Valid(data) {
		return nil
	}
	w := walker{data: data, limit: limit}
	w.value(p, 0)
	return w.err
}

// deep reports whether a text might nest deeper than maxDepth; brackets within strings
// count as well, which costs a walk and nothing else.
func deep(data []byte) bool {
	depth := 0
	for _, c := range data {
		switch c {
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// Costs of what has no type of its own, in bytes.
const (
	perEntry    = 48 // of a map, beside key and value
	perAny      = 64 // a value of unknown type: an interface, and what it holds
	perOwn      = 16 // for each byte of an object or list that a type decodes by itself
	leastValue  = 2  // bytes of text of an element of a list: "0,"
	leastEntry  = 4  // and of an entry of a map
	growth      = 2  // a list that grows is there twice
	leastObject = 16 // the smallest thing that is allocated
)

// A plan is what a walk needs to know of a type.
type plan struct {
	kind   reflect.Kind
	size   int64            // bytes of a value in a list
	alone  int64            // bytes of a value that is allocated by itself
	entry  int64            // of a map: bytes of an entry
	own    int64            // of what decodes itself: bytes for a byte of an object or list
	elem   *plan            // of a list, map or pointer
	fields map[string]*plan // of a struct, by their names in JSON
	factor int64            // the most bytes of memory that a byte of text can cost
}

var (
	plans   sync.Map   // reflect.Type → *plan
	making  sync.Mutex // one plan at a time, since types may refer to each other
	decodes = reflect.TypeFor[json.Unmarshaler]()
)

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	making.Lock()
	defer making.Unlock()
	made := map[reflect.Type]*plan{}
	p := describe(t, made)
	for t, q := range made {
		q.factor = q.most(map[*plan]bool{})
		plans.Store(t, q)
	}
	return p
}

// describe makes the plan of a type and of those that it consists of.
func describe(t reflect.Type, made map[reflect.Type]*plan) *plan {
	if p := made[t]; p != nil {
		return p
	}
	size := int64(t.Size())
	p := &plan{kind: t.Kind(), size: size, alone: max(size, leastObject)}
	made[t] = p
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		p.own = 1
	case p.kind != reflect.Interface && (t.Implements(decodes) || p.kind != reflect.Pointer && reflect.PointerTo(t).Implements(decodes)):
		p.own = perOwn
	}
	if p.own > 0 {
		return p
	}
	switch p.kind {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		p.elem = describe(t.Elem(), made)
	case reflect.Map:
		p.elem = describe(t.Elem(), made)
		p.entry = int64(t.Key().Size()) + 2*p.elem.alone + perEntry
	case reflect.Struct:
		p.fields = map[string]*plan{}
		for name, ft := range fieldsOf(t) {
			p.fields[name] = describe(ft, made)
		}
	}
	return p
}

// most is the most bytes of memory that a byte of text can cost.
func (p *plan) most(seen map[*plan]bool) int64 {
	if seen[p] {
		return 1
	}
	seen[p] = true
	defer delete(seen, p)
	f := int64(1)
	switch {
	case p.own > 0:
		return p.own
	case p.kind == reflect.Interface:
		return perAny + perEntry
	case p.kind == reflect.Pointer:
		f = p.elem.alone
	case p.kind == reflect.Slice:
		f = growth * p.elem.size / leastValue
	case p.kind == reflect.Map:
		f = p.entry / leastEntry
	}
	f++
	inner := int64(0) // the text of an element costs its own share once more
	if p.elem != nil {
		inner = p.elem.most(seen)
	}
	for _, q := range p.fields {
		inner = max(inner, q.most(seen))
	}
	return f + inner
}

// fieldsOf are the types of the fields that a struct has in JSON, by name.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "":
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if e.Kind() == reflect.Struct {
				embedded = append(embedded, e)
			}
		case !f.IsExported():
		case name == "":
			out[f.Name] = f.Type
		default:
			out[name] = f.Type
		}
	}
	for _, e := range embedded {
		for name, ft := range fieldsOf(e) {
			if _, outer := out[name]; !outer {
				out[name] = ft
			}
		}
	}
	return out
}

// field is the plan of a field as encoding/json finds it: by its name, or by its name in
// other letters. quoted is a string of JSON.
func (p *plan) field(quoted []byte) *plan {
	name := string(quoted[1 : len(quoted)-1])
	if q, ok := p.fields[name]; ok {
		return q
	}
	if strings.ContainsRune(name, '\\') && json.Unmarshal(quoted, &name) != nil {
		return nil // not reached: the text is valid
	}
	for n, q := range p.fields {
		if strings.EqualFold(n, name) {
			return q
		}
	}
	return nil
}

// walker goes through a valid text.
type walker struct {
	data  []byte
	at    int
	used  int64
	limit int64
	err   error
}

// add counts n bytes.
func (w *walker) add(n int64) {
	if w.used += n; w.used > w.limit && w.err == nil {
		w.err = fmt.Errorf("its values take more than %d MB of memory (at byte %d of %d), which is more than is accepted", w.limit>>20, w.at, len(w.data))
	}
}

// peek is the next byte that is no white space.
func (w *walker) peek() byte {
	for {
		switch c := w.data[w.at]; c {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return c
		}
	}
}

// value walks over a value of a type, nil for one that is passed over. What the
// value itself takes was counted by what holds it, but for what lies behind pointers.
func (w *walker) value(p *plan, depth int) {
	if depth > maxDepth && w.err == nil {
		w.err = fmt.Errorf("its values nest more than %d deep (at byte %d)", maxDepth, w.at)
	}
	if w.err != nil {
		return
	}
	c := w.peek()
	from := w.at
	for p != nil && p.kind == reflect.Pointer && p.own == 0 {
		if c != 'n' {
			w.add(p.elem.alone)
		}
		p = p.elem
	}
	own := int64(0)
	if p != nil && p.own > 0 {
		own, p = p.own, nil
	}
	if p != nil && p.kind == reflect.Interface {
		w.add(perAny)
	}
	switch c {
	case '{':
		w.object(p, depth)
	case '[':
		w.list(p, depth)
	case '"':
		w.text()
		if p != nil {
			w.add(int64(w.at - from))
		}
	default:
		w.literal()
	}
	switch n := int64(w.at - from); {
	case own == 0:
	case c == '{' || c == '[':
		w.add(own * n)
	default:
		w.add(n)
	}
}

func (w *walker) object(p *plan, depth int) {
	w.at++
	for w.peek() != '}' && w.err == nil {
		name := w.text()
		w.peek()
		w.at++ // the colon
		var inner *plan
		switch {
		case p == nil:
		case p.kind == reflect.Interface:
			inner = p
			w.add(perEntry + int64(len(name)))
		case p.kind == reflect.Struct:
			inner = p.field(name)
		case p.kind == reflect.Map:
			inner = p.elem
			w.add(p.entry + int64(len(name)))
		}
		w.value(inner, depth+1)
		w.comma()
	}
	w.at++
}

func (w *walker) list(p *plan, depth int) {
	var inner *plan
	var each int64
	switch {
	case p == nil:
	case p.kind == reflect.Interface:
		inner = p
	case p.kind == reflect.Slice:
		inner, each = p.elem, growth*p.elem.size
	case p.kind == reflect.Array:
		inner = p.elem
	}
	w.at++
	for w.peek() != ']' && w.err == nil {
		w.add(each)
		w.value(inner, depth+1)
		w.comma()
	}
	w.at++
}

// comma passes over what stands between two elements.
func (w *walker) comma() {
	if w.err == nil && w.peek() == ',' {
		w.at++
	}
}

// text passes over a string and returns it with its quotes.
func (w *walker) text() []byte {
	from := w.at
	for w.at++; w.data[w.at] != '"'; w.at++ {
		if w.data[w.at] == '\\' {
			w.at++
		}
	}
	w.at++
	return w.data[from:w.at]
}

// literal passes over a number or a word.
func (w *walker) literal() {
	for w.at < len(w.data) {
		switch w.data[w.at] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return
		}
		w.at++
	}
}
