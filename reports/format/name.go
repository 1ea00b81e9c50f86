package format

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes a name safe for one line of text: control characters (terminal
// escapes, line breaks), characters that turn the direction of writing, and
// bytes that are not UTF-8 become visible escapes. Whatever a plug-in or a file
// calls itself, it cannot move the cursor or hide what stands beside it.
func Line(s string) string { return visible(s, unsafe) }

// Text is Line for a text of several lines: line breaks and tabs stay.
func Text(s string) string {
	return visible(s, func(r rune) bool { return unsafe(r) && r != '\n' && r != '\t' })
}

// visible writes the characters that act as escapes.
func visible(s string, acts func(rune) bool) string {
	if strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !acts(r):
			b.WriteString(s[i : i+n])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += n
	}
	return b.String()
}

// unsafe reports characters that act instead of being seen.
func unsafe(r rune) bool {
	switch {
	case r == utf8.RuneError, unicode.Is(unicode.Cc, r):
		return true
	case r == '\u200c', r == '\u200d': // joiners, of which scripts and emoji have need
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Slug makes a name fit for a file: lower-case letters, digits, dots, dashes and
// underscores, never empty, never starting with a dot. Different names may
// share a slug; [Slugs] keeps them apart.
func Slug(s string) string {
	var b strings.Builder
	dash := false
	for _, r := range strings.ToLower(s) {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' || r == '_' || r == '-' || r == '=') {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
			continue
		}
		dash = true
	}
	out := strings.Trim(b.String(), ".-")
	if len(out) > 80 {
		out = strings.Trim(out[:80], ".-")
	}
	if out == "" {
		return "x"
	}
	return out
}

// Slugs hands out file names that are different for different names.
type Slugs struct{ taken map[string]string }

// For returns the slug of a name; the same name always gets the same one.
func (s *Slugs) For(name string) string {
	if s.taken == nil {
		s.taken = map[string]string{}
	}
	base := Slug(name)
	slug := base
	for i := 2; ; i++ {
		owner, used := s.taken[slug]
		if !used || owner == name {
			s.taken[slug] = name
			return slug
		}
		slug = fmt.Sprintf("%s-%d", base, i)
	}
}
