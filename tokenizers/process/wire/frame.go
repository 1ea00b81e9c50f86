// Package wire is the framed protocol between vtbench and a tokenizer plug-in:
// frames, messages and the layout of what they carry. docs/protocol.md is the
// same thing for people who write a plug-in in another language.
//
// Its opinion: the other side is hostile until a frame has been checked. No
// length is used before it is compared with what the request could possibly
// yield, memory grows with what arrives and not with what a header says, and every refusal quotes
// what was read, since nine of ten broken streams are somebody's print statement.
//
//	r := wire.NewReader(conn)
//	head, n, err := r.Next(1 << 20) // at most 1 MiB of raw bytes
//	body := make([]byte, n)
//	err = r.Body(body)
package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// MaxFrame is the longest frame, in bytes behind the length field. It stays
	// below 0x20000000 on purpose: four bytes of printable text read as a length
	// are larger, so text on the stream is found at its fourth byte.
	MaxFrame = 0x1fffffff
	// MaxHeader is the longest JSON header in bytes.
	MaxHeader = 4 << 20
	prefix    = 8 // the two length fields
)

// ErrClosed is the end of the stream between two frames.
var ErrClosed = errors.New("stream closed")

// A FrameError says why bytes are no frame.
type FrameError struct {
	Reason string
	Start  []byte // the first bytes of what stood where a frame should be
	Header bool   // Start is the header of a frame that was read whole
	Err    error
}

// Error implements error.
func (e *FrameError) Error() string {
	msg := e.Reason
	if len(e.Start) > 0 {
		msg += "; it starts with " + quote(e.Start)
	}
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Unwrap returns the reading error behind it.
func (e *FrameError) Unwrap() error { return e.Err }

// sureText is how many characters of text in a row are no accident: a byte at random is one
// in four of ten cases.
const sureText = 8

// Text reports whether what was read looks like printed text: it is UTF-8 without control
// characters, but for those that move, colour and ring, to its end, or for so long that it
// is no accident, or to the end of a line; a frame may follow.
func (e *FrameError) Text() bool {
	if len(e.Start) == 0 || e.Header {
		return false
	}
	seen, line := 0, false
	for rest := e.Start; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 && !utf8.FullRune(rest) {
			break // cut within a character
		}
		if r == utf8.RuneError && n == 1 || r >= 0x7f && r < 0xa0 || r < 0x20 && !strings.ContainsRune("\t\n\v\f\r\b\a\x1b", r) {
			return line || seen >= sureText
		}
		if r >= 0x20 {
			seen++
		}
		line = line || r == '\n' && seen > 0
		rest = rest[n:]
	}
	return seen > 0
}

// quote shows bytes on one line.
func quote(b []byte) string {
	if len(b) > 60 {
		return strconv.Quote(string(b[:60])) + "…"
	}
	return strconv.Quote(string(b))
}

// A Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	r    *bufio.Reader
	left int // raw bytes of the current frame not read yet
}

// NewReader returns a reader of frames.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 64<<10)} }

