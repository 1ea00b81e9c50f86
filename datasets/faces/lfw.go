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

// pairList is what a file of pairs says.
type pairList struct {
	pairs   []Pair
	missing []missingImage
	broken  *faults
}

// A missingImage is an image of a pair that is not there.
type missingImage struct {
	id  string // PERSON/PERSON_0001
	err error  // names file and line
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
// There are no key points. pairs.txt is looked for in dir and beside it: how many
// folds and how many pairs of each sort a fold has (pairsDevTrain.txt and
// pairsDevTest.txt have one fold and leave the first number out), then the pairs, same
// before different in every fold:
//
//	10	300
//	Abel_Pacheco	1	4
//	Abdel_Madi_Shabneh	1	Dean_Barker	1
//
// A line that is no such pair is an item that fails, and the lines behind it keep their
// places in the folds.
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
	entries, strays := make([]entry, 0, len(names)), 0
	for _, n := range takeTwo(names) {
		who := path.Dir(n)
		if who == "." {
			err := fmt.Errorf("image %s of %s is in no person's folder; PERSON/PERSON_0001.jpg is wanted (folder:%s takes images without identities)", n, dir, dir)
			if strays++; strays == len(names) {
				return nil, err
			}
			entries = append(entries, entry{id: n, err: err})
			continue
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
	d := description{kind: LFW, decode: o.Decode, leftOut: found.LeftOut, source: dir, root: root, images: root, ordered: true}
	for _, name := range []string{filepath.Join(root, "pairs.txt"), filepath.Join(filepath.Dir(root), "pairs.txt")} {
		b, err := files.Read(name, maxList)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading pairs: %w", err)
		}
		read, err := parsePairs(name, b, names)
		if err != nil {
			return nil, err
		}
		p.pairs = read.pairs
		for _, m := range read.missing {
			entries = append(entries, entry{id: m.id, err: m.err})
		}
		d.labels, d.faults = []string{name}, []*faults{read.broken}
		break
	}
	p.Set = newSet(d, entries)
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

// parsePairs reads LFW's pairs.txt. Names are the images of the data set, among which
// PERSON_0001 is found with any extension, in any folder. Images that are not among them
// are told, once each; their pairs name them by PERSON/PERSON_0001.
func parsePairs(file string, b []byte, names []string) (pairList, error) {
	byStem := make(map[string]string, len(names))
	for _, n := range names {
		byStem[stem(n)] = n
	}
	out := pairList{broken: &faults{file: file}}
	image := func(line int, who, number string) (string, error) {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return "", fmt.Errorf("%.80q is no number of a photograph of %.80s", number, who)
		}
		s := fmt.Sprintf("%s_%04d", who, n)
		if id, ok := byStem[s]; ok {
			return id, nil
		}
		if who == "" || strings.HasPrefix(who, ".") || strings.ContainsAny(who, "/\\\x00") {
			return "", fmt.Errorf("there is no image %.80s; take the whole data set, or pairs.txt away", s)
		}
		id := who + "/" + s
		byStem[s] = id
		out.missing = append(out.missing, missingImage{id: id, err: fmt.Errorf("%s: there is no image %s; take the whole data set, or pairs.txt away", at(file, line), s)})
		return id, nil
	}
	folds, size, rows, last := 0, 0, 0, 0
	var header error
	more, firstMore := 0, 0
	eachLine(b, out.broken, func(n int, line string) error {
		last = n
		f := strings.Split(line, "\t")
		if len(f) == 1 {
			f = strings.Fields(line)
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		switch {
		case header != nil:
			return nil
		case folds == 0:
			if folds, size, header = pairsHeader(f); header != nil {
				header = fmt.Errorf("%s: %w", at(file, n), header)
			}
			return nil
		case rows == 2*folds*size:
			if more++; more == 1 {
				firstMore = n
			}
			return nil
		}
		k := rows
		rows++
		p := Pair{Fold: k / (2 * size), Same: k%(2*size) < size}
		who, want := f[0], 4
		if p.Same {
			want = 3
		}
		if len(f) != want {
			return fmt.Errorf("%d fields, but pair %d of fold %d is one of %s and has %d", len(f), k%(2*size)+1, p.Fold+1,
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
		out.pairs = append(out.pairs, p)
		return nil
	})
	switch {
	case header != nil:
		return out, header
	case folds == 0:
		return out, unusable(file+" is empty: folds and pairs a fold are wanted in its first line", out.broken)
	case len(out.pairs) == 0 && out.broken.count() > 0:
		return out, unusable(file+" has no pair that can be read", out.broken)
	case out.broken.cut:
	case rows != 2*folds*size:
		out.broken.line(last, "", fmt.Errorf("the file ends after %d of the %d pairs that its first line announces; get it again, or correct that line", rows, 2*folds*size))
	case more > 0:
		out.broken.line(firstMore, "", fmt.Errorf("more pairs than the %d that the first line announces: this line and %d behind it", rows, more-1))
	}
	return out, nil
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
		return 0, 0, fmt.Errorf("the first line is %.80q: how many folds, and how many pairs of each sort a fold has, are wanted", strings.Join(f, " "))
	}
	return folds, size, nil
}

func stem(name string) string {
	name = path.Base(name)
	return strings.TrimSuffix(name, path.Ext(name))
}
