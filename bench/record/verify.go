package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
)

// State is what Verify found in a run directory.
type State struct {
	Groups []GroupLine // that are whole, in the order of the plan
	ends   map[string]int64
	// Damage is the first fault, nil where there is none. Groups before it are whole.
	Damage *Damage
	// Pictures of a finished run that are missing or not as they were written. Values
	// do not depend on them.
	Pictures []string
}

// Damage is a place where a run directory is not as it was written: a line or a file
// was lost, doubled or edited.
type Damage struct {
	File  string // relative to the run directory
	Line  int    // first line that may be concerned; 0 for whole files
	Group int    // number in the plan of the first group that is not whole; -1 where all are
	What  string
}

// Error implements error: the place, what is wrong, and what can be saved.
func (d *Damage) Error() string {
	place := d.File
	if d.Line > 0 {
		place = fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	if d.Group < 0 {
		return fmt.Sprintf("%s: %s; everything measured is whole: the same run with --resume writes it again", place, d.What)
	}
	if d.Group == 0 {
		return fmt.Sprintf("%s: %s; nothing before it can be saved: the same run with --resume --redo-from 0 measures all again", place, d.What)
	}
	return fmt.Sprintf("%s: %s; all before group %d is whole: the same run with --resume --redo-from %d keeps it and measures the rest again",
		place, d.What, d.Group, d.Group)
}

// Verify reads the journals of a run directory and holds every group against its check
// sums, and a finished run's other files against theirs. The error says that they could
// not be read; damage is in the state.
func Verify(dir string) (State, error) {
	s := State{ends: map[string]int64{}}
	v, err := openVerifier(dir)
	if err != nil {
		return s, err
	}
	defer v.close()
	groups, err := files.Open(filepath.Join(dir, GroupsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("verifying %s: %w", dir, err)
	}
	defer groups.Close()
	lines := newLineReader(groups)
	for n := 1; ; n++ {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break // at the end, or in a line that was being written
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return s, fmt.Errorf("verifying %s: %w", dir, err)
		}
		var g GroupLine
		if err == nil {
			err = boundedjson.Unmarshal(line, &g, maxLineMemory)
		}
		if err == nil {
			// JSON may be read that was not written so: keys in capitals, more than one value.
			var written []byte
			if written, err = json.Marshal(g); err == nil && string(line) != string(written)+"\n" {
				err = errors.New("it was edited")
			}
		}
		last := -1
		if k := len(s.Groups); k > 0 {
			last = s.Groups[k-1].Group
		}
		switch {
		case err != nil:
			s.Damage = &Damage{GroupsFile, n, last + 1, "the line is not one that was written"}
		case g.Group <= last:
			s.Damage = &Damage{GroupsFile, n, last + 1, fmt.Sprintf("group %d comes after group %d", g.Group, last)}
		default:
			if s.Damage = v.group(g); s.Damage != nil {
				s.Damage.Group = last + 1 // the line of a group between may be lost
			}
		}
		if s.Damage != nil {
			return s, nil
		}
		s.Groups = append(s.Groups, g)
		s.ends[GroupsFile] += int64(len(line))
		for name, f := range v.files {
			s.ends[name] = f.end
		}
	}
	return s, s.unsealed(dir)
}

// Cut removes everything behind the first n groups from the journals.
func (s *State) Cut(dir string, n int) error {
	if n < len(s.Groups) {
		// Where the journals end after n groups is told by the groups that are kept.
		s.ends = map[string]int64{}
		for _, g := range s.Groups[:n] {
			s.ends[RecordsFile] += g.Records.Bytes
			s.ends[CodesFile] += g.Codes.Bytes
		}
		var err error
		if s.ends[GroupsFile], err = offsetOfLine(filepath.Join(dir, GroupsFile), n); err != nil {
			return err
		}
		if s.ends[TimingsFile], err = endOfTimings(dir, s.Groups[:n]); err != nil {
			return err
		}
		s.Groups = s.Groups[:n]
	}
	if n == 0 { // all pictures will be made again
		if err := removePictures(dir); err != nil {
			return err
		}
	}
	// groups.jsonl comes first: a line of it must never stand for lines that are gone.
	for _, name := range []string{GroupsFile, RecordsFile, CodesFile, TimingsFile} {
		if err := os.Truncate(filepath.Join(dir, name), s.ends[name]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cutting what was not committed: %w", err)
		}
	}
	return nil
}

// removePictures removes all pictures, also those that were edited.
func removePictures(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, ImagesDir, "*.png"))
	if err != nil {
		return fmt.Errorf("cutting what was not committed: %w", err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("cutting what was not committed: %w", err)
		}
	}
	return nil
}

