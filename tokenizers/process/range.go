package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/tokenizers"
)

// RangeEnv is the environment variable by which a plug-in is started as if another
// range of pixels had been declared: "-1..1". Our SDK obeys it where it converts
// pixels itself, and says so in the parameter "range" of its info.
const RangeEnv = "VTBENCH_RANGE"

// rangeParam is the parameter of the info that holds the range a plug-in uses.
const rangeParam = "range"

// Range implements tokenizers.Ranger.
func (t *Tokenizer) Range() (lo, hi float64, ok bool) {
	low, high, ok := strings.Cut(t.info.Params[rangeParam], "..")
	lo, err1 := strconv.ParseFloat(low, 64)
	hi, err2 := strconv.ParseFloat(high, 64)
	return lo, hi, ok && err1 == nil && err2 == nil
}

// InRange implements tokenizers.Ranger: it starts the plug-in once more.
func (t *Tokenizer) InRange(ctx context.Context, lo, hi float64) (tokenizers.Tokenizer, error) {
	if _, _, ok := t.Range(); !ok {
		return nil, fmt.Errorf("plug-in %q converts pixels itself: %w", t.c.label, errors.ErrUnsupported)
	}
	c := *t.c
	c.replicas = 1
	c.env = append(slices.Clone(c.env), fmt.Sprintf("%s=%g..%g", RangeEnv, lo, hi))
	other, err := open(ctx, &c)
	if err != nil {
		return nil, err
	}
	if gotLo, gotHi, _ := other.Range(); gotLo != lo || gotHi != hi {
		return nil, errors.Join(fmt.Errorf("plug-in %q keeps its range: %w", t.c.label, errors.ErrUnsupported), other.Close())
	}
	return other, nil
}
