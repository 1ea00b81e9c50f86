// Images writes the pixels that the networks of package neural are trained on, and
// those that their curves are measured on, as raw RGB with an index.
//
//	go run ./tokenizers/neural/train/images -o FOLDER
//
// FOLDER/train holds the photographs whose role is to fit and pages of rendered text,
// FOLDER/validate those whose role is to calibrate and pages of another seed. The
// index names the SHA-256 of every photograph. The same arguments give the same files.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

// Seeds of the pages; no evaluation set has them.
const (
	trainSeed    = 20240229
	validateSeed = 20240301
)

// sides are the longer sides at which a photograph is seen: those that runs prepare.
var sides = []int{1024, 512, 256}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, log io.Writer) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(log)
	out := flags.String("o", "images", "folder to write to")
	pages := flags.Int("pages", 96, "pages of text to train on; a sixth of it to validate on")
	photographs := flags.Bool("photographs", true, "with photographs; without, text only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", flags.Arg(0))
	}
	for _, part := range []struct {
		name  string
		role  assets.Role
		seed  uint64
		pages int
	}{
		{"train", assets.Fit, trainSeed, *pages},
		{"validate", assets.Calibrate, validateSeed, max(1, *pages/6)},
	} {
		var photos []assets.File
		if *photographs {
			photos = assets.Photographs(part.role)
		}
		w, err := create(filepath.Join(*out, part.name))
		if err != nil {
			return err
		}
		err = errors.Join(w.photographs(ctx, photos), w.text(ctx, part.seed, part.pages))
		if err := errors.Join(err, w.close()); err != nil {
			return fmt.Errorf("writing %s: %w", part.name, err)
		}
		fmt.Fprintf(log, "%s: %d images, %.12s\n", part.name, len(w.index.Images), w.index.SHA256)
	}
	return nil
}

// An index says what the pixels are; images lie one behind the other.
type index struct {
	SHA256 string  `json:"sha256"` // of the pixels
	Seed   uint64  `json:"seed"`   // of the text
	Images []entry `json:"images"`
}

type entry struct {
	Kind   string `json:"kind"`             // "photograph" or "text"
	Source string `json:"source,omitempty"` // SHA-256 of the photograph
	W      int    `json:"w"`
	H      int    `json:"h"`
}

type writer struct {
	stem  string
	file  *os.File
	buf   *bufio.Writer
	index index
}

func create(stem string) (*writer, error) {
	if err := os.MkdirAll(filepath.Dir(stem), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(stem + ".rgb")
	if err != nil {
		return nil, err
	}
	return &writer{stem: stem, file: f, buf: bufio.NewWriter(f)}, nil
}

func (w *writer) add(kind, source string, m pix.Image) error {
	w.index.Images = append(w.index.Images, entry{kind, source, m.W, m.H})
	for y := range m.H {
		if _, err := w.buf.Write(m.Row(y)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) photographs(ctx context.Context, files []assets.File) error {
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := sample.Photograph(f)
		if err != nil {
			return err
		}
		long := max(m.W, m.H)
		for _, side := range sides {
			if side <= long {
				if err := w.add("photograph", f.SHA256, sample.Shrink(m, side)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// text draws pages, every third of them twice as large and reduced: strokes of scaled
// text are softer than those of a rasteriser.
func (w *writer) text(ctx context.Context, seed uint64, pages int) error {
	w.index.Seed = seed
	text, err := sample.NewText(seed)
	if err != nil {
		return err
	}
	const side = 512
	for i := range pages {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := 1
		if i%3 == 2 {
			k = 2
		}
		page, err := text.Page(k*side, k*side)
		if err != nil {
			return err
		}
		if k > 1 {
			if page, err = pix.Resize(page, side, side); err != nil {
				return err
			}
		}
		if err := w.add("text", "", page); err != nil {
			return err
		}
	}
	return nil
}

// close writes the index last: without it the pixels are not whole.
func (w *writer) close() error {
	err := errors.Join(w.buf.Flush(), w.file.Close())
	if err != nil {
		return err
	}
	f, err := files.Open(w.stem + ".rgb")
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	w.index.SHA256 = hex.EncodeToString(h.Sum(nil))
	data, err := json.MarshalIndent(w.index, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(w.stem+".json", append(data, '\n'), 0o644)
}
