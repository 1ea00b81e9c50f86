package corrupt

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// A Spec names one damage exactly, and is what is written into records: two
// results are comparable where their Specs, the seed and the images are the same.
type Spec struct {
	Name     string
	Severity int     // 1 to 5; 0 where Amount says it
	Amount   float64 // read where Severity is 0
	Mode     Mode
}

// String is "gaussian_noise/3" or "salt_and_pepper=0.6", with "+scaled" behind it
// in that mode.
func (s Spec) String() string {
	out := s.Name + "=" + strconv.FormatFloat(s.Amount, 'g', -1, 64)
	if s.Severity != 0 {
		out = s.Name + "/" + strconv.Itoa(s.Severity)
	}
	if s.Mode != Compat {
		out += "+" + s.Mode.String()
	}
	return out
}

// ParseSpec reads what [Spec.String] writes, and checks that there is such a
// damage.
func ParseSpec(text string) (Spec, error) {
	var s Spec
	rest := text
	// A mode is a word: what follows the + of 1e+02 is not.
	if i := strings.LastIndexByte(text, '+'); i >= 0 && i+1 < len(text) && (text[i+1] < '0' || text[i+1] > '9') {
		mode, err := ParseMode(text[i+1:])
		if err != nil {
			return Spec{}, fmt.Errorf("corruption %q: %w", text, err)
		}
		rest, s.Mode = text[:i], mode
	}
	if i := strings.IndexAny(rest, "/="); i >= 0 {
		s.Name = rest[:i]
		e, err := find(s.Name)
		if err != nil {
			return Spec{}, fmt.Errorf("corruption %q: %w", text, err)
		}
		value := rest[i+1:]
		if rest[i] == '/' {
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > Severities {
				return Spec{}, fmt.Errorf("corruption %q: severity is %q, want 1 to %d", text, value, Severities)
			}
			s.Severity = n
			return s, nil
		}
		a, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return Spec{}, fmt.Errorf("corruption %q: amount is %q, want a number", text, value)
		}
		if err := e.checkAmount(a); err != nil {
			return Spec{}, err
		}
		s.Amount = a
		return s, nil
	}
	return Spec{}, fmt.Errorf("corruption %q: want a name and a severity, as in gaussian_noise/3%s", text, suggest.Hint(rest, Names()))
}

// Apply damages an image as the Spec says. The seed is the run's, the key
// identifies the image.
func (s Spec) Apply(img pix.Image, seed uint64, key string) (pix.Image, error) {
	opt := Options{Seed: seed, Key: key, Mode: s.Mode}
	if s.Severity != 0 {
		return Apply(img, s.Name, s.Severity, opt)
	}
	return ApplyAmount(img, s.Name, s.Amount, opt)
}
