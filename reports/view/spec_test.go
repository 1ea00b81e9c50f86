package view_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/reports/view"
)

// A metric states from how many people on it is a headline.
func TestHeadlineNeedsPeople(t *testing.T) {
	with := func(clusters int) *view.View {
		r := run(t, "a")
		m := &r.Manifest.Metrics[slices.Index(r.Manifest.Suite.Metrics, "cer")]
		m.HeadlineFrom = 20
		r.Summary.Rows = slices.Clone(r.Summary.Rows)
		for i := range r.Summary.Rows {
			if row := &r.Summary.Rows[i]; row.Metric == "cer" {
				row.Clusters = min(row.Clusters, clusters)
			}
		}
		v, err := view.New(r)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	few, enough := with(19), with(20)
	if slices.Contains(few.Headline, "cer") || !slices.Contains(few.Headline, "t-acc") {
		t.Errorf("on 19 people the headline is %v", few.Headline)
	}
	if !slices.ContainsFunc(few.Warnings, func(w string) bool { return strings.HasPrefix(w, "CER is no headline") }) {
		t.Errorf("nothing says so: %q", few.Warnings)
	}
	if !slices.Contains(enough.Headline, "cer") {
		t.Errorf("on 20 people the headline is %v", enough.Headline)
	}
	for _, s := range few.Sections() {
		if slices.Contains(few.HeadlineOf(s), "cer") {
			t.Error("a section has it as headline all the same")
		}
	}
}
