package corrupt_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

func TestSpecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(corrupt.All()).Draw(t, "corruption")
		want := corrupt.Spec{Name: c.Name, Mode: rapid.SampledFrom([]corrupt.Mode{corrupt.Compat, corrupt.Scaled}).Draw(t, "mode")}
		if c.Unit != "" && rapid.Bool().Draw(t, "as an amount") {
			want.Amount = rapid.SampledFrom(c.Amounts).Draw(t, "amount")
		} else {
			want.Severity = rapid.IntRange(1, 5).Draw(t, "severity")
		}
		got, err := corrupt.ParseSpec(want.String())
		if err != nil || got != want {
			t.Fatalf("ParseSpec(%q) = %+v, %v; want %+v", want, got, err, want)
		}
	})
}

func TestParseSpec(t *testing.T) {
	for text, want := range map[string]corrupt.Spec{
		"fog/2":                        {Name: "fog", Severity: 2},
		"fog/2+scaled":                 {Name: "fog", Severity: 2, Mode: corrupt.Scaled},
		"fog/2+compat":                 {Name: "fog", Severity: 2},
		"hue_shift=-0.2":               {Name: "hue_shift", Amount: -.2},
		"horizontal_motion=1e+02":      {Name: "horizontal_motion", Amount: 100},
		"gaussian_blur=1e+01+scaled":   {Name: "gaussian_blur", Amount: 10, Mode: corrupt.Scaled},
		"salt_and_pepper=0.6+scaled":   {Name: "salt_and_pepper", Amount: .6, Mode: corrupt.Scaled},
		"jpeg_compression=2.5e+1":      {Name: "jpeg_compression", Amount: 25},
		"horizontal_motion=221+compat": {Name: "horizontal_motion", Amount: 221},
	} {
		if got, err := corrupt.ParseSpec(text); err != nil || got != want {
			t.Errorf("ParseSpec(%q) = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                 "want a name and a severity",
		"fog":              "want a name and a severity",
		"fob/2":            `did you mean "fog"?`,
		"fog/":             "want 1 to 5",
		"fog/6":            "want 1 to 5",
		"fog/2+scald":      `did you mean "scaled"?`,
		"fog=2":            "not one number",
		"hue_shift=much":   "want a number",
		"hue_shift=2":      "want -0.5 to 0.5",
		"hue_shift=NaN":    "want -0.5 to 0.5",
		"hue_shift=.1+all": "unknown corruption mode",
	} {
		if _, err := corrupt.ParseSpec(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSpec(%q): error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add("gaussian_noise/3+scaled")
	f.Add("hue_shift=-1e-1+compat")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := corrupt.ParseSpec(text)
		if err != nil {
			return
		}
		if again, err := corrupt.ParseSpec(s.String()); err != nil || again != s {
			t.Errorf("ParseSpec(%q) is %+v, whose String is read as %+v, %v", text, s, again, err)
		}
		if _, err := s.Apply(pix.New(3, 4), 1, "k"); err != nil {
			t.Errorf("ParseSpec took %q, but Apply says %v", text, err)
		}
	})
}

func TestSheet(t *testing.T) {
	img := probe()
	opt := corrupt.SheetOptions{Names: []string{"fog", "jpeg_compression"}, Severities: []int{1, 5}, Cell: 64}
	opt.Key = "x"
	sheet, err := corrupt.Sheet(img, opt)
	if err != nil {
		t.Fatal(err)
	}
	if sheet.W < 132+3*64 || sheet.H < 20+2*48 {
		t.Fatalf("the sheet is %d×%d", sheet.W, sheet.H)
	}
	// The cell at the bottom right is the last corruption at the last severity.
	small, err := pix.Resize(img, 64, 48)
	if err != nil {
		t.Fatal(err)
	}
	want, err := corrupt.Apply(small, "jpeg_compression", 5, opt.Options)
	if err != nil {
		t.Fatal(err)
	}
	for y := range want.H {
		row := sheet.Row(sheet.H - 12 - want.H + y)[3*(sheet.W-6-want.W):][:3*want.W]
		if string(row) != string(want.Row(y)) {
			t.Fatalf("row %d of the last cell is not the corrupted image's", y)
		}
	}
	for what, o := range map[string]corrupt.SheetOptions{
		"name": {Names: []string{"frog"}}, "severity": {Severities: []int{9}}, "cells": {Cell: 3},
	} {
		if _, err := corrupt.Sheet(img, o); err == nil {
			t.Errorf("bad %s: no error", what)
		}
	}
	if _, err := corrupt.Sheet(pix.Image{}, corrupt.SheetOptions{}); err == nil {
		t.Error("a sheet of no image")
	}
}
