package archive_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets/archive"
)

// What is unpacked lies below its folder, whatever the names, and is whole or not there.
func TestUnpack(t *testing.T) {
	fs := []file{
		{name: "a/good.png", body: picture(t, 1)},
		{name: "a/labels.json", body: []byte("{}")},
		{name: "../up.png", body: picture(t, 2)},
		{name: "/etc/abs.png", body: picture(t, 2)},
		{name: "link", link: "/etc/passwd"},
		{name: "link/in.png", body: picture(t, 2)},
		{name: "a/good.png", body: picture(t, 3)},
		{name: ".hidden", body: []byte("x")},
	}
	for kind, path := range packed(t, fs) {
		top := t.TempDir()
		dir := filepath.Join(top, "out")
		left, err := archive.Unpack(t.Context(), path, dir)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		var names []string
		if err := filepath.WalkDir(top, func(p string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, strings.TrimPrefix(p, dir+"/"))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(names, " "); got != "a/good.png a/labels.json link/in.png" {
			t.Errorf("%s: unpacked %s", kind, got)
		}
		said := left.String()
		for _, w := range []string{"a link (link)", "2 named so that it would lie outside", "named as a member before it (a/good.png)", "1 hidden"} {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q is not in %s", kind, w, said)
			}
		}
		if b, err := os.ReadFile(filepath.Join(dir, "a", "good.png")); err != nil || !bytes.Equal(b, picture(t, 1)) {
			t.Errorf("%s: the second of two members of one name was taken", kind)
		}
		if _, err := archive.Unpack(t.Context(), path, dir); err == nil {
			t.Errorf("%s: unpacked over what is there", kind)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	archive.GrowAtMost(t, 1<<20)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	w := tar.NewWriter(z)
	const size = 16 << 20
	if err := w.WriteHeader(&tar.Header{Name: "zeros", Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	n := zeros(size)
	if _, err := io.Copy(w, &n); err != nil || w.Close() != nil || z.Close() != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		b    []byte
		ctx  context.Context
		want string
	}{
		"zeros.tar.gz": {bomb.Bytes(), t.Context(), "unpacks to more than"},
		"zeros.zip":    {zipOf(t, []file{{name: "zeros", body: make([]byte, size)}}), t.Context(), "unpacks to more than"},
		"cut.tar":      {tarOf(t, some(t))[:600], t.Context(), "unexpected EOF"},
		"text":         {bytes.Repeat([]byte("words "), 200), t.Context(), "no archive"},
		"ended.zip":    {zipOf(t, some(t)), ended, "canceled"},
	} {
		top := t.TempDir()
		_, err := archive.Unpack(tc.ctx, put(t, name, tc.b), filepath.Join(top, "out"))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if l, err := os.ReadDir(top); err != nil || len(l) > 0 {
			t.Errorf("%s: %v is left, %v", name, l, err)
		}
	}
}
