package face

import (
	"cmp"
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

// version covers the definitions; the networks are in the provenance.
const version = 1

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
	calibrated.Floor = metrics.Floor{Metric: idStranger, Title: "different people", Mark: "average stranger"}
	stranger := spec(idStranger, "Nearest stranger", metrics.Neither, -inf, 1, "highest calibrated similarity of the reconstruction and the original of another person of the set",
		"calibrated similarity to the most similar stranger of the set",
		"The highest calibrated similarity of the reconstruction to the original of anybody else of the set. Where F-Sim comes down to it, the face could be somebody else's.")
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
		share(spec(idNME, "Drift of key points", metrics.Lower, 0, inf, "mean distance of five detected key points, over the distance of the eyes (NME)",
			"how far detected key points move, in distances of the eyes",
			"Mean distance of the five points detected in the original and in the reconstruction, over the distance of the eyes. Faces that are not found any more have none.")),
		psnr,
		ssim,
	}
}

// similarities is the range in which calibrated similarities of faces lie.
var similarities = [2]float64{-.5, 1}

// Kind is the registry's entry.
func Kind() metrics.Kind {
	return metrics.Kind{
		Specs: Specs(),
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

// Limits of the threshold: the false accept rate, and how many faces are paired; more
// would take long and change little.
const (
	falseAccepts = 1e-3
	paired       = 3000
)

// galleryKey is a face of the set.
type galleryKey struct{ item, instance string }

// gallery is the originals of the set, by face; embeddings have unit length.
type gallery map[galleryKey]enrolled

type enrolled struct {
	identity  string
	embedding []float32
}

var (
	_ metrics.Metric     = (*metric)(nil)
	_ metrics.Enroller   = (*metric)(nil)
	_ metrics.Pairer     = (*metric)(nil)
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
		if f.drop == "" && f.err == nil {
			m.gallery[s.key(i)] = enrolled{identity(s.item, f.Instance), model.Unit(s.embeddings[i])}
		}
	}
	return nil
}

// identity is who a face is; a face without a stated identity counts as a person of its
// own.
func identity(item string, in datasets.Instance) string {
	if in.Identity != "" {
		return in.Identity
	}
	return item + "\x00" + in.ID
}

// Prepare looks for the faces of an original. Networks run when the first
// reconstruction is scored.
func (m *metric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return m.prepare(ref)
}

// one is a face that is scored.
type one struct {
	datasets.Instance
	points []datasets.Point // five, as labelled or as found in the original
	chip   model.Similarity
	drop   string // why it cannot be scored
	err    error
}

// scorer scores the faces of one image.
type scorer struct {
	m     *metric
	item  string
	ref   pix.Image
	faces []one

	once       sync.Once
	prepared   error
	found      []model.Detection // in the original
	embeddings [][]float32       // of the original, by face
}

// Scores implements metrics.Chooser.
func (m *metric) Scores(in datasets.Instance) bool { return !in.Ignore && in.IsFace() }

func (m *metric) prepare(ref metrics.Reference) (*scorer, error) {
	if err := ref.Image.Validate(); err != nil {
		return nil, fmt.Errorf("preparing the faces of %s: %w", ref.Item, err)
	}
	s := &scorer{m: m, item: ref.Item, ref: ref.Image}
	for _, in := range ref.Instances {
		if m.Scores(in) {
			s.faces = append(s.faces, one{Instance: in})
		}
	}
	return s, nil
}

func (s *scorer) key(i int) galleryKey { return galleryKey{s.item, s.faces[i].ID} }

// foundIoU is from which overlap on a detection in the original is the labelled face:
// labels and detectors draw boxes differently. keptIoU is the same for the detection
// in the reconstruction and the one in the original, which the same detector drew.
const (
	foundIoU = 0.3
	keptIoU  = 0.5
)

// minEyes is the least distance between the eyes, in pixels, that is scored: below
// there is nothing that could be a face.
const minEyes = 2

func boxOf(r image.Rectangle) model.Box {
	return model.Box{X0: float64(r.Min.X), Y0: float64(r.Min.Y), X1: float64(r.Max.X), Y1: float64(r.Max.Y)}
}

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
	l := s.m.engine.layout
	for i := range s.faces {
		f := &s.faces[i]
		f.points = f.Points
		if len(f.points) == 0 {
			d, ok := model.Match(s.found, boxOf(f.Box), foundIoU)
			if !ok {
				f.drop = metrics.DropNotFound
				continue
			}
			f.points = d.Points[:]
		}
		if len(f.points) != model.Points {
			f.err = fmt.Errorf("face %q has %d key points, want the %d of eyes, nose and mouth", f.ID, len(f.points), model.Points)
			continue
		}
		if f.chip, err = model.FitSimilarity(f.points, l.Template[:]); err != nil {
			f.err = fmt.Errorf("face %q: %w", f.ID, err)
			continue
		}
		if eyes(f.points) < minEyes {
			f.drop = metrics.DropUndefined
		}
	}
	s.embeddings, err = s.embed(ctx, s.m.engine.originals, s.ref)
	return err
}