// offsetOfLine is where line n, from 0, begins.
func offsetOfLine(path string, n int) (int64, error) {
	f, err := files.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := newLineReader(f)
	var at int64
	for range n {
		line, err := lines.next()
		if err != nil {
			return 0, fmt.Errorf("reading %s: %w", path, err)
		}
		at += int64(len(line))
	}
	return at, nil
}

// endOfTimings is where the times of the last of the groups end.
func endOfTimings(dir string, groups []GroupLine) (int64, error) {
	v, err := openVerifier(dir)
	if err != nil {
		return 0, err
	}
	defer v.close()
	for _, g := range groups {
		if d := v.times(g); d != nil {
			return 0, d
		}
	}
	return v.files[TimingsFile].end, nil
}

// verifier walks through the journals side by side.
type verifier struct{ files map[string]*verified }

type verified struct {
	name  string
	f     *os.File // nil where the file is missing
	lines *lineReader
	end   int64
	n     int // lines read
}

func openVerifier(dir string) (*verifier, error) {
	v := &verifier{files: map[string]*verified{}}
	for _, name := range []string{RecordsFile, CodesFile, TimingsFile} {
		f, err := files.Open(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			v.close()
			return nil, fmt.Errorf("verifying %s: %w", dir, err)
		}
		w := &verified{name: name}
		if err == nil {
			w.f, w.lines = f, newLineReader(f)
		}
		v.files[name] = w
	}
	return v, nil
}

func (v *verifier) close() {
	for _, w := range v.files {
		if w.f != nil {
			w.f.Close()
		}
	}
}

func (v *verifier) group(g GroupLine) *Damage {
	if d := v.files[RecordsFile].extent(g.Group, g.Records); d != nil {
		return d
	}
	if d := v.files[CodesFile].extent(g.Group, g.Codes); d != nil {
		return d
	}
	return v.times(g)
}

// extent reads as many lines as a group has and compares their sum.
func (w *verified) extent(group int, want Extent) *Damage {
	h := sha256.New()
	first := w.n + 1
	var size int64
	for range want.Lines {
		line, err := w.next()
		if errors.Is(err, errLongLine) {
			return &Damage{w.name, w.n + 1, group, err.Error()}
		}
		if err != nil {
			return w.lost(group)
		}
		h.Write(line)
		size += int64(len(line))
	}
	if size != want.Bytes || hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		return &Damage{w.name, first, group, fmt.Sprintf("lines %d to %d are not those that %s counts in group %d (one of the two was edited, lost or doubled)%s", first, w.n, GroupsFile, group, w.unreadable(first))}
	}
	return nil
}

// unreadable names the lines from first to the last one read that are no JSON.
func (w *verified) unreadable(first int) string {
	f, err := files.Open(w.f.Name())
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := newLineReader(f)
	var bad []string
	for n := 1; n <= w.n; n++ {
		line, err := lines.next()
		if err != nil && !errors.Is(err, errLongLine) {
			break
		}
		if n >= first && (err != nil || !json.Valid(line)) {
			if len(bad) == maxNamed {
				bad = append(bad, "…")
				break
			}
			bad = append(bad, strconv.Itoa(n))
		}
	}
	switch len(bad) {
	case 0:
		return ""
	case 1:
		return "; line " + bad[0] + " cannot be read"
	}
	return "; lines " + strings.Join(bad, ", ") + " cannot be read"
}

// maxNamed is how many lines that cannot be read are named.
const maxNamed = 10

func (w *verified) next() ([]byte, error) {
	if w.lines == nil {
		return nil, io.EOF
	}
	line, err := w.lines.next()
	if err == nil {
		w.n++
		w.end += int64(len(line))
	}
	return line, err
}

