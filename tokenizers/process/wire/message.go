package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/tokenizers"
)

// The protocol versions this package speaks.
const (
	MinVersion = 1
	MaxVersion = 1
)

// Types of messages.
const (
	Hello           = "hello"            // both ways, first
	Reconstruct     = "reconstruct"      // images → images, codes, bits, times
	ReconstructClip = "reconstruct_clip" // windows of films → the same of windows
	Decode          = "decode"           // codes → images
	Latents         = "latents"          // images → floats
	Codebook        = "codebook"         // number of a book → its vectors
	Call            = "call"             // operation, JSON, raw bytes → JSON, raw bytes
	Ping            = "ping"             // liveness check
	Bye             = "bye"              // no answer: finish and exit
	Result          = "result"           // the answer to the seven above
	Failure         = "error"            // the whole request failed, the plug-in keeps running
)

// What a plug-in can do besides reconstructing, as named in its hello.
const (
	CanClips    = "clips"
	CanDecode   = "decode"
	CanLatents  = "latents"
	CanCodebook = "codebook"
	CanCall     = "call"
)

// maxSide bounds the sides of images and the entries of shapes, maxFrames the frames of a
// window: what is larger is an error, not a size.
const (
	maxSide   = 1 << 16
	maxFrames = 1 << 16
)

// A Request goes from vtbench to the plug-in.
type Request struct {
	Type string `json:"type"`
	ID   uint64 `json:"id,omitempty"`

	Protocol     *Versions     `json:"protocol,omitempty"` // hello
	Host         string        `json:"host,omitempty"`     // hello
	Replica      int           `json:"replica,omitempty"`  // hello
	MaxFrame     int           `json:"max_frame,omitempty"`
	SharedMemory *SharedMemory `json:"shared_memory,omitempty"` // hello

	Items []Item `json:"items,omitempty"`
	Warm  bool   `json:"warm,omitempty"` // reconstruct: the result is thrown away
	Book  int    `json:"book,omitempty"` // codebook
	Shm   *Shm   `json:"shm,omitempty"`

	Op    string          `json:"op,omitempty"`    // call: what to do
	Args  json.RawMessage `json:"args,omitempty"`  // call
	Bytes int             `json:"bytes,omitempty"` // call: number of raw bytes
}

// Size is the number of raw bytes that the header describes.
func (r *Request) Size() (int, error) { return size(r.Items, r.Bytes) }

// Versions is the range of protocol versions the host speaks.
type Versions struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// SharedMemory offers a file descriptor that the plug-in may map. It proves that
// it did by returning the 16 bytes at the start as Cookie.
type SharedMemory struct {
	FD   int `json:"fd"`
	Size int `json:"size"`
}

// Shm says where in the shared memory the raw bytes of a request lie and where
// those of its answer may be put.
type Shm struct {
	Size int  `json:"size"` // of the whole file now
	In   Span `json:"in"`
	Out  Span `json:"out"`
}

// A Span is a part of the shared memory.
type Span struct {
	Off int `json:"off"`
	Len int `json:"len"`
}

