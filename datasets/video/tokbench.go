package video

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/icdar"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
)

// Bounds of TokBench's annotations.
const (
	maxAnnotations = 1 << 30 // of a file
	farthest       = 1 << 20 // what is taken for a position in a frame
	facePoints     = 5
)

// tokBenchFrame is what the annotations say of a frame: those of text have file_name, those
// of faces image_name.
type tokBenchFrame struct {
	Video  string `json:"video_name"`
	File   string `json:"file_name"`
	Height int    `json:"height"`
	Width  int    `json:"width"`
	Texts  []struct {
		Text  string    `json:"rec"`
		Box   []float64 `json:"bbox"`
		Ratio float64   `json:"ratio"`
	} `json:"annotations"`

	Image       string `json:"image_name"`
	ImageHeight int    `json:"img_height"`
	ImageWidth  int    `json:"img_width"`
	Faces       []struct {
		Points [][]float64 `json:"kps"`
		Box    []float64   `json:"box"`
		Ratio  float64     `json:"ratio"`
	} `json:"faces"`
}

// A marked frame is one that has labels.
type marked struct {
	where  string
	w, h   int
	things []datasets.Instance
	lost   []datasets.LostLabel
}

// numbered is how the names of TokBench's frames end: "…-frame12", "…-frame12.jpg".
var numbered = regexp.MustCompile(`-frame(\d{1,9})(?:\.[A-Za-z]+)?$`)

