package face

import (
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics/face/model"
)

// EnrolPairs implements metrics.Pairer.
func (m *metric) EnrolPairs(pairs []datasets.Pair) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pairs = append(m.pairs, pairs...)
}

// decide chooses, on pairs of originals, the threshold of each fold, as [VerifyLFW]
// does. Pairs of which one item is not in the gallery, or shows several faces, stay
// out; where too few folds are left, all do.
func (m *metric) decide() {
	faces := map[string][][]float32{}
	for _, k := range m.order {
		faces[k.item] = append(faces[k.item], m.gallery[k].embedding)
	}
	var squared []float64
	var same []bool
	var fold, kept []int
	m.limits = make([]float64, len(m.pairs))
	for i, p := range m.pairs {
		m.limits[i] = math.NaN()
		if a, b := faces[p.A], faces[p.B]; len(a) == 1 && len(b) == 1 {
			squared, same = append(squared, 2-2*float64(dot(a[0], b[0]))), append(same, p.Same)
			fold, kept = append(fold, p.Fold), append(kept, i)
		}
	}
	v, err := VerifyLFW(squared, same, fold)
	if err != nil {
		return // too few pairs, a fold without any: nothing can be decided
	}
	m.first, m.alone = map[string][]int{}, map[string][]float32{}
	for _, i := range kept {
		m.limits[i] = v.Thresholds[m.pairs[i].Fold]
		m.first[m.pairs[i].A] = append(m.first[m.pairs[i].A], i)
		m.alone[m.pairs[i].B] = faces[m.pairs[i].B][0]
	}
}

// toldApart counts the pairs whose first item is this one, and those that its
// reconstruction's embedding decides rightly.
func (m *metric) toldApart(item string, e []float32) (right, n int) {
	u := model.Unit(e)
	for _, i := range m.first[item] {
		n++
		if d := 2 - 2*float64(dot(u, m.alone[m.pairs[i].B])); (d < m.limits[i]) == m.pairs[i].Same {
			right++
		}
	}
	return right, n
}
