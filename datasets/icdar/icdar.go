// Package icdar reads scene text data sets as they unpack: those of the ICDAR Robust
// Reading competitions of 2013 and 2015, Total-Text, and folders laid out like them.
//
// Its opinion: labels are what the annotators wrote, to the letter. A line that says
// nothing that could be scored costs itself and is named by file and line; an image
// without labels, or labels without an image, is an item that fails, so that it shows
// in the counts.
//
//	ds, err := icdar.Open(ctx, "icdar2015", datasets.Options{})
//	item, err := ds.Load(ctx, 0)
//	for _, in := range item.Instances {
//		fmt.Println(in.Text, in.Box, in.Ignore)
//	}
//
// Labels are one text file an image, named gt_NAME.txt, poly_gt_NAME.txt or NAME.txt.
// Where they and the images are looked for, [Open] says; what the files hold, [Parse].
package icdar

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Name of the kind: "icdar:DIR".
const Name = "icdar"

// Version of the loader: it rises when the same files yield other labels.
const Version = 2

// maxLabels is the longest file of labels that is read.
const maxLabels = 64 << 20

// A layout is a folder of images and the folders that may hold its labels.
type layout struct {
	images string
	labels []string
}

// layouts are the official ones, by part of the data set.
var layouts = []layout{
	{"ch4_test_images", []string{"Challenge4_Test_Task1_GT", "Challenge4_Test_Task4_GT"}},
	{"ch4_training_images", []string{"ch4_training_localization_transcription_gt", "Challenge4_Training_Task1_GT"}},
	{"Challenge2_Test_Task12_Images", []string{"Challenge2_Test_Task1_GT"}},
	{"Challenge2_Training_Task12_Images", []string{"Challenge2_Training_Task1_GT"}},
	{"Images/Test", totalText("Test")},
	{"Images/Train", totalText("Train")},
}

// totalText lists where people unpack Total-Text's labels.
func totalText(part string) []string {
	var out []string
	for _, d := range []string{
		"Groundtruth/Polygon", "Groundtruth/Text", "Groundtruth/Text/Legacy", "Groundtruth", "txt_format", "Txt", "gt", "annotations",
	} {
		out = append(out, d+"/"+part)
	}
	return out
}

// own is the layout that the official ones are not: the first folders that have any.
var own = []layout{
	{"images", []string{"gt", "gts", "annotations", "labels", "txt", "images", "."}},
	{"imgs", []string{"gt", "gts", "annotations", "labels", "txt", "imgs", "."}},
	{".", []string{"gt", "gts", "annotations", "labels", "txt", "."}},
}

// Set is a folder of images with transcriptions, in the order of the images'
// names (numbers as numbers).
type Set struct {
	o       datasets.Options
	images  files.Listing
	labels  files.Listing
	pairs   []pair
	ids     []string
	leftOut files.Omissions
	info    func() datasets.Info
}

// A pair is an image and its labels as paths below their folders; one of them is ""
// where it is missing.
type pair struct{ image, gt string }

var (
	_ datasets.Dataset = (*Set)(nil)
	_ datasets.Listed  = (*Set)(nil)
)

// Open pairs images with labels. It decodes and parses none. Looked for are, whatever
// the case of letters,
//
//   - ICDAR 2015: ch4_test_images/ with Challenge4_Test_Task1_GT/, ch4_training_images/
//     with ch4_training_localization_transcription_gt/;
//   - ICDAR 2013: Challenge2_Test_Task12_Images/ with Challenge2_Test_Task1_GT/, and
//     the same with Training;
//   - Total-Text: Images/Test/ and Images/Train/ with labels as text in Groundtruth/,
//     Groundtruth/Polygon/, Groundtruth/Text/, Txt/, gt/ or annotations/, below Test/
//     and Train/;
//   - anything: images/, imgs/ or the folder itself, with labels in gt/, gts/,
//     annotations/, labels/, txt/, beside the images, or in the folder itself.
//
// Where several parts are there, the folder of images of one must be named:
// icdar:DIR/ch4_test_images. An image and a file of labels belong together when their
// paths below those folders are the same but for extension and gt_; folders do not
// count where that leaves no doubt (see [files.Pair]).
func Open(ctx context.Context, dir string, o datasets.Options) (*Set, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	s := &Set{o: o}
	if root, err = s.find(ctx, dir, root); err != nil {
		return nil, err
	}
	if err := s.join(); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	both := slices.ContainsFunc(s.pairs, func(p pair) bool { return p.image != "" && p.gt != "" })
	if !both {
		first := s.images.Files[0]
		return nil, fmt.Errorf("%s: none of the %d images has labels; %s wants gt_%s.txt", dir, len(s.images.Files), first, stem(first))
	}
	s.info = sync.OnceValue(func() datasets.Info {
		var all []string
		for _, l := range []files.Listing{s.images, s.labels} {
			for _, f := range l.Files {
				rel, err := filepath.Rel(root, l.Path(f))
				if err != nil {
					rel = f
				}
				all = append(all, filepath.ToSlash(rel))
			}
		}
		return datasets.Info{
			ID: Name, Version: Version, Digest: files.Digest(root, o.Decode.Reader(), all),
			Title:  fmt.Sprintf("Scene text of %s, %d images", filepath.Base(root), len(s.images.Files)),
			Source: dir, Reader: o.Decode.Reader(),
		}
	})
	return s, nil
}

