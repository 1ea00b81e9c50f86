package ocr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
)

// A detector finds lines of text with PP-OCRv6's network: differentiable binarisation
// (Liao et al. 2020) yields the likelihood that a pixel lies in the core of a line.
// Boxes are axis-aligned, as everything that is read here is.
type detector struct {
	net   *ort.Network
	file  string
	run   string // version of ONNX Runtime
	slots chan struct{}
}

// Constants of PP-OCR's detection as RapidOCR 3.10 sets them, and bounds of our own.
const (
	detectShort  = 736  // pixels that the shorter side has at least
	detectLong   = 2048 // and the longer at most
	detectStep   = 32   // both are multiples of it
	detectLevel  = .3   // likelihood from which on a pixel is text
	detectScore  = .5   // mean likelihood that a line has at least
	detectUnclip = 1.6  // how far a core grows, in area over perimeter
	detectSide   = 3    // pixels that a core has at least
	detectLines  = 4000 // lines of an image at most
)

func openDetector(s setup) (*detector, error) {
	b, file, err := asset(ppocrDetector)
	if err != nil {
		return nil, err
	}
	_, version, err := ort.Load(s.options["onnxruntime"])
	if err != nil {
		return nil, err
	}
	n, err := ort.OpenNetwork(ppocrDetector, b, s.options["onnxruntime"])
	if err != nil {
		return nil, err
	}
	return &detector{net: n, file: file, run: version, slots: make(chan struct{}, s.computing())}, nil
}

func (d *detector) Close() error { return d.net.Close() }

// size is that of the network's input for an image.
func (d *detector) size(m pix.Image) (w, h int) {
	scale := max(1, detectShort/float64(min(m.W, m.H)))
	scale = min(scale, detectLong/float64(max(m.W, m.H)))
	side := func(n int) int {
		return max(int(math.Round(float64(n)*scale/detectStep)), 1) * detectStep
	}
	return side(m.W), side(m.H)
}

// lines returns the boxes of an image's lines in reading order.
func (d *detector) lines(ctx context.Context, m pix.Image) ([]image.Rectangle, error) {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the detector: %w", ctx.Err())
	}
	defer func() { <-d.slots }()
	w, h := d.size(m)
	planes := resizePlanes(m, w, h, linear)
	data := make([]float32, 0, 3*w*h)
	for _, c := range []int{2, 1, 0} { // BGR
		for _, v := range planes[c] {
			data = append(data, float32(v-.5)*2)
		}
	}
	var found []image.Rectangle
	err := d.net.Run([]int64{1, 3, int64(h), int64(w)}, data, func(out []ort.Output) error {
		if len(out[0].Data) != w*h {
			return fmt.Errorf("%s yields %v, want a map of %d×%d", d.net.Name(), out[0].Shape, w, h)
		}
		found = boxesOf(out[0].Data, w, h, m.W, m.H)
		return nil
	})
	if errors.Is(err, ort.ErrClosed) {
		return nil, ErrClosed
	}
	if err != nil {
		return nil, fmt.Errorf("looking for text: %w", err)
	}
	return readingOrder(found), nil
}

// boxesOf finds the lines of a map of likelihoods of w×h pixels, in pixels of an image
// of toW×toH.
func boxesOf(likely []float32, w, h, toW, toH int) []image.Rectangle {
	// Dilated by two pixels to the right and down, as there; then connected components.
	text := make([]bool, w*h)
	for y := range h {
		for x := range w {
			if likely[y*w+x] > detectLevel {
				for _, at := range [4]int{0, 1, w, w + 1} {
					if x+at%w < w && y*w+x+at < w*h {
						text[y*w+x+at] = true
					}
				}
			}
		}
	}
	sx, sy := float64(toW)/float64(w), float64(toH)/float64(h)
	var out []image.Rectangle
	var stack []int
	for start := range text {
		if !text[start] {
			continue
		}
		text[start] = false
		stack = append(stack[:0], start)
		core := image.Rect(start%w, start/w, start%w+1, start/w+1)
		for len(stack) > 0 {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			x, y := at%w, at/w
			core.Min.X, core.Max.X = min(core.Min.X, x), max(core.Max.X, x+1)
			core.Min.Y, core.Max.Y = min(core.Min.Y, y), max(core.Max.Y, y+1)
			for ny := max(y-1, 0); ny <= min(y+1, h-1); ny++ {
				for nx := max(x-1, 0); nx <= min(x+1, w-1); nx++ {
					if text[ny*w+nx] {
						text[ny*w+nx] = false
						stack = append(stack, ny*w+nx)
					}
				}
			}
		}
		if min(core.Dx(), core.Dy()) < detectSide {
			continue
		}
		sum := 0.0
		for y := core.Min.Y; y < core.Max.Y; y++ {
			for _, v := range likely[y*w+core.Min.X : y*w+core.Max.X] {
				sum += float64(v)
			}
		}
		area := float64(core.Dx() * core.Dy())
		if sum/area < detectScore {
			continue
		}
		grow := area * detectUnclip / float64(2*(core.Dx()+core.Dy()))
		box := image.Rect(
			int(math.Round((float64(core.Min.X)-grow)*sx)), int(math.Round((float64(core.Min.Y)-grow)*sy)),
			int(math.Round((float64(core.Max.X)+grow)*sx)), int(math.Round((float64(core.Max.Y)+grow)*sy)),
		).Intersect(image.Rect(0, 0, toW, toH))
		if min(box.Dx(), box.Dy()) > detectSide {
			out = append(out, box)
		}
		if len(out) == detectLines {
			break
		}
	}
	return out
}

