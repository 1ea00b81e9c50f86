package datasets

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
)

// A Kind is an entry of the registry: how data sets of one sort are named, and
// how one is opened. There is no global registry and no init; the list of the
// kinds that ship is datasets/all.
type Kind struct {
	Name    string // "icdar": what stands before the colon
	Summary string // one line for lists
	Example string // a complete name: "icdar:DIR", "text-default"
	// Open opens the data set; arg is what stands behind the colon, "" without one.
	Open func(ctx context.Context, arg string) (Dataset, error)
}

// ErrUnknown marks a name that no kind has.
var ErrUnknown = errors.New("unknown data set")

// Open opens the data set that spec names: "text-default", "icdar:DIR".
func Open(ctx context.Context, spec string, kinds []Kind) (Dataset, error) {
	name, arg, _ := strings.Cut(spec, ":")
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if k.Name != name {
			names = append(names, k.Name)
			continue
		}
		d, err := k.Open(ctx, arg)
		if err != nil {
			return nil, fmt.Errorf("opening data set %q: %w", spec, err)
		}
		return d, nil
	}
	return nil, fmt.Errorf("%w %q%s (known: %s)", ErrUnknown, name, suggest.Hint(name, names), examples(kinds))
}

func examples(kinds []Kind) string {
	s := make([]string, len(kinds))
	for i, k := range kinds {
		s[i] = k.Example
	}
	return strings.Join(s, ", ")
}

// NoArgument is the error of a kind that takes nothing behind its name, or nil.
func NoArgument(name, arg string) error {
	if arg != "" {
		return fmt.Errorf("%s takes nothing behind a colon, but %q was given", name, arg)
	}
	return nil
}
