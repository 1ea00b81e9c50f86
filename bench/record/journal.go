package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// codeLine is one line of codes.jsonl.
type CodeLine struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Condition string `json:"condition"`
	Observer  string `json:"observer"` // id of its first spec
	State     string `json:"state"`
}

// timingLine is one line of timings.jsonl.
type TimingLine struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Condition string `json:"condition"`
	EncodeNS  int64  `json:"encode_ns"`
	DecodeNS  int64  `json:"decode_ns"`
	Pixels    int    `json:"pixels"`
}

// maxLine bounds one line of a JSONL file; a longer one is damage.
const maxLine = 64 << 20

// lines yields the complete lines of a JSONL file with their offsets. A torn last
// line, left by a crash, ends the sequence without an error; anything else that
// cannot be read is an error that names the file and the line.
func Lines[T any](path string) iter.Seq2[int64, func() (T, error)] {
	return func(yield func(int64, func() (T, error)) bool) {
		f, err := os.Open(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				yield(0, func() (v T, _ error) { return v, fmt.Errorf("reading records: %w", err) })
			}
			return
		}
		defer f.Close()
		r := bufio.NewReaderSize(f, 1<<20)
		var offset int64
		for n := 1; ; n++ {
			line, err := r.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return // what is left is a torn line
			}
			if err != nil || len(line) > maxLine {
				yield(offset, func() (v T, _ error) {
					return v, fmt.Errorf("reading %s:%d: line of %d bytes: %w", path, n, len(line), err)
				})
				return
			}
			at := offset
			offset += int64(len(line))
			decode := func() (v T, err error) {
				if err := json.Unmarshal(line, &v); err != nil {
					return v, fmt.Errorf("reading %s:%d: %w", path, n, err)
				}
				return v, nil
			}
			if !yield(at, decode) {
				return
			}
		}
	}
}

// Records yields the records of a run directory in order. A line that cannot be
// read is yielded as an error and ends the sequence; a torn last line is ignored.
func Records(dir string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, decode := range Lines[Record](filepath.Join(dir, RecordsFile)) {
			r, err := decode()
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// A journal appends lines to a JSONL file and makes them durable.
type Journal struct {
	f   *os.File
	buf bytes.Buffer
	enc *json.Encoder
}

func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening records: %w", err)
	}
	j := &Journal{f: f}
	j.enc = json.NewEncoder(&j.buf)
	j.enc.SetEscapeHTML(false)
	return j, nil
}

// add buffers one line.
func (j *Journal) Add(v any) error { return j.enc.Encode(v) }

// flush writes the buffered lines in one call and syncs them to disk.
func (j *Journal) Flush() error {
	if j.buf.Len() == 0 {
		return nil
	}
	if _, err := j.f.Write(j.buf.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w; what was written before stays readable, and --resume continues there", j.f.Name(), err)
	}
	j.buf.Reset()
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", j.f.Name(), err)
	}
	return nil
}

func (j *Journal) Close() error { return j.f.Close() }
