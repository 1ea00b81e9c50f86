// Package manifest reads and writes data sets as one file of JSON lines: what images there
// are, and what is known of each.
//
// Its opinion: a file that people and scripts write by hand is read strictly. A field that is
// not known is an error with the nearest one that is, since a misspelt label that is silently
// ignored is a wrong result that looks right. But one bad line costs its item, with file and
// line, and not the set. Lines are read where they are needed: what is in memory is the names
// of the items.
//
//	set, err := manifest.Open(ctx, "mine/manifest.jsonl", datasets.Options{})
//	item, err := set.Load(ctx, 0)
//
// The first line is a [Header], each further one an [Entry]; empty lines are passed over:
//
//	{"vtbench_manifest": 1, "title": "Signs of Ulm", "licence": "CC-BY-4.0"}
//	{"image": "signs/1.jpg", "labels": [{"box": [10, 20, 90, 44], "text": "OPEN"}]}
//	{"image": "signs/2.jpg", "class": "shop", "sha256": "9f86d08…"}
package manifest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "manifest:FILE".
const Name = "manifest"

// Version of the loader: it rises when the same files yield other items.
const Version = 1

// Format is the version of the files.
const Format = 1

// Bounds of a manifest.
const (
	maxLines  = 20_000_000
	maxLine   = 16 << 20
	maxValues = 64 << 20 // memory that the values of a line may take
	farthest  = 1 << 20  // what is taken for a position in an image
)

// A Header is the first line.
type Header struct {
	Format  int    `json:"vtbench_manifest"`  // 1
	Title   string `json:"title,omitempty"`   // one line for people
	Licence string `json:"licence,omitempty"` // SPDX id
	Source  string `json:"source,omitempty"`  // where the images come from
	// Classes are those of the masks; the value of a pixel counts from 0, and 255 is void.
	Classes []Class `json:"classes,omitempty"`
}

// A Class is a class of masks.
type Class struct {
	Name    string   `json:"name"`
	Colour  [3]uint8 `json:"colour"` // sRGB
	Objects bool     `json:"objects,omitempty"`
}

// An Entry is a line: an item.
type Entry struct {
	// Image is a file below the folder of the manifest, with / as separator. An entry with a
	// mask needs none.
	Image string `json:"image,omitempty"`
	// Mask is a gray image of classes; the item is then the mask, painted.
	Mask    string `json:"mask,omitempty"`
	ID      string `json:"id,omitempty"` // unique; the name of the image where it is left out
	Class   string `json:"class,omitempty"`
	Cluster string `json:"cluster,omitempty"` // what is not independent of it, such as frames of one film
	// SHA256 of the image's file, or the mask's, and its size in pixels; held to, where they
	// are stated.
	SHA256 string  `json:"sha256,omitempty"`
	Width  int     `json:"width,omitempty"`
	Height int     `json:"height,omitempty"`
	Labels []Label `json:"labels,omitempty"`
}

// A Label is an instance; fields are those of [datasets.Instance].
type Label struct {
	ID       string       `json:"id,omitempty"`   // unique within the item; its number where it is left out
	Box      []float64    `json:"box,omitempty"`  // left, top, right, bottom in pixels; around the quad where it is left out
	Quad     [][2]float64 `json:"quad,omitempty"` // corners clockwise from top left
	Text     string       `json:"text,omitempty"`
	Ignore   bool         `json:"ignore,omitempty"`
	Points   [][2]float64 `json:"points,omitempty"`
	Identity string       `json:"identity,omitempty"`
	Scale    float64      `json:"scale,omitempty"`
	Tags     []string     `json:"tags,omitempty"`
}

// Set is the items of a manifest, in the order of its lines.
type Set struct {
	file    string
	root    string // its folder, links resolved
	f       *os.File
	o       datasets.Options
	header  Header
	classes []datasets.Class
	lines   []line
	ids     []string
	bad     map[int]error // by item
	info    func() datasets.Info
}

// A line is where an entry stands.
type line struct {
	at   int64
	size int32
	no   int32
}

var _ datasets.Dataset = (*Set)(nil)

