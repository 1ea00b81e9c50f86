package run

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// loaded is an item with what all its conditions share.
type loaded struct {
	planned
	film   *film   // of which it is a frame
	before *loaded // the frame before in the same window
	item   datasets.Item
	err    error
	mu     sync.Mutex
	// prepared scorers of the original image: those of metrics that compare with
	// labels by resolution (the bins differ), those of pixel metrics once.
	labels map[int][]prepared
	pixels []prepared
	// references are what metrics of sets keep of the images that reconstructions are
	// compared with, by the condition of those and by metric.
	references map[suite.Condition][]embedding
	original   identity.Key // pixels of the item
}

// embedding is the state of an image for a metric of sets, or why there is none; empty
// for a metric that is not wanted.
type embedding struct {
	state string
	err   error
}

// prepared is a metric's scorer for one reference, or why there is none; the zero
// value belongs to a metric that has nothing to do there.
type prepared struct {
	metrics.Scorer
	err error
}

func (p prepared) wanted() bool { return p.Scorer != nil || p.err != nil }

// input is an item under one condition.
type input struct {
	*loaded
	cond      suite.Condition
	img       pix.Image          // what the tokenizer is given
	place     pix.Placement      // how it got there
	reference pix.Image          // what reconstructions are compared with
	undamaged pix.Image          // the same without the damage of the condition
	labelMap  *datasets.LabelMap // of reference, of an item that is a mask
	instances []datasets.Instance
	bins      map[string]string
	bin       string // that most characters of the instances are in
	// Scorers by metric: against the reference or the labels, and (damaged images
	// only) against the clean original.
	scorers []prepared
	clean   []prepared
	// references by metric of sets.
	references []embedding
	err        error // there is nothing to give to a tokenizer
	// The reference and the scorers are made once, when they are first needed.
	referring, scoring sync.Once
	referErr           error
	prepareErr         error
	// With a cache: keys of what the tokenizer is given, and of what is scored against.
	given                     identity.Key
	shown, labelled, unharmed identity.Scored
}

// give makes the image that a tokenizer is given, and returns it without the damage
// of the condition, too.
func (r *runner) give(in *input) (fitted pix.Image, err error) {
	defer guard.Recover(&err, "preparing "+in.id+" for "+in.cond.String())
	if fitted, in.place, err = fit(in.item.Image, in.cond.Resolution); err != nil {
		return fitted, err
	}
	in.labelMap = in.item.Labels
	if in.labelMap != nil {
		// Between the colours of two classes lie those of others: masks are scaled by class.
		scaled := in.labelMap.Fit(in.place.Inside, fitted.W, fitted.H)
		fitted = scaled.Paint()
		if r.cfg.Suite.ScoreAt == "input" {
			in.labelMap = scaled
		}
	}
	in.img = fitted
	if in.cond.Corruption == suite.FrameDrop {
		if shown := r.lastCome(in.loaded, in.cond.Severity); shown != in.loaded {
			in.img, _, err = fit(shown.item.Image, in.cond.Resolution)
		}
		return fitted, err
	}
	if name, frozen := in.cond.Image(); name != "" {
		key := r.manifest.Datasets[in.source].Name + "/" + in.id
		if frozen {
			key = r.manifest.Datasets[in.source].Name + "/" + in.item.ClusterID()
		}
		if in.img, err = r.cfg.Corrupt(fitted, name, in.cond.Severity, key); err != nil {
			return fitted, fmt.Errorf("corrupting %s: %w", in.id, err)
		}
	}
	return fitted, nil
}

// lastCome is the last frame up to this one that is not dropped. Which are dropped depends
// on their names; what a severity drops, the next one does, too.
func (r *runner) lastCome(it *loaded, severity int) *loaded {
	for it.before != nil && it.before.err == nil {
		at := hash64(suite.FrameDrop, strconv.FormatUint(r.cfg.Seed, 10), r.manifest.Datasets[it.source].Name, it.id)
		if float64(at>>11)/(1<<53) >= suite.FrameShares[severity-1] {
			break
		}
		it = it.before
	}
	return it
}

