package face

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// The ids of the values, one a face.
const (
	idSim        = "f-sim"
	idCalibrated = "f-sim-calibrated"
	idDist       = "f-dist"
	idStranger   = "f-sim-stranger"
	idVerified   = "face-verified"
	idTAR        = "face-tar"
	idPairs      = "face-pairs"
	idRank1      = "face-rank1"
	idDetected   = "face-detected"
	idNME        = "face-nme"
	idPSNR       = "face-psnr"
	idSSIM       = "face-ssim"
)

// version covers the definitions; the networks, and what calibrates them, are in the
// provenance. 2: faces whose points, box or border mislead are dropped, dlib's strangers
// were measured on 45 people, key points are held against those of the set, and a gallery
// of one person has no rank-1.
const version = 2

// rankedFrom is how many people a gallery must have for rank-1 to be a headline: among
// few it is easy to be the nearest.
const rankedFrom = 20

// Specs lists the values.
func Specs() []metrics.Spec {
	const tokbench = "TokBench, Wu et al. 2025 (wjf5203/TokBench)"
	spec := func(id, title string, better metrics.Direction, lo, hi float64, source, short, long string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: version, Title: title, Better: better, Min: lo, Max: hi,
			Scope: metrics.PerInstance, Source: source, Labels: true, Role: metrics.RoleQuality,
			Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01}, Short: short, Long: long,
		}
	}
	share := func(s metrics.Spec) metrics.Spec {
		s.Unit, s.Show = "share", metrics.Percent(1)
		return s
	}
	yesNo := func(s metrics.Spec) metrics.Spec {
		s.Binary = true
		return share(s)
	}
	inf := metrics.Unbounded(1)
	calibrated := spec(idCalibrated, "F-Sim calibrated", metrics.Higher, -inf, 1, "(F-Sim − s) / (1 − s), s the recogniser's mean cosine of different people: strangers score 0 on average",
		"how much a face is still the same person: 1 is the original, 0 an average stranger",
		"Original and reconstruction are aligned by the same five key points and embedded by a face recogniser. The cosine of the two embeddings is stretched so that different people score 0 on average: some recognisers call even strangers 0.8 alike.")
	calibrated.Show, calibrated.Axis = metrics.Fixed(2), similarities
	calibrated.Floor = metrics.Floor{Metric: idStranger, Title: "nearest stranger", Mark: "average stranger"}
	stranger := spec(idStranger, "Nearest stranger", metrics.Neither, -inf, 1, "highest calibrated similarity of the reconstruction and the original of another person of the set",
		"calibrated similarity to the most similar stranger of the set",
		"The highest calibrated similarity of the reconstruction to the original of anybody else of the set. Where F-Sim comes down to it, the face could be somebody else's. The more people a set has, the higher it is: compare it within a set only. The mean and the 95th percentile of pairs of different people, which do not grow, stand among the notes.")
	stranger.Show, stranger.Axis, stranger.Role = metrics.Fixed(2), similarities, metrics.RoleReference
	pairs := share(spec(idPairs, "Pairs told apart", metrics.Higher, 0, 1, "Labeled Faces in the Wild (Huang et al. 2007), the first of each pair reconstructed, the second original; thresholds chosen on the originals of the other folds",
		"share of the data set's pairs that are rightly called the same person or not",
		"The protocol of Labeled Faces in the Wild, the first face of each pair reconstructed and the second not; thresholds are chosen on the originals of the other folds. Only data sets with pairs have it."))
	pairs.Weighted = true // a mean over pairs: a face has as many as it comes first in
	rank1 := yesNo(spec(idRank1, "Rank-1", metrics.Higher, 0, 1, "share of faces whose nearest original of all of the set is the same person",
		"share of faces whose most similar original of all of the set is the same person",
		"Every face of the set is a candidate. With few people it is easy, so it is no headline below 20 of them: the number of identities stands at the top."))
	rank1.HeadlineFrom = rankedFrom
	psnr := spec(idPSNR, "Face PSNR", metrics.Higher, 0, inf, "PSNR on RGB of the face's box",
		"pixel fidelity within the face's box", "PSNR on RGB of the box around each face, against the undamaged original.")
	psnr.Unit, psnr.Role, psnr.Show, psnr.Margin = "dB", metrics.RolePixels, metrics.Fixed(2), metrics.Margin{Absolute: .1}
	ssim := spec(idSSIM, "Face SSIM", metrics.Higher, -1, 1, "SSIM (Wang 2004, Gaussian) of the face's box",
		"structural similarity within the face's box", "SSIM (Wang 2004) of the box around each face, against the undamaged original.")
	ssim.Margin = metrics.Margin{Absolute: .005}
	sim := spec(idSim, "F-Sim", metrics.Higher, -1, 1, tokbench+": cosine of the embeddings of original and reconstruction",
		"cosine of the face embeddings of original and reconstruction",
		"TokBench's F-Sim. What a value means depends on the recogniser, which the method section names: compare with the strangers of the same run, and with no number of another recogniser.")
	sim.Alias = "tokbench:similarity"
	return []metrics.Spec{
		sim,
		calibrated,
		spec(idDist, "F-Dist", metrics.Lower, 0, inf, "Euclidean distance of the embeddings",
			"distance of the face embeddings of original and reconstruction",
			"The Euclidean distance, which recognisers state their thresholds in; dlib's is 0.6."),
		stranger,
		yesNo(spec(idVerified, "Verified", metrics.Higher, 0, 1, "share of faces whose F-Dist is within the recogniser's published threshold",
			"share of faces that the recogniser's own threshold calls the same person",
			"F-Dist within the threshold that the authors of the recogniser publish.")),
		yesNo(spec(idTAR, "TAR at FAR 0.1 %", metrics.Higher, 0, 1, "share of faces accepted as themselves at the threshold at which 1 in 1,000 pairs of different people of the originals would be; needs 1,000 such pairs",
			"share of faces accepted as themselves where 1 in 1,000 strangers would be",
			"The threshold comes from pairs of different people among the originals of the set, so it needs about 46 people or more.")),
		pairs,
		rank1,
		yesNo(spec(idDetected, "Still found", metrics.Higher, 0, 1, "share of the faces found in the original that are found in the reconstruction, IoU ≥ 0.5",
			"share of faces that a detector still finds",
			"Of the faces that the detector finds in the original, those that it finds in the reconstruction at the same place (IoU of 0.5 and more).")),
		share(spec(idNME, "Drift of key points", metrics.Lower, 0, inf, "mean distance of the five points detected in the reconstruction from those of the data set, over the distance of the eyes (NME); from those detected in the original where it has none",
			"how far detected key points move, in distances of the eyes",
			"Mean distance of the five points detected in the reconstruction from the data set's own, over the distance of the eyes; where it has none, from those detected in the original. It covers survivors only: a face that is not found any more has no value, so read it beside the share still found. With points of the data set the untouched original has a value, too: the detector's own error.")),
		psnr,
		ssim,
	}
}

