package ocr

import (
	"context"
	"image/color"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
)

func TestReadsRenderedWords(t *testing.T) {
	p := testPool(t, 1)
	for _, want := range []string{"Hamburg", "receipt", "TOTAL", "$14.99", "2024-05-17", "Two words here"} {
		c := newCanvas(600, 120, color.White)
		box := c.word(t, goregular.TTF, 40, color.Black, 60, 40, want)
		got, err := p.ReadBox(context.Background(), c.pix(), box)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
}
