package datasettest

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/vtbench/vtbench/datasets"
)

// clipFaults is what a data set of films does not keep to. It loads the first frames of the
// first clips and their last, in order as a run does, and one of them once more.
func clipFaults(ctx context.Context, d datasets.Clipped) []error {
	var out []error
	fault := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	const lookAt, head = 3, 3 // clips, and frames at the beginning of each
	ids, clips := d.IDs(), d.Clips()
	next := 0
	seen := map[string]bool{}
	for _, c := range clips {
		switch {
		case c.ID == "" || seen[c.ID]:
			fault("clip %q has no name of its own", c.ID)
		case c.First != next || c.Frames < 1 || c.First+c.Frames > len(ids):
			fault("clip %q is said to be items %d to %d of %d, and the one before ends at %d", c.ID, c.First, c.First+c.Frames, len(ids), next)
			return out
		case c.Rate < 0:
			fault("clip %q has %g frames a second", c.ID, c.Rate)
		}
		seen[c.ID] = true
		next = c.First + c.Frames
		for _, id := range ids[c.First:next] {
			if !strings.HasPrefix(id, c.ID+"/") {
				fault("frame %q of clip %q is not named below it", id, c.ID)
			}
		}
	}
	if next != len(ids) {
		fault("the clips cover %d of %d items", next, len(ids))
	}
	for _, c := range clips[:min(lookAt, len(clips))] {
		var first datasets.Item
		tracks := map[string]datasets.Instance{}
		for k := range c.Frames {
			if k >= head && k != c.Frames-1 {
				continue
			}
			item, err := d.Load(ctx, c.First+k)
			if err != nil {
				fault("frame %q: %v", ids[c.First+k], err)
				return out
			}
			if k == 0 {
				first = item
			}
			if item.Cluster != c.ID {
				fault("frame %q has cluster %q, want that of its clip, %q", item.ID, item.Cluster, c.ID)
			}
			if item.Image.W != first.Image.W || item.Image.H != first.Image.H {
				fault("frame %q is %d×%d, the first of its clip %d×%d", item.ID, item.Image.W, item.Image.H, first.Image.W, first.Image.H)
			}
			if err := flowFault(item, k == 0); err != nil {
				out = append(out, err)
			}
			for _, in := range item.Instances {
				was, ok := tracks[in.ID]
				if ok && (was.Text != in.Text || was.Identity != in.Identity) {
					fault("track %q of clip %q is %q (%q) and then %q (%q)", in.ID, c.ID, was.Text, was.Identity, in.Text, in.Identity)
				}
				tracks[in.ID] = in
			}
		}
		again, err := d.Load(ctx, c.First) // after the last
		if err != nil || !bytes.Equal(again.Image.Pix, first.Image.Pix) {
			fault("frame %q is another one after the last, or fails: %v", first.ID, err)
		}
	}
	return out
}

// flowFault is what is wrong with the motion of a frame.
func flowFault(item datasets.Item, first bool) error {
	f := item.Flow
	switch {
	case f == nil:
		return nil
	case first:
		return fmt.Errorf("frame %q is the first of its clip, and is said to have moved", item.ID)
	case f.Validate() != nil || f.W != item.Image.W || f.H != item.Image.H:
		return fmt.Errorf("frame %q of %d×%d pixels has a flow of %d×%d that is not sound", item.ID, item.Image.W, item.Image.H, f.W, f.H)
	}
	const slack = .01 // of a pixel: what 32 bits lose
	for i := range f.DX {
		if !f.Known(i) {
			continue
		}
		x, y := float64(i%f.W)+float64(f.DX[i]), float64(i/f.W)+float64(f.DY[i])
		if x < -slack || y < -slack || x > float64(f.W-1)+slack || y > float64(f.H-1)+slack {
			return fmt.Errorf("frame %q: pixel (%d, %d) is said to come from (%g, %g), which is outside", item.ID, i%f.W, i/f.W, x, y)
		}
	}
	return nil
}
