package leaderboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
)

//go:embed published/*.json
var publishedFiles embed.FS

// Published are tables that others published, as they printed them. They stand on a
// leaderboard beside what was measured and are ranked with nothing: their images, readers
// and networks are other ones.
type Published struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Source string `json:"source"` // address
	File   string `json:"file"`   // where in the source the numbers stand
	Commit string `json:"commit"` // of the source
	Read   string `json:"read"`   // date of the reading
	Paper  string `json:"paper,omitempty"`
	Note   string `json:"note"`
	// Groups are the columns behind name, type and factor.
	Groups []PublishedGroup `json:"groups"`
	Tables []PublishedTable `json:"tables"`
}

// PublishedGroup are columns with a common heading.
type PublishedGroup struct {
	Title   string   `json:"title"`
	Unit    string   `json:"unit,omitempty"`
	Columns []string `json:"columns"`
}

// PublishedTable is one table. A row has the name of a tokenizer, its type, by what factor
// it shrinks an image, and the columns of all groups; "" is no number.
type PublishedTable struct {
	Title string     `json:"title"`
	Rows  [][]string `json:"rows"`
}

// describing are the columns of every table before the numbers.
const describing = 3

// columns is how many columns a row has.
func (p Published) columns() int {
	n := describing
	for _, g := range p.Groups {
		n += len(g.Columns)
	}
	return n
}

// PublishedTables are all tables there are, in the order of their ids.
func PublishedTables() ([]Published, error) {
	entries, err := publishedFiles.ReadDir("published")
	if err != nil {
		return nil, fmt.Errorf("reading published tables: %w", err)
	}
	var out []Published
	for _, e := range entries {
		b, err := publishedFiles.ReadFile(path.Join("published", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading published tables: %w", err)
		}
		var p Published
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&p); err != nil {
			return nil, fmt.Errorf("reading published tables: %s: %w", e.Name(), err)
		}
		for _, t := range p.Tables {
			for _, row := range t.Rows {
				if len(row) != p.columns() {
					return nil, fmt.Errorf("reading published tables: %s: %s has %d columns, want %d", e.Name(), row[0], len(row), p.columns())
				}
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Published) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// SelectPublished keeps the tables of these ids; "all" and "none" stand for themselves.
func SelectPublished(ids []string) ([]Published, error) {
	all, err := PublishedTables()
	if err != nil {
		return nil, err
	}
	var out []Published
	known := []string{"all", "none"}
	for _, p := range all {
		known = append(known, p.ID)
		if slices.Contains(ids, p.ID) || slices.Contains(ids, "all") {
			out = append(out, p)
		}
	}
	for _, id := range ids {
		if !slices.Contains(known, id) {
			return nil, fmt.Errorf("there is no published table %q%s; there are %s", id, suggest.Hint(id, known), strings.Join(known, ", "))
		}
	}
	return out, nil
}
