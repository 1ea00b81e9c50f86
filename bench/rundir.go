package bench

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

	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
)

// Files of a run directory.
const (
	ManifestFile    = "manifest.json"
	RecordsFile     = "records.jsonl"
	SummaryFile     = "summary.json"
	PerformanceFile = "performance.json"
	codesFile       = "codes.jsonl"   // what tokens were used, by item: states of observers
	timingsFile     = "timings.jsonl" // what an item cost; the only values that differ between runs
	imagesDir       = "images"
	casesFile       = "cases.json" // in imagesDir
)

// codeLine is one line of codes.jsonl.
type codeLine struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Condition string `json:"condition"`
	Observer  string `json:"observer"` // id of its first spec
	State     string `json:"state"`
}

// timingLine is one line of timings.jsonl.
type timingLine struct {
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
func lines[T any](path string) iter.Seq2[int64, func() (T, error)] {
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
		for _, decode := range lines[Record](filepath.Join(dir, RecordsFile)) {
			r, err := decode()
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// A journal appends lines to a JSONL file and makes them durable.
type journal struct {
	f   *os.File
	buf bytes.Buffer
	enc *json.Encoder
}

func openJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening records: %w", err)
	}
	j := &journal{f: f}
	j.enc = json.NewEncoder(&j.buf)
	j.enc.SetEscapeHTML(false)
	return j, nil
}

// add buffers one line.
func (j *journal) add(v any) error { return j.enc.Encode(v) }

// flush writes the buffered lines in one call and syncs them to disk.
func (j *journal) flush() error {
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

func (j *journal) close() error { return j.f.Close() }

// WriteJSON writes a file whole or not at all, indented for people and diffs.
func WriteJSON(path string, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return wholefile.Write(path, buf.Bytes())
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading run: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// OpenRun reads a run directory for reports. The summary is computed from the
// records, with the help of the observers, when the run was interrupted before it
// wrote one.
func OpenRun(dir string, observers []metrics.Observer) (*Run, error) {
	r := &Run{Dir: dir}
	if err := readJSON(filepath.Join(dir, ManifestFile), &r.Manifest); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not a run directory: it has no %s", dir, ManifestFile)
		}
		return nil, err
	}
	if r.Manifest.Schema != SchemaVersion {
		return nil, fmt.Errorf("%s has schema version %d, this program reads %d", filepath.Join(dir, ManifestFile), r.Manifest.Schema, SchemaVersion)
	}
	err := readJSON(filepath.Join(dir, SummaryFile), &r.Summary)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if r.Summary, err = Summarise(dir, &r.Manifest, observers); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		r.Complete = true
	}
	for path, v := range map[string]any{
		filepath.Join(dir, PerformanceFile):      &r.Timings,
		filepath.Join(dir, imagesDir, casesFile): &r.Cases,
	} {
		if err := readJSON(path, v); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return r, nil
}
