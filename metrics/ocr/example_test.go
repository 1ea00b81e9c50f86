package ocr_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log"
	"runtime"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/metrics/ocr"
	"github.com/vtbench/vtbench/pix"
)

// Reading one word of a photograph. (There is no output to compare: it needs
// Tesseract and a photograph.)
func Example() {
	ctx := context.Background()
	pool, err := ocr.NewPool(ctx, ocr.Options{Clients: runtime.NumCPU()})
	if m := (*missing.Error)(nil); errors.As(err, &m) {
		log.Fatalf("%s; run: %s", m.What, m.Mend)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := pool.Close(); err != nil {
			log.Print(err)
		}
	}()
	img, err := pix.Load("street.jpg")
	if err != nil {
		log.Fatal(err)
	}
	text, err := pool.ReadBox(ctx, img, image.Rect(120, 40, 260, 80))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
}
