// Package suggest finds the name a user probably meant.
package suggest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the candidate with the smallest edit distance to name, or ""
// when none is near enough to be a plausible slip of the fingers.
func Nearest(name string, candidates []string) string {
	best, bestDist := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(c))
		if strings.HasPrefix(c, name) && name != "" {
			d = min(d, 1)
		}
		if d < bestDist {
			best, bestDist = c, d
		}
	}
	return best
}

// Hint is the nearest name as the tail of an error message, `, did you mean
// "x"?`, or "".
func Hint(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return `, did you mean "` + n + `"?`
	}
	return ""
}
