package record

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzzed are the files that Verify reads.
var fuzzed = []string{RecordsFile, CodesFile, TimingsFile, GroupsFile, SealFile}

// journal writes a run directory of two groups.
func journal(tb testing.TB, dir string) {
	tb.Helper()
	j, err := OpenJournal(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for g := range 2 {
		for i := range 2 {
			r := Record{Tokenizer: "t", Suite: "s", Dataset: "d", Item: string(rune('a' + 2*g + i)), Condition: "clean@64", Metric: "psnr", Value: Num(30.5 + float64(i))}
			if err := errors.Join(j.AddRecord(&r), j.AddCodes(&CodeLine{Dataset: "d", Item: r.Item, Observer: "o", State: "x"}), j.AddTiming(&TimingLine{Item: r.Item, EncodeNS: 5})); err != nil {
				tb.Fatal(err)
			}
		}
		if err := j.Commit(g, 2); err != nil {
			tb.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		tb.Fatal(err)
	}
}

// FuzzVerify: whatever the files of a run directory hold, reading ends, what is reported
// as whole is whole, and what is cut to that is whole and nothing else.
func FuzzVerify(f *testing.F) {
	dir := f.TempDir()
	journal(f, dir)
	var files [][]byte
	for _, name := range fuzzed {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			f.Fatal(err)
		}
		files = append(files, b)
	}
	f.Add(files[0], files[1], files[2], files[3], []byte(nil))
	f.Add(files[0], files[1], files[2], files[3], []byte(`{"files":{"images/a.png":"00","../x":"00","summary.json":"00"}}`))
	f.Add(files[0][:len(files[0])/2], files[1], files[2], files[3], []byte("{}"))
	f.Add(files[0], files[1], files[2], bytes.Repeat(files[3], 2), []byte("{"))
	f.Add(files[0], files[1], files[2], []byte(`{"group":0,"items":1,"records":{"lines":-1,"bytes":-5},"codes":{"lines":9000000000}}`+"\n"), []byte(nil))
	f.Fuzz(func(t *testing.T, records, codes, timings, groups, seal []byte) {
		dir := t.TempDir()
		for i, b := range [][]byte{records, codes, timings, groups, seal} {
			if fuzzed[i] == SealFile && len(b) == 0 {
				continue // an interrupted run
			}
			if err := os.WriteFile(filepath.Join(dir, fuzzed[i]), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		state, err := Verify(dir)
		if err != nil {
			return
		}
		lines := 0
		for _, g := range state.Groups {
			lines += g.Records.Lines
		}
		if err := state.Cut(dir, len(state.Groups)); err != nil {
			t.Fatalf("cutting to what is whole: %v", err)
		}
		if err := Unseal(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Verify(dir)
		if err != nil || again.Damage != nil {
			t.Fatalf("what was cut to what is whole: %v, %v", err, again.Damage)
		}
		if d := cmp.Diff(state.Groups, again.Groups); d != "" {
			t.Fatal(d)
		}
		n := 0
		for _, err := range Records(dir) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != lines {
			t.Fatalf("%d records are read where %d are committed", n, lines)
		}
		for _, err := range Codes(dir) { // an error is right too, a panic is not
			if err != nil {
				break
			}
		}
		for _, err := range Timings(dir) {
			if err != nil {
				break
			}
		}
	})
}

// A summary of gigabytes is told without reading it.
func TestSealOfGigabytes(t *testing.T) {
	dir := t.TempDir()
	journal(t, dir)
	if err := os.Mkdir(filepath.Join(dir, ImagesDir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ManifestFile, SummaryFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Seal(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, SummaryFile), 1<<40); err != nil {
		t.Fatal(err)
	}
	if s, err := Verify(dir); err != nil || s.Damage == nil || s.Damage.File != SummaryFile {
		t.Errorf("damage %v, %v", s.Damage, err)
	}
}

// What a writer that was killed left half written goes when the next one takes the lock;
// everything else stays.
func TestLockSweeps(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ImagesDir), 0o755); err != nil {
		t.Fatal(err)
	}
	gone := []string{".performance.json.part", ".manifest.json.part1", ".report.html.part", "images/.cases.json.part", "images/.o-1.png.part"}
	stay := []string{"summary.json", ".notes", "images/o-1.png", "images/cases.json", ".report.html5", "x.part"}
	for _, name := range append(gone, stay...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := TakeLock(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range gone {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range stay {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
