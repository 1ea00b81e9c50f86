package compare

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
)

// dump is everything results hold, in an order of its own.
func (r *Results) dump() []string {
	var out []string
	for _, k := range r.keys() {
		for _, v := range r.cells[k].values {
			u := r.units[v.unit]
			out = append(out, fmt.Sprintf("%+v %+v bin=%q %v×%v %s", k, u, r.binNames[v.bin], v.v, v.n, reasons[v.reason]))
		}
	}
	for _, c := range r.corpus {
		out = append(out, fmt.Sprintf("%+v", c))
	}
	return out
}

// rich are results with everything that a baseline has to keep.
func rich(tb testing.TB, order func(n int) []int) *Results {
	tb.Helper()
	h := simHeader()
	h.Software = []KeyValue{{"tesseract", "5.3.0"}}
	h.Metrics = append(h.Metrics, metrics.Spec{ID: "fid", Version: 1, Title: "FID", Better: metrics.Lower, Scope: metrics.PerCorpus})
	h.Tokens = append(h.Tokens, TokenID{Name: "vq:k=4", Kind: "vq", Weights: "w"}, TokenID{Name: "resize", Reference: true})
	var recs []record.Record
	r := rand.New(rand.NewPCG(8, 8))
	for i := range 12 {
		draw(r, fmt.Sprintf("img/%02d.png", i), .3, func(side int, rec record.Record) {
			rec.Tokenizer = []string{"tok", "vq:k=4"}[side]
			rec.Cluster = fmt.Sprintf("page %d", i/2)
			recs = append(recs, rec)
		})
	}
	failure := recordOf("img/00.png", "", "", "psnr", 0)
	failure.Condition, failure.Value, failure.Error = "fog/3@256", nil, "out of memory"
	infinite := recordOf("img/01.png", "", "", "psnr", 0)
	infinite.Condition, infinite.Value, infinite.Note = "fog/3@256", nil, "inf"
	bound := recordOf("img/01.png", "", "", "psnr", 50)
	bound.Tokenizer = "resize"
	failure.Cluster, infinite.Cluster, bound.Cluster = "page 0", "page 0", "page 0"
	recs = append(recs, failure, infinite, bound)
	b := NewBuilder("rich", h)
	for _, i := range order(len(recs)) {
		b.Add(&recs[i])
	}
	b.r.corpus = []corpusValue{{"d", "tok", "clean@256", "fid", 12.5, 12}}
	return built(tb, b)
}

