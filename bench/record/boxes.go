package record

import (
	"encoding/json"
	"fmt"

	"github.com/vtbench/vtbench/internal/boundedjson"
)

// BoxesID marks, among the states of observers, where the instances of a kept whole image
// are: [Boxes].
const BoxesID = "boxes"

// Boxes are the instances of a whole image of W×H pixels.
type Boxes struct {
	W    int   `json:"w"`
	H    int   `json:"h"`
	List []Box `json:"list,omitempty"`
}

// A Box is an instance in the pixels of a whole image: its upper left corner and size.
type Box struct {
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
	X     int    `json:"x"`
	Y     int    `json:"y"`
	W     int    `json:"w"`
	H     int    `json:"h"`
}

// State is the form in codes.jsonl.
func (b Boxes) State() string {
	out, err := json.Marshal(b)
	if err != nil { // numbers and texts: cannot be
		return ""
	}
	return string(out)
}

// ParseBoxes reads what State wrote.
func ParseBoxes(state string) (b Boxes, err error) {
	if err := boundedjson.Unmarshal([]byte(state), &b, boundedjson.Default); err != nil {
		return b, fmt.Errorf("reading boxes: %w", err)
	}
	return b, nil
}
