package parquet_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lib "github.com/parquet-go/parquet-go"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/parquet"
	"github.com/vtbench/vtbench/pix"
)

type picture struct {
	Bytes []byte `parquet:"bytes"`
	Path  string `parquet:"path,optional"`
}

type row struct {
	Image picture `parquet:"image"`
	Label string  `parquet:"label,optional"`
	Count int64   `parquet:"count"`
}

type plain struct {
	Scan []byte `parquet:"scan"`
	Text string `parquet:"text"`
}

func png(t *testing.T, w int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pix.New(w, 10).EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write[T any](t *testing.T, dir, name string, rows []T) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := lib.WriteFile(file, rows, lib.MaxRowsPerRowGroup(3)); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRows(t *testing.T) {
	dir := t.TempDir()
	var rows []row
	for i := range 8 {
		rows = append(rows, row{Image: picture{Bytes: png(t, 20+i), Path: "x.png"}, Label: strings.Repeat("a", i)})
	}
	rows[5].Image.Bytes = []byte("no image")
	rows[6].Label = "b\xff"
	write(t, dir, "train-00000-of-00002.parquet", rows)
	write(t, dir, "train-00001-of-00002.parquet", []row{{Image: picture{Bytes: png(t, 99)}, Label: "last\nline"}})
	for _, key := range []string{"text", "page"} {
		d, err := parquet.Open(t.Context(), dir+","+key+"=label", datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if ids := d.IDs(); len(ids) != 9 || ids[0] != "train-00000-of-00002/000000" || ids[8] != "train-00001-of-00002/000000" {
			t.Errorf("ids: %v", ids)
		}
		for i := range 9 {
			it, err := d.Load(t.Context(), i)
			if i == 5 {
				if err == nil || !strings.Contains(err.Error(), "/000005") {
					t.Errorf("a damaged image: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			w, text := 20+i, strings.Repeat("a", i)
			if i == 8 {
				w, text = 99, "last\nline"
			}
			if it.Image.W != w {
				t.Errorf("row %d is %d wide, want %d", i, it.Image.W, w)
			}
			if i == 6 {
				if len(it.Lost) != 1 || it.Lost[0].Reason != datasets.LostMalformed {
					t.Errorf("a text that is not UTF-8: %+v", it.Lost)
				}
				continue
			}
			if in := it.Instances[0]; in.Text != text || in.Ignore != (text == "") || in.WholePage() != (key == "page" && text != "") || in.Box.Dx() != w {
				t.Errorf("row %d: %+v", i, in)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBytesInAColumn(t *testing.T) {
	file := write(t, t.TempDir(), "a.parquet", []plain{{png(t, 30), "Street"}})
	d, err := parquet.Open(t.Context(), file+",image=scan,text=text", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close() //nolint:errcheck // read from
	it, err := d.Load(t.Context(), 0)
	if err != nil || it.Image.W != 30 || it.Instances[0].Text != "Street" {
		t.Errorf("%+v, %v", it, err)
	}
	if a, b := d.Info().Digest, d.Info().Title; a == "" || b == "" {
		t.Error("the set says nothing of itself")
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "a.parquet", []row{{Image: picture{Bytes: png(t, 30)}, Label: "x"}})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "b.parquet")
	for _, tt := range []struct{ arg, want string }{
		{file + ",text=lable", "has no column lable"},
		{file + ",text=count", "want bytes or text"},
		{file + ",txt=label", `did you mean "text"`},
		{file + ",text=label,page=label", "a line or a page"},
		{file + ",image=scan", "no column scan"},
		{t.TempDir(), "no .parquet file"},
	} {
		if _, err := parquet.Open(t.Context(), tt.arg, datasets.Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error that says %q", tt.arg, err, tt.want)
		}
	}
	for n := 0; n < len(whole); n += max(len(whole)/40, 1) {
		for _, b := range [][]byte{whole[:n], append(append([]byte{}, whole[:n]...), bytes.Repeat([]byte{0xff}, len(whole)-n)...)} {
			if err := os.WriteFile(damaged, b, 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := parquet.Open(t.Context(), damaged+",text=label", datasets.Options{})
			if err != nil {
				if !strings.Contains(err.Error(), "b.parquet") {
					t.Errorf("cut at %d: %v does not name the file", n, err)
				}
				continue
			}
			for i := range min(len(d.IDs()), 3) {
				_, _ = d.Load(t.Context(), i) // an error or not, no panic
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
