package wire

import (
	"testing"
	"unicode/utf8"
)

// FuzzClean: whatever a plug-in says, what is shown of it has no control characters, is
// text, and no longer than asked, but for the sign that it was cut.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"plain", "\x1b[31mred\x07", "a\u202eb\u0085c\u2066", "bad \xff\xfe utf", "é\n\r\t"} {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 || n > 1000 {
			n = 20
		}
		got := Clean(s, n)
		if !utf8.ValidString(got) || len(got) > n+len("…") {
			t.Fatalf("Clean(%q, %d) = %q", s, n, got)
		}
		for _, r := range got {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				t.Fatalf("Clean(%q, %d) = %q has %q", s, n, got, r)
			}
		}
	})
}
