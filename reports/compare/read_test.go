package compare

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"testing"

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
