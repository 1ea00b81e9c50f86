package corrupt

import "math"

// spatterParams: mean and deviation of the noise, how far it is blurred, the
// level from which there is liquid, its strength as water or how far the edge of
// mud is blurred.
var spatterParams = [Severities]struct {
	mean, deviation, sigma, level, last float64
	mud                                 bool
}{
	{.65, .3, 4, .69, .6, false},
	{.65, .3, 3, .68, .6, false},
	{.65, .3, 2, .68, .5, false},
	{.65, .3, 1, .65, 1.5, true},
	{.67, .4, 1, .65, 1.5, true},
}

// Colours of water (pale turquoise) and mud.
var (
	waterColour = [3]float32{175, 238, 238}
	mudColour   = [3]float32{63, 42, 20}
)

// spatter covers the lens with drops of water, or patches of mud, where blurred
// noise exceeds a level. In mode Scaled the drops are drawn for an image whose
// shorter side is 224, and enlarged.
func spatter(j *job) {
	p := spatterParams[j.sev]
	w, h := j.in.W, j.in.H
	mw := max(int(math.Floor(float64(w)/j.scale+0.5)), 1)
	mh := max(int(math.Floor(float64(h)/j.scale+0.5)), 1)
	mask := floats.get(mw * mh)
	if p.mud {
		mudMask(j, mask, mw, mh)
	} else {
		waterMask(j, mask, mw, mh)
	}
	mask = resizePlane(mask, mw, mh, w, h)
	defer floats.put(mask)

	colour := waterColour
	if p.mud {
		colour = mudColour
	}
	if j.gray {
		gray := float32(0.2989*colour[0]) + float32(0.5870*colour[1]) + float32(0.1140*colour[2])
		colour = [3]float32{gray, gray, gray}
	}
	// Upstream's way to [0, 1] and back, in float32, loses a gray level here and there.
	var lost [256]uint8
	for v := range lost {
		lost[v] = uint8(float32(float32(v)/255) * 255)
	}
	for i, m := range mask {
		q, o := j.in.Pix[3*i:3*i+3:3*i+3], j.out.Pix[3*i:3*i+3:3*i+3]
		keep := float32(1)
		if p.mud {
			if m < 0.8 {
				m = 0
			}
			keep = 1 - m
		}
		if m == 0 {
			o[0], o[1], o[2] = lost[q[0]], lost[q[1]], lost[q[2]]
			continue
		}
		for c, v := range q {
			o[c] = cut(float32(keep*float32(v)) + float32(m*colour[c]))
		}
	}
}

// liquid fills a plane with 255·noise, cut off, where it exceeds the level, and 0
// elsewhere.
func liquid(j *job, w, h int) []uint8 {
	p := spatterParams[j.sev]
	// Two lanes of 32 bits, each one half of the columns: noise in 14 bits, by
	// weights of 2^16, rounded to 16 bits, by weights of 2^16.
	const unit, offset = 1 << 10, 1 << 13
	half := (w + 1) / 2
	noise, row := floats.get(w), shorts.get(w)
	defer floats.put(noise)
	defer shorts.put(row)
	kernel := whole(gaussianHalf(p.sigma, reach(4, p.sigma)), 1<<16)
	f := newFIR(half, h, lanes2, clamped, kernel, kernel, 14, nil)
	defer f.release()
	f.fill = func(_, x int, dst []uint64) {
		j.rng.normals(noise)
		for i, z := range noise {
			row[i] = uint16(min(max(float32(z*unit)+(offset+0.5), 0), 2*offset-1))
		}
		for i := range dst {
			dst[i] = uint64(row[clamped(x+i, w)]) | uint64(row[clamped(x+i+half, w)])<<32
		}
	}
	plane := bytes8.get(w * h)
	line := words.get(half)
	defer words.put(line)
	gain := float32(255*p.deviation) / (unit << 18)
	base := float32(255 * p.mean)
	level := float32(255 * p.level)
	value := func(v uint32) uint8 {
		f := base + float32(gain*float32(int32(v-offset<<18)))
		if f < level {
			return 0
		}
		return cut(f)
	}
	for y := range h {
		f.row(y, line)
		out := plane[y*w:][:w]
		for x, v := range line {
			out[x] = value(uint32(v))
			if i := x + half; i < w {
				out[i] = value(uint32(v >> 32))
			}
		}
	}
	return plane
}