// A Response goes from the plug-in to vtbench.
type Response struct {
	Type  string `json:"type"`
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`

	Protocol int              `json:"protocol,omitempty"` // hello
	Info     *tokenizers.Info `json:"info,omitempty"`     // hello
	Can      []string         `json:"can,omitempty"`      // hello
	SDK      string           `json:"sdk,omitempty"`      // hello
	Cookie   string           `json:"cookie,omitempty"`   // hello
	Ops      []string         `json:"ops,omitempty"`      // hello: the operations of call

	Items []Item `json:"items,omitempty"`
	Shm   *Span  `json:"shm,omitempty"` // the raw bytes lie there instead of in the frame
	// DeviceMemory is the most memory of the accelerator that the process ever had in use,
	// in bytes; 0 where it cannot tell.
	DeviceMemory int64 `json:"device_memory,omitempty"`

	Value json.RawMessage `json:"value,omitempty"` // call
	Bytes int             `json:"bytes,omitempty"` // call: number of raw bytes
}

// Size is the number of raw bytes that the header describes.
func (r *Response) Size() (int, error) { return size(r.Items, r.Bytes) }

// size adds the bytes of a call to those of items.
func size(items []Item, more int) (int, error) {
	n, err := Size(items)
	if err != nil {
		return 0, err
	}
	if more < 0 || more > MaxFrame-n {
		return 0, fmt.Errorf("the header claims %d raw bytes: want 0 to %d", more, MaxFrame-n)
	}
	return n + more, nil
}

// An Item is one image of a batch, or one window of a film. Its raw bytes are, in this
// order: 3·w·h bytes of RGB where W and H are given, for every frame where Frames is given,
// four bytes an id of every book, four bytes a number of the float shape.
type Item struct {
	W        int     `json:"w,omitempty"`
	H        int     `json:"h,omitempty"`
	Frames   int     `json:"frames,omitempty"` // reconstruct_clip: of the window; 0: an image
	Rate     float64 `json:"rate,omitempty"`   // reconstruct_clip: frames a second; 0: not known
	Start    int     `json:"start,omitempty"`  // reconstruct_clip: place of the first frame in the film
	Blank    bool    `json:"blank,omitempty"`  // decode: w and h are wanted, no pixels follow
	Books    []Book  `json:"books,omitempty"`
	Floats   []int   `json:"floats,omitempty"` // shape of float32 data: a latent, a codebook
	Bits     int64   `json:"bits,omitempty"`
	FileBits int64   `json:"file_bits,omitempty"`
	Capacity float64 `json:"capacity,omitempty"` // bits that a continuous latent carries at most
	EncodeNS int64   `json:"encode_ns,omitempty"`
	DecodeNS int64   `json:"decode_ns,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// pixels is the number of bytes of RGB of an item whose sides were checked.
func (it Item) pixels() int64 { return 3 * int64(it.W) * int64(it.H) * int64(max(it.Frames, 1)) }

// A Book is the shape of the ids drawn from one codebook.
type Book struct {
	Size  int   `json:"size"`
	Shape []int `json:"shape"`
}

// volume multiplies a shape, refusing what cannot be meant.
func volume(what string, shape []int) (int64, error) {
	if len(shape) == 0 || len(shape) > 8 {
		return 0, fmt.Errorf("%s has a shape of %d sides: want 1 to 8", what, len(shape))
	}
	n := int64(1)
	for _, s := range shape {
		if s <= 0 || s > MaxFrame {
			return 0, fmt.Errorf("%s has shape %v: every side must be from 1 to %d", what, shape, MaxFrame)
		}
		if n *= int64(s); n > MaxFrame {
			return 0, fmt.Errorf("%s has shape %v: more than a frame can hold", what, shape)
		}
	}
	return n, nil
}

// Size is the number of raw bytes that belong to the item.
func (it Item) Size() (int64, error) {
	var n int64
	if it.W != 0 || it.H != 0 {
		if it.W <= 0 || it.H <= 0 || it.W > maxSide || it.H > maxSide {
			return 0, fmt.Errorf("an image of %d×%d: both sides must be from 1 to %d", it.W, it.H, maxSide)
		}
		if it.Frames < 0 || it.Frames > maxFrames {
			return 0, fmt.Errorf("a window of %d frames: want 1 to %d", it.Frames, maxFrames)
		}
		if !it.Blank {
			n = it.pixels()
		}
	} else if it.Frames != 0 {
		return 0, fmt.Errorf("a window of %d frames without w and h", it.Frames)
	}
	for b, book := range it.Books {
		v, err := volume(fmt.Sprintf("book %d", b), book.Shape)
		if err != nil {
			return 0, err
		}
		n += 4 * v
	}
	if len(it.Floats) > 0 {
		v, err := volume("float data", it.Floats)
		if err != nil {
			return 0, err
		}
		n += 4 * v
	}
	return n, nil
}

// Size is the number of raw bytes that belong to all items.
func Size(items []Item) (int, error) {
	var n int64
	for i, it := range items {
		s, err := it.Size()
		if err != nil {
			return 0, fmt.Errorf("item %d: %w", i, err)
		}
		if n += s; n > MaxFrame {
			return 0, fmt.Errorf("the items claim more than %d bytes", MaxFrame)
		}
	}
	return int(n), nil
}

// A Payload is the raw bytes of one item, by what they are. Pix shares memory
// with the body it was split from.
type Payload struct {
	Pix    []byte    // of all frames
	IDs    [][]int32 // one slice a book
	Floats []float32
}

// Split cuts a body into the payloads of its items; body must have exactly the
// bytes that the items claim.
func Split(items []Item, body []byte) ([]Payload, error) {
	want, err := Size(items)
	if err != nil {
		return nil, err
	}
	if want != len(body) {
		return nil, fmt.Errorf("the header describes %d raw bytes, the frame carries %d", want, len(body))
	}
	out := make([]Payload, len(items))
	take := func(n int) []byte {
		b := body[:n:n]
		body = body[n:]
		return b
	}
	for i, it := range items {
		p := &out[i]
		if !it.Blank && it.W > 0 {
			p.Pix = take(int(it.pixels()))
		}
		for _, book := range it.Books {
			n := 1
			for _, s := range book.Shape {
				n *= s
			}
			raw := take(4 * n)
			ids := make([]int32, n)
			for k := range ids {
				ids[k] = int32(binary.LittleEndian.Uint32(raw[4*k:]))
			}
			p.IDs = append(p.IDs, ids)
		}
		if len(it.Floats) > 0 {
			n := 1
			for _, s := range it.Floats {
				n *= s
			}
			raw := take(4 * n)
			p.Floats = make([]float32, n)
			for k := range p.Floats {
				p.Floats[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
			}
		}
	}
	return out, nil
}

// AppendIDs appends ids as they stand on the wire.
func AppendIDs(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(id))
	}
	return dst
}

