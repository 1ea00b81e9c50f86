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
	Summary string // one line for `vtbench list tokenizers`
	Example string // a spec that works
	Options []Option
	// Arg names the option that takes the whole text behind the colon as it is
	// ("process:python my_tok.py"); "" for kinds with key=value options only.
	Arg  string
	Open func(ctx context.Context, opts Options) (Tokenizer, error)
}

// An Option of a kind. Its value is text; Check, where set, validates it.
type Option struct {
	Name     string
	Help     string
	Default  string
	Required bool
	Check    func(value string) error
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

// A Spec is a tokenizer as written by a user: "jpeg:q=20", "mine=process:python
// tok.py". It is the canonical text under which results are filed.
type Spec struct {
	Name string            // label in tables and records
	Kind string            // registry name
	Arg  string            // text behind the colon for kinds with Arg
	Opts map[string]string // options as given
}

// ParseSpec reads [name=]kind[:options]. Options are key=value, separated by
// commas; kinds with Arg take the text as it is. The label is the text itself
// unless a name is given.
func ParseSpec(text string, kinds []Kind) (Spec, error) {
	s := Spec{Name: strings.TrimSpace(text)}
	body := s.Name
	if head, tail, ok := strings.Cut(body, "="); ok && !strings.Contains(head, ":") {
		s.Name, body = strings.TrimSpace(head), strings.TrimSpace(tail)
	}
	kind, rest, _ := strings.Cut(body, ":")
	s.Kind = strings.TrimSpace(kind)
	if s.Kind == "" || s.Name == "" {
		return Spec{}, fmt.Errorf("tokenizer %q: want KIND, KIND:key=value,… or NAME=KIND:…", text)
	}
	k, err := find(kinds, s.Kind)
	if err != nil {
		return Spec{}, fmt.Errorf("tokenizer %q: %w", text, err)
	}
	if k.Arg != "" {
		s.Arg = strings.TrimSpace(rest)
		return s, nil
	}
	s.Opts = map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		key, value, ok := strings.Cut(field, "=")
		key = strings.TrimSpace(key)
		if !ok {
			return Spec{}, fmt.Errorf("tokenizer %q: option %q has no value: want key=value", text, field)
		}
		if _, dup := s.Opts[key]; dup {
			return Spec{}, fmt.Errorf("tokenizer %q: option %q is given twice", text, key)
		}
		s.Opts[key] = strings.TrimSpace(value)
	}
	return s, nil
}

func find(kinds []Kind, name string) (Kind, error) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if names[i] = k.Name; k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("unknown tokenizer %q%s; `vtbench list tokenizers` shows all", name, suggest.Hint(name, names))
}

// Resolve checks a spec against its kind and fills in the defaults.
func Resolve(s Spec, kinds []Kind) (Kind, Options, error) {
	k, err := find(kinds, s.Kind)
	if err != nil {
		return Kind{}, nil, err
	}
	names := make([]string, 0, len(k.Options))
	opts := Options{}
	for _, o := range k.Options {
		names = append(names, o.Name)
		opts[o.Name] = o.Default
	}
	given := map[string]string{}
	for key, v := range s.Opts {
		given[key] = v
	}
	if k.Arg != "" && s.Arg != "" {
		given[k.Arg] = s.Arg
	}
	for key, v := range given {
		i := slices.Index(names, key)
		if i < 0 {
			return Kind{}, nil, fmt.Errorf("tokenizer %q: unknown option %q%s; %s takes %s", s.Name, key, suggest.Hint(key, names), k.Name, orNone(names))
		}
		if check := k.Options[i].Check; check != nil {
			if err := check(v); err != nil {
				return Kind{}, nil, fmt.Errorf("tokenizer %q: option %s=%s: %w", s.Name, key, v, err)
			}
		}
		opts[key] = v
	}
	for _, o := range k.Options {
		if o.Required && opts[o.Name] == "" {
			return Kind{}, nil, fmt.Errorf("tokenizer %q: option %q is missing: %s", s.Name, o.Name, o.Help)
		}
	}
	return k, opts, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "no options"
	}
	return strings.Join(names, ", ")
}
