package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Token damage: corruptions of a suite that hit the codes between encoding and
// decoding instead of the image. Tokenizers that cannot decode codes have no
// records under them, and so have those that do not know their nearest codes
// under TokenNearest, cannot guess lost ones under TokenRepair, or have no clusters
// of codes under TokenCluster: that is a property, not a failure.
const (
	TokenDrop    = "token_drop"    // replaced by the most frequent code of the image
	TokenRandom  = "token_random"  // replaced by any other code
	TokenNearest = "token_nearest" // replaced by the nearest other code
	TokenRepair  = "token_repair"  // lost, and guessed from the codes around them
	TokenCluster = "token_cluster" // replaced by any other code of the same cluster
	// TokenMaskReplace is what VQ-Diffusion does to codes on its way to noise: nine in
	// ten are lost (and dropped), one becomes any other code.
	TokenMaskReplace = "token_mask_replace"
)

// TokenShares is the share of an image's tokens that each severity damages.
var TokenShares = [5]float64{.01, .05, .10, .20, .50}

// TokenDamages lists the kinds of token damage.
func TokenDamages() []string {
	return []string{TokenDrop, TokenRandom, TokenNearest, TokenRepair, TokenCluster, TokenMaskReplace}
}

// Frozen stands behind the name of a corruption that damages all frames of a film alike, as
// dirt on a lens does; without it random damage is new in every frame, as noise of a sensor is.
const Frozen = "_frozen"

// FrameDrop loses frames of a film on their way to the tokenizer: the last one that came is
// shown again. The first of every window comes.
const FrameDrop = "frame_drop"

// FrameShares is the share of frames that each severity of FrameDrop loses.
var FrameShares = [5]float64{.05, .10, .20, .30, .50}

// Image is the corruption of images that a condition applies, and whether it is the same for
// all frames of a film; "" where it applies none.
func (c Condition) Image() (name string, frozen bool) {
	if !c.DamagesImage() || c.Corruption == FrameDrop {
		return "", false
	}
	name, frozen = strings.CutSuffix(c.Corruption, Frozen)
	return name, frozen
}

// Films reports whether a condition is one of films only.
func (c Condition) Films() bool {
	_, frozen := c.Image()
	return frozen || c.Corruption == FrameDrop
}

// DamagesTokens reports whether the condition hits codes and not the image.
func (c Condition) DamagesTokens() bool { return slices.Contains(TokenDamages(), c.Corruption) }

// DamagesImage reports whether the condition hits the image before the tokenizer.
func (c Condition) DamagesImage() bool { return c.Corruption != "" && !c.DamagesTokens() }

// ImageCorruptions reports whether any corruption needs Config.Corrupt.
func (s *Suite) ImageCorruptions() bool {
	return slices.ContainsFunc(s.Corruptions, func(c Corruption) bool { return !strings.HasPrefix(c.Type, "token_") })
}

// Original is the name of the tokenizer that hands an image through untouched,
// without the way through the tokenizer's resolution: the upper bound of every
// table.
const Original = "original"

// A Condition is what was done to an image on its way to the tokenizer.
type Condition struct {
	Corruption string // "" for clean
	Severity   int
	Resolution int    // side of the square the tokenizer sees, or Native; 0 for no tokenizer's size
	Against    string // "" scores against the reference the tokenizer saw, "clean" against the undamaged one
}

// Native is the resolution of tokenizers that are given images at their own size.
const Native = -1

// native is Native in files.
const native = "native"

// Resolutions are the sides of squares, and Native, which is written as a word.
type Resolutions []int

// ParseResolution reads a side in pixels, or "native".
func ParseResolution(s string) (int, error) {
	if s == native {
		return Native, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("resolution %q: want the side of a square in pixels, or %s", s, native)
	}
	return n, nil
}

// Size is a resolution in words: "256 px", "native size"; "" where there is none.
func Size(resolution int) string {
	switch {
	case resolution == Native:
		return native + " size"
	case resolution > 0:
		return strconv.Itoa(resolution) + " px"
	}
	return ""
}

