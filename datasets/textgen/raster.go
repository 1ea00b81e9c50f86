package textgen

import "github.com/vtbench/vtbench/datasets/internal/fill"

// A raster takes polygons of points.
type raster struct{ fill.Mask }

// polygon adds a closed contour in image coordinates.
func (r *raster) polygon(ps []pt) {
	if len(ps) < 3 {
		return
	}
	last := ps[len(ps)-1]
	x0, y0 := fill.Fix(last.x), fill.Fix(last.y)
	for _, p := range ps {
		x1, y1 := fill.Fix(p.x), fill.Fix(p.y)
		r.Edge(x0, y0, x1, y1)
		x0, y0 = x1, y1
	}
}