func forwards(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestBaselineRoundTrip(t *testing.T) {
	r := rich(t, forwards)
	name := filepath.Join(t.TempDir(), "rich"+BaselineSuffix)
	if err := r.Save(name, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.dump(), got.dump()); d != "" {
		t.Error(d)
	}
	want := r.Header
	want.Source = FromBaseline
	if d := cmp.Diff(want, got.Header, cmpopts.IgnoreFields(metrics.Spec{}, "Min", "Max")); d != "" {
		t.Error(d)
	}
	if got.Name != filepath.ToSlash(name) || got.Items() != r.Items() || got.Values() != r.Values() {
		t.Errorf("%s: %d items, %d values; want %d and %d", got.Name, got.Items(), got.Values(), r.Items(), r.Values())
	}
	// A baseline of a baseline is the same file.
	again := filepath.Join(t.TempDir(), "again"+BaselineSuffix)
	if err := got.Save(again, SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	a, b := readFile(t, name), readFile(t, again)
	if !bytes.Equal(a, b) {
		t.Error("saved again, the file has other bytes")
	}
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Equal results give equal bytes, whatever the order of their records: a commit
// shows what changed.
func TestBaselineBytesDoNotDependOnOrder(t *testing.T) {
	want, err := rich(t, forwards).encode(SaveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(4, 4))
	for range 5 {
		got, err := rich(t, r.Perm).encode(SaveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Fatal("another order of records gives other bytes")
		}
	}
}

func TestBaselineKeepsWhatIsAskedFor(t *testing.T) {
	r := rich(t, forwards)
	b, err := r.encode(SaveOptions{Tokenizers: func(t TokenID) bool { return t.Family() == "vq" }, Metrics: []string{"t-*", "psnr"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeBaseline(bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, s := range got.Metrics {
		ids = append(ids, s.ID)
	}
	if d := cmp.Diff([]string{"t-acc", "psnr"}, ids); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"t-acc", "psnr"}, got.Headline); d != "" {
		t.Error(d)
	}
	if len(got.Tokens) != 1 || got.Tokens[0].Name != "vq:k=4" || len(got.Failures) != 0 || len(got.corpus) != 0 {
		t.Errorf("tokenizers %v, failures %v, corpus %v", got.Tokens, got.Failures, got.corpus)
	}
	for _, k := range got.keys() {
		if k.tokenizer != "vq:k=4" || k.metric == "cer" {
			t.Errorf("kept %+v", k)
		}
	}
	// A comparison with the whole names what the part never had.
	report, err := Compare([]Side{{got, ""}}, Side{r, "vq:k=4"}, Options{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "measures cer, fid: not compared") {
		t.Errorf("warnings %q", report.Warnings)
	}
	for name, o := range map[string]SaveOptions{
		"no tokenizer": {Tokenizers: func(TokenID) bool { return false }},
		"no metric":    {Metrics: []string{"lpips"}},
	} {
		if _, err := r.encode(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func zip(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// seal makes a file with a right checksum of any data.
func seal(tb testing.TB, data string) []byte {
	tb.Helper()
	sum := sha256.Sum256([]byte(data))
	return zip(tb, fmt.Appendf(nil, `{"format":%q,"version":%d,"sha256":%q,"data":%s}`, baselineFormat, BaselineVersion, hex.EncodeToString(sum[:]), data))
}

// Damage and forgery have names; nothing of them panics.
func TestDamagedBaselines(t *testing.T) {
	whole, err := rich(t, forwards).encode(SaveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 8
	edited, err := gzipText(whole)
	if err != nil {
		t.Fatal(err)
	}
	head := `{"header":{"suite":{"id":"s"},"datasets":[{"name":"d"}],"metrics":[{"id":"m"}],"tokenizers":[{"name":"t"}]},"bin_names":["","a"],"reasons":["","failed"],` +
		`"items":[{"dataset":"d","item":"x","instances":["1","2"]}],"series":[`
	series := func(s string) []byte {
		return seal(t, head+`{"dataset":"d","tokenizer":"t","condition":"clean","metric":"m",`+s+`}]}`)
	}
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"fine":              {series(`"units":[0,1],"values":[1,2]`), ""},
		"not packed":        {[]byte(`{"format":"vtbench-baseline"}`), "not a file made by `vtbench baseline save`"},
		"empty":             {nil, "not a file made by `vtbench baseline save`"},
		"cut off":           {whole[:len(whole)-9], "cut off or damaged"},
		"a bit":             {flipped, "damaged"},
		"edited":            {zip(t, bytes.Replace(edited, []byte("img/00.png"), []byte("img/99.png"), 1)), "changed after it was saved"},
		"no JSON":           {zip(t, []byte("<html>")), "not a baseline"},
		"another format":    {zip(t, []byte(`{"format":"x","version":1,"data":{}}`)), `its format is "x"`},
		"another version":   {zip(t, []byte(`{"format":"vtbench-baseline","version":9,"data":{}}`)), "it has version 9, this program reads 1"},
		"wrong types":       {seal(t, `{"items":5}`), "its data cannot be read"},
		"first bin":         {seal(t, `{"bin_names":["a"]}`), "the first bin"},
		"twice an instance": {seal(t, `{"items":[{"dataset":"d","item":"x","instances":["1","1"]}]}`), "stands there twice"},
		"unit out of range": {series(`"units":[0,2],"values":[1,2]`), "unit 2 of 2"},
		"units go back":     {series(`"units":[1,-1],"values":[1,2]`), "units do not ascend"},
		"units stay":        {series(`"units":[1,0],"values":[1,2]`), "units do not ascend"},
		"values missing":    {series(`"units":[0,1],"values":[1]`), "2 units but 1 values"},
		"weights missing":   {series(`"units":[0,1],"values":[1,2],"weights":[1]`), "2 units but 1 weights"},
		"weight":            {series(`"units":[0],"values":[1],"weights":[-1]`), "weight -1"},
		"bin out of range":  {series(`"units":[0],"values":[1],"bins":[2]`), "bin 2 of 2"},
		"reason":            {series(`"units":[0],"values":[1],"reasons":[2]`), "reason 2 of 2"},
		"twice a series":    {series(`"units":[0],"values":[1]},{"dataset":"d","tokenizer":"t","condition":"clean","metric":"m","units":[1],"values":[1]`), "stands there twice"},
		"many metrics":      {seal(t, `{"header":{"metrics":[`+strings.Repeat(`{"id":"m"},`, maxNamed)+`{"id":"m"}]}}`), "more than 1000 metrics"},
		"many tokenizers":   {seal(t, `{"header":{"tokenizers":[`+strings.Repeat(`{"name":"t"},`, maxNamed)+`{"name":"t"}]}}`), "more than 1000 tokenizers"},
		"many bins":         {seal(t, `{"bin_names":[""`+strings.Repeat(`,"b"`, maxBins)+`]}`), "more than 4096 scale bins"},
		"unknown tokenizer": {series(`"units":[0],"values":[1]},{"dataset":"d","tokenizer":"u","condition":"clean","metric":"m","units":[1],"values":[1]`), `tokenizer "u", which its header does not name`},
	} {
		path := filepath.Join(t.TempDir(), "x"+BaselineSuffix)
		if err := os.WriteFile(path, tc.file, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, LoadOptions{})
		if tc.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want the path and %q", name, err, tc.want)
		}
	}
}

func gzipText(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	_, err = buf.ReadFrom(z)
	return buf.Bytes(), err
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	csv := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(csv, []byte("item,metric,value\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "does not exist: name a run directory, a baseline file",
		dir:                          "not a run directory",
		csv:                          "vtbench baseline import",
	} {
		if _, err := Load(path, LoadOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
}

func TestParseSelection(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "a#b")
	if err := os.WriteFile(odd, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]Selection{
		dir:                   {dir, ""},
		dir + "#vq":           {dir, "vq"},
		dir + "#vq:k=1,p=a#b": {dir, "vq:k=1,p=a#b"},
		odd:                   {odd, ""},
		odd + "#x":            {odd, "x"},
		"absent#x":            {"absent", "x"},
	} {
		if got := ParseSelection(in); got != want {
			t.Errorf("%s: %+v, want %+v", in, got, want)
		}
	}
}

func FuzzBaseline(f *testing.F) {
	whole, err := rich(f, forwards).encode(SaveOptions{})
	if err != nil {
		f.Fatal(err)
	}
	text, err := gzipText(whole)
	if err != nil {
		f.Fatal(err)
	}
	var file baselineFile
	if err := json.Unmarshal(text, &file); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(file.Data))
	// Units in another order than a saved file has, and an item in two clusters.
	var turned baselineData
	if err := json.Unmarshal(file.Data, &turned); err != nil {
		f.Fatal(err)
	}
	slices.Reverse(turned.Units)
	for i := range turned.Units {
		slices.Reverse(turned.Units[i].Instances)
	}
	turned.Units = append(turned.Units, baselineItem{Dataset: "d", Item: turned.Units[0].Item, Cluster: "other", Instances: []string{"more"}})
	total := int32(0)
	for _, it := range turned.Units {
		total += int32(len(it.Instances))
	}
	s := &turned.Series[0]
	s.Units, s.Values, s.Weights, s.Bins, s.Reasons = []int32{0, 1, total - 2}, []float64{1, 2, 3}, nil, nil, nil
	b, err := json.Marshal(turned)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"items":[{"dataset":"d","item":"x","instances":["1"]}],"series":[{"units":[0],"values":[1]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// The checksum is made right, so that the fuzzer gets behind it.
		r, err := decodeBaseline(bytes.NewReader(seal(t, string(data))), nil)
		if err != nil {
			return
		}
		if len(r.Tokens) == 0 || len(r.Metrics) == 0 {
			return
		}
		b, err := r.encode(SaveOptions{})
		if err != nil {
			t.Fatalf("what was read cannot be saved: %v", err)
		}
		again, err := decodeBaseline(bytes.NewReader(b), nil)
		if err != nil {
			t.Fatalf("what was saved cannot be read: %v", err)
		}
		// A file that was not saved here may have its units in any order.
		if d := cmp.Diff(slices.Sorted(slices.Values(r.dump())), slices.Sorted(slices.Values(again.dump()))); d != "" {
			t.Fatal(d)
		}
		_, _ = Compare([]Side{{Results: r}}, Side{Results: r}, Options{Resamples: 99}) // must not panic
	})
}
