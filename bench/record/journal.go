package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vtbench/vtbench/internal/wholefile"
)

// CodeLine is one line of codes.jsonl: which tokens an image used, or what a metric of
// sets keeps of it. A line without a tokenizer is of a reference and holds for all.
type CodeLine struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Condition string `json:"condition"`
	Observer  string `json:"observer"` // id of its first spec
	State     string `json:"state"`
}

// TimingLine is one line of timings.jsonl: what an image cost.
type TimingLine struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Condition string `json:"condition"`
	EncodeNS  int64  `json:"encode_ns"`
	DecodeNS  int64  `json:"decode_ns"`
	Pixels    int    `json:"pixels"`
	// Cached says that the result is another run's: nothing was timed.
	Cached bool `json:"cached,omitempty"`
}

// Extent is a group's part of a journal.
type Extent struct {
	Lines  int    `json:"lines"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// GroupLine is one line of groups.jsonl: a group of items that is committed, and what
// the journals hold of it. Whatever lies behind the last group in a journal was being
// written when the run stopped, and counts for nothing.
type GroupLine struct {
	Group   int    `json:"group"` // number in the whole plan, from 0
	Items   int    `json:"items"`
	Records Extent `json:"records"`
	Codes   Extent `json:"codes"`
}

// timingSum closes a group in timings.jsonl, which is the one journal that differs
// between equal runs and is therefore not in groups.jsonl.
type timingSum struct {
	Group  *int   `json:"group"`
	Lines  int    `json:"lines"`
	SHA256 string `json:"sha256"`
}

// A Journal appends groups to the files of a run directory. Lines are gathered with
// the Add methods; Commit makes them durable as one group. It is not safe for
// concurrent use.
type Journal struct {
	records, codes, timings, groups *lineFile
}

// OpenJournal opens the journals of a run directory for appending, and makes those
// that are missing.
func OpenJournal(dir string) (*Journal, error) {
	var j Journal
	for name, f := range map[string]**lineFile{RecordsFile: &j.records, CodesFile: &j.codes, TimingsFile: &j.timings, GroupsFile: &j.groups} {
		opened, err := openLines(filepath.Join(dir, name))
		if err != nil {
			return nil, errors.Join(err, j.Close())
		}
		*f = opened
	}
	// What is synced is lost with its name, so the names come first.
	if err := wholefile.SyncFolder(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the journals of %s: %w", dir, err), j.Close())
	}
	_ = wholefile.SyncFolder(filepath.Dir(filepath.Clean(dir))) // which may not be ours to open
	return &j, nil
}

// AddRecord adds a record to the group.
func (j *Journal) AddRecord(r *Record) error { return j.records.add(r) }

// AddCodes adds a line of token states to the group.
func (j *Journal) AddCodes(l *CodeLine) error { return j.codes.add(l) }

// AddTiming adds a line of times to the group.
func (j *Journal) AddTiming(l *TimingLine) error { return j.timings.add(l) }

// Commit writes the group: its lines first, synced to disk, then the line of
// groups.jsonl that makes them count.
func (j *Journal) Commit(group, items int) error {
	line := GroupLine{Group: group, Items: items, Records: j.records.extent(), Codes: j.codes.extent()}
	times := j.timings.extent()
	if err := j.timings.add(timingSum{Group: &group, Lines: times.Lines, SHA256: times.SHA256}); err != nil {
		return err
	}
	if err := j.groups.add(line); err != nil {
		return err
	}
	for _, f := range []*lineFile{j.codes, j.timings, j.records, j.groups} {
		if err := f.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the journals; lines that were not committed are lost.
func (j *Journal) Close() error {
	var errs []error
	for _, f := range []*lineFile{j.records, j.codes, j.timings, j.groups} {
		if f != nil {
			errs = append(errs, f.f.Close())
		}
	}
	return errors.Join(errs...)
}

// lineFile appends lines of JSON to a file.
type lineFile struct {
	f     *os.File
	buf   bytes.Buffer
	enc   *json.Encoder
	lines int
}

func openLines(path string) (*lineFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o666)
	if err != nil {
		return nil, fmt.Errorf("opening a journal: %w", err)
	}
	l := &lineFile{f: f}
	l.enc = json.NewEncoder(&l.buf)
	l.enc.SetEscapeHTML(false)
	return l, nil
}

func (l *lineFile) add(v any) error {
	if err := l.enc.Encode(v); err != nil {
		return fmt.Errorf("encoding a line of %s: %w", l.f.Name(), err)
	}
	l.lines++
	return nil
}

// extent describes what was added since the last flush.
func (l *lineFile) extent() Extent {
	sum := sha256.Sum256(l.buf.Bytes())
	return Extent{Lines: l.lines, Bytes: int64(l.buf.Len()), SHA256: hex.EncodeToString(sum[:])}
}

// flush writes the buffered lines in one call and syncs them to disk.
func (l *lineFile) flush() error {
	if l.buf.Len() == 0 {
		return nil
	}
	if _, err := l.f.Write(l.buf.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w; what was committed before stays whole, and --resume continues there", l.f.Name(), err)
	}
	l.buf.Reset()
	l.lines = 0
	if err := l.f.Sync(); err != nil {
		return fmt.Errorf("syncing %s: %w", l.f.Name(), err)
	}
	return nil
}
