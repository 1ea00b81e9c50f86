package modelindex_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/modelindex"
)

// card is what readers of the format look for.
type card struct {
	Index []struct {
		Name    string
		Results []struct {
			Task    struct{ Type, Name string }
			Dataset struct {
				Type, Name, Config, Revision string
				Args                         map[string]any
			}
			Metrics []struct {
				Type, Name string
				Value      any
				Args       map[string]any
			}
			Source struct{ Name, URL string }
		}
	} `yaml:"model-index"`
}

func write(t *testing.T, run *summary.Run, tokenizer string) (card, string) {
	t.Helper()
	var b bytes.Buffer
	if err := modelindex.Write(&b, run, tokenizer); err != nil {
		t.Fatal(err)
	}
	var c card
	if err := yaml.Unmarshal(b.Bytes(), &c); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	return c, b.String()
}

func TestWrite(t *testing.T) {
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all, _ := write(t, run, "")
	contestants := 0
	for _, tok := range run.Manifest.Tokenizers {
		if !tok.Info.Reference {
			contestants++
		}
	}
	if len(all.Index) != contestants {
		t.Errorf("%d models, want the %d that are no upper bounds", len(all.Index), contestants)
	}
	name := all.Index[0].Name
	one, text := write(t, run, name)
	if len(one.Index) != 1 || one.Index[0].Name != name {
		t.Fatalf("%+v", one)
	}
	// Every value of the summary, over all bins, is there or named as missing.
	for _, r := range run.Summary.Rows {
		if r.Tokenizer != name || r.Bin != "" {
			continue
		}
		if _, binned := run.Summary.Find(name, r.Dataset, r.Condition, summary.BinMean, r.Metric); binned {
			r, _ = run.Summary.Find(name, r.Dataset, r.Condition, summary.BinMean, r.Metric)
		}
		found := false
		for _, res := range one.Index[0].Results {
			for _, m := range res.Metrics {
				if res.Dataset.Type != r.Dataset || res.Dataset.Config != r.Condition || m.Type != r.Metric {
					continue
				}
				found = true
				v, ok := m.Value.(float64)
				if !ok || math.Abs(v-float64(r.Mean)) > 1e-12 {
					t.Errorf("%s of %s: %v, want %v", r.Metric, r.Condition, m.Value, r.Mean)
				}
				if math.IsNaN(float64(r.Lo)) == (m.Args["ci95_low"] != nil) {
					t.Errorf("%s of %s: interval %v for %v", r.Metric, r.Condition, m.Args["ci95_low"], r.Lo)
				}
			}
		}
		if !found && !strings.Contains(text, "# "+r.Metric+" of "+r.Dataset+", "+r.Condition+" has no value") {
			t.Errorf("%s of %s is lost", r.Metric, r.Condition)
		}
	}
	if err := modelindex.Write(&bytes.Buffer{}, run, "nobody"); err == nil || !strings.Contains(err.Error(), `no tokenizer "nobody", only`) {
		t.Error(err)
	}
}

// What others named, and numbers of any size, read back as what they are.
func TestHostileNames(t *testing.T) {
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"1e5", "yes", "2024-01-01", "a: b\n- c", "\x1b[31m", "\"quoted\" \\ # no comment", "null", "!!python/object:x", "\xff"}
	for i, hostile := range names {
		m := run.Manifest
		m.Tokenizers = append([]record.TokenEntry(nil), m.Tokenizers...)
		last := len(m.Tokenizers) - 1
		old := m.Tokenizers[last].Name
		m.Tokenizers[last].Name = hostile
		m.Suite.Question = hostile
		r := *run
		r.Manifest = m
		r.Summary.Rows = append([]summary.Row(nil), run.Summary.Rows...)
		value := []float64{1e-9, 1e21, 3, -0.25, 1e-300, 5, 6, 7, 8}[i]
		for k := range r.Summary.Rows {
			if row := &r.Summary.Rows[k]; row.Tokenizer == old {
				row.Tokenizer = hostile
				row.Mean = record.Number(value)
				row.Dataset, row.Dropped = "d "+hostile, map[string]int{hostile: 3}
			}
		}
		c, text := write(t, &r, hostile)
		want := strings.ToValidUTF8(hostile, "�")
		got := c.Index[0]
		if got.Name != want || got.Results[0].Dataset.Type != "d "+want {
			t.Errorf("%q: %q, %q", hostile, got.Name, got.Results[0].Dataset.Type)
		}
		v, ok := got.Results[0].Metrics[0].Value.(float64)
		if !ok || math.Abs(v-value) > 1e-12*math.Abs(value) {
			t.Errorf("%v reads as %v", value, got.Results[0].Metrics[0].Value)
		}
		if strings.ContainsAny(text, "\x1b\x00") {
			t.Errorf("%q acts on a terminal", text)
		}
	}
}
