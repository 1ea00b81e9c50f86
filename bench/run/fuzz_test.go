package run_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
)

// FuzzMerge: two directories that claim to be parts of one run are merged or refused;
// what is merged has no damage and as many records as its parts.
func FuzzMerge(f *testing.F) {
	m := record.Manifest{Schema: record.SchemaVersion, Suite: testSuite(), Batch: 2, Shard: "1/2", Bootstrap: record.BootstrapConfig{Resamples: 100, Level: .95, Method: "bca"}}
	m.Datasets = []record.DatasetEntry{{Name: "words", Spec: "words", Items: 2, Planned: 4, Total: 4}}
	m.Tokenizers = []record.TokenEntry{{Name: "dark", Kind: "darker"}}
	for _, k := range kinds() {
		m.Metrics = append(m.Metrics, k.Specs...)
	}
	whole, err := json.Marshal(m)
	if err != nil {
		f.Fatal(err)
	}
	line := func(item, metric string) string {
		return `{"tokenizer":"dark","suite":"demo","dataset":"words","item":"` + item + `","condition":"clean@32","metric":"` + metric + `","value":1.5}` + "\n"
	}
	f.Add(whole, []byte(line("a", "mae")+line("b", "mae")), []byte(line("c", "mae")+line("d", "mae")))
	f.Add(whole, []byte(line("a", "mae")+"\n"+line("b", "mae")), []byte(line("a", "mae")))
	f.Add(whole, []byte(`{"dataset":"x","item":"a"}`), []byte("\n\n\n\n"))
	f.Add([]byte(`{"schema":2}`), []byte{}, []byte{})
	f.Add([]byte(`{"schema":2,"batch":-1,"datasets":[{"name":"words","planned":1000000000000}],"metrics":[{"id":"mae"}]}`), []byte(line("a", "mae")), []byte{})
	f.Fuzz(func(t *testing.T, manifest, one, two []byte) {
		dir := t.TempDir()
		parts := []string{filepath.Join(dir, "1"), filepath.Join(dir, "2")}
		for i, p := range parts {
			if err := os.Mkdir(p, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(p, record.ManifestFile), manifest, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := fixture.Journals(p, [][]byte{one, two}[i], nil, i, 2); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(dir, "whole")
		if _, err := run.Merge(context.Background(), run.MergeConfig{Dirs: parts, Dir: to, Kinds: kinds(), Partial: true}); err != nil {
			return
		}
		if _, err := summary.Open(to, kinds()); err != nil {
			t.Fatalf("what was merged cannot be read: %v", err)
		}
		n := 0
		for _, err := range record.Records(to) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		for _, p := range parts {
			for _, err := range record.Records(p) {
				if err != nil {
					t.Fatal(err)
				}
				n--
			}
		}
		if n != 0 {
			t.Fatalf("the merged run has %d records more than its parts", n)
		}
	})
}
