package faces

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// maxFaults is how many faults of a file are told one by one; the others are counted.
const maxFaults = 100

// enoughFaults is after how many faults a file is read no further: it is something else.
const enoughFaults = 100_000

// faults are what of a file of annotations cannot be used. Each becomes an item that
// fails, but for those that an image answers for.
type faults struct {
	file string
	list []fault
	more int // beyond those that are listed
	cut  bool
}

type fault struct {
	place string // behind the name of the file: ":12", " images[3]"
	about string // the key of the image that it is about, "" where that is not known
	err   error  // names file and place
	taken bool   // the image is there, and fails by it
}

// add takes a fault; about is the key of the image whose label it is, or "".
func (f *faults) add(place, about string, err error) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, fault{place: place, about: about, err: err})
}

// line takes a fault of a line.
func (f *faults) line(n int, about string, err error) {
	f.add(":"+strconv.Itoa(n), about, fmt.Errorf("%s: %w", at(f.file, n), err))
}

// enough says that a file is not worth reading on, which is told.
func (f *faults) enough() bool {
	f.cut = f.count() >= enoughFaults
	return f.cut
}

// count is how many there are.
func (f *faults) count() int { return len(f.list) + f.more }

// claim says that an image is there, so that what is wrong with its label is its own error
// and no item beside it.
func (f *faults) claim(about string) {
	for i := range f.list {
		if x := &f.list[i]; x.about == about && about != "" {
			x.taken = true
			return // that which of returns
		}
	}
}

// of is what is wrong with the label of an image, nil for nothing.
func (f *faults) of(about string) error {
	for _, x := range f.list {
		if x.about == about && about != "" {
			return x.err
		}
	}
	return nil
}

// missing says that a file has no label of an image, or none that can be read.
func (f *faults) missing(what string) error {
	if f.more > 0 {
		what += " that can be read; it has more faults than are told one by one"
	}
	return fmt.Errorf("%s has no %s", f.file, what)
}

// entries are the items that fail.
func (f *faults) entries() []entry {
	name := filepath.Base(f.file)
	var out []entry
	for _, x := range f.list {
		if !x.taken {
			out = append(out, entry{id: name + x.place, err: x.err})
		}
	}
	if f.more > 0 {
		err := fmt.Errorf("%s has %d more faults than the first %d, which are told one by one", f.file, f.more, len(f.list))
		if f.cut {
			err = fmt.Errorf("%w; what stands behind them was not read", err)
		}
		out = append(out, entry{id: name + " and more", err: err})
	}
	return out
}

// unusable is why nothing of files could be used, nil where something else is the cause.
func unusable(what string, all ...*faults) error {
	n := 0
	var first error
	for _, f := range all {
		if n += f.count(); first == nil && len(f.list) > 0 {
			first = f.list[0].err
		}
	}
	switch {
	case first == nil:
		return errors.New(what)
	case n == 1:
		return fmt.Errorf("%s: %w", what, first)
	}
	return fmt.Errorf("%s: %w, and %d faults behind it", what, first, n-1)
}
