// Package helper starts vtbench-opencv for metrics, and calls it.
package helper

import (
	"context"
	"errors"
	"fmt"

	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// A Helper is vtbench-opencv, running one of its commands, one process for all callers. An
// exception in OpenCV costs one call.
type Helper struct{ *process.Helper }

// Open starts the command; ops are the operations that it must have.
func Open(ctx context.Context, command []string, ops ...string) (Helper, error) {
	program, err := opencv.Find()
	if err != nil {
		return Helper{}, err
	}
	h, err := process.OpenHelper(ctx, tokenizers.Options{
		"command": shellquote.Join(append([]string{program}, command...)...),
		// A call takes a second at most; a machine that is ten times too busy still makes it.
		"start_timeout": "1m", "first_batch_timeout": "1m", "batch_timeout": "1m",
	}, ops...)
	return Helper{h}, err
}

// Call makes a call, and once more where the process was lost: whatever ended it, out of
// memory or a user's kill, is not of this image until it ends the next one, too.
func (h Helper) Call(ctx context.Context, c process.Call) ([]byte, error) {
	raw, err := h.Helper.Call(ctx, c)
	if errors.Is(err, process.ErrLost) && ctx.Err() == nil {
		raw, err = h.Helper.Call(ctx, c)
	}
	if errors.Is(err, process.ErrLost) {
		err = fmt.Errorf("%w (%w)", err, metrics.ErrAgain)
	}
	return raw, err
}
