package format_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/reports/format"
)

// Both ends of a name are kept; where they are those of another name, more of the end is, and
// then more than there is room for.
func TestFit(t *testing.T) {
	name := func(s string) string { return "ptq:of={conv-vq:f=4},rule=" + s }
	names := []string{"original", name("rtn,bits=2"), name("gptq,bits=2"), name("vptq,bits=2")}
	for room, want := range map[int][]string{
		40: names,
		28: {"original", "ptq:of={conv-v…le=rtn,bits=2", "ptq:of={conv-v…e=gptq,bits=2", "ptq:of={conv-v…e=vptq,bits=2"},
		20: {"original", "ptq:of…le=rtn,bits=2", "ptq:of…e=gptq,bits=2", "ptq:of…e=vptq,bits=2"},
		3:  {"original", "ptq:…=rtn,bits=2", "ptq:…gptq,bits=2", "ptq:…vptq,bits=2"},
	} {
		if got := format.Fit(names, room); !slices.Equal(got, want) {
			t.Errorf("room for %d: %q, want %q", room, got, want)
		}
	}
}

// Names that differ are never shown alike, and none is longer than it was.
func TestFitKeepsNamesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOf(rapid.StringMatching(`(ptq|vq):[a日=,]{0,12}(rtn|gptq|vptq),bits=[1-3]`)).Draw(t, "names")
		got := format.Fit(names, rapid.IntRange(1, 30).Draw(t, "room"))
		for i := range names {
			if twwidth.Width(got[i]) > twwidth.Width(names[i]) {
				t.Errorf("%q became %q", names[i], got[i])
			}
			for j := range i {
				if (got[i] == got[j]) != (names[i] == names[j]) {
					t.Errorf("%q and %q are shown as %q and %q", names[i], names[j], got[i], got[j])
				}
			}
		}
	})
}

// Long names that differ in their middles alone are told apart in time that grows with
// their length, not with its square.
func TestFitOfLongNames(t *testing.T) {
	long := strings.Repeat("x", 50_000)
	names := []string{long + "a" + long, long + "b" + long}
	if out := format.Fit(names, 20); out[0] == out[1] {
		t.Error("different names became one")
	}
}
