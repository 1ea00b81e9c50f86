package streets

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
)

// A camera looks along the road. Positions are centimetres: x to the right, y up from the
// ground, z ahead; on the image, units of a sixteenth of a pixel.
type camera struct {
	horizon int // y of the image, in pixels
	centre  int // x at which the road vanishes
	height  int // above the ground
	focal   int // pixels
}

const unit = 16 // of a pixel

type point struct{ x, y int }

// see projects a position; z must be positive.
func (c camera) see(x, y, z int) point {
	return point{unit*c.centre + unit*c.focal*x/z, unit*c.horizon + unit*c.focal*(c.height-y)/z}
}

// A thing stands at a distance and is drawn over all that is farther away.
type thing struct {
	z    int
	draw func(*scene)
}

// scene is what is drawn on.
type scene struct {
	camera
	index  []uint8
	things []thing
}

func (s *scene) add(z int, draw func(*scene)) { s.things = append(s.things, thing{z, draw}) }

// polygon fills what has its pixel centres inside, by the even-odd rule.
func (s *scene) polygon(class uint8, ps ...point) {
	var cross []int
	for y := range Side {
		cy := unit*y + unit/2
		cross = cross[:0]
		for i, a := range ps {
			b := ps[(i+1)%len(ps)]
			if (a.y <= cy) == (b.y <= cy) {
				continue
			}
			cross = append(cross, a.x+(b.x-a.x)*(cy-a.y)/(b.y-a.y))
		}
		slices.Sort(cross)
		for i := 0; i+1 < len(cross); i += 2 {
			// Pixels whose centres lie in [from, to).
			from, to := ceilDiv(cross[i]-unit/2, unit), ceilDiv(cross[i+1]-unit/2, unit)
			for x := max(from, 0); x < min(to, Side); x++ {
				s.index[y*Side+x] = class
			}
		}
	}
}

