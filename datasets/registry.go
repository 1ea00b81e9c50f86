package datasets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// A Kind is an entry of the registry: how data sets of one sort are named, and
// how one is opened. There is no global registry and no init; the list of the
// kinds that ship is datasets/all.
type Kind struct {
	Name    string // "icdar": what stands before the colon
	Summary string // one line for lists
	Example string // a complete name: "icdar:DIR", "text-default"
	// Open opens the data set; arg is what stands behind the colon, "" without one.
	Open func(ctx context.Context, arg string, o Options) (Dataset, error)
}

// Options say how the files of a data set are read. The zero value is the default.
type Options struct {
	Decode pix.Options
}

// orientationOption is how a spec sets Options.Decode: "folder:DIR,orientation=stored".
const orientationOption = ",orientation="

// splitOptions takes the options off the end of what stands behind the colon and puts them
// over o.
func splitOptions(arg string, o Options) (string, Options, error) {
	i := strings.LastIndex(arg, orientationOption)
	if i < 0 {
		return arg, o, nil
	}
	d, err := pix.ParseOrientation(arg[i+len(orientationOption):])
	o.Decode.Stored = d.Stored
	return arg[:i], o, err
}

// TakesPath reports whether a path stands behind the kind's name: "icdar:DIR".
func (k Kind) TakesPath() bool { return strings.Contains(k.Example, ":") }

// ErrUnknown marks a name that no kind has.
var ErrUnknown = errors.New("unknown data set")

// Open opens the data set that spec names: "text-default", "icdar:DIR",
// "icdar:DIR,orientation=stored". Images are turned upright by their EXIF
// orientation unless the spec says "stored".
func Open(ctx context.Context, spec string, kinds []Kind) (Dataset, error) {
	return OpenWith(ctx, spec, kinds, Options{})
}

// OpenWith is Open with other options than the usual; what the spec says comes first.
func OpenWith(ctx context.Context, spec string, kinds []Kind, o Options) (Dataset, error) {
	name, arg, _ := strings.Cut(spec, ":")
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if k.Name != name {
			names = append(names, k.Name)
			continue
		}
		arg, o, err := splitOptions(arg, o)
		if err != nil {
			return nil, fmt.Errorf("data set %q: %w", spec, err)
		}
		d, err := k.Open(ctx, arg, o)
		if err != nil {
			return nil, fmt.Errorf("opening data set %q: %w", spec, err)
		}
		return d, nil
	}
	if st, err := os.Stat(spec); err == nil && spec != "" {
		what := "a file"
		if st.IsDir() {
			what = "a folder"
		}
		return nil, fmt.Errorf("%w: %q is %s, and what it holds is not said: %s", ErrUnknown, spec, what, prefixes(spec, kinds))
	}
	return nil, fmt.Errorf("%w %q%s; `vtbench list datasets` shows all", ErrUnknown, name, suggest.Hint(name, names))
}

// prefixes tells which names of kinds may stand before a path, the last kind first:
// the one that takes any images.
func prefixes(path string, kinds []Kind) string {
	var names []string
	for _, k := range slices.Backward(kinds) {
		if k.TakesPath() {
			names = append(names, k.Name)
		}
	}
	if len(names) == 0 {
		return "no kind of data set takes a path"
	}
	s := fmt.Sprintf("write %s:%s", names[0], path)
	if len(names) > 1 {
		slices.Reverse(names[1:])
		s += fmt.Sprintf(", or with another prefix where it has labels (%s)", strings.Join(names[1:], ", "))
	}
	return s
}

// NoArgument is the error of a kind that takes nothing behind its name, or nil.
func NoArgument(name, arg string) error {
	if arg != "" {
		return fmt.Errorf("%s takes nothing behind a colon, but %q was given", name, arg)
	}
	return nil
}
