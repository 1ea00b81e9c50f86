package jp2_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/jp2"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func TestPayload(t *testing.T) {
	box := func(kind string, n int) []byte {
		return append([]byte{0, 0, 0, byte(8 + n), kind[0], kind[1], kind[2], kind[3]}, make([]byte, n)...)
	}
	file := append(append(box("jP  ", 4), box("jp2h", 20)...), box("jp2c", 100)...)
	if n, err := jp2.Payload(file); err != nil || n != 100 {
		t.Errorf("payload %d, %v; want 100", n, err)
	}
	open := append(box("jP  ", 4), []byte{0, 0, 0, 0, 'j', 'p', '2', 'c', 1, 2, 3}...)
	if n, err := jp2.Payload(open); err != nil || n != 3 {
		t.Errorf("payload of a box that ends with the file: %d, %v; want 3", n, err)
	}
	for _, b := range [][]byte{nil, {1, 2}, box("free", 3), {0, 0, 0, 200, 'j', 'p', '2', 'c'}, {0, 0, 0, 2, 'j', 'p', '2', 'c'}} {
		if n, err := jp2.Payload(b); err == nil {
			t.Errorf("payload of %v is %d", b, n)
		}
	}
}

func FuzzPayload(f *testing.F) {
	f.Add([]byte{0, 0, 0, 9, 'j', 'p', '2', 'c', 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := jp2.Payload(b); err == nil && (n <= 0 || n > len(b)) {
			t.Errorf("payload of %d bytes is %d", len(b), n)
		}
	})
}

// Where the helper is not built, the error says how to build it.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(opencv.Env, "")
	k := jp2.Kind()
	_, err := k.Open(t.Context(), map[string]string{"rate": "50"})
	var need *missing.Error
	if !errors.As(err, &need) || !strings.Contains(err.Error(), "make deps build") {
		t.Errorf("error %v, want a missing.Error with the command", err)
	}
}

func TestConforms(t *testing.T) {
	testenv.OpenCV(t)
	tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
		return jp2.Kind().Open(ctx, map[string]string{"rate": "100"})
	}, tokenizertest.Options{})
}
