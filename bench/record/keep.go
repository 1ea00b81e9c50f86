package record

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Keep says which whole images of each data set a run keeps for its report, undamaged, at
// the size the tokenizer saw: the first so many, or KeepAll, or KeepWorst.
type Keep int

// What is kept that is no number.
const (
	KeepAll   Keep = -1 // all of them
	KeepWorst Keep = -2 // those that the worst cases are from
)

// ParseKeep reads "all", "worst" or a number.
func ParseKeep(s string) (Keep, error) {
	switch s {
	case "all":
		return KeepAll, nil
	case "worst":
		return KeepWorst, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("which whole images to keep: %q: want all, worst, or how many of each data set", s)
	}
	return Keep(n), nil
}

// String is what ParseKeep reads.
func (k Keep) String() string {
	switch k {
	case KeepAll:
		return "all"
	case KeepWorst:
		return "worst"
	}
	return strconv.Itoa(int(k))
}

// Item reports whether the item of this index is kept whatever its values are.
func (k Keep) Item(index int) bool { return k == KeepAll || index < int(k) }

// MarshalJSON writes a number, or "all" or "worst".
func (k Keep) MarshalJSON() ([]byte, error) {
	if k >= 0 {
		return []byte(k.String()), nil
	}
	return json.Marshal(k.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (k *Keep) UnmarshalJSON(b []byte) (err error) {
	s := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	}
	*k, err = ParseKeep(s)
	return err
}
