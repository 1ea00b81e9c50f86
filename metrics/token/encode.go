package token

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// The encoding of a state is a version prefix and base64url without padding of
// unsigned LEB128 numbers (encoding/binary's uvarint).
//
//	state:  "t1" W H books book×books
//	book:   K dims side×dims form data
//	form 0: the ids in row-major order, each in ⌈log2 K⌉ bits, least
//	        significant bit first, padded to a byte
//	form 1: m (gap count−1)×m
//	        gap is the distance from the id before, less one; the first id as is
//
// A decoder takes exactly what the encoder writes: whatever decodes, encodes to
// the same string.
const statePrefix = "t1"

// MaxGrid is the largest number of positions of a book whose ids are stored in
// order; of a larger one only the counts are kept. It bounds the state of an
// image at about 2·MaxGrid bytes a book for 12-bit codes, and depends on shapes
// alone, so that what can be said about positions does not depend on content.
const MaxGrid = 4096

// maxBooks bounds the codebooks of a state: each takes memory when states are added up.
const maxBooks = 1024

// maxPositions bounds what a state may claim to have seen in one image.
const maxPositions = 1 << 40

var base64url = base64.RawURLEncoding.Strict()

var (
	errTruncated = errors.New("it ends too early")
	errCanonical = errors.New("it is not what the encoder writes")
)

func appendCodes(b []byte, codes []Code) []byte {
	b = binary.AppendUvarint(b, uint64(len(codes)))
	next := int32(0)
	for _, c := range codes {
		b = binary.AppendUvarint(b, uint64(c.ID-next))
		b = binary.AppendUvarint(b, uint64(c.Count-1))
		next = c.ID + 1
	}
	return b
}

// A State is what is kept of the tokens of one image.
type State struct {
	W, H  int // of the image the tokenizer was given
	Books []Book
}

// A Book is one codebook's part of a [State].
type Book struct {
	Size  int
	Shape []int
	IDs   []int32 // in row-major order; nil for more than MaxGrid positions
	Codes []Code  // counts by ascending id, always there
}

// Encode writes the state of one image as a short string: "" when there are no
// codes.
func Encode(o metrics.Observation) (string, error) {
	if o.Codes == nil || len(o.Codes.Books) == 0 {
		return "", nil
	}
	if err := o.Codes.Validate(); err != nil {
		return "", fmt.Errorf("encoding codes: %w", err)
	}
	if o.W < 1 || o.H < 1 || o.W > math.MaxInt32 || o.H > math.MaxInt32 {
		return "", fmt.Errorf("encoding codes: the image is %d×%d", o.W, o.H)
	}
	b := binary.AppendUvarint(nil, uint64(o.W))
	b = binary.AppendUvarint(b, uint64(o.H))
	if n := len(o.Codes.Books); n > maxBooks {
		return "", fmt.Errorf("encoding codes: %d codebooks, at most %d are possible", n, maxBooks)
	}
	b = binary.AppendUvarint(b, uint64(len(o.Codes.Books)))
	for i, book := range o.Codes.Books {
		if book.Size > maxSize {
			return "", fmt.Errorf("encoding codes: codebook %d has %d entries, at most %d are possible", i, book.Size, maxSize)
		}
		b = appendBook(b, book)
	}
	return statePrefix + base64url.EncodeToString(b), nil
}

func appendBook(b []byte, book tokenizers.Book) []byte {
	b = binary.AppendUvarint(b, uint64(book.Size))
	b = binary.AppendUvarint(b, uint64(len(book.Shape)))
	for _, s := range book.Shape {
		b = binary.AppendUvarint(b, uint64(s))
	}
	if len(book.IDs) <= MaxGrid {
		return appendGrid(append(b, 0), book.Size, book.IDs)
	}
	return appendCodes(append(b, 1), countIDs(book.IDs))
}

func appendGrid(b []byte, size int, ids []int32) []byte {
	width := bits.Len(uint(size - 1))
	var word uint64
	have := 0
	for _, id := range ids {
		word |= uint64(id) << have
		for have += width; have >= 8; have -= 8 {
			b = append(b, byte(word))
			word >>= 8
		}
	}
	if have > 0 {
		b = append(b, byte(word))
	}
	return b
}

func countIDs(ids []int32) []Code {
	sorted := slices.Sorted(slices.Values(ids))
	var codes []Code
	for _, id := range sorted {
		if n := len(codes); n > 0 && codes[n-1].ID == id {
			codes[n-1].Count++
		} else {
			codes = append(codes, Code{id, 1})
		}
	}
	return codes
}

