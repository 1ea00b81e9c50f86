package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/archive"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/pix"
)

// A file is put into an archive.
type file struct {
	name string
	body []byte
	link string
}

func picture(t *testing.T, seed int) []byte {
	t.Helper()
	m := pix.New(20+seed, 16)
	for i := range m.Pix {
		m.Pix[i] = uint8(i*7 + seed*31)
	}
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// some are images in folders, and what is there beside them.
func some(t *testing.T) []file {
	t.Helper()
	var out []file
	for i := range 9 {
		out = append(out, file{name: fmt.Sprintf("%c/img_%d.png", 'a'+i%3, 12-i), body: picture(t, i)})
	}
	return append(out, file{name: "readme.txt", body: []byte("no image")}, file{name: "a/.hidden.png", body: picture(t, 1)})
}

func tarOf(t *testing.T, fs []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range fs {
		h := &tar.Header{Name: f.name, Size: int64(len(f.body)), Mode: 0o644, Typeflag: tar.TypeReg}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zipOf(t *testing.T, fs []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range fs {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(0o644)
		if f.link != "" {
			h.SetMode(os.ModeSymlink | 0o777)
			f.body = []byte(f.link)
		}
		part, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(f.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func packed(t *testing.T, fs []file) map[string]string {
	t.Helper()
	return map[string]string{
		"zip":    put(t, "x.zip", zipOf(t, fs)),
		"tar":    put(t, "x.tar", tarOf(t, fs)),
		"tar.gz": put(t, "x.tar.gz", gzipOf(t, tarOf(t, fs))),
	}
}

func TestConformance(t *testing.T) {
	for kind, path := range packed(t, some(t)) {
		t.Run(kind, func(t *testing.T) {
			datasettest.Run(t, func(t *testing.T) datasets.Dataset {
				s, err := archive.Open(context.Background(), path, datasets.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			})
		})
	}
}

// An archive has the items of the folder that it was made of, with their pixels; zip and
// tar in the same order.
func TestAnArchiveIsItsFolder(t *testing.T) {
	ctx := context.Background()
	fs := some(t)
	dir := t.TempDir()
	for _, f := range fs {
		path := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	of, err := folder.Open(ctx, dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, path := range packed(t, fs) {
		s, err := archive.Open(ctx, path, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, got := slices.Clone(of.IDs()), slices.Clone(s.IDs())
		if kind == "tar.gz" {
			slices.Sort(want)
			slices.Sort(got)
		}
		if !slices.Equal(want, got) {
			t.Errorf("%s: items %q, of the folder %q", kind, got, want)
		}
		if l := s.LeftOut().String(); l != "1 hidden (a/.hidden.png); 1 no image by its name (readme.txt)" {
			t.Errorf("%s: left out: %s", kind, l)
		}
		for i, id := range s.IDs() {
			a, err := s.Load(ctx, i)
			if err != nil {
				t.Fatal(err)
			}
			b, err := of.Load(ctx, slices.Index(of.IDs(), id))
			if err != nil || !bytes.Equal(a.Image.Pix, b.Image.Pix) {
				t.Errorf("%s: %s has other pixels, %v", kind, id, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Shards: one image a sample, whatever else there is of it; equal keys of two shards are
// two samples.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	for shard := range 3 {
		var fs []file
		for i := range 4 {
			key := fmt.Sprintf("%03d", i)
			fs = append(fs, file{name: key + ".png", body: picture(t, 4*shard+i)}, file{name: key + ".cls", body: []byte("7")},
				file{name: key + ".seg.png", body: picture(t, 1)}, file{name: key + ".json", body: []byte("{}")})
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("val-%02d.tar", shard)), tarOf(t, fs), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"val-{00..02}.tar", "val-*.tar"} {
		datasettest.Run(t, func(t *testing.T) datasets.Dataset {
			s, err := archive.OpenShards(context.Background(), filepath.Join(dir, pattern), datasets.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if ids := s.IDs(); len(ids) != 12 || ids[0] != "val-00/000" || ids[11] != "val-02/003" {
				t.Errorf("%s: items %q", pattern, ids)
			}
			if l := s.LeftOut(); len(l) != 1 || l[0].Count != 36 || l[0].Reason != archive.SecondPart {
				t.Errorf("%s: left out: %v", pattern, l)
			}
			return s
		})
	}
	for pattern, want := range map[string]string{"val-{02..00}.tar": "is no range", "val-{0..9}.tar": "no such file", "no-*.tar": "no file has such a name"} {
		if _, err := archive.OpenShards(context.Background(), filepath.Join(dir, pattern), datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// What leads out of an archive, links and doubles are left out by their reason; broken
// images cost themselves.
func TestHostileMembers(t *testing.T) {
	ctx := context.Background()
	fs := []file{
		{name: "good.png", body: picture(t, 1)},
		{name: "../up.png", body: picture(t, 2)},
		{name: "/etc/abs.png", body: picture(t, 2)},
		{name: "a/../../up.png", body: picture(t, 2)},
		{name: `b\\back.png`, body: picture(t, 2)},
		{name: "C:/drive.png", body: picture(t, 2)},
		{name: "link.png", link: "/etc/passwd"},
		{name: "good.png", body: picture(t, 3)},
		{name: "__MACOSX/._good.png", body: picture(t, 3)},
		{name: "broken.png", body: picture(t, 4)[:40]},
		{name: "text.png", body: []byte("not an image at all")},
	}
	for kind, path := range packed(t, fs) {
		s, err := archive.Open(ctx, path, datasets.Options{})
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		counts := map[string]int{}
		for _, l := range s.LeftOut() {
			counts[l.Reason] = l.Count
		}
		if len(s.IDs()) != 3 || counts[archive.OutsideName] != 5 || counts[archive.Link] != 1 || counts[archive.Twice] != 1 {
			t.Errorf("%s: items %q, left out %v", kind, s.IDs(), s.LeftOut())
		}
		for i, id := range s.IDs() {
			item, err := s.Load(ctx, i)
			if (err == nil) != (id == "good.png") || err != nil && !strings.Contains(err.Error(), id) {
				t.Errorf("%s: %s: %v", kind, id, err)
			}
			if err == nil && item.Image.W != 21 {
				t.Errorf("%s: the second of two members of one name was taken", kind)
			}
		}
		_ = s.Close()
	}
}

// zeros are n bytes.
type zeros int64

func (z *zeros) Read(p []byte) (int, error) {
	if *z == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), int64(*z))
	clear(p[:n])
	*z -= zeros(n)
	return int(n), nil
}

// Archives that are no archives, end early, hold nothing, or only zeros, are errors that
// name the file, soon.
func TestBrokenArchives(t *testing.T) {
	ctx := context.Background()
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	archive.GrowAtMost(t, 1<<20)
	const size = 16 << 20
	if err := w.WriteHeader(&tar.Header{Name: "zeros.png", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	n := zeros(size)
	if _, err := io.Copy(w, &n); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	whole := tarOf(t, some(t))
	lying := bytes.Clone(zipOf(t, []file{{name: "a.png", body: make([]byte, 5000)}}))
	for _, tc := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty.zip", nil, "less than four bytes"},
		{"text.tar", bytes.Repeat([]byte("words "), 400), "no archive that is known"},
		{"cut.tar", whole[:len(whole)/2+100], "members"},
		{"cut.tar.gz", gzipOf(t, whole)[:700], "unexpected EOF"},
		{"cut.zip", zipOf(t, some(t))[:900], "zip"},
		{"nothing.zip", zipOf(t, []file{{name: "readme.txt", body: []byte("x")}}), "no image"},
		{"nothing.tar", tarOf(t, []file{{name: "readme.txt", body: []byte("x")}}), "no image"},
		{"zeros.tar.gz", bomb.Bytes(), "unpacks to more than"},
	} {
		path := put(t, tc.name, tc.b)
		s, err := archive.Open(ctx, path, datasets.Options{})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.name) {
			t.Errorf("%s: %v, want an error with %q", tc.name, err, tc.want)
		}
		if err == nil {
			_ = s.Close()
		}
	}
	// A size that a zip file's directory understates.
	i := bytes.LastIndex(lying, []byte("PK\x01\x02"))
	copy(lying[i+24:], []byte{100, 0, 0, 0})
	s, err := archive.Open(ctx, put(t, "lying.zip", lying), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(ctx, 0); err == nil {
		t.Error("a member of another size than the archive says was loaded")
	}
	_ = s.Close()
}

// Whatever an archive holds: an error, or items that load or fail by their names.
func FuzzOpen(f *testing.F) {
	var m bytes.Buffer
	if err := pix.New(3, 2).EncodePNG(&m); err != nil {
		f.Fatal(err)
	}
	var z, t, g bytes.Buffer
	zw, tw, gw := zip.NewWriter(&z), tar.NewWriter(&t), gzip.NewWriter(&g)
	for _, name := range []string{"a.png", "b/c.png"} {
		part, err := zw.Create(name)
		if err != nil {
			f.Fatal(err)
		}
		_, _ = part.Write(m.Bytes())
		_ = tw.WriteHeader(&tar.Header{Name: name, Size: int64(m.Len()), Mode: 0o644})
		_, _ = tw.Write(m.Bytes())
	}
	if zw.Close() != nil || tw.Close() != nil {
		f.Fatal("closing the archives failed")
	}
	_, _ = gw.Write(t.Bytes())
	_ = gw.Close()
	for _, b := range [][]byte{z.Bytes(), t.Bytes(), g.Bytes()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := put(t, "x", b)
		s, err := archive.Open(context.Background(), path, datasets.Options{})
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		for i, id := range s.IDs()[:min(len(s.IDs()), 3)] {
			item, err := s.Load(context.Background(), i)
			if err == nil && (item.ID != id || item.Image.Validate() != nil) {
				t.Errorf("item %q is %q", id, item.ID)
			}
		}
	})
}
