package process

import (
	"strings"
	"sync"

	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// tailSize is how much of a plug-in's standard error is kept: enough for a
// traceback through a few libraries.
const tailSize = 64 << 10

// A tail keeps the last bytes written to it.
type tail struct {
	mu    sync.Mutex
	buf   []byte // ring once it is full
	next  int    // where the next byte goes when full
	total int64
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	t.total += int64(n)
	if len(p) > tailSize {
		p = p[len(p)-tailSize:]
	}
	if room := tailSize - len(t.buf); room > 0 {
		k := min(room, len(p))
		t.buf = append(t.buf, p[:k]...)
		p = p[k:]
	}
	for len(p) > 0 {
		k := copy(t.buf[t.next:], p)
		p = p[k:]
		t.next = (t.next + k) % tailSize
	}
	return n, nil
}

// String returns what is kept, from a line's start where something was dropped.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := string(t.buf[t.next:]) + string(t.buf[:t.next])
	if t.total > int64(len(s)) {
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
	}
	return s
}

// last returns the last n lines that are not blank, cleaned, joined by sep.
func (t *tail) last(n int, sep string) string {
	var lines []string
	all := strings.Split(t.String(), "\n")
	for i := len(all) - 1; i >= 0 && len(lines) < n; i-- {
		if l := wire.Clean(all[i], 300); l != "" {
			lines = append([]string{l}, lines...)
		}
	}
	return strings.Join(lines, sep)
}
