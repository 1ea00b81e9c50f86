package pix_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// pillowRow is a file and the pixels that Pillow shows of it; testdata/pillow.py
// makes them.
type pillowRow struct {
	Name string
	W, H int
	File []byte
	RGB  []byte // packed by zlib
}

func pillowTable(tb testing.TB) (source string, rows []pillowRow) {
	tb.Helper()
	b, err := os.ReadFile("testdata/pillow.json")
	if err != nil {
		tb.Fatal(err)
	}
	var table struct {
		Source string
		Rows   []pillowRow
	}
	if err := json.Unmarshal(b, &table); err != nil {
		tb.Fatal(err)
	}
	if len(table.Rows) < 80 {
		tb.Fatalf("the table has %d rows", len(table.Rows))
	}
	return table.Source, table.Rows
}

func (r pillowRow) pixels(tb testing.TB) []byte {
	tb.Helper()
	z, err := zlib.NewReader(bytes.NewReader(r.RGB))
	if err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// notes are those a row must have; every other row must have none.
func (r pillowRow) notes() []pix.Note {
	var out []pix.Note
	for _, n := range []struct {
		word string
		note pix.Note
	}{
		{"alpha", pix.NoteAlpha},
		{"16 bit", pix.NoteDepth},
		{"CMYK", pix.NoteInks},
		{"YCCK", pix.NoteInks},
		{"animated", pix.NoteAnimation},
		{"two pages", pix.NotePages},
		{"orientation", pix.NoteTurned},
	} {
		if strings.Contains(r.Name, n.word) && r.Name != "jpeg orientation 1" {
			out = append(out, n.note)
		}
	}
	return out
}

// Everybody else's numbers are computed on the pixels that Pillow shows: ours must be
// the same, bit by bit, for every layout.
func TestDecodedPixelsArePillows(t *testing.T) {
	source, rows := pillowTable(t)
	for _, r := range rows {
		t.Run(r.Name, func(t *testing.T) {
			d, err := pix.Decode(bytes.NewReader(r.File), pix.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Image.W != r.W || d.Image.H != r.H {
				t.Fatalf("size %d×%d, %s has %d×%d", d.Image.W, d.Image.H, source, r.W, r.H)
			}
			worst, n := 0, 0
			for i, v := range r.pixels(t) {
				if diff := max(int(v), int(d.Image.Pix[i])) - min(int(v), int(d.Image.Pix[i])); diff > 0 {
					worst, n = max(worst, diff), n+1
				}
			}
			if n > 0 {
				t.Errorf("%d of %d values differ from those of %s, by up to %d", n, len(d.Image.Pix), source, worst)
			}
			if !slices.Equal(d.Notes, r.notes()) {
				t.Errorf("notes %q, want %q", d.Notes, r.notes())
			}
		})
	}
}

// A file that is cut off anywhere is an error, never a picture with a grey end.
func TestCutOffFiles(t *testing.T) {
	_, rows := pillowTable(t)
	for _, r := range rows {
		if strings.HasPrefix(r.Name, "gif") || strings.Contains(r.Name, "two pages") || strings.Contains(r.Name, "webp animated") {
			continue // what is missing may be a later frame
		}
		for _, keep := range []float64{0, .1, .3, .5, .7, .9} {
			b := r.File[:int(keep*float64(len(r.File)))]
			d, err := pix.Decode(bytes.NewReader(b), pix.Options{})
			if err == nil && !bytes.Equal(d.Image.Pix, r.pixels(t)) {
				t.Errorf("%s cut to %.0f %%: other pixels without an error", r.Name, 100*keep)
			}
		}
	}
}

func TestStoredOrientation(t *testing.T) {
	_, rows := pillowTable(t)
	stored := map[string][]byte{}
	for _, r := range rows {
		var o int
		if _, err := fmt.Sscanf(r.Name, "jpeg orientation %d", &o); err != nil {
			continue
		}
		d, err := pix.Decode(bytes.NewReader(r.File), pix.Options{Stored: true})
		if err != nil {
			t.Fatal(err)
		}
		if d.Orientation != o || (o > 1) != slices.Contains(d.Notes, pix.NoteSideways) {
			t.Errorf("orientation %d: %d, notes %q", o, d.Orientation, d.Notes)
		}
		stored["all"] = d.Image.Pix
		if first, ok := stored["first"]; ok && !bytes.Equal(first, d.Image.Pix) {
			t.Errorf("orientation %d: stored pixels differ", o)
		}
		stored["first"] = d.Image.Pix
	}
	if len(stored) == 0 {
		t.Fatal("the table has no orientations")
	}
	if a, b := (pix.Options{}).Reader(), (pix.Options{Stored: true}).Reader(); a == b {
		t.Errorf("both ways of reading are called %q", a)
	}
}

func seeds(tb testing.TB) [][]byte {
	_, rows := pillowTable(tb)
	out := make([][]byte, len(rows))
	for i, r := range rows {
		out[i] = r.File
	}
	return out
}

// BenchmarkDecode decodes each layout of the table.
func BenchmarkDecode(b *testing.B) {
	_, rows := pillowTable(b)
	for _, r := range rows {
		if strings.Contains(r.Name, "x") {
			continue
		}
		b.Run(r.Name, func(b *testing.B) {
			b.SetBytes(int64(3 * r.W * r.H))
			for b.Loop() {
				if _, err := pix.Decode(bytes.NewReader(r.File), pix.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What golang.org/x/image/tiff shows with other pixels, without an error, is refused.
func TestTIFFThatWouldBeShownWrong(t *testing.T) {
	short := func(tag uint16, v ...uint16) (e []byte) {
		e = binary.LittleEndian.AppendUint16(e, tag)
		e = binary.LittleEndian.AppendUint16(e, 3)
		e = binary.LittleEndian.AppendUint32(e, uint32(len(v)))
		for _, v := range v {
			e = binary.LittleEndian.AppendUint16(e, v)
		}
		return append(e, make([]byte, 12-len(e))...)
	}
	// file is an 8×1 image whose strip lies behind the header; all values fit the entries.
	file := func(strip []byte, entries ...[]byte) []byte {
		entries = append([][]byte{short(256, 8), short(257, 1)}, entries...)
		entries = append(entries, short(273, 8), short(278, 1), short(279, uint16(len(strip))))
		slices.SortStableFunc(entries, func(a, b []byte) int {
			return int(binary.LittleEndian.Uint16(a)) - int(binary.LittleEndian.Uint16(b))
		})
		b := []byte("II*\x00")
		b = binary.LittleEndian.AppendUint32(b, uint32(8+len(strip)))
		b = append(b, strip...)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
		b = append(b, bytes.Join(entries, nil)...)
		return append(b, 0, 0, 0, 0)
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"pixels", "", file([]byte{0xa5}, short(258, 1), short(259, 1), short(262, 1), short(277, 1))},
		{"one plane", "", file([]byte{0xa5}, short(258, 1), short(259, 1), short(262, 1), short(277, 1), short(284, 2))},
		{"bits in reverse", "FillOrder 2", file([]byte{0xa5}, short(258, 1), short(259, 1), short(262, 1), short(266, 2), short(277, 1))},
		{"planes", "PlanarConfiguration 2", file(make([]byte, 24), short(258, 8), short(259, 1), short(262, 2), short(277, 3), short(284, 2))},
	} {
		_, err := pix.Decode(bytes.NewReader(c.file), pix.Options{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}
