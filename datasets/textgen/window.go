package textgen

import (
	"image"
	"slices"

	"github.com/vtbench/vtbench/datasets"
)

// SmallVersion of text-small: it rises when the same seed yields other windows.
const SmallVersion = 1

const (
	windowSide  = 384 // pixels
	windowTexts = 4   // that a window should hold
	windowStep  = 32  // pixels between the windows looked at
)

// cutWindow cuts out the window that holds windowTexts whole texts, or as many as
// there are together; of several the one that cuts the fewest others, and of these
// the first, row by row. Texts that it does not hold whole lose their label.
func cutWindow(it datasets.Item) datasets.Item {
	type merit struct{ held, surplus, cut int }
	better := func(a, b merit) bool {
		switch {
		case a.held != b.held:
			return a.held > b.held
		case a.surplus != b.surplus:
			return a.surplus < b.surplus
		}
		return a.cut < b.cut
	}
	var best image.Rectangle
	most := merit{held: -1}
	for y := 0; y+windowSide <= Side; y += windowStep {
		for x := 0; x+windowSide <= Side; x += windowStep {
			r := image.Rect(x, y, x+windowSide, y+windowSide)
			whole, touched := 0, 0
			for _, in := range it.Instances {
				if in.Box.In(r) {
					whole++
				} else if in.Box.Overlaps(r) {
					touched++
				}
			}
			m := merit{held: min(whole, windowTexts), surplus: max(0, whole-windowTexts), cut: touched}
			if better(m, most) {
				best, most = r, m
			}
		}
	}
	out := it
	out.Image = it.Image.Crop(best)
	out.Instances = nil
	for _, in := range it.Instances {
		if !in.Box.In(best) {
			continue
		}
		in.Box = in.Box.Sub(best.Min)
		in.Quad = slices.Clone(in.Quad)
		for i := range in.Quad {
			in.Quad[i].X -= float64(best.Min.X)
			in.Quad[i].Y -= float64(best.Min.Y)
		}
		out.Instances = append(out.Instances, in)
	}
	return out
}
