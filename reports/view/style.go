package view

import "strings"

// Style is how a tokenizer looks in every plot and table of a page.
type Style struct {
	Colour int // index into Palette; Ink for upper bounds
	Marker int // 0 circle, 1 square, 2 triangle up, 3 diamond, 4 triangle down, 5 pentagon, 6 star
}

// Ink is the Colour of upper bounds: the colour of text.
const Ink = -1

// Markers is the number of different markers.
const Markers = 7

// Palette is Okabe and Ito's palette for people with and without colour vision
// deficiencies (Okabe & Ito 2008, "Color Universal Design"), without black, which
// is for upper bounds, and yellow, which cannot be seen on white.
var Palette = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"}

// DarkPalette has the same hues for a dark ground, each at least 4.5:1 on it.
var DarkPalette = []string{"#4BA3DB", "#F08A4B", "#2FC79A", "#E09BC0", "#F0B840", "#7CC8F2"}

// assignStyles gives every contestant a colour and marker of its own. With more
// contestants than colours a colour stands for a family (jpeg, vq) and the
// marker for its member, so that the eye still groups what belongs together.
func (v *View) assignStyles() {
	var contestants []*Token
	var kinds []string
	index := map[string]int{}
	for i := range v.Tokens {
		t := &v.Tokens[i]
		if t.Reference {
			t.Style = Style{Colour: Ink, Marker: i % Markers}
			continue
		}
		contestants = append(contestants, t)
		if _, ok := index[family(*t)]; !ok {
			index[family(*t)] = len(kinds)
			kinds = append(kinds, family(*t))
		}
	}
	if len(contestants) <= len(Palette) {
		for i, t := range contestants {
			t.Style = Style{Colour: i, Marker: i % Markers}
		}
		return
	}
	members := map[string]int{}
	for i, t := range contestants {
		f := family(*t)
		t.Style = Style{Colour: index[f] % len(Palette), Marker: (members[f] + index[f]/len(Palette)) % Markers}
		if len(kinds) == 1 { // one family: colours tell its members apart
			t.Style = Style{Colour: i % len(Palette), Marker: (i / len(Palette)) % Markers}
		}
		members[f]++
	}
}

// family is what makes tokenizers relatives: their kind. A tokenizer that stands
// on the page under its run's name is not related to that of another run.
func family(t Token) string {
	f := t.Kind
	if f == "" {
		f = t.Own
	}
	if t.Name != t.Own {
		f = strings.TrimSuffix(t.Name, t.Own) + f
	}
	return f
}

// Family is what makes tokenizers relatives: members of one are joined by a line
// in rate plots.
func (t Token) Family() string { return family(t) }
