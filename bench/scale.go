package bench

import (
	"image"
	"math"
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

// sorted tells the instances that are scored at a resolution, with their bins,
// from those that are not, with the reason.
func (s *Suite) sorted(item datasets.Item, resolution int) (scored []datasets.Instance, bin map[string]string, left map[string]string) {
	bin, left = map[string]string{}, map[string]string{}
	for _, in := range item.Instances {
		if in.Ignore {
			left[in.ID] = metrics.DropIgnored
			continue
		}
		if s.Bins != nil {
			name := s.Bins.Of(s.Bins.scale(in, item.Image.W, item.Image.H), resolution)
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
	scored, bin, left := s.sorted(item, resolution)
	counts := map[string]int{}
	for _, in := range scored {
		counts[bin[in.ID]]++
	}
	for _, reason := range left {
		counts[reason]++
	}
	return counts
}

// conditions lists what a suite does to every image, in the order of records.
func (s *Suite) conditions() []Condition {
	var out []Condition
	for _, res := range s.Resolutions {
		out = append(out, Condition{Resolution: res})
	}
	for _, c := range s.Corruptions {
		for _, sev := range c.Severities {
			for _, res := range s.Resolutions {
				out = append(out, Condition{Corruption: c.Type, Severity: sev, Resolution: res})
			}
		}
	}
	return out
}

// allConditions lists the conditions that records can have: those of conditions,
// and for corrupted ones the scores against the undamaged original.
func (s *Suite) allConditions() []Condition {
	var out []Condition
	for _, c := range s.conditions() {
		out = append(out, c)
		if c.Corruption != "" && !c.DamagesTokens() {
			c.Against = AgainstClean
			out = append(out, c)
		}
	}
	return out
}

// wants reports whether the suite asks for a metric.
func (s *Suite) wants(metric string) bool { return slices.Contains(s.Metrics, metric) }

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
