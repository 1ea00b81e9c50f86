package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// Runs that were made apart stand on one site, each with its report; one that is damaged is
// named and left out, and the exit status says so.
func TestLeaderboard(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 4, false, 0)
	for dir, args := range map[string]string{"runs/a": "-t jpeg:q=30 -t jpeg:q=90", "runs/b": "-t mine=jpeg:q=60", "runs/few": "-t jpeg:q=1 --limit 2"} {
		status, _, stderr := vtbench(t, strings.Fields("run --suite s.yaml --data folder:in -q --resamples 100 -o "+dir+" "+args)...)
		if status != ExitDone {
			t.Fatalf("%s: status %d: %s", dir, status, stderr)
		}
	}
	status, stdout, stderr := vtbench(t, "leaderboard", "runs", "-o", "site", "--resamples", "199")
	if status != ExitDone || !strings.Contains(stdout, "jpeg:q=90") || !strings.Contains(stderr, "site/index.html") {
		t.Errorf("status %d:\n%s%s", status, stdout, stderr)
	}
	var data struct {
		Sources []struct{ Name, Page string }
		Boards  []compare.Board
	}
	if err := record.ReadJSON("site/leaderboard.json", &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Sources) != 3 || len(data.Boards) != 1 {
		t.Fatalf("%d sources, %d boards", len(data.Sources), len(data.Boards))
	}
	ranks := map[string]int{}
	for _, r := range data.Boards[0].Rows {
		ranks[r.Token.Name] = r.Rank
		if r.Token.Name == "resize" && len(r.Results) != 3 {
			t.Errorf("resize is equal in all runs and stands there as that of %v", r.Results)
		}
	}
	if ranks["jpeg:q=90"] != 1 || ranks["mine"] != 2 || ranks["jpeg:q=30"] != 3 || ranks["jpeg:q=1"] != 0 {
		t.Errorf("ranks %v", ranks)
	}
	for _, s := range data.Sources {
		if _, err := os.Stat(filepath.Join("site", s.Page)); err != nil || s.Page == "" {
			t.Errorf("%s has no report: %v", s.Name, err)
		}
	}

	records := filepath.Join("runs", "b", record.RecordsFile)
	b, err := os.ReadFile(records) //nolint:forbidigo // our own
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(records, b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr = vtbench(t, "leaderboard", "runs", "-o", "site", "--resamples", "199", "--format", "json", "--published", "none")
	if status != ExitItemsFailed || !strings.Contains(stderr, "runs/b is left out") || !strings.Contains(stderr, "1 of 3 could not be read") {
		t.Errorf("a damaged run: status %d:\n%s", status, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), &data); err != nil || len(data.Sources) != 2 {
		t.Errorf("%v, %d sources", err, len(data.Sources))
	}
	if _, err := os.Stat("site/runs/runs-b"); err == nil {
		t.Error("the report of a run that is no longer on the site is still there")
	}
	put(t, "o.yaml", []byte(strings.Replace(suiteFile, "id: pixels", "id: other", 1)))
	if status, _, stderr := vtbench(t, strings.Fields("run --suite o.yaml --data folder:in -q --resamples 100 -o runs/other")...); status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	for _, tc := range []struct{ args, want string }{
		{"leaderboard", "want vtbench leaderboard DIR…"},
		{"leaderboard runs", "with -o"},
		{"leaderboard in -o new", "no run directory"},
		{"leaderboard absent -o new", "absent"},
		{"report runs/a runs/few runs/other -o new", "cannot be joined"},
		{"leaderboard runs -o in", "is not empty"},
		{"leaderboard runs -o new --min-coverage 2", "--min-coverage"},
		{"leaderboard runs -o new --published tokbnch", `did you mean "tokbench"?`},
	} {
		if status, _, stderr := vtbench(t, strings.Fields(tc.args)...); status != ExitUsage || !strings.Contains(stderr, tc.want) {
			t.Errorf("vtbench %s: status %d, want %q: %s", tc.args, status, tc.want, stderr)
		}
	}
}

// Where many share the first rank, one is named and the others are counted.
func TestBoardsWithManyFirst(t *testing.T) {
	b := compare.Board{Condition: "clean@256"}
	for i := range 40 {
		b.Rows = append(b.Rows, compare.BoardRow{Token: compare.TokenID{Name: "tokenizer " + strconv.Itoa(i)}, Rank: 1})
	}
	var out strings.Builder
	if err := (&app{out: &out}).printBoards(&leaderboard.Site{Boards: []compare.Board{b, {Condition: "damaged@256"}}}); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "tokenizer 0 and 39 more ") || strings.Contains(said, "tokenizer 1") {
		t.Errorf("40 are first:\n%s", said)
	}
}
