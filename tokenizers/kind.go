package tokenizers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
)

// A Kind is an entry of the registry: one family of tokenizers with its options.
// Listing kinds opens nothing.
type Kind struct {
	Name    string
	Group   string // heading under which it is listed: "vector quantizers"
	Summary string // one line for `vtbench list tokenizers`
	Source  string // where it is published, "" where there is nothing to cite
	Example string // a spec that works
	Options []Option
	// Arg names the option that takes the whole text behind the colon as it is
	// ("process:python my_tok.py"); "" for kinds with key=value options only.
	Arg string
	// ArgOptions lets options stand behind that text: "folder:DIR,scaled_back=true".
	ArgOptions bool
	// Guess, where set, returns the spec that somebody means who names a file or
	// folder and no kind ("my_tok.py"), or "" where it is none for this kind.
	Guess func(path string) string
	Open  func(ctx context.Context, opts Options) (Tokenizer, error)
}

// An Option of a kind. Its value is text; Check, where set, validates it.
type Option struct {
	Name     string
	Help     string
	Default  string
	Required bool
	Check    func(value string) error
	// Kinds is set where the value is itself a tokenizer, a spec of one of them, or with
	// List several, see [ParseList].
	Kinds func() []Kind
	List  bool
}

// Options are the resolved options of one tokenizer: every option the kind
// declares is present, checked, with its default where none was given.
type Options map[string]string

// Int returns an option declared with [IntOption].
func (o Options) Int(name string) int {
	n, _ := strconv.Atoi(o[name]) // checked when the spec was resolved
	return n
}

// Float returns an option declared with [FloatOption].
func (o Options) Float(name string) float64 {
	f, _ := strconv.ParseFloat(o[name], 64) // checked when the spec was resolved
	return f
}

// Bool returns an option declared with [BoolOption].
func (o Options) Bool(name string) bool { return o[name] == "true" }

// option finds an option by its name.
func (k Kind) option(name string) (Option, error) {
	names := make([]string, len(k.Options))
	for i, o := range k.Options {
		if names[i] = o.Name; o.Name == name {
			return o, nil
		}
	}
	takes := "no options"
	if len(names) > 0 {
		takes = strings.Join(names, ", ")
	}
	return Option{}, fmt.Errorf("unknown option %q%s; %s takes %s", name, suggest.Hint(name, names), k.Name, takes)
}

// find finds a kind by its name.
func find(kinds []Kind, name string) (Kind, error) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if names[i] = k.Name; k.Name == name {
			return k, nil
		}
	}
	hint := suggest.Hint(name, names)
	for _, k := range kinds {
		if k.Guess == nil {
			continue
		}
		if s := k.Guess(name); s != "" {
			hint = fmt.Sprintf(", did you mean '%s'?", s)
			break
		}
	}
	return Kind{}, fmt.Errorf("unknown tokenizer %q%s; `vtbench list tokenizers` shows all", name, hint)
}

// IntOption declares a whole number between lo and hi.
func IntOption(name string, def, lo, hi int, help string) Option {
	return Option{Name: name, Help: help, Default: strconv.Itoa(def), Check: func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("want a whole number from %d to %d", lo, hi)
		}
		return nil
	}}
}

// FloatOption declares a number between lo and hi.
func FloatOption(name string, def, lo, hi float64, help string) Option {
	return Option{Name: name, Help: help, Default: strconv.FormatFloat(def, 'g', -1, 64), Check: func(v string) error {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= lo && f <= hi) {
			return fmt.Errorf("want a number from %g to %g", lo, hi)
		}
		return nil
	}}
}

// BoolOption declares a switch: true or false.
func BoolOption(name string, def bool, help string) Option {
	return Option{Name: name, Help: help, Default: strconv.FormatBool(def), Check: func(v string) error {
		if v != "true" && v != "false" {
			return errors.New("want true or false")
		}
		return nil
	}}
}

// ChoiceOption declares one of several words; the first is the default.
func ChoiceOption(name, help string, choices ...string) Option {
	return Option{Name: name, Help: help + " (" + strings.Join(choices, ", ") + ")", Default: choices[0], Check: func(v string) error {
		if !slices.Contains(choices, v) {
			return fmt.Errorf("want one of %s%s", strings.Join(choices, ", "), suggest.Hint(v, choices))
		}
		return nil
	}}
}

// SpecOption declares a tokenizer as the value of an option: a spec of one of the
// kinds, without the braces it is written in. kinds is a function since a kind may
// take tokenizers of its own kind.
func SpecOption(name, help string, kinds func() []Kind) Option {
	return Option{Name: name, Help: help, Kinds: kinds, Check: func(v string) error {
		if v == "" {
			return nil // [Option.Required] says whether it may be left out
		}
		s, err := ParseSpec(v, kinds())
		if err != nil {
			return err
		}
		_, _, err = Resolve(s, kinds())
		return err
	}}
}

// ListOption declares several tokenizers as the value of an option: specs of these
// kinds in braces, in their order.
func ListOption(name, help string, kinds func() []Kind) Option {
	return Option{Name: name, Help: help, Kinds: kinds, List: true, Check: func(v string) error {
		if v == "" {
			return nil // [Option.Required] says whether it may be left out
		}
		specs, err := ParseList(v, kinds())
		if err != nil {
			return err
		}
		for _, s := range specs {
			if _, _, err := Resolve(s, kinds()); err != nil {
				return err
			}
		}
		return nil
	}}
}

type progressKey struct{}

// WithProgress lets what is opened under the context say what it is doing where
// that takes long: one line at a time.
func WithProgress(ctx context.Context, report func(line string)) context.Context {
	return context.WithValue(ctx, progressKey{}, report)
}

// Progress returns what [WithProgress] was given; a function that does nothing
// where there is none.
func Progress(ctx context.Context) func(line string) {
	if report, ok := ctx.Value(progressKey{}).(func(string)); ok && report != nil {
		return report
	}
	return func(string) {}
}
