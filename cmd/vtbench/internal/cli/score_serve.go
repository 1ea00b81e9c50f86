package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// scoreOp is the operation of `vtbench score --serve`.
const scoreOp = "score"

// mostServed bounds the images of one call, on either side.
const mostServed = 1 << 20

// mostWarm is how many sets of metrics are kept open between calls.
const mostWarm = 4

// A scoreCall is the arguments of one call. Behind them come the pixels of all images that
// are no files, references first: 8-bit sRGB, three bytes a pixel, rows from the top.
type scoreCall struct {
	Metrics   []string          `json:"metrics"`
	Options   map[string]string `json:"options"`
	Seed      uint64            `json:"seed"`
	Reference []scoreImage      `json:"reference"`
	Distorted []scoreImage      `json:"distorted"`
}

// A scoreImage is a file, or the size of an image among the raw bytes.
type scoreImage struct {
	File string `json:"file,omitempty"`
	W    int    `json:"w,omitempty"`
	H    int    `json:"h,omitempty"`
}

// A scoreAnswer is what a call returns: a failure of the whole call with the exit status
// that it would have been, or what was measured.
type scoreAnswer struct {
	Error      string            `json:"error,omitempty"`
	Status     int               `json:"status,omitempty"`
	Pairs      []score.PairScore `json:"pairs,omitempty"`
	Sets       []score.SetScore  `json:"sets,omitempty"`
	Notes      []score.FileNote  `json:"notes,omitempty"`
	Provenance map[string]string `json:"provenance,omitempty"`
}

// A scoreServer answers calls and keeps the metrics of the last ones open.
type scoreServer struct {
	workers int
	read    pix.Options
	warm    []warmMetrics // the last used one last
}

type warmMetrics struct {
	key string
	openedMetrics
}

func (a *app) serveScores(cmd *cobra.Command, f *scoreFlags) (err error) {
	s := &scoreServer{workers: f.workers}
	if s.workers <= 0 {
		s.workers = runtime.GOMAXPROCS(0)
	}
	if s.read, err = pix.ParseOrientation(f.orientation); err != nil {
		return usagef("--orientation: %w", err)
	}
	defer func() { err = errors.Join(err, s.close()) }()
	info := tokenizers.Info{Name: "vtbench score", Version: version()}
	return s.serve(cmd.Context(), info, os.Stdin, os.Stdout)
}

func (s *scoreServer) serve(ctx context.Context, info tokenizers.Info, in io.Reader, out io.Writer) error {
	return plugin.ServeHelper(ctx, info, map[string]plugin.Op{
		scoreOp: func(ctx context.Context, args json.RawMessage, raw []byte) (any, []byte, error) {
			answer, err := s.score(ctx, args, raw)
			if err != nil {
				answer = scoreAnswer{Error: err.Error(), Status: status(ctx, err)}
			}
			return answer, nil, nil
		},
	}, in, out)
}

func (s *scoreServer) score(ctx context.Context, args json.RawMessage, raw []byte) (answer scoreAnswer, err error) {
	var c scoreCall
	if err := wire.Unmarshal(args, &c); err != nil {
		return answer, usagef("reading the arguments: %w", err)
	}
	if c.Metrics == nil {
		c.Metrics = quality.Usual()
	}
	ids, sets, err := scoredMetrics(c.Metrics)
	if err != nil {
		return answer, err
	}
	sides, err := c.images(raw)
	if err != nil {
		return answer, usage(err)
	}
	cfg := metrics.Config{Workers: s.workers, Options: c.Options, Seed: c.Seed}
	opened, err := s.open(ctx, slices.Concat(ids, sets), cfg)
	if err != nil {
		return answer, err
	}
	answer.Provenance = opened.provenance
	reader := &score.Reader{Decode: s.read}
	if len(ids) > 0 {
		pairs, err := pairUp(sides)
		if err != nil {
			return answer, usage(err)
		}
		// Means and intervals are the caller's to ask for: a call may be a part of a batch.
		scores, err := score.Each(ctx, reader, pairs, opened.metrics, ids, s.workers)
		if err != nil {
			return answer, err
		}
		answer.Pairs = slices.AppendSeq(make([]score.PairScore, 0, len(pairs)), scores.All())
	}
	for _, by := range opened.sets {
		if len(sets) == 0 {
			break
		}
		scores, err := score.Sets(ctx, score.From(reader, sides[0]), score.From(reader, sides[1]), by, sets, cfg)
		if err != nil {
			return answer, usage(err)
		}
		answer.Sets = append(answer.Sets, scores...)
	}
	answer.Notes = reader.Notes()
	return answer, nil
}

