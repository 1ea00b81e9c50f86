package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
)

// Direction says which way a metric gets better.
type Direction string

// The directions a metric can have.
const (
	Higher  Direction = "higher"
	Lower   Direction = "lower"
	Neither Direction = "neither" // descriptive: neither end is better
)

// Arrow points the way in which a metric gets better; "" where neither is better.
func (d Direction) Arrow() string {
	switch d {
	case Higher:
		return "↑"
	case Lower:
		return "↓"
	}
	return ""
}

// Scope says what one value of a metric belongs to.
type Scope string

// The scopes a metric can have.
const (
	PerImage    Scope = "image"    // one value an image
	PerInstance Scope = "instance" // one value a labelled word, line or face
	PerCorpus   Scope = "corpus"   // one value a whole set, from accumulated state
	PerSet      Scope = "set"      // one value a whole set against a whole set of references
	PerStep     Scope = "step"     // one value a frame of a clip but the first, from it and those before
	PerClip     Scope = "clip"     // one value a clip; its records are those of the clip's last frame
	PerTrack    Scope = "track"    // one value a labelled thing that is followed through a clip
)

// Words says what one value belongs to: "image", "frame step".
func (s Scope) Words() string {
	if s == PerStep {
		return "frame step"
	}
	return string(s)
}

// Timed reports whether a value needs the frames of a clip in their order.
func (s Scope) Timed() bool { return s == PerStep || s == PerClip || s == PerTrack }

// Whole reports whether a value belongs to a whole set: there is nothing to resample,
// so it has no interval.
func (s Scope) Whole() bool { return s == PerCorpus || s == PerSet }

// Role says what a metric is for in a report.
type Role string

// The roles a metric can have.
const (
	// RoleQuality judges what is left for people and for programs that read or
	// recognise; it can be a headline.
	RoleQuality Role = "quality"
	// RolePixels is an error of pixels: it can be a headline, and is what metrics of
	// quality are shown against, since the two often disagree.
	RolePixels Role = "pixels"
	// RoleRate is what an image costs, in bits a pixel; [Spec.Rate] says how it was
	// counted.
	RoleRate Role = "rate"
	// RoleTokens describes tokens: how many, how evenly used.
	RoleTokens Role = "tokens"
	// RoleStability is the share of tokens that damage changes; what it is on clean
	// images is its floor.
	RoleStability Role = "stability"
	// RoleReference is shown beside other metrics to read them by, and judges nothing.
	RoleReference Role = "reference"
)

// Judges reports whether a metric of this role judges reconstructions, so that it can
// be a headline.
func (r Role) Judges() bool { return r == RoleQuality || r == RolePixels }

// Counting says how a rate was counted. Rates that were counted in different ways are
// never compared with each other.
type Counting string

// The ways to count a rate.
const (
	Bitstream Counting = "bitstream" // bits that were written
	Nominal   Counting = "nominal"   // tokens at fixed length, before any entropy coding
	Estimated Counting = "estimated" // tokens at their entropy: what an ideal coder would need
	Capacity  Counting = "capacity"  // what the noise of a continuous latent lets through
	Container Counting = "container" // bits that were written, with headers and metadata of the file
)

// Countings are the ways of counting that stand for what a tokenizer costs, the first
// that there is before the others. A container is no property of a tokenizer.
func Countings() []Counting { return []Counting{Bitstream, Nominal, Estimated, Capacity} }

// CodedCountings are those of them that stand for what is left after entropy coding.
// Nominal rates order tokenizers differently, so tables show both.
func CodedCountings() []Counting { return []Counting{Bitstream, Estimated, Capacity} }

// Form is a way to write a number.
type Form string

// The forms there are.
const (
	FormPercent     Form = "percent"     // a share of one, times 100
	FormFixed       Form = "fixed"       // a fixed number of digits behind the point
	FormSignificant Form = "significant" // a fixed number of significant digits, for what spans orders of magnitude
)

// Display says how values of a metric are written. The zero value leaves it to the
// unit, see [Spec.Complete].
type Display struct {
	Form   Form `json:"form"`
	Digits int  `json:"digits"` // behind the point; significant ones for FormSignificant
}

