package quant

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// The digests are this package's own: they change when an artefact is fitted
// anew, or when the constant version must rise because the same artefact gives
// another result. Other architectures may fuse multiply and add in gonum.
func TestResultsAreThoseOfTheVersion(t *testing.T) {
	img := heldOut(t)["photograph"]
	for text, want := range map[string]string{
		"kl:patch=8,dim=16":        "17ba15fd0fc92b52",
		"vq:patch=8,k=1024":        "be557344b2cf4c4c",
		"rvq:patch=4,depth=4":      "03b72ba38d03a804",
		"fsq:patch=8,levels=8-6-5": "b21592d14d3c14fd",
	} {
		r := reconstruct(t, open(t, text), img)[0]
		h := sha256.New()
		h.Write(r.Image.Pix)
		if r.Codes != nil {
			for _, b := range r.Codes.Books {
				if err := binary.Write(h, binary.LittleEndian, b.IDs); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
