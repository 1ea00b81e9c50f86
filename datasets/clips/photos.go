package clips

import (
	"cmp"
	"fmt"
	"image"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/pix"
)

// photographs of clips-photos.
var photographs = []string{forest, boats, facade, picos, bridge}

const (
	forest = "Path.jpg"
	boats  = "EveningGlow.jpg"
	facade = "Grey.jpg"
	picos  = "picosdeeuropa_by_Aitzol_Berasategi.jpg"
	bridge = "Bridge_by_Sander_Klootwijk.jpg"
)

// photo adds a photograph as the ground, reduced until it just covers w×h pixels.
func (m *maker) photo(move *motion, name string, w, h int) {
	img, err := pix.Load(m.photos[name])
	if err == nil && (img.W < w || img.H < h) {
		err = fmt.Errorf("photograph %s has %d×%d pixels, the clip needs %d×%d", name, img.W, img.H, w, h)
	}
	if err == nil {
		k := max(float64(w)/float64(img.W), float64(h)/float64(img.H))
		img, err = pix.Resize(img, max(w, int(math.Ceil(float64(img.W)*k))), max(h, int(math.Ceil(float64(img.H)*k))))
	}
	if err != nil {
		m.err = cmp.Or(m.err, err)
		return
	}
	x, y := (img.W-w)/2, (img.H-h)/2
	m.add(&ground{move: move, img: img.Crop(image.Rect(x, y, x+w, y+h)), alpha: always})
}

// overPhotos are the clips of clips-photos.
var overPhotos = []clip{
	drawn("forest", func(m *maker) { // a pan by whole pixels
		m.photo(pan(-4, -1), forest, width+4*last, height+last)
	}),
	drawn("boats", func(m *maker) { // likewise, behind a caption that stands
		move := &motion{func(t int) affine { return shift(float64(3*(t-last)), 0) }}
		stay := still()
		m.photo(move, boats, width+3*last, height)
		m.sign(stay, style{"sans", 24, white}, black, 40, 238, "Harbour at dusk")
	}),
	drawn("facade", func(m *maker) { // a zoom to twice the size
		centre := datasets.Point{X: width, Y: height}
		move := &motion{func(t int) affine {
			return turn(.5+float64(t)/64, 0, centre, datasets.Point{X: width / 2, Y: height / 2})
		}}
		m.photo(move, facade, 2*width, 2*height)
	}),
	drawn("picos", func(m *maker) { // a pan by fractions of a pixel, with a sign in the scene
		move := pan(-.875, -.375)
		m.photo(move, picos, width+28, height+12)
		m.sign(move, style{"serif", 28, white}, green, 60, 200, "Summit trail")
	}),
	drawn("bridge", func(m *maker) { // stands; a line crawls along the bottom
		stay, crawl := still(), pan(-6, 0)
		m.photo(stay, bridge, width, height)
		m.sign(crawl, style{"dejavu", 22, black}, yellow, 260, 246, "Bridge closed")
	}),
}

// Size of the frames of clips-portraits.
const (
	portraitW = 384
	portraitH = 288
)

// cameras is where the camera stands in front of each of the portraits.
var cameras = []struct {
	size   image.Point    // of the part of the photograph that is used
	move   datasets.Point // of a pan, pixels a frame
	top    float64        // row at which a pan begins
	centre datasets.Point // of a zoom
}{
	{image.Pt(512, 512), datasets.Point{X: -4}, 10, datasets.Point{X: 256, Y: 192}},
	{image.Pt(512, 600), datasets.Point{X: -2.75, Y: -.25}, 90, datasets.Point{X: 256, Y: 232}},
}

func portraitFiles() []string {
	var out []string
	for _, p := range portraits.People() {
		out = append(out, p.File)
	}
	return out
}

// overPortraits are the clips of clips-portraits: everybody in a pan and in a zoom from
// three quarters to the size of the photograph.
func overPortraits() []clip {
	var out []clip
	for i, p := range portraits.People() {
		c := cameras[i]
		add := func(name string, at func(t int) affine) {
			out = append(out, clip{p.Name + "-" + name, portraitW, portraitH, func(m *maker) {
				move := &motion{at}
				m.photo(move, p.File, c.size.X, c.size.Y)
				m.add(&face{move: move, id: p.Name, box: p.Face, points: p.Points[:]})
			}})
		}
		add("pan", func(t int) affine {
			return shift(float64(float64(t)*c.move.X), float64(float64(t)*c.move.Y)-c.top)
		})
		add("zoom", func(t int) affine {
			return turn(.75+float64(t)/128, 0, c.centre, datasets.Point{X: portraitW / 2, Y: portraitH / 2})
		})
	}
	return out
}
