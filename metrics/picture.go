package metrics

import (
	"fmt"

	"github.com/vtbench/vtbench/pix"
)

// Picture draws where a metric sees damage: black where nothing is lost, through red and
// yellow to white for the worst. It is empty where the metric has no map.
func Picture(m Mapper, ref, got pix.Image) (pix.Image, error) {
	values, ok, err := m.Damage(ref, got)
	if !ok || err != nil {
		return pix.Image{}, err
	}
	if len(values) != ref.W*ref.H {
		return pix.Image{}, fmt.Errorf("mapping damage: %d values for %d×%d pixels", len(values), ref.W, ref.H)
	}
	img := pix.New(ref.W, ref.H)
	for i, v := range values {
		for c := range 3 { // each third of the scale lights one more channel
			img.Pix[3*i+c] = uint8(255 * min(max(3*v-float32(c), 0), 1))
		}
	}
	return img, nil
}
