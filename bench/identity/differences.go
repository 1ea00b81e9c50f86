package identity

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
)

// Digest is the hex SHA-256 of the JSON of plain data. The digest of a suite in manifests
// and baselines is one of these.
func Digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain structs
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// A Difference is a field in which two manifests describe different runs.
type Difference struct {
	Field string // "tokenizers[mine].info.weights"
	A, B  string // as JSON; "nothing" where the field is absent
	Hint  string // what on the command line, or of the machine, is behind it
}

// String names the field and both values.
func (d Difference) String() string {
	s := fmt.Sprintf("%s (%s, and %s)", d.Field, short(d.A), short(d.B))
	if d.Hint != "" {
		s += ", which comes from " + d.Hint
	}
	return s
}

// Strings lists differences, and counts those that are too many to show: one of each kind
// comes before a second.
func Strings(ds []Difference) string {
	const most = 4
	told := map[string]bool{}
	var first, rest []Difference
	for _, d := range ds {
		if w, _ := word(d.Field); !told[w] {
			told[w] = true
			first = append(first, d)
		} else {
			rest = append(rest, d)
		}
	}
	var out []string
	for i, d := range append(first, rest...) {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(ds)-most))
			break
		}
		out = append(out, d.String())
	}
	return strings.Join(out, "; ")
}

// short cuts a value down to what fits into a message.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// compared are the fields of a manifest that say which run it is: all of them but when and
// on which of equal machines it was made.
type compared struct {
	Schema int `json:"schema"`
	record.Manifest
	SuiteHash string   `json:"suite_digest,omitempty"` // of the suite, which is compared itself
	Host      engineOf `json:"engine"`
}

// hints are by the first word of a field, what others follow from first.
var hints = []struct{ word, hint string }{
	{"suite", "--suite, --resolution, --metrics, --data or --option"},
	{"datasets", "--data, --limit, --full, or files that changed"},
	{"tokenizers", "--tokenizer, or files that changed"},
	{"batch", "--batch, or the tokenizers"},
	{"metrics", "--suite, --metrics, or another version of vtbench"},
	{"keep_images", "--keep-images"},
	{"bootstrap", "--resamples"},
	{"provenance", "the OCR engine, networks or their data"},
	{"engine", "another build of vtbench, or another processor"},
}

// suiteID is the field of a suite's name: where it differs, most others follow from it.
const suiteID = "suite.id"

// word is the first word of a field, and its place among hints, behind all where it has none.
func word(field string) (string, int) {
	w := field[:strings.IndexAny(field+".", ".[")]
	i := slices.IndexFunc(hints, func(h struct{ word, hint string }) bool { return h.word == w })
	if i < 0 {
		return w, len(hints)
	}
	return w, i
}

// Differences lists the fields in which two manifests describe different runs, whose values
// are not equal for certain; those first that others follow from. Manifests of another schema
// differ in that alone.
func Differences(a, b *record.Manifest) ([]Difference, error) {
	if a.Schema != b.Schema {
		return []Difference{{Field: "schema", A: strconv.Itoa(a.Schema), B: strconv.Itoa(b.Schema), Hint: "another release of vtbench"}}, nil
	}
	x, err := fields(a)
	if err != nil {
		return nil, err
	}
	y, err := fields(b)
	if err != nil {
		return nil, err
	}
	var out []Difference
	differ("", x, y, func(field string, u, v any) {
		d := Difference{Field: field, A: text(u), B: text(v)}
		if _, i := word(field); i < len(hints) {
			d.Hint = hints[i].hint
		}
		out = append(out, d)
	})
	slices.SortStableFunc(out, func(a, b Difference) int {
		_, i := word(a.Field)
		_, j := word(b.Field)
		if i == j && a.Field != b.Field { // only the suite's name comes before its equals
			switch suiteID {
			case a.Field:
				return -1
			case b.Field:
				return 1
			}
		}
		return cmp.Compare(i, j)
	})
	return out, nil
}

// fields is a manifest as plain maps and lists. What is empty is left out, as it is in a
// file.
func fields(m *record.Manifest) (any, error) {
	c := compared{Schema: m.Schema, Manifest: *m, Host: engineOf{m.Host.Build, m.Host.Go, m.Host.OS, m.Host.Features}}
	c.Manifest.SuiteHash = ""
	c.Manifest.Remarks = nil // they follow from all the rest, and are written later
	b, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("comparing manifests: %w", err)
	}
	var v map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber() // a seed has more digits than a float
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("comparing manifests: %w", err)
	}
	delete(v, "host")
	return v, nil
}

// differ calls found for every field in which two values differ.
func differ(field string, a, b any, found func(field string, a, b any)) {
	if a == nil {
		if _, ok := b.(map[string]any); ok {
			a = map[string]any{} // each of what is there is named
		}
	}
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok && b != nil {
			break
		}
		keys := maps.Clone(x)
		maps.Copy(keys, y)
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			name := k
			if field != "" {
				name = field + "." + k
			}
			differ(name, x[k], y[k], found)
		}
		return
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			break
		}
		for i := range x {
			name := nameOf(x[i])
			if name == "" || name != nameOf(y[i]) {
				name = strconv.Itoa(i)
			}
			differ(field+"["+name+"]", x[i], y[i], found)
		}
		return
	}
	if text(a) != text(b) {
		found(field, a, b)
	}
}

// nameOf is what an entry of a list is called.
func nameOf(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, k := range []string{"name", "id", "type"} {
		if s, ok := m[k].(string); ok {
			return s
		}
	}
	return ""
}

// text is a value as JSON; of a list of named things, their names.
func text(v any) string {
	if v == nil {
		return "nothing"
	}
	if list, ok := v.([]any); ok {
		var names []string
		for _, e := range list {
			if n := nameOf(e); n != "" {
				names = append(names, n)
			}
		}
		if len(names) > 0 && len(names) == len(list) {
			return strings.Join(names, ", ")
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