// OpenTokBench opens the films of TokBench (Wu et al. 2025): videos/ and the lists of
// video_annotations/. Text is [{video_name, file_name, height, width, annotations: [{rec,
// bbox, ratio}]}], faces are [{video_name, image_name, img_height, img_width, faces: [{kps,
// box, ratio}]}]; the number of a frame ends the name of its file: -frame12. Frames without
// labels are frames of their film, too. Scale is the ratio that the file states, which is
// what TokBench bins by.
//
// The lists say nothing of tracks. A label is taken for the thing of the frame with labels
// before if the text is the same and the boxes overlap; see follow.
//
// Behind the folder may stand first=1, where frames are counted from 1; and start, every,
// frames and size as for [Open].
//
// Fields are those of the images, as in wjf5203/TokBench at a77070c, and the two that lists
// of films have besides. The loader of the films is not published there, so whether frames
// are counted from 0 is this one's reading.
func OpenTokBench(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, opts, err := parse(arg, append([]string{"first"}, frameKeys...)...)
	if err != nil {
		return nil, err
	}
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	l, err := files.List(ctx, filepath.Join(root, "videos"), IsFilm)
	if err != nil {
		return nil, fmt.Errorf("TokBench's films are looked for in videos/: %w", err)
	}
	lists, err := files.List(ctx, filepath.Join(root, "video_annotations"), func(name string) bool { return strings.EqualFold(path.Ext(name), ".json") })
	if err != nil {
		return nil, fmt.Errorf("TokBench's labels of films are looked for in video_annotations/: %w", err)
	}
	if len(lists.Files) == 0 {
		return nil, fmt.Errorf("%s has no JSON file in video_annotations/", dir)
	}
	byName := map[string][]string{} // also without folder and extension
	for _, f := range l.Files {
		stem := strings.TrimSuffix(f, path.Ext(f))
		for _, key := range slices.Compact([]string{f, stem, path.Base(f), path.Base(stem)}) {
			if !slices.Contains(byName[key], f) {
				byName[key] = append(byName[key], f)
			}
		}
	}
	of := map[string]map[int]*marked{} // by film and frame
	absent := map[string]string{}      // films that are listed and not there
	for _, f := range lists.Files {
		file := lists.Path(f)
		b, err := files.Read(file, maxAnnotations)
		if err != nil {
			return nil, fmt.Errorf("reading TokBench's labels of films: %w", err)
		}
		if err := readTokBench(file, b, func(where, video string, frame int, m *marked) error {
			names := byName[video]
			switch len(names) {
			case 0:
				absent[video] = where
				return nil
			case 1:
			default:
				return fmt.Errorf("%s.video_name is %q, which may be %s", where, video, strings.Join(names, " or "))
			}
			if frame -= opts.first; frame < 0 {
				return fmt.Errorf("%s is of frame %d, and frames are counted from first=%d", where, frame+opts.first, opts.first)
			}
			if of[names[0]] == nil {
				of[names[0]] = map[int]*marked{}
			}
			if have := of[names[0]][frame]; have != nil { // text and faces of one frame
				if have.w != m.w || have.h != m.h {
					return fmt.Errorf("%s says the frame is %d×%d, %s says %d×%d", where, m.w, m.h, have.where, have.w, have.h)
				}
				have.things, have.lost = append(have.things, m.things...), append(have.lost, m.lost...)
				return nil
			}
			of[names[0]][frame] = m
			return nil
		}); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, f := range l.Files {
		if of[f] != nil {
			names = append(names, f)
		}
	}
	s := &Set{o: opts, decode: o.Decode, leftOut: l.LeftOut}
	if n := len(l.Files) - len(names); n > 0 {
		without := slices.DeleteFunc(slices.Clone(l.Files), func(f string) bool { return of[f] != nil })
		s.leftOut = append(s.leftOut, files.Omission{Reason: "without labels", Count: n, Names: without[:min(n, 5)]})
	}
	films, err := s.open(ctx, l, names)
	if err != nil {
		return nil, err
	}
	for i, f := range films {
		s.label(f, of[names[i]])
	}
	for video, where := range absent {
		films = append(films, &film{id: video, after: fmt.Errorf("videos/ has no film %q, which is listed in %s", video, where)})
	}
	if len(films) == 0 {
		return nil, fmt.Errorf("%s: video_annotations/ lists no frame", dir)
	}
	d := description{kind: TokBench, title: "TokBench, films", source: dir, root: root}
	for _, n := range names {
		d.names = append(d.names, path.Join("videos", n))
	}
	for _, n := range lists.Files {
		d.names = append(d.names, path.Join("video_annotations", n))
	}
	return s, s.finish(films, d)
}

// readTokBench hands the frames of a list over.
func readTokBench(file string, b []byte, add func(where, video string, frame int, m *marked) error) error {
	var in []tokBenchFrame
	if err := boundedjson.UnmarshalFile(file, b, &in); err != nil {
		return err
	}
	for i, f := range in {
		name, field := f.File, "file_name"
		w, h := f.Width, f.Height
		if name == "" {
			name, field = f.Image, "image_name"
			w, h = f.ImageWidth, f.ImageHeight
		}
		where := fmt.Sprintf("%s: [%d]", file, i)
		m := numbered.FindStringSubmatch(name)
		if m == nil {
			return fmt.Errorf("%s.%s is %q: want a name that ends in -frameN", where, field, name)
		}
		where = fmt.Sprintf("%s (%s)", where, name)
		frame, err := strconv.Atoi(m[1])
		if err != nil {
			return fmt.Errorf("%s.%s: %w", where, field, err)
		}
		video := f.Video
		if video == "" {
			video = path.Base(strings.TrimSuffix(name, m[0]))
		}
		if !filepath.IsLocal(video) || video != path.Clean(video) {
			return fmt.Errorf("%s.video_name is %q: want the name of a film below videos/", where, video)
		}
		if w <= 0 || h <= 0 {
			return fmt.Errorf("%s: width and height are %d and %d: the size of the frame is wanted", where, w, h)
		}
		mk := &marked{where: where, w: w, h: h}
		for k, t := range f.Texts {
			mk.add(fmt.Sprintf("annotations[%d]", k), datasets.Instance{
				Text: t.Text, Scale: t.Ratio, Ignore: t.Text == "" || t.Text == icdar.DontCare,
			}, t.Box, nil)
		}
		for k, t := range f.Faces {
			mk.add(fmt.Sprintf("faces[%d]", k), datasets.Instance{Scale: t.Ratio}, t.Box, t.Points)
		}
		if err := add(where, video, frame, mk); err != nil {
			return err
		}
	}
	return nil
}

// add takes a label, or notes why it cannot be used. A face has points.
func (m *marked) add(what string, in datasets.Instance, box []float64, points [][]float64) {
	reason, err := datasets.LostMalformed, error(nil)
	position := func(v float64) bool { return math.Abs(v) < farthest }
	isFace := in.Text == "" && !in.Ignore
	switch {
	case len(box) != 4 || slices.ContainsFunc(box, func(v float64) bool { return !position(v) }):
		err = fmt.Errorf("the box is %v: want left, top, right, bottom", box)
	case !(in.Scale >= 0 && in.Scale <= 1):
		err = fmt.Errorf("ratio is %g: want a share of the frame", in.Scale)
	case isFace && len(points) != facePoints:
		err = fmt.Errorf("kps has %d points, want %d", len(points), facePoints)
	default:
		all := outer(box[0], box[1], box[2], box[3])
		in.Box = all.Intersect(image.Rect(0, 0, m.w, m.h))
		switch {
		case all.Empty():
			reason, err = datasets.LostNoArea, errors.New("the box has no area")
		case in.Box.Empty():
			reason, err = datasets.LostOutside, fmt.Errorf("box %v lies outside the %d×%d frame", all, m.w, m.h)
		}
	}
	for _, p := range points {
		if len(p) != 2 || !position(p[0]) || !position(p[1]) {
			err = fmt.Errorf("kps has %v: x and y are wanted", p)
			break
		}
		in.Points = append(in.Points, datasets.Point{X: p[0], Y: p[1]})
	}
	if err != nil {
		m.lost = append(m.lost, datasets.LostLabel{ID: what, Reason: reason, Where: m.where + "." + what + ": " + err.Error()})
		return
	}
	m.things = append(m.things, in)
}

// outer is the smallest box of whole pixels that has all of a box.
func outer(x0, y0, x1, y1 float64) image.Rectangle {
	return image.Rectangle{
		Min: image.Pt(int(math.Floor(x0)), int(math.Floor(y0))),
		Max: image.Pt(int(math.Ceil(x1)), int(math.Ceil(y1))),
	}
}

// label follows the things of a film and puts them into its frames.
func (s *Set) label(f *film, of map[int]*marked) {
	frames := make([]int, 0, len(of))
	for k := range of {
		frames = append(frames, k)
	}
	slices.Sort(frames)
	follow(frames, of)
	whole := f.src != nil && f.after == nil && s.o.frames == 0
	if last := frames[len(frames)-1]; whole && last >= s.o.start+len(f.names)*s.o.every {
		hint := ""
		if s.o.first == 0 && frames[0] > 0 {
			hint = "; if they are counted from 1, write first=1 behind the folder"
		}
		f.after = fmt.Errorf("%s is about frame %d of %s, which has frames up to %d%s", of[last].where, last+s.o.first, f.id, s.o.start+(len(f.names)-1)*s.o.every+s.o.first, hint)
	}
	f.label = func(k int, it *datasets.Item) error {
		m := of[s.o.start+k*s.o.every]
		if m == nil {
			return nil
		}
		if m.w != it.Image.W || m.h != it.Image.H {
			return fmt.Errorf("%s is about a frame of %d×%d, that of %s is %d×%d", m.where, m.w, m.h, f.id, it.Image.W, it.Image.H)
		}
		it.Instances, it.Lost = slices.Clone(m.things), slices.Clone(m.lost)
		return nil
	}
}

// leastOverlap is the share of their union that two boxes have in common at least, for the
// same thing in two frames with labels that follow each other.
const leastOverlap = .1

// follow names the things of all frames by tracks. A thing belongs to the track of a thing
// of the frame with labels before, of the same text, whose box overlaps its own most, pair
// by pair from the largest overlap on; one without such a track begins its own. A thing that
// is not there in one frame with labels ends its track.
func follow(frames []int, of map[int]*marked) {
	next := 0
	var before []datasets.Instance
	for _, k := range frames {
		now := of[k].things
		type pair struct {
			a, b int
			iou  float64
		}
		var pairs []pair
		for a := range before {
			for b := range now {
				if before[a].Text != now[b].Text || before[a].IsFace() != now[b].IsFace() {
					continue
				}
				if v := overlap(before[a].Box, now[b].Box); v >= leastOverlap {
					pairs = append(pairs, pair{a, b, v})
				}
			}
		}
		slices.SortStableFunc(pairs, func(p, q pair) int {
			switch {
			case p.iou > q.iou:
				return -1
			case p.iou < q.iou:
				return 1
			}
			return 0
		})
		taken := make([]bool, len(before))
		for _, p := range pairs {
			if !taken[p.a] && now[p.b].ID == "" {
				taken[p.a], now[p.b].ID = true, before[p.a].ID
			}
		}
		for b := range now {
			if now[b].ID == "" {
				now[b].ID = fmt.Sprintf("t%03d", next)
				next++
			}
		}
		before = now
	}
}

// overlap is the intersection of two boxes over their union.
func overlap(a, b image.Rectangle) float64 {
	area := func(r image.Rectangle) float64 { return float64(r.Dx()) * float64(r.Dy()) }
	both := area(a.Intersect(b))
	return both / (area(a) + area(b) - both)
}
