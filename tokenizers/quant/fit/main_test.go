package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// What the command fits from a folder of images, the option file opens.
func TestFitOneFromOwnImages(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.png", "b.png"} {
		m := pix.New(64, 48)
		for j := range m.Pix {
			m.Pix[j] = uint8(j*j/(91+i) + j/7)
		}
		if err := m.SavePNG(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for spec, want := range map[string]tokenizers.Info{
		"vq:patch=5,k=20,dim=9":           {Stride: 5, Channels: 9, Codebooks: []int{20}},
		"rvq:patch=4,depth=3,k=8,dim=6":   {Stride: 4, Channels: 6, Codebooks: []int{8, 8, 8}},
		"kl:patch=6,dim=10":               {Stride: 6, Channels: 10},
		"fsq:patch=3,levels=4-3,groups=2": {Stride: 3, Channels: 4, Codebooks: []int{12, 12}},
	} {
		out := filepath.Join(dir, "own.vtbq")
		var log bytes.Buffer
		if err := run(t.Context(), []string{"-images", dir, "-samples", "40000", "-o", out, spec}, &log); err != nil {
			t.Fatalf("%s: %v\n%s", spec, err, &log)
		}
		kind, _, _ := strings.Cut(spec, ":")
		given := kind + ":file=" + out
		switch kind {
		case "kl":
			given += ",dim=10"
		case "rvq":
			given += ",depth=3"
		case "fsq":
			given += ",levels=4-3,groups=2"
		}
		s, err := tokenizers.ParseSpec(given, quant.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		k, opts, err := tokenizers.Resolve(s, quant.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		tok, err := k.Open(t.Context(), opts)
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		got := tok.Info()
		if got.Stride != want.Stride || got.Channels != want.Channels || len(got.Codebooks) != len(want.Codebooks) {
			t.Errorf("%s: %+v", spec, got)
		}
	}
}

func TestFitRefuses(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-images", empty, "vq"}, "no JPEG or PNG"},
		{[]string{"vq"}, "datasets pull"}, // no photographs in an empty cache
		{[]string{"-images", filepath.Join(empty, "none"), "vq"}, "none"},
		{[]string{"vq", "kl"}, "one tokenizer"},
		{[]string{"vp"}, "did you mean"},
	} {
		if err := run(context.Background(), c.args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q in it", c.args, err, c.want)
		}
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("files were written: %v %v", entries, err)
	}
}