// fit brings an image to a resolution.
func fit(img pix.Image, resolution int) (pix.Image, pix.Placement, error) {
	if resolution == suite.Native {
		return img, pix.Whole(img), nil
	}
	return pix.Fit(img, resolution)
}

// begin makes the image that tokenizers are given and, where no value of it can be known
// already, all else that is needed to score. What is only drawn is not scored.
func (r *runner) begin(ctx context.Context, in *input, drawn bool) error {
	fitted, err := r.give(in)
	if err != nil {
		return err
	}
	in.instances, in.bins, _ = r.cfg.Suite.Sort(in.item, in.cond.Resolution)
	in.bin = r.cfg.Suite.BinOf(in.instances, in.bins)
	in.undamaged = in.item.Image
	if r.cfg.Suite.ScoreAt == "input" {
		in.undamaged = fitted
	}
	r.identify(in)
	if drawn {
		return nil
	}
	if r.kept == nil {
		return r.prepare(ctx, in)
	}
	if slices.ContainsFunc(r.cfg.Sets, func(s metrics.OpenedSets) bool { return r.anyWanted(s.Specs) }) {
		return r.refer(ctx, in) // the states of references are part of the result
	}
	return nil
}

// refer makes what reconstructions are compared with, and shows it to metrics of sets.
func (r *runner) refer(ctx context.Context, in *input) error {
	in.referring.Do(func() {
		defer guard.Recover(&in.referErr, "preparing "+in.id+" for "+in.cond.String())
		in.reference = in.undamaged
		if in.cond.DamagesImage() {
			if in.reference, in.referErr = r.restore(in, in.img); in.referErr != nil {
				return
			}
		}
		in.references = r.reference(ctx, in.loaded, r.cfg.Suite.ReferenceOf(in.cond), in.reference)
		if in.cond.DamagesImage() { // and what damaged images are restored to
			c := in.cond
			c.Against = suite.AgainstClean
			r.reference(ctx, in.loaded, r.cfg.Suite.ReferenceOf(c), in.undamaged)
		}
	})
	return in.referErr
}

// prepare makes what reconstructions are compared with, and the scorers.
func (r *runner) prepare(ctx context.Context, in *input) error {
	if err := r.refer(ctx, in); err != nil {
		return err
	}
	in.scoring.Do(func() {
		defer guard.Recover(&in.prepareErr, "preparing "+in.id+" for "+in.cond.String())
		r.prepareScorers(ctx, in)
	})
	return in.prepareErr
}

// reference embeds an image that reconstructions are compared with, once.
func (r *runner) reference(ctx context.Context, it *loaded, c suite.Condition, img pix.Image) []embedding {
	it.mu.Lock()
	defer it.mu.Unlock()
	if out, ok := it.references[c]; ok {
		return out
	}
	out := make([]embedding, len(r.cfg.Sets))
	for s, src := range r.cfg.Sets {
		if r.anyWanted(src.Specs) && (it.film == nil || !ofClips(src)) {
			embed := func() (string, error) { return r.embedded(ctx, src, img) }
			if r.kept == nil {
				out[s].state, out[s].err = embed()
			} else {
				out[s].state, out[s].err = r.kept.state(identity.Pixels(img), r.kept.sets[s], embed)
			}
		}
	}
	it.references[c] = out
	return out
}

// referenceLines are the stored references of an item, in the order of conditions. A
// line without a tokenizer holds for all of them.
func (r *runner) referenceLines(it *loaded) []record.CodeLine {
	var out []record.CodeLine
	done := map[suite.Condition]bool{}
	for _, c := range r.cfg.Suite.AllConditions() {
		c = r.cfg.Suite.ReferenceOf(c)
		if done[c] {
			continue
		}
		done[c] = true
		for s, e := range it.references[c] {
			if e.state != "" && e.err == nil {
				out = append(out, record.CodeLine{
					Dataset: r.manifest.Datasets[it.source].Name, Item: it.id, Condition: c.String(),
					Observer: r.cfg.Sets[s].Specs[0].ID, State: e.state,
				})
			}
		}
	}
	return out
}

