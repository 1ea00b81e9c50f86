package run_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// everywhere draws damage over the whole image.
type everywhere struct{ level }

func (everywhere) Damage(ref, _ pix.Image) ([]float32, bool, error) {
	out := make([]float32, ref.W*ref.H)
	for i := range out {
		out[i] = 1
	}
	return out, true, nil
}

// Whole images that are kept have their maps and boxes; a map that panics is a picture
// less; the worst are those of the worst cases and no others.
func TestWholeImages(t *testing.T) {
	for _, keep := range []record.Keep{record.KeepAll, record.KeepWorst, 2} {
		t.Run(keep.String(), func(t *testing.T) {
			cfg := config(t, 20)
			cfg.KeepImages, cfg.Maps = keep, []metrics.Metric{everywhere{}, faulty{"nothing"}}
			cfg.Suite.Worst = "level"
			foreseen := cfg.Kept(context.Background())
			if foreseen.Pictures == 0 || foreseen.Bytes == 0 {
				t.Errorf("nothing is foreseen: %+v", foreseen)
			}
			done := execute(t, cfg)
			worst, whole := map[string]bool{}, map[string]bool{}
			pictures := map[string]bool{}
			for _, c := range done.Cases {
				key := c.Tokenizer + " " + c.Item + " " + c.Condition
				switch c.Why {
				case record.WhyWorst:
					worst[key] = true
				case record.WhyImage:
					whole[key] = true
					if len(c.Maps) != 1 || c.Maps["level"] == "" {
						t.Errorf("%s has the maps %v", key, c.Maps)
					}
					for _, p := range []string{c.Original, c.Reconstruction, c.Maps["level"]} {
						pictures[p] = true
						if _, err := os.Stat(filepath.Join(cfg.Dir, p)); err != nil {
							t.Error(err)
						}
					}
				}
			}
			if len(whole) == 0 || len(pictures) > foreseen.Pictures {
				t.Errorf("%d whole images of %d pictures, foreseen were %d", len(whole), len(pictures), foreseen.Pictures)
			}
			if keep == record.KeepWorst {
				for key := range whole {
					if !worst[key] {
						t.Errorf("%s is kept and is no worst case", key)
					}
				}
				if len(whole) != len(worst) {
					t.Errorf("%d whole images of %d worst cases", len(whole), len(worst))
				}
			}
			boxes := 0
			for l, err := range record.Codes(cfg.Dir) {
				if err != nil {
					t.Fatal(err)
				}
				if l.Observer != record.BoxesID {
					continue
				}
				b, err := record.ParseBoxes(l.State)
				if err != nil || b.W == 0 || len(b.List) == 0 {
					t.Errorf("boxes of %s: %+v, %v", l.Item, b, err)
				}
				boxes++
			}
			if boxes == 0 {
				t.Error("no boxes")
			}
		})
	}
}

func TestKeep(t *testing.T) {
	for _, s := range []string{"all", "worst", "0", "7"} {
		k, err := record.ParseKeep(s)
		if err != nil || k.String() != s {
			t.Errorf("%s is read as %s, %v", s, k, err)
		}
		b, err := json.Marshal(k)
		var back record.Keep
		if err != nil || json.Unmarshal(b, &back) != nil || back != k {
			t.Errorf("%s is written as %s, %v", s, b, err)
		}
	}
	for _, s := range []string{"", "-1", "some", "1.5"} {
		if _, err := record.ParseKeep(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}
