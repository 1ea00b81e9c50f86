package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func lead(length, head uint32, rest string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, length)
	b = binary.LittleEndian.AppendUint32(b, head)
	return append(b, rest...)
}

// TestFrameLayout holds the bytes of one frame, as docs/protocol.md shows them.
func TestFrameLayout(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []byte(`{"type":"ping","id":5}`), []byte{1, 2}, nil, []byte{3}); err != nil {
		t.Fatal(err)
	}
	want := "\x1d\x00\x00\x00\x16\x00\x00\x00{\"type\":\"ping\",\"id\":5}\x01\x02\x03"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream bytes.Buffer
		type sent struct{ head, body []byte }
		var all []sent
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			text := rapid.String().Draw(t, "text")
			head, err := json.Marshal(map[string]string{"type": text})
			if err != nil {
				t.Fatal(err)
			}
			parts := rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 50)).Draw(t, "body")
			if err := Write(&stream, head, parts...); err != nil {
				t.Fatal(err)
			}
			all = append(all, sent{head, bytes.Join(parts, nil)})
		}
		// One byte at a time is the worst a pipe can do.
		r := NewReader(iotest.OneByteReader(&stream))
		for i, s := range all {
			head, n, err := r.Next(1 << 20)
			if err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			body := make([]byte, n)
			half := n / 2
			if err := errors.Join(r.Body(body[:half]), r.Body(body[half:])); err != nil {
				t.Fatalf("frame %d: %v", i, err)
			}
			if !bytes.Equal(head, s.head) || !bytes.Equal(body, s.body) {
				t.Fatalf("frame %d came back changed", i)
			}
		}
		if _, _, err := r.Next(1 << 20); !errors.Is(err, ErrClosed) {
			t.Fatalf("the end of the stream: %v", err)
		}
	})
}

func TestBadFrames(t *testing.T) {
	for _, c := range []struct {
		name  string
		in    []byte
		limit int
		want  string
		text  bool
	}{
		{"empty", nil, 100, "stream closed", false},
		{"two bytes", []byte("hi"), 100, `the stream broke after 2 bytes of a frame; it starts with "hi": unexpected EOF`, true},
		{"text", []byte("Loading weights from x\n"), 100, `no frame: its length field says 1684107084 bytes, the most is 536870911; it starts with "Loading weights from x\n"`, true},
		{"text of five", []byte("load!"), 100, `its length field says`, true},
		{"length below 4", lead(3, 0, ""), 100, `its length field says 3 bytes, the least is 4`, false},
		{"lengths only", lead(10, 6, "")[:6], 100, `the stream broke after 6 bytes of a frame of 14`, false},
		{"header beyond frame", lead(10, 7, "{}....."), 100, `the header claims 7 bytes of a frame that has 6`, false},
		{"header of nothing", lead(4, 0, ""), 100, `the header claims 0 bytes: a JSON object has at least 2`, false},
		{"giant header", lead(MaxFrame, MaxHeader+1, ""), 100, `the header claims 4194305 bytes, the most is 4194304`, false},
		{"body beyond limit", lead(4+2+101, 2, "{}"), 100, `the frame carries 101 raw bytes where at most 100 can be meant`, false},
		{"header cut", lead(4+20, 20, `{"type":`), 100, `the stream broke after 8 bytes of a header of 20`, true},
		{"header no object", lead(4+4, 4, `[1] `), 100, `the header is no JSON object; it starts with "[1] "`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := NewReader(bytes.NewReader(c.in)).Next(c.limit)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			var fe *FrameError
			if errors.As(err, &fe) && fe.Text() != c.text {
				t.Errorf("taken for text: %v, want %v", fe.Text(), c.text)
			}
		})
	}
	// A body that is cut is found where it is read.
	r := NewReader(bytes.NewReader(lead(4+2+10, 2, "{}12345")))
	_, n, err := r.Next(100)
	if err != nil || n != 10 {
		t.Fatal(n, err)
	}
	if err := r.Body(make([]byte, 10)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body cut short: %v", err)
	}
	r = NewReader(bytes.NewReader(lead(4+2+10, 2, "{}1234567890")))
	if _, _, err := r.Next(100); err != nil {
		t.Fatal(err)
	}
	if err := r.Body(make([]byte, 11)); err == nil {
		t.Error("more was read than the frame has")
	}
	if _, _, err := r.Next(100); err == nil {
		t.Error("the next frame was read before the body of this one")
	}
}

