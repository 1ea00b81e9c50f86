// Package files is how vtbench looks at files that are not its own: reading them,
// listing folders of them, and finding for each item of one folder its counterpart
// in another.
//
// Its opinion: one set of rules for data sets, score, corrupt and folders of
// reconstructions, so that the same folder means the same images everywhere;
// nothing is left out without being counted; an order comes from the names alone, so
// that it is the same on every machine; and where a name could mean two files, the
// answer is an error that names both.
//
//	l, err := files.List(ctx, "photos", pix.IsImage)
//	for _, name := range l.Files { … }
//	fmt.Println(l.LeftOut)   // 3 hidden (.git/, …), 1 no image by its name (notes.txt)
package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
)

// Reasons for which an entry of a folder is left out of a listing.
const (
	Hidden     = "hidden"               // its name begins with a dot; of a folder, all that is in it
	OtherName  = "no image by its name" // its extension is none that is wanted
	BrokenLink = "a broken link"
	LinkLoop   = "a link to a folder that it is in"
	NotRegular = "a pipe, device or socket"
	NotUTF8    = "a name that is not UTF-8" // two such names could become one in results
)

// An Omission is what was left out of a listing for one reason.
type Omission struct {
	Reason string   `json:"reason"`
	Count  int      `json:"count"`
	Names  []string `json:"names"` // the first few, in order; a folder ends in "/"
	// Usual marks what folders hold beside images: hidden files, notes, labels. The rest is
	// a reason to look, and to refuse where the user is strict.
	Usual bool `json:"-"`
}

// shownNames is how many names an Omission keeps.
const shownNames = 5

// Omissions are what was left out of a listing, by reason.
type Omissions []Omission

// String is a line for people: "2 hidden (.git/, ._a.png), 1 a broken link (b.png)".
// It is empty where nothing was left out.
func (o Omissions) String() string {
	parts := make([]string, len(o))
	for i, m := range o {
		more := ""
		if m.Count > len(m.Names) {
			more = ", …"
		}
		parts[i] = fmt.Sprintf("%d %s (%s%s)", m.Count, m.Reason, strings.Join(m.Names, ", "), more)
	}
	return strings.Join(parts, "; ")
}

// Unusual returns the omissions that are a reason to look.
func (o Omissions) Unusual() Omissions {
	return slices.DeleteFunc(slices.Clone(o), func(m Omission) bool { return m.Usual })
}

// Usual reports whether files are left out for this reason in any folder.
func Usual(reason string) bool { return reason == Hidden || reason == OtherName }

// Without returns the omissions for other reasons.
func (o Omissions) Without(reason string) Omissions {
	return slices.DeleteFunc(slices.Clone(o), func(m Omission) bool { return m.Reason == reason })
}

// A Listing is the files below a folder.
type Listing struct {
	Root    string    // the folder, links resolved
	Files   []string  // slash-separated paths below Root, in [Natural] order
	Dirs    []string  // folders below Root that were entered, likewise
	LeftOut Omissions // what is there but not among Files
}

// Path is the name under which a file of the listing can be opened.
func (l Listing) Path(name string) string { return filepath.Join(l.Root, filepath.FromSlash(name)) }

// Limits of a listing: a tree of folders that goes beyond them is no data set.
const (
	maxEntries = 20_000_000
	maxDepth   = 100
)

// List lists the wanted files below root. Links to files and folders are followed,
// root itself included; a link to a folder that it is in itself is left out, so that
// the walk ends. Entries whose names begin with a dot are left out with all that is
// below them: they are editors', file managers' and checkpoints' own. Pipes, devices
// and sockets are left out, and names that are not UTF-8, which no result could tell apart.
// A folder that cannot be read is an error.
func List(ctx context.Context, root string, want func(name string) bool) (Listing, error) {
	real, err := Dir(root)
	if err != nil {
		return Listing{}, err
	}
	info, err := os.Stat(real)
	if err != nil {
		return Listing{}, fmt.Errorf("opening folder: %w", err)
	}
	w := walker{ctx: ctx, want: want, omitted: map[string][]string{}, l: Listing{Root: real}}
	if err := w.walk(real, "", []os.FileInfo{info}); err != nil {
		return Listing{}, fmt.Errorf("listing %s: %w", root, err)
	}
	slices.SortFunc(w.l.Files, Natural)
	slices.SortFunc(w.l.Dirs, Natural)
	for _, reason := range []string{Hidden, OtherName, BrokenLink, LinkLoop, NotRegular, NotUTF8} {
		if names := w.omitted[reason]; len(names) > 0 {
			slices.SortFunc(names, Natural)
			w.l.LeftOut = append(w.l.LeftOut, Omission{Reason: reason, Count: len(names), Names: slices.Clone(names[:min(len(names), shownNames)]), Usual: Usual(reason)})
		}
	}
	return w.l, nil
}

type walker struct {
	ctx     context.Context
	want    func(string) bool
	omitted map[string][]string
	entries int
	l       Listing
}

