package pix

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// What libjpeg-turbo and libwebp show of a file, everybody else's numbers are
// computed on. testdata/colour/oracle.py makes the files.
func TestDecodedColoursAreThoseOfTheLibraries(t *testing.T) {
	dir := filepath.Join("testdata", "colour")
	var oracle struct {
		Source string
		Files  []string
	}
	raw, err := os.ReadFile(filepath.Join(dir, "oracle.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &oracle); err != nil {
		t.Fatal(err)
	}
	for _, name := range oracle.Files {
		t.Run(name, func(t *testing.T) {
			got, err := Load(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := Load(filepath.Join(dir, name+".png"))
			if err != nil {
				t.Fatal(err)
			}
			if got.W != want.W || got.H != want.H {
				t.Fatalf("size %d×%d, %s has %d×%d", got.W, got.H, oracle.Source, want.W, want.H)
			}
			worst := 0
			for i := range got.Pix {
				d := int(got.Pix[i]) - int(want.Pix[i])
				worst = max(worst, d, -d)
			}
			if worst > 0 {
				t.Errorf("differs by up to %d from %s, want none", worst, oracle.Source)
			}
		})
	}
}