// Limits of the reading order.
const (
	narrow   = 8  // a block whose lines are less than this many heights wide is no column of running text
	together = .5 // of the smaller extent that two boxes share at least on a row, or in a column
)

// readingOrder sorts boxes of lines as a page is read, from left to right and from top to
// bottom. Columns of running text are read one after the other, and so is everything
// above and below them (rules 1 and 2 of Breuel 2003, "High performance document layout
// analysis", sorted topologically); cells of tables and fields of forms are read row by
// row: three and more boxes on a row, or two of which one belongs to a narrow block.
func readingOrder(boxes []image.Rectangle) []image.Rectangle {
	slices.SortFunc(boxes, func(a, b image.Rectangle) int {
		return cmp.Or(cmp.Compare(a.Min.Y, b.Min.Y), cmp.Compare(a.Min.X, b.Min.X), cmp.Compare(a.Max.X, b.Max.X), cmp.Compare(a.Max.Y, b.Max.Y))
	})
	n := len(boxes)
	share := func(a0, a1, b0, b1 int) bool {
		return float64(min(a1, b1)-max(a0, b0)) >= together*float64(min(a1-a0, b1-b0))
	}
	onRow := func(a, b image.Rectangle) bool { return share(a.Min.Y, a.Max.Y, b.Min.Y, b.Max.Y) }
	blocks, rows := newSets(n), newSets(n)
	for i, a := range boxes {
		for j := i + 1; j < n; j++ {
			b := boxes[j]
			gap := b.Min.Y - a.Max.Y
			if !onRow(a, b) && 5*gap < 6*max(a.Dy(), b.Dy()) && share(a.Min.X, a.Max.X, b.Min.X, b.Max.X) {
				blocks.join(i, j)
			}
		}
	}
	aspects := map[int][]float64{}
	for i, b := range boxes {
		aspects[blocks.of(i)] = append(aspects[blocks.of(i)], float64(b.Dx())/float64(b.Dy()))
	}
	isNarrow := map[int]bool{}
	for k, a := range aspects {
		slices.Sort(a)
		isNarrow[k] = a[len(a)/2] < narrow
	}
	for i, a := range boxes {
		var row []int
		for j, b := range boxes {
			if j != i && onRow(a, b) {
				row = append(row, j)
			}
		}
		for _, j := range row {
			if len(row) >= 2 || isNarrow[blocks.of(i)] || isNarrow[blocks.of(j)] {
				rows.join(i, j)
			}
		}
	}
	units := map[int][]int{}
	var keys []int
	for i := range boxes {
		k := rows.of(i)
		if units[k] == nil {
			keys = append(keys, k)
		}
		units[k] = append(units[k], i)
	}
	hull := make([]image.Rectangle, len(keys))
	for u, k := range keys {
		for _, i := range units[k] {
			hull[u] = hull[u].Union(boxes[i])
		}
		slices.SortStableFunc(units[k], func(a, b int) int { return cmp.Compare(boxes[a].Min.X, boxes[b].Min.X) })
	}
	var out []image.Rectangle
	for _, u := range topological(hull) {
		for _, i := range units[keys[u]] {
			out = append(out, boxes[i])
		}
	}
	return out
}

// topological sorts boxes by Breuel's rules; where they contradict each other, the
// upper, then the left box comes first.
func topological(boxes []image.Rectangle) []int {
	n := len(boxes)
	overlapX := func(a, b image.Rectangle) bool { return a.Min.X < b.Max.X && b.Min.X < a.Max.X }
	middle := func(a image.Rectangle) int { return a.Min.Y + a.Max.Y }
	before := func(i, j int) bool {
		a, b := boxes[i], boxes[j]
		if overlapX(a, b) {
			return middle(a) < middle(b)
		}
		if a.Max.X > b.Min.X {
			return false
		}
		lo, hi := min(middle(a), middle(b)), max(middle(a), middle(b))
		for k, c := range boxes {
			if k != i && k != j && lo < middle(c) && middle(c) < hi && overlapX(c, a) && overlapX(c, b) {
				return false
			}
		}
		return true
	}
	waits := make([]int, n) // how many come before
	after := make([][]int, n)
	for i := range n {
		for j := range n {
			if i != j && before(i, j) {
				waits[j]++
				after[i] = append(after[i], j)
			}
		}
	}
	done := make([]bool, n)
	var out []int
	for len(out) < n {
		next := -1
		for i := range n {
			if !done[i] && (next < 0 || waits[i] < waits[next]) {
				next = i // the first of those that wait for the fewest; boxes are sorted from the top
			}
		}
		done[next] = true
		out = append(out, next)
		for _, j := range after[next] {
			waits[j]--
		}
	}
	return out
}

// sets are disjoint sets of numbers.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) of(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(i, j int) { s[s.of(i)] = s.of(j) }
