package suite

import (
	"slices"
	"unicode/utf8"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// scale is the size of an instance relative to its image, by the suite's rule.
func (b *Bins) scale(in datasets.Instance, w, h int) float64 {
	if in.Scale > 0 {
		return in.Scale
	}
	side := float64(max(w, h))
	if b.Scale == "face" {
		return float64(max(in.Box.Dx(), in.Box.Dy())) / side
	}
	chars := utf8.RuneCountInString(in.Text)
	if chars == 0 {
		return 0
	}
	return float64(in.Box.Dx()) / (float64(chars) * side)
}

// of returns the bin of an instance, "" for none.
func (b *Bins) of(in datasets.Instance, w, h, resolution int) string {
	if b.Scale != ByTag {
		return b.Of(b.scale(in, w, h), resolution)
	}
	for _, t := range in.Tags {
		if slices.Contains(b.Names, t) {
			return t
		}
	}
	return ""
}

// BinOf is the bin that most characters of instances are in, the smaller one where two
// have as many; "" where there are no bins.
func (s *Suite) BinOf(instances []datasets.Instance, bin map[string]string) string {
	if s.Bins == nil {
		return ""
	}
	count := map[string]int{}
	for _, in := range instances {
		count[bin[in.ID]] += utf8.RuneCountInString(in.Text)
	}
	most := ""
	for _, name := range s.Bins.Names {
		if count[name] > count[most] {
			most = name
		}
	}
	return most
}

// Sort tells the instances that are scored at a resolution, with their bins,
// from those that are not, with the reason.
func (s *Suite) Sort(item datasets.Item, resolution int) (scored []datasets.Instance, bin map[string]string, left map[string]string) {
	bin, left = map[string]string{}, map[string]string{}
	for _, in := range item.Instances {
		if in.Ignore {
			left[in.ID] = metrics.DropIgnored
			continue
		}
		if s.Bins != nil {
			name := s.Bins.of(in, item.Image.W, item.Image.H, resolution)
			if name == "" {
				left[in.ID] = metrics.DropOutside
				continue
			}
			bin[in.ID] = name
		}
		scored = append(scored, in)
	}
	return scored, bin, left
}

// CountBins counts the instances of an item by bin at a resolution; ignored and
// outside ones are counted under their drop reason.
func (s *Suite) CountBins(item datasets.Item, resolution int) map[string]int {
	scored, bin, left := s.Sort(item, resolution)
	counts := map[string]int{}
	for _, in := range scored {
		counts[bin[in.ID]]++
	}
	for _, reason := range left {
		counts[reason]++
	}
	return counts
}
