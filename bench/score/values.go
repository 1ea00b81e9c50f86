package score

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
)

// Values are the metrics of one pair. There is one for each of perhaps a million pairs,
// so they are a short list and no map; in JSON they are an object by id.
type Values []Measured

// Measured is the value of one metric.
type Measured struct {
	ID    string
	Value record.Number
}

// Get returns the value of a metric; ok is false where it has none.
func (v Values) Get(id string) (value record.Number, ok bool) {
	for _, m := range v {
		if m.ID == id {
			return m.Value, true
		}
	}
	return 0, false
}

// MarshalJSON writes an object whose keys are sorted.
func (v Values) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range slices.SortedFunc(slices.Values(v), func(a, b Measured) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) }) {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.ID)
		if err != nil {
			return nil, err
		}
		value, err := m.Value.MarshalJSON()
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Values) UnmarshalJSON(b []byte) error {
	var m map[string]record.Number
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*v = Values{}
	for _, id := range slices.Sorted(maps.Keys(m)) {
		*v = append(*v, Measured{id, m[id]})
	}
	return nil
}