func eyes(p []datasets.Point) float64 { return math.Hypot(p[0].X-p[1].X, p[0].Y-p[1].Y) }

// embed returns the embeddings of the faces that can be scored; the others are nil.
func (s *scorer) embed(ctx context.Context, by embedder, img pix.Image) ([][]float32, error) {
	out := make([][]float32, len(s.faces))
	var chips []pix.Image
	var at []int
	for i, f := range s.faces {
		if f.drop == "" && f.err == nil {
			chips, at = append(chips, model.Chip(img, f.chip, s.m.engine.layout.Side)), append(at, i)
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
		v := metrics.Value{Metric: spec.ID, Instance: f.ID, Drop: f.drop}
		if f.err != nil {
			v.Err, v.Drop = f.err.Error(), ""
		}
		out = append(out, v)
	}
	if f.drop != "" || f.err != nil {
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
	if nearest != "" {
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
func (s *scorer) detected(f *one, found []model.Detection, set func(string, float64), out []metrics.Value) {
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
	sum := 0.0
	for k := range before.Points {
		sum += math.Hypot(before.Points[k].X-after.Points[k].X, before.Points[k].Y-after.Points[k].Y)
	}
	set(idNME, sum/model.Points/eyes(before.Points[:]))
}

// pixels scores the pixels of the face's box.
func (s *scorer) pixels(f *one, got pix.Image, set func(string, float64), out []metrics.Value) {
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
			out[i].Drop = why
		}
	}
}

func share(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// search returns who of the gallery is most like an embedding, "" where there is no
// gallery, and the highest cosine to any other person, NaN where there is none.
func (m *metric) search(e []float32, self string) (nearest string, stranger float64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.sorted.Do(func() { // ties go to the first by name, whoever was enrolled first
		for k := range m.gallery {
			m.order = append(m.order, k)
		}
		slices.SortFunc(m.order, func(a, b galleryKey) int {
			return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.instance, b.instance))
		})
		m.accept = m.threshold()
		m.decide()
	})
	u := model.Unit(e)
	best := float32(math.Inf(-1))
	stranger = math.NaN()
	for _, k := range m.order {
		g := m.gallery[k]
		v := dot(u, g.embedding)
		if v > best {
			best, nearest = v, g.identity
		}
		if g.identity != self && !(float64(v) <= stranger) {
			stranger = float64(v)
		}
	}
	return nearest, stranger
}

// threshold pairs the originals.
func (m *metric) threshold() float64 {
	var distances []float64
	for i, a := range m.order[:min(len(m.order), paired)] {
		x := m.gallery[a]
		for _, b := range m.order[:i] {
			if y := m.gallery[b]; y.identity != x.identity {
				distances = append(distances, -float64(dot(x.embedding, y.embedding)))
			}
		}
	}
	if float64(len(distances))*falseAccepts < 1 {
		return math.NaN()
	}
	slices.Sort(distances)
	// Of the impostors, the first too many: a face must be more alike than that.
	return math.Nextafter(-distances[int(float64(len(distances))*falseAccepts)], 2)
}

func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	n := min(len(a), len(b))
	i := 0
	for ; i+4 <= n; i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < n; i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
