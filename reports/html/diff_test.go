package html

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	for _, tc := range []struct {
		want, got string
		spans     []span
	}{
		{"same", "same", []span{{"same", "same"}}},
		{"WEST", "WEsT", []span{{"WE", "same"}, {"s", "wrong"}, {"T", "same"}}},
		{"ab", "a", []span{{"a", "same"}, {"b", "missing"}}},
		{"a", "xa", []span{{"x", "wrong"}, {"a", "same"}}},
		{"", "x", []span{{"x", "wrong"}}},
		{"x", "", []span{{"x", "missing"}}},
	} {
		if d := cmp.Diff(tc.spans, diff(tc.want, tc.got)); d != "" {
			t.Errorf("diff(%q, %q):\n%s", tc.want, tc.got, d)
		}
	}
}

// What is not missing spells what was read.
func TestDiffSpellsWhatWasRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[abcé]{0,8}`)
		want, got := text.Draw(t, "label"), text.Draw(t, "read")
		var b strings.Builder
		for _, s := range diff(want, got) {
			if s.Kind != "missing" {
				b.WriteString(s.Text)
			}
		}
		if b.String() != got {
			t.Fatalf("diff(%q, %q) spells %q", want, got, b.String())
		}
	})
}
