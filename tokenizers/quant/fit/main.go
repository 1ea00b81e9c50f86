// Fit makes the artefacts of package quant.
//
//	vtbench datasets pull                         # once: the photographs
//	go run ./tokenizers/quant/fit
//
// writes everything that ships to tokenizers/quant/fitted. With a tokenizer it
// fits that one alone, transform included, for the option file:
//
//	go run ./tokenizers/quant/fit -o my.vtbq vq:patch=8,k=777
//	go run ./tokenizers/quant/fit -images my/folder -o my.vtbq vq:patch=12,k=500
//
// -images takes a folder of JPEG and PNG files in place of the packaged photographs
// whose role is to fit. The same inputs give the same files.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// shipped is what the program carries; sizes are chosen so that all of it stays
// near a megabyte.
var shipped = []string{
	"vq:patch=4,k=256", "vq:patch=4,k=1024", "vq:patch=4,k=4096",
	"vq:patch=8,k=256", "vq:patch=8,k=1024", "vq:patch=8,k=4096",
	"vq:patch=16,k=256", "vq:patch=16,k=1024",
	"rvq:patch=4,depth=4,k=256", "rvq:patch=8,depth=8,k=256",
}

// directions is how many of a shipped transform's directions are kept.
var directions = map[int]int{4: 48, 8: 192, 16: 192}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fit:", err)
		os.Exit(1)
	}
}

type settings struct {
	images, out string
	samples     int
	seed        uint64
	log         io.Writer
}

func run(ctx context.Context, args []string, log io.Writer) error {
	s := settings{log: log}
	flags := flag.NewFlagSet("fit", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&s.images, "images", "", "folder of images of your own, in place of the photographs")
	flags.StringVar(&s.out, "o", "", "file to write; without a tokenizer the folder (default tokenizers/quant/fitted)")
	flags.IntVar(&s.samples, "samples", 6<<20, "pixels of each of the two kinds, photographs and text, to take patches from")
	flags.Uint64Var(&s.seed, "seed", 20160421, "seed of text, sampling and k-means")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch flags.NArg() {
	case 0:
		return s.all(ctx)
	case 1:
		return s.single(ctx, flags.Arg(0))
	}
	return errors.New("want one tokenizer, or none to fit all that ship")
}

func (s settings) all(ctx context.Context) error {
	if s.out == "" {
		s.out = filepath.Join("tokenizers", "quant", "fitted")
	}
	src, err := s.sources()
	if err != nil {
		return err
	}
	for _, patch := range []int{4, 8, 16} {
		patches, err := src.patches(patch, s.samples, s.seed)
		if err != nil {
			return err
		}
		s.logf("patch %d: %d patches", patch, len(patches))
		fitted, err := quant.FitTransform(patches, patch, directions[patch])
		if err != nil {
			return err
		}
		pca := fitted.Artefact()
		pca.Fit["patches"], pca.Fit["seed"] = strconv.Itoa(len(patches)), strconv.FormatUint(s.seed, 10)
		a, err := s.write(pca, filepath.Join(s.out, fmt.Sprintf("pca-p%d.vtbq", patch)))
		if err != nil {
			return err
		}
		// What ships is rounded; the codebooks belong to that.
		t, err := quant.ReadTransform(a, 0)
		if err != nil {
			return err
		}
		for _, text := range shipped {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := quant.NewFitting(text)
			if err != nil {
				return err
			}
			if f.Patch() != patch {
				continue
			}
			a, err := f.Fit(patches, t, false, s.seed)
			if err != nil {
				return err
			}
			if _, err := s.write(a, filepath.Join(s.out, f.Stem()+".vtbq")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s settings) single(ctx context.Context, text string) error {
	f, err := quant.NewFitting(text)
	if err != nil {
		return err
	}
	if s.out == "" {
		s.out = f.Stem() + ".vtbq"
	}
	src, err := s.sources()
	if err != nil {
		return err
	}
	patches, err := src.patches(f.Patch(), s.samples, s.seed)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fitted, err := quant.FitTransform(patches, f.Patch(), f.Dim())
	if err != nil {
		return err
	}
	t, err := roundTrip(fitted.Artefact())
	if err != nil {
		return err
	}
	a, err := f.Fit(patches, t, true, s.seed)
	if err != nil {
		return err
	}
	_, err = s.write(a, s.out)
	return err
}

// roundTrip returns the transform as it will be read.
func roundTrip(a *quant.Artefact) (*quant.Transform, error) {
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return nil, err
	}
	back, err := quant.ReadArtefact(b.Bytes())
	if err != nil {
		return nil, err
	}
	return quant.ReadTransform(back, 0)
}

func (s settings) write(a *quant.Artefact, path string) (*quant.Artefact, error) {
	if s.images == "" {
		a.Fit["photographs"] = sample.Digest()
	}
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return nil, err
	}
	s.logf("%s: %d bytes, %.12s, %v", path, b.Len(), a.Digest(), a.Fit)
	return quant.ReadArtefact(b.Bytes())
}

func (s settings) logf(format string, args ...any) {
	fmt.Fprintf(s.log, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// sources are the images that patches are cut from.
type sources struct {
	photos []pix.Image
	pages  []pix.Image
}

func (s settings) sources() (sources, error) {
	var src sources
	add := func(m image.Image) {
		// A photograph is seen at the sizes that runs prepare.
		for _, side := range []int{1024, 512, 256} {
			src.photos = append(src.photos, sample.Shrink(m, side))
		}
	}
	if s.images != "" {
		entries, err := os.ReadDir(s.images)
		if err != nil {
			return src, err
		}
		for _, e := range entries {
			if !slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(e.Name()))) {
				continue
			}
			m, err := sample.LoadFile(filepath.Join(s.images, e.Name()))
			if err != nil {
				return src, err
			}
			add(m)
		}
		if len(src.photos) == 0 {
			return src, fmt.Errorf("no JPEG or PNG file in %s", s.images)
		}
	} else {
		photographs, err := sample.Photographs()
		if err != nil {
			return src, err
		}
		for _, m := range photographs {
			add(m)
		}
	}
	text, err := sample.NewText(s.seed)
	if err != nil {
		return src, err
	}
	for range 24 {
		page, err := text.Page(512, 512)
		if err != nil {
			return src, err
		}
		src.pages = append(src.pages, page)
	}
	return src, nil
}

// patches draws patches worth pixels from photographs and as many from text.
func (s sources) patches(patch, pixels int, seed uint64) ([][]uint8, error) {
	rng := rand.New(rand.NewPCG(seed, uint64(patch)))
	var out [][]uint8
	for _, images := range [][]pix.Image{s.photos, s.pages} {
		var pool [][]uint8
		// Small patches are plenty on one grid; large ones need several.
		for range max(1, patch/4) {
			for _, m := range images {
				pool = append(pool, quant.Patches(m, patch, rng.IntN(patch), rng.IntN(patch))...)
			}
		}
		want := pixels / (patch * patch)
		rng.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		out = append(out, pool[:min(want, len(pool))]...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the images have no patch of %d×%d pixels", patch, patch)
	}
	return out, nil
}
