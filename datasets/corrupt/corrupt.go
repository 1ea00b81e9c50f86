package corrupt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// Version rises whenever a corruption of the same seed yields other pixels.
// Results of different versions are never compared.
const Version = 1

// Severities is the number of severities of every corruption: 1, the mildest, to 5.
const Severities = 5

// A Family groups corruptions by where they come from in the world.
type Family string

// The families; the first four are ImageNet-C's.
const (
	Noise   Family = "noise"
	Blur    Family = "blur"
	Weather Family = "weather"
	Digital Family = "digital"
	Extra   Family = "extra" // not in ImageNet-C: CAM-Seg's degradations, and rain
)

// A Mode says what constants given in pixels mean.
type Mode uint8

const (
	// Compat takes constants as pixels of the image, as imagecorruptions does: the
	// larger the image, the milder the damage.
	Compat Mode = iota
	// Scaled multiplies constants in pixels by the shorter side over 224, so that
	// an image looks equally damaged at every resolution.
	Scaled
)

// ScaleBase is the shorter side, in pixels, at which both modes are the same:
// the resolution ImageNet-C's constants were chosen at.
const ScaleBase = 224

// minScale bounds Scaled from below: constants of images whose shorter side has
// fewer than 28 pixels shrink no further.
const minScale = 1. / 8

// String is "compat" or "scaled".
func (m Mode) String() string {
	switch m {
	case Compat:
		return "compat"
	case Scaled:
		return "scaled"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// ParseMode reads what [Mode.String] writes.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "compat":
		return Compat, nil
	case "scaled":
		return Scaled, nil
	}
	return 0, fmt.Errorf("unknown corruption mode %q%s: want compat or scaled", s, suggest.Hint(s, []string{"compat", "scaled"}))
}

// A Corruption is one kind of damage in five severities.
type Corruption struct {
	Name        string `json:"name"` // as in imagecorruptions: "gaussian_noise"
	Family      Family `json:"family"`
	InImageNetC bool   `json:"in_imagenet_c"` // one of ImageNet-C's 19
	Validation  bool   `json:"validation"`    // one of the four that ImageNet-C keeps out of the mean corruption error
	Random      bool   `json:"random"`        // the seed matters
	PixelUnits  bool   `json:"pixel_units"`   // Scaled differs from Compat
	Summary     string `json:"summary"`

	// Unit and Amounts are set where a severity is one number: Unit names it and
	// Amounts has its value for each severity. [ApplyAmount] takes any value.
	Unit    string    `json:"unit,omitempty"`
	Amounts []float64 `json:"amounts,omitempty"`
}

// Options of one corrupted image. The pixels depend on Seed, Key, name, severity
// and mode, and on nothing else.
type Options struct {
	Seed uint64 // of the run
	Key  string // identifies the image: its id in the data set
	Mode Mode
	// Gray asks for a gray result of a gray image (R = G = B): one draw a pixel
	// instead of one a channel, and colours of frost, spatter and saturate turned
	// to gray. Without it a gray image is treated like any other, as
	// imagecorruptions.corrupt does, and noise is coloured.
	Gray bool
}

// entry joins what is known of a corruption with what does it.
type entry struct {
	Corruption
	run    func(*job)
	lo, hi float64 // bounds of the amount, where there is one
}

// job is one image on its way; run reads in and writes every byte of out.
type job struct {
	in, out pix.Image
	sev     int     // 0…4
	amount  float64 // of the severity, where a severity is one number
	scale   float64 // that pixel units are multiplied by
	gray    bool
	rng     stream
}

// All returns the corruptions in imagecorruptions' order, then the others.
func All() []Corruption {
	out := make([]Corruption, len(registry))
	for i, e := range registry {
		out[i] = e.Corruption
		out[i].Amounts = slices.Clone(e.Amounts)
	}
	return out
}

// Names returns the names of [All], in its order.
func Names() []string {
	out := make([]string, len(registry))
	for i, e := range registry {
		out[i] = e.Name
	}
	return out
}

// Common returns the names of the 15 corruptions that ImageNet-C's mean corruption
// error is over; imagecorruptions calls them so.
func Common() []string {
	var out []string
	for _, e := range registry {
		if e.InImageNetC && !e.Validation {
			out = append(out, e.Name)
		}
	}
	return out
}

// Lookup finds a corruption by name.
func Lookup(name string) (Corruption, error) {
	e, err := find(name)
	if err != nil {
		return Corruption{}, err
	}
	c := e.Corruption
	c.Amounts = slices.Clone(c.Amounts)
	return c, nil
}

func find(name string) (*entry, error) {
	for i := range registry {
		if registry[i].Name == name {
			return &registry[i], nil
		}
	}
	hint := suggest.Hint(name, Names())
	if hint == "" {
		hint = ": want one of " + strings.Join(Names(), ", ")
	}
	return nil, fmt.Errorf("unknown corruption %q%s", name, hint)
}

// Apply returns a corrupted copy of an image, of the same size.
func Apply(img pix.Image, name string, severity int, opt Options) (pix.Image, error) {
	e, err := find(name)
	if err != nil {
		return pix.Image{}, err
	}
	if severity < 1 || severity > Severities {
		return pix.Image{}, fmt.Errorf("corrupting by %s: severity is %d, want 1 to %d", name, severity, Severities)
	}
	j := &job{sev: severity - 1}
	if e.Amounts != nil {
		j.amount = e.Amounts[severity-1]
	}
	return e.apply(j, img, opt, uint64(severity))
}

// ApplyAmount corrupts by any amount where a severity is one number (see
// [Corruption.Unit]): half of all pixels as salt and pepper, a hue shift of −0.2
// turns.
func ApplyAmount(img pix.Image, name string, amount float64, opt Options) (pix.Image, error) {
	e, err := find(name)
	if err != nil {
		return pix.Image{}, err
	}
	if err := e.checkAmount(amount); err != nil {
		return pix.Image{}, err
	}
	return e.apply(&job{sev: -1, amount: amount}, img, opt, amountLabel(amount))
}

func (e *entry) checkAmount(amount float64) error {
	if e.Unit == "" {
		return fmt.Errorf("corrupting by %s: its severities are not one number; use a severity from 1 to %d", e.Name, Severities)
	}
	if !(amount >= e.lo && amount <= e.hi) {
		return fmt.Errorf("corrupting by %s: %s is %g, want %g to %g", e.Name, e.Unit, amount, e.lo, e.hi)
	}
	return nil
}

func (e *entry) apply(j *job, img pix.Image, opt Options, label uint64) (pix.Image, error) {
	if err := img.Validate(); err != nil {
		return pix.Image{}, fmt.Errorf("corrupting by %s: %w", e.Name, err)
	}
	switch opt.Mode {
	case Compat:
		j.scale = 1
	case Scaled:
		j.scale = max(float64(min(img.W, img.H))/ScaleBase, minScale)
	default:
		return pix.Image{}, fmt.Errorf("corrupting by %s: unknown mode %v", e.Name, opt.Mode)
	}
	if opt.Gray && !isGray(img) {
		return pix.Image{}, fmt.Errorf("corrupting by %s: a gray result is asked for, but the image has colours; leave Options.Gray unset", e.Name)
	}
	j.gray = opt.Gray
	j.in, j.out = img, pix.New(img.W, img.H)
	j.rng = newStream(opt.Seed, e.Name, label, opt.Key)
	e.run(j)
	return j.out, nil
}

func isGray(img pix.Image) bool {
	for p := img.Pix; len(p) >= 3; p = p[3:] {
		if p[0] != p[1] || p[1] != p[2] {
			return false
		}
	}
	return true
}
