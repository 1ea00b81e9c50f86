package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/recipe"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/testenv"
)

// keys are the names under which the fields of a struct stand in files, those of structs
// within it too.
func keys(typ reflect.Type, tag string) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name != "" && name != "-" {
			out = append(append(out, name), keys(f.Type, tag)...)
		}
	}
	return out
}

// Every key of the files that users write or read stands on the page of that file, as
// `key` or, in an example, as key:.
func TestDocsNameEveryKey(t *testing.T) {
	for _, c := range []struct {
		of   any
		tag  string
		page string
	}{
		{config{}, "yaml", "cli.md"},
		{suite.Suite{}, "yaml", "suites.md"},
		{compare.GateFile{}, "yaml", "pull-requests.md"},
		{recipe.Recipe{}, "yaml", "rfid.md"},
		{record.Record{}, "json", "architecture.md"},
	} {
		b, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", c.page))
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		of := keys(reflect.TypeOf(c.of), c.tag)
		if len(of) < 5 {
			t.Fatalf("%T has the keys %q", c.of, of)
		}
		for _, key := range of {
			named := false
			for _, form := range []string{"`" + key + "`", "`" + key + ":", "\n" + key + ":", " " + key + ":", "{" + key + ":"} {
				named = named || strings.Contains(page, form)
			}
			if !named {
				t.Errorf("docs/%s does not name %q of %T", c.page, key, c.of)
			}
		}
	}
}