// Next reads the lengths and the header of the next frame and returns the header
// and the number of raw bytes that follow, which [Reader.Body] must take before
// the next call. Frames with more than maxBody raw bytes are refused unread. At
// the end of the stream, between frames, the error is [ErrClosed].
func (r *Reader) Next(maxBody int) (header []byte, body int, err error) {
	if r.left != 0 {
		return nil, 0, fmt.Errorf("wire: %d raw bytes of the last frame were not read", r.left)
	}
	// The first field is judged alone: a stream that carries text may not have
	// eight bytes of it yet.
	lead, err := r.r.Peek(4)
	switch {
	case len(lead) == 0 && errors.Is(err, io.EOF):
		return nil, 0, ErrClosed
	case err != nil:
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the stream broke after %d bytes of a frame", len(lead)), Start: clone(lead), Err: ended(err)}
	}
	length := binary.LittleEndian.Uint32(lead)
	if length > MaxFrame {
		return nil, 0, &FrameError{Reason: fmt.Sprintf("no frame: its length field says %d bytes, the most is %d", length, MaxFrame), Start: r.start()}
	}
	if length < 4 {
		return nil, 0, &FrameError{Reason: fmt.Sprintf("no frame: its length field says %d bytes, the least is 4", length), Start: r.start()}
	}
	lead, err = r.r.Peek(prefix)
	if err != nil {
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the stream broke after %d bytes of a frame of %d", len(lead), int64(length)+4), Start: clone(lead), Err: ended(err)}
	}
	headLen := binary.LittleEndian.Uint32(lead[4:])
	switch {
	case headLen > length-4:
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the header claims %d bytes of a frame that has %d", headLen, length-4), Start: r.start()}
	case headLen > MaxHeader:
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the header claims %d bytes, the most is %d", headLen, MaxHeader), Start: r.start()}
	case headLen < 2:
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the header claims %d bytes: a JSON object has at least 2", headLen), Start: r.start()}
	}
	n := int(length - 4 - headLen)
	if n > maxBody {
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the frame carries %d raw bytes where at most %d can be meant", n, maxBody), Start: r.start()}
	}
	if _, err := r.r.Discard(prefix); err != nil {
		return nil, 0, &FrameError{Reason: "reading a frame", Err: err}
	}
	header, err = readGrowing(r.r, int(headLen))
	if err != nil {
		return nil, 0, &FrameError{Reason: fmt.Sprintf("the stream broke after %d bytes of a header of %d", len(header), headLen), Start: header, Err: ended(err)}
	}
	if header[0] != '{' {
		return nil, 0, &FrameError{Reason: "the header is no JSON object", Start: header}
	}
	r.left = n
	return header, n, nil
}

// Body fills dst with raw bytes of the current frame; it may be called several
// times, for less than is left each.
func (r *Reader) Body(dst []byte) error {
	if len(dst) > r.left {
		return fmt.Errorf("wire: want %d raw bytes of a frame that has %d left", len(dst), r.left)
	}
	n, err := io.ReadFull(r.r, dst)
	r.left -= n
	if err != nil {
		return &FrameError{Reason: fmt.Sprintf("the stream broke %d bytes before the end of a frame", r.left), Err: ended(err)}
	}
	return nil
}

// start returns what is at hand of the stream, for an error message.
func (r *Reader) start() []byte {
	b, err := r.r.Peek(min(r.r.Buffered(), 120))
	if err != nil {
		return nil
	}
	return clone(b)
}

// readGrowing reads n bytes without trusting n: memory grows with what arrives.
func readGrowing(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, 64<<10))
	for len(buf) < n {
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(n, 2*cap(buf))), buf...)
		}
		k, err := io.ReadFull(r, buf[len(buf):min(n, cap(buf))])
		buf = buf[:len(buf)+k]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// ended makes the end of a stream inside a frame what it is: unexpected.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write writes one frame: the header and the raw bytes of body, in order.
func Write(w io.Writer, header []byte, body ...[]byte) error {
	total := 4 + len(header)
	for _, b := range body {
		total += len(b)
		if total > MaxFrame {
			return fmt.Errorf("wire: a frame of more than %d bytes", MaxFrame)
		}
	}
	if len(header) > MaxHeader {
		return fmt.Errorf("wire: a header of %d bytes, the most is %d", len(header), MaxHeader)
	}
	lead := make([]byte, prefix, prefix+len(header))
	binary.LittleEndian.PutUint32(lead, uint32(total))
	binary.LittleEndian.PutUint32(lead[4:], uint32(len(header)))
	if _, err := w.Write(append(lead, header...)); err != nil {
		return fmt.Errorf("writing a frame: %w", err)
	}
	for _, b := range body {
		if len(b) == 0 {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing a frame: %w", err)
		}
	}
	return nil
}

// Clean makes text of a plug-in fit to be shown: one line, no control
// characters, at most limit bytes (plus an ellipsis).
func Clean(s string, limit int) string {
	cut := false
	if len(s) > 4*limit {
		s, cut = s[:4*limit], true
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case r < 0x20, r == 0x7f, r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0xfffd:
			return -1 // terminal controls, direction overrides, broken UTF-8
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > limit {
		s, cut = strings.ToValidUTF8(s[:limit], ""), true
	}
	if cut {
		s += "…"
	}
	return s
}
