package face

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
)

// testdata/verify.json is numpy's and scikit-learn's (testdata/verify_golden.py).
func TestVerificationAgreesWithScikitLearn(t *testing.T) {
	b, err := os.ReadFile("testdata/verify.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Squared []float64
		Same    []bool
		Folds   int
		LFW     struct{ Accuracy, Std, Threshold float64 }
		TAR     map[string]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		fold := make([]int, len(c.Squared))
		for k := range fold {
			fold[k] = k / (len(c.Squared) / c.Folds)
		}
		v, err := VerifyLFW(c.Squared, c.Same, fold)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(v.Accuracy-c.LFW.Accuracy) > 1e-12 || math.Abs(v.Std-c.LFW.Std) > 1e-12 || math.Abs(v.Threshold-c.LFW.Threshold) > 1e-9 {
			t.Errorf("case %d: %+v, want %+v", i, v, c.LFW)
		}
		for far, want := range c.TAR {
			f, err := strconv.ParseFloat(far, 64)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := TARAtFAR(c.Squared, c.Same, f)
			if err != nil || math.Abs(got-want) > 1e-12 {
				t.Errorf("case %d: TAR at FAR %s is %g (%v), want %g", i, far, got, err, want)
			}
		}
	}
}

func TestVerificationRefuses(t *testing.T) {
	nan := math.NaN()
	for name, err := range map[string]error{
		"nothing":      second(VerifyLFW(nil, nil, nil)),
		"other counts": second(VerifyLFW([]float64{1, 2}, []bool{true}, []int{0, 1})),
		"one fold":     second(VerifyLFW([]float64{1, 2}, []bool{true, false}, []int{0, 0})),
		"empty fold":   second(VerifyLFW([]float64{1, 2}, []bool{true, false}, []int{0, 2})),
		"nan":          second(VerifyLFW([]float64{nan, 2}, []bool{true, false}, []int{0, 1})),
		"few":          third(TARAtFAR([]float64{1, 2}, []bool{true, false}, 1e-3)),
		"rate":         third(TARAtFAR([]float64{1, 2}, []bool{true, false}, 0)),
		"nan distance": third(TARAtFAR([]float64{nan, 2}, []bool{true, false}, .5)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ Verification, err error) error { return err }

func third(_, _ float64, err error) error { return err }
