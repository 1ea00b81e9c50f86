package pix_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// Filters with antialias are Pillow's bit by bit, those without are within one level of
// torch's interpolate (testdata/filters.py).
func TestFilters(t *testing.T) {
	b, err := os.ReadFile("testdata/filters.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Rows []struct {
			Filter    string
			Antialias bool
			W, H      int
			OutW      int `json:"out_w"`
			OutH      int `json:"out_h"`
			SHA256    string
			Pixels    string
		}
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	worst := 0
	for _, r := range table.Rows {
		f, err := pix.ParseFilter(r.Filter)
		if err != nil {
			t.Fatal(err)
		}
		s := pix.Sampling{Filter: f, Aliased: !r.Antialias}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		got, err := pix.ResizeBy(s, source(r.W, r.H), r.OutW, r.OutH)
		if err != nil {
			t.Fatal(err)
		}
		if r.Antialias {
			if sum := sha256.Sum256(got.Pix); hex.EncodeToString(sum[:]) != r.SHA256 {
				t.Errorf("%s, %d×%d to %d×%d: other pixels than Pillow's", s, r.W, r.H, r.OutW, r.OutH)
			}
			continue
		}
		packed, err := base64.StdEncoding.DecodeString(r.Pixels)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zlib.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(z)
		if err != nil || len(want) != len(got.Pix) {
			t.Fatalf("%d numbers, want %d, %v", len(got.Pix), len(want), err)
		}
		for i := range want {
			d := int(want[i]) - int(got.Pix[i])
			worst = max(worst, d, -d)
			if d > 1 || d < -1 {
				t.Errorf("%s, %d×%d to %d×%d: number %d is %d, torch has %d", s, r.W, r.H, r.OutW, r.OutH, i, got.Pix[i], want[i])
				break
			}
		}
	}
	t.Logf("largest difference to torch: %d", worst)
	for _, s := range []pix.Sampling{{Filter: pix.Lanczos, Aliased: true}, {Filter: pix.Box, Aliased: true}, {Filter: pix.Nearest}, {Filter: 99}} {
		if s.Validate() == nil {
			t.Errorf("%s is accepted", s)
		}
	}
}
