package face

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
)

// likelyRepeat is the share of the recogniser's threshold within which two faces of
// whom no name is known are likely one person. With dlib 35 of 38 pairs of one person
// are, and 1 of 990 pairs of strangers; docs/faces.md names both sets.
const likelyRepeat = 0.75

// galleryKey is a face of the set.
type galleryKey struct{ item, instance string }

// gallery is the originals of the set, by face; embeddings have unit length.
type gallery map[galleryKey]enrolled

type enrolled struct {
	identity  string
	stated    bool      // the data set says who it is
	embedding []float32 // of unit length
	raw       []float32 // as the recogniser gives it, for distances
}

// enrol is the entry of a face. A face without a stated identity counts as a person of
// its own.
func enrol(item string, in datasets.Instance, e []float32) enrolled {
	who := identity(item, in)
	return enrolled{who, in.Identity == who && who != datasets.OwnIdentity(item, in.ID), model.Unit(e), e}
}

// identity is who a face is.
func identity(item string, in datasets.Instance) string {
	return cmp.Or(in.Identity, datasets.OwnIdentity(item, in.ID))
}

// Limits of the threshold: the false accept rate, and how many faces are paired; more
// would take long and change little.
const (
	falseAccepts = 1e-3
	paired       = 3000
)

// search returns who of the gallery is most like an embedding, "" where there is no
// gallery, and the highest cosine to any other person, NaN where there is none.
func (m *metric) search(e []float32, self string) (nearest string, stranger float64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.sorted.Do(m.sort)
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

// sort orders the gallery once it is whole: ties go to the first by name, whoever was
// enrolled first.
func (m *metric) sort() {
	for k := range m.gallery {
		m.order = append(m.order, k)
	}
	slices.SortFunc(m.order, func(a, b galleryKey) int {
		return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(a.instance, b.instance))
	})
	m.accept = m.threshold()
	m.decide()
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

// Remarks implements metrics.Remarker: how many people there are, how alike different
// people are, and whether some that count as different are one.
func (m *metric) Remarks() []metrics.Remark {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.sorted.Do(m.sort)
	if len(m.order) == 0 {
		return nil
	}
	people, unstated := map[string]bool{}, 0
	for _, k := range m.order {
		people[m.gallery[k].identity] = true
		if !m.gallery[k].stated {
			unstated++
		}
	}
	n := len(m.order)
	var out []metrics.Remark
	say := func(head bool, format string, args ...any) {
		out = append(out, metrics.Remark{Head: head, Text: fmt.Sprintf(format, args...)})
	}
	switch {
	case unstated == n:
		say(true, "%s, identities not stated", plural(n, "face", "faces"))
	case unstated > 0:
		say(true, "%s of %s, %d of them without a stated identity", plural(n, "face", "faces"), plural(len(people), "person", "people"), unstated)
	default:
		say(true, "%s of %s", plural(n, "face", "faces"), plural(len(people), "person", "people"))
	}
	if unstated > 0 {
		say(false, "%d of %d faces have no stated identity: each counts as a person of its own, and a person who is there twice as a stranger to himself", unstated, n)
	}
	if len(people) < 2 {
		say(false, "all faces are of one person: there are no strangers, and no rank-1")
		return out
	}
	v, near, first := m.strangers()
	if len(v) == 0 {
		say(false, "the first %d of %d faces are of one person: how alike strangers are is not said", paired, n)
		return out
	}
	among := fmt.Sprintf("%d people", len(people))
	if n > paired {
		among = fmt.Sprintf("the first %d of %d faces", paired, n)
	}
	say(false, "different people among the originals: F-Sim calibrated %.2f on average, %.2f at the 95th percentile, in %d pairs of %s; the nearest stranger rises with their number, these do not",
		mean(v), quantile(v, .95), len(v), among)
	if near > 0 {
		say(false, "%s that count as different people lie within three quarters of the recogniser's threshold for one person: likely repeats, the nearest %s",
			plural(near, "pair of faces", "pairs of faces"), first)
	}
	return out
}

// strangers are the calibrated similarities of all pairs of different people, ascending;
// near counts those of them that are likely repeats of a person, of which one is a person
// only for want of a name; first is the nearest of those.
func (m *metric) strangers() (v []float64, near int, first string) {
	l := m.engine.layout
	least := math.Inf(1)
	for i, a := range m.order[:min(len(m.order), paired)] {
		x := m.gallery[a]
		for _, b := range m.order[:i] {
			y := m.gallery[b]
			if x.identity == y.identity {
				continue
			}
			v = append(v, l.Calibrated(float64(dot(x.embedding, y.embedding))))
			if x.stated && y.stated || l.Threshold <= 0 {
				continue
			}
			if d := model.Distance(x.raw, y.raw); d <= likelyRepeat*l.Threshold {
				if near++; d < least {
					least, first = d, fmt.Sprintf("%s (%s) and %s (%s)", b.item, b.instance, a.item, a.instance)
				}
			}
		}
	}
	slices.Sort(v)
	return v, near, first
}

// quantile is the value below which the share q of sorted values lies, interpolated.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
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