// find lists images and labels in the first layout that has them; it returns the
// folder that both are below.
func (s *Set) find(ctx context.Context, dir, root string) (string, error) {
	var there []layout
	for _, l := range layouts {
		if p := below(root, l.images); p != "" {
			there = append(there, layout{p, l.labels})
		} else if strings.EqualFold(filepath.Base(root), path.Base(l.images)) && !strings.Contains(l.images, "/") {
			return filepath.Dir(root), s.list(ctx, dir, filepath.Dir(root), []layout{{filepath.Base(root), l.labels}})
		} else if parent := filepath.Dir(root); strings.Contains(l.images, "/") && strings.EqualFold(filepath.Base(parent)+"/"+filepath.Base(root), l.images) {
			top := filepath.Dir(parent)
			return top, s.list(ctx, dir, top, []layout{{filepath.Base(parent) + "/" + filepath.Base(root), l.labels}})
		}
	}
	switch len(there) {
	case 0:
		return root, s.list(ctx, dir, root, own)
	case 1:
		return root, s.list(ctx, dir, root, there)
	}
	return "", fmt.Errorf("%s has %s and %s: name the one that is meant, icdar:%s", dir, there[0].images, there[1].images, filepath.Join(dir, there[0].images))
}

// below finds a folder below another whatever the case of letters, "" for none.
func below(root, name string) string {
	at := ""
	for _, want := range strings.Split(name, "/") {
		l, err := filepath.Glob(filepath.Join(escape(filepath.Join(root, at)), "*"))
		if err != nil {
			return ""
		}
		i := slices.IndexFunc(l, func(p string) bool {
			if !strings.EqualFold(filepath.Base(p), want) {
				return false
			}
			_, err := files.Dir(p)
			return err == nil
		})
		if i < 0 {
			return ""
		}
		at = path.Join(at, filepath.Base(l[i]))
	}
	return at
}

// escape makes a path a pattern that matches it alone.
func escape(p string) string {
	return strings.NewReplacer(`[`, `[[]`, `*`, `[*]`, `?`, `[?]`).Replace(p)
}

// list takes the first of the layouts whose folder of images has any.
func (s *Set) list(ctx context.Context, dir, root string, from []layout) error {
	for _, l := range from {
		in, err := s.listing(ctx, root, l.images, pix.IsImage)
		if err != nil {
			return err
		}
		if len(in.Files) == 0 {
			continue
		}
		s.images = in
		for _, d := range l.labels {
			gt, err := s.listing(ctx, root, d, isGT)
			if err != nil {
				return err
			}
			if len(gt.Files) == 0 {
				continue
			}
			s.labels = gt
			s.leftOut = in.LeftOut
			if gt.Root == in.Root { // each is what the other leaves out
				s.leftOut = in.LeftOut.Without(files.OtherName)
			}
			return nil
		}
		return fmt.Errorf("%s has no labels: gt_NAME.txt, poly_gt_NAME.txt or NAME.txt are looked for in %s", dir, strings.Join(l.labels, ", "))
	}
	if len(from) == 1 {
		return fmt.Errorf("%s has no images in %s", dir, from[0].images)
	}
	return fmt.Errorf("%s has no images, neither in images/ nor in imgs/ nor in itself, nor as ICDAR 2013, 2015 and Total-Text unpack", dir)
}

// listing lists a folder of the layout; of "." only what lies directly in it.
func (s *Set) listing(ctx context.Context, root, name string, want func(string) bool) (files.Listing, error) {
	at := root
	if name != "." {
		found := below(root, name)
		if found == "" {
			return files.Listing{}, nil
		}
		at = filepath.Join(root, filepath.FromSlash(found))
	}
	l, err := files.List(ctx, at, want)
	if name == "." {
		l.Files = slices.DeleteFunc(l.Files, func(f string) bool { return strings.Contains(f, "/") })
		l.LeftOut = l.LeftOut.Without(files.OtherName)
	}
	return l, err
}

