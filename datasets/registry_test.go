package datasets_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

type empty struct{ arg string }

func (e empty) Info() datasets.Info { return datasets.Info{ID: e.arg} }
func (empty) IDs() []string         { return nil }
func (empty) Load(context.Context, int) (datasets.Item, error) {
	return datasets.Item{}, errors.New("empty")
}

func kinds() []datasets.Kind {
	open := func(_ context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
		if o.Decode.Stored {
			arg += " as stored"
		}
		return empty{arg}, nil
	}
	return []datasets.Kind{
		{Name: "text-default", Example: "text-default", Open: func(_ context.Context, arg string, _ datasets.Options) (datasets.Dataset, error) {
			return empty{arg}, datasets.NoArgument("text-default", arg)
		}},
		{Name: "icdar", Example: "icdar:DIR", Open: open},
		{Name: "lfw", Example: "lfw:DIR", Open: open},
		{Name: "folder", Example: "folder:DIR", Open: open},
	}
}

func TestOpen(t *testing.T) {
	for _, tc := range []struct{ spec, arg, err string }{
		{"text-default", "", ""},
		{"icdar:a/b", "a/b", ""},
		{`icdar:C:\data`, `C:\data`, ""},
		{"icdar:a,b", "a,b", ""},
		{"icdar:a,b,orientation=stored", "a,b as stored", ""},
		{"icdar:a,orientation=exif", "a", ""},
		{"icdar:a,orientation=up", "", `orientation "up": want exif`},
		{"icdra:x", "", `unknown data set "icdra", did you mean "icdar"?; ` + "`vtbench list datasets` shows all"},
		{"text-defaut", "", `did you mean "text-default"?`},
		{"", "", `unknown data set ""`},
		{".", "", `"." is a folder, and what it holds is not said: write folder:., or with another prefix where it has labels (icdar, lfw)`},
		{"text-default:5", "", `opening data set "text-default:5": text-default takes nothing behind a colon`},
	} {
		ds, err := datasets.Open(t.Context(), tc.spec, kinds())
		switch {
		case tc.err == "" && err != nil:
			t.Errorf("%q: %v", tc.spec, err)
		case tc.err == "" && ds.Info().ID != tc.arg:
			t.Errorf("%q: the kind was given %q, want %q", tc.spec, ds.Info().ID, tc.arg)
		case tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)):
			t.Errorf("%q: error %v, want one with %q", tc.spec, err, tc.err)
		}
	}
	if _, err := datasets.Open(t.Context(), "nothing", kinds()); !errors.Is(err, datasets.ErrUnknown) {
		t.Errorf("%v is not ErrUnknown", err)
	}
}
