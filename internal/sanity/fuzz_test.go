package sanity_test

import (
	"image"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/pix"
)

// FuzzParse: a state that is read is written as it was read; a reconstruction may be empty.
func FuzzParse(f *testing.F) {
	img := pix.New(8, 8)
	f.Add(sanity.Look(img, img, image.Rect(0, 0, 8, 8), 5).State())
	f.Add(sanity.OtherSize(32, 32, 16, 16).State())
	f.Add(sanity.OtherSize(32, 32, 0, 0).State())
	f.Add("size 1 2 3")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := sanity.Parse(s)
		if err != nil {
			if strings.HasPrefix(s, "size ") && s == sanity.OtherSize(32, 32, 0, 0).State() {
				t.Fatal(err)
			}
			return
		}
		got.Alarms()
		again, err := sanity.Parse(got.State())
		if err != nil || again.State() != got.State() {
			t.Fatalf("%q is read, written %q and read as %q, %v", s, got.State(), again.State(), err)
		}
	})
}
