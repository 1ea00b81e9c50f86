// Package parquet reads data sets as Hugging Face serves them: Parquet files with an
// image a row, as bytes or as a struct of bytes and path, and columns of text.
//
// Its opinion: nothing is guessed about text. Which column is the transcription of the
// whole image, and whether that is a line or a page, the spec says; without it there are
// no labels.
//
//	ds, err := parquet.Open(ctx, "words.parquet,text=label", datasets.Options{})
package parquet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/parquet"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "parquet:DIR".
const Name = "parquet"

// Version of the loader: it rises when the same files yield other items.
const Version = 1

// maxFiles bounds the files of a set, which are kept open.
const maxFiles = 512

// options are what a spec may say behind the path, separated by commas.
var options = []string{"image", "text", "page"}

// Set is the rows of Parquet files, file by file in the order of their names.
type Set struct {
	o                 datasets.Options
	files             []*parquet.File
	names             []string
	starts            []int // first row of each file
	ids               []string
	image, text, page string // columns; image is that of the bytes
	leftOut           files.Omissions
	info              func() datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// Open opens the Parquet files of a folder, or one file. Behind the path may stand
//
//	,image=COLUMN   the images; "image" where there is one, else the only column of images
//	,text=COLUMN    the transcription of the image, which is one line
//	,page=COLUMN    the text of the image, which is a page whose lines are not known
func Open(ctx context.Context, arg string, o datasets.Options) (_ *Set, err error) {
	dir, given, err := split(arg)
	if err != nil {
		return nil, err
	}
	s := &Set{o: o, text: given["text"], page: given["page"]}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	var l files.Listing
	if st, statErr := os.Stat(dir); statErr == nil && st.Mode().IsRegular() {
		l = files.Listing{Root: filepath.Dir(dir), Files: []string{filepath.Base(dir)}}
	} else if l, err = files.List(ctx, dir, func(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".parquet") }); err != nil {
		return nil, err
	}
	if len(l.Files) == 0 {
		return nil, fmt.Errorf("%s has no .parquet file", dir)
	}
	if len(l.Files) > maxFiles {
		return nil, fmt.Errorf("%s has %d Parquet files: at most %d are read; name a folder with fewer", dir, len(l.Files), maxFiles)
	}
	s.leftOut = l.LeftOut
	for _, name := range l.Files {
		f, err := parquet.Open(l.Path(name))
		if err != nil {
			return nil, err
		}
		s.files, s.names, s.starts = append(s.files, f), append(s.names, name), append(s.starts, len(s.ids))
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		for row := range f.Rows() {
			s.ids = append(s.ids, fmt.Sprintf("%s/%06d", stem, row))
		}
	}
	if len(s.ids) == 0 {
		return nil, fmt.Errorf("%s has no row", dir)
	}
	if s.image, err = imageColumn(s.files[0].Columns(), given["image"]); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Path(l.Files[0]), err)
	}
	for i, f := range s.files { // so that a wrong name shows here and not in every item
		if f.Rows() > 0 {
			if _, err := f.Values(0, s.wanted()...); err != nil {
				return nil, fmt.Errorf("%s: %w", s.names[i], err)
			}
		}
	}
	s.info = sync.OnceValue(func() datasets.Info {
		reader := fmt.Sprintf("%s image=%s text=%s page=%s", o.Decode.Reader(), s.image, s.text, s.page)
		return datasets.Info{
			ID: Name, Version: Version, Digest: files.Digest(l.Root, reader, l.Files),
			Title: fmt.Sprintf("%d rows of %s", len(s.ids), filepath.Base(dir)), Source: dir, Reader: o.Decode.Reader(),
		}
	})
	return s, nil
}

// split takes the options off the end of an argument.
func split(arg string) (dir string, given map[string]string, err error) {
	given = map[string]string{}
	for {
		i := strings.LastIndex(arg, ",")
		if i < 0 {
			break
		}
		key, value, ok := strings.Cut(arg[i+1:], "=")
		if !ok {
			break
		}
		if !slices.Contains(options, key) || value == "" {
			return "", nil, fmt.Errorf("%q: want image=COLUMN, text=COLUMN or page=COLUMN behind the path%s", arg[i+1:], suggest.Hint(key, options))
		}
		if _, twice := given[key]; twice {
			return "", nil, fmt.Errorf("%s is given twice", key)
		}
		given[key], arg = value, arg[:i]
	}
	if given["text"] != "" && given["page"] != "" {
		return "", nil, errors.New("text and page are both given: the image is a line or a page")
	}
	return arg, given, nil
}

// imageColumn finds the column of the images' bytes.
func imageColumn(columns []string, asked string) (string, error) {
	if asked != "" {
		for _, c := range []string{asked + ".bytes", asked} {
			if slices.Contains(columns, c) {
				return c, nil
			}
		}
		return "", fmt.Errorf("there is no column %s; there are %s", asked, strings.Join(columns, ", "))
	}
	for _, c := range []string{"image.bytes", "image"} {
		if slices.Contains(columns, c) {
			return c, nil
		}
	}
	var found []string
	for _, c := range columns {
		if strings.HasSuffix(c, ".bytes") {
			found = append(found, c)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return "", fmt.Errorf("which column has the images? say image=COLUMN; there are %s", strings.Join(columns, ", "))
}

// wanted are the columns that are read.
func (s *Set) wanted() []string {
	return slices.DeleteFunc([]string{s.image, s.text, s.page}, func(c string) bool { return c == "" })
}

// Info implements [datasets.Dataset]. The first call reads every file for the digest.
func (s *Set) Info() datasets.Info { return s.info() }

// IDs implements [datasets.Dataset]: FILE/ROW.
func (s *Set) IDs() []string { return s.ids }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.leftOut }

// Load reads row i.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.ids) {
		return datasets.Item{}, fmt.Errorf("there is no row %d: there are %d", i, len(s.ids))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	at, found := slices.BinarySearch(s.starts, i)
	if !found {
		at--
	}
	for at+1 < len(s.starts) && s.starts[at+1] == i { // a file without rows
		at++
	}
	values, err := s.files[at].Values(i-s.starts[at], s.wanted()...)
	if err != nil {
		return datasets.Item{}, err
	}
	if len(values[0]) == 0 {
		return datasets.Item{}, fmt.Errorf("%s: %s is empty", s.ids[i], s.image)
	}
	d, err := pix.Decode(bytes.NewReader(values[0]), s.o.Decode)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("%s: %w", s.ids[i], err)
	}
	it := datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes}
	if len(values) == 1 {
		return it, nil
	}
	text := string(values[1])
	in := datasets.Instance{ID: "000", Box: image.Rect(0, 0, d.Image.W, d.Image.H), Text: strings.TrimSpace(text)}
	switch {
	case !utf8.ValidString(text):
		it.Lost = []datasets.LostLabel{{ID: in.ID, Reason: datasets.LostMalformed, Where: s.ids[i] + ": the text is not UTF-8"}}
		return it, nil
	case in.Text == "":
		in.Ignore = true
	case s.page != "":
		in.Tags = []string{datasets.TagPage}
	}
	it.Instances = []datasets.Instance{in}
	return it, nil
}

// Close closes the files.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