// Percent writes a share of one as a percentage.
func Percent(digits int) Display { return Display{FormPercent, digits} }

// Fixed writes a fixed number of digits behind the point.
func Fixed(digits int) Display { return Display{FormFixed, digits} }

// Significant writes a fixed number of significant digits.
func Significant(digits int) Display { return Display{FormSignificant, digits} }

// A Margin is the smallest difference of a metric that matters: absolute in its own
// units, or relative to the baseline; where both are given, the larger. Margins are
// conventions, not perception.
type Margin struct {
	Absolute float64 `json:"absolute,omitempty"`
	Relative float64 `json:"relative,omitempty"` // .01 is 1 %
}

// Of is the margin in the metric's units.
func (m Margin) Of(baseline float64) float64 {
	return max(m.Absolute, m.Relative*math.Abs(baseline))
}

// A Floor is what values of a metric come down to where nothing is left: the values
// that another metric has on untouched originals. Faces of different people are the
// floor of a similarity of faces.
type Floor struct {
	Metric string  `json:"metric"`         // Spec.ID of the other metric
	Title  string  `json:"title"`          // of a row of such values: "different people"
	At     float64 `json:"at"`             // the value that means nothing is left on average
	Mark   string  `json:"mark,omitempty"` // what At is called in a figure
}

// Spec says all that reports and comparisons need to know of a metric; no other
// package knows one by its id. What a zero field means for reports of older runs is
// said by [Spec.Complete].
type Spec struct {
	ID      string    `json:"id"`      // "psnr", "t-ned"
	Version int       `json:"version"` // raised when the same input yields another value
	Title   string    `json:"title"`   // "PSNR", "T-NED"
	Unit    string    `json:"unit"`    // "dB", "bpp", "share" (of one); "" for a plain number
	Better  Direction `json:"better"`
	// Min and Max are the smallest and the largest possible value, infinite where there
	// is none; JSON has null for that.
	Min   float64 `json:"-"`
	Max   float64 `json:"-"`
	Scope Scope   `json:"scope"`
	// Source is the paper or repository of the definition.
	Source string `json:"source"`
	// Weighted marks a micro-average: the mean of the set is Σ value·N / Σ N
	// (CER: N is the length of the reference). Otherwise N is 1.
	Weighted bool `json:"weighted,omitempty"`
	// ByClass marks metrics of masks that have a value for every class, as if it were an
	// instance: the mean of the set is the unweighted mean over the classes that occur. The
	// weight of a value is measured, too, so that two reconstructions may differ in it.
	ByClass bool `json:"by_class,omitempty"`
	// Measured marks micro-averages whose weights are measured, such as the bits of a
	// ratio, so that two reconstructions may differ in them.
	Measured bool `json:"measured,omitempty"`
	// Labels marks metrics that compare with labels (what a sign says, who a face
	// is) and not with the pixels of the reference.
	Labels bool `json:"labels,omitempty"`
	// Binary marks metrics whose single values are 0 or 1. A graded headline metric says
	// more in a figure.
	Binary bool `json:"binary,omitempty"`
	// Binned marks metrics of images whose value belongs to the bin that most characters
	// of the image's labels are in. Other values of images belong to none.
	Binned bool `json:"binned,omitempty"`

	Role Role     `json:"role,omitempty"`
	Rate Counting `json:"rate,omitempty"` // only with RoleRate
	Show Display  `json:"show,omitzero"`
	// Margin is the smallest difference that matters, unless the user says otherwise.
	Margin Margin `json:"margin,omitzero"`
	// Axis is the range that a histogram of single values covers, where it is not Min to
	// Max.
	Axis [2]float64 `json:"axis,omitzero"`
	// HeadlineFrom is the number of independent units (people, images) below which a
	// value is too easy, or too rough, to be a headline; 0 means any.
	HeadlineFrom int   `json:"headline_from,omitempty"`
	Floor        Floor `json:"floor,omitzero"`

	// Alias is what others call the metric in files that can be imported.
	Alias string `json:"alias,omitempty"`

	Short string `json:"short,omitempty"` // a noun phrase for under a heading
	Long  string `json:"long,omitempty"`  // one or two sentences: what it is, what to beware of
}