// Open reads the lines of a manifest, or of manifest.jsonl in a folder. It opens no image.
func Open(ctx context.Context, name string, o datasets.Options) (_ *Set, err error) {
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		name = filepath.Join(name, "manifest.jsonl")
	}
	root, err := files.Dir(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening manifest: %w", err)
	}
	s := &Set{file: name, root: root, f: f, o: o, bad: map[int]error{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	used := map[string]bool{filepath.Base(name): true}
	if err := s.scan(ctx, used); err != nil {
		return nil, err
	}
	if len(s.ids) == 0 {
		return nil, fmt.Errorf("%s has no item: a line for each is wanted behind the first", name)
	}
	s.info = sync.OnceValue(func() datasets.Info {
		all := make([]string, 0, len(used))
		for n := range used {
			all = append(all, n)
		}
		title := s.header.Title
		if title == "" {
			title = filepath.Base(root)
		}
		source := s.header.Source
		if source == "" {
			source = name
		}
		return datasets.Info{
			ID: Name, Version: Version, Digest: files.Digest(root, o.Decode.Reader(), all), Title: fmt.Sprintf("%s, %d items", title, len(s.ids)),
			Source: source, Licence: s.header.Licence, Reader: o.Decode.Reader(),
		}
	})
	return s, nil
}

// scan reads all lines once; used gathers the files of the set.
func (s *Set) scan(ctx context.Context, used map[string]bool) error {
	r := bufio.NewReaderSize(s.f, 1<<16)
	seen := map[string]bool{}
	at := int64(0)
	for no := 1; ; no++ {
		b, err := readLine(r)
		switch {
		case errors.Is(err, io.EOF) && len(b) == 0:
			if no == 1 {
				return fmt.Errorf("%s is empty: %s", s.file, wantHeader)
			}
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return fmt.Errorf("%s:%d: %w", s.file, no, err)
		case no > maxLines:
			return fmt.Errorf("%s has more than %d lines", s.file, maxLines)
		}
		if no%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		here := line{at: at, size: int32(len(b)), no: int32(no)}
		at += int64(len(b))
		if no == 1 {
			if err := s.begin(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))); err != nil {
				return fmt.Errorf("%s:1: %w", s.file, err)
			}
			continue
		}
		if len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		e, err := decode[Entry](b)
		if err == nil {
			err = e.check(len(s.classes) > 0)
		}
		id := e.id()
		if err == nil && seen[id] {
			err = fmt.Errorf("a line before it is called %q too", id)
		}
		if err != nil {
			s.bad[len(s.ids)] = fmt.Errorf("%s:%d: %w", s.file, no, err)
			id = fmt.Sprintf("%s line %d", filepath.Base(s.file), no)
		} else {
			for _, n := range []string{e.Image, e.Mask} {
				if n != "" {
					used[n] = true
				}
			}
		}
		seen[id] = true
		s.lines, s.ids = append(s.lines, here), append(s.ids, id)
	}
}

// readLine reads up to the end of a line, with it.
func readLine(r *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		b, err := r.ReadSlice('\n')
		if len(out)+len(b) > maxLine {
			return nil, fmt.Errorf("the line has more than %d bytes", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if out == nil {
				return b, err
			}
			return append(out, b...), err
		}
		out = append(out, b...)
	}
}

var wantHeader = fmt.Sprintf(`the first line must be {"vtbench_manifest": %d, …}`, Format)

// begin reads the first line.
func (s *Set) begin(b []byte) error {
	h, err := decode[Header](b)
	if err != nil {
		return fmt.Errorf("%w; %s", err, wantHeader)
	}
	if h.Format != Format {
		return fmt.Errorf("vtbench_manifest is %d, %d is read: %s", h.Format, Format, wantHeader)
	}
	s.header = h
	for _, c := range h.Classes {
		s.classes = append(s.classes, datasets.Class{Name: c.Name, Colour: c.Colour, Objects: c.Objects})
	}
	if len(s.classes) > 0 {
		return (&datasets.LabelMap{W: 1, H: 1, Index: []uint8{0}, Classes: s.classes}).Validate()
	}
	return nil
}

// decode reads a line in which every field must be known.
func decode[T any](b []byte) (T, error) {
	var v T
	if err := boundedjson.Check(b, &v, maxValues); err != nil {
		return v, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			name = strings.Trim(name, `"`)
			return v, fmt.Errorf("unknown field %q%s", name, suggest.Hint(name, fields))
		}
		return v, fmt.Errorf("the line is not as it should be: %w", err)
	}
	if d.More() {
		return v, errors.New("something stands behind the closing brace")
	}
	return v, nil
}

// fields are all names of fields.
var fields = []string{
	"vtbench_manifest", "title", "licence", "source", "classes", "name", "colour", "objects", "image", "mask", "id", "class", "cluster",
	"sha256", "width", "height", "labels", "box", "quad", "text", "ignore", "points", "identity", "scale", "tags",
}

