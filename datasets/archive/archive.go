// Package archive makes data sets of images that stay in their archives: zip, tar,
// tar.gz, and the shards of WebDataset. No labels, so only metrics that compare pixels
// apply.
//
// Its opinion: an archive is what somebody else packed. Only its regular files count;
// names that lead out of it, links and devices are left out and said so; sizes are
// bounded by what is read, never by what a header claims; nothing is written to disk. One
// image that is broken is an item that fails, an archive that is broken is an error that
// names the place.
//
//	set, err := archive.Open(ctx, "photos.zip", datasets.Options{})
//	set, err := archive.OpenShards(ctx, "val-{000000..000049}.tar", datasets.Options{})
//
// Samples are told apart as by webdataset/webdataset at e0953f9 (tariterators.py): the key is
// the name up to the first dot behind the last slash.
//
// Items of zip and tar stand in the order of their names, as those of a folder, so that
// an archive and the folder it was made of give the same items in the same order. Members
// of a tar.gz can only be reached by unpacking what stands before them, and samples of
// WebDataset were shuffled when they were written: these keep the order in which they
// stand.
package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Names of the kinds.
const (
	Name       = "archive"
	Webdataset = "webdataset"
)

// Version of the loaders: it rises when the same files yield other items.
const Version = 1

// Limits of an archive. One that goes beyond them is refused.
const (
	maxMembers = 20_000_000
	maxName    = 4096
	// A compressed tar may grow to maxGrowth times its size, or to freeGrowth bytes:
	// images hardly pack, and zeros a thousand times.
	maxGrowth = 200
	// So may a member of a zip file, or to freeMember bytes.
	freeMember = 64 << 20
)

var freeGrowth int64 = 1 << 30 // tests need less

// Reasons for which a member is left out, beside those of package files.
const (
	OutsideName = "named so that it would lie outside of the archive"
	Link        = "a link"
	Twice       = "named as a member before it"
	TooLarge    = "larger than an image may be"
	SecondPart  = "a further part of a sample"
	Bomb        = "packed 200 times smaller, as no image is"
)

// A member is an image in an archive.
type member struct {
	id   string
	in   int   // which archive
	at   int64 // offset of its bytes, or its index in a zip file
	size int64
}

// Set is the images of an archive, or of several.
type Set struct {
	name    string // as the user wrote it
	files   []source
	members []member
	ids     []string
	left    files.Omissions
	o       datasets.Options
	info    datasets.Info
}

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// A source is an opened archive.
type source interface {
	// read returns the bytes of a member, which begin like an image.
	read(m member) ([]byte, error)
	// sum is the SHA-256 of a member.
	sum(m member) (string, error)
	io.Closer
}

// Open reads what is in a zip file, a tar file or a tar.gz file; its bytes say which.
// Every image is read once, for the digest; none is decoded.
func Open(ctx context.Context, file string, o datasets.Options) (*Set, error) {
	s := &Set{name: file, o: o}
	if err := s.open(ctx, []string{file}, wholeName); err != nil {
		return nil, err
	}
	if _, streamed := s.files[0].(*stream); !streamed {
		slices.SortFunc(s.members, func(a, b member) int { return files.Natural(a.id, b.id) })
		names := make([]string, len(s.members))
		at := map[string]member{}
		for i, m := range s.members {
			names[i], at[m.id] = m.id, m
		}
		for i, n := range files.Interleave(names) {
			s.members[i] = at[n]
		}
	}
	return s, s.finish(ctx, Name, filepath.Base(file))
}

// OpenShards reads the shards of a WebDataset: tar files whose members of one name up to
// its first dot are one sample. pattern names one file, or several by {000..049} or *.
// Of a sample the part is taken whose whole extension is that of an image (img.jpg, not
// img.seg.png).
func OpenShards(ctx context.Context, pattern string, o datasets.Options) (*Set, error) {
	shards, err := expand(pattern)
	if err != nil {
		return nil, fmt.Errorf("opening WebDataset %s: %w", pattern, err)
	}
	s := &Set{name: pattern, o: o}
	if err := s.open(ctx, shards, sampleName); err != nil {
		return nil, err
	}
	return s, s.finish(ctx, Webdataset, fmt.Sprintf("%s (%d shards)", filepath.Base(pattern), len(shards)))
}

// wholeName takes every image, by its whole name.
func wholeName(name string) (id, reason string) {
	if !pix.IsImage(name) {
		return "", files.OtherName
	}
	return name, ""
}

