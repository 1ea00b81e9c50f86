package video

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
)

// options are what a spec says behind the path: "video:DIR,frames=48,every=2".
type options struct {
	start, every, frames int     // first frame, step, most frames of a clip; 0, 1, 0 for all
	fps                  float64 // frames a second that files are brought to; 0 leaves them as they are
	rate                 float64 // frames a second of folders of images; 0 where it is not known
	w, h                 int     // size to scale to; 0 leaves it as it is
	set, resolution      string  // of DAVIS
	first                int     // number of the first frame in TokBench's names
}

// keys of the options, by kind.
var (
	frameKeys = []string{"start", "every", "frames", "size"}
	fileKeys  = append([]string{"fps"}, frameKeys...)
	anyKeys   = append([]string{"rate"}, fileKeys...)
)

// maxSide bounds the size to scale to.
const maxSide = 8192

// parse takes the options off the end of what stands behind the colon. What has no known key
// is part of the path.
func parse(arg string, keys ...string) (path string, o options, err error) {
	o.every = 1
	o.set, o.resolution = "2017/val", "480p"
	seen := map[string]bool{}
	for {
		i := strings.LastIndexByte(arg, ',')
		key, value, ok := strings.Cut(arg[i+1:], "=")
		known := false
		for _, k := range keys {
			known = known || k == key
		}
		if !ok || !known {
			if ok && i >= 0 && !strings.ContainsAny(key, "/. ") {
				return "", o, fmt.Errorf("unknown option %q%s (known: %s)", key, suggest.Hint(key, keys), strings.Join(keys, ", "))
			}
			return arg, o, nil
		}
		if seen[key] {
			return "", o, fmt.Errorf("%s is stated twice", key)
		}
		seen[key] = true
		if err := o.put(key, value); err != nil {
			return "", o, fmt.Errorf("%s=%s: %w", key, value, err)
		}
		if i < 0 {
			return "", o, nil
		}
		arg = arg[:i]
	}
}

func (o *options) put(key, value string) (err error) {
	whole := func(least int) (n int, err error) {
		if n, err = strconv.Atoi(value); err != nil || n < least || n > maxFrames {
			return 0, fmt.Errorf("want a whole number from %d to %d", least, maxFrames)
		}
		return n, nil
	}
	perSecond := func() (v float64, err error) {
		if v, err = strconv.ParseFloat(value, 64); err != nil || !(v >= .1 && v <= 1000) {
			return 0, errors.New("want frames a second, .1 to 1000")
		}
		return v, nil
	}
	switch key {
	case "start":
		o.start, err = whole(0)
	case "every":
		o.every, err = whole(1)
	case "frames":
		o.frames, err = whole(1)
	case "first":
		o.first, err = whole(0)
	case "fps":
		o.fps, err = perSecond()
	case "rate":
		o.rate, err = perSecond()
	case "size":
		w, h, _ := strings.Cut(value, "x")
		var errW, errH error
		o.w, errW = strconv.Atoi(w)
		o.h, errH = strconv.Atoi(h)
		if errors.Join(errW, errH) != nil || o.w < 1 || o.h < 1 || o.w > maxSide || o.h > maxSide {
			err = fmt.Errorf("want WIDTHxHEIGHT, each from 1 to %d", maxSide)
		}
	case "set":
		o.set = value
	case "resolution":
		o.resolution = value
	}
	return err
}

// String is in the digest: what shapes frames and which they are.
func (o options) String() string {
	s := fmt.Sprintf("start %d, every %d, frames %d", o.start, o.every, o.frames)
	if o.fps > 0 {
		s += fmt.Sprintf(", fps %g", o.fps)
	}
	if o.rate > 0 {
		s += fmt.Sprintf(", rate %g", o.rate)
	}
	if o.w > 0 {
		s += fmt.Sprintf(", size %dx%d", o.w, o.h)
	}
	return s
}

// picked are the numbers of the frames that are taken of n.
func (o options) picked(n int) []int {
	var out []int
	for k := o.start; k < n && (o.frames == 0 || len(out) < o.frames); k += o.every {
		out = append(out, k)
	}
	return out
}

// filters are those by which ffmpeg leaves out frames before the k-th that is taken, as a
// chain that ends in a comma where there is one.
func (o options) filters(k int) string {
	s := ""
	if o.fps > 0 {
		s = "fps=" + strconv.FormatFloat(o.fps, 'f', -1, 64) + ","
	}
	if from := o.start + k*o.every; from > 0 || o.every > 1 {
		s += fmt.Sprintf("select='gte(n,%d)*not(mod(n-%d,%d))',", from, from, o.every)
	}
	return s
}
