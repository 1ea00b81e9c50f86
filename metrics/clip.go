package metrics

import (
	"context"

	"github.com/vtbench/vtbench/pix"
)

// A Temporal metric looks at frames of a film in their order: does it hold from one to the
// next? It is safe for concurrent use; one that holds resources also implements io.Closer.
type Temporal interface {
	// Specs lists what its sequences yield, of the scopes step and clip.
	Specs() []Spec
	// Begin starts on a clip through one tokenizer under one condition. Its context lasts
	// for as long as the clip may; that of Next is of one window.
	Begin(ctx context.Context, clip ClipInfo) (Sequence, error)
}

// ClipInfo is what is known of a clip before its frames come.
type ClipInfo struct {
	ID     string  // for messages
	W, H   int     // of its frames, as they are compared
	Frames int     // how many are going to come
	Rate   float64 // frames a second; 0 where it is not known
}

// A Sequence takes the frames of a clip one after the other, and is used by one goroutine at
// a time. Close is always called, also when frames failed; the values of a clip of which a
// frame is missing are lost, and counted as failed.
type Sequence interface {
	// Next takes the next frame, and returns one value for every spec of scope step, none
	// of the first frame.
	Next(ctx context.Context, f Frame) ([]Value, error)
	// End returns one value for every spec of scope clip.
	End(ctx context.Context) ([]Value, error)
	Close() error
}

// A Frame is one of a clip, beside its reconstruction of the same size.
type Frame struct {
	Index    int  // in the clip, from 0
	Edge     bool // a window that tokenizers are given begins with it
	Ref, Got pix.Image
	// Flow is the motion of Ref from the frame before, where the data set knows it; nil
	// elsewhere.
	Flow *pix.Flow
}

// A Follower makes values of clips from the values that another metric has of their frames:
// how steadily is a word read?
type Follower interface {
	// Specs lists what Follow yields: one value a track, or a clip, each.
	Specs() []Spec
	// Of is the metric that is followed. Where that has a value an instance, Follow is
	// called for every track and its specs have scope track; else for every clip, and they
	// have scope clip.
	Of() string
	// Follow returns one value for every spec. There are as many seen as the clip has
	// frames, in order.
	Follow(seen []Seen) ([]Value, error)
}

// Seen is what a metric said of one frame.
type Seen struct {
	Edge  bool // a window that tokenizers are given begins with it
	Value float64
	// Known says that there is a value that counts: the thing is in the frame, and its
	// value was neither dropped nor lost.
	Known bool
	// Failed says that there should be one, and is none.
	Failed bool
}

// ClipSets are [Sets] that open a [ClipEmbedder]; their method says so before they are opened.
type ClipSets interface {
	Sets
	OfClips()
}

// A ClipEmbedder is an [Embedder] that looks at windows of films instead of single images.
type ClipEmbedder interface {
	Embedder
	// EmbedClip returns the state of one window.
	EmbedClip(ctx context.Context, clip pix.Clip) (state string, err error)
}