// AppendFloats appends numbers as they stand on the wire.
func AppendFloats(dst []byte, fs []float32) []byte {
	for _, f := range fs {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(f))
	}
	return dst
}

// maxMemory bounds what a header becomes: sixteen times what one of 4096 items takes.
const maxMemory = 32 << 20

// UnmarshalResponse reads the header of an answer that has at most so many items. More of
// them are refused before they are made.
func UnmarshalResponse(header []byte, into *Response, items int) error {
	// The items stand beside the rest, undecoded; the outer field hides the inner one.
	split := struct {
		*Response
		Items json.RawMessage `json:"items"`
	}{Response: into}
	if err := Unmarshal(header, &split); err != nil || len(split.Items) == 0 {
		return err
	}
	bad := func(err error) error {
		return &FrameError{Reason: "the header is not the JSON that was expected", Start: clone(header[:min(len(header), 120)]), Header: true, Err: err}
	}
	dec := json.NewDecoder(bytes.NewReader(split.Items))
	switch open, err := dec.Token(); {
	case err != nil:
		return bad(err)
	case open == nil: // null
		return nil
	case open != json.Delim('['):
		return bad(errors.New("items is no list"))
	}
	for dec.More() {
		if len(into.Items) == items {
			return &FrameError{Reason: fmt.Sprintf("it returned more than %d results where %d were asked for: return one for every image, with an error in those that failed", items, items), Start: clone(header[:min(len(header), 120)]), Header: true}
		}
		var raw json.RawMessage
		var it Item
		err := dec.Decode(&raw)
		if err == nil {
			err = boundedjson.Unmarshal(raw, &it, maxMemory/int64(max(items, 1))+maxMemory>>12)
		}
		if err != nil {
			return bad(err)
		}
		into.Items = append(into.Items, it)
	}
	return nil
}

// Unmarshal reads a header into a [Request] or [Response]; the error quotes it.
func Unmarshal(header []byte, into any) error {
	if err := boundedjson.Check(header, into, maxMemory); err != nil {
		return &FrameError{Reason: "the header is not one that can be meant", Start: clone(header[:min(len(header), 120)]), Header: true, Err: err}
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if err := dec.Decode(into); err != nil {
		return &FrameError{Reason: "the header is not the JSON that was expected", Start: clone(header[:min(len(header), 120)]), Header: true, Err: err}
	}
	if dec.More() {
		return &FrameError{Reason: "something follows the JSON header", Start: clone(header[:min(len(header), 120)]), Header: true, Err: errors.New("more than one value")}
	}
	return nil
}
