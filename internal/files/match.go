package files

import (
	"errors"
	"fmt"
	"path"
	"slices"
)

// A Match says which file belongs to which item.
type Match struct {
	Of      map[string]string // file by item
	Missing []string          // items without a file, in the order of the items
	Unused  []string          // files without an item, in the order of the files
}

// ErrAmbiguous marks a name that could mean two files, or a file that two items
// could mean.
var ErrAmbiguous = errors.New("ambiguous names")

type ambiguity struct{ msg string }

func (e *ambiguity) Error() string { return e.msg }
func (e *ambiguity) Unwrap() error { return ErrAmbiguous }

// Pair finds for each item its file, one to one, by full names: paths with slashes.
// Steps, each for what the one before left over:
//
//  1. the same name;
//  2. the same name and an extension behind it (item page_1, file page_1.png);
//  3. the same name but for the extension (item page_1.jpg, file page_1.png);
//  4. a file that lies in no folder serves the item whose name, without folders and
//     extension, is its own. That name must then be the only one of all items, those
//     already paired included.
//
// Where a step finds one file for two items, or two for one, the error wraps
// [ErrAmbiguous] and names both. trim takes an extension off.
func Pair(items, files []string, trim func(string) string) (Match, error) {
	m := Match{Of: make(map[string]string, len(items))}
	used := make(map[string]bool, len(items))
	seen := make(map[string]bool, len(items))
	for _, it := range items {
		if seen[it] {
			return m, &ambiguity{fmt.Sprintf("two items are named %q", it)}
		}
		seen[it] = true
	}
	step := func(item, file func(string) string) error {
		byKey := map[string][]string{}
		for _, f := range files {
			if !used[f] {
				byKey[file(f)] = append(byKey[file(f)], f)
			}
		}
		claim := map[string]string{}
		for _, it := range items {
			if _, ok := m.Of[it]; ok {
				continue
			}
			found := byKey[item(it)]
			if len(found) == 0 {
				continue
			}
			if len(found) > 1 {
				return &ambiguity{fmt.Sprintf("%s and %s could both belong to %q: keep one", found[0], found[1], it)}
			}
			if other, ok := claim[found[0]]; ok {
				return &ambiguity{fmt.Sprintf("%s could belong to %q and to %q: name files as their items, with folders and extension", found[0], other, it)}
			}
			claim[found[0]] = it
		}
		for f, it := range claim {
			m.Of[it] = f
			used[f] = true
		}
		return nil
	}
	same := func(s string) string { return s }
	for _, s := range []struct{ item, file func(string) string }{{same, same}, {same, trim}, {trim, trim}} {
		if err := step(s.item, s.file); err != nil {
			return m, err
		}
	}
	if err := m.flat(items, files, used, trim); err != nil {
		return m, err
	}
	for _, it := range items {
		if _, ok := m.Of[it]; !ok {
			m.Missing = append(m.Missing, it)
		}
	}
	for _, f := range files {
		if !used[f] {
			m.Unused = append(m.Unused, f)
		}
	}
	return m, nil
}

// flat is step 4 of Pair.
func (m *Match) flat(items, files []string, used map[string]bool, trim func(string) string) error {
	base := func(s string) string { return path.Base(trim(s)) }
	all := map[string][]string{} // items by base
	for _, it := range items {
		all[base(it)] = append(all[base(it)], it)
	}
	served := map[string]string{} // file by base
	for _, f := range files {
		claims := all[base(f)]
		if used[f] || path.Dir(f) != "." || !slices.ContainsFunc(claims, func(it string) bool { return m.Of[it] == "" }) {
			continue
		}
		if len(claims) > 1 {
			return &ambiguity{fmt.Sprintf("%s could belong to %q and to %q: name files as their items, with folders and extension", f, claims[0], claims[1])}
		}
		if other, ok := served[base(f)]; ok {
			return &ambiguity{fmt.Sprintf("%s and %s could both belong to %q: keep one", other, f, claims[0])}
		}
		served[base(f)] = f
	}
	for b, f := range served {
		m.Of[all[b][0]] = f
		used[f] = true
	}
	return nil
}
