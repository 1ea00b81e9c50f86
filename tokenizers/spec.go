package tokenizers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Spec is a tokenizer as written by a user: "jpeg:q=20", "mine=process:python
// tok.py". Its name is what results are filed under.
//
// The grammar, in which spaces around a part mean nothing:
//
//	spec    = [ NAME "=" ] kind [ ":" option { "," option } ]
//	kind    = NAME | alternatives
//	option  = KEY "=" value
//	value   = { text | quoted | alternatives }
//	        | "{" spec "}"                          for options that name a tokenizer
//	        | "{" value { "," value } "}"           for those that name several, each a spec
//	alternatives = "{" value { "," value } "}"
//	quoted  = `"` … `"`                             in it \" and \\ are " and \
//
// Alternatives make one text stand for several tokenizers: "vq:k={256,1024}" for
// two, "vq:patch={8,16},k={256,1024}" for four. A kind with [Kind.Arg] takes all
// that follows its colon as it is, braces and quotes included; with [Kind.ArgOptions],
// options of the kind may end it ("folder:DIR,scaled_back=true").
type Spec struct {
	Name string            // label in tables and records
	Kind string            // registry name
	Arg  string            // text behind the colon for kinds with Arg
	Opts map[string]string // options as given, without quotes and outer braces
	// Choice is what tells the spec from the others its text stands for:
	// "k=256", or "" where the text stands for one.
	Choice string
}

// Bounds of a text: far above what anybody writes, and low enough that a slip in a
// generated file costs an error and not the memory.
const (
	maxSpecText  = 1 << 16 // bytes
	maxSpecs     = 256     // tokenizers that one text stands for
	maxSpecDepth = 8       // specs within specs
	maxBraces    = 32      // braces within braces
)

// Renamed is the spec under a name of the user's: the name itself, or with the
// choice behind it ("mine:k=256") where the text stands for several.
func (s Spec) Renamed(name string) Spec {
	s.Name = name
	if s.Choice != "" {
		s.Name += ":" + s.Choice
	}
	return s
}

// ParseSpec reads a text that names one tokenizer.
func ParseSpec(text string, kinds []Kind) (Spec, error) {
	specs, err := ParseSpecs(text, kinds)
	if err != nil {
		return Spec{}, err
	}
	if len(specs) > 1 {
		return Spec{}, fmt.Errorf("tokenizer %q stands for %d tokenizers (%s, …) where one is wanted", clip(text), len(specs), specs[0].Name)
	}
	return specs[0], nil
}

// ParseSpecs reads a text and returns the tokenizers it stands for, the last
// alternatives varying fastest. Options are checked for being known to their kind;
// [Resolve] checks their values. Errors name the column.
func ParseSpecs(text string, kinds []Kind) ([]Spec, error) {
	if len(text) > maxSpecText {
		return nil, fmt.Errorf("tokenizer %q: a text of %d bytes; at most %d are read", clip(text), len(text), maxSpecText)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("tokenizer %q: its text is not UTF-8", clip(text))
	}
	p := specParser{src: text}
	lo, hi := p.trim(0, len(text))
	name := ""
	if i := strings.IndexAny(text[lo:hi], `=:{}"`); i >= 0 && text[lo+i] == '=' {
		nlo, nhi := p.trim(lo, lo+i)
		if nlo == nhi {
			return nil, p.errorf(lo, "no name before the equals sign: want NAME=KIND:…")
		}
		name = text[nlo:nhi]
		lo, hi = p.trim(lo+i+1, hi)
	}
	found, err := p.specs(lo, hi, kinds, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Spec, len(found))
	seen := map[string]bool{}
	for i, f := range found {
		if seen[f.text] {
			return nil, p.errorf(lo, "it stands for %s twice", f.text)
		}
		seen[f.text] = true
		out[i] = Spec{Name: f.text, Kind: f.kind, Arg: f.arg, Opts: f.opts, Choice: strings.Join(f.chosen, ",")}
		if name != "" {
			out[i] = out[i].Renamed(name)
		}
	}
	return out, nil
}

