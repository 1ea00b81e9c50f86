package reports_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports"
)

// FuzzTampered: a run directory in which anybody wrote anything, check sums made right,
// is reported or refused.
func FuzzTampered(f *testing.F) {
	r, err := fixture.Robust(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	r.Manifest.Tokenizers = r.Manifest.Tokenizers[:2]
	marshal := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	sum := r.Summary
	sum.Rows = nil
	for _, row := range r.Summary.Rows {
		if row.Tokenizer == r.Manifest.Tokenizers[0].Name && len(sum.Rows) < 40 {
			sum.Rows = append(sum.Rows, row)
		}
	}
	sum.Robustness = sum.Robustness[:min(8, len(sum.Robustness))]
	manifest := marshal(r.Manifest)
	records := []byte(`{"tokenizer":"original","suite":"s","dataset":"text-default","item":"a","condition":"clean@256","metric":"psnr","value":30}` + "\n" +
		`{"dataset":"text-default","item":"b","error":"no"}` + "\n\n" + `{"tokenizer":"original","dataset":"text-default","item":"c","condition":"fog/3@256","metric":"t-ned","note":"inf","n":0.5,"bin":"small"}` + "\n")
	cases := []byte(`[{"why":"worst","tokenizer":"original","dataset":"d","item":"a","condition":"clean@256","metric":"psnr","value":1,"original":"images/a.png","reconstruction":"../../etc/passwd"}]`)
	f.Add(manifest, records, []byte{}, cases, marshal(r.Performance))
	f.Add(manifest, records, marshal(sum), cases, []byte("{}"))
	f.Add(manifest, []byte{}, []byte(`{"rows":[{"tokenizer":"nobody","metric":"none","condition":"clean@9"}],"robustness":[{}]}`), []byte("[]"), []byte(`{"times":[{}]}`))
	clips, err := fixture.Films(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	clips.Manifest.Suite.Window = -1
	for i := range clips.Manifest.Datasets[0].Clips {
		clips.Manifest.Datasets[0].Clips[i].Frames = math.MaxInt
	}
	frames := []byte(`{"dataset":"clips","item":"lost","error":"no"}` + "\n" +
		`{"tokenizer":"resize","dataset":"clips","item":"a","cluster":"zoom","condition":"clean@256","metric":"psnr","value":30}` + "\n" +
		`{"tokenizer":"resize","dataset":"clips","item":"a","cluster":"zoom","instance":"w0","condition":"clean@256","metric":"t-stability","value":0.5}` + "\n")
	f.Add(marshal(clips.Manifest), frames, []byte{}, marshal(clips.Cases[:1]), []byte("{}"))
	f.Fuzz(func(t *testing.T, manifest, records, sum, cases, performance []byte) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, record.ImagesDir), 0o755); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{record.ManifestFile: manifest, record.PerformanceFile: performance, record.ImagesDir + "/" + record.CasesFile: cases}
		if len(sum) > 0 {
			files[record.SummaryFile] = sum
		}
		for name, b := range files {
			if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := fixture.Journals(dir, records, nil, 0, 1); err != nil {
			t.Fatal(err)
		}
		if len(sum) > 0 {
			if err := record.Seal(dir); err != nil { // a manifest that is no JSON
				if _, err := summary.Open(dir, nil); err == nil {
					t.Fatal("what cannot be sealed is shown")
				}
				return
			}
		}
		run, err := summary.Open(dir, nil)
		if err != nil {
			return
		}
		if _, err := reports.Write(t.Context(), []*summary.Run{run}, dir, reports.Options{}); err != nil {
			return
		}
		if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
			t.Fatal(err)
		}
	})
}
