package browser_test

import (
	"flag"
	"path/filepath"
	"testing"
)

var of = flag.String("report", "", "with TestReport: a report.html to look at")

// TestReport looks at any report: every view of it, with -shots.
func TestReport(t *testing.T) {
	if *of == "" {
		t.SkipNow() //nolint:forbidigo // a tool for people
	}
	path, err := filepath.Abs(*of)
	if err != nil {
		t.Fatal(err)
	}
	x := open(t, path, desktop, false)
	for _, v := range views {
		x.visit(path + "#" + v.hash)
		x.look(v)
		x.shot("real-" + v.name)
	}
}
