package compare

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/metrics"
)

var update = flag.Bool("update", false, "write golden files anew")

func golden(t *testing.T, name string, got []string) {
	t.Helper()
	text := strings.Join(got, "\n") + "\n"
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(string(readFile(t, name)), text); d != "" {
		t.Errorf("%s: %s", name, d)
	}
}

func known(id string) (metrics.Spec, bool) {
	switch id {
	case "t-acc", "tokbench:accuracy":
		return metrics.Spec{ID: "t-acc", Version: 3, Title: "T-ACC", Better: metrics.Higher, Scope: metrics.PerInstance}, true
	case "tokbench:ned":
		return metrics.Spec{ID: "t-ned", Title: "T-NED", Better: metrics.Higher}, true
	case "tokbench:similarity":
		return metrics.Spec{ID: "f-sim", Title: "F-Sim", Better: metrics.Higher}, true
	case "psnr":
		return metrics.Spec{ID: id, Version: 2, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Scope: metrics.PerImage}, true
	}
	return metrics.Spec{}, false
}

// testdata/tokbench holds files laid out as TokBench publishes them
// (output/ic13.json and output/face.json of its repository), with made-up values
// on and beside the edges of its bins; the golden was checked by hand.
func TestImportTokBench(t *testing.T) {
	r, err := ImportTokBench([]string{"testdata/tokbench/ic13.json", "testdata/tokbench/face.json"}, ImportOptions{Origin: "a page", Specs: known})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/tokbench/golden.txt", r.dump())
	if r.Source != Imported || r.Origin != "a page" || !r.Tokens[0].Reference || r.Tokens[0].Name != "ori" {
		t.Errorf("source %s, origin %s, tokenizers %+v", r.Source, r.Origin, r.Tokens)
	}
	// Two published methods can be compared with each other.
	report, err := Compare([]Side{{r, "ori"}}, Side{r, "tok1"}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	if x := report.row(t, "t-acc", "small"); x.N != 1 || x.Delta != -1 {
		t.Errorf("small: %+v", x)
	}
	// The published numbers stay imports when they are kept.
	path := filepath.Join(t.TempDir(), "t"+BaselineSuffix)
	if err := r.Save(path, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	kept, err := Load(path, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if kept.Source != Imported || kept.Origin != "a page" {
		t.Errorf("kept as %s from %q", kept.Source, kept.Origin)
	}
}

// A published row stands beside ours: shown, marked, and never tested unless the
// user insists.
func TestImportBesideOurs(t *testing.T) {
	theirs, err := ImportTokBench([]string{"testdata/tokbench/ic13.json"}, ImportOptions{Specs: known})
	if err != nil {
		t.Fatal(err)
	}
	ours := realResults(t)
	r, err := Compare([]Side{{ours, realBase}, {theirs, "tok1"}}, Side{ours, realCand}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pairs) != 1 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "not tested") {
		t.Errorf("pairs %+v, warnings %v", r.Pairs, r.Warnings)
	}
	var points []FrontPoint
	for _, f := range r.Fronts {
		if f.Metric != "t-acc" {
			continue
		}
		for _, p := range f.Points {
			if p.Source == Imported {
				points = append(points, p)
			}
			if len(p.DominatedBy) > 0 {
				t.Errorf("%s is dominated by %v without a common rate", p.Name, p.DominatedBy)
			}
		}
	}
	if len(points) != 1 || points[0].Dataset != "tokbench" || !strings.HasSuffix(points[0].Name, "#tok1") {
		t.Errorf("imported points %+v", points)
	}
}

func TestImportTokBenchErrors(t *testing.T) {
	for name, tc := range map[string]struct{ file, want string }{
		"no JSON":   {"x", "not laid out as TokBench's"},
		"a list":    {"[]", "not laid out as TokBench's"},
		"nothing":   {"{}", "holds no values"},
		"setting":   {`{"m":{"ic13_300":{"details":{}}}}`, `setting "ic13_300" is not one of 256, 512, 1024`},
		"no ratio":  {`{"m":{"256":{"details":{"a.jpg":{"results":[{"accuracy":1}]}}}}}`, "m, 256, a.jpg, instance 0 has no ratio"},
		"no name":   {`{"":{"256":{"details":{"a.jpg":{"results":[{"ratio":0.1,"accuracy":1}]}}}}}`, "a method has an empty name"},
		"no value":  {`{"m":{"256":{"details":{"a.jpg":{"results":[{"ratio":0.1}]}}}}}`, "has none of accuracy, ned, similarity"},
		"text":      {`{"m":{"256":{"details":{"a.jpg":{"results":[{"ratio":0.1,"accuracy":"5%"}]}}}}}`, "accuracy"},
		"not there": {"", "no such file"},
	} {
		path := filepath.Join(t.TempDir(), "x.json")
		if tc.file != "" {
			if err := os.WriteFile(path, []byte(tc.file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := ImportTokBench([]string{path}, ImportOptions{Specs: known}); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
	if _, err := ImportTokBench(nil, ImportOptions{}); err == nil {
		t.Error("no file is no error")
	}
}

func importCSV(t *testing.T, text string, o ImportOptions) (*Results, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	o.Specs = known
	return ImportCSV(path, o)
}

func TestImportCSV(t *testing.T) {
	r, err := importCSV(t, "\ufeffItem, instance ,metric,value,bin,n,tokenizer,condition\n"+
		"a,1,t-acc,1,small,,mine,clean@256\na,2,t-acc,0.5,large,4,mine,clean@256\n\"b,c\",1,t-acc,,small,,mine,clean@256\nb,2,t-acc,inf,large,,mine,clean@256\nb,3,t-acc,nan,large,,mine,clean@256\n",
		ImportOptions{Dataset: "signs", Suite: "text", Bins: []string{"small", "large"}})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/csv.golden.txt", r.dump())
	if r.Suite.ID != "text" || r.Suite.Version != 0 || len(r.Metrics) != 1 || r.Metrics[0].Version != 0 || r.Metrics[0].Better != metrics.Higher || len(r.Failures) != 1 {
		t.Errorf("suite %+v, metrics %+v, failures %v", r.Suite, r.Metrics, r.Failures)
	}
	if d := cmp.Diff([]string{"t-acc"}, r.Headline); d != "" {
		t.Error(d)
	}
	// The least there can be: one value an image.
	r, err = importCSV(t, "item,metric,value\na,psnr,30\n", ImportOptions{Tokenizer: "theirs"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Mean{{"theirs", "imported", "clean", "psnr", 30, 1}}
	if d := cmp.Diff(want, r.Means()); d != "" || r.Metrics[0].Scope != metrics.PerImage {
		t.Errorf("%+v %s", r.Metrics, d)
	}
}

func TestImportCSVErrors(t *testing.T) {
	mine := ImportOptions{Tokenizer: "mine"}
	for name, tc := range map[string]struct {
		file, want string
		o          ImportOptions
	}{
		"empty":          {"", "reading the header", mine},
		"no rows":        {"item,metric,value\n", "holds no values", mine},
		"unknown column": {"item,metric,value,tokeniser\n", `unknown column "tokeniser", did you mean "tokenizer"?`, mine},
		"twice":          {"item,metric,value,item\n", "column item stands there twice", mine},
		"no value":       {"item,metric\n", "no column value", mine},
		"whose":          {"item,metric,value\na,psnr,1\n", "say whose values these are", ImportOptions{}},
		"number":         {"item,metric,value\na,psnr,1\nb,psnr,high\n", `line 3: value is "high", want a number`, mine},
		"weight":         {"item,metric,value,n\na,psnr,1,0\n", `line 2: n is "0"`, mine},
		"no item":        {"item,metric,value\n,psnr,1\n", "line 2: item, metric and tokenizer must not be empty", mine},
		"condition":      {"item,metric,value,condition\na,psnr,1,dark\n", `line 2: condition "dark"`, mine},
		"metric":         {"item,metric,value\na,beauty,1\n", `line 2: metric "beauty" is not known: say which end of it is better`, mine},
		"columns":        {"item,metric,value\na,psnr\n", "wrong number of fields", mine},
		"not UTF-8":      {"item,metric,value\na,psnr,1\na\xff,psnr,1\n", "line 3, column 1 is not UTF-8", mine},
		"quote":          {"item,metric,value\n\"a,psnr,1\n", "quote", mine},
		"a value twice":  {"item,metric,value\na,psnr,1\na,psnr,2\n", "stand there twice", mine},
		"headline":       {"item,metric,value\na,psnr,1\n", `headline metric "t-acc" has no values`, ImportOptions{Tokenizer: "mine", Headline: []string{"t-acc"}}},
	} {
		if _, err := importCSV(t, tc.file, tc.o); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q", name, err, tc.want)
		}
	}
}

func FuzzImportTokBench(f *testing.F) {
	f.Add(readFile(f, "testdata/tokbench/ic13.json"))
	f.Add(readFile(f, "testdata/tokbench/face.json"))
	f.Add([]byte(`{"":{"256":{"details":{"a.jpg":{"results":[{"ratio":0.1,"accuracy":1}]}}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		specs, err := tokBenchSpecs(ImportOptions{Specs: known})
		if err != nil {
			t.Fatal(err)
		}
		build := NewBuilder("x", importHeader(ImportOptions{}, "tokbench"))
		if build.tokBench("x", bytes.NewReader(b), "d", specs) == nil {
			checkImport(t, build, specs)
		}
	})
}

func FuzzImportCSV(f *testing.F) {
	f.Add("item,metric,value,bin,n\na,t-acc,1,small,2\nb,psnr,inf,,\nc,psnr,,,\n")
	f.Add("item,instance,metric,value,tokenizer\na,1,t-acc,1e400,x\n")
	f.Add("item,metric,value,tokenizer\na,t-acc,1,\xff\na,t-acc,2,\xfe\n")
	f.Fuzz(func(t *testing.T, text string) {
		build := NewBuilder("x", importHeader(ImportOptions{}, "imported"))
		if specs, err := build.csv(strings.NewReader(text), ImportOptions{Tokenizer: "mine", Specs: known}); err == nil {
			checkImport(t, build, specs)
		}
	})
}

// checkImport holds what was read to what a comparison relies on.
func checkImport(t *testing.T, b *Builder, specs []metrics.Spec) {
	t.Helper()
	r, err := b.imported(nil, nil, specs)
	if err != nil {
		return // a value twice
	}
	data, err := r.encode(SaveOptions{})
	if err != nil {
		t.Fatalf("what was imported cannot be saved: %v", err)
	}
	again, err := decodeBaseline(bytes.NewReader(data), nil)
	if err != nil {
		t.Fatalf("what was saved cannot be read: %v", err)
	}
	// JSON replaces bytes that are no text, so only their number is kept then.
	if r.Values() != again.Values() {
		t.Fatalf("%d values became %d", r.Values(), again.Values())
	}
	for _, x := range again.Means() {
		if _, err := suite.ParseCondition(x.Condition); err != nil {
			t.Fatal(err)
		}
	}
}