func ceilDiv(a, b int) int { // b > 0
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

// ellipse fills an ellipse with these radii.
func (s *scene) ellipse(class uint8, centre point, rx, ry int) {
	if rx <= 0 || ry <= 0 {
		return
	}
	for y := max(0, (centre.y-ry)/unit-1); y <= min(Side-1, (centre.y+ry)/unit+1); y++ {
		dy := unit*y + unit/2 - centre.y
		for x := max(0, (centre.x-rx)/unit-1); x <= min(Side-1, (centre.x+rx)/unit+1); x++ {
			dx := unit*x + unit/2 - centre.x
			if dx*dx*ry*ry+dy*dy*rx*rx <= rx*rx*ry*ry {
				s.index[y*Side+x] = class
			}
		}
	}
}

// upright is a rectangle that faces the camera: w wide around x, from y to y+h.
func (s *scene) upright(class uint8, x, y, z, w, h int) {
	a, b := s.see(x-w/2, y, z), s.see(x+w/2, y+h, z)
	s.polygon(class, a, point{b.x, a.y}, b, point{a.x, b.y})
}

// along is a wall along the road at x, from z to far, h high.
func (s *scene) along(class uint8, x, z, far, y, h int) {
	s.polygon(class, s.see(x, y, z), s.see(x, y+h, z), s.see(x, y+h, far), s.see(x, y, far))
}

// ground is a strip of the ground along the road.
func (s *scene) ground(class uint8, x0, x1 int) {
	s.polygon(class, s.see(x0, 0, nearest), s.see(x1, 0, nearest), s.see(x1, 0, farthest), s.see(x0, 0, farthest))
}

const (
	nearest  = 90
	farthest = 30000
)

// draw makes a scene; number says which rare vehicle is in it.
func draw(d dice.Source, number int) *datasets.LabelMap {
	s := &scene{
		camera: camera{horizon: d.Between(104, 136), centre: d.Between(104, 152), height: d.Between(125, 165), focal: d.Between(190, 250)},
		index:  make([]uint8, Side*Side),
	}
	for i := range s.index {
		s.index[i] = sky
		if i >= s.horizon*Side {
			s.index[i] = terrain
		}
	}
	half := d.Between(280, 460) // of the road
	s.ground(road, -half, half)
	for _, side := range []int{-1, 1} {
		s.roadside(d, side, half)
	}
	s.skyline(d)
	s.vehicles(d, half, number)
	s.crossing(d, half)
	slices.SortStableFunc(s.things, func(a, b thing) int { return cmp.Compare(b.z, a.z) })
	for _, t := range s.things {
		t.draw(s)
	}
	s.bonnet(d)
	return &datasets.LabelMap{W: Side, H: Side, Index: s.index, Classes: classes}
}

// skyline is what closes the view.
func (s *scene) skyline(d dice.Source) {
	for range d.Between(4, 9) {
		x, w, h, z := d.Between(-9000, 9000), d.Between(900, 3000), d.Between(500, 2600), d.Between(15000, 24000)
		class := uint8(building)
		if d.Chance(40) {
			class, h = vegetation, d.Between(300, 900)
		}
		s.add(z, func(s *scene) {
			if class == vegetation {
				c := s.see(x, h/2, z)
				s.ellipse(class, c, unit*s.focal*w/z/2, unit*s.focal*h/z)
				return
			}
			s.upright(class, x, 0, z, w, h)
		})
	}
}

// roadside lays out one side of the road: strips of the ground, what stands along them,
// and who walks there.
func (s *scene) roadside(d dice.Source, side, half int) {
	walk := d.Between(260, 560)
	verge := 0 // between the road and the sidewalk
	if d.Chance(35) {
		verge = d.Between(100, 260)
	}
	inner, outer := side*(half+verge), side*(half+verge+walk)
	s.ground(sidewalk, inner, outer)
	beyond := outer + side*d.Between(0, 350)

	// What stands behind the sidewalk, block by block.
	for z := d.Between(350, 900); z < 14000; {
		length := d.Between(700, 2200)
		from, to := z, z+length
		switch d.N(10) {
		case 0, 1, 2, 3, 4:
			h := d.Between(600, 2200)
			s.add(to, func(s *scene) {
				s.along(building, beyond, from, to, 0, h)
				if side*s.see(beyond, 0, to).x > side*unit*s.centre { // the end that faces away is never seen
					s.upright(building, beyond+side*1000, 0, to, 2000, h)
				}
			})
		case 5:
			h := d.Between(150, 300)
			s.add(to, func(s *scene) { s.along(wall, beyond, from, to, 0, h) })
		case 6, 7:
			h := d.Between(90, 190)
			s.add(to, func(s *scene) { s.along(fence, beyond, from, to, 0, h) })
		case 8:
			h := d.Between(120, 260)
			s.add(to, func(s *scene) { s.along(vegetation, beyond, from, to, 0, h) })
		}
		z = to + d.Between(0, 500)
	}
	for z := d.Between(600, 1500); z < 9000; z += d.Between(500, 1800) {
		s.tree(d, beyond+side*d.Between(-60, 300), z)
	}
	kerb := inner + side*d.Between(20, 60)
	for z := d.Between(450, 1100); z < 7000; z += d.Between(900, 2200) {
		s.post(d, kerb, z, -side)
	}
	for range d.Between(2, 8) {
		s.walker(d, inner+side*d.Between(30, walk-30), d.Between(420, 3600))
	}
	if d.Chance(55) {
		s.cycle(d, inner+side*d.Between(40, walk-40), d.Between(420, 1900), bicycle, d.Chance(45))
	}
	if d.Chance(70) { // parked
		for z := d.Between(600, 1600); z < 6000; z += d.Between(550, 1500) {
			s.vehicle(d, side*(half-110), z, car)
		}
	}
}

// tree is a trunk and a crown of overlapping balls.
func (s *scene) tree(d dice.Source, x, z int) {
	trunk, crown := d.Between(180, 320), d.Between(110, 260)
	type ball struct{ x, y, r int }
	var balls []ball
	for range d.Between(9, 16) {
		balls = append(balls, ball{d.Between(-crown, crown), d.Between(-crown/2, crown), d.Between(crown/4, crown*2/3)})
	}
	s.add(z, func(s *scene) {
		s.upright(vegetation, x, 0, z, 22, trunk+crown/2)
		for _, b := range balls {
			r := unit * s.focal * b.r / z
			s.ellipse(vegetation, s.see(x+b.x, trunk+crown/2+b.y, z), r, r)
		}
	})
}

// post is a pole with or without a sign or lights; inward is the direction of the road.
func (s *scene) post(d dice.Source, x, z, inward int) {
	kind, h, thick := d.N(4), d.Between(260, 420), d.Between(7, 14)
	form, size, arm := d.N(4), d.Between(50, 90), d.Between(150, 320)
	s.add(z, func(s *scene) {
		switch kind {
		case 0: // a lamp
			s.upright(pole, x, 0, z, thick, 650)
			s.upright(pole, x+inward*arm/2, 640, z, arm, thick)
		case 1, 2:
			s.upright(pole, x, 0, z, thick, h)
			a, r := s.see(x, h-size/2, z), unit*s.focal*size/z/2
			switch form {
			case 0:
				s.ellipse(sign, a, r, r)
			case 1:
				s.polygon(sign, point{a.x - r, a.y + r}, point{a.x + r, a.y + r}, point{a.x, a.y - r})
			case 2:
				s.polygon(sign, point{a.x, a.y - r}, point{a.x + r, a.y}, point{a.x, a.y + r}, point{a.x - r, a.y})
			default:
				s.polygon(sign, point{a.x - r, a.y - r*2/3}, point{a.x + r, a.y - r*2/3}, point{a.x + r, a.y + r*2/3}, point{a.x - r, a.y + r*2/3})
			}
		default:
			s.upright(pole, x, 0, z, thick, 330)
			s.upright(light, x, 230, z, 34, 95)
			if form > 1 { // and over the road
				s.upright(pole, x, 0, z, thick, 580)
				s.upright(pole, x+inward*arm/2, 570, z, arm, thick)
				s.upright(light, x+inward*arm, 480, z, 36, 105)
			}
		}
	})
}

// walker is a person who stands or walks.
func (s *scene) walker(d dice.Source, x, z int) {
	h, stride := d.Between(120, 190), d.Between(8, 34)
	s.add(z, func(s *scene) { s.body(person, x, 0, z, h, stride) })
}

// body draws head, trunk and legs from y up.
func (s *scene) body(class uint8, x, y, z, h, stride int) {
	w := h * 27 / 100
	r := unit * s.focal * h * 7 / z / 100
	s.ellipse(class, s.see(x, y+h*92/100, z), r*9/10, r*12/10)
	s.polygon(class, s.see(x-w/2, y+h*80/100, z), s.see(x+w/2, y+h*80/100, z), s.see(x+w*4/10, y+h*45/100, z), s.see(x-w*4/10, y+h*45/100, z))
	for _, leg := range []int{-1, 1} {
		s.polygon(class, s.see(x+leg*w/10-w/6, y+h*48/100, z), s.see(x+leg*w/10+w/6, y+h*48/100, z), s.see(x+leg*stride+w/8, y, z), s.see(x+leg*stride-w/8, y, z))
	}
}

// cycle is a bicycle or motorcycle from the side, ridden or not.
func (s *scene) cycle(d dice.Source, x, z int, class uint8, ridden bool) {
	ahead := 1 - 2*d.N(2)
	s.add(z, func(s *scene) {
		wheel, base := 34, 52 // radius, half the distance of the wheels
		r := unit * s.focal * wheel / z
		for _, side := range []int{-1, 1} {
			s.ellipse(class, s.see(x+side*base, wheel, z), r, r)
		}
		thick := 8
		if class == motorcycle {
			thick = 30
		}
		s.polygon(class, s.see(x-base, wheel-thick/2, z), s.see(x+base, wheel-thick/2, z), s.see(x+ahead*base/2, 85+thick/2, z), s.see(x-ahead*base/2, 80+thick/2, z))
		s.upright(class, x+ahead*base*8/10, 85, z, 16, 22) // handlebar
		if ridden {
			s.body(rider, x-ahead*8, 45, z, 140, 14)
		}
	})
}

// vehicle stands or drives along the road, seen from behind and beside.
func (s *scene) vehicle(d dice.Source, x, z int, class uint8) {
	w, h, length := d.Between(165, 185), d.Between(140, 165), d.Between(370, 480)
	cabin := h * 55 / 100 // where it begins
	switch class {
	case truck:
		w, h, length, cabin = 240, d.Between(300, 380), d.Between(700, 1200), 0
	case bus:
		w, h, length, cabin = 250, d.Between(290, 330), d.Between(1000, 1300), 0
	case train:
		w, h, length, cabin = 260, d.Between(340, 380), d.Between(2500, 4000), 0
	}
	s.add(z, func(s *scene) {
		far := z + length
		clear := 22 // below the body, between the wheels
		inset := w * 13 / 100
		// The side that is seen, then the end that faces the camera.
		edge := x - w/2
		if x < 0 {
			edge = x + w/2
		}
		if cabin == 0 {
			s.along(class, edge, z, far, clear, h-clear)
			s.upright(class, x, clear, z, w, h-clear)
		} else {
			s.along(class, edge, z, far, clear, cabin-clear)
			s.polygon(class, s.see(edge, cabin, z+length/12), s.see(edge, h, z+length/4), s.see(edge, h, z+length*6/10), s.see(edge, cabin, z+length*8/10))
			s.upright(class, x, clear, z, w, cabin-clear)
			s.polygon(class, s.see(x-w/2, cabin, z), s.see(x+w/2, cabin, z), s.see(x+w/2-inset, h, z+length/5), s.see(x-w/2+inset, h, z+length/5))
		}
		for _, side := range []int{-1, 1} {
			s.upright(class, x+side*(w/2-14), 0, z, 26, 34)
		}
		for _, at := range []int{z + length/6, z + length*5/6} {
			r := unit * s.focal * 31 / at
			s.ellipse(class, s.see(edge, 31, at), max(r*length/(6*at), 1), r)
		}
	})
}

// vehicles drive on the road; one of the rare ones is always there.
func (s *scene) vehicles(d dice.Source, half, number int) {
	lane := half / 2
	rare := []uint8{truck, bus, train, motorcycle}[number%4]
	side := 1 - 2*d.N(2)
	if rare == motorcycle {
		s.cycle(d, side*lane, d.Between(520, 1500), motorcycle, true)
	} else {
		s.vehicle(d, side*(lane+20), d.Between(900, 2600), rare)
	}
	for range d.Between(1, 4) {
		s.vehicle(d, (1-2*d.N(2))*lane+d.Between(-40, 40), d.Between(700, 6000), car)
	}
	for range d.Between(0, 2) {
		s.cycle(d, (1-2*d.N(2))*(half-150), d.Between(480, 2200), bicycle, true)
	}
}

// crossing lets people cross the road.
func (s *scene) crossing(d dice.Source, half int) {
	if !d.Chance(45) {
		return
	}
	z := d.Between(600, 2400)
	for range d.Between(1, 5) {
		s.walker(d, d.Between(-half, half), z+d.Between(-60, 60))
	}
}

// bonnet is the void at the bottom of the image.
func (s *scene) bonnet(d dice.Source) {
	top := d.Between(236, 252)
	s.ellipse(datasets.Void, point{unit * Side / 2, unit * (top + 60)}, unit*d.Between(150, 200), unit*60)
}
