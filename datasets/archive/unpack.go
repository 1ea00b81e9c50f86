package archive

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/vtbench/vtbench/internal/files"
)

// Unpack writes the regular files of a zip, tar or tar.gz file below a folder that does not
// exist yet; it is there whole or not at all. Hidden members, links, and names that lead out
// are left out and told. An archive that grows beyond the bounds of [Open] is refused.
func Unpack(ctx context.Context, file, dir string) (_ files.Omissions, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return nil, fmt.Errorf("%s exists", dir)
	}
	f, err := files.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }() // of what was moved nothing is left
	u := unpacker{dir: filepath.Join(tmp, "x"), left: max(freeGrowth, maxGrowth*st.Size()), out: map[string][]string{}, seen: map[string]bool{}}
	if err := os.Mkdir(u.dir, 0o777); err != nil {
		return nil, err
	}
	if err := u.all(ctx, f, st.Size()); err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", file, err)
	}
	if err := os.Rename(u.dir, dir); err != nil {
		return nil, err
	}
	var left files.Omissions
	for _, reason := range []string{files.Hidden, Link, files.NotRegular, OutsideName, Twice} {
		if names := u.out[reason]; len(names) > 0 {
			slices.SortFunc(names, files.Natural)
			left = append(left, files.Omission{Reason: reason, Count: len(names), Names: slices.Clone(names[:min(len(names), 5)])})
		}
	}
	return left, nil
}

// unpacker writes members.
type unpacker struct {
	dir  string
	left int64 // bytes that may still be written
	n    int
	out  map[string][]string // left out, by reason
	seen map[string]bool
}

func (u *unpacker) all(ctx context.Context, f *os.File, size int64) error {
	var head [2]byte
	if _, err := f.ReadAt(head[:], 0); err != nil {
		return errors.New("it is no archive")
	}
	if string(head[:]) == "PK" {
		z, err := zip.NewReader(f, size)
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			return fmt.Errorf("zip: %w", err)
		}
		for _, m := range z.File {
			mode := m.Mode()
			if mode.IsDir() {
				continue
			}
			err := u.member(ctx, listed{name: m.Name, regular: mode.IsRegular(), link: mode&os.ModeSymlink != 0}, m.Open)
			if err != nil {
				return err
			}
		}
		return nil
	}
	var r io.Reader = bufio.NewReaderSize(f, 1<<16)
	if head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("gzip: %w", err)
		}
		r = &counter{r: z, most: u.left}
	}
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			if n == 0 {
				return fmt.Errorf("it is no archive that is known: zip, tar and tar.gz are read (%w)", err)
			}
			return fmt.Errorf("tar, behind %d members: %w", n, err)
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		link := h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink
		err = u.member(ctx, listed{name: h.Name, regular: h.Typeflag == tar.TypeReg, link: link}, func() (io.ReadCloser, error) { return io.NopCloser(t), nil })
		if err != nil {
			return err
		}
	}
}

// member writes one member, or notes why it is left out.
func (u *unpacker) member(ctx context.Context, e listed, open func() (io.ReadCloser, error)) error {
	if u.n++; u.n > maxMembers {
		return fmt.Errorf("more than %d members", maxMembers)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	name, reason := e.safe()
	if reason == "" && u.seen[name] {
		reason = Twice
	}
	if reason != "" {
		u.out[reason] = append(u.out[reason], e.shown())
		return nil
	}
	u.seen[name] = true
	to := filepath.Join(u.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	r, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", e.shown(), err)
	}
	w, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o666)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	n, err := io.Copy(w, io.LimitReader(r, u.left+1))
	if u.left -= n; err == nil && u.left < 0 {
		err = fmt.Errorf("it unpacks to more than %d times what it has: no archive of images does", maxGrowth)
	}
	if err = errors.Join(err, r.Close(), w.Close()); err != nil {
		return fmt.Errorf("%s: %w", e.shown(), err)
	}
	return nil
}
