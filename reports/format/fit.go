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
	for _, n := range names {
		longest = max(longest, twwidth.Width(n))
	}
	// Beyond what any screen shows the room doubles: names of others may be of any length.
	for step := 1; room < longest; room += step {
		if room >= 256 {
			step = room
		}
		half := (room - 1) / 2
		for _, tail := range []int{half, half + half/2, room - 1 - min(4, half), half / 2, min(4, half), 0} {
			if out, ok := shortened(names, room, tail); ok {
				return out
			}
		}
	}
	return names
}

// shortened are the names with so many columns kept of their ends, and whether different names
// are still different.
func shortened(names []string, room, tail int) ([]string, bool) {
	out := make([]string, len(names))
	of := map[string]string{}
	for i, name := range names {
		s := shorten(name, room, tail)
		if other, taken := of[s]; taken && other != name {
			return nil, false
		}
		of[s], out[i] = name, s
	}
	return out, true
}

// shorten keeps so many columns of a name's end, and of its beginning what there is room for.
func shorten(s string, room, tail int) string {
	if twwidth.Width(s) <= room {
		return s
	}
	var parts []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		parts = append(parts, g.Str())
	}
	end, used := len(parts), 0
	for ; end > 0; end-- {
		wide := twwidth.Width(parts[end-1])
		if used+wide > tail {
			break
		}
		used += wide
	}
	used++ // the ellipsis
	begin := 0
	for ; begin < end; begin++ {
		wide := twwidth.Width(parts[begin])
		if used+wide > room {
			break
		}
		used += wide
	}
	return strings.Join(parts[:begin], "") + "…" + strings.Join(parts[end:], "")
}
