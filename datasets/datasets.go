// Package datasets says what a data set is: an ordered list of images with what
// is known of them for certain.
//
// Its opinion: truth is a label somebody wrote or a program rendered, never the
// output of the reader that is later used for scoring; the order is part of the
// data set, so that any prefix is a fair sample of the whole and "the first 50"
// means the same for everyone; and an image that cannot be read costs that image,
// with a message, not the run.
package datasets

import (
	"context"
	"image"
	"slices"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// Info identifies a data set. Results on data sets that differ in ID, Version
// or Digest are never compared.
type Info struct {
	ID      string `json:"id"`      // "text-default", "icdar"
	Version int    `json:"version"` // rises when the same ID yields other pixels or labels
	Digest  string `json:"digest"`  // hex SHA-256 over everything that shapes pixels and labels
	Title   string `json:"title"`
	Source  string `json:"source,omitempty"`  // where it comes from: a path, a paper, a generator
	Licence string `json:"licence,omitempty"` // SPDX id where there is one
	Reader  string `json:"reader,omitempty"`  // how files are decoded (pix.Options.Reader); in the digest too
}

// A Dataset is an ordered list of items. Implementations are safe for
// concurrent use.
type Dataset interface {
	Info() Info
	// IDs lists the items in their fixed order. IDs are unique, stable, and use
	// "/" as separator. Any prefix is stratified as far as the data allow.
	IDs() []string
	// Load reads or renders item i of IDs, with its labels. An error concerns
	// this item only and names the file.
	Load(ctx context.Context, i int) (Item, error)
}

// An Item is one image and what is known of it.
type Item struct {
	ID        string
	Cluster   string // unit that is resampled for intervals; "" means the item itself
	Image     pix.Image
	Instances []Instance
	// Labels are the classes of the pixels, of data sets of masks; Image is then the
	// painted map.
	Labels *LabelMap
	// Class is what the image shows as a whole, where the data set sorts images by it:
	// "n01440764 tench, Tinca tinca".
	Class string
	// Flow is the motion from the frame before, of a frame of a clip where it is known
	// exactly; nil elsewhere, and of a clip's first frame.
	Flow *pix.Flow
	// Lost are labels that cannot be used: they cost themselves, not the image.
	Lost []LostLabel
	// Notes say what was assumed or lost when the image was decoded.
	Notes []pix.Note
}

// A LostLabel is a label that says nothing that could be scored.
type LostLabel struct {
	ID     string // as an instance's, unique within the item
	Reason string // one of the constants
	Where  string // file and line, and what stands there
}

// Reasons for which labels are lost. Loaders use these where they apply, so that the
// counts of different data sets can be read together.
const (
	LostNoArea    = "label_no_area"
	LostOutside   = "label_outside"
	LostMalformed = "label_malformed"
	LostMissing   = "label_missing"
)

// A Listed data set was found by listing a folder.
type Listed interface {
	// LeftOut is what is in the folder, but not in the data set.
	LeftOut() files.Omissions
}

// ClusterID returns the unit to resample: Cluster, or the item's own ID.
func (it Item) ClusterID() string {
	if it.Cluster != "" {
		return it.Cluster
	}
	return it.ID
}

// An Instance is one labelled thing in an image: a word, a line, a face.
// Coordinates are pixels of the item's image; x to the right, y down.
type Instance struct {
	ID       string          // unique within the item
	Box      image.Rectangle // axis-aligned, half-open; the crop that is scored
	Quad     []Point         // corners clockwise from top left; nil when the box says all
	Text     string          // transcription, exact and case-sensitive
	Ignore   bool            // don't-care: never scored, counted as such
	Points   []Point         // key points; their meaning is the data set's
	Identity string          // who it is, where known
	Scale    float64         // size relative to the image where the source states it, else 0
	Tags     []string        // what kind it is ("receipt", "low-contrast"), for slicing results
}

// IsFace reports whether the instance is a face: it has no text, but key points or
// an identity. Metrics of text leave faces alone, metrics of faces leave text alone.
func (in Instance) IsFace() bool {
	return in.Text == "" && (in.Identity != "" || len(in.Points) > 0)
}

// Tags with a meaning of their own.
const (
	TagPage = "page"         // the text is that of the whole image, and where its lines are is not known
	TagCell = "cell"         // of a table
	TagEdge = "slanted-edge" // an edge between two even areas, the box a window on it; metrics of sharpness look at it
)

// WholePage reports whether the text is that of the whole image instead of a line in the
// box.
func (in Instance) WholePage() bool { return slices.Contains(in.Tags, TagPage) }

// OwnIdentity is the identity of a face of whom nothing is known: a person of its own.
// Loaders state it where a face has no key points either, so that it counts as a face.
func OwnIdentity(item, instance string) string { return item + "#" + instance }

// IsEdge reports whether the instance is a slanted edge, which metrics of text and faces
// leave alone.
func (in Instance) IsEdge() bool { return slices.Contains(in.Tags, TagEdge) }

// Point is a position in pixels; pixel centres lie at .5.
type Point struct{ X, Y float64 }

// A Pair is two items of which it is asked whether they show one person.
type Pair struct {
	Fold int    // of a cross-validation, from 0
	A, B string // ids of the items
	Same bool
}

// Paired is implemented by data sets that come with pairs.
type Paired interface {
	Pairs() []Pair
}

// A Clip is a run of items that are consecutive frames of one film. Instances with the same
// ID in several of them are one thing that moves: a track.
type Clip struct {
	ID     string  // the Cluster of its frames
	First  int     // index of its first frame
	Frames int     // how many there are
	Rate   float64 // frames a second; 0 where it is not known
}

// Clipped is implemented by data sets of films. Their frames are items, all of one size
// within a clip, with IDs such as "pan/0012" and the clip's ID as Cluster. The frames of a
// clip are loaded in ascending order, those of a few clips at the same time; Load of any
// frame must work at any time, but may then be slow. A frame that cannot be had is an error
// of Load; of those behind it in the same file, too.
type Clipped interface {
	Dataset
	// Clips lists the clips in order; together they cover all items.
	Clips() []Clip
}

// A Stratum is implemented by data sets that know how many of their first items
// a default run should take.
type Stratum interface {
	// DefaultItems is the length of the prefix a run takes unless told otherwise.
	DefaultItems() int
}
