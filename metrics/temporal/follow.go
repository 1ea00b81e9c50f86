package temporal

import (
	"fmt"
	"math"

	"github.com/vtbench/vtbench/metrics"
)

// Ids of what is followed through a clip.
const (
	Stability       = "t-stability"
	Flips           = "t-flips"
	TextTrack       = "t-ned-track"
	TextJitter      = "t-jitter"
	FaceTrack       = "f-sim-track"
	FaceJitter      = "f-jitter"
	FirstFrame      = "window-first-psnr"
	BoundaryFlicker = "window-flicker"
)

// Followers lists what is made of the values of frames.
func Followers() []metrics.Follower {
	share := func(id, title, of, source, short, long string, better metrics.Direction) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Unit: "share", Better: better, Min: 0, Max: 1, Scope: metrics.PerTrack, Labels: true,
			Source: source + "; follows " + of, Role: metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: short, Long: long,
		}
	}
	jitter := func(id, title, of, what string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Better: metrics.Lower, Min: 0, Max: 2, Scope: metrics.PerTrack, Labels: true,
			Source: "mean |difference between neighbouring frames| of " + of + ", our own", Role: metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
			Short: "change of " + what + " from frame to frame",
			Long:  "How much " + what + " changes between neighbouring frames of a track. What is always lost does not change: read it beside the mean.",
		}
	}
	track := func(id, title, of, what string, lo float64) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Better: metrics.Higher, Min: lo, Max: 1, Scope: metrics.PerTrack, Labels: true,
			Source: "mean " + of + " over the frames of a track, our own", Role: metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
			Short: what + ", every track alike",
			Long:  "As " + of + ", a value a track: the mean is over things, however long they are seen.",
		}
	}
	return []metrics.Follower{
		follower{
			share(Stability, "Stability", "t-acc", "share of a track's frames in which the word is read, our own",
				"share of frames in which a word stays read",
				"Of the frames of a word in which it can be read in the original, the share in which it is read in the reconstruction; the mean is over words, however long they are seen.", metrics.Higher),
			"t-acc", mean(metrics.DropUnreadable),
		},
		follower{
			share(Flips, "Flips", "t-acc", "share of neighbouring frames of a track between which a word appears or is lost, our own",
				"share of steps at which a word is lost or found",
				"How often a word changes between read and not read from a frame to the next. A word that is never read does not flip: read it beside the stability.", metrics.Lower),
			"t-acc", func(seen []metrics.Seen) metrics.Value {
				return neighbours(seen, func(a, b float64) float64 { return step(a != b) })
			},
		},
		follower{track(TextTrack, "T-NED of tracks", "t-ned", "similarity of what is read", 0), "t-ned", mean(metrics.DropUnreadable)},
		follower{jitter(TextJitter, "T-NED jitter", "t-ned", "T-NED"), "t-ned", change1},
		follower{track(FaceTrack, "F-Sim of tracks", "f-sim", "similarity of the face", -1), "f-sim", mean(metrics.DropNotFound)},
		follower{jitter(FaceJitter, "F-Sim jitter", "f-sim", "the similarity of a face"), "f-sim", change1},
		follower{
			metrics.Spec{
				ID: FirstFrame, Version: 1, Title: "First of a window", Unit: "dB", Better: metrics.Neither, Min: metrics.Unbounded(-1), Max: metrics.Unbounded(1), Scope: metrics.PerClip,
				Source: "mean PSNR of the first frames of the windows minus that of the others, our own; follows psnr", Role: metrics.RoleReference, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
				Short: "PSNR of the first frame of each window against the others",
				Long:  "Causal tokenizers code the first frame of a window by itself. Below 0 it is worse than the others, above 0 better.",
			},
			"psnr", func(seen []metrics.Seen) metrics.Value {
				return apart(seen, func(i int) bool { return seen[i].Edge })
			},
		},
		follower{
			metrics.Spec{
				ID: BoundaryFlicker, Version: 1, Title: "Flicker at windows", Unit: "grey levels", Better: metrics.Lower, Min: -510, Max: 510, Scope: metrics.PerClip,
				Source: "mean flicker of the steps from one window to the next minus that of the steps within windows, our own; follows flicker", Role: metrics.RoleReference, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .05},
				Short: "flicker between windows against that within them",
				Long:  "What coding a film in windows costs where they meet: 0 for a tokenizer that works frame by frame.",
			},
			Flicker, func(seen []metrics.Seen) metrics.Value {
				return apart(seen, func(i int) bool { return seen[i].Edge })
			},
		},
	}
}

func step(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type follower struct {
	spec metrics.Spec
	of   string
	make func(seen []metrics.Seen) metrics.Value
}

func (f follower) Specs() []metrics.Spec { return []metrics.Spec{f.spec} }
func (f follower) Of() string            { return f.of }

// Follow makes the value of a track, or of a clip. One that lacks values which should be
// there has none.
func (f follower) Follow(seen []metrics.Seen) ([]metrics.Value, error) {
	failed := 0
	for _, s := range seen {
		if s.Failed {
			failed++
		}
	}
	if failed > 0 {
		return nil, fmt.Errorf("%s is missing in %d of %d frames", f.of, failed, len(seen))
	}
	v := f.make(seen)
	v.Metric = f.spec.ID
	if v.Drop == "" && (math.IsInf(v.Value, 0) || math.IsNaN(v.Value)) {
		v.Value, v.Drop = math.NaN(), metrics.DropUndefined
	}
	return []metrics.Value{v}, nil
}

// mean is over the frames with a value; a track without any is dropped for the reason none.
func mean(none string) func(seen []metrics.Seen) metrics.Value {
	return func(seen []metrics.Seen) metrics.Value {
		n, sum := 0., 0.
		for _, s := range seen {
			if s.Known {
				n, sum = n+1, sum+s.Value
			}
		}
		if n == 0 {
			return metrics.Value{Value: math.NaN(), Drop: none}
		}
		return metrics.Value{Value: sum / n}
	}
}

// neighbours is the mean over pairs of neighbouring frames that both have a value.
func neighbours(seen []metrics.Seen, of func(a, b float64) float64) metrics.Value {
	n, sum := 0., 0.
	for i := 1; i < len(seen); i++ {
		if seen[i-1].Known && seen[i].Known {
			n, sum = n+1, sum+of(seen[i-1].Value, seen[i].Value)
		}
	}
	if n == 0 {
		return metrics.Value{Value: math.NaN(), Drop: metrics.DropUndefined}
	}
	return metrics.Value{Value: sum / n}
}

func change1(seen []metrics.Seen) metrics.Value {
	return neighbours(seen, func(a, b float64) float64 { return math.Abs(a - b) })
}

// apart is the mean of the values of some frames less that of the others; undefined where
// one of them has none, as in a clip of one window.
func apart(seen []metrics.Seen, some func(i int) bool) metrics.Value {
	var n, sum [2]float64
	for i, s := range seen {
		if s.Known {
			k := int(step(some(i)))
			n[k], sum[k] = n[k]+1, sum[k]+s.Value
		}
	}
	return metrics.Value{Value: sum[1]/n[1] - sum[0]/n[0]}
}
