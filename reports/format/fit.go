package format

import (
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/rivo/uniseg"
)

// Fit shortens names to room columns of a terminal by an ellipsis in the middle: both ends tell
// tokenizers apart. What is left of each end is chosen so that names that differ still do, and
// room is exceeded where no choice does.
func Fit(names []string, room int) []string {
	longest := 0
	split := make([]parts, len(names))
	for i, n := range names {
		split[i] = partsOf(n)
		longest = max(longest, split[i].width)
	}
	// Beyond what any screen shows the room doubles: names of others may be of any length.
	for step := 1; room < longest; room += step {
		if room >= 256 {
			step = room
		}
		half := (room - 1) / 2
		for _, tail := range []int{half, half + half/2, room - 1 - min(4, half), half / 2, min(4, half), 0} {
			if out, ok := shortened(split, room, tail); ok {
				return out
			}
		}
	}
	return names
}

// parts are the graphemes of a name and the columns that each takes.
type parts struct {
	name   string
	width  int // of the name
	texts  []string
	widths []int
}

func partsOf(name string) parts {
	p := parts{name: name, width: twwidth.Width(name)}
	for g := uniseg.NewGraphemes(name); g.Next(); {
		p.texts, p.widths = append(p.texts, g.Str()), append(p.widths, twwidth.Width(g.Str()))
	}
	return p
}

// shortened are the names with so many columns kept of their ends, and whether different names
// are still different.
func shortened(names []parts, room, tail int) ([]string, bool) {
	out := make([]string, len(names))
	of := map[string]string{}
	for i, p := range names {
		s := p.shorten(room, tail)
		if other, taken := of[s]; taken && other != p.name {
			return nil, false
		}
		of[s], out[i] = p.name, s
	}
	return out, true
}

// shorten keeps so many columns of a name's end, and of its beginning what there is room for.
func (p parts) shorten(room, tail int) string {
	if p.width <= room {
		return p.name
	}
	end, used := len(p.texts), 0
	for ; end > 0 && used+p.widths[end-1] <= tail; end-- {
		used += p.widths[end-1]
	}
	used++ // the ellipsis
	begin := 0
	for ; begin < end && used+p.widths[begin] <= room; begin++ {
		used += p.widths[begin]
	}
	return strings.Join(p.texts[:begin], "") + "…" + strings.Join(p.texts[end:], "")
}