// mudMask blurs where there is liquid; what is cut off of it is left to the
// caller.
func mudMask(j *job, mask []float32, w, h int) {
	plane := liquid(j, w, h)
	defer bytes8.put(plane)
	for i, v := range plane {
		if v > 0 {
			plane[i] = 255
		}
	}
	third := (w + 2) / 3
	sigma := spatterParams[j.sev].last
	half := gaussianHalf(sigma, reach(4, sigma))
	f := newFIR(third, h, lanes3, clamped, whole(half, imageWeightX), whole(half, imageWeightY), imageRenorm, nil)
	defer f.release()
	f.fill = func(y, x int, dst []uint64) { foldRow(dst, plane[y*w:][:w], x, third) }
	line := words.get(third)
	defer words.put(line)
	const one = 255 << imageShift
	for y := range h {
		f.row(y, line)
		out := mask[y*w:][:w]
		for x, v := range line {
			out[x] = float32(v&(1<<21-1)) / one
			if i := x + third; i < w {
				out[i] = float32(v>>21&(1<<21-1)) / one
			}
			if i := x + 2*third; i < w {
				out[i] = float32(v>>42) / one
			}
		}
	}
}

// waterMask shades drops by their distance from their edges: OpenCV's Canny,
// distanceTransform, blur, equalizeHist, filter2D, blur, in turn. Without any
// drop the mask is 0, where upstream divides by it.
func waterMask(j *job, mask []float32, w, h int) {
	plane := liquid(j, w, h)
	defer bytes8.put(plane)
	depth := edgeDistance(plane, w, h)
	defer bytes8.put(depth)
	equalize(depth)
	relief := bytes8.get(w * h)
	defer bytes8.put(relief)
	emboss(relief, depth, w, h)

	most := float32(0)
	threeByThree(relief, w, h, func(y int, above, mid, below []uint8) {
		out, drops := mask[y*w:][:w], plane[y*w:][:w]
		for x, v := range drops {
			if v == 0 {
				out[x] = 0
				continue
			}
			sum := int(above[x]) + int(above[x+1]) + int(above[x+2]) +
				int(mid[x]) + int(mid[x+1]) + int(mid[x+2]) +
				int(below[x]) + int(below[x+1]) + int(below[x+2])
			out[x] = float32(int(v) * ((2*sum + 9) / 18))
			most = max(most, out[x])
		}
	})
	if most == 0 {
		return
	}
	gain := float32(spatterParams[j.sev].last) / most
	for i, v := range mask {
		mask[i] = v * gain
	}
}

// threeByThree calls f for every row with the rows around it, each padded by a
// mirrored sample at either end.
func threeByThree(plane []uint8, w, h int, f func(y int, above, mid, below []uint8)) {
	buf := bytes8.get(3 * (w + 2))
	defer bytes8.put(buf)
	padded := func(y int) []uint8 { return buf[(y+3)%3*(w+2):][:w+2] }
	load := func(y int) {
		dst, src := padded(y), plane[mirrored(y, h)*w:][:w]
		copy(dst[1:], src)
		dst[0], dst[w+1] = src[mirrored(-1, w)], src[mirrored(w, w)]
	}
	load(-1)
	load(0)
	for y := range h {
		load(y + 1)
		f(y, padded(y-1), padded(y), padded(y+1))
	}
}

// emboss is OpenCV's filter2D with the kernel −2 −1 0 / −1 1 1 / 0 1 2, which lights
// a relief from the bottom right.
func emboss(dst, src []uint8, w, h int) {
	threeByThree(src, w, h, func(y int, above, mid, below []uint8) {
		out := dst[y*w:][:w]
		a, b, c := above[:w+2], mid[:w+2], below[:w+2]
		for x := range out {
			v := int(b[x+1]) + int(b[x+2]) + int(c[x+1]) + 2*int(c[x+2]) - 2*int(a[x]) - int(a[x+1]) - int(b[x])
			out[x] = uint8(min(max(v, 0), 255))
		}
	})
}

