package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
)

// maxLine bounds one line of a journal while it is read: token states of the largest
// codebooks take less than a tenth of it.
const maxLine = 16 << 20

// maxLineMemory bounds what a line becomes.
const maxLineMemory = 64 << 20

// Records yields the committed records of a run directory in order. A line that cannot
// be read is yielded as a *LineError, and reading goes on.
func Records(dir string) iter.Seq2[Record, error] {
	return committed[Record](dir, RecordsFile, func(g GroupLine) int64 { return g.Records.Bytes })
}

// Codes yields the committed token states of a run directory, as Records does.
func Codes(dir string) iter.Seq2[CodeLine, error] {
	return committed[CodeLine](dir, CodesFile, func(g GroupLine) int64 { return g.Codes.Bytes })
}

// CommittedGroups lists the committed groups of a run directory, without looking whether
// their lines are whole.
func CommittedGroups(dir string) ([]GroupLine, error) {
	var out []GroupLine
	for g, err := range decoded[GroupLine](filepath.Join(dir, GroupsFile), -1) {
		if err != nil {
			return out, err
		}
		out = append(out, g)
	}
	return out, nil
}

// A Place is where a line of token states stands in its journal.
type Place struct{ from, to int64 }

// LocatedCodes yields what Codes does, with the place of each line, for those that are
// read again by [CodesAt].
func LocatedCodes(dir string) iter.Seq2[Located[CodeLine], error] {
	return committedAt[CodeLine](dir, CodesFile, func(g GroupLine) int64 { return g.Codes.Bytes })
}

// CodesAt yields the token states at these places. A line that cannot be read ends it.
func CodesAt(dir string, places []Place) iter.Seq2[CodeLine, error] {
	return func(yield func(CodeLine, error) bool) {
		path := filepath.Join(dir, CodesFile)
		f, err := files.Open(path)
		if err != nil {
			yield(CodeLine{}, fmt.Errorf("reading a journal: %w", err))
			return
		}
		defer f.Close()
		for _, p := range places {
			var l CodeLine
			err := json.NewDecoder(io.NewSectionReader(f, p.from, min(p.to-p.from, maxLine))).Decode(&l)
			if err != nil {
				err = fmt.Errorf("reading %s at byte %d: %w", path, p.from, err)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// Timings yields the times of a run directory, as Records does.
func Timings(dir string) iter.Seq2[TimingLine, error] {
	return func(yield func(TimingLine, error) bool) {
		type line struct {
			TimingLine
			Group *int `json:"group"`
		}
		for l, err := range decoded[line](filepath.Join(dir, TimingsFile), -1) {
			if l.Group == nil && !yield(l.TimingLine, err) {
				return
			}
		}
	}
}

// committed yields the lines of a journal up to the end of its last group.
func committed[T any](dir, name string, bytes func(GroupLine) int64) iter.Seq2[T, error] {
	return values(committedAt[T](dir, name, bytes))
}

// committedAt is committed with the place of each line.
func committedAt[T any](dir, name string, bytes func(GroupLine) int64) iter.Seq2[Located[T], error] {
	return func(yield func(Located[T], error) bool) {
		var end int64
		for g, err := range decoded[GroupLine](filepath.Join(dir, GroupsFile), -1) {
			if err != nil {
				yield(Located[T]{}, err)
				return
			}
			end += bytes(g)
		}
		for v, err := range located[T](filepath.Join(dir, name), end) {
			if !yield(v, err) {
				return
			}
		}
	}
}

// Located is a line with its place.
type Located[T any] struct {
	Line  T
	Place Place
}

// values leaves the places away.
func values[T any](lines iter.Seq2[Located[T], error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for l, err := range lines {
			if !yield(l.Line, err) {
				return
			}
		}
	}
}

// decoded yields the complete lines among the first end bytes of a file, of all of it
// where end is negative. What is not there yields nothing.
func decoded[T any](path string, end int64) iter.Seq2[T, error] { return values(located[T](path, end)) }

// located is decoded with the place of each line.
func located[T any](path string, end int64) iter.Seq2[Located[T], error] {
	return func(yield func(Located[T], error) bool) {
		var zero Located[T]
		f, err := files.Open(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				yield(zero, fmt.Errorf("reading a journal: %w", err))
			}
			return
		}
		defer f.Close()
		r := io.Reader(f)
		if end >= 0 {
			r = io.LimitReader(f, end)
		}
		lines := newLineReader(r)
		for n := 1; ; n++ {
			from := lines.read
			line, err := lines.next()
			switch {
			case errors.Is(err, io.EOF):
				return // what is left is a torn line
			case errors.Is(err, errLongLine):
				if !yield(zero, &LineError{path, n, err}) {
					return
				}
				continue
			case err != nil:
				yield(zero, fmt.Errorf("reading %s:%d: %w", path, n, err))
				return
			}
			v := Located[T]{Place: Place{from, lines.read}}
			if err := boundedjson.Unmarshal(line, &v.Line, maxLineMemory); err != nil {
				if !yield(zero, &LineError{path, n, err}) {
					return
				}
				continue
			}
			if !yield(v, nil) {
				return
			}
		}
	}
}

// A LineError is a line of a journal that cannot be read. Those behind it can.
type LineError struct {
	File string
	Line int
	Err  error
}

// Error names file and line.
func (e *LineError) Error() string { return fmt.Sprintf("reading %s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

var errLongLine = fmt.Errorf("the line is longer than %d bytes", maxLine)

// lineReader reads lines in bounded memory.
type lineReader struct {
	r    *bufio.Reader
	buf  []byte
	read int64 // bytes of all lines so far
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, 1<<16)}
}

// next returns a line with its line break, valid until the next call. A line that is
// too long is skipped, with errLongLine; io.EOF stands for the end and for a last line
// without a line break.
func (l *lineReader) next() ([]byte, error) {
	l.buf = l.buf[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		l.read += int64(len(part))
		if long = long || len(l.buf)+len(part) > maxLine; !long {
			l.buf = append(l.buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		case long:
			return nil, errLongLine
		}
		return l.buf, nil
	}
}
