package html

import (
	"math"
	"slices"
	"strconv"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
)

// explore is every number of the page, for a script that makes any table of them.
type explore struct {
	Tokens     []exploreToken        `json:"tokens"`
	Sections   []exploreSection      `json:"sections"`
	Bins       []string              `json:"bins"` // as headings; the last two are mean and all
	Metrics    []exploreMetric       `json:"metrics"`
	Cells      map[string][][]number `json:"cells"` // "section,metric": [token, bin, mean, lo, hi, n]
	Incomplete bool                  `json:"incomplete,omitempty"`
}

type exploreToken struct {
	Name  string `json:"name"`
	Light string `json:"light,omitempty"`
	Dark  string `json:"dark,omitempty"`
	Bound bool   `json:"bound,omitempty"`
	// Marker tells apart what has the same colour.
	Marker int `json:"marker,omitempty"`
}

func newExploreTokens(v *view.View) []exploreToken {
	var out []exploreToken
	for _, t := range v.Tokens {
		x := toToken(t)
		out = append(out, exploreToken{t.Name, string(x.Colour), string(x.Dark), t.Reference, t.Style.Marker})
	}
	return out
}

func newExploreMetric(m metrics.Spec) exploreMetric {
	st := format.For(m)
	return exploreMetric{m.Title, st.Unit, view.BetterWord(m.Better), m.Short, st.Scale, st.Places, st.Digits}
}

type exploreSection struct {
	Title string `json:"title"`
	Group string `json:"group"` // for the list: what was done to the image
}

type exploreMetric struct {
	Title  string  `json:"title"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
	Short  string  `json:"short"`
	Scale  float64 `json:"scale"`
	Places int     `json:"places"`
	Digits int     `json:"digits"`
}

// number is a float64 in JSON with six significant digits; what is no number is
// null.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, f, 'g', 6, 64), nil
}

// maxExplore bounds the numbers on a page; beyond it only headline metrics are
// there, and the page says so.
const maxExplore = 60_000

func newExplore(v *view.View) explore {
	e := explore{Cells: map[string][][]number{}}
	e.Tokens = newExploreTokens(v)
	bins := append(slices.Clone(v.Bins), summary.BinMean, summary.BinAll)
	for _, b := range bins {
		e.Bins = append(e.Bins, view.BinTitle(b))
	}
	sections := v.AllSections()
	for _, s := range sections {
		group := "undamaged"
		if c := s.Condition.Corruption; c != "" {
			group = view.CorruptionTitle(c)
		}
		e.Sections = append(e.Sections, exploreSection{v.Title(s), group})
	}
	specs := v.Metrics
	if len(sections)*len(specs)*len(v.Tokens)*len(bins) > maxExplore {
		headline := slices.DeleteFunc(slices.Clone(specs), func(m metrics.Spec) bool { return !slices.Contains(v.Headline, m.ID) })
		e.Incomplete = len(headline) < len(specs)
		specs = headline
	}
	for i, m := range specs {
		e.Metrics = append(e.Metrics, newExploreMetric(m))
		for j, s := range sections {
			var cells [][]number
			for k, t := range v.Tokens {
				for l, b := range bins {
					if c := v.At(t, s.Dataset.Name, s.Condition, b, m.ID); c.OK {
						cells = append(cells, []number{number(k), number(l), number(c.Mean), number(c.Lo), number(c.Hi), number(c.N)})
					}
				}
			}
			if len(cells) > 0 {
				e.Cells[strconv.Itoa(j)+","+strconv.Itoa(i)] = cells
			}
		}
	}
	return e
}