func (w *verified) lost(group int) *Damage {
	if w.f == nil {
		return &Damage{w.name, 0, group, "the file is missing"}
	}
	return &Damage{w.name, w.n + 1, group, fmt.Sprintf("lines of group %d, which %s counts, are missing", group, GroupsFile)}
}

// times reads the times of a group up to the line that closes it.
func (v *verifier) times(g GroupLine) *Damage {
	w := v.files[TimingsFile]
	h := sha256.New()
	first := w.n + 1
	for {
		line, err := w.next()
		if err != nil {
			return w.lost(g.Group)
		}
		var sum timingSum
		if err := boundedjson.Unmarshal(line, &sum, maxLineMemory); err != nil || sum.Group == nil {
			h.Write(line)
			continue
		}
		if *sum.Group != g.Group || w.n-first != sum.Lines || hex.EncodeToString(h.Sum(nil)) != sum.SHA256 {
			return &Damage{w.name, first, g.Group, fmt.Sprintf("lines %d to %d are not those that were written for group %d of %s (one of the two was edited, lost or doubled)", first, w.n, g.Group, GroupsFile)}
		}
		return nil
	}
}

// sealed is seal.json: the check sums of what a finished run holds beside its journals.
type sealed struct {
	Files map[string]string `json:"files"` // hex SHA-256, by path relative to the run directory
}

// Seal writes down the check sums of manifest (but for its host), summary and everything under images. It
// comes last: its presence says that the run is complete.
func Seal(dir string) error {
	files := map[string]string{ManifestFile: "", SummaryFile: ""}
	pictures, err := os.ReadDir(filepath.Join(dir, ImagesDir))
	if err != nil {
		return fmt.Errorf("sealing %s: %w", dir, err)
	}
	for _, p := range pictures {
		files[ImagesDir+"/"+p.Name()] = ""
	}
	for name := range files {
		if files[name], err = sealSum(dir, name); err != nil {
			return fmt.Errorf("sealing %s: %w", dir, err)
		}
	}
	return WriteJSON(filepath.Join(dir, SealFile), sealed{files})
}

// Unseal takes the seal and the summary away: the run is to be continued.
func Unseal(dir string) error {
	for _, name := range []string{SealFile, SummaryFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("continuing %s: %w", dir, err)
		}
	}
	return nil
}

// Complete reports whether the run of a directory came to its end.
func Complete(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, SealFile))
	return err == nil
}

// unsealed holds the files of a finished run against their check sums. What the run
// itself writes again from its journals is damage; a picture, which only measuring again
// brings back, is listed.
func (s *State) unsealed(dir string) error {
	if !Complete(dir) {
		return nil
	}
	var seal sealed
	if err := ReadJSON(filepath.Join(dir, SealFile), &seal); err != nil {
		s.Damage = &Damage{SealFile, 0, -1, "the file cannot be read"}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(seal.Files)) {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			s.Damage = &Damage{SealFile, 0, -1, fmt.Sprintf("%q is no file of a run directory", name)}
			return nil
		}
		sum, err := sealSum(dir, name)
		var what string
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what = "the file is missing"
		case err != nil:
			return fmt.Errorf("verifying %s: %w", dir, err)
		case sum != seal.Files[name]:
			what = "the file is not as it was written"
		default:
			continue
		}
		if name == ManifestFile || name == SummaryFile || name == ImagesDir+"/"+CasesFile {
			s.Damage = &Damage{name, 0, -1, what}
			return nil
		}
		s.Pictures = append(s.Pictures, name+": "+what)
	}
	return nil
}

// sealSum is the check sum of a file as a seal has it: of the manifest, of all that it
// says but where and when the run was made, since seals of equal runs are equal.
func sealSum(dir, name string) (string, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if info, err := os.Stat(path); err == nil && info.Size() > maxJSON {
		return "too large", nil // nobody waits for gigabytes that are not those that were written
	}
	if name != ManifestFile {
		return fileSum(path)
	}
	var m map[string]any
	if err := ReadJSON(path, &m); err != nil {
		return "", err
	}
	delete(m, "host")
	b, err := json.Marshal(m) // sorts keys
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

func fileSum(path string) (string, error) {
	f, err := files.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
