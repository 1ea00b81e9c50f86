package parquet_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lib "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/vtbench/vtbench/internal/parquet"
)

type row struct {
	Text string `parquet:"text,zstd"`
}

// A page of a few bytes that says that it unpacks to a gigabyte is refused before the
// decoder makes room for it; columns in front of and behind many pages are read as before.
func TestPageOfAGigabyte(t *testing.T) {
	rows := make([]row, 20_000)
	for i := range rows {
		rows[i].Text = strings.Repeat(string(rune('a'+i%26)), i%300)
	}
	var b bytes.Buffer
	if err := lib.Write(&b, rows, lib.PageBufferSize(4096), lib.MaxRowsPerRowGroup(7000)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a.parquet")
	text := func(data []byte, i int) (string, error) {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := parquet.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}()
		v, err := f.Values(i, "text")
		if err != nil {
			return "", err
		}
		return string(v[0]), nil
	}
	for _, i := range []int{0, 6999, 7000, 19_999} {
		if got, err := text(b.Bytes(), i); err != nil || got != rows[i].Text {
			t.Errorf("row %d is %q, %v", i, got, err)
		}
	}

	const at = 4 // the first page stands behind the magic number
	var h format.PageHeader
	r := (&thrift.CompactProtocol{}).NewReader(bytes.NewReader(b.Bytes()[at:]))
	if err := thrift.NewDecoder(r).Decode(&h); err != nil {
		t.Fatal(err)
	}
	h.UncompressedPageSize = 1 << 30
	lie, err := thrift.Marshal(&thrift.CompactProtocol{}, &h)
	if err != nil {
		t.Fatal(err)
	}
	data := slices.Clone(b.Bytes())
	copy(data[at:], lie) // over the first bytes of the page's values
	_, err = text(data, 0)
	if err == nil || !strings.Contains(err.Error(), "unpacks to 1073741824 bytes") || !strings.Contains(err.Error(), name) {
		t.Errorf("a page of a gigabyte: %v", err)
	}
}
