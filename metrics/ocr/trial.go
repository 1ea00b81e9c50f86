package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"time"
)

// trusted are language files known to work, by digest.
var trusted = map[string]string{
	"7d4322bd2a7749724879683fc3912cb542f19906c83bcc1a52132556427170b2": "eng of tessdata_fast 4.1.0: Debian, Ubuntu, Fedora, Homebrew",
}

// trialTime bounds a trial; it takes about a second.
const trialTime = time.Minute

// try lets the tesseract program read something with language data of an unknown
// digest. The library ends the process on many kinds of damage, by
// SIGSEGV, SIGABRT or plain exit; better it is another process. Where the program
// is not installed (it is no dependency of the library) the data are taken as
// they are.
func (d languageData) try(ctx context.Context, r recipe) error {
	unknown := false
	for _, sum := range d.digest {
		if _, ok := trusted[sum]; !ok {
			unknown = true
		}
	}
	program, err := exec.LookPath("tesseract")
	if !unknown || err != nil {
		return nil //nolint:nilerr // see above
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	args := []string{"stdin", "stdout", "--tessdata-dir", d.dir, "-l", d.lang, "--psm", fmt.Sprint(r.segmentation)}
	for _, v := range append(append([]variable{}, r.initVariables...), r.variables...) {
		args = append(args, "-c", v.name+"="+v.value)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.Stdin = bytes.NewReader(trialLine(r.height))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		said := strings.Join(strings.Fields(stderr.String()), " ")
		return errors.Join(fmt.Errorf("%s cannot read with it: %w", program, err), sayIf(said))
	}
	return nil
}

func sayIf(s string) error {
	const enough = 300 // bytes of a message that are worth showing
	if s == "" {
		return nil
	}
	return errors.New(s[:min(len(s), enough)])
}

// trialLine is a PGM of grain that coarsens from left to right, in which the
// reader finds a good part of its alphabet.
func trialLine(height int) []byte {
	width := 60 * height
	rng := rand.New(rand.NewPCG(1, 2))
	g := gray{w: width, h: height, pix: make([]uint8, width*height)}
	for x := 0; x < width; {
		cell := 1 + 5*x/width
		for y := 0; y < height; y += cell {
			v := uint8(255 * rng.IntN(2))
			for j := y; j < min(y+cell, height); j++ {
				for i := x; i < min(x+cell, width); i++ {
					g.pix[j*width+i] = v
				}
			}
		}
		x += cell
	}
	return append(fmt.Appendf(nil, "P5\n%d %d\n255\n", width, height), g.pix...)
}
