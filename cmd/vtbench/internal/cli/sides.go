package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/suite"
)

// sides is a flag of resolutions, or shows them: "256,native". What is given replaces the default.
type sides struct {
	to  *suite.Resolutions
	set bool
}

// String implements pflag.Value.
func (s *sides) String() string {
	if s.to == nil {
		return ""
	}
	var words []string
	for _, r := range *s.to {
		if r == suite.Native {
			words = append(words, "native")
		} else {
			words = append(words, strconv.Itoa(r))
		}
	}
	return strings.Join(words, ",")
}

// Type implements pflag.Value.
func (s *sides) Type() string { return "sides" }

// Set implements pflag.Value.
func (s *sides) Set(text string) error {
	if !s.set {
		*s.to, s.set = nil, true
	}
	for word := range strings.SplitSeq(text, ",") {
		r, err := suite.ParseResolution(strings.TrimSpace(word))
		if err != nil {
			return err
		}
		if slices.Contains(*s.to, r) {
			return fmt.Errorf("%s is given twice", word)
		}
		*s.to = append(*s.to, r)
	}
	return nil
}
