package mask

import (
	"github.com/vtbench/vtbench/datasets"
)

// smallest is the share of an image that small objects stay below: COCO's 32² pixels of
// 640×480.
const smallest = 1. / 300

// An object is a connected region of one class.
type object struct {
	class  uint8
	pixels []int
}

// smallObjects finds the small connected regions of classes of objects.
func smallObjects(m *datasets.LabelMap) []object {
	limit := smallest * float64(m.W*m.H)
	seen := make([]bool, len(m.Index))
	var out []object
	for i, k := range m.Index {
		if k == Void || seen[i] || !m.Classes[k].Objects {
			continue
		}
		seen[i] = true
		region := []int{i}
		for at := 0; at < len(region); at++ {
			p := region[at]
			x := p % m.W
			for _, q := range [4]int{p - m.W, p - 1, p + 1, p + m.W} {
				if q < 0 || q >= len(m.Index) || q == p-1 && x == 0 || q == p+1 && x == m.W-1 || seen[q] || m.Index[q] != k {
					continue
				}
				seen[q] = true
				region = append(region, q)
			}
		}
		if float64(len(region)) < limit {
			out = append(out, object{k, region})
		}
	}
	return out
}

// SmallLost counts the small objects of labels, and those of whose pixels fewer than half
// are decoded as their class.
func SmallLost(labels *datasets.LabelMap, got []uint8) (lost, all int) {
	objects := smallObjects(labels)
	return countLost(objects, got), len(objects)
}

func countLost(objects []object, got []uint8) int {
	lost := 0
	for _, o := range objects {
		kept := 0
		for _, i := range o.pixels {
			if got[i] == o.class {
				kept++
			}
		}
		if 2*kept < len(o.pixels) {
			lost++
		}
	}
	return lost
}

func lostShare(objects []object, got []uint8) float64 {
	return float64(countLost(objects, got)) / float64(len(objects))
}
