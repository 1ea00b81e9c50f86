package cli

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// A recipe is fetched, unpacked where it says so, and read as a data set; what is there is
// not fetched again; what the server sends otherwise is not kept.
func TestDatasetsPullRecipe(t *testing.T) {
	var png, packed bytes.Buffer
	if err := pix.New(40, 30).EncodePNG(&png); err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(&packed)
	for _, name := range []string{"a/1.png", "a/2.png", "../up.png"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(png.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	served := map[string][]byte{"/x.png": png.Bytes(), "/set.zip": packed.Bytes()}
	var requests atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		b, ok := served[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	recipe, to := filepath.Join(dir, "r.yaml"), filepath.Join(dir, "set")
	write := func(more string) {
		text := fmt.Sprintf("pull: 1\nname: mine\nlicence: CC0-1.0\nfiles:\n  - {url: %s/x.png, sha256: %x, size: %d}\n  - {url: %s/set.zip, sha256: %x, size: %d, unpack: true}\n%s",
			s.URL, sha256.Sum256(png.Bytes()), png.Len(), s.URL, sha256.Sum256(packed.Bytes()), packed.Len(), more)
		if err := os.WriteFile(recipe, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	for i := range 2 {
		status, stdout, stderr := vtbench(t, "datasets", "pull", recipe, "-o", to, "-j", "1")
		if status != ExitDone || !strings.Contains(stdout, "mine: 2 of 2 files in "+to+"; licence: CC0-1.0") {
			t.Fatalf("status %d: %s %s", status, stdout, stderr)
		}
		if i == 0 && !strings.Contains(stderr, "set.zip: left out: 1 named so that it would lie outside of the archive (../up.png)") {
			t.Errorf("stderr %s", stderr)
		}
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests for two files, twice", n)
	}
	for spec, items := range map[string]int{"folder:" + to: 3, "archive:" + filepath.Join(to, "set.zip"): 2} {
		status, stdout, stderr := vtbench(t, "datasets", "info", spec, "--format", "json")
		var info dataInfo
		if err := json.Unmarshal([]byte(stdout), &info); err != nil || status != ExitDone || info.Items != items {
			t.Errorf("%s: status %d, %d items, want %d: %v %s", spec, status, info.Items, items, err, stderr)
		}
	}
	write(fmt.Sprintf("  - {url: %s/x.png, name: other.png, sha256: %x, size: %d}\n  - {url: %s/gone, sha256: %x, size: 5}\n", s.URL, sha256.Sum256(nil), png.Len(), s.URL, sha256.Sum256(nil)))
	status, stdout, stderr := vtbench(t, "datasets", "pull", recipe, "-o", to, "--format", "json")
	var out pulled
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		t.Fatal(err)
	}
	if status != ExitItemsFailed || out.Files[0].State != "there" || !strings.Contains(out.Files[2].Error, "has SHA-256") || !strings.Contains(out.Files[3].Error, "404") || !strings.Contains(stderr, "2 of 4 files could not be fetched") {
		t.Errorf("status %d: %+v %s", status, out, stderr)
	}
	if _, err := os.Stat(filepath.Join(to, "other.png")); err == nil {
		t.Error("a file with a wrong checksum was kept")
	}
	s.Close()
	if status, _, stderr := vtbench(t, "datasets", "pull", recipe, "-o", filepath.Join(dir, "again")); status != ExitMissing || !strings.Contains(stderr, "refused") {
		t.Errorf("without a server: status %d, %s", status, stderr)
	}
	for _, args := range [][]string{{"pull", filepath.Join(dir, "none.yaml")}, {"pull", recipe, "-j", "0"}, {"pull", recipe, "more"}} {
		if status, _, _ := vtbench(t, append([]string{"datasets"}, args...)...); status != ExitUsage {
			t.Errorf("%v: status %d", args, status)
		}
	}
}

// What import makes, a run reads; with --strict nothing is written.
func TestDatasetsImport(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	photos(t, src, 3, true, 0)
	strict := filepath.Join(dir, "strict.jsonl")
	if status, _, stderr := vtbench(t, "datasets", "import", src, "-o", strict, "--strict"); status != ExitUsage || !strings.Contains(stderr, "z.png") {
		t.Errorf("strict: status %d: %s", status, stderr)
	}
	if _, err := os.Stat(strict); err == nil {
		t.Error("--strict wrote a manifest")
	}
	file := filepath.Join(dir, "m.jsonl")
	status, stdout, stderr := vtbench(t, "datasets", "import", src, "-o", file, "--licence", "CC0-1.0", "--title", "mine")
	if status != ExitItemsFailed || !strings.Contains(stdout, file+": 3 items, 0 labels") || !strings.Contains(stderr, "z.png") {
		t.Fatalf("status %d: %s %s", status, stdout, stderr)
	}
	copied := filepath.Join(dir, "copy", "m.jsonl")
	if status, stdout, stderr := vtbench(t, "datasets", "import", "manifest:"+file, "--copy", "-o", copied); status != ExitDone {
		t.Fatalf("copy: status %d: %s %s", status, stdout, stderr)
	}
	for _, f := range []string{file, copied} {
		status, stdout, stderr := vtbench(t, "datasets", "info", "manifest:"+f)
		if status != ExitDone || !strings.Contains(stdout, "mine") || !strings.Contains(stdout, "3 items") {
			t.Errorf("%s: status %d: %s %s", f, status, stdout, stderr)
		}
	}
	if l, err := os.ReadDir(filepath.Dir(copied)); err != nil || len(l) != 2 {
		t.Errorf("%v is left beside the copy, %v", l, err)
	}
	for name, args := range map[string][]string{
		"no name":         {src},
		"another ending":  {src, "-o", filepath.Join(dir, "m.json")},
		"there already":   {src, "-o", file},
		"no copy":         {"text-small", "-o", filepath.Join(dir, "x.jsonl")},
		"images there":    {src, "--copy", "-o", filepath.Join(dir, "copy", "n.jsonl")},
		"outside":         {src, "-o", filepath.Join(dir, "elsewhere", "n.jsonl")},
		"limit, no copy":  {src, "-o", filepath.Join(dir, "y.jsonl"), "--limit", "2"},
		"nothing to take": {filepath.Dir(copied) + "/gone", "-o", filepath.Join(dir, "y.jsonl")},
	} {
		if status, _, stderr := vtbench(t, append([]string{"datasets", "import"}, args...)...); status != ExitUsage {
			t.Errorf("%s: status %d: %s", name, status, stderr)
		}
	}
}
