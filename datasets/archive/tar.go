package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// tarred is a tar file: members lie in it as they are. It is opened for each, since there
// may be more shards than a process may have files.
type tarred struct{ name string }

func openTar(ctx context.Context, f *os.File, each func(listed) error) (source, error) {
	if err := walk(ctx, f, func() (int64, error) { return f.Seek(0, io.SeekCurrent) }, each); err != nil {
		return nil, err
	}
	return tarred{f.Name()}, f.Close()
}

func (tarred) Close() error { return nil }

func (t tarred) read(m member) (b []byte, err error) {
	err = t.open(m, func(r io.Reader) error {
		b, err = pix.ReadFile(r)
		if err == nil && int64(len(b)) < m.size {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	return b, err
}

func (t tarred) sum(m member) (sum string, err error) {
	err = t.open(m, func(r io.Reader) error {
		sum, err = sumOf(r)
		return err
	})
	return sum, err
}

// open gives the bytes of a member to use.
func (t tarred) open(m member, use func(io.Reader) error) error {
	f, err := files.Open(t.name)
	if err != nil {
		return err
	}
	return errors.Join(use(io.NewSectionReader(f, m.at, m.size)), f.Close())
}

// walk lists the members of a tar; at is where r stands.
func walk(ctx context.Context, r io.Reader, at func() (int64, error), each func(listed) error) error {
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // such names are left out one by one
			if n == 0 {
				return errors.New("it is no archive that is known: zip, tar and tar.gz are read")
			}
			return fmt.Errorf("tar, behind %d members: %w", n, err)
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		pos, err := at()
		if err != nil {
			return err
		}
		_, sparse := h.PAXRecords["GNU.sparse.major"]
		link := h.Typeflag == tar.TypeSymlink || h.Typeflag == tar.TypeLink
		if err := each(listed{name: h.Name, regular: h.Typeflag == tar.TypeReg && !sparse, link: link, at: pos, size: h.Size}); err != nil {
			return err
		}
	}
}

// A stream is a tar.gz: what it holds can only be reached by unpacking all before it, so
// that reading by order costs one pass, and a member that was passed another one. Members
// that were passed a short while ago are kept, for readers that work on several at once.
type stream struct {
	mu     sync.Mutex
	f      *os.File
	z      *gzip.Reader
	at     int64 // bytes of the tar that were unpacked
	next   int   // first of members that was not passed
	offset []member
	kept   map[int64][]byte // by offset
	recent []int64
	size   int // bytes kept
}

// keepBytes is how much of what was passed a stream keeps.
const keepBytes = 64 << 20

// counter counts what is read.
type counter struct {
	r    io.Reader
	n    int64
	most int64
}

func (c *counter) Read(p []byte) (int, error) {
	if c.n > c.most {
		return 0, fmt.Errorf("it unpacks to more than %d bytes, %d times what it has: no archive of images does", c.most, maxGrowth)
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func openStream(ctx context.Context, f *os.File, each func(listed) error) (source, error) {
	s := &stream{f: f, kept: map[int64][]byte{}}
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	c := &counter{r: z, most: max(freeGrowth, maxGrowth*st.Size())}
	// What the walk leaves out is not unpacked again, but passed over.
	err = walk(ctx, c, func() (int64, error) { return c.n, nil }, func(e listed) error {
		s.offset = append(s.offset, member{at: e.at, size: e.size})
		return each(e)
	})
	return s, err
}

func (s *stream) Close() error { return s.f.Close() }

func (s *stream) read(m member) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.kept[m.at]; ok {
		return b, nil
	}
	if s.z == nil || s.at > m.at {
		if err := s.restart(); err != nil {
			return nil, err
		}
	}
	// Members on the way are kept: they are likely to be asked for next.
	for s.next < len(s.offset) && s.offset[s.next].at <= m.at {
		e := s.offset[s.next]
		s.next++
		if err := s.skip(e.at - s.at); err != nil {
			return nil, err
		}
		if e.at != m.at && e.size > keepBytes/4 {
			continue
		}
		part := io.LimitReader(s.z, e.size)
		b, err := pix.ReadFile(part)
		_, behind := io.Copy(io.Discard, part) // of what is no image
		if part.(*io.LimitedReader).N > 0 || behind != nil {
			s.z = nil
			return nil, cmp.Or(behind, io.ErrUnexpectedEOF)
		}
		s.at += e.size
		if err != nil {
			if e.at == m.at {
				return nil, err
			}
			continue
		}
		s.keep(e.at, b)
		if e.at == m.at {
			return b, nil
		}
	}
	return nil, errors.New("it is not where the archive said: did the file change?")
}

func (s *stream) sum(m member) (string, error) {
	b, err := s.read(m)
	if err != nil {
		return "", err
	}
	return sumOf(bytes.NewReader(b))
}

func (s *stream) skip(n int64) error {
	got, err := io.CopyN(io.Discard, s.z, n)
	s.at += got
	if err != nil {
		s.z = nil
	}
	return err
}

func (s *stream) restart() error {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(s.f, 1<<16))
	s.z, s.at, s.next = z, 0, 0
	return err
}

func (s *stream) keep(at int64, b []byte) {
	if _, ok := s.kept[at]; ok {
		return
	}
	s.kept[at] = b
	s.recent = append(s.recent, at)
	for s.size += len(b); s.size > keepBytes && len(s.recent) > 1; {
		s.size -= len(s.kept[s.recent[0]])
		delete(s.kept, s.recent[0])
		s.recent = s.recent[1:]
	}
}