// walk lists a folder; rel is its path below the root with a slash behind it, above
// are the folders it is in and itself.
func (w *walker) walk(dir, rel string, above []os.FileInfo) error {
	if len(above) > maxDepth {
		return fmt.Errorf("%s is more than %d folders deep", dir, maxDepth)
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	entries, err := f.ReadDir(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if w.entries += len(entries); w.entries > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	if err := w.ctx.Err(); err != nil {
		return err
	}
	for _, e := range entries {
		name := rel + e.Name()
		kind := e.Type()
		if strings.HasPrefix(e.Name(), ".") {
			if kind.IsDir() {
				name += "/"
			}
			w.omit(Hidden, name)
			continue
		}
		if !utf8.ValidString(e.Name()) {
			w.omit(NotUTF8, name)
			continue
		}
		var info os.FileInfo
		if kind&os.ModeSymlink != 0 {
			if info, err = os.Stat(filepath.Join(dir, e.Name())); err != nil {
				w.omit(BrokenLink, name)
				continue
			}
			kind = info.Mode().Type()
		}
		switch {
		case kind.IsDir():
			if info == nil {
				if info, err = e.Info(); err != nil {
					return err
				}
			} else if slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, info) }) {
				w.omit(LinkLoop, name+"/")
				continue
			}
			w.l.Dirs = append(w.l.Dirs, name)
			if err := w.walk(filepath.Join(dir, e.Name()), name+"/", append(slices.Clip(above), info)); err != nil {
				return err
			}
		case !kind.IsRegular():
			w.omit(NotRegular, name)
		case !w.want(e.Name()):
			w.omit(OtherName, name)
		default:
			w.l.Files = append(w.l.Files, name)
		}
	}
	return nil
}

func (w *walker) omit(reason, name string) {
	if !utf8.ValidString(name) {
		name = strings.Trim(strconv.Quote(name), `"`)
	}
	w.omitted[reason] = append(w.omitted[reason], name)
}

// Open opens a regular file. Pipes and devices, whose opening or reading may never
// end, are refused before they are opened.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		what := "a pipe, device or socket"
		if info.IsDir() {
			what = "a folder"
		}
		return nil, fmt.Errorf("%s is %s; a file is wanted", name, what)
	}
	return os.Open(name)
}

// OpenPlain opens a regular file that is not a link: of what somebody else packed, a link
// would show the reader's own files.
func OpenPlain(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		return nil, fmt.Errorf("%s is a link; links are not followed here", name)
	}
	return Open(name)
}

// MaxModel bounds networks that are read whole.
const MaxModel = 4 << 30

// Read reads a regular file, as [Open] does, of at most limit bytes.
func Read(name string, limit int64) ([]byte, error) { return read(Open, name, limit) }

// ReadPlain is Read for what somebody else packed, as [OpenPlain] is Open.
func ReadPlain(name string, limit int64) ([]byte, error) { return read(OpenPlain, name, limit) }

func read(open func(string) (*os.File, error), name string, limit int64) ([]byte, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit { // nothing is read of what will be refused
		return nil, fmt.Errorf("%s has more than the %d bytes accepted", name, limit)
	}
	b := make([]byte, 0, info.Size()+1) // one more shows the end at once
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, fmt.Errorf("%s has more than the %d bytes accepted", name, limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, err
		case len(b) == cap(b):
			b = slices.Grow(b, max(len(b), 4096))
		}
	}
}

// Dir resolves links of a folder's path and checks that it is a folder.
func Dir(root string) (string, error) {
	if root == "" {
		return "", errors.New("no folder is named; write it behind the colon")
	}
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "", fmt.Errorf("opening folder: %w", err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", fmt.Errorf("opening folder: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s is a file; a folder is wanted", root)
	}
	return real, nil
}

// Natural compares names as people do: runs of digits as numbers, so that img_2
// comes before img_10; byte by byte where that does not decide.
func Natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		nx, ny := digits(x), digits(y)
		if nx > 0 && ny > 0 {
			u, v := strings.TrimLeft(x[:nx], "0"), strings.TrimLeft(y[:ny], "0")
			if c := cmp.Or(cmp.Compare(len(u), len(v)), cmp.Compare(u, v)); c != 0 {
				return c
			}
			x, y = x[nx:], y[ny:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(a, b))
}

func digits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// Interleave reorders sorted names so that folders take turns: any prefix has its
// share of each. Names of one folder keep their order.
func Interleave(names []string) []string {
	var dirs []string
	byDir := map[string][]string{}
	for _, n := range names {
		d := path.Dir(n)
		if _, ok := byDir[d]; !ok {
			dirs = append(dirs, d)
		}
		byDir[d] = append(byDir[d], n)
	}
	slices.SortFunc(dirs, Natural)
	out := make([]string, 0, len(names))
	for i := 0; len(out) < len(names); i++ {
		for _, d := range dirs {
			if i < len(byDir[d]) {
				out = append(out, byDir[d][i])
			}
		}
	}
	return out
}

// Digest is the hex SHA-256 over how the files are read ([pix.Options.Reader]), their
// sorted names and their contents. A file that cannot be read counts as such and
// does not fail: loading it will.
func Digest(root, reader string, names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	sums := make([]string, len(names))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, n := range names {
		g.Go(func() error {
			sums[i] = fileSum(filepath.Join(root, filepath.FromSlash(n)))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return "" // not reached: no member returns an error
	}
	h := sha256.New()
	fmt.Fprintf(h, "read by %s\n", reader)
	for i, n := range names {
		fmt.Fprintf(h, "%q %s\n", n, sums[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func fileSum(name string) string {
	f, err := Open(name)
	if err != nil {
		return "unreadable"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unreadable"
	}
	return hex.EncodeToString(h.Sum(nil))
}