// similarities is the range in which calibrated similarities of faces lie.
var similarities = [2]float64{-.5, 1}

// Kind is the registry's entry.
func Kind() metrics.Kind {
	return metrics.Kind{
		Specs:   Specs(),
		Options: "face",
		Open: func(ctx context.Context, cfg metrics.Config) (metrics.Metric, error) {
			e, err := openEngine(ctx, cfg.Options)
			if err != nil {
				return nil, err
			}
			return &metric{engine: e, gallery: gallery{}}, nil
		},
	}
}

type metric struct {
	engine  *engine
	mu      sync.RWMutex
	gallery gallery
	sorted  sync.Once
	order   []galleryKey
	// accept is the cosine from which at most one in 1,000 pairs of different people of
	// the gallery are alike; NaN where there are too few.
	accept float64
	// pairs of the data sets, and for each of them the squared distance of unit
	// embeddings below which it is called the same person; NaN where one is missing.
	pairs  []datasets.Pair
	limits []float64
	first  map[string][]int     // places in pairs, by their first item
	alone  map[string][]float32 // embeddings of second items
}

var (
	_ metrics.Metric     = (*metric)(nil)
	_ metrics.Enroller   = (*metric)(nil)
	_ metrics.Pairer     = (*metric)(nil)
	_ metrics.Remarker   = (*metric)(nil)
	_ metrics.Provenance = (*metric)(nil)
)

