package record

import (
	"fmt"
	"math"
	"strconv"
)

// NaN is the number of what has no value; JSON holds it as null.
var NaN = Number(math.NaN())

// Number is a float64 that JSON can hold: infinities and NaN become null.
type Number float64

// MarshalJSON writes null for what JSON has no number for.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsInf(f, 0) || math.IsNaN(f) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("reading a number: %w", err)
	}
	*n = Number(f)
	return nil
}

// Num returns a pointer to f, for optional fields.
func Num(f float64) *Number { n := Number(f); return &n }

// NoteOf names what JSON has no number for.
func NoteOf(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case math.IsNaN(v):
		return "nan"
	}
	return ""
}
