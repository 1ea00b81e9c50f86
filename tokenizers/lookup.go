package tokenizers

import (
	"context"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// An ItemRef says which image of which data set an input was made from.
type ItemRef struct {
	Dataset    string // id of the data set: "icdar"
	Item       string // id of the item: "images/img_1", with or without an extension
	Condition  string // "clean", or "gaussian_noise/3"
	Resolution int    // side of the square the input was fitted to; 0: not fitted
	W, H       int    // the item's own size, before it was fitted
}

// A Lookup is a tokenizer that finds reconstructions by name instead of
// computing them from pixels. Whoever knows the names calls ReconstructItems;
// the tokenizer's plain Reconstruct then fails every item.
type Lookup interface {
	// ReconstructItems is Reconstruct with the name of every input. An image that
	// it returns has the size of its input or, where Info().ScaledBack, the item's own
	// size (W×H of its ref): that one must not be scaled a second time.
	ReconstructItems(ctx context.Context, refs []ItemRef, in []pix.Image) ([]Reconstruction, error)
}

// A Planner is a Lookup that is told beforehand what it will be asked for, since what
// a name means may depend on all of them.
type Planner interface {
	// Plan is called once, before anything is reconstructed, with all that a run may
	// ask for. Its error says that names are ambiguous; what is missing is said item
	// by item, when its turn comes.
	Plan(ctx context.Context, asked []Asked) error
}

// Asked is what a run asks a Planner for: every item of a data set under every
// condition at every resolution.
type Asked struct {
	Dataset     string
	Items       []string // all of the data set, not only those of the run
	Conditions  []string // as in an ItemRef
	Resolutions []int
}

// A Listed tokenizer was found by listing a folder.
type Listed interface {
	// LeftOut is what is in the folder and is no reconstruction, by reason.
	LeftOut() files.Omissions
}