// id is the name of an item.
func (e *Entry) id() string {
	switch {
	case e.ID != "":
		return e.ID
	case e.Image != "":
		return e.Image
	}
	return e.Mask
}

// check finds what is wrong with an entry before its files are looked at.
func (e *Entry) check(classes bool) error {
	switch {
	case e.Image == "" && e.Mask == "":
		return errors.New("neither image nor mask is named")
	case e.Mask != "" && !classes:
		return errors.New("a mask needs classes in the first line")
	case e.Width < 0 || e.Height < 0 || (e.Width == 0) != (e.Height == 0):
		return fmt.Errorf("%d×%d is no size", e.Width, e.Height)
	}
	if sum, err := hex.DecodeString(e.SHA256); e.SHA256 != "" && (err != nil || len(sum) != sha256.Size) {
		return fmt.Errorf("sha256 is %q: want 64 hexadecimal digits", e.SHA256)
	}
	for _, n := range []string{e.Image, e.Mask} {
		if n != "" && (!filepath.IsLocal(filepath.FromSlash(n)) || n != path.Clean(n) || strings.ContainsAny(n, "\\\x00")) {
			return fmt.Errorf("%q leads out of the folder, or is no plain path with / as separator", n)
		}
	}
	if id := e.id(); path.Clean(id) != id || path.IsAbs(id) || strings.HasPrefix(id, "../") || strings.Contains(id, `\`) {
		return fmt.Errorf("id %q: use / as separator, and stay below the set", id)
	}
	ids := map[string]bool{}
	for i, l := range e.Labels {
		id := l.id(i)
		if ids[id] {
			return fmt.Errorf("labels[%d]: a label before it is called %q too", i, id)
		}
		ids[id] = true
		if err := l.check(); err != nil {
			return fmt.Errorf("labels[%d]: %w", i, err)
		}
	}
	return nil
}

func (l *Label) id(i int) string {
	if l.ID != "" {
		return l.ID
	}
	return fmt.Sprintf("%03d", i)
}

func (l *Label) check() error {
	if n := len(l.Box); n != 0 && n != 4 {
		return fmt.Errorf("the box has %d numbers, want left, top, right, bottom", n)
	}
	if n := len(l.Quad); n != 0 && n != 4 {
		return fmt.Errorf("the quad has %d corners, want 4", n)
	}
	if len(l.Box) == 0 && len(l.Quad) == 0 {
		return errors.New("neither box nor quad says where it is")
	}
	all := slices.Clone(l.Box)
	for _, p := range slices.Concat(l.Quad, l.Points) {
		all = append(all, p[0], p[1])
	}
	for _, v := range all {
		if !(math.Abs(v) < farthest) {
			return fmt.Errorf("%g is no position in an image", v)
		}
	}
	if !(l.Scale >= 0 && l.Scale <= 1) {
		return fmt.Errorf("scale is %g: want a share of the image", l.Scale)
	}
	return nil
}

// Header returns the first line.
func (s *Set) Header() Header { return s.header }

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]. A line that cannot be read is called by its number.
func (s *Set) IDs() []string { return s.ids }

// Close closes the manifest.
func (s *Set) Close() error { return s.f.Close() }

// Load reads line i of the manifest and its image.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.lines) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.file, i, len(s.lines))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	if err := s.bad[i]; err != nil {
		return datasets.Item{}, err
	}
	at := s.lines[i]
	fail := func(err error) (datasets.Item, error) {
		return datasets.Item{}, fmt.Errorf("%s:%d: %w", s.file, at.no, err)
	}
	b := make([]byte, at.size)
	if _, err := s.f.ReadAt(b, at.at); err != nil && !errors.Is(err, io.EOF) {
		return fail(err)
	}
	e, err := decode[Entry](b)
	if err == nil {
		err = e.check(len(s.classes) > 0)
	}
	if err == nil && e.id() != s.ids[i] {
		err = errors.New("the file changed while it was read")
	}
	if err != nil {
		return fail(err)
	}
	name := e.Mask
	if name == "" {
		name = e.Image
	}
	file := filepath.Join(s.root, filepath.FromSlash(name))
	raw, err := files.Read(file, pix.MaxBytes)
	if err != nil {
		return fail(err)
	}
	if sum := sha256.Sum256(raw); e.SHA256 != "" && !strings.EqualFold(e.SHA256, hex.EncodeToString(sum[:])) {
		return fail(fmt.Errorf("%s has SHA-256 %x, the line says %s: it is another file", file, sum, e.SHA256))
	}
	d, err := pix.Decode(bytes.NewReader(raw), s.o.Decode)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", file, err))
	}
	if e.Width > 0 && (e.Width != d.Image.W || e.Height != d.Image.H) {
		return fail(fmt.Errorf("%s is %d×%d, the line says %d×%d: its labels are of another image", file, d.Image.W, d.Image.H, e.Width, e.Height))
	}
	it := datasets.Item{ID: s.ids[i], Cluster: e.Cluster, Image: d.Image, Class: e.Class, Notes: d.Notes}
	if e.Mask != "" {
		if it.Labels, err = mask(d.Image, s.classes); err != nil {
			return fail(fmt.Errorf("%s: %w", file, err))
		}
		it.Image, it.Notes = it.Labels.Paint(), nil
	}
	for k, l := range e.Labels {
		in := l.instance(k)
		all := in.Box
		in.Box = all.Intersect(image.Rect(0, 0, d.Image.W, d.Image.H))
		reason, what := "", ""
		switch {
		case all.Empty():
			reason, what = datasets.LostNoArea, "the box has no area"
		case in.Box.Empty():
			reason, what = datasets.LostOutside, fmt.Sprintf("box %v lies outside the %d×%d image", all, d.Image.W, d.Image.H)
		}
		if reason != "" {
			it.Lost = append(it.Lost, datasets.LostLabel{ID: in.ID, Reason: reason, Where: fmt.Sprintf("%s:%d: labels[%d]: %s", s.file, at.no, k, what)})
			continue
		}
		it.Instances = append(it.Instances, in)
	}
	return it, nil
}

// mask reads classes from gray values.
func mask(m pix.Image, classes []datasets.Class) (*datasets.LabelMap, error) {
	out := &datasets.LabelMap{W: m.W, H: m.H, Index: make([]uint8, m.W*m.H), Classes: classes}
	for i := range out.Index {
		p := m.Pix[3*i : 3*i+3]
		if p[0] != p[1] || p[1] != p[2] || int(p[0]) >= len(classes) && p[0] != datasets.Void {
			return nil, fmt.Errorf("pixel %d, %d is %v: want a gray value below %d, or %d", i%m.W, i/m.W, p, len(classes), datasets.Void)
		}
		out.Index[i] = p[0]
	}
	return out, nil
}

// instance is a label with the smallest box of whole pixels around it.
func (l *Label) instance(i int) datasets.Instance {
	in := datasets.Instance{ID: l.id(i), Text: l.Text, Ignore: l.Ignore, Identity: l.Identity, Scale: l.Scale, Tags: l.Tags}
	points := func(list [][2]float64) (out []datasets.Point) {
		for _, p := range list {
			out = append(out, datasets.Point{X: p[0], Y: p[1]})
		}
		return out
	}
	in.Quad, in.Points = points(l.Quad), points(l.Points)
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	if len(l.Box) == 4 {
		x0, y0, x1, y1 = l.Box[0], l.Box[1], l.Box[2], l.Box[3]
	} else {
		for _, p := range l.Quad {
			x0, y0, x1, y1 = min(x0, p[0]), min(y0, p[1]), max(x1, p[0]), max(y1, p[1])
		}
	}
	in.Box = image.Rectangle{Min: image.Pt(int(math.Floor(x0)), int(math.Floor(y0))), Max: image.Pt(int(math.Ceil(x1)), int(math.Ceil(y1)))}
	return in
}

// LabelOf is the label that an instance is written as.
func LabelOf(in datasets.Instance) Label {
	l := Label{
		ID: in.ID, Box: []float64{float64(in.Box.Min.X), float64(in.Box.Min.Y), float64(in.Box.Max.X), float64(in.Box.Max.Y)},
		Text: in.Text, Ignore: in.Ignore, Identity: in.Identity, Scale: in.Scale, Tags: in.Tags,
	}
	for _, p := range in.Quad {
		l.Quad = append(l.Quad, [2]float64{p.X, p.Y})
	}
	for _, p := range in.Points {
		l.Points = append(l.Points, [2]float64{p.X, p.Y})
	}
	return l
}

// Encode writes a manifest.
func Encode(w io.Writer, h Header, entries []Entry) error {
	h.Format = Format
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	for i := range entries {
		if err := enc.Encode(&entries[i]); err != nil {
			return fmt.Errorf("writing manifest: %w", err)
		}
	}
	return nil
}