// TestTextIsFoundEarly: any four printable bytes are refused without waiting for
// a fifth, which a program that prints a word and then hangs never sends.
func TestTextIsFoundEarly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.ByteRange(0x20, 0x7e), 4, 4).Draw(t, "text")
		pr, pw := io.Pipe()
		defer func() { _ = pr.Close() }()  // never fails
		go func() { _, _ = pw.Write(b) }() // and nothing after
		_, _, err := NewReader(pr).Next(MaxFrame)
		var fe *FrameError
		if !errors.As(err, &fe) || !fe.Text() {
			t.Fatalf("%q: %v", b, err)
		}
	})
}

// Prints are blamed only where there is text.
func TestText(t *testing.T) {
	for start, want := range map[string]bool{
		"ok": true, "step 1/50\n6\x06\x00\x00{": true, "loading weights\x10\x00\x00\x00": true, "100%|██████| 3": true,
		"\x1b[31merror\x1b[0m": true, "Lade Gewichte … f\xc3": true, "é": true, "\n\n\n\n": false,
		"abcd\x00\x01": false, "ab\xff\xfe": false, "\x00\x00\x00\x00": false, "": false, "    \x80": false,
	} {
		if got := (&FrameError{Start: []byte(start)}).Text(); got != want {
			t.Errorf("%q is text: %v, want %v", start, got, want)
		}
	}
	if (&FrameError{Start: []byte("{}"), Header: true}).Text() {
		t.Error("a header is taken for text")
	}
}

func TestWriteLimits(t *testing.T) {
	if err := Write(io.Discard, []byte("{}"), make([]byte, MaxFrame)); err == nil {
		t.Error("a frame beyond the limit was written")
	}
	if err := Write(io.Discard, make([]byte, MaxHeader+1)); err == nil {
		t.Error("a header beyond the limit was written")
	}
	if err := Write(failing{}, []byte("{}")); err == nil {
		t.Error("a failing writer went unnoticed")
	}
}

