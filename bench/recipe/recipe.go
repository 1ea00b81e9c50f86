// Package recipe says under which conditions a distance between sets of images was measured,
// so that somebody else can measure the same: which references, how many, how they were
// cropped and resized, which network made the features.
//
// Its opinion: "rFID 1.2" names no number. FID moves by more than tokenizers differ with the
// extractor, with the filter that made images small, with the number of images. So the
// conditions are a file, they are checked and not only stated, and any mismatch is refused by
// name. What a recipe is called and where files lie on a machine does not change a number and
// is not part of its digest; all else is.
//
//	r, err := recipe.Load("imagenet-256.yaml")
//	set, err := r.Prepare(imagenet)   // refused unless it is the set that the recipe names
package recipe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Format is the version of the files.
const Format = 1

// How images are cropped.
const (
	CropNone   = "none"
	CropCenter = "center" // the largest square in the middle, which is then resized
	// CropShorter resizes the shorter side and cuts the square out of the middle after that:
	// torchvision's Resize and CenterCrop.
	CropShorter = "shorter-side"
)

// A Recipe is the conditions of a measurement.
type Recipe struct {
	Format    int       `yaml:"recipe" json:"recipe"` // 1
	Name      string    `yaml:"name" json:"-"`
	Reference Reference `yaml:"reference" json:"reference"`
	// Window makes it a recipe of films: how many frames the network is given at once, and
	// tokenizers with it. What is compared then are windows, and 0 stands for images.
	Window    int       `yaml:"window" json:"window,omitempty"`
	Crop      string    `yaml:"crop" json:"crop"`
	Resize    Resize    `yaml:"resize" json:"resize"`
	Extractor Extractor `yaml:"extractor" json:"extractor"`
	Metrics   []string  `yaml:"metrics" json:"metrics"` // of sets
	KID       KID       `yaml:"kid" json:"kid"`
	Seed      uint64    `yaml:"seed" json:"seed"` // of KID's subsets, and of samples of large sets
}

// Reference is the set that others are compared with.
type Reference struct {
	Dataset string `yaml:"dataset" json:"-"`     // where it is on this machine: a spec such as imagenet:DIR
	Digest  string `yaml:"digest" json:"digest"` // that `vtbench datasets info` tells
	N       int    `yaml:"n" json:"n"`           // how many images or windows, the first of the set
}

// Resize is what images are brought to, references and reconstructions alike.
type Resize struct {
	Side      int    `yaml:"side" json:"side"` // of a square, in pixels; 0 leaves images as they are
	Filter    string `yaml:"filter" json:"filter"`
	Antialias *bool  `yaml:"antialias" json:"antialias"`
}

// Extractor is the network whose features are compared, and what it is given.
type Extractor struct {
	Model     string `yaml:"model" json:"-"` // the ONNX file on this machine
	Name      string `yaml:"name" json:"-"`
	SHA256    string `yaml:"sha256" json:"sha256"`
	Side      int    `yaml:"side" json:"side"` // images are resized to this square before; 0 leaves them
	Filter    string `yaml:"filter" json:"filter"`
	Antialias *bool  `yaml:"antialias" json:"antialias"`
	Range     string `yaml:"range" json:"range"` // "0..1", "-1..1" or "0..255"
	Mean      string `yaml:"mean" json:"mean"`   // "r:g:b"
	Std       string `yaml:"std" json:"std"`
	Layout    string `yaml:"layout" json:"layout,omitempty"` // of windows: "ncthw" or "ntchw"
}

// KID is how the kernel distance is estimated, of images or of windows.
type KID struct {
	Subset int `yaml:"subset" json:"subset"` // images or windows of a subset; 1000 by definition
}