// UnmarshalYAML reads numbers and the word native.
func (r *Resolutions) UnmarshalYAML(decode func(any) error) error {
	var words []string
	if err := decode(&words); err != nil {
		return err
	}
	out := make(Resolutions, len(words))
	for i, w := range words {
		if w == native {
			out[i] = Native
			continue
		}
		n, err := strconv.Atoi(w) // whether it is a possible size is said by Validate
		if err != nil {
			return fmt.Errorf("resolutions: %q is neither a side in pixels nor %s", w, native)
		}
		out[i] = n
	}
	*r = out
	return nil
}

// MarshalJSON writes numbers and the word native.
func (r Resolutions) MarshalJSON() ([]byte, error) {
	out := make([]any, len(r))
	for i, n := range r {
		if out[i] = n; n == Native {
			out[i] = native
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Resolutions) UnmarshalJSON(b []byte) error {
	var words []json.RawMessage
	if err := json.Unmarshal(b, &words); err != nil {
		return err
	}
	out := make(Resolutions, len(words))
	for i, w := range words {
		if string(w) == `"`+native+`"` {
			out[i] = Native
		} else if err := json.Unmarshal(w, &out[i]); err != nil {
			return err
		}
	}
	*r = out
	return nil
}

// AgainstClean marks scores of a corrupted condition against the undamaged
// original (restoration) instead of what the tokenizer was shown (fidelity).
const AgainstClean = "clean"

// String is the form used in records: "clean@256", "fog/3@512", "fog/3@512~clean".
func (c Condition) String() string {
	s := "clean"
	if c.Corruption != "" {
		s = c.Corruption + "/" + strconv.Itoa(c.Severity)
	}
	switch {
	case c.Resolution == Native:
		s += "@" + native
	case c.Resolution > 0:
		s += "@" + strconv.Itoa(c.Resolution)
	}
	if c.Against != "" {
		s += "~" + c.Against
	}
	return s
}

// ParseCondition reads what String wrote.
func ParseCondition(s string) (Condition, error) {
	var c Condition
	head, against, _ := strings.Cut(s, "~")
	c.Against = against
	name, size, sized := strings.Cut(head, "@")
	if sized {
		var err error
		if c.Resolution, err = ParseResolution(size); err != nil {
			return Condition{}, fmt.Errorf("condition %q: %q is not a resolution", s, size)
		}
	}
	if name == "clean" {
		return c, nil
	}
	corruption, severity, ok := strings.Cut(name, "/")
	n, err := strconv.Atoi(severity)
	if !ok || corruption == "" || err != nil {
		return Condition{}, fmt.Errorf("condition %q: want clean or CORRUPTION/SEVERITY, with @RESOLUTION", s)
	}
	c.Corruption, c.Severity = corruption, n
	return c, nil
}

// ReferenceOf is the condition under which the references stand that reconstructions
// of c are compared with: without a resolution where that is the untouched image.
func (s *Suite) ReferenceOf(c Condition) Condition {
	switch {
	case c.DamagesImage() && c.Against == "":
		return c
	case s.ScoreAt == "input":
		return Condition{Resolution: c.Resolution}
	}
	return Condition{}
}

// Conditions lists what a suite does to every image, in the order of records.
func (s *Suite) Conditions() []Condition {
	var out []Condition
	for _, res := range s.Resolutions {
		out = append(out, Condition{Resolution: res})
	}
	for _, c := range s.Corruptions {
		for _, sev := range c.Severities {
			for _, res := range s.Resolutions {
				out = append(out, Condition{Corruption: c.Type, Severity: sev, Resolution: res})
			}
		}
	}
	return out
}

// AllConditions lists the conditions that records can have: those of Conditions,
// and for corrupted ones the scores against the undamaged original.
func (s *Suite) AllConditions() []Condition {
	var out []Condition
	for _, c := range s.Conditions() {
		out = append(out, c)
		if c.Corruption != "" && !c.DamagesTokens() {
			c.Against = AgainstClean
			out = append(out, c)
		}
	}
	return out
}