// ByBin reports whether values are told apart by the bins of a suite. A track is in the bin
// in which its thing was seen last.
func (s Spec) ByBin() bool { return s.Scope == PerInstance || s.Scope == PerTrack || s.Binned }

// Unbounded is the range limit of a metric without one; use with a sign.
func Unbounded(sign int) float64 { return math.Inf(sign) }

// specFields is a Spec without its methods.
type specFields Spec

// specJSON is the form of a Spec in files: JSON has no infinities.
type specJSON struct {
	specFields
	Min *float64 `json:"min"`
	Max *float64 `json:"max"`
}

// MarshalJSON writes a limit that is infinite as null.
func (s Spec) MarshalJSON() ([]byte, error) {
	limit := func(v float64) *float64 {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil
		}
		return &v
	}
	return json.Marshal(specJSON{specFields(s), limit(s.Min), limit(s.Max)})
}

// UnmarshalJSON reads a limit that is null or absent, as in files of older versions,
// as infinite.
func (s *Spec) UnmarshalJSON(b []byte) error {
	var in specJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = Spec(in.specFields)
	s.Min, s.Max = Unbounded(-1), Unbounded(1)
	if in.Min != nil {
		s.Min = *in.Min
	}
	if in.Max != nil {
		s.Max = *in.Max
	}
	return nil
}

// Bounds returns the range of values, and whether both ends are finite and known.
func (s Spec) Bounds() (lo, hi float64, ok bool) {
	finite := !math.IsInf(s.Min, 0) && !math.IsInf(s.Max, 0)
	return s.Min, s.Max, finite && s.Max > s.Min
}

// Span is the range that a histogram of single values covers: Axis, or the range of
// values; ok is false where neither is stated.
func (s Spec) Span() (lo, hi float64, ok bool) {
	if s.Axis[1] > s.Axis[0] {
		return s.Axis[0], s.Axis[1], true
	}
	return s.Bounds()
}

// Perfect is the value of a metric without any error; ok is false where there is no
// such value, or it is infinite.
func (s Spec) Perfect() (v float64, ok bool) {
	switch {
	case s.Better == Lower && !math.IsInf(s.Min, 0):
		return s.Min, true
	case s.Better == Higher && !math.IsInf(s.Max, 0) && s.Max > s.Min:
		return s.Max, true
	}
	return 0, false
}

// Complete fills the fields that reports need and the spec does not state, as those
// of runs by older versions, by the unit: a number never looks wrong and never matters
// too early for want of them.
func (s Spec) Complete() Spec {
	if s.Title == "" {
		s.Title = s.ID
	}
	if s.Better == "" {
		s.Better = Neither
	}
	kind := kindOf(s.Unit)
	if kind.unit != "" {
		s.Unit = kind.unit
	}
	if s.Show == (Display{}) {
		s.Show = kind.show
	}
	if s.Margin == (Margin{}) {
		s.Margin = kind.margin
	}
	if s.Margin == (Margin{}) { // a plain number: one of a hundred within [−1, 1], else by its size
		if lo, hi, ok := s.Bounds(); ok && lo >= -1 && hi <= 1 {
			s.Margin.Absolute = .01
		} else {
			s.Margin.Relative = .02
		}
	}
	if s.Role == "" {
		s.Role = kind.role
	}
	if s.Role == RoleRate && s.Rate == "" {
		s.Rate = Nominal
	}
	if s.Short == "" {
		s.Short = "as its source defines it"
	}
	if s.Long == "" && s.Source != "" {
		s.Long = "Defined by " + strings.TrimSuffix(s.Source, ".") + "."
	}
	return s
}

// unitKind is what a unit says of a metric that says no more.
type unitKind struct {
	unit   string // how the unit is written
	show   Display
	margin Margin
	role   Role
}