// images are the two sides of a call.
func (c *scoreCall) images(raw []byte) (sides [2][]score.Image, err error) {
	total := 0
	for k, list := range [][]scoreImage{c.Reference, c.Distorted} {
		side := []string{"reference", "distorted"}[k]
		if len(list) == 0 || len(list) > mostServed {
			return sides, fmt.Errorf("%d images on the %s side: want 1 to %d", len(list), side, mostServed)
		}
		for i, m := range list {
			name := fmt.Sprintf("%s %d", side, i)
			if m.File != "" {
				sides[k] = append(sides[k], score.Image{Name: m.File + "\x00" + name, File: m.File})
				continue
			}
			// Each side is bounded before they are multiplied.
			if m.W < 1 || m.H < 1 || m.W > wire.MaxFrame || m.H > wire.MaxFrame/3/m.W || 3*m.W*m.H > len(raw)-total {
				return sides, fmt.Errorf("%s: an image of %d×%d where %d bytes of pixels are left", name, m.W, m.H, len(raw)-total)
			}
			n := 3 * m.W * m.H
			sides[k] = append(sides[k], score.Image{Name: name, Image: &pix.Image{W: m.W, H: m.H, Pix: raw[total : total+n : total+n]}})
			total += n
		}
	}
	if total != len(raw) {
		return sides, fmt.Errorf("the images have %d bytes of pixels, the call carries %d", total, len(raw))
	}
	return sides, nil
}

// pairUp pairs images by their place.
func pairUp(sides [2][]score.Image) ([]score.Pair, error) {
	ref, got := sides[0], sides[1]
	if len(ref) != len(got) {
		return nil, fmt.Errorf("%d references and %d distorted images: metrics of two images want as many", len(ref), len(got))
	}
	out := make([]score.Pair, len(ref))
	for i := range ref {
		out[i] = score.Pair{Name: called(got[i]), Reference: called(ref[i]), Distorted: called(got[i]), Images: [2]*pix.Image{ref[i].Image, got[i].Image}}
	}
	return out, nil
}

// called is what messages call an image: its file, where it is one.
func called(m score.Image) string { return cmp.Or(m.File, m.Name) }

// open returns the metrics, from the last calls where these had the same.
func (s *scoreServer) open(ctx context.Context, ids []string, cfg metrics.Config) (openedMetrics, error) {
	key := fmt.Sprintf("%q %d", ids, cfg.Seed)
	for _, k := range slices.Sorted(maps.Keys(cfg.Options)) {
		key += fmt.Sprintf(" %q=%q", k, cfg.Options[k])
	}
	if i := slices.IndexFunc(s.warm, func(w warmMetrics) bool { return w.key == key }); i >= 0 {
		w := s.warm[i]
		s.warm = append(slices.Delete(s.warm, i, i+1), w)
		return w.openedMetrics, nil
	}
	opened, err := openMetrics(ctx, ids, nil, cfg)
	if err != nil {
		return opened, err
	}
	s.warm = append(s.warm, warmMetrics{key, opened})
	if len(s.warm) > mostWarm {
		err = s.warm[0].close()
		s.warm = slices.Delete(s.warm, 0, 1)
	}
	return opened, err
}

func (s *scoreServer) close() error {
	var errs []error
	for _, w := range s.warm {
		errs = append(errs, w.close())
	}
	return errors.Join(errs...)
}