func TestSplit(t *testing.T) {
	items := []Item{
		{W: 2, H: 1, Books: []Book{{Size: 9, Shape: []int{1, 2}}, {Size: 4, Shape: []int{1}}}},
		{Error: "no"},
		{Floats: []int{2}},
		{W: 7, H: 7, Blank: true, Books: []Book{{Size: 9, Shape: []int{1}}}},
		{W: 1, H: 1, Frames: 2, Rate: 24, Start: 16, Books: []Book{{Size: 9, Shape: []int{1, 1, 1}}}},
	}
	body := []byte{1, 2, 3, 4, 5, 6}
	body = AppendIDs(body, []int32{7, -8, 3})
	body = AppendFloats(body, []float32{1.5, float32(math.Inf(1))})
	body = AppendIDs(body, []int32{5})
	body = append(body, 11, 12, 13, 14, 15, 16)
	body = AppendIDs(body, []int32{6})
	got, err := Split(items, body)
	if err != nil {
		t.Fatal(err)
	}
	want := []Payload{
		{Pix: []byte{1, 2, 3, 4, 5, 6}, IDs: [][]int32{{7, -8}, {3}}},
		{},
		{Floats: []float32{1.5, float32(math.Inf(1))}},
		{IDs: [][]int32{{5}}},
		{Pix: []byte{11, 12, 13, 14, 15, 16}, IDs: [][]int32{{6}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payloads (-want +got):\n%s", diff)
	}
	if cap(got[0].Pix) != 6 {
		t.Errorf("an image can be appended to into its neighbour: cap %d", cap(got[0].Pix))
	}
	for name, bad := range map[string][]Item{
		"too few bytes":    items[:2],
		"negative side":    {{W: -1, H: 5}},
		"negative frames":  {{W: 1, H: 2, Frames: -1}},
		"a frame too many": {{W: 1, H: 2, Frames: 5}},
		"giant window":     {{W: 1 << 16, H: 1 << 16, Frames: 1 << 16}},
		"endless window":   {{W: 1, H: 1, Frames: 1 << 40}},
		"frames alone":     {{Frames: 2}},
		"one side":         {{W: 5}},
		"giant side":       {{W: 1 << 30, H: 1 << 30}},
		"giant sum":        {{W: 60000, H: 60000}, {W: 60000, H: 60000}},
		"giant shape":      {{Books: []Book{{Size: 2, Shape: []int{1 << 28, 1 << 28, 1 << 28}}}}},
		"negative shape":   {{Floats: []int{-1, -1}}},
		"no shape":         {{Books: []Book{{Size: 2}}}},
		"nine dimensional": {{Floats: []int{1, 1, 1, 1, 1, 1, 1, 1, 1}}},
	} {
		if _, err := Split(bad, body); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	var r Response
	if err := Unmarshal([]byte(`{"type":"result","id":3,"later":{"x":1}}`), &r); err != nil || r.ID != 3 {
		t.Errorf("a key of a later version: %v, %+v", err, r)
	}
	for _, bad := range []string{`{"id":"x"}`, `{"id":NaN}`, `{"id":-1}`, `{"id":1e400}`, `{} {}`, `{"items":[{"w":1.5}]}`, `{`} {
		if err := Unmarshal([]byte(bad), &r); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                              "plain",
		"two\n lines\r\n":                    "two lines",
		"\x1b[31mred\x1b[0m\x07":             "[31mred[0m",
		"a\u202eb\u0085c\u2066":              "abc",
		"bad \xff\xfe utf":                   "bad utf",
		strings.Repeat("x", 50):              strings.Repeat("x", 20) + "…",
		strings.Repeat("é", 50):              strings.Repeat("é", 10) + "…",
		"\x00" + strings.Repeat("\x00", 500): "…",
	} {
		if got := Clean(in, 20); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzReader: whatever arrives, the reader neither panics nor allocates beyond
// what arrived, and what it accepts is what was written.
func FuzzReader(f *testing.F) {
	var good bytes.Buffer
	if err := Write(&good, []byte(`{"type":"result","id":1,"items":[{"w":1,"h":1,"books":[{"size":4,"shape":[1]}]}]}`), []byte{1, 2, 3, 0, 0, 0, 0}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	var clip bytes.Buffer
	if err := Write(&clip, []byte(`{"type":"result","id":1,"items":[{"w":1,"h":1,"frames":2,"capacity":1.5,"books":[{"size":4,"shape":[1,1,1]}]}]}`), []byte{1, 2, 3, 4, 5, 6, 0, 0, 0, 0}); err != nil {
		f.Fatal(err)
	}
	f.Add(clip.Bytes())
	f.Add(lead(4+47, 47, `{"items":[{"w":65536,"h":65536,"frames":65536}]}`))
	f.Add([]byte("Loading weights"))
	f.Add(lead(MaxFrame, 2, "{}"))
	f.Add(lead(100, MaxHeader, "{"))
	f.Add(lead(4+2, 2, "{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		r := NewReader(bytes.NewReader(data))
		for {
			head, n, err := r.Next(limit)
			if err != nil {
				if err.Error() == "" {
					t.Fatal("an error without words")
				}
				return
			}
			if n > limit || len(head) > len(data) {
				t.Fatalf("header of %d and body of %d bytes from %d bytes", len(head), n, len(data))
			}
			body := make([]byte, n)
			if r.Body(body) != nil {
				return
			}
			var resp Response
			if Unmarshal(head, &resp) != nil {
				continue
			}
			parts, err := Split(resp.Items, body)
			if err != nil {
				continue
			}
			used := 0
			for _, p := range parts {
				used += len(p.Pix) + 4*len(p.Floats)
				for _, ids := range p.IDs {
					used += 4 * len(ids)
				}
			}
			if used != n {
				t.Fatalf("%d of %d raw bytes belong to an item", used, n)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	// The floor is one copy of the body out of the stream.
	var frame bytes.Buffer
	body := make([]byte, 3*512*512)
	if err := Write(&frame, []byte(`{"type":"result","id":1}`), body); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	in := bytes.NewReader(frame.Bytes())
	for b.Loop() {
		in.Reset(frame.Bytes())
		r := NewReader(in)
		_, n, err := r.Next(MaxFrame)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Body(body[:n]); err != nil {
			b.Fatal(err)
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
