// Package parquet reads single values of Parquet files, such as the images and texts of
// data sets that Hugging Face serves.
//
// Its opinion: a file of others is opened, bounded and read by row; what is damaged is an
// error with the name of the file, whatever the decoder makes of it.
package parquet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/vtbench/vtbench/internal/files"
)

// maxRows bounds the rows of a file, maxPage the bytes that a page of values unpacks to:
// writers make pages of a megabyte, or of one value where that is larger.
const (
	maxRows = 50_000_000
	maxPage = 512 << 20
)

// A File is an open Parquet file. It is safe for concurrent use; rows are read one at a
// time.
type File struct {
	name   string
	f      *os.File
	file   *parquet.File
	starts []int64 // first row of each row group
	rows   int64
	mu     sync.Mutex
	sized  map[[2]int]bool // by row group and column: its pages are within maxPage
}

// Open opens a file and reads its schema.
func Open(name string) (_ *File, err error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	p := &File{name: name, f: f, sized: map[[2]int]bool{}}
	err = p.guarded("opening", func() error {
		p.file, err = parquet.OpenFile(f, st.Size(), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, g := range p.file.RowGroups() {
		p.starts = append(p.starts, p.rows)
		n := g.NumRows()
		if n < 0 || p.rows+n > maxRows {
			return nil, fmt.Errorf("%s has a group of %d rows: at most %d in all are read", name, n, maxRows)
		}
		p.rows += n
	}
	return p, nil
}

// guarded turns a panic of the decoder, on a damaged file, into an error.
func (p *File) guarded(doing string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s %s: it is damaged: %v", doing, p.name, r)
		}
	}()
	if err = f(); err != nil {
		return fmt.Errorf("%s %s: %w", doing, p.name, err)
	}
	return nil
}

// Rows is how many there are.
func (p *File) Rows() int { return int(p.rows) }

// Columns lists the columns that hold values, with dots: "image.bytes".
func (p *File) Columns() []string {
	var out []string
	for _, c := range p.file.Schema().Columns() {
		out = append(out, strings.Join(c, "."))
	}
	return out
}

// Values returns the values of columns in a row; nil where there is none.
func (p *File) Values(row int, columns ...string) (out [][]byte, err error) {
	if row < 0 || row >= p.Rows() {
		return nil, fmt.Errorf("%s has no row %d: it has %d", p.name, row, p.rows)
	}
	index := make([]int, len(columns))
	for i, c := range columns {
		leaf, ok := p.file.Schema().Lookup(strings.Split(c, ".")...)
		if !ok {
			return nil, fmt.Errorf("%s has no column %s: it has %s", p.name, c, strings.Join(p.Columns(), ", "))
		}
		if kind := leaf.Node.Type().Kind(); kind != parquet.ByteArray && kind != parquet.FixedLenByteArray {
			return nil, fmt.Errorf("%s: column %s holds %s, want bytes or text", p.name, c, leaf.Node.Type())
		}
		index[i] = leaf.ColumnIndex
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := 0
	for g+1 < len(p.starts) && p.starts[g+1] <= int64(row) {
		g++
	}
	out = make([][]byte, len(columns))
	err = p.guarded(fmt.Sprintf("reading row %d of", row), func() error {
		for i, at := range index {
			if err := p.bounded(g, at); err != nil {
				return err
			}
			v, err := value(p.file.RowGroups()[g].ColumnChunks()[at], int64(row)-p.starts[g])
			if err != nil {
				return err
			}
			out[i] = v
		}
		return nil
	})
	return out, err
}

// bounded walks the headers of a column's pages once, and refuses one that says that it
// unpacks to more than maxPage, before the decoder takes that much.
func (p *File) bounded(group, column int) error {
	key := [2]int{group, column}
	if p.sized[key] {
		return nil
	}
	m := p.file.Metadata().RowGroups[group].Columns[column].MetaData
	at := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < at {
		at = d
	}
	for end := at + m.TotalCompressedSize; at < end; {
		r := (&thrift.CompactProtocol{}).NewReader(io.NewSectionReader(p.f, at, min(end-at, 64<<10)))
		var h format.PageHeader
		if err := thrift.NewDecoder(r).Decode(&h); err != nil {
			return fmt.Errorf("header of the page at byte %d: %w", at, err)
		}
		if h.UncompressedPageSize > maxPage || h.CompressedPageSize > maxPage {
			return fmt.Errorf("the page at byte %d unpacks to %d bytes: at most %d are read", at, max(h.UncompressedPageSize, h.CompressedPageSize), maxPage)
		}
		if h.CompressedPageSize < 0 {
			return fmt.Errorf("the page at byte %d has %d bytes", at, h.CompressedPageSize)
		}
		at += int64(r.BytesRead()) + int64(h.CompressedPageSize)
	}
	p.sized[key] = true
	return nil
}

// value reads one value of a column.
func value(c parquet.ColumnChunk, row int64) (_ []byte, err error) {
	pages := c.Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	if err := pages.SeekToRow(row); err != nil {
		return nil, err
	}
	page, err := pages.ReadPage()
	if err != nil {
		return nil, err
	}
	defer parquet.Release(page)
	var v [1]parquet.Value
	n, err := page.Values().ReadValues(v[:])
	if n == 0 {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if v[0].IsNull() {
		return nil, nil
	}
	if v[0].RepetitionLevel() != 0 {
		return nil, errors.New("the column holds lists, want one value a row")
	}
	return append([]byte{}, v[0].ByteArray()...), nil
}

// Close closes the file.
func (p *File) Close() error { return p.f.Close() }
