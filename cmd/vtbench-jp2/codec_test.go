//go:build opencv

package main

import (
	"context"
	"testing"

	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func TestConforms(t *testing.T) {
	tokenizertest.Conform(t, func(context.Context) (tokenizers.Tokenizer, error) { return newCodec(100), nil }, tokenizertest.Options{})
}
