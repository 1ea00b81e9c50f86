package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// A Part is a run directory that is merged with others, verified.
type Part struct {
	Dir   string
	State State
}

// Copied says which groups a merge wrote and which of them several parts had.
type Copied struct {
	Groups  []GroupLine
	Doubled []int // groups that more than one part had, with equal content
}

// CopyGroups writes the groups of all parts into the journals of dir, in the order of
// the plan, byte for byte. A group that two parts have with different content is an
// error.
func CopyGroups(dir string, parts []Part) (Copied, error) {
	var out Copied
	readers := make([]*partReader, len(parts))
	defer func() {
		for _, r := range readers {
			if r != nil {
				r.close()
			}
		}
	}()
	for i, p := range parts {
		r, err := openPart(p)
		if err != nil {
			return out, err
		}
		readers[i] = r
	}
	w, err := createJournals(dir)
	if err != nil {
		return out, err
	}
	for {
		first := -1
		for i, r := range readers {
			if r.more() && (first < 0 || r.group().Group < readers[first].group().Group) {
				first = i
			}
		}
		if first < 0 {
			return out, w.finish()
		}
		g := readers[first].group()
		for i, r := range readers {
			if i == first || !r.more() || r.group().Group != g.Group {
				continue
			}
			if r.group() != g {
				return out, errors.Join(fmt.Errorf("group %d of %s and of %s differ: one of them was not measured as the other", g.Group, parts[first].Dir, parts[i].Dir), w.close())
			}
			if err := r.copyTo(nil); err != nil {
				return out, errors.Join(err, w.close())
			}
			if !slices.Contains(out.Doubled, g.Group) {
				out.Doubled = append(out.Doubled, g.Group)
			}
		}
		if err := readers[first].copyTo(w); err != nil {
			return out, errors.Join(err, w.close())
		}
		out.Groups = append(out.Groups, g)
	}
}

// journals are the files that groups are copied into.
type journals struct {
	files [3]*os.File // in the order of journalNames
	bufs  [3]*bufio.Writer
	lines *lineFile // groups.jsonl
}

var journalNames = [3]string{RecordsFile, CodesFile, TimingsFile}

func createJournals(dir string) (*journals, error) {
	w := &journals{}
	for i, name := range journalNames {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("merging: %w", err), w.close())
		}
		w.files[i], w.bufs[i] = f, bufio.NewWriterSize(f, 1<<20)
	}
	if err := os.Remove(filepath.Join(dir, GroupsFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("merging: %w", err), w.close())
	}
	var err error
	if w.lines, err = openLines(filepath.Join(dir, GroupsFile)); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// finish makes the journals durable, groups.jsonl last.
func (w *journals) finish() error {
	for i, b := range w.bufs {
		if err := errors.Join(b.Flush(), w.files[i].Sync()); err != nil {
			return errors.Join(fmt.Errorf("merging into %s: %w", w.files[i].Name(), err), w.close())
		}
	}
	dir := filepath.Dir(w.lines.f.Name())
	return errors.Join(w.lines.flush(), w.close(), wholefile.SyncFolder(dir))
}

func (w *journals) close() error {
	var errs []error
	for _, f := range w.files {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	if w.lines != nil {
		errs = append(errs, w.lines.f.Close())
	}
	return errors.Join(errs...)
}

// partReader walks through the groups of a part.
type partReader struct {
	part  Part
	files [3]*os.File // nil where the part has none
	lines [3]*lineReader
	next  int
}

func openPart(p Part) (*partReader, error) {
	r := &partReader{part: p}
	for i, name := range journalNames {
		f, err := files.Open(filepath.Join(p.Dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.close()
			return nil, fmt.Errorf("merging %s: %w", p.Dir, err)
		}
		r.files[i], r.lines[i] = f, newLineReader(f)
	}
	return r, nil
}

func (r *partReader) close() {
	for _, f := range r.files {
		if f != nil {
			f.Close()
		}
	}
}

func (r *partReader) more() bool { return r.next < len(r.part.State.Groups) }

func (r *partReader) group() GroupLine { return r.part.State.Groups[r.next] }

// copyTo copies the next group; nil passes over it. The part was verified, so its lines
// are there.
func (r *partReader) copyTo(w *journals) error {
	g := r.group()
	r.next++
	out := func(i int) io.Writer {
		if w == nil {
			return io.Discard
		}
		return w.bufs[i]
	}
	for i, n := range [2]int{g.Records.Lines, g.Codes.Lines} {
		for range n {
			if _, err := r.line(i, out(i)); err != nil {
				return err
			}
		}
	}
	for {
		line, err := r.line(2, out(2))
		if err != nil {
			return err
		}
		var sum timingSum
		if boundedjson.Unmarshal(line, &sum, maxLineMemory) == nil && sum.Group != nil {
			break
		}
	}
	if w != nil {
		return w.lines.add(g)
	}
	return nil
}

func (r *partReader) line(i int, w io.Writer) ([]byte, error) {
	if r.lines[i] == nil {
		return nil, fmt.Errorf("merging %s: %s is missing", r.part.Dir, journalNames[i])
	}
	line, err := r.lines[i].next()
	if err == nil {
		_, err = w.Write(line)
	}
	if err != nil {
		return nil, fmt.Errorf("merging %s: %w", filepath.Join(r.part.Dir, journalNames[i]), err)
	}
	return line, nil
}