func (m *metric) Specs() []metrics.Spec { return Specs() }

func (m *metric) Close() error { return m.engine.close() }

func (m *metric) Provenance() map[string]string { return m.engine.provenance }

// Enrol puts the faces of an original into the gallery. A face that cannot be aligned
// is left out; it is counted where it is scored.
func (m *metric) Enrol(ctx context.Context, ref metrics.Reference) error {
	s, err := m.prepare(ref)
	if err != nil {
		return err
	}
	if err := s.original(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, f := range s.faces {
		if f.Scored() {
			m.gallery[s.key(i)] = enrol(s.item, f.Instance, s.embeddings[i])
		}
	}
	return nil
}

// Prepare looks for the faces of an original. Networks run when the first
// reconstruction is scored.
func (m *metric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return m.prepare(ref)
}

// scorer scores the faces of one image.
type scorer struct {
	m     *metric
	item  string
	ref   pix.Image
	faces []Alignment

	once       sync.Once
	prepared   error
	found      []model.Detection // in the original
	embeddings [][]float32       // of the original, by face
}

// Scores implements metrics.Chooser.
func (m *metric) Scores(in datasets.Instance) bool { return scores(in) }

func (m *metric) prepare(ref metrics.Reference) (*scorer, error) {
	if err := ref.Image.Validate(); err != nil {
		return nil, fmt.Errorf("preparing the faces of %s: %w", ref.Item, err)
	}
	s := &scorer{m: m, item: ref.Item, ref: ref.Image}
	for _, in := range ref.Instances {
		if m.Scores(in) {
			s.faces = append(s.faces, Alignment{Instance: in})
		}
	}
	return s, nil
}

func (s *scorer) key(i int) galleryKey { return galleryKey{s.item, s.faces[i].ID} }

// keptIoU is from which overlap on a detection in the reconstruction is the one in the
// original; the same detector drew both.
const keptIoU = 0.5

// original aligns and embeds the faces of the original, once.
func (s *scorer) original(ctx context.Context) error {
	s.once.Do(func() { s.prepared = s.look(ctx) })
	return s.prepared
}

func (s *scorer) look(ctx context.Context) (err error) {
	if len(s.faces) == 0 {
		return nil
	}
	if s.found, err = s.m.engine.originals.Detect(ctx, s.ref); err != nil {
		return err
	}
	for i, f := range s.faces {
		s.faces[i] = align(f.Instance, s.ref.W, s.ref.H, s.m.engine.layout, s.found)
	}
	s.embeddings, err = s.embed(ctx, s.m.engine.originals, s.ref)
	return err
}

// embed returns the embeddings of the faces that can be scored; the others are nil.
func (s *scorer) embed(ctx context.Context, by embedder, img pix.Image) ([][]float32, error) {
	out := make([][]float32, len(s.faces))
	var chips []pix.Image
	var at []int
	for i, f := range s.faces {
		if f.Scored() {
			chips, at = append(chips, model.Chip(img, f.Chip, s.m.engine.layout.Side)), append(at, i)
		}
	}
	e, err := by.Embed(ctx, chips)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		out[i] = e[k]
	}
	return out, nil
}