// ParseList reads the value of an option made by [ListOption] and returns the tokenizers
// it stands for in their order: those with commas stand in braces, alternatives stand
// for several.
func ParseList(value string, kinds []Kind) ([]Spec, error) {
	if len(value) > maxSpecText {
		return nil, fmt.Errorf("tokenizers %q: a text of %d bytes; at most %d are read", clip(value), len(value), maxSpecText)
	}
	p := specParser{src: "{" + value + "}"}
	texts, err := p.several(0, len(p.src), kinds, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Spec, len(texts))
	for i, t := range texts {
		if out[i], err = ParseSpec(t, kinds); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// WithOptions adds options that stand beside the text of a spec, in a configuration
// file. Several values of one option make several specs.
func (s Spec) WithOptions(options map[string][]string) ([]Spec, error) {
	out := []Spec{s}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		if _, twice := s.Opts[key]; twice {
			return nil, fmt.Errorf("tokenizer %q: option %q is given twice, in its text and beside it", s.Name, key)
		}
		values := options[key]
		if len(values) == 0 {
			return nil, fmt.Errorf("tokenizer %q: option %q has an empty list of values", s.Name, key)
		}
		if len(out)*len(values) > maxSpecs {
			return nil, fmt.Errorf("tokenizer %q: its options stand for more than %d tokenizers", s.Name, maxSpecs)
		}
		var next []Spec
		for _, o := range out {
			for _, v := range values {
				n := o
				n.Opts = maps.Clone(o.Opts)
				if n.Opts == nil {
					n.Opts = map[string]string{}
				}
				n.Opts[key] = v
				if len(values) > 1 {
					choice := key + "=" + quote(v)
					sep := ","
					if !strings.Contains(n.Name, ":") {
						sep = ":"
					}
					n.Name += sep + choice
					n.Choice = strings.TrimPrefix(n.Choice+","+choice, ",")
				}
				next = append(next, n)
			}
		}
		out = next
	}
	return out, nil
}

// specParser reads one text; all positions are offsets into it.
type specParser struct{ src string }

// A specPart is one tokenizer that a part of the text stands for.
type specPart struct {
	kind, arg string
	opts      map[string]string
	text      string   // canonical: no needless spaces, braces and quotes
	chosen    []string // alternatives taken
}

// errorf is an error at an offset, with the column for people and what stands
// there.
func (p *specParser) errorf(at int, format string, args ...any) error {
	column := utf8.RuneCountInString(p.src[:at]) + 1
	where := "at the end"
	if rest := p.src[at:]; rest != "" {
		where = fmt.Sprintf("at %q", clipTo(rest, 16))
	}
	return fmt.Errorf("tokenizer %q, column %d (%s): %w", clip(p.src), column, where, fmt.Errorf(format, args...))
}

func clip(s string) string { return clipTo(s, 200) }

// clipTo shortens a text to about n bytes, between characters.
func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// trim leaves spaces at both ends out.
func (p *specParser) trim(lo, hi int) (int, int) {
	for lo < hi && isSpace(p.src[lo]) {
		lo++
	}
	for lo < hi && isSpace(p.src[hi-1]) {
		hi--
	}
	return lo, hi
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// until is the offset of the first of the stops in [lo, hi) that stands in no
// braces and no quotes, or hi.
func (p *specParser) until(lo, hi int, stops string) (int, error) {
	var open []int
	for i := lo; i < hi; i++ {
		c := p.src[i]
		if len(open) == 0 && strings.IndexByte(stops, c) >= 0 {
			return i, nil
		}
		switch c {
		case '{':
			if open = append(open, i); len(open) > maxBraces {
				return 0, p.errorf(i, "more than %d braces within each other", maxBraces)
			}
		case '}':
			if len(open) == 0 {
				return 0, p.errorf(i, "a brace is closed that was not opened")
			}
			open = open[:len(open)-1]
		case '"':
			end, err := p.quoted(i, hi)
			if err != nil {
				return 0, err
			}
			i = end
		}
	}
	if len(open) > 0 {
		return 0, p.errorf(open[len(open)-1], "the brace is not closed")
	}
	return hi, nil
}

// quoted is the offset of the quote that ends the one at lo.
func (p *specParser) quoted(lo, hi int) (int, error) {
	for i := lo + 1; i < hi; i++ {
		switch p.src[i] {
		case '\\':
			i++
		case '"':
			return i, nil
		}
	}
	return 0, p.errorf(lo, "the quote is not closed")
}

// closing is the offset of the brace that closes the one at lo.
func (p *specParser) closing(lo, hi int) (int, error) {
	end, err := p.until(lo+1, hi, "}")
	if err == nil && end == hi {
		err = p.errorf(lo, "the brace is not closed")
	}
	return end, err
}

// list cuts [lo, hi) at the commas outside braces and quotes, and refuses empty
// parts.
func (p *specParser) list(lo, hi int, what string) ([][2]int, error) {
	var out [][2]int
	for at := lo; ; {
		end, err := p.until(at, hi, ",")
		if err != nil {
			return nil, err
		}
		a, b := p.trim(at, end)
		if a == b {
			return nil, p.errorf(a, "%s is missing here", what)
		}
		out = append(out, [2]int{a, b})
		if end == hi {
			return out, nil
		}
		at = end + 1
	}
}

// specs reads a spec without its name.
func (p *specParser) specs(lo, hi int, kinds []Kind, depth int) ([]specPart, error) {
	if depth > maxSpecDepth {
		return nil, p.errorf(lo, "more than %d specs within each other", maxSpecDepth)
	}
	colon, err := p.until(lo, hi, ":")
	if err != nil {
		return nil, err
	}
	klo, khi := p.trim(lo, colon)
	if klo == khi {
		return nil, p.errorf(lo, "no kind of tokenizer: want KIND, KIND:key=value,… or NAME=KIND:…")
	}
	names, err := p.values(klo, khi)
	if err != nil {
		return nil, err
	}
	var out []specPart
	for _, name := range names {
		k, err := find(kinds, name)
		if err != nil {
			return nil, p.errorf(klo, "%w", err)
		}
		parts := []specPart{{kind: k.Name, text: k.Name}}
		if len(names) > 1 {
			parts[0].chosen = []string{k.Name}
		}
		olo, ohi := p.trim(min(colon+1, hi), hi)
		switch {
		case k.Arg != "":
			if parts[0].arg = p.src[olo:ohi]; parts[0].arg != "" {
				parts[0].text += ":" + parts[0].arg
			}
		default:
			parts[0].opts = map[string]string{}
			if olo < ohi {
				if parts, err = p.options(olo, ohi, k, parts, depth); err != nil {
					return nil, err
				}
			}
		}
		if out = append(out, parts...); len(out) > maxSpecs {
			return nil, p.errorf(lo, "it stands for more than %d tokenizers", maxSpecs)
		}
	}
	return out, nil
}

// options reads key=value,… for a kind and adds them to parts.
func (p *specParser) options(lo, hi int, k Kind, parts []specPart, depth int) ([]specPart, error) {
	fields, err := p.list(lo, hi, "an option")
	if err != nil {
		return nil, err
	}
	for n, f := range fields {
		eq, err := p.until(f[0], f[1], "=")
		if err != nil {
			return nil, err
		}
		klo, khi := p.trim(f[0], eq)
		key := p.src[klo:khi]
		if eq == f[1] {
			return nil, p.errorf(f[0], "option %q has no value: want key=value%s", key, p.braceHint(f[0]))
		}
		o, err := k.option(key)
		if err != nil {
			return nil, p.errorf(f[0], "%w", err)
		}
		if _, twice := parts[0].opts[key]; twice {
			return nil, p.errorf(f[0], "option %q is given twice", key)
		}
		var values []string
		vlo, vhi := p.trim(eq+1, f[1])
		text := quote
		switch {
		case o.List:
			text = func(list string) string { return "{" + list + "}" }
			values, err = p.several(vlo, vhi, o.Kinds(), depth+1)
			for i, v := range values {
				values[i] = embrace(v)
			}
			values = []string{strings.Join(values, ",")}
		case o.Kinds != nil:
			text = embrace
			values, err = p.nested(vlo, vhi, o.Kinds(), depth+1)
		default:
			values, err = p.values(vlo, vhi)
		}
		if err != nil {
			return nil, err
		}
		if len(parts)*len(values) > maxSpecs {
			return nil, p.errorf(lo, "it stands for more than %d tokenizers", maxSpecs)
		}
		next := make([]specPart, 0, len(parts)*len(values))
		for _, part := range parts {
			for _, v := range values {
				s := part
				s.opts = maps.Clone(part.opts)
				s.opts[key] = v
				s.text += map[bool]string{true: ":", false: ","}[n == 0] + key + "=" + text(v)
				if len(values) > 1 {
					s.chosen = append(slices.Clone(part.chosen), key+"="+text(v))
				}
				next = append(next, s)
			}
		}
		parts = next
	}
	return parts, nil
}

// braceHint explains a field without an equals sign that stands behind a comma
// which somebody meant to be part of a value.
func (p *specParser) braceHint(at int) string {
	if at == 0 || !strings.Contains(p.src[:at], ",") {
		return ""
	}
	return `; several values stand in braces, k={256,1024}, and a value with a comma in quotes, "a,b"`
}

// values reads a value and returns all that it stands for.
func (p *specParser) values(lo, hi int) ([]string, error) {
	out := []string{""}
	add := func(pieces ...string) {
		next := make([]string, 0, len(out)*len(pieces))
		for _, o := range out {
			for _, s := range pieces {
				next = append(next, o+s)
			}
		}
		out = next
	}
	for at := lo; at < hi; {
		switch p.src[at] {
		case '"':
			end, err := p.quoted(at, hi)
			if err != nil {
				return nil, err
			}
			add(unquote(p.src[at+1 : end]))
			at = end + 1
		case '{':
			end, err := p.closing(at, hi)
			if err != nil {
				return nil, err
			}
			elements, err := p.list(at+1, end, "an alternative")
			if err != nil {
				return nil, err
			}
			var pieces []string
			for _, e := range elements {
				v, err := p.values(e[0], e[1])
				if err != nil {
					return nil, err
				}
				pieces = append(pieces, v...)
			}
			if len(out)*len(pieces) > maxSpecs {
				return nil, p.errorf(at, "it stands for more than %d values", maxSpecs)
			}
			add(pieces...)
			at = end + 1
		default:
			end := at + 1
			for end < hi && p.src[end] != '"' && p.src[end] != '{' {
				if p.src[end] == '}' {
					return nil, p.errorf(end, "a brace is closed that was not opened")
				}
				end++
			}
			add(p.src[at:end])
			at = end
		}
	}
	return out, nil
}

// nested reads the value of an option that names a tokenizer: a spec, in braces
// where it has commas, or alternatives of such.
func (p *specParser) nested(lo, hi int, kinds []Kind, depth int) ([]string, error) {
	if lo < hi && p.src[lo] == '{' {
		end, err := p.closing(lo, hi)
		if err != nil {
			return nil, err
		}
		if end == hi-1 {
			elements, err := p.list(lo+1, end, "a tokenizer")
			if err != nil {
				return nil, err
			}
			first := elements[0]
			colon, err := p.until(first[0], first[1], ":")
			if err != nil {
				return nil, err
			}
			if colon < first[1] { // KIND:… in braces: one spec
				lo, hi = p.trim(lo+1, end)
			} else {
				if depth > maxSpecDepth {
					return nil, p.errorf(lo, "more than %d specs within each other", maxSpecDepth)
				}
				var out []string
				for _, e := range elements {
					v, err := p.nested(e[0], e[1], kinds, depth+1)
					if err != nil {
						return nil, err
					}
					if out = append(out, v...); len(out) > maxSpecs {
						return nil, p.errorf(lo, "it stands for more than %d tokenizers", maxSpecs)
					}
				}
				return out, nil
			}
		}
	}
	parts, err := p.specs(lo, hi, kinds, depth)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(parts))
	for i, s := range parts {
		out[i] = s.text
	}
	return out, nil
}

// several reads the value of an option that names tokenizers: in braces, each as
// [specParser.nested] reads one.
func (p *specParser) several(lo, hi int, kinds []Kind, depth int) ([]string, error) {
	if depth > maxSpecDepth {
		return nil, p.errorf(lo, "more than %d specs within each other", maxSpecDepth)
	}
	elements := [][2]int{{lo, hi}}
	if lo < hi && p.src[lo] == '{' {
		end, err := p.closing(lo, hi)
		if err != nil {
			return nil, err
		}
		if end == hi-1 {
			if elements, err = p.list(lo+1, end, "a tokenizer"); err != nil {
				return nil, err
			}
		}
	}
	var out []string
	for _, e := range elements {
		v, err := p.nested(e[0], e[1], kinds, depth+1)
		if err != nil {
			if eq, _ := p.until(e[0], e[1], "=:"); len(elements) > 1 && eq < e[1] && p.src[eq] == '=' {
				err = fmt.Errorf("%w; a tokenizer with commas stands in braces of its own, {{vq:patch=8,k=256},jpeg}", err)
			}
			return nil, err
		}
		if out = append(out, v...); len(out) > maxSpecs {
			return nil, p.errorf(lo, "it stands for more than %d tokenizers", maxSpecs)
		}
	}
	return out, nil
}

var (
	escaper   = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
)

func unquote(s string) string { return unescaper.Replace(s) }

// quote writes a value so that reading gives it back.
func quote(v string) string {
	if strings.ContainsAny(v, `{},"`) || v != "" && (isSpace(v[0]) || isSpace(v[len(v)-1])) {
		return `"` + escaper.Replace(v) + `"`
	}
	return v
}

// embrace writes a spec as the value of an option.
func embrace(spec string) string {
	if strings.Contains(spec, ":") {
		return "{" + spec + "}"
	}
	return spec
}

// Resolve checks a spec against its kind and fills in the defaults.
func Resolve(s Spec, kinds []Kind) (Kind, Options, error) {
	fail := func(err error) (Kind, Options, error) {
		return Kind{}, nil, fmt.Errorf("tokenizer %q: %w", s.Name, err)
	}
	k, err := find(kinds, s.Kind)
	if err != nil {
		return fail(err)
	}
	opts := Options{}
	for _, o := range k.Options {
		opts[o.Name] = o.Default
	}
	given := maps.Clone(s.Opts)
	if k.Arg != "" && s.Arg != "" {
		if given == nil {
			given = map[string]string{}
		}
		arg, behind := s.Arg, map[string]string(nil)
		if k.ArgOptions {
			arg, behind = k.splitArg(arg)
		}
		given[k.Arg] = arg
		maps.Copy(given, behind)
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		v := given[key]
		o, err := k.option(key)
		if err != nil {
			return fail(err)
		}
		if o.Check != nil {
			if err := o.Check(v); err != nil {
				return fail(fmt.Errorf("option %s=%s: %w", key, v, err))
			}
		}
		opts[key] = v
	}
	for _, o := range k.Options {
		if o.Required && opts[o.Name] == "" {
			return fail(fmt.Errorf("option %q is missing: %s", o.Name, o.Help))
		}
	}
	return k, opts, nil
}

// splitArg takes options of the kind off the end of a text: ",name=value" as often as
// it stands there. What is behind any other comma belongs to the text.
func (k Kind) splitArg(arg string) (string, map[string]string) {
	behind := map[string]string{}
	for {
		i := strings.LastIndex(arg, ",")
		if i < 0 {
			return arg, behind
		}
		name, value, ok := strings.Cut(arg[i+1:], "=")
		if _, err := k.option(name); !ok || err != nil || name == k.Arg {
			return arg, behind
		}
		if _, twice := behind[name]; !twice {
			behind[name] = value
		}
		arg = arg[:i]
	}
}
