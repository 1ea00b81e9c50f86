package html

import (
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/vtbench/vtbench/reports/view"
)

// An album finds the pictures of runs. It never leaves a run directory, not even
// by a symbolic link, and shows nothing that is not a picture.
type album struct {
	o       Options
	roots   []*os.Root // by run; nil where the directory cannot be opened
	known   map[[2]string]template.URL
	missing int
}

func openAlbum(v *view.View, o Options) *album {
	a := &album{o: o, known: map[[2]string]template.URL{}}
	for _, r := range v.Runs {
		root, err := os.OpenRoot(r.Dir)
		if err != nil {
			root = nil // its pictures count as missing
		}
		a.roots = append(a.roots, root)
	}
	return a
}

func (a *album) close() error {
	var errs []error
	for _, r := range a.roots {
		if r != nil {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}

// url is what the page writes for a picture: a path beside the page, or the
// picture itself, or "" where there is none.
func (a *album) url(run int, rel string) template.URL {
	if rel == "" {
		return ""
	}
	k := [2]string{fmt.Sprint(run), rel}
	u, ok := a.known[k]
	if !ok {
		var err error
		if u, err = a.find(run, rel); err != nil {
			a.missing++
		}
		a.known[k] = u
	}
	return u
}

// maxEmbed bounds one picture of a single-file report.
const maxEmbed = 64 << 20

func (a *album) find(run int, rel string) (template.URL, error) {
	if run < 0 || run >= len(a.roots) || a.roots[run] == nil {
		return "", fs.ErrNotExist
	}
	if !fs.ValidPath(rel) || strings.ContainsRune(rel, '\\') {
		return "", fmt.Errorf("picture %q: %w", rel, fs.ErrInvalid)
	}
	f, err := a.roots[run].Open(rel)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	mime := http.DetectContentType(head[:n])
	if !strings.HasPrefix(mime, "image/") {
		return "", fmt.Errorf("picture %q is %s", rel, mime)
	}
	if !a.o.SingleFile {
		prefix := ""
		if run < len(a.o.Prefix) {
			prefix = a.o.Prefix[run]
		}
		return template.URL("./" + escapePath(path.Join(prefix, rel))), nil //nolint:gosec // escaped
	}
	rest, err := io.ReadAll(io.LimitReader(f, maxEmbed))
	if err != nil {
		return "", err
	}
	return dataURI(mime, append(head[:n], rest...)), nil
}

// escapePath escapes every element of a path, so that none becomes a scheme, a
// query or a fragment.
func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(parts, "/")
}

func dataURI(mime string, b []byte) template.URL {
	return template.URL("data:" + mime + ";base64," + base64.StdEncoding.EncodeToString(b)) //nolint:gosec // base64
}