// equalize is OpenCV's equalizeHist.
func equalize(plane []uint8) {
	var hist [256]int
	for _, v := range plane {
		hist[v]++
	}
	first := 0
	for hist[first] == 0 {
		first++
	}
	if hist[first] == len(plane) {
		return
	}
	scale := float32(255) / float32(len(plane)-hist[first])
	var table [256]uint8
	sum := 0
	for v := first + 1; v < 256; v++ {
		sum += hist[v]
		table[v] = uint8(math.RoundToEven(float64(min(float32(float32(sum)*scale), 255))))
	}
	for i, v := range plane {
		plane[i] = table[v]
	}
}

// Chamfer distances of OpenCV's 5×5 mask (Borgefors 1986) for steps to the side,
// diagonally, and as the knight moves, in 2^-11 pixels.
const (
	chamferBits   = 11
	chamferSide   = 1 << chamferBits
	chamferDiag   = 2867 // 1.4
	chamferKnight = 4499 // 2.1969
	farthest      = 20   // pixels: distances beyond are all the same
)

// edgeDistance returns the distance of every pixel to the nearest edge of the
// drops, at most 20, averaged over 3×3 pixels and cut off.
func edgeDistance(plane []uint8, w, h int) []uint8 {
	const pad = 2
	const far = farthest << chamferBits
	stride := w + 2*pad
	d := shorts.get(stride * (h + 2*pad))
	defer shorts.put(d)
	for i := range d {
		d[i] = far
	}
	edges := canny(plane, w, h)
	defer bytes8.put(edges)
	at := func(y int) []uint16 { return d[(y+pad)*stride:][:stride] }
	for y := range h {
		up2, up1, row := at(y-2), at(y-1), at(y)
		up2, up1 = up2[:len(row)], up1[:len(row)]
		last := uint16(far)
		for x, e := range edges[y*w:][:w] {
			v := min(up2[x+1], up2[x+3], up1[x], up1[x+4]) + chamferKnight
			v = min(v, min(up1[x+1], up1[x+3])+chamferDiag, up1[x+2]+chamferSide, far)
			v &= uint16(e>>1) - 1 // 0 on an edge
			// What waits for the pixel before comes last, and is short.
			last = min(v, last+chamferSide)
			row[x+pad] = last
		}
	}
	for y := h - 1; y >= 0; y-- {
		down2, down1, row := at(y+2), at(y+1), at(y)
		down2, down1 = down2[:len(row)], down1[:len(row)]
		last := uint16(far)
		for x := w - 1; x >= 0; x-- {
			v := min(down2[x+1], down2[x+3], down1[x], down1[x+4]) + chamferKnight
			v = min(v, min(down1[x+1], down1[x+3])+chamferDiag, down1[x+2]+chamferSide, row[x+pad])
			last = min(v, last+chamferSide)
			row[x+pad] = last
		}
	}
	// Mean of 3×3, mirrored at the borders.
	out := bytes8.get(w * h)
	sums := ints.get(w + 2)
	defer ints.put(sums)
	for y := range h {
		a, b, c := at(mirrored(y-1, h))[pad:], at(y)[pad:], at(mirrored(y+1, h))[pad:]
		a, b, c = a[:w], b[:w], c[:w]
		for x := range a {
			sums[x+1] = uint32(a[x]) + uint32(b[x]) + uint32(c[x])
		}
		sums[0], sums[w+1] = sums[1+mirrored(-1, w)], sums[1+mirrored(w, w)]
		row := out[y*w:][:w]
		for x := range row {
			row[x] = uint8((sums[x] + sums[x+1] + sums[x+2]) / (9 << chamferBits))
		}
	}
	return out
}

// Marks of the edge detector.
const (
	noEdge   = 0
	weakEdge = 1
	edge     = 2
)

