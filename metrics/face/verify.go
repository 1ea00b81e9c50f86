package face

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Verification is how well distances tell same from different people.
type Verification struct {
	Accuracy  float64   // mean over the folds, 0 to 1
	Std       float64   // of the folds' accuracies, population
	Threshold float64   // mean of the folds' thresholds
	Folds     []float64 // accuracy of each
	// Thresholds are those chosen for each fold, on squared distances.
	Thresholds []float64
}

// Thresholds that LFW's protocol tries, on squared distances of unit vectors
// (2 − 2·cosine, 0 to 4): arange(0, 4, 0.01), as insightface and facenet do.
const (
	lfwSteps = 400
	lfwStep  = 0.01
)

// VerifyLFW scores pairs by the protocol of Labeled Faces in the Wild (Huang et al.
// 2007): for each fold, the threshold of highest accuracy on all other folds (the
// lowest of equal ones) is applied to it; a pair is "same" when its distance is less.
// squared are squared Euclidean distances of unit embeddings, same says whether a pair
// is one person, fold to which fold it belongs, 0 and up.
func VerifyLFW(squared []float64, same []bool, fold []int) (Verification, error) {
	if len(squared) == 0 || len(same) != len(squared) || len(fold) != len(squared) {
		return Verification{}, fmt.Errorf("verifying pairs: %d distances, %d labels and %d folds, want as many of each", len(squared), len(same), len(fold))
	}
	folds := slices.Max(fold) + 1
	if slices.Min(fold) < 0 || folds < 2 {
		return Verification{}, errors.New("verifying pairs: want two folds or more, numbered from 0")
	}
	// right[f][t] counts the pairs of a fold that threshold t tells correctly.
	right := make([][lfwSteps]int, folds)
	size := make([]int, folds)
	for i, d := range squared {
		if math.IsNaN(d) {
			return Verification{}, fmt.Errorf("verifying pairs: the distance of pair %d is no number", i)
		}
		size[fold[i]]++
		for t := range lfwSteps {
			if (d < float64(t)*lfwStep) == same[i] {
				right[fold[i]][t]++
			}
		}
	}
	var v Verification
	for f := range folds {
		if size[f] == 0 {
			return Verification{}, fmt.Errorf("verifying pairs: fold %d is empty", f)
		}
		best, at := -1, 0
		for t := range lfwSteps {
			n := 0
			for g := range folds {
				if g != f {
					n += right[g][t]
				}
			}
			if n > best {
				best, at = n, t
			}
		}
		a := float64(right[f][at]) / float64(size[f])
		v.Folds, v.Thresholds = append(v.Folds, a), append(v.Thresholds, float64(at)*lfwStep)
		v.Accuracy += a / float64(folds)
		v.Threshold += float64(at) * lfwStep / float64(folds)
	}
	for _, a := range v.Folds {
		v.Std += (a - v.Accuracy) * (a - v.Accuracy) / float64(folds)
	}
	v.Std = math.Sqrt(v.Std)
	return v, nil
}

// TARAtFAR is the true accept rate at a false accept rate: of all thresholds at which
// at most the share far of different pairs is taken for the same person, the highest
// share of same pairs that is accepted, and that threshold. Distances are of any kind;
// a pair is accepted when its distance is at most the threshold. It needs 1/far
// different pairs at least, or the rate cannot be told from 0.
func TARAtFAR(distance []float64, same []bool, far float64) (tar, threshold float64, err error) {
	if len(distance) != len(same) {
		return 0, 0, fmt.Errorf("TAR at FAR: %d distances and %d labels", len(distance), len(same))
	}
	if !(far > 0 && far < 1) {
		return 0, 0, fmt.Errorf("TAR at FAR %g: want a rate between 0 and 1", far)
	}
	var genuine, impostors []float64
	for i, d := range distance {
		if math.IsNaN(d) {
			return 0, 0, fmt.Errorf("TAR at FAR: the distance of pair %d is no number", i)
		}
		if same[i] {
			genuine = append(genuine, d)
		} else {
			impostors = append(impostors, d)
		}
	}
	if len(genuine) == 0 || float64(len(impostors))*far < 1 {
		return 0, 0, fmt.Errorf("TAR at FAR %g: %d same and %d different pairs, want one and %.0f at least", far, len(genuine), len(impostors), math.Ceil(1/far))
	}
	slices.Sort(genuine)
	slices.Sort(impostors)
	// The first impostor too many: thresholds must lie below it.
	limit := impostors[int(float64(len(impostors))*far+1e-9)]
	n, _ := slices.BinarySearch(genuine, limit)
	threshold = math.Inf(-1)
	if n > 0 {
		threshold = genuine[n-1]
	}
	return float64(n) / float64(len(genuine)), threshold, nil
}
