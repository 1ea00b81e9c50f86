package boundedjson_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/internal/boundedjson"
)

type leaf struct {
	A, B, C, D, E, F, G, H string
	N                      float64 `json:"n"`
	P                      *int    `json:"p"`
}

type inner struct {
	Leaves []leaf `json:"leaves"`
}

type self struct{ m map[string]string }

func (s *self) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &s.m) }

type tree struct {
	inner
	List  []leaf            `json:"list"`
	Deep  [][]leaf          `json:"deep"`
	Of    map[string]leaf   `json:"of"`
	Any   any               `json:"any"`
	Ptr   *inner            `json:"ptr"`
	Raw   json.RawMessage   `json:"raw"`
	Self  []self            `json:"self"`
	Pairs map[string]string `json:"pairs"`
	Fixed [4]int            `json:"fixed"`
	Ints  []int             `json:"ints"`
	Ptrs  []*leaf           `json:"ptrs"`
}

func repeated(head, one, tail string, n int) []byte {
	return []byte(head + strings.TrimRight(strings.Repeat(one, n), ",\n") + tail)
}

// numbered is an object of n entries with different names.
func numbered(field, value string, n int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{%q:{`, field)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"%d":%s`, i, value)
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// hostile are texts that become much more than they are.
func hostile() map[string][]byte {
	const n = 1 << 16
	return map[string][]byte{
		"empty objects":       repeated(`{"list":[`, "{},", "]}", n),
		"nulls":               repeated(`{"list":[`, "null,", "]}", n),
		"numbers for objects": repeated(`{"list":[`, "0,", "]}", n),
		"another case":        repeated(`{"LiSt":[`, "{},", "]}", n),
		"an escaped name":     repeated(`{"\u006cist":[`, "{},", "]}", n),
		"lists in lists":      repeated(`{"deep":[`, "[{}],", "]}", n),
		"an embedded field":   repeated(`{"leaves":[`, "{},", "]}", n),
		"behind a pointer":    repeated(`{"ptr":{"leaves":[`, "{},", "]}}", n),
		"pointers":            repeated(`{"ptrs":[`, "{},", "]}", n),
		"a map":               numbered("of", "{}", n),
		"anything, a list":    repeated(`{"any":[`, "{},", "]}", n),
		"anything, an object": numbered("any", "0", n),
		"white space":         repeated(`{ "list" : [`, "{ } ,\n", "]}", n),
		"what decodes itself": numbered("pairs", `""`, n),
		"a list of such":      []byte(`{"self":[` + strings.TrimSuffix(string(numbered("x", `""`, n))[5:], "}") + "]}"),
		"thousands deep":      []byte(`{"any":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"),
	}
}

// What is more than allowed is refused before it is made.
func TestHostileTextsAreRefused(t *testing.T) {
	for name, text := range hostile() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := boundedjson.Unmarshal(text, &tree{}, 2<<20)
		runtime.ReadMemStats(&after)
		if !json.Valid(text) {
			t.Fatalf("%s: no JSON", name)
		}
		if err == nil || !strings.Contains(err.Error(), "its values") {
			t.Errorf("%s: %v", name, err)
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<19 {
			t.Errorf("%s: %d bytes were spent on refusing %d", name, spent, len(text))
		}
	}
}

// No text takes much more memory than what Check said it would.
func TestCheckCountsWhatIsSpent(t *testing.T) {
	for name, text := range hostile() {
		if strings.Contains(name, "deep") {
			continue // there is no limit at which it is accepted
		}
		limit := int64(1 << 18)
		for limit < 1<<40 && boundedjson.Check(text, &tree{}, limit) != nil {
			limit *= 2
		}
		var before, after runtime.MemStats
		var v tree
		runtime.GC()
		runtime.ReadMemStats(&before)
		if err := json.Unmarshal(text, &v); err != nil && !strings.Contains(name, "numbers") {
			t.Errorf("%s: %v", name, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > limit {
			t.Errorf("%s: %d bytes became %d, which were said to be at most %d", name, len(text), kept, limit)
		}
		runtime.KeepAlive(v)
	}
}

// Within the limit a text is what encoding/json makes of it, and what is no JSON is
// its error.
func TestEqualsEncodingJSON(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ",", ":", `"list"`, `"any"`, `"deep"`, `"of"`, `"ptr"`, `"leaves"`, `"a"`, `"n"`, "1", "-2.5e3",
		"null", "true", `"\u00e9\""`, " ", "\n", `"raw"`, `"self"`, "x",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), ""))
		var want, got tree
		wantErr := json.Unmarshal(text, &want)
		gotErr := boundedjson.Unmarshal(text, &got, 1<<20)
		walked := boundedjson.Check(text, &got, 1) // walks, since nothing is short enough
		if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) || !reflect.DeepEqual(want, got) {
			t.Fatalf("%s: %v, %v; want %v, %v", text, got, gotErr, want, wantErr)
		}
		_ = walked // must not panic
	})
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"list":[{"a":"x","n":1,"p":2}],"any":{"b":[1,"\\\"",null]},"of":{"c":{}}}`))
	f.Add([]byte(`[[[{}]]]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = boundedjson.Check(b, &tree{}, 1)
		_ = boundedjson.Check(b, &[]any{}, 1)
	})
}

func BenchmarkCheck(b *testing.B) {
	text := repeated(`{"list":[`, `{"A":"some text","B":"more of it","n":1.25},`, "]}", 1<<16)
	for _, limit := range []int64{1 << 28, 1 << 40} {
		b.Run(fmt.Sprint(limit>>20), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if err := boundedjson.Check(text, &tree{}, limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestUnmarshalFile(t *testing.T) {
	for in, want := range map[string]string{
		"\xef\xbb\xbf{\"n\": 1}":      "",
		"{\n\"n\": 1,\n}":             "a.json:3: invalid character '}' looking for beginning of object key string",
		"\xef\xbb\xbf\n{\"n\": [\n]}": "a.json:2: json: cannot unmarshal array into Go struct field leaf.n of type float64",
	} {
		var got leaf
		err := boundedjson.UnmarshalFile("a.json", []byte(in), &got)
		if want == "" {
			if err != nil || got.N != 1 {
				t.Errorf("%q: %v, %v", in, got.N, err)
			}
		} else if err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", in, err, want)
		}
	}
}