// canny is OpenCV's Canny with aperture 3 and the L1 norm, thresholds 50 and 150.
func canny(plane []uint8, w, h int) []uint8 {
	const low, high = 50, 150
	const tan22 = 13573 // tan 22.5° in 2^-15
	marks := bytes8.get(w * h)
	clear(marks)
	// Gradients of three rows, each with a zero at either end; rows that are out of
	// the image have none.
	stride := w + 2
	type row struct{ dx, dy, norm []int32 }
	var rows [3]row
	buf := make([]int32, 9*stride)
	for i := range rows {
		rows[i] = row{buf[3*i*stride:][:stride], buf[(3*i+1)*stride:][:stride], buf[(3*i+2)*stride:][:stride]}
	}
	gradient := func(y int) {
		r := rows[(y+3)%3]
		if y < 0 || y >= h {
			clear(r.norm)
			return
		}
		a, b, c := plane[max(y-1, 0)*w:][:w], plane[y*w:][:w], plane[min(y+1, h-1)*w:][:w]
		if empty(a) && empty(b) && empty(c) {
			clear(r.norm)
			return
		}
		for x := range w {
			l, m := max(x-1, 0), min(x+1, w-1)
			dx := int32(a[m]) - int32(a[l]) + 2*(int32(b[m])-int32(b[l])) + int32(c[m]) - int32(c[l])
			dy := int32(c[l]) - int32(a[l]) + 2*(int32(c[x])-int32(a[x])) + int32(c[m]) - int32(a[m])
			r.dx[x+1], r.dy[x+1] = dx, dy
			r.norm[x+1] = max(dx, -dx) + max(dy, -dy)
		}
		r.norm[0], r.norm[w+1] = 0, 0
	}
	gradient(-1)
	gradient(0)
	stack := ints.get(w*h/8 + 64)[:0]
	for y := range h {
		gradient(y + 1)
		up, mid, down := rows[(y+2)%3].norm, rows[y%3], rows[(y+1)%3].norm
		for x := 1; x <= w; x++ {
			m := mid.norm[x]
			if m <= low {
				continue
			}
			dx, dy := mid.dx[x], mid.dy[x]
			ax, ay := int64(max(dx, -dx)), int64(max(dy, -dy))<<15
			var peak bool
			switch t := ax * tan22; {
			case ay < t:
				peak = m > mid.norm[x-1] && m >= mid.norm[x+1]
			case ay > t+ax<<16:
				peak = m > up[x] && m >= down[x]
			default:
				s := 1
				if dx^dy < 0 {
					s = -1
				}
				peak = m > up[x-s] && m > down[x+s]
			}
			if !peak {
				continue
			}
			i := y*w + x - 1
			marks[i] = weakEdge
			if m > high {
				marks[i] = edge
				stack = append(stack, uint32(i))
			}
		}
	}
	// Weak edges count where they touch others.
	for len(stack) > 0 {
		i := int(stack[len(stack)-1])
		stack = stack[:len(stack)-1]
		x, y := i%w, i/w
		for v := max(y-1, 0); v <= min(y+1, h-1); v++ {
			for u := max(x-1, 0); u <= min(x+1, w-1); u++ {
				if n := v*w + u; marks[n] == weakEdge {
					marks[n] = edge
					stack = append(stack, uint32(n))
				}
			}
		}
	}
	ints.put(stack)
	return marks
}

// empty reports whether a row is all zeros.
func empty(row []uint8) bool {
	for _, v := range row {
		if v != 0 {
			return false
		}
	}
	return true
}

// resizePlane returns the plane at another size, and recycles it: enlarged between
// samples, shrunk by averages.
func resizePlane(src []float32, sw, sh, w, h int) []float32 {
	if sw == w && sh == h {
		return src
	}
	wide := floats.get(w * sh)
	for y := range sh {
		resizeLine(wide[y*w:], w, 1, src[y*sw:], sw, 1)
	}
	floats.put(src)
	out := floats.get(w * h)
	for x := range w {
		resizeLine(out[x:], h, w, wide[x:], sh, w)
	}
	floats.put(wide)
	return out
}

// resizeLine resamples n samples that lie stride apart from m that do.
func resizeLine(dst []float32, n, stride int, src []float32, m, from int) {
	step := float64(m) / float64(n)
	for i := range n {
		if step <= 1 {
			at := min(max(float64((float64(i)+0.5)*step)-0.5, 0), float64(m-1))
			k := int(at)
			f := float32(at - float64(k))
			a, b := src[k*from], src[min(k+1, m-1)*from]
			dst[i*stride] = a + float32(f*(b-a))
			continue
		}
		lo := int(float64(float64(i) * step))
		hi := min(max(int(float64(float64(i+1)*step)), lo+1), m)
		sum := float32(0)
		for k := lo; k < hi; k++ {
			sum += src[k*from]
		}
		dst[i*stride] = sum / float32(hi-lo)
	}
}
