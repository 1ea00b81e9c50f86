package pix

import "fmt"

// A Clip is a run of consecutive frames of one size: a window of a film.
type Clip struct {
	Frames []Image
	Rate   float64 // frames a second; 0 where it is not known
	Start  int     // place of Frames[0] in the whole film, from 0
}

// Validate checks that there are frames, all of one size.
func (c Clip) Validate() error {
	if len(c.Frames) == 0 {
		return fmt.Errorf("clip has no frames")
	}
	for i, f := range c.Frames {
		if err := f.Validate(); err != nil {
			return fmt.Errorf("frame %d: %w", c.Start+i, err)
		}
		if f.W != c.Frames[0].W || f.H != c.Frames[0].H {
			return fmt.Errorf("frame %d is %d×%d, the first of the clip %d×%d", c.Start+i, f.W, f.H, c.Frames[0].W, c.Frames[0].H)
		}
	}
	return nil
}

// Size is the width and height of the frames; 0×0 of a clip without any.
func (c Clip) Size() (w, h int) {
	if len(c.Frames) == 0 {
		return 0, 0
	}
	return c.Frames[0].W, c.Frames[0].H
}
