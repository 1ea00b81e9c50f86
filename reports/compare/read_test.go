package compare

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/fixture"
)

// FuzzReadJSON feeds what a stranger may have written to the job that holds a token:
// it is refused, or every format can be written from it.
func FuzzReadJSON(f *testing.F) {
	for _, s := range []string{"", "{}", "null", `{"schema":1}`, `{"schema":1,"rows":[{"pair":0}]}`, `{"schema":1,"pairs":[{}],"rows":[{"verdict":"worse","n":-1,"delta":1e308,"lo":null}],"gates":{"rows":[0],"findings":[{"row":0,"rule":"min","value":1,"bound":2}]}}`} {
		f.Add([]byte(s))
	}
	for _, s := range fixture.Attacks {
		var b bytes.Buffer
		if err := JSON(&b, fixture.HostileComparison(s)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := ReadJSON(bytes.NewReader(in))
		if err != nil {
			return
		}
		for _, name := range Formats() {
			var b bytes.Buffer
			if err := Write(&b, name, r, Options{All: true, Colour: true, BaselineImages: "a", CandidateImages: "b"}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch name {
			case FormatMarkdown:
				if b.Len() > CommentLimit {
					t.Fatalf("the comment has %d bytes", b.Len())
				}
			case FormatJSON:
				if !json.Valid(b.Bytes()) {
					t.Fatalf("no JSON: %q", b.Bytes())
				}
			case FormatJUnit:
				dec := xml.NewDecoder(&b)
				for {
					if _, err := dec.Token(); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// A baseline file keeps no readings: that nothing is known is not that nothing was read.
func TestReadBefore(t *testing.T) {
	r := fixture.Comparison()
	c := r.WorstCases[0]
	if got := readBefore(r, c); got != "Total|<b>" {
		t.Errorf("read before: %q", got)
	}
	c.ReadBaseline = ""
	if got := readBefore(r, c); got != "not kept" {
		t.Errorf("of a baseline file: %q", got)
	}
	r.Sides[0].Source = compare.FromRun
	if got := readBefore(r, c); got != "nothing" {
		t.Errorf("of a run: %q", got)
	}
	r.Pairs[0].SideIndex = 99
	if got := readBefore(r, c); got != "nothing" {
		t.Errorf("of a side that is not there: %q", got)
	}
}