// Load reads a recipe and checks it. Errors name file and line.
func Load(path string) (*Recipe, error) {
	b, err := files.Read(path, strictyaml.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	var r Recipe
	if err := strictyaml.Decode(path, b, &r); err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	if r.Crop == "" {
		r.Crop = CropNone
	}
	if r.Extractor.Range == "" {
		r.Extractor.Range = "0..1"
	}
	if r.Window > 0 && r.Extractor.Layout == "" {
		r.Extractor.Layout = "ncthw"
	}
	if r.KID.Subset == 0 {
		r.KID.Subset = 1000
	}
	if r.Seed == 0 {
		r.Seed = 1
	}
	if f := r.check(); f.err != nil {
		return nil, fmt.Errorf("reading recipe: %s: %s: %w", strictyaml.Where(path, b, f.field), f.field, f.err)
	}
	return &r, nil
}

// A fault is what is wrong with a field.
type fault struct {
	field string
	err   error
}

func (r *Recipe) check() fault {
	bad := func(field, layout string, args ...any) fault { return fault{field, fmt.Errorf(layout, args...)} }
	switch {
	case r.Format != Format:
		return bad("recipe", "is %d, want %d, the version of the format", r.Format, Format)
	case r.Name == "":
		return bad("name", "is missing: what the recipe is called in tables")
	case r.Reference.N < 2:
		return bad("reference.n", "is %d: how many %s the set has is wanted", r.Reference.N, r.Things())
	case r.Window < 0 || r.Window > suite.MaxWindow:
		return bad("window", "is %d: want 1 to %d frames, or 0 for images", r.Window, suite.MaxWindow)
	case r.Window == 0 && r.Extractor.Layout != "":
		return bad("extractor.layout", "is %s, which is of windows of films: set window", r.Extractor.Layout)
	case r.Window > 0 && r.Extractor.Layout != "ncthw" && r.Extractor.Layout != "ntchw":
		return bad("extractor.layout", "is %q: want ncthw or ntchw", r.Extractor.Layout)
	case r.Reference.Digest != "" && !isDigest(r.Reference.Digest):
		return bad("reference.digest", "is %q: want the 64 hexadecimal digits that vtbench datasets info tells", r.Reference.Digest)
	case !slices.Contains([]string{CropNone, CropCenter, CropShorter}, r.Crop):
		return bad("crop", "is %q: want %s, %s or %s", r.Crop, CropNone, CropCenter, CropShorter)
	case r.Resize.Side < 0 || r.Resize.Side > 8192:
		return bad("resize.side", "is %d: want 1 to 8192, or 0 for images as they are", r.Resize.Side)
	case r.Crop == CropShorter && r.Resize.Side == 0:
		return bad("crop", "is %s, which needs resize.side", CropShorter)
	case r.Crop == CropNone && r.Resize.Side > 0:
		return bad("crop", "is %s, but resize.side makes squares: want %s or %s", CropNone, CropCenter, CropShorter)
	case !isDigest(r.Extractor.SHA256):
		return bad("extractor.sha256", "is %q: the SHA-256 of the network's file is wanted", r.Extractor.SHA256)
	case r.Extractor.Side < 0 || r.Extractor.Side > 4096:
		return bad("extractor.side", "is %d: want 1 to 4096, or 0 for images as they are", r.Extractor.Side)
	case len(r.Metrics) == 0:
		return bad("metrics", "is empty: name metrics of sets, such as fid")
	case r.KID.Subset < 2:
		return bad("kid.subset", "is %d: want 2 or more", r.KID.Subset)
	}
	for _, s := range []struct {
		field  string
		side   int
		filter string
		anti   *bool
	}{{"resize", r.Resize.Side, r.Resize.Filter, r.Resize.Antialias}, {"extractor", r.Extractor.Side, r.Extractor.Filter, r.Extractor.Antialias}} {
		if s.side == 0 {
			continue
		}
		if s.filter == "" {
			return bad(s.field+".filter", "is missing: want one of %s", strings.Join(pix.Filters(), ", "))
		}
		if s.anti == nil {
			return bad(s.field+".antialias", "is missing: want true or false")
		}
		if _, err := sampling(s.filter, s.anti); err != nil {
			return fault{s.field + ".filter", err}
		}
	}
	return fault{}
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}

func sampling(filter string, antialias *bool) (pix.Sampling, error) {
	f, err := pix.ParseFilter(filter)
	if err != nil {
		return pix.Sampling{}, err
	}
	s := pix.Sampling{Filter: f, Aliased: antialias != nil && !*antialias}
	return s, s.Validate()
}

// Digest is the hex SHA-256 over all that changes a number.
func (r *Recipe) Digest() string {
	b, err := json.Marshal(r)
	if err != nil {
		return "" // not reached: all fields have a form in JSON
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Title is the name and the beginning of the digest.
func (r *Recipe) Title() string { return fmt.Sprintf("%s %.12s", r.Name, r.Digest()) }

// Things are what is compared, in words.
func (r *Recipe) Things() string {
	if r.Window > 0 {
		return "windows"
	}
	return "images"
}

// Prefix begins the names of the options of the network: "feature.", of windows "fvd.".
func (r *Recipe) Prefix() string {
	if r.Window > 0 {
		return "fvd."
	}
	return "feature."
}

// Options are the options of metrics of sets that the recipe stands for.
func (r *Recipe) Options() map[string]string {
	prefix, subset := r.Prefix(), "kid.subset"
	if r.Window > 0 {
		subset = "kvd.subset"
	}
	out := map[string]string{
		prefix + "recipe": r.Title(), prefix + "n": strconv.Itoa(r.Reference.N), prefix + "sha256": r.Extractor.SHA256,
		prefix + "range": r.Extractor.Range, subset: strconv.Itoa(r.KID.Subset),
	}
	for key, v := range map[string]string{
		"model": r.Extractor.Model, "name": r.Extractor.Name, "mean": r.Extractor.Mean, "std": r.Extractor.Std, "layout": r.Extractor.Layout,
	} {
		if v != "" {
			out[prefix+key] = v
		}
	}
	if r.Extractor.Side > 0 {
		out[prefix+"side"], out[prefix+"filter"] = strconv.Itoa(r.Extractor.Side), r.Extractor.Filter
		out[prefix+"antialias"] = strconv.FormatBool(*r.Extractor.Antialias)
	}
	return out
}

// Check refuses metrics that are none of sets, and unknown ones.
func (r *Recipe) Check(kinds []metrics.Kind) error {
	for i, id := range r.Metrics {
		s, ok := metrics.Find(kinds, id)
		switch {
		case !ok:
			return fmt.Errorf("recipe %s: metrics[%d]: unknown metric %q", r.Name, i, id)
		case s.Scope != metrics.PerSet:
			return fmt.Errorf("recipe %s: metrics[%d]: %s compares two images; a recipe is about metrics of sets", r.Name, i, id)
		case slices.Contains(r.Metrics[:i], id):
			return fmt.Errorf("recipe %s: metrics[%d]: %s is there twice", r.Name, i, id)
		}
		of := slices.IndexFunc(kinds, func(k metrics.Kind) bool { _, ok := metrics.Find([]metrics.Kind{k}, id); return ok })
		if _, clips := kinds[of].Sets.(metrics.ClipSets); clips != (r.Window > 0) {
			return fmt.Errorf("recipe %s: metrics[%d]: %s compares %s", r.Name, i, id,
				map[bool]string{true: "windows of films: say how long one is (window: 16)", false: "images, and window makes it a recipe of films"}[clips])
		}
	}
	return nil
}

// Suite is the run of a recipe: its references through tokenizers, compared as sets.
func (r *Recipe) Suite() (suite.Suite, error) {
	if r.Resize.Side == 0 {
		return suite.Suite{}, fmt.Errorf("recipe %s: resize.side is missing: a tokenizer is given squares", r.Name)
	}
	id := "rfid"
	if r.Window > 0 {
		id = "rfvd"
	}
	return suite.Suite{
		ID: id, Version: 1, Window: r.Window, Title: "Sets, " + r.Title(), Question: "How far is the set of reconstructions from its references?",
		Datasets: []string{r.Reference.Dataset}, Resolutions: []int{r.Resize.Side}, ScoreAt: "input",
		Metrics: slices.Clone(r.Metrics), Headline: slices.Clone(r.Metrics), Options: r.Options(),
		Tokenizers: []string{"original", "resize"},
	}, nil
}

// Image prepares an image: crop, resize.
func (r *Recipe) Image(m pix.Image) (pix.Image, error) {
	side := r.Resize.Side
	switch {
	case r.Crop == CropNone:
		return m, nil
	case r.Crop == CropCenter:
		s := min(m.W, m.H)
		at := image.Pt((m.W-s)/2, (m.H-s)/2)
		m = m.Crop(image.Rectangle{Min: at, Max: at.Add(image.Pt(s, s))})
		if side == 0 {
			return m, nil
		}
	}
	by, err := sampling(r.Resize.Filter, r.Resize.Antialias)
	if err != nil {
		return m, err
	}
	w, h := side, side
	if short := min(m.W, m.H); m.W != m.H { // the longer side is cut off, as in torchvision
		w, h = max(side*m.W/short, side), max(side*m.H/short, side)
	}
	if m, err = pix.ResizeBy(by, m, w, h); err != nil {
		return m, err
	}
	// Python rounds halves to even.
	at := image.Pt(int(math.RoundToEven(float64(w-side)/2)), int(math.RoundToEven(float64(h-side)/2)))
	return m.Crop(image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}), nil
}

// Fits refuses an image that the recipe cannot have made.
func (r *Recipe) Fits(m pix.Image) error {
	if s := r.Resize.Side; s > 0 && (m.W != s || m.H != s) {
		return fmt.Errorf("it is %d×%d, recipe %s compares images of %d×%d (resize.side)", m.W, m.H, r.Name, s, s)
	}
	if r.Crop == CropCenter && m.W != m.H {
		return fmt.Errorf("it is %d×%d, recipe %s compares squares (crop)", m.W, m.H, r.Name)
	}
	return nil
}

// ErrMismatch is wrapped by the error for a set that is not the recipe's.
var ErrMismatch = errors.New("not what the recipe is about")

// Prepare checks that a data set is the recipe's references, and returns the first n of them
// as the recipe wants them, without labels.
func (r *Recipe) Prepare(d datasets.Dataset) (datasets.Dataset, error) {
	info := d.Info()
	windows, err := r.Windows(d)
	if err != nil {
		return nil, err
	}
	n := len(windows)
	switch {
	case r.Reference.Digest == "":
		return nil, fmt.Errorf("recipe %s: reference.digest is missing; that of %s is %s", r.Name, info.Source, info.Digest)
	case !strings.EqualFold(info.Digest, r.Reference.Digest):
		return nil, fmt.Errorf("recipe %s: reference.digest is %s, that of %s (%s) is %s: %w", r.Name, r.Reference.Digest, info.ID, info.Source, info.Digest, ErrMismatch)
	case n < r.Reference.N:
		return nil, fmt.Errorf("recipe %s: reference.n is %d, %s has %d: %w", r.Name, r.Reference.N, info.Source, n, ErrMismatch)
	}
	sum := sha256.Sum256([]byte(info.Digest + " " + r.Digest()))
	info.Digest = hex.EncodeToString(sum[:])
	info.Title += ", by recipe " + r.Title()
	p := &prepared{d, r, info, r.Reference.N}
	if r.Window == 0 {
		return p, nil
	}
	p.items = r.Window * r.Reference.N
	return preparedFilms{p}, nil
}

// A Window is a run of frames of a clip, or one image.
type Window struct{ Item, Frame int } // index of its first item in the set, of its first frame in the clip

// Windows lists the things of a set that are compared. The frames of a film are cut into
// windows from its first on, and every film must be a number of whole ones: what is left over
// of one would be compared with nothing.
func (r *Recipe) Windows(d datasets.Dataset) ([]Window, error) {
	if r.Window == 0 {
		out := make([]Window, len(d.IDs()))
		for i := range out {
			out[i].Item = i
		}
		return out, nil
	}
	films, ok := d.(datasets.Clipped)
	if !ok {
		return nil, fmt.Errorf("recipe %s: it compares windows of %d frames, and %s has single images: %w", r.Name, r.Window, d.Info().Source, ErrMismatch)
	}
	var out []Window
	for _, c := range films.Clips() {
		if c.Frames%r.Window != 0 {
			return nil, fmt.Errorf("recipe %s: clip %s of %s has %d frames, no multiple of the %d of a window: cut it, as video:DIR,frames=%d does: %w",
				r.Name, c.ID, d.Info().Source, c.Frames, r.Window, max(c.Frames/r.Window, 1)*r.Window, ErrMismatch)
		}
		for k := 0; k < c.Frames; k += r.Window {
			out = append(out, Window{c.First + k, k})
		}
	}
	return out, nil
}

// prepared is the references of a recipe.
type prepared struct {
	of    datasets.Dataset
	r     *Recipe
	info  datasets.Info
	items int
}

// preparedFilms is prepared with the clips of its windows.
type preparedFilms struct{ *prepared }

// Clips implements [datasets.Clipped].
func (p preparedFilms) Clips() []datasets.Clip {
	var out []datasets.Clip
	for _, c := range p.of.(datasets.Clipped).Clips() {
		if c.Frames = min(c.Frames, p.items-c.First); c.Frames > 0 {
			out = append(out, c)
		}
	}
	return out
}

var (
	_ datasets.Dataset = (*prepared)(nil)
	_ datasets.Listed  = (*prepared)(nil)
	_ datasets.Clipped = preparedFilms{}
)

func (p *prepared) Info() datasets.Info { return p.info }
func (p *prepared) IDs() []string       { return p.of.IDs()[:p.items] }

func (p *prepared) LeftOut() files.Omissions {
	if l, ok := p.of.(datasets.Listed); ok {
		return l.LeftOut()
	}
	return nil
}

func (p *prepared) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= p.items {
		return datasets.Item{}, fmt.Errorf("there is no reference %d of %d", i, p.items)
	}
	it, err := p.of.Load(ctx, i)
	if err != nil {
		return it, err
	}
	img, err := p.r.Image(it.Image)
	if err != nil {
		return it, fmt.Errorf("%s: preparing it by recipe %s: %w", it.ID, p.r.Name, err)
	}
	return datasets.Item{ID: it.ID, Cluster: it.Cluster, Class: it.Class, Image: img, Notes: it.Notes}, nil
}
