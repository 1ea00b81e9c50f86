package faces

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// LFW names the kind "lfw:DIR".
const LFW = "lfw"

// People is a data set of photographs sorted by person, with pairs to verify.
type People struct {
	*Set
	pairs []Pair
}

// Pair is two photographs of which it is asked whether they show one person.
type Pair = datasets.Pair

// Pairs returns the pairs of pairs.txt in their order; none where the file is not
// there.
func (p *People) Pairs() []Pair { return slices.Clone(p.pairs) }

// A MissingImage is an image of a pair that is not there.
type MissingImage struct {
	ID  string // PERSON/PERSON_0001
	Err error  // names file and line
}

// lfwSide is the side of LFW's images. They were cut out around detected faces, 2.2
// times as wide and high as those (Huang et al. 2007, section 3), which tells the
// box.
const (
	lfwSide   = 250
	lfwMargin = 2.2
)

// OpenLFW opens Labeled Faces in the Wild (Huang et al. 2007) and what is laid out
// like it: PERSON/PERSON_0001.jpg, in dir or deeper. The folder is the identity.
// There are no key points. pairs.txt is looked for in dir and beside it; see
// [ParsePairs].
//
// The order takes two photographs of each person in turn, so that a prefix has
// both people to tell apart and people to recognise.
func OpenLFW(ctx context.Context, dir string, o datasets.Options) (*People, error) {
	root, err := files.Dir(dir)
	if err != nil {
		return nil, err
	}
	found, err := files.List(ctx, root, pix.IsImage)
	if err != nil {
		return nil, err
	}
	names := found.Files
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no image; PERSON/PERSON_0001.jpg is wanted", dir)
	}
	entries := make([]entry, 0, len(names))
	for _, n := range takeTwo(names) {
		who := path.Dir(n)
		if who == "." {
			return nil, fmt.Errorf("image %s of %s is in no person's folder; PERSON/PERSON_0001.jpg is wanted (folder:%s takes images without identities)", n, dir, dir)
		}
		f := face{where: n, identity: who}
		entries = append(entries, entry{id: n, fit: func(w, h int) ([]face, error) {
			f := f
			f.box, f.tags = box{0, 0, float64(w), float64(h)}, []string{TagBoxIsImage}
			if w == lfwSide && h == lfwSide {
				const margin = lfwSide * (1 - 1/lfwMargin) / 2
				f.box, f.tags = box{margin, margin, lfwSide - margin, lfwSide - margin}, []string{TagBoxFromAlignment}
			}
			return []face{f}, nil
		}})
	}
	p := &People{}
	var labels []string
	for _, name := range []string{filepath.Join(root, "pairs.txt"), filepath.Join(filepath.Dir(root), "pairs.txt")} {
		b, err := files.Read(name, maxList)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading pairs: %w", err)
		}
		var gone []MissingImage
		if p.pairs, gone, err = ParsePairs(name, b, names); err != nil {
			return nil, err
		}
		for _, m := range gone {
			entries = append(entries, entry{id: m.ID, err: m.Err})
		}
		labels = append(labels, name)
		break
	}
	p.Set = newSet(description{kind: LFW, decode: o.Decode, leftOut: found.LeftOut, source: dir, root: root, images: root, labels: labels, ordered: true}, entries)
	return p, nil
}

// takeTwo orders sorted names so that folders take turns with two each.
func takeTwo(names []string) []string {
	var dirs []string
	byDir := map[string][]string{}
	for _, n := range names {
		d := path.Dir(n)
		if _, ok := byDir[d]; !ok {
			dirs = append(dirs, d)
		}
		byDir[d] = append(byDir[d], n)
	}
	slices.SortFunc(dirs, files.Natural)
	out := make([]string, 0, len(names))
	for len(out) < len(names) {
		for _, d := range dirs {
			n := min(2, len(byDir[d]))
			out = append(out, byDir[d][:n]...)
			byDir[d] = byDir[d][n:]
		}
	}
	return out
}

