package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
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

	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// An Imported is what became of a source: entries, and what of it cannot be used.
type Imported struct {
	Header  Header
	Entries []Entry
	// Faults name a file, with its line where it has any, and what is wrong with it.
	Faults []string
}

// Bounds of a table.
const (
	maxTable = 4 << 30
	maxRows  = 10_000_000
)

// FromFolder takes the images of a folder, which must be the manifest's or below it: to is
// the folder of the manifest.
func FromFolder(ctx context.Context, dir, to string, o datasets.Options) (*Imported, error) {
	l, err := files.List(ctx, dir, pix.IsImage)
	if err != nil {
		return nil, err
	}
	prefix, err := below(to, l.Root)
	if err != nil {
		return nil, err
	}
	out := &Imported{}
	if rest := l.LeftOut.Unusual(); len(rest) > 0 {
		out.Faults = append(out.Faults, dir+": left out: "+rest.String())
	}
	for _, f := range files.Interleave(l.Files) {
		out.Entries = append(out.Entries, Entry{Image: path.Join(prefix, f), ID: f})
	}
	return out, out.look(ctx, to, o, nil)
}

// columns are the columns of a table, with other names that they have.
var columns = map[string][]string{
	"image": {"file", "file_name", "filename", "path"}, "id": nil, "text": {"transcription", "label"}, "class": nil, "cluster": {"group"},
	"sha256": nil, "width": nil, "height": nil, "left": {"x0", "xmin"}, "top": {"y0", "ymin"}, "right": {"x1", "xmax"}, "bottom": {"y1", "ymax"},
	"ignore": nil, "identity": {"person"}, "scale": nil, "tags": nil, "mask": nil,
}

// FromTable reads a CSV file: a header that names columns, a row a label. Rows of one image
// are the labels of one item; an image without a label is a row without a box and a text; a
// text without a box is that of the whole image. Paths are seen from the folder of the table.
// A row, or a column, that says nothing that can be used is a fault, with its line.
func FromTable(ctx context.Context, file, to string, o datasets.Options) (*Imported, error) {
	root, err := files.Dir(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	prefix, err := below(to, root)
	if err != nil {
		return nil, err
	}
	f, err := files.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening table: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(io.LimitReader(f, maxTable))
	r.FieldsPerRecord, r.ReuseRecord, r.TrimLeadingSpace = -1, true, true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: reading the names of columns: %w", file, err)
	}
	out := &Imported{}
	at := map[string]int{}
	var names []string
	for name, others := range columns {
		names = append(append(names, name), others...)
	}
	slices.Sort(names)
	for i, h := range header {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		known := ""
		for name, others := range columns {
			if h == name || slices.Contains(others, h) {
				known = name
			}
		}
		switch _, twice := at[known]; {
		case known == "":
			out.Faults = append(out.Faults, fmt.Sprintf("%s:1: unknown column %q%s; it is not read", file, h, suggest.Hint(h, names)))
		case twice:
			return nil, fmt.Errorf("%s:1: two columns say %s", file, known)
		default:
			at[known] = i
		}
	}
	if _, ok := at["image"]; !ok {
		return nil, fmt.Errorf("%s:1: no column is called image (or %s)", file, strings.Join(columns["image"], ", "))
	}
	index := map[string]int{}
	lines := []int{}
	for rows := 0; ; rows++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		no, _ := 0, 0
		if err == nil {
			no, _ = r.FieldPos(0)
		}
		var syntax *csv.ParseError
		switch {
		case errors.As(err, &syntax):
			out.Faults = append(out.Faults, fmt.Sprintf("%s:%d: %v", file, syntax.Line, syntax.Err))
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: %w", file, err)
		case rows >= maxRows:
			return nil, fmt.Errorf("%s has more than %d rows", file, maxRows)
		}
		if rows%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e, err := entryOf(row, at)
		if err == nil {
			e.Image = path.Join(prefix, e.Image)
			if e.Mask != "" {
				e.Mask = path.Join(prefix, e.Mask)
			}
			err = e.check(true)
		}
		if err != nil {
			out.Faults = append(out.Faults, fmt.Sprintf("%s:%d: %v", file, no, err))
			continue
		}
		k, known := index[e.id()]
		switch {
		case !known:
			index[e.id()] = len(out.Entries)
			out.Entries, lines = append(out.Entries, e), append(lines, no)
		case out.Entries[k].Image != e.Image || out.Entries[k].Class != e.Class || out.Entries[k].Cluster != e.Cluster || out.Entries[k].SHA256 != e.SHA256:
			out.Faults = append(out.Faults, fmt.Sprintf("%s:%d: %q has another image, class, cluster or sha256 in line %d", file, no, e.id(), lines[k]))
		default:
			for i := range e.Labels {
				e.Labels[i].ID = "" // numbered within the item
			}
			out.Entries[k].Labels = append(out.Entries[k].Labels, e.Labels...)
		}
	}
	return out, out.look(ctx, to, o, func(i int) string { return fmt.Sprintf("%s:%d: ", file, lines[i]) })
}

