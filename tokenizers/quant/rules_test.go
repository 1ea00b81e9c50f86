package quant

import (
	"math"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/tokenizers"
)

// rates are the fixed-length and the real bits per pixel of a reconstruction.
func rates(r tokenizers.Reconstruction) (nominal, real float64) {
	for _, b := range r.Codes.Books {
		nominal += float64(len(b.IDs)) * math.Log2(float64(b.Size))
	}
	px := float64(r.Image.W * r.Image.H)
	return nominal / px, float64(r.Bits) / px
}

// Every discrete rule and preset writes a bitstream that gives back its ids, not
// longer than fixed-length codes but for the bits that say how it was coded.
func TestEveryRuleIsCodedAndDecoded(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			tok := open(t, k.Example)
			var d *discrete
			switch tok := tok.(type) {
			case *discrete:
				d = tok
			case *neighbouring:
				d = tok.discrete
			case *mending:
				d = tok.discrete
			case *clustered:
				d = tok.discrete
			default:
				if len(tok.Info().Codebooks) > 0 {
					t.Fatalf("a %T has codebooks and is not known here", tok)
				}
				return // no ids, no bitstream
			}
			for name, img := range heldOut(t) {
				r := reconstruct(t, tok, img)[0]
				ids := make([][]int32, len(r.Codes.Books))
				blank := make([][]int32, len(ids))
				for b, book := range r.Codes.Books {
					ids[b], blank[b] = book.IDs, make([]int32, len(book.IDs))
				}
				var e rangecoder.Encoder
				d.coder.Encode(&e, ids)
				bytes := e.Finish()
				if err := d.coder.Decode(rangecoder.NewDecoder(bytes), blank); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for b := range ids {
					if !slices.Equal(ids[b], blank[b]) {
						t.Fatalf("%s: codebook %d comes back with other ids", name, b)
					}
				}
				nominal, bits := rates(r)
				t.Logf("%s: %.2f dB, %.4f bpp nominal, %.4f real", name, psnr(img, r.Image), nominal, bits)
				if r.Bits != int64(8*len(bytes)) {
					t.Errorf("%s: %d bits reported, %d coded", name, r.Bits, 8*len(bytes))
				}
				// Frequencies of the fit may not suit an image; learning them costs.
				if bits > nominal*1.1+.01 {
					t.Errorf("%s: %.4f bit a pixel, fixed length %.4f", name, bits, nominal)
				}
			}
		})
	}
}

// Grids calibrated on statistics alone come close to those calibrated on latents.
func TestSyntheticCalibration(t *testing.T) {
	for name, img := range heldOut(t) {
		for _, text := range []string{"uniform:bits=3", "mixed:bits=2", "nuq"} {
			sep := ","
			if text == "nuq" {
				sep = ":"
			}
			real, made := psnr(img, reconstruct(t, open(t, text), img)[0].Image), psnr(img, reconstruct(t, open(t, text+sep+"calibrate=synthetic"), img)[0].Image)
			t.Logf("%s, %s: %.2f dB, synthetic %.2f dB", name, text, real, made)
			if made < real-1 || made > real+3 {
				t.Errorf("%s, %s: %.2f dB calibrated on latents, %.2f dB on drawn ones", name, text, real, made)
			}
		}
	}
}
