package comment

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	of "github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/compare"
)

// schema.json is what others write programs against: it must hold for what is
// written, and know every field.
func TestJSONFollowsItsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../reports/compare/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	empty := &of.Report{Schema: of.ReportVersion, Pairs: []of.Pair{}, Rows: []of.Row{}, Tallies: []of.Tally{}, Sides: []of.SideInfo{}}
	full := fixture.Comparison()
	full.Skews = []of.Skew{{What: "suite", Name: "text", Baseline: "version 1", Candidate: "version 2"}}
	full.Controls = []of.Control{{Tokenizer: "resize", Baseline: "main", Values: 9, Differing: 1, Largest: .5, Metric: "psnr"}}
	full.Rows[0].Warnings = []string{"few_clusters"}
	full.Sides[0].Origin, full.Sides[0].Made, full.Sides[0].Program, full.Sides[0].Partial = "x", "2026-01-01T00:00:00Z", "v1", true
	full.Sides[0].Tokens[0] = of.TokenID{Name: "a", Kind: "b", Version: "c", Weights: "d", Reference: true}
	for name, r := range map[string]*of.Report{"empty": empty, "sample": fixture.Comparison(), "full": full, "huge": fixture.HugeComparison(20, "a")} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(written(t, compare.FormatJSON, r, compare.Options{})))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string]string{
		"unknown key": `{"schema":1,"method":{},"sides":[],"pairs":[],"tallies":[],"rows":[],"extra":1}`,
		"no rows":     `{"schema":1}`,
	} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("the schema takes a file with %s", name)
		}
	}
}