// entryOf reads a row: an item with at most one label.
func entryOf(row []string, at map[string]int) (Entry, error) {
	get := func(name string) string {
		if i, ok := at[name]; ok && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	var bad error
	number := func(name string) float64 {
		s := get(name)
		if s == "" {
			return 0
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && bad == nil {
			bad = fmt.Errorf("%s is %q, want a number", name, s)
		}
		return v
	}
	e := Entry{Image: filepath.ToSlash(get("image")), ID: get("id"), Mask: get("mask"), Class: get("class"), Cluster: get("cluster"), SHA256: get("sha256")}
	if e.Image == "" {
		return e, errors.New("no image is named")
	}
	e.Width, e.Height = int(number("width")), int(number("height"))
	l := Label{Text: get("text"), Identity: get("identity"), Scale: number("scale"), Tags: strings.Fields(get("tags"))}
	if s := get("ignore"); s != "" {
		v, err := strconv.ParseBool(s)
		if err != nil && bad == nil {
			bad = fmt.Errorf("ignore is %q, want true or false", s)
		}
		l.Ignore = v
	}
	corners := 0
	for _, c := range []string{"left", "top", "right", "bottom"} {
		if get(c) != "" {
			corners++
		}
		l.Box = append(l.Box, number(c))
	}
	switch {
	case corners != 0 && corners != 4:
		bad = errors.Join(bad, errors.New("left, top, right and bottom must all be there, or none"))
	case corners == 0 && l.Text == "" && l.Identity == "":
		return e, bad
	case corners == 0:
		l.Box = []float64{0, 0, farthest - 1, farthest - 1} // the whole image, cut to its size below
	}
	e.Labels = []Label{l}
	return e, bad
}

// below is the path of a folder seen from another that it must lie in.
func below(to, dir string) (string, error) {
	root, err := files.Dir(to)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%s is not below %s, the folder of the manifest: write the manifest into it or above it, or copy the images (--copy)", dir, to)
	}
	if rel == "." {
		return "", nil
	}
	return filepath.ToSlash(rel), nil
}

// look reads every image, states digest and size, and takes out those that cannot be read.
// where is the place of an entry in its source, for messages.
func (m *Imported) look(ctx context.Context, to string, o datasets.Options, where func(i int) string) error {
	faults := make([]string, len(m.Entries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range m.Entries {
		g.Go(func() error {
			if err := m.Entries[i].look(to, o); err != nil {
				if faults[i] = err.Error(); where != nil {
					faults[i] = where(i) + faults[i]
				}
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	kept := m.Entries[:0]
	for i, e := range m.Entries {
		if faults[i] != "" {
			m.Faults = append(m.Faults, faults[i])
			continue
		}
		kept = append(kept, e)
	}
	m.Entries = kept
	return nil
}

func (e *Entry) look(to string, o datasets.Options) error {
	name := e.Mask
	if name == "" {
		name = e.Image
	}
	file := filepath.Join(to, filepath.FromSlash(name))
	b, err := files.Read(file, pix.MaxBytes)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no image %s", file)
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	if e.SHA256 != "" && !strings.EqualFold(e.SHA256, hex.EncodeToString(sum[:])) {
		return fmt.Errorf("%s has SHA-256 %x, not %s: it is another file", file, sum, e.SHA256)
	}
	d, err := pix.Read(file, o.Decode)
	if err != nil {
		return err
	}
	if e.Width > 0 && (e.Width != d.Image.W || e.Height != d.Image.H) {
		return fmt.Errorf("%s is %d×%d, not %d×%d: its labels are of another image", file, d.Image.W, d.Image.H, e.Width, e.Height)
	}
	e.SHA256, e.Width, e.Height = hex.EncodeToString(sum[:]), d.Image.W, d.Image.H
	for i := range e.Labels {
		if b := e.Labels[i].Box; len(b) == 4 && b[2] == farthest-1 {
			b[2], b[3] = float64(e.Width), float64(e.Height)
		}
	}
	return nil
}

// Copy takes the first n items of any data set, all for 0, and writes their images, as PNG,
// below to: images/ID.png, and masks/ID.png for label maps.
func Copy(ctx context.Context, d datasets.Dataset, n int, to string) (*Imported, error) {
	info := d.Info()
	out := &Imported{Header: Header{Title: info.Title, Licence: info.Licence, Source: info.Source}}
	ids := d.IDs()
	if n > 0 {
		ids = ids[:min(n, len(ids))]
	}
	taken := map[string]string{}
	for i, id := range ids {
		it, err := d.Load(ctx, i)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %v", id, err))
			continue
		}
		for _, l := range it.Lost {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %s: %s", id, l.Reason, l.Where))
		}
		e := Entry{ID: id, Class: it.Class, Cluster: it.Cluster, Width: it.Image.W, Height: it.Image.H}
		img, name := it.Image, path.Join("images", pix.TrimExt(id)+".png")
		if it.Labels != nil {
			name = path.Join("masks", pix.TrimExt(id)+".png")
			img = pix.New(it.Labels.W, it.Labels.H)
			for k, v := range it.Labels.Index {
				img.Pix[3*k], img.Pix[3*k+1], img.Pix[3*k+2] = v, v, v
			}
			if out.Header.Classes == nil {
				for _, c := range it.Labels.Classes {
					out.Header.Classes = append(out.Header.Classes, Class{Name: c.Name, Colour: c.Colour, Objects: c.Objects})
				}
			}
			e.Mask = name
		} else {
			e.Image = name
		}
		if other, twice := taken[name]; twice {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: its image would be written over that of %s, %s", id, other, name))
			continue
		}
		taken[name] = id
		file := filepath.Join(to, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return nil, err
		}
		if err := img.SavePNG(file); err != nil {
			return nil, err
		}
		b, err := files.Read(file, pix.MaxBytes)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		e.SHA256 = hex.EncodeToString(sum[:])
		for _, in := range it.Instances {
			e.Labels = append(e.Labels, LabelOf(in))
		}
		out.Entries = append(out.Entries, e)
	}
	return out, nil
}
