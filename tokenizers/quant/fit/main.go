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
	"io"
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

// shipped is what the program carries, under 6 MB in all.
var shipped = []string{
	"vq:patch=4,k=256", "vq:patch=4,k=1024", "vq:patch=4,k=4096",
	"vq:patch=8,k=256", "vq:patch=8,k=1024", "vq:patch=8,k=4096",
	"vq:patch=16,k=256", "vq:patch=16,k=1024",
}

// few ship too, fitted to a quarter as many pixels: their codebooks are smaller, or
// are there to be compared among each other.
var few = []string{
	"vq:patch=8,k=512",
	"rvq:patch=4,depth=4", "rvq:patch=8,depth=8",
	"fq", "fq:split=interleaved", "fq:split=contiguous", "grvq", "mcrvq", "vq2",
	"multi-vq:lambda=1000", "multi-vq:lambda=3000", "multi-vq:lambda=10000", "multi-vq:lambda=30000",
	"simvq:k=256", "simvq:k=1024", "simvq:k=4096",
	"vq-lc:k=4096", "vq-lc:k=16384",
	"vq-ema:k=256", "vq-ema:k=1024", "vq-ema:k=4096",
	"vq-degrade:degrade=blur", "vq-degrade:degrade=jpeg",
}

// clips is what ships for films: the shapes of blocks, and codebooks, of which one in a row
// holds those with fewer.
var (
	clips     = []string{"kl3d:patch=8,t=4,dim=128", "kl3d:patch=16,t=8,dim=128", "kl3d:patch=32,t=8,dim=128"}
	clipBooks = []string{"vq3d:patch=8,t=4,k=1024,depth=4"}
)

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
	only        string // of what ships: patches or clips; "": both
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
	flags.StringVar(&s.only, "only", "", "of what ships, fit what is for patches, or for clips, alone")
	flags.IntVar(&s.samples, "samples", quant.SourcePixels, "pixels of each of the two kinds, photographs and text, to take patches from")
	flags.Uint64Var(&s.seed, "seed", quant.SourceSeed, "seed of text, sampling and k-means")
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
	if s.only != "" && s.only != "patches" && s.only != "clips" {
		return fmt.Errorf("-only %s: want patches or clips", s.only)
	}
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return err
	}
	src, err := s.sources()
	if err != nil {
		return err
	}
	if s.only != "patches" {
		if err := s.films(ctx, src); err != nil || s.only == "clips" {
			return err
		}
	}
	for _, patch := range []int{4, 8, 16} {
		patches, _, err := src.Patches(patch, nil)
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
		pca.Fit["images"] = src.Digest()
		a, err := s.write(pca, filepath.Join(s.out, fmt.Sprintf("pca-p%d.vtbq", patch)))
		if err != nil {
			return err
		}
		// What ships is rounded; the codebooks belong to that.
		t, err := quant.ReadTransform(a, 0)
		if err != nil {
			return err
		}
		for i, text := range slices.Concat(shipped, few) {
			own := src
			if i >= len(shipped) {
				own.Pixels /= 4
			}
			f, err := quant.NewFitting(text)
			if err != nil {
				return err
			}
			if f.Patch() != patch {
				continue
			}
			a, err := f.Fit(ctx, own, t, false, s.report)
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

// films fits what ships for films.
func (s settings) films(ctx context.Context, src quant.Source) error {
	transforms := map[[2]int]quant.Linear{}
	for _, text := range slices.Concat(clips, clipBooks) {
		f, err := quant.NewFitting(text)
		if err != nil {
			return err
		}
		shape := [2]int{f.Patch(), f.Frames()}
		t := transforms[shape]
		if t == nil {
			a, err := s.blocks(src, f)
			if err != nil {
				return err
			}
			a, err = s.write(a, filepath.Join(s.out, f.Stem()+".vtbq"))
			if err != nil {
				return err
			}
			if transforms[shape], err = quant.ReadLinear(a); err != nil {
				return err
			}
			continue
		}
		a, err := f.Fit(ctx, src, t, false, s.report)
		if err != nil {
			return err
		}
		if _, err := s.write(a, filepath.Join(s.out, f.Stem()+".vtbq")); err != nil {
			return err
		}
	}
	return nil
}

// blocks fits the transform of a fitting's space–time blocks.
func (s settings) blocks(src quant.Source, f quant.Fitting) (*quant.Artefact, error) {
	moving, err := src.Moving(f.Patch(), f.Frames())
	if err != nil {
		return nil, err
	}
	s.logf("blocks of %d×%d pixels and %d frames: %d", f.Patch(), f.Patch(), f.Frames(), len(moving))
	b, err := quant.FitBlocks(moving, f.Patch(), f.Frames(), f.Dim())
	if err != nil {
		return nil, err
	}
	a := b.Artefact()
	a.Fit["blocks"], a.Fit["seed"], a.Fit["images"] = strconv.Itoa(len(moving)), strconv.FormatUint(s.seed, 10), src.Digest()
	return a, nil
}

func (s settings) report(line string) { s.logf("  %s", line) }

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
	t, err := s.transform(src, f)
	if err != nil {
		return err
	}
	a, err := f.Fit(ctx, src, t, true, s.report)
	if err != nil {
		return err
	}
	_, err = s.write(a, s.out)
	return err
}

// transform fits the transform that a tokenizer needs, and returns it as it will be read.
func (s settings) transform(src quant.Source, f quant.Fitting) (quant.Linear, error) {
	var a *quant.Artefact
	if f.Frames() > 0 {
		var err error
		if a, err = s.blocks(src, f); err != nil {
			return nil, err
		}
	} else {
		patches, _, err := src.Patches(f.Patch(), nil)
		if err != nil {
			return nil, err
		}
		t, err := quant.FitTransform(patches, f.Patch(), f.Dim())
		if err != nil {
			return nil, err
		}
		a = t.Artefact()
	}
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return nil, err
	}
	back, err := quant.ReadArtefact(b.Bytes())
	if err != nil {
		return nil, err
	}
	return quant.ReadLinear(back)
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

func (s settings) sources() (quant.Source, error) {
	if s.images == "" {
		return quant.Packaged(s.samples, s.seed)
	}
	entries, err := os.ReadDir(s.images)
	if err != nil {
		return quant.Source{}, err
	}
	var photographs []pix.Image
	for _, e := range entries {
		if !slices.Contains([]string{".jpg", ".jpeg", ".png"}, strings.ToLower(filepath.Ext(e.Name()))) {
			continue
		}
		m, err := pix.Load(filepath.Join(s.images, e.Name()))
		if err != nil {
			return quant.Source{}, err
		}
		photographs = append(photographs, m)
	}
	if len(photographs) == 0 {
		return quant.Source{}, fmt.Errorf("no JPEG or PNG file in %s", s.images)
	}
	return quant.NewSource(photographs, s.samples, s.seed)
}
