package suite

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/suggest"
)

//go:embed builtin/*.yaml
var builtin embed.FS

// BuiltIn returns the built-in suites in the order of their names.
func BuiltIn() ([]Suite, error) {
	files, err := fs.Glob(builtin, "builtin/*.yaml")
	if err != nil {
		return nil, err
	}
	out := make([]Suite, 0, len(files))
	for _, f := range files {
		b, err := builtin.ReadFile(f)
		if err != nil {
			return nil, err
		}
		s, err := parseSuite(path.Base(f), b)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Load finds a built-in suite by name, or reads one from a path that ends
// in .yaml or .yml.
func Load(name string) (Suite, error) {
	if strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") {
		b, err := files.Read(name, strictyaml.MaxBytes)
		if err != nil {
			return Suite{}, fmt.Errorf("reading suite: %w", err)
		}
		return parseSuite(name, b)
	}
	all, err := BuiltIn()
	if err != nil {
		return Suite{}, err
	}
	var names []string
	for _, s := range all {
		if s.ID == name {
			return s, nil
		}
		names = append(names, s.ID)
	}
	return Suite{}, fmt.Errorf("unknown suite %q%s; built in are %s, a file of your own ends in .yaml",
		name, suggest.Hint(name, names), strings.Join(names, ", "))
}

func parseSuite(name string, b []byte) (Suite, error) {
	var s Suite
	if err := strictyaml.Decode(name, b, &s); err != nil {
		return Suite{}, fmt.Errorf("reading suite: %w", err)
	}
	if err := s.Validate(); err != nil {
		return Suite{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}
