package quant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

// What ships is fitted to this many pixels of each kind of image, drawn with this
// seed.
const (
	SourcePixels = 6 << 20
	SourceSeed   = 20160421
)

// sourcePages is how many pages of text a source has.
const sourcePages = 24

// A Source is what is fitted to: whole images of two kinds, in equal shares.
type Source struct {
	Photos, Pages []pix.Image
	Pixels        int    // of each kind, that patches are drawn from
	Seed          uint64 // of the draw, and of what is random in the fits
}

// NewSource makes a source of photographs, each seen at the sizes that runs
// prepare, and of as much rendered text.
func NewSource(photographs []pix.Image, pixels int, seed uint64) (Source, error) {
	src := Source{Pixels: pixels, Seed: seed}
	for _, m := range photographs {
		for _, side := range []int{1024, 512, 256} {
			src.Photos = append(src.Photos, sample.Shrink(m, side))
		}
	}
	text, err := sample.NewText(seed)
	if err != nil {
		return src, err
	}
	for range sourcePages {
		page, err := text.Page(512, 512)
		if err != nil {
			return src, err
		}
		src.Pages = append(src.Pages, page)
	}
	return src, nil
}

// Packaged is the source of what ships: the packaged photographs whose role is to
// fit. The error is a missing.Error where they were not fetched.
func Packaged(pixels int, seed uint64) (Source, error) {
	photographs, err := sample.Photographs()
	if err != nil {
		return Source{}, err
	}
	return NewSource(photographs, pixels, seed)
}

// Digest is the hex SHA-256 of the images, sizes and pixels: another version of a
// decoder, a scaler or a typeface changes it, and with it what is fitted.
func (s Source) Digest() string {
	h := sha256.New()
	for _, images := range [][]pix.Image{s.Photos, s.Pages} {
		for _, m := range images {
			_, _ = fmt.Fprintf(h, "%d %d ", m.W, m.H) // hashes do not fail
			_, _ = h.Write(m.Pix)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Patches draws patches of side×side pixels worth Pixels from each kind of image,
// and says which image each is from. The same positions are drawn whatever through
// does to the images, which must keep their size; nil leaves them as they are.
func (s Source) Patches(side int, through func(pix.Image) (pix.Image, error)) (patches [][]uint8, image []int, err error) {
	type cut struct {
		patch []uint8
		image int
	}
	rng := rand.New(rand.NewPCG(s.Seed, uint64(side)))
	first := 0
	for _, images := range [][]pix.Image{s.Photos, s.Pages} {
		seen := images
		if through != nil {
			seen = make([]pix.Image, len(images))
			for i, m := range images {
				if seen[i], err = through(m); err != nil {
					return nil, nil, err
				}
				if seen[i].W != m.W || seen[i].H != m.H {
					return nil, nil, fmt.Errorf("an image of %d×%d became %d×%d", m.W, m.H, seen[i].W, seen[i].H)
				}
			}
		}
		var pool []cut
		// Small patches are plenty on one grid; large ones need several.
		for range max(1, side/4) {
			for i, m := range seen {
				for _, p := range Patches(m, side, rng.IntN(side), rng.IntN(side)) {
					pool = append(pool, cut{p, first + i})
				}
			}
		}
		want := s.Pixels / (side * side)
		rng.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		for _, c := range pool[:min(want, len(pool))] {
			patches, image = append(patches, c.patch), append(image, c.image)
		}
		first += len(images)
	}
	if len(patches) == 0 {
		return nil, nil, fmt.Errorf("the images have no patch of %d×%d pixels", side, side)
	}
	return patches, image, nil
}
