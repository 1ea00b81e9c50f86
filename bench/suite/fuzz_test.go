package suite

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/strictyaml"
)

// FuzzSuite: a suite is read or refused with its name; what was read has conditions that
// are read back.
func FuzzSuite(f *testing.F) {
	names, err := builtin.ReadDir("builtin")
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range names {
		b, err := builtin.ReadFile("builtin/" + n.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("id: a\nversion: 1\ndatasets: [d]\nresolutions: [64]\nmetrics: [psnr]\nheadline: [psnr]\ncorruptions: [{type: fog, severities: [9]}]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSuite("f.yaml", b)
		if err != nil {
			if !strings.Contains(err.Error(), "f.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, c := range s.Conditions() {
			again, err := ParseCondition(c.String())
			if err != nil || again != c {
				t.Fatalf("condition %+v is %q, which is read as %+v, %v", c, c, again, err)
			}
		}
		strictyaml.Where("f.yaml", b, "corruptions[0].type")
	})
}

// FuzzParseCondition: what is accepted is written as it was read.
func FuzzParseCondition(f *testing.F) {
	for _, s := range []string{"clean", "clean@256", "fog/3@512", "fog/3@512~clean", "fog/@", "@", "~", "a/9@0~x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCondition(s)
		if err != nil {
			return
		}
		again, err := ParseCondition(c.String())
		if err != nil || again != c {
			t.Fatalf("%q is %+v, written %q, read %+v, %v", s, c, c, again, err)
		}
	})
}