// Decode reads what [Encode] wrote. The empty string is a state without books.
func Decode(s string) (State, error) {
	if s == "" {
		return State{}, nil
	}
	r, err := open(s, statePrefix)
	if err != nil {
		return State{}, fmt.Errorf("decoding the state of an image: %w", err)
	}
	st := State{W: int(r.number(math.MaxInt32)), H: int(r.number(math.MaxInt32))}
	books := r.number(maxBooks)
	if r.err == nil && (st.W == 0 || st.H == 0 || books == 0) {
		r.err = errCanonical
	}
	for i := uint64(0); i < books && r.err == nil; i++ {
		st.Books = append(st.Books, r.book())
		if r.err != nil {
			r.err = fmt.Errorf("codebook %d: %w", i, r.err)
		}
	}
	if err := r.close(); err != nil {
		return State{}, fmt.Errorf("decoding the state of an image: %w", err)
	}
	return st, nil
}

// reader takes numbers off a byte slice; after an error it yields zeros.
type reader struct {
	b   []byte
	err error
}

func open(s, prefix string) (*reader, error) {
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return nil, fmt.Errorf("it does not begin with %q", prefix)
	}
	// The decoder would skip line breaks.
	for i := range len(s) {
		if s[i] == '\n' || s[i] == '\r' {
			return nil, errCanonical
		}
	}
	b, err := base64url.DecodeString(s[len(prefix):])
	if err != nil {
		return nil, fmt.Errorf("reading base64: %w", err)
	}
	return &reader{b: b}, nil
}

func (r *reader) close() error {
	if r.err == nil && len(r.b) > 0 {
		return fmt.Errorf("%d bytes are left over", len(r.b))
	}
	return r.err
}

// number reads a uvarint of at most limit, in the shortest form.
func (r *reader) number(limit uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b)
	switch {
	case n == 0:
		r.err = errTruncated
	case n < 0 || v > limit:
		r.err = fmt.Errorf("a number is larger than %d", limit)
	case n > 1 && r.b[n-1] == 0:
		r.err = errCanonical
	default:
		r.b = r.b[n:]
		return v
	}
	return 0
}

func (r *reader) codes(size, most uint64) []Code {
	m := r.number(maxSize)
	// Each code takes two bytes at least, so a short string cannot ask for much.
	if r.err == nil && m > uint64(len(r.b))/2 {
		r.err = errTruncated
	}
	if r.err != nil {
		return nil
	}
	codes := make([]Code, 0, m)
	next := uint64(0)
	for range m {
		id := next + r.number(maxSize)
		n := r.number(most - 1)
		if r.err == nil && id >= size {
			r.err = fmt.Errorf("id %d is outside 0..%d", id, int64(size)-1)
		}
		if r.err != nil {
			return nil
		}
		codes = append(codes, Code{int32(id), int64(n) + 1})
		next = id + 1
	}
	return codes
}

func (r *reader) book() Book {
	size := r.number(maxSize)
	dims := r.number(16)
	if r.err == nil && size == 0 {
		r.err = errors.New("its size is 0")
	}
	book := Book{Size: int(size)}
	positions := uint64(1)
	for range dims {
		side := r.number(math.MaxInt32)
		if r.err == nil && (side == 0 || positions > maxPositions/side) {
			r.err = fmt.Errorf("shape %v followed by %d is not possible", book.Shape, side)
		}
		if r.err != nil {
			return Book{}
		}
		positions *= side
		book.Shape = append(book.Shape, int(side))
	}
	form := r.number(1)
	if r.err == nil && (form == 0) != (positions <= MaxGrid) {
		r.err = errCanonical
	}
	if r.err != nil {
		return Book{}
	}
	if form == 0 {
		book.IDs = r.grid(size, int(positions))
		book.Codes = countIDs(book.IDs)
		return book
	}
	book.Codes = r.codes(size, positions)
	left := positions
	for _, c := range book.Codes {
		if uint64(c.Count) > left {
			left = 1 // too many: reported like too few
			break
		}
		left -= uint64(c.Count)
	}
	if r.err == nil && left != 0 {
		r.err = fmt.Errorf("the counts do not add up to the %d positions of shape %v", positions, book.Shape)
	}
	return book
}

func (r *reader) grid(size uint64, n int) []int32 {
	width := bits.Len64(size - 1)
	if need := (n*width + 7) / 8; len(r.b) < need {
		r.err = errTruncated
		return nil
	}
	ids := make([]int32, n)
	var word uint64
	have := 0
	for i := range ids {
		for have < width {
			word |= uint64(r.b[0]) << have
			r.b = r.b[1:]
			have += 8
		}
		id := word & (1<<width - 1)
		word >>= width
		have -= width
		if id >= size {
			r.err = fmt.Errorf("id %d at position %d is outside 0..%d", id, i, size-1)
			return nil
		}
		ids[i] = int32(id)
	}
	if word != 0 {
		r.err = errCanonical
	}
	return ids
}