// Score implements metrics.Scorer.
func (s *scorer) Score(ctx context.Context, got pix.Image) ([]metrics.Value, error) {
	if err := got.Validate(); err != nil {
		return nil, fmt.Errorf("scoring the faces of %s: %w", s.item, err)
	}
	if got.W != s.ref.W || got.H != s.ref.H {
		return nil, fmt.Errorf("scoring the faces of %s: reconstruction is %d×%d, original %d×%d", s.item, got.W, got.H, s.ref.W, s.ref.H)
	}
	if len(s.faces) == 0 {
		return nil, nil
	}
	if err := s.original(ctx); err != nil {
		return nil, fmt.Errorf("looking for the faces of %s: %w", s.item, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, embeddings := s.found, s.embeddings
	if !got.Same(s.ref) {
		var err error
		if found, err = s.m.engine.Detect(ctx, got); err == nil {
			embeddings, err = s.embed(ctx, s.m.engine, got)
		}
		if err != nil {
			return nil, fmt.Errorf("scoring the faces of %s: %w", s.item, err)
		}
	}
	var out []metrics.Value
	for i := range s.faces {
		out = append(out, s.values(i, got, found, embeddings[i])...)
	}
	return out, nil
}

// values are those of one face, one for each of Specs.
func (s *scorer) values(i int, got pix.Image, found []model.Detection, e []float32) []metrics.Value {
	f := &s.faces[i]
	var out []metrics.Value
	for _, spec := range Specs() {
		v := metrics.Value{Metric: spec.ID, Instance: f.ID, Drop: f.Drop, Detail: f.Why}
		switch {
		case f.Err != nil:
			v.Err, v.Drop = f.Err.Error(), ""
		case f.Drop != "":
			v.Value = math.NaN() // no 0 that could be taken for a measurement
		}
		out = append(out, v)
	}
	if !f.Scored() {
		return out
	}
	set := func(id string, v float64) {
		k := slices.IndexFunc(out, func(x metrics.Value) bool { return x.Metric == id })
		out[k].Value, out[k].Drop = v, ""
		if math.IsNaN(v) {
			out[k].Drop = metrics.DropUndefined
		}
	}
	l, nan := s.m.engine.layout, math.NaN()
	sim, dist := model.Cosine(s.embeddings[i], e), model.Distance(s.embeddings[i], e)
	set(idSim, sim)
	set(idCalibrated, l.Calibrated(sim))
	set(idDist, dist)
	set(idVerified, nan)
	if l.Threshold > 0 {
		set(idVerified, share(dist <= l.Threshold))
	}
	set(idPairs, nan)
	who := identity(s.item, f.Instance)
	nearest, stranger := s.m.search(e, who)
	set(idTAR, nan)
	if accept := s.m.accept; !math.IsNaN(accept) {
		set(idTAR, share(sim >= accept))
	}
	set(idStranger, l.Calibrated(stranger))
	set(idRank1, nan)
	if nearest != "" && !math.IsNaN(stranger) { // among nobody else it is no feat to be the nearest
		set(idRank1, share(nearest == who))
	}
	if right, n := s.m.toldApart(s.item, e); n > 0 && len(s.faces) == 1 {
		set(idPairs, float64(right)/float64(n))
		out[slices.IndexFunc(out, func(v metrics.Value) bool { return v.Metric == idPairs })].N = float64(n)
	}
	s.detected(f, found, set, out)
	s.pixels(f, got, set, out)
	return out
}

// detected compares what the detector finds in original and reconstruction.
func (s *scorer) detected(f *Alignment, found []model.Detection, set func(string, float64), out []metrics.Value) {
	before, ok := model.Match(s.found, boxOf(f.Box), foundIoU)
	if !ok { // the detector does not see this face in the original either
		drop(out, metrics.DropNotFound, idDetected, idNME)
		return
	}
	after, ok := model.Match(found, before.Box, keptIoU)
	set(idDetected, share(ok))
	if !ok {
		drop(out, metrics.DropNotFound, idNME)
		return
	}
	truth := before.Points[:]
	if !f.Detected {
		truth = f.Key
	}
	sum := 0.0
	for k, p := range truth {
		sum += math.Hypot(p.X-after.Points[k].X, p.Y-after.Points[k].Y)
	}
	set(idNME, sum/model.Points/eyes(truth))
}

// pixels scores the pixels of the face's box.
func (s *scorer) pixels(f *Alignment, got pix.Image, set func(string, float64), out []metrics.Value) {
	box := f.Box.Intersect(image.Rect(0, 0, s.ref.W, s.ref.H))
	if box.Empty() {
		drop(out, metrics.DropUndefined, idPSNR, idSSIM)
		return
	}
	a, b := s.ref.Crop(box), got.Crop(box)
	psnr, err := quality.PSNR(a, b)
	if err != nil {
		psnr = math.NaN()
	}
	set(idPSNR, psnr)
	ssim, err := quality.SSIM(a, b) // needs 11 pixels
	if err != nil {
		ssim = math.NaN()
	}
	set(idSSIM, ssim)
}

func drop(out []metrics.Value, why string, ids ...string) {
	for i := range out {
		if slices.Contains(ids, out[i].Metric) {
			out[i].Drop, out[i].Value = why, math.NaN()
		}
	}
}

func share(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
