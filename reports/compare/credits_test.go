package compare

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/fixture"
)

// Whose photographs are shown is said where they are, and only there.
func TestCredits(t *testing.T) {
	r := fixture.Comparison()
	r.Credits = []datasets.Credit{{Title: "The sea", Author: "A. <b>Nybody</b>", Licence: "CC-BY-4.0", Source: "wallpapers (debian)"}}
	shown := Options{BaselineImages: "../main", CandidateImages: "."}
	for format, names := range map[string][]string{
		FormatHTML:     {"<i>The sea</i>, A. &lt;b&gt;Nybody&lt;/b&gt; (CC-BY-4.0, from wallpapers (debian))"},
		FormatMarkdown: {"Photographs: The sea, A. ", "Nybody", "(CC-BY-4.0)"},
	} {
		with, without := written(t, format, r, shown), written(t, format, r, Options{})
		for _, name := range names {
			if !strings.Contains(with, name) || strings.Contains(with, "<b>Nybody") {
				t.Errorf("%s does not say %q", format, name)
			}
		}
		if strings.Contains(without, "The sea") {
			t.Errorf("%s credits photographs that it does not show", format)
		}
	}
}