// ParsePairs reads LFW's pairs.txt: how many folds and how many pairs of each sort
// a fold has (pairsDevTrain.txt and pairsDevTest.txt have one fold and leave the
// first number out), then the pairs, same before different in every fold:
//
//	10	300
//	Abel_Pacheco	1	4
//	Abdel_Madi_Shabneh	1	Dean_Barker	1
//
// Names are the images of the data set, among which PERSON_0001 is found with any
// extension, in any folder. Images that are not among them are told, once each; their
// pairs name them by PERSON/PERSON_0001.
func ParsePairs(file string, b []byte, names []string) ([]Pair, []MissingImage, error) {
	byStem := make(map[string]string, len(names))
	for _, n := range names {
		byStem[stem(n)] = n
	}
	var gone []MissingImage
	image := func(line int, who, number string) (string, error) {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return "", fmt.Errorf("%q is no number of a photograph of %s", number, who)
		}
		s := fmt.Sprintf("%s_%04d", who, n)
		if id, ok := byStem[s]; ok {
			return id, nil
		}
		if who == "" || strings.HasPrefix(who, ".") || strings.ContainsAny(who, "/\\\x00") {
			return "", fmt.Errorf("there is no image %s; take the whole data set, or pairs.txt away", s)
		}
		id := who + "/" + s
		byStem[s] = id
		gone = append(gone, MissingImage{ID: id, Err: fmt.Errorf("%s: there is no image %s; take the whole data set, or pairs.txt away", at(file, line), s)})
		return id, nil
	}
	var pairs []Pair
	folds, size := 0, 0
	err := eachLine(file, b, func(n int, line string) error {
		f := strings.Split(line, "\t")
		if len(f) == 1 {
			f = strings.Fields(line)
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		if folds == 0 {
			var err error
			folds, size, err = pairsHeader(f)
			return err
		}
		if len(pairs) == 2*folds*size {
			return fmt.Errorf("more pairs than the %d that the first line announces", len(pairs))
		}
		p := Pair{Fold: len(pairs) / (2 * size), Same: len(pairs)%(2*size) < size}
		who, want := f[0], 4
		if p.Same {
			want = 3
		}
		if len(f) != want {
			return fmt.Errorf("%d fields, but pair %d of fold %d is one of %s and has %d", len(f), len(pairs)%(2*size)+1, p.Fold+1,
				map[bool]string{true: "the same person", false: "two people"}[p.Same], want)
		}
		var err error
		if p.A, err = image(n, who, f[1]); err != nil {
			return err
		}
		if !p.Same {
			who = f[2]
		}
		if p.B, err = image(n, who, f[want-1]); err != nil {
			return err
		}
		pairs = append(pairs, p)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if folds == 0 {
		return nil, nil, fmt.Errorf("%s is empty: folds and pairs a fold are wanted in its first line", file)
	}
	if len(pairs) != 2*folds*size {
		return nil, nil, fmt.Errorf("%s ends after %d of the %d pairs that its first line announces", file, len(pairs), 2*folds*size)
	}
	return pairs, gone, nil
}

func pairsHeader(f []string) (folds, size int, err error) {
	folds = 1
	if len(f) == 2 {
		folds, err = strconv.Atoi(f[0])
	}
	if err == nil && len(f) <= 2 {
		size, err = strconv.Atoi(f[len(f)-1])
	}
	const most = 1 << 20
	if err != nil || len(f) > 2 || folds < 1 || folds > most || size < 1 || size > most {
		return 0, 0, fmt.Errorf("the first line is %q: how many folds, and how many pairs of each sort a fold has, are wanted", strings.Join(f, " "))
	}
	return folds, size, nil
}

func stem(name string) string {
	name = path.Base(name)
	return strings.TrimSuffix(name, path.Ext(name))
}
