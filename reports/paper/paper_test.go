package paper

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/view"
)

// Two that do not differ share a letter and two that differ share none, whatever differs.
func TestLetters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "n")
		differ := make([][]bool, n)
		for i := range differ {
			differ[i] = make([]bool, n)
		}
		for i := range n {
			for j := range i {
				d := rapid.Bool().Draw(t, "differ")
				differ[i][j], differ[j][i] = d, d
			}
		}
		columns := letters(differ)
		for i := range n {
			for j := range n {
				share := slices.ContainsFunc(columns, func(c []bool) bool { return c[i] && c[j] })
				if share == differ[i][j] {
					t.Fatalf("%d and %d: share %t, differ %t: %v", i, j, share, differ[i][j], columns)
				}
			}
		}
	})
	// Piepho's example in words: neighbours do not differ, the ends do.
	got := letters([][]bool{{false, false, true}, {false, false, false}, {true, false, false}})
	if fmt.Sprint(got) != "[[true true false] [false true true]]" {
		t.Errorf("letters are %v", got)
	}
	if letter(0)+letter(25)+letter(26)+letter(27) != "azaaab" {
		t.Errorf("letters go %s %s %s", letter(25), letter(26), letter(27))
	}
}

// Tables of a run with records have letters: two tokenizers far apart share none.
func TestTables(t *testing.T) {
	run, err := fixture.Items(t.TempDir(), 40, nil)
	if err != nil {
		t.Fatal(err)
	}
	const evil = `a_b&c%{\x}#1~^|<b>"` + "`"
	for i := range run.Manifest.Tokenizers { // a name that LaTeX would act on, of an upper bound
		if run.Manifest.Tokenizers[i].Name == "resize" {
			run.Manifest.Tokenizers[i].Name = evil
		}
	}
	for i := range run.Summary.Rows {
		if run.Summary.Rows[i].Tokenizer == "resize" {
			run.Summary.Rows[i].Tokenizer = evil
		}
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := Tables(v, []*summary.Run{run})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(tables, func(t Table) bool { return strings.HasPrefix(t.Name, "t-ned") && t.Groups })
	if i < 0 {
		t.Fatalf("no table of T-NED has letters: %+v", tables)
	}
	groups := map[string]string{}
	for _, r := range tables[i].Rows {
		groups[r.Token.Name] = r.Groups
	}
	if groups["jpeg:q=20"] != "a" || groups["vq:patch=8,k=256"] != "b" || groups["original"] != "" {
		t.Errorf("the letters are %v", groups)
	}
	tex, md := string(tables[i].LaTeX()), string(tables[i].Markdown())
	for _, want := range []string{`\begin{tabular}{lrrrr`, `\textsuperscript{a}`, `\textbf{`, `\toprule`, `a\_b\&c\%\{\textbackslash{}x\}\#1\textasciitilde{}\textasciicircum{}\textbar{}\textless{}b\textgreater{}''{` + "`}", `T-NED (\%)`, "Holm"} {
		if !strings.Contains(tex, want) {
			t.Errorf("the LaTeX has no %s:\n%s", want, tex)
		}
	}
	if !strings.Contains(md, "| a |") || strings.Contains(md, "<b>") {
		t.Errorf("the Markdown is\n%s", md)
	}
	csv, err := tables[i].CSV()
	if err != nil || !strings.Contains(string(csv), "jpeg:q=20,mean,") {
		t.Errorf("the CSV is\n%s, %v", csv, err)
	}
}

// A run without records says that nothing was tested.
func TestTablesWithoutRecords(t *testing.T) {
	run := fixture.Numbers(t.TempDir())
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := Tables(v, []*summary.Run{run})
	if err != nil {
		t.Fatal(err)
	}
	if len(tables) == 0 || tables[0].Groups || !strings.Contains(tables[0].Note, "not tested") {
		t.Errorf("%+v", tables)
	}
}
