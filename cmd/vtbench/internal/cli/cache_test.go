package cli

import (
	"fmt"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
)

// What is asked for besides is all that is measured, of a suite that ships: another
// tokenizer runs alone, another metric is scored on reconstructions that are kept. Lines of
// times say which tokenizers ran.
func TestMoreOfAShippedSuite(t *testing.T) {
	t.Chdir(t.TempDir())
	ran := func(dir string, more ...string) (tokenizers []string, records map[string]int) {
		t.Helper()
		args := append([]string{"run", "-q", "--suite", "detail", "--limit", "1", "--resamples", "100", "--cache", "kept", "-o", dir}, more...)
		if status, _, stderr := vtbench(t, args...); status != ExitDone {
			t.Fatalf("status %d\n%s", status, stderr)
		}
		for l, err := range record.Timings(dir) {
			if err != nil {
				t.Fatal(err)
			}
			if !l.Cached && !slices.Contains(tokenizers, l.Tokenizer) {
				tokenizers = append(tokenizers, l.Tokenizer)
			}
		}
		records = map[string]int{}
		for r, err := range record.Records(dir) {
			if err != nil {
				t.Fatal(err)
			}
			v, _ := r.Float()
			records[fmt.Sprint(r.Tokenizer, r.Metric, r.Item, r.Instance, r.Condition, v, r.Error)]++
		}
		slices.Sort(tokenizers)
		return tokenizers, records
	}
	all := func(records, of map[string]int) {
		t.Helper()
		for r, n := range records {
			if of[r] != n {
				t.Errorf("%s is there %d times, then %d times", r, n, of[r])
			}
		}
	}
	want := func(what string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: tokenizers that ran: %q, want %q", what, got, want)
		}
	}
	first, once := ran("first", "-t", "jpeg:q=20")
	want("first", first, []string{"jpeg:q=20", "original", "resize"})
	again, same := ran("again", "-t", "jpeg:q=20")
	want("the same", again, nil)
	all(same, once)
	second, both := ran("tokenizer", "-t", "jpeg:q=20", "-t", "jpeg:q=30")
	want("a tokenizer more", second, []string{"jpeg:q=30"})
	all(once, both)
	third, scored := ran("metric", "-t", "jpeg:q=20", "-m", "+vif")
	want("a metric more", slices.DeleteFunc(third, func(s string) bool { return s == "original" }), nil)
	all(once, scored)
	if len(scored) == len(once) {
		t.Error("the metric that was asked for besides has no values")
	}
}