func isGT(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasSuffix(lower, ".txt") && !strings.HasPrefix(lower, "readme")
}

func stem(name string) string {
	name = path.Base(name)
	return strings.TrimSuffix(name, path.Ext(name))
}

// ofGT is the name of the image that a file of labels is about, without extension.
func ofGT(name string) string {
	s := stem(name)
	for _, prefix := range []string{"poly_gt_", "gt_"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			s = rest
			break
		}
	}
	return path.Join(path.Dir(name), s)
}

// join pairs images with labels; what has no partner stands alone, labels last.
func (s *Set) join() error {
	trim := func(name string) string {
		if isGT(name) {
			return ofGT(name)
		}
		return pix.TrimExt(name)
	}
	m, err := files.Pair(s.images.Files, s.labels.Files, trim)
	if err != nil {
		return fmt.Errorf("pairing images with labels: %w", err)
	}
	for _, im := range s.images.Files {
		s.pairs = append(s.pairs, pair{im, m.Of[im]})
		s.ids = append(s.ids, im)
	}
	for _, g := range m.Unused {
		s.pairs = append(s.pairs, pair{gt: g})
		s.ids = append(s.ids, g)
	}
	return nil
}

// Info implements [datasets.Dataset]. The first call reads every file for the
// digest.
func (s *Set) Info() datasets.Info { return s.info() }

// LeftOut implements [datasets.Listed].
func (s *Set) LeftOut() files.Omissions { return s.leftOut }

// IDs implements [datasets.Dataset]: the names of the images below their folder;
// labels without an image come last, under their own names.
func (s *Set) IDs() []string { return s.ids }

// Load decodes image i and parses its labels.
func (s *Set) Load(ctx context.Context, i int) (datasets.Item, error) {
	if i < 0 || i >= len(s.pairs) {
		return datasets.Item{}, fmt.Errorf("%s has no item %d: it has %d", s.images.Root, i, len(s.pairs))
	}
	if err := ctx.Err(); err != nil {
		return datasets.Item{}, err
	}
	p := s.pairs[i]
	switch {
	case p.gt == "":
		return datasets.Item{}, fmt.Errorf("image %s has no labels: gt_%s.txt is missing", s.images.Path(p.image), stem(p.image))
	case p.image == "":
		return datasets.Item{}, fmt.Errorf("labels %s have no image %s", s.labels.Path(p.gt), path.Base(ofGT(p.gt)))
	}
	d, err := pix.Read(s.images.Path(p.image), s.o.Decode)
	if err != nil {
		return datasets.Item{}, err
	}
	name := s.labels.Path(p.gt)
	b, err := files.Read(name, maxLabels)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("reading labels: %w", err)
	}
	labels, bad, err := Parse(b)
	if err != nil {
		return datasets.Item{}, fmt.Errorf("%s: %w", name, err)
	}
	if len(labels) == 0 && len(bad) > 0 {
		return datasets.Item{}, fmt.Errorf("%s:%d: %w; nor can any other line be read", name, bad[0].Line, bad[0].Err)
	}
	it := datasets.Item{ID: s.ids[i], Image: d.Image, Notes: d.Notes}
	lose := func(line int, reason, what string) {
		it.Lost = append(it.Lost, datasets.LostLabel{ID: fmt.Sprintf("line %d", line), Reason: reason, Where: fmt.Sprintf("%s:%d: %s", name, line, what)})
	}
	for _, e := range bad {
		reason := datasets.LostMalformed
		if errors.Is(e, ErrNoArea) {
			reason = datasets.LostNoArea
		}
		lose(e.Line, reason, e.Err.Error())
	}
	for n, l := range labels {
		box := l.Box().Intersect(image.Rect(0, 0, d.Image.W, d.Image.H))
		if box.Empty() {
			if l.Text != DontCare { // text that is not meant to be read loses nothing
				lose(l.Line, datasets.LostOutside, fmt.Sprintf("box %v lies outside the %d×%d image", l.Box(), d.Image.W, d.Image.H))
			}
			continue
		}
		in := datasets.Instance{ID: fmt.Sprintf("%03d", n), Box: box, Text: l.Text, Ignore: l.Ignore()}
		if l.Quad {
			in.Quad = l.Corners
		}
		it.Instances = append(it.Instances, in)
	}
	return it, nil
}
