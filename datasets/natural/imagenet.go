package natural

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// parts are the folders of one part of ImageNet each.
var parts = []string{"val", "validation", "train", "ILSVRC/Data/CLS-LOC/val", "ILSVRC/Data/CLS-LOC/train"}

// Lists that name classes, and the list of the classes of validation images that lie in one
// folder.
var (
	nameLists = []string{"LOC_synset_mapping.txt", "synset_words.txt"}
	labelList = "LOC_val_solution.csv"
)

// Bounds of a list: 50,000 lines of images, 1,000 of classes.
const maxList = 64 << 20

// classesOption names a list of class names: "imagenet:DIR,classes=FILE".
const classesOption = ",classes="

// nameLine is a class and its name.
var nameLine = regexp.MustCompile(`^(n\d{8})[\s,]+(\S.*)$`)

// labelLine is an image and the class of the first thing in it.
var labelLine = regexp.MustCompile(`^([\w.-]+),\s*(n\d{8})(?:\s.*)?$`)

// OpenImageNet opens a part of ImageNet (ILSVRC 2012): a folder of a class each, named by
// its synset (n01440764) or in any other way, or all images in one folder. The classes of
// the latter are those of LOC_val_solution.csv. LOC_synset_mapping.txt or synset_words.txt,
// or the file behind ,classes=, gives classes their names, one a line:
//
//	n01440764 tench, Tinca tinca
//
// Lists are looked for in the folder and in the one that it is in. A line that cannot be
// read is an item that fails, and so are images of a list that are not there, together.
//
// Layout as in pytorch/vision at 0476162 (torchvision/datasets/imagenet.py, folder.py). The
// lists are those that the challenge's archive on Kaggle has: LOC_synset_mapping.txt as in
// dylan-berndt/PCAFormer at 8a7f4d1, LOC_val_solution.csv as in
// jiyolla/CSI4101-software-capstone-design at 5e55078 (data/).
func OpenImageNet(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	dir, named := arg, ""
	if i := strings.LastIndex(arg, classesOption); i >= 0 {
		dir, named = arg[:i], arg[i+len(classesOption):]
	}
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	images := root
	var there []string
	for _, p := range parts {
		if found := below(root, p); found != "" {
			there, images = append(there, p), found
		}
	}
	if len(there) > 1 {
		return nil, fmt.Errorf("%s has the parts %s: name one, %s:%s", dir, strings.Join(there, ", "), ImageNet, filepath.Join(dir, there[0]))
	}
	l, err := list(ctx, images, pix.IsImage)
	if err != nil {
		return nil, err
	}
	s := &Set{images: l, o: o}
	var broken []entry
	var brokenIDs, lists []string
	read := func(file string, pattern *regexp.Regexp, header string) (map[string]string, map[string]int, error) {
		found, lines, bad, err := readList(file, pattern, header)
		if err != nil {
			return nil, nil, err
		}
		rel, err := filepath.Rel(filepath.Dir(root), file)
		if err != nil || !filepath.IsLocal(rel) {
			rel = filepath.Base(file)
		}
		for _, b := range bad {
			broken, brokenIDs = append(broken, entry{err: b.err}), append(brokenIDs, fmt.Sprintf("%s line %d", filepath.Base(file), b.line))
		}
		lists = append(lists, filepath.ToSlash(rel))
		return found, lines, nil
	}
	names := map[string]string{}
	file := named
	if file == "" {
		file = first(root, nameLists...)
	} else if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("the list of classes: %w", err)
	}
	if file != "" {
		if names, _, err = read(file, nameLine, ""); err != nil {
			return nil, err
		}
	}
	title := func(class string) string {
		if n := names[class]; n != "" {
			return class + " " + n
		}
		return class
	}
	flat := !slices.ContainsFunc(l.Files, func(f string) bool { return strings.Contains(f, "/") })
	labels, lines := map[string]string{}, map[string]int{}
	labelFile := ""
	if flat {
		if labelFile = first(root, labelList); labelFile != "" {
			if labels, lines, err = read(labelFile, labelLine, "ImageId,PredictionString"); err != nil {
				return nil, err
			}
		}
	}
	classes := map[string]bool{}
	for _, f := range files.Interleave(l.Files) {
		e := entry{name: f}
		switch {
		case !flat && strings.Contains(f, "/"):
			e.class = title(strings.SplitN(f, "/", 2)[0])
		case labelFile != "":
			key := strings.TrimSuffix(path.Base(f), path.Ext(f))
			if c := labels[key]; c != "" {
				e.class = title(c)
			} else {
				e.lost = []datasets.LostLabel{{ID: "class", Reason: datasets.LostMissing, Where: labelFile + " has no line for " + f}}
			}
			delete(lines, key)
		}
		if e.class != "" {
			classes[e.class] = true
		}
		s.add(e, "")
	}
	if n := len(lines); n > 0 && labelFile != "" {
		at := ""
		for name, line := range lines {
			if at == "" || line < lines[at] {
				at = name
			}
		}
		s.add(entry{err: fmt.Errorf("%s:%d: there is no image %s, nor %d others of the list", labelFile, lines[at], at, n-1)}, filepath.Base(labelFile))
	}
	for i, e := range broken {
		s.add(e, brokenIDs[i])
	}
	what := "ImageNet"
	if len(classes) > 0 {
		what = fmt.Sprintf("ImageNet, %d classes", len(classes))
	}
	top := filepath.Dir(root)
	if named != "" { // it may lie anywhere
		lists = nil
	}
	s.describe(ImageNet, what, "LicenseRef-ImageNet-non-commercial", dir, top, lists)
	if named != "" {
		s.named(named)
	}
	return s, nil
}

// named puts a list that the user named into the digest.
func (s *Set) named(file string) {
	info := s.info
	s.info = func() datasets.Info {
		in := info()
		in.Digest = files.Digest(filepath.Dir(file), in.Digest, []string{filepath.Base(file)})
		return in
	}
}

// first is the first of files that is in a folder or in the one that it is in.
func first(root string, names ...string) string {
	for _, dir := range []string{root, filepath.Dir(root)} {
		for _, name := range names {
			file := filepath.Join(dir, name)
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
				return file
			}
		}
	}
	return ""
}

// A badLine is a line of a list that cannot be read.
type badLine struct {
	line int
	err  error
}

// readList reads lines of a key and a value, and tells in which line a key stands.
func readList(file string, pattern *regexp.Regexp, header string) (found map[string]string, lines map[string]int, bad []badLine, err error) {
	b, err := files.Read(file, maxList)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading a list of classes: %w", err)
	}
	found, lines = map[string]string{}, map[string]int{}
	n := 0
	for text := range strings.Lines(strings.TrimPrefix(string(b), "\ufeff")) {
		n++
		text = strings.TrimSpace(text)
		if text == "" || n == 1 && text == header {
			continue
		}
		m := pattern.FindStringSubmatch(text)
		switch {
		case m == nil:
			bad = append(bad, badLine{n, errLine(file, n, fmt.Sprintf("%.80q is no line of such a list", text))})
		case found[m[1]] != "":
			bad = append(bad, badLine{n, errLine(file, n, m[1]+" is there twice")})
		default:
			found[m[1]], lines[m[1]] = m[2], n
		}
	}
	return found, lines, bad, nil
}
