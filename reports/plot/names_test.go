package plot

import (
	"slices"
	"testing"
)

// Names that are too long stay apart in every drawing.
func TestNamesStayApart(t *testing.T) {
	long := func(rule string) string { return "a tokenizer of a long name," + rule + ",and options, bits=2" }
	a, b := long("gptq"), long("vptq")
	f := Figure{Series: []Series{{Name: a}, {Name: b}}}
	names := f.names()
	if names[0] == names[1] || len(names[0]) >= len(a) {
		t.Errorf("a figure calls them %q", names)
	}
	if of := (Panels{Figures: []Figure{f, f}}).names(); of[a] == of[b] {
		t.Errorf("panels call them %q", of)
	}
	if got := fitted([]string{a, b}, heatName); slices.Compact(got)[0] == got[len(got)-1] {
		t.Errorf("a heat map calls them %q", got)
	}
}