// sampleName takes the image of a sample, by its key.
func sampleName(name string) (id, reason string) {
	dir, base := path.Split(name)
	key, ext, ok := strings.Cut(base, ".")
	switch {
	case !ok || key == "":
		return "", files.OtherName
	case strings.Contains(ext, "."):
		return "", SecondPart
	case !pix.IsImage("x." + ext):
		return "", SecondPart
	}
	return dir + key, ""
}

// open lists the members of archives; choose gives the id of a member, or the reason why
// it is left out.
func (s *Set) open(ctx context.Context, names []string, choose func(name string) (id, reason string)) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	left := map[string][]string{}
	seen := map[string]bool{}
	total := 0
	for k, name := range names {
		src, err := openSource(ctx, name, func(e listed) error {
			if total++; total > maxMembers {
				return fmt.Errorf("more than %d members", maxMembers)
			}
			id, reason := e.safe()
			if reason == "" {
				id, reason = choose(id)
			}
			if len(names) > 1 { // shards may count their samples from 0 each
				id = path.Join(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), id)
			}
			if reason == "" && seen[id] {
				reason = Twice
			}
			if reason != "" {
				left[reason] = append(left[reason], e.shown())
				return nil
			}
			seen[id] = true
			s.members = append(s.members, member{id, k, e.at, e.size})
			return nil
		})
		if err != nil {
			return fmt.Errorf("opening archive %s: %w", name, err)
		}
		s.files = append(s.files, src)
	}
	for _, reason := range []string{files.Hidden, files.OtherName, SecondPart, Link, files.NotRegular, OutsideName, Twice, TooLarge, Bomb} {
		if names := left[reason]; len(names) > 0 {
			slices.SortFunc(names, files.Natural)
			s.left = append(s.left, files.Omission{Reason: reason, Count: len(names), Names: slices.Clone(names[:min(len(names), 5)]), Usual: files.Usual(reason) || reason == SecondPart})
		}
	}
	if len(s.members) == 0 {
		more := ""
		if len(s.left) > 0 {
			more = "; left out: " + s.left.String()
		}
		return fmt.Errorf("%s: no image (PNG, JPEG, GIF, BMP, TIFF, WebP, PPM, PGM, PBM) in this archive%s", s.name, more)
	}
	return nil
}

// finish reads everything once, for the digest.
func (s *Set) finish(ctx context.Context, kind, title string) error {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %d read by %s\n", kind, Version, s.o.Decode.Reader()) // a hash never fails
	for _, m := range s.members {
		s.ids = append(s.ids, m.id)
	}
	for _, m := range s.members {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, s.Close())
		}
		sum, err := s.files[m.in].sum(m)
		if err != nil {
			sum = "unreadable"
		}
		_, _ = fmt.Fprintf(h, "%q %s\n", m.id, sum)
	}
	s.info = datasets.Info{
		ID: kind, Version: Version, Digest: hex.EncodeToString(h.Sum(nil)),
		Title:  fmt.Sprintf("%d images of %s", len(s.ids), title),
		Source: s.name, Reader: s.o.Decode.Reader(),
	}
	return nil
}

// Close closes the archives.
func (s *Set) Close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Info implements datasets.Dataset.
func (s *Set) Info() datasets.Info { return s.info }

// IDs implements datasets.Dataset: names within the archive, or keys of samples.
func (s *Set) IDs() []string { return s.ids }

// LeftOut implements datasets.Listed.
func (s *Set) LeftOut() files.Omissions { return s.left }

func (s *Set) bytes(i int) ([]byte, error) {
	m := s.members[i]
	b, err := s.files[m.in].read(m)
	if err != nil {
		return nil, fmt.Errorf("reading %s in %s: %w", m.id, s.name, err)
	}
	return b, nil
}

// Load implements datasets.Dataset.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.members) {
		return datasets.Item{}, fmt.Errorf("archive %s has no image %d: it has %d", s.name, i, len(s.members))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	b, err := s.bytes(i)
	if err != nil {
		return datasets.Item{}, err
	}
	d, err := pix.Decode(bytes.NewReader(b), s.o.Decode)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("decoding %s in %s: %w", s.ids[i], s.name, err)
	}
	return datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes}, nil
}

// A listed member is what an archive says of one.
type listed struct {
	name    string
	regular bool
	link    bool
	at      int64
	size    int64
	packed  int64 // bytes in the archive; 0 where that is not known
}

// shown is the name for messages.
func (e listed) shown() string {
	if len(e.name) > 200 {
		return fmt.Sprintf("%.200q…", e.name)
	}
	return e.name
}

