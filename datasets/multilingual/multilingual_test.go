package multilingual

import (
	"image"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

func TestLabels(t *testing.T) {
	s, err := New(Options{})
	testenv.Need(t, err)
	again, err := New(Options{})
	testenv.Need(t, err)
	if s.Info() != again.Info() {
		t.Error("the set says other things of itself from time to time")
	}
	seen := map[string]int{}
	for i, id := range s.IDs() {
		it, err := s.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		tag := strings.Split(id, "/")[0]
		if i < s.DefaultItems() {
			seen[tag]++
			other, err := again.Load(t.Context(), i)
			if err != nil || !it.Image.Equal(other.Image) {
				t.Errorf("%s differs from time to time (%v)", id, err)
			}
		}
		if len(it.Instances) < 3 {
			t.Errorf("%s has %d lines", id, len(it.Instances))
		}
		for k, in := range it.Instances {
			if !in.Box.In(image.Rect(8, 8, Side-8, Side-8)) || in.Box.Dx() < 5 || in.Box.Dy() < 5 {
				t.Errorf("%s: %q in %v", id, in.Text, in.Box)
			}
			if !norm.NFC.IsNormalString(in.Text) || in.Text != strings.TrimSpace(in.Text) || !slices.Contains(in.Tags, tag) {
				t.Errorf("%s: label %q, tags %v", id, in.Text, in.Tags)
			}
			if tag == "ar" && in.Box.Max.X < Side-2*margin-20 {
				t.Errorf("%s: %q in %v does not begin at the right", id, in.Text, in.Box)
			}
			if k > 0 && it.Instances[k-1].Box.Overlaps(in.Box) {
				t.Errorf("%s: %q and %q lie on each other", id, it.Instances[k-1].Text, in.Text)
			}
		}
	}
	for _, tag := range Scripts() {
		if seen[tag] != 3 {
			t.Errorf("a default run has %d pages of %s, want 3", seen[tag], tag)
		}
	}
}

func TestFontsMissing(t *testing.T) {
	defer func(dirs []string) { fontDirs = dirs }(fontDirs)
	fontDirs = []string{t.TempDir()}
	_, err := New(Options{})
	lacks, ok := err.(*missing.Error) //nolint:errorlint // returned as it is
	if !ok || !strings.Contains(lacks.Mend, Mend) || !strings.Contains(err.Error(), "wqy-microhei.ttc") {
		t.Errorf("without fonts: %v", err)
	}
}