// prepareScorers prepares every metric for an input, and shares what conditions of
// one item have in common.
func (r *runner) prepareScorers(ctx context.Context, in *input) {
	in.mu.Lock()
	defer in.mu.Unlock()
	pixels := in.pixels
	if pixels == nil {
		pixels = r.scorers(ctx, in, in.undamaged, in.item.Instances, false)
		if r.cfg.Suite.ScoreAt != "input" { // the same for every resolution
			in.pixels = pixels
		}
	}
	labels, ok := in.labels[in.cond.Resolution]
	if !ok {
		labels = r.scorers(ctx, in, in.undamaged, r.placed(in), true)
		in.labels[in.cond.Resolution] = labels
	}
	in.scorers, in.clean = pixels, make([]prepared, len(r.cfg.Metrics))
	if in.cond.DamagesImage() {
		in.scorers = r.scorers(ctx, in, in.reference, nil, false)
		copy(in.clean, pixels)
	}
	in.scorers = slices.Clone(in.scorers)
	for m := range labels {
		if labels[m].wanted() {
			in.scorers[m] = labels[m]
		}
	}
}

// placed returns the instances that are scored, in the coordinates of the image
// that reconstructions are compared at.
func (r *runner) placed(in *input) []datasets.Instance {
	if r.cfg.Suite.ScoreAt != "input" {
		return in.instances
	}
	out := slices.Clone(in.instances)
	sx := float64(in.place.Inside.Dx()) / float64(in.place.W)
	sy := float64(in.place.Inside.Dy()) / float64(in.place.H)
	for i := range out {
		out[i] = scaled(out[i], sx, sy, in.place.Inside.Min)
	}
	return out
}

// scaled maps an instance by x·sx+dx, y·sy+dy; its scale relative to the image
// stays what it is in the original.
func scaled(in datasets.Instance, sx, sy float64, d image.Point) datasets.Instance {
	at := func(p datasets.Point) datasets.Point {
		return datasets.Point{X: p.X*sx + float64(d.X), Y: p.Y*sy + float64(d.Y)}
	}
	points := func(ps []datasets.Point) []datasets.Point {
		out := make([]datasets.Point, len(ps))
		for i, p := range ps {
			out[i] = at(p)
		}
		return out
	}
	lo := at(datasets.Point{X: float64(in.Box.Min.X), Y: float64(in.Box.Min.Y)})
	hi := at(datasets.Point{X: float64(in.Box.Max.X), Y: float64(in.Box.Max.Y)})
	in.Box = image.Rect(int(math.Floor(lo.X)), int(math.Floor(lo.Y)), int(math.Ceil(hi.X)), int(math.Ceil(hi.Y)))
	if in.Quad != nil {
		in.Quad = points(in.Quad)
	}
	if in.Points != nil {
		in.Points = points(in.Points)
	}
	return in
}

// restore brings an image of the tokenizer's size back to the size of scoring.
func (r *runner) restore(in *input, m pix.Image) (pix.Image, error) {
	if r.cfg.Suite.ScoreAt == "input" {
		return m, nil
	}
	return in.place.Restore(m)
}

// scorers prepares the metrics that compare with labels, or the others. A metric
// that cannot be prepared costs its own values only.
func (r *runner) scorers(ctx context.Context, in *input, ref pix.Image, instances []datasets.Instance, labels bool) []prepared {
	out := make([]prepared, len(r.cfg.Metrics))
	for i, m := range r.cfg.Metrics {
		specs := m.Specs()
		if specs[0].Labels != labels || !r.anyWanted(specs) {
			continue
		}
		doing := fmt.Sprintf("preparing %s on %s", specs[0].ID, in.id)
		out[i].Scorer, out[i].err = guard.Call(doing, func() (metrics.Scorer, error) {
			s, err := m.Prepare(ctx, metrics.Reference{Item: in.id, Image: ref, Instances: instances, Labels: in.labelMap})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", doing, err)
			}
			return s, nil
		})
	}
	return out
}

func (r *runner) anyWanted(specs []metrics.Spec) bool {
	return slices.ContainsFunc(specs, func(s metrics.Spec) bool { return r.cfg.Suite.Wants(s.ID) })
}
