package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
)

// Options of the metrics of sets of windows, beside those of the network ("fvd.model", …).
const (
	optKVDSubset = "kvd.subset" // as kid.subset
	optWindows   = "fvd.n"      // as feature.n
	optRecipe    = "fvd.recipe" // as feature.recipe
)

// sameAs says which metric of features each metric of windows is.
var sameAs = map[string]string{"fvd": "fid", "kvd": "kid"}

func clipSpecs() []metrics.Spec {
	spec := func(id, title, source, short, long string) metrics.Spec {
		s, _ := metrics.Find([]metrics.Kind{{Specs: feature.Specs()}}, sameAs[id])
		s.ID, s.Version, s.Title, s.Source, s.Short, s.Long = id, 1, title, source, short, long
		return s
	}
	of := ", of windows of frames by the network that the option fvd.model names, I3D by convention"
	return []metrics.Spec{
		spec("fvd", "FVD", "Unterthiner et al. 2018: squared Fréchet distance of normal distributions with the means and sample covariances of the features"+of,
			"distance between distributions of features of windows",
			"Depends on the network, the resize, the length and number of the windows: compare only within one report, and with 2,048 windows or more."),
		spec("kvd", "KVD", "Unterthiner et al. 2018: unbiased squared maximum mean discrepancy with the kernel (x·y/d + 1)³, as kid (option kvd.subset)"+of,
			"distance between distributions of features of windows",
			"Unbiased for small sets, unlike FVD, and so below 0 now and then; depends on the network as much. Of sets above 10,000 windows a sample of that size counts."),
	}
}

// clipKind is the entry of the metrics of sets of windows.
func clipKind() metrics.Kind {
	return metrics.Kind{Specs: clipSpecs(), Sets: clipSets{}, NeedsModel: true}
}

// clipSets measures sets of windows by the features of a network.
type clipSets struct{ sets }

var (
	_ metrics.StoredSets = clipSets{}
	_ metrics.ClipSets   = clipSets{}
)

// OfClips implements metrics.ClipSets.
func (clipSets) OfClips() {}

// Open implements metrics.Sets.
func (clipSets) Open(_ context.Context, cfg metrics.Config) (metrics.Embedder, error) {
	o := settings{"fvd", cfg.Options}
	axes := ofClips
	switch o.get(optLayout) {
	case "", "ncthw":
	case "ntchw":
		axes = ofFrames
	default:
		return nil, o.bad(optLayout, "want ncthw or ntchw")
	}
	e, err := openExtractor(o, axes, "")
	if err != nil {
		return nil, err
	}
	return clipEmbedder{e, axes}, nil
}

// Compare implements metrics.Sets.
func (c clipSets) Compare(cfg metrics.Config, wanted []string, ref, got metrics.Gathering) ([]metrics.Value, error) {
	options := map[string]string{}
	for from, to := range map[string]string{optKVDSubset: feature.OptionKIDSubset, optWindows: feature.OptionN} {
		if s, ok := cfg.Options[from]; ok {
			options[to] = s
		}
	}
	cfg.Options = options
	ids := map[string]string{}
	var of []string
	for _, id := range wanted {
		if as, ok := sameAs[id]; ok {
			ids[as] = id
			of = append(of, as)
		}
	}
	// What is said of features of images is said of windows here.
	words := strings.NewReplacer("images", "windows", "computing fid", "computing fvd", "computing kid", "computing kvd",
		feature.OptionKIDSubset, optKVDSubset, feature.OptionN, optWindows)
	values, err := c.sets.Compare(cfg, of, ref, got)
	if err != nil {
		return nil, errors.New(words.Replace(err.Error()))
	}
	for i := range values {
		v := &values[i]
		v.Metric, v.Err = ids[v.Metric], words.Replace(v.Err)
		for k := range v.Warnings {
			v.Warnings[k] = words.Replace(v.Warnings[k])
		}
	}
	return values, nil
}

// clipEmbedder makes states of the features of windows.
type clipEmbedder struct {
	extractor *Extractor
	axes      string
}

var (
	_ metrics.ClipEmbedder = clipEmbedder{}
	_ metrics.Provenance   = clipEmbedder{}
)

// Embed implements metrics.Embedder: a single image is no film.
func (clipEmbedder) Embed(context.Context, pix.Image) (string, error) {
	return "", errors.New("fvd is of films: it needs vtbench run on a data set whose items are frames, or a recipe with a window (docs/rfid.md)")
}

// EmbedClip implements metrics.ClipEmbedder. A network that takes a fixed number of frames
// takes windows of that length only.
func (c clipEmbedder) EmbedClip(ctx context.Context, clip pix.Clip) (string, error) {
	e := c.extractor
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("extracting features of frames %d to %d: %w", clip.Start, clip.Start+len(clip.Frames)-1, err)
	}
	if err := clip.Validate(); err != nil {
		return fail(err)
	}
	frames := len(clip.Frames)
	if takes := e.graph.shapes[0][slices.Index(strings.Split(c.axes, ", "), "frames")]; takes > 0 && int(takes) != frames {
		return fail(fmt.Errorf("%s takes %d frames, and the window has %d: use --window %d and clips of a multiple of it", e.graph.path, takes, frames, takes))
	}
	var in tensor
	for t, f := range clip.Frames {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		one, err := e.tensor(f)
		if err != nil {
			return fail(err)
		}
		n := one.w * one.h
		if in.data == nil {
			in = tensor{w: one.w, h: one.h, data: make([]float32, 3*n*frames)}
		}
		for ch := range 3 {
			at := ch*frames + t // of planes: channel, frame
			if c.axes == ofFrames {
				at = t*3 + ch
			}
			copy(in.data[at*n:(at+1)*n], one.data[ch*n:(ch+1)*n])
		}
	}
	in.shape = ortlib.NewShape(1, 3, int64(frames), int64(in.h), int64(in.w))
	if c.axes == ofFrames {
		in.shape = ortlib.NewShape(1, int64(frames), 3, int64(in.h), int64(in.w))
	}
	f, err := e.graph.run(in)
	if err != nil {
		return fail(err)
	}
	return feature.Encode(f), nil
}

// Close implements io.Closer.
func (c clipEmbedder) Close() error { return c.extractor.Close() }

// Provenance implements metrics.Provenance.
func (c clipEmbedder) Provenance() map[string]string {
	out := c.extractor.said()
	out["fvd"] += ", " + c.axes
	for _, key := range []string{optKVDSubset, optWindows, optRecipe} {
		if s := c.extractor.settings.options[key]; s != "" {
			out[key] = s
		}
	}
	return out
}