// kindOf knows the units that metrics of this and of older versions have.
func kindOf(unit string) unitKind {
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "share", "fraction":
		return unitKind{"share", Percent(1), Margin{Absolute: .01}, RoleQuality}
	case "%", "percent":
		return unitKind{"%", Fixed(1), Margin{Absolute: 1}, RoleQuality}
	case "db":
		return unitKind{"dB", Fixed(2), Margin{Absolute: .1}, RoleQuality}
	case "bpp", "bit/px", "bits/pixel", "bits per pixel":
		return unitKind{"bpp", Significant(3), Margin{Relative: .01}, RoleRate}
	case "codes", "tokens", "tuples", "bit", "bits":
		return unitKind{"", Significant(3), Margin{Relative: .02}, RoleTokens}
	case "ms", "s", "mp/s", "bytes":
		return unitKind{"", Significant(3), Margin{Relative: .02}, RoleReference}
	}
	return unitKind{"", Fixed(3), Margin{}, RoleQuality}
}

var idForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Validate says what of a spec is missing or contradicts itself. Every metric of the
// program passes; files of other versions need not.
func (s Spec) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("metric %q: %s", s.ID, fmt.Sprintf(format, args...))
	}
	switch {
	case !idForm.MatchString(s.ID):
		return fail("an id has lower-case letters, digits and single dashes")
	case s.Version < 1:
		return fail("version %d: versions start at 1", s.Version)
	case s.Title == "" || s.Source == "" || s.Short == "" || s.Long == "":
		return fail("title, source, short and long must be given")
	case s.Better != Higher && s.Better != Lower && s.Better != Neither:
		return fail("better is %q", s.Better)
	case s.Scope != PerImage && s.Scope != PerInstance && !s.Scope.Whole() && !s.Scope.Timed():
		return fail("scope is %q", s.Scope)
	case math.IsNaN(s.Min) || math.IsNaN(s.Max) || s.Min >= s.Max:
		return fail("values range from %g to %g", s.Min, s.Max)
	case s.Show.Form != FormPercent && s.Show.Form != FormFixed && s.Show.Form != FormSignificant:
		return fail("show is %+v: use Percent, Fixed or Significant", s.Show)
	case s.Show.Digits < 0 || s.Show.Digits > 9 || s.Show.Form == FormSignificant && s.Show.Digits == 0:
		return fail("%d digits are shown", s.Show.Digits)
	case (s.Unit == "share") != (s.Show.Form == FormPercent):
		return fail("the unit is %q and values are shown as %s: a share of one is shown in percent, and nothing else", s.Unit, s.Show.Form)
	case !(s.Margin.Absolute >= 0) || !(s.Margin.Relative >= 0) || s.Margin == (Margin{}) || math.IsInf(s.Margin.Absolute+s.Margin.Relative, 0):
		return fail("margin is %+v: some difference must be the smallest that matters", s.Margin)
	case (s.Role == RoleRate) != (s.Rate != ""):
		return fail("role is %q and rate %q: a rate, and nothing else, says how it was counted", s.Role, s.Rate)
	case s.Axis != [2]float64{} && !(s.Axis[0] < s.Axis[1]):
		return fail("axis is %v", s.Axis)
	case s.Floor != (Floor{}) && (s.Floor.Metric == "" || s.Floor.Title == ""):
		return fail("floor is %+v: it needs a metric and a title", s.Floor)
	case s.Binned && s.Scope != PerImage:
		return fail("binned is for values of images; those of instances always are")
	case s.ByClass && (s.Scope != PerInstance || !s.Weighted || !s.Labels):
		return fail("by class is for weighted values of instances that compare with labels")
	case s.Measured && !s.Weighted:
		return fail("its weights are measured, and it has none")
	case s.HeadlineFrom < 0:
		return fail("headline from %d", s.HeadlineFrom)
	}
	switch s.Role {
	case RoleQuality, RolePixels, RoleRate, RoleTokens, RoleStability, RoleReference:
	default:
		return fail("role is %q", s.Role)
	}
	switch s.Rate {
	case "", Bitstream, Nominal, Estimated, Capacity, Container:
	default:
		return fail("rate is %q", s.Rate)
	}
	return nil
}
