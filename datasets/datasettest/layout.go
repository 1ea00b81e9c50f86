package datasettest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// A Layout is a way to lay out files that a kind of data set reads.
type Layout struct {
	// Make writes a small sound set below dir, of two images or more, and returns what
	// stands behind the colon of its name.
	Make func(t *testing.T, dir string) string
	// Beside are files below dir, as patterns of path.Match, that are no part of the set:
	// they are not in its digest.
	Beside []string
	// Whole marks layouts whose images are not files of their own.
	Whole bool
	// Damages are ways in which sets of this layout come damaged, one malformed list or
	// file of labels among them.
	Damages []Damage
}

// A Damage is done to a sound set.
type Damage struct {
	Name string
	Do   func(t *testing.T, dir string)
	// Want are texts that the messages must have, such as a file with its line.
	Want []string
	// Refused marks damage after which nothing of the set is to be trusted. Without it the
	// set must open, and an item of it load.
	Refused bool
}

// RunLayout checks a kind on a layout: everything that [Run] checks, then
//
//   - each file that is part of the set changes its digest, and so does another way of
//     reading images;
//   - an image that is broken, or missing, costs itself: it is named, and the rest loads;
//   - each damage is named and costs what it concerns.
func RunLayout(t *testing.T, kind datasets.Kind, l Layout) {
	t.Helper()
	open := func(t *testing.T, arg string, o datasets.Options) (datasets.Dataset, error) {
		d, err := kind.Open(t.Context(), arg, o)
		if c, ok := d.(io.Closer); ok && err == nil {
			t.Cleanup(func() { _ = c.Close() })
		}
		return d, err
	}
	sound := t.TempDir()
	arg := l.Make(t, sound)
	Run(t, func(t *testing.T) datasets.Dataset {
		d, err := open(t, arg, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
	t.Run("digest", func(t *testing.T) {
		d, err := open(t, arg, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		whole := d.Info().Digest
		if other, err := open(t, arg, datasets.Options{Decode: pix.Options{Stored: true}}); err != nil || other.Info().Digest == whole {
			t.Errorf("read in another way it has the same digest, or fails: %v", err)
		}
		for _, name := range filesBelow(t, sound) {
			if slices.ContainsFunc(l.Beside, func(p string) bool { ok, _ := filepath.Match(p, name); return ok }) {
				continue
			}
			file := filepath.Join(sound, name)
			b, err := os.ReadFile(file) //nolint:forbidigo // our own
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, append(slices.Clone(b), "\n\n"...))
			if changed, err := open(t, arg, datasets.Options{}); err == nil && changed.Info().Digest == whole {
				t.Errorf("%s is not in the digest", name)
			}
			write(t, file, b)
		}
	})
	spoil := func(name string, do func(t *testing.T, dir string), want []string, refused bool) {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			arg := l.Make(t, dir)
			do(t, dir)
			d, err := open(t, arg, datasets.Options{})
			var said string
			var loaded int
			if err != nil {
				said = err.Error()
			} else {
				said, loaded = messages(t, d)
			}
			for _, w := range want {
				if !strings.Contains(said, w) {
					t.Errorf("%q is not in what is said: %s", w, said)
				}
			}
			if refused != (err != nil) {
				t.Errorf("refused as a whole is %t, want %t: %v", err != nil, refused, err)
			}
			if !refused && loaded == 0 {
				t.Errorf("no item can be used any more: %s", said)
			}
		})
	}
	if !l.Whole {
		image := ""
		for _, name := range filesBelow(t, sound) {
			if pix.IsImage(name) && image == "" {
				image = name
			}
		}
		spoil("broken image", func(t *testing.T, dir string) {
			file := filepath.Join(dir, image)
			b, err := os.ReadFile(file) //nolint:forbidigo // our own
			if err != nil {
				t.Fatal(err)
			}
			write(t, file, b[:min(len(b), 40)])
		}, []string{filepath.Base(image)}, false)
		spoil("file that is no image", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, image), []byte("no image at all"))
		}, []string{filepath.Base(image)}, false)
		spoil("missing image", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, image)); err != nil {
				t.Fatal(err)
			}
		}, nil, false)
	}
	for _, dm := range l.Damages {
		spoil(dm.Name, dm.Do, dm.Want, dm.Refused)
	}
}

// messages is all that a data set says when every item is loaded, and how many load.
func messages(t *testing.T, d datasets.Dataset) (said string, loaded int) {
	t.Helper()
	var b strings.Builder
	if l, ok := d.(datasets.Listed); ok {
		fmt.Fprintln(&b, l.LeftOut())
	}
	for i, id := range d.IDs() {
		item, err := d.Load(t.Context(), i)
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", id, err)
			continue
		}
		if item.Image.Validate() == nil {
			loaded++
		}
		for _, l := range item.Lost {
			fmt.Fprintf(&b, "%s: %s: %s\n", id, l.Reason, l.Where)
		}
	}
	return b.String(), loaded
}

func filesBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		names = append(names, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