// safe is the name below the archive's own folder, or the reason why the member is left
// out.
func (e listed) safe() (name, reason string) {
	name = strings.TrimPrefix(e.name, "./")
	switch {
	case e.link:
		return "", Link
	case !e.regular:
		return "", files.NotRegular
	case len(name) > maxName, strings.ContainsAny(name, "\\\x00"), path.IsAbs(name), path.Clean(name) != name, name == "..", strings.HasPrefix(name, "../"), len(name) > 1 && name[1] == ':':
		return "", OutsideName
	case slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return strings.HasPrefix(part, ".") }), strings.HasPrefix(name, "__MACOSX/"):
		return "", files.Hidden
	case e.size > pix.MaxBytes:
		return "", TooLarge
	case e.packed > 0 && e.size > freeMember && e.size/maxGrowth > e.packed:
		return "", Bomb
	}
	return name, ""
}

// openSource opens an archive and gives all members but folders to each.
func openSource(ctx context.Context, name string, each func(listed) error) (source, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	src, err := sourceOf(ctx, f, each)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return src, nil
}

func sourceOf(ctx context.Context, f *os.File, each func(listed) error) (source, error) {
	var head [4]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return nil, errors.New("it is no archive: it has less than four bytes")
	}
	switch {
	case string(head[:2]) == "PK":
		return openZip(ctx, f, each)
	case head[0] == 0x1f && head[1] == 0x8b:
		return openStream(ctx, f, each)
	}
	return openTar(ctx, f, each)
}

// zipped is a zip file.
type zipped struct {
	f     *os.File
	files []*zip.File
}

func openZip(ctx context.Context, f *os.File, each func(listed) error) (source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r, err := zip.NewReader(f, st.Size())
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // such names are left out one by one
		return nil, fmt.Errorf("zip: %w", err)
	}
	for i, z := range r.File {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		mode := z.Mode()
		if mode.IsDir() {
			continue
		}
		size := int64(min(z.UncompressedSize64, 1<<62))
		if err := each(listed{name: z.Name, regular: mode.IsRegular(), link: mode&os.ModeSymlink != 0, at: int64(i), size: size, packed: int64(min(z.CompressedSize64, 1<<62))}); err != nil {
			return nil, err
		}
	}
	return &zipped{f, r.File}, nil
}

func (z *zipped) Close() error { return z.f.Close() }

func (z *zipped) read(m member) ([]byte, error) {
	r, err := z.files[m.at].Open()
	if err != nil {
		return nil, err
	}
	b, err := pix.ReadFile(r)
	return b, errors.Join(err, r.Close())
}

func (z *zipped) sum(m member) (string, error) {
	r, err := z.files[m.at].Open()
	if err != nil {
		return "", err
	}
	sum, err := sumOf(r)
	return sum, errors.Join(err, r.Close())
}

// sumOf is the SHA-256 of what an image may have at most.
func sumOf(r io.Reader) (string, error) {
	h := sha256.New()
	_, err := io.Copy(h, io.LimitReader(r, pix.MaxBytes+1))
	return hex.EncodeToString(h.Sum(nil)), err
}

// expand lists the files of a pattern: {000..049} counts, with as many digits; * and its
// kin stand for what is there.
func expand(pattern string) ([]string, error) {
	out := []string{""}
	rest := pattern
	for {
		open := strings.IndexByte(rest, '{')
		end := strings.IndexByte(rest, '}')
		if open < 0 || end < open {
			break
		}
		from, to, ok := strings.Cut(rest[open+1:end], "..")
		var a, b int
		if _, err := fmt.Sscanf(from+" "+to, "%d %d", &a, &b); !ok || err != nil || a < 0 || b < a || b-a > 1_000_000 {
			return nil, fmt.Errorf("{%s} is no range: write {000..049}", rest[open+1:end])
		}
		var next []string
		for _, head := range out {
			for n := a; n <= b; n++ {
				next = append(next, fmt.Sprintf("%s%s%0*d", head, rest[:open], len(from), n))
			}
		}
		if len(next) > 1_000_000 {
			return nil, errors.New("more than a million shards")
		}
		out, rest = next, rest[end+1:]
	}
	for i := range out {
		out[i] += rest
	}
	if len(out) == 1 && strings.ContainsAny(out[0], "*?[") {
		found, err := filepath.Glob(out[0])
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, errors.New("no file has such a name")
		}
		slices.SortFunc(found, files.Natural)
		return found, nil
	}
	return out, nil
}
