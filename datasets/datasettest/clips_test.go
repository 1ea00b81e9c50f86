package datasettest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// films is a data set of two clips of three frames that can be spoilt.
type films struct {
	ids   []string
	clips []datasets.Clip
	spoil func(i int, it *datasets.Item)
}

func sound() *films {
	f := &films{clips: []datasets.Clip{{ID: "a", Frames: 3, Rate: 25}, {ID: "b", First: 3, Frames: 3}}}
	for i := range 6 {
		f.ids = append(f.ids, fmt.Sprintf("%c/%04d", 'a'+i/3, i%3))
	}
	return f
}

func (f *films) Info() datasets.Info    { return datasets.Info{} }
func (f *films) IDs() []string          { return f.ids }
func (f *films) Clips() []datasets.Clip { return f.clips }

func (f *films) Load(_ context.Context, i int) (datasets.Item, error) {
	it := datasets.Item{
		ID: f.ids[i], Cluster: f.ids[i][:1], Image: pix.New(8, 6),
		Instances: []datasets.Instance{{ID: "w", Text: "word"}},
	}
	if i%3 > 0 {
		it.Flow = pix.NewFlow(8, 6)
	}
	if f.spoil != nil {
		f.spoil(i, &it)
	}
	return it, nil
}

func TestClipFaults(t *testing.T) {
	if errs := clipFaults(t.Context(), sound()); len(errs) > 0 {
		t.Errorf("a sound set: %v", errs)
	}
	of := func(at int, spoil func(*datasets.Item)) func(*films) {
		return func(f *films) {
			f.spoil = func(i int, it *datasets.Item) {
				if i == at {
					spoil(it)
				}
			}
		}
	}
	for want, spoil := range map[string]func(*films){
		"name of its own":        func(f *films) { f.clips[1].ID = "a" },
		"the one before ends":    func(f *films) { f.clips[1].First = 4 },
		"cover 5 of 6":           func(f *films) { f.clips[1].Frames = 2 },
		"frames a second":        func(f *films) { f.clips[1].Rate = -1 },
		"not named below":        func(f *films) { f.ids[4] = "c/0001" },
		"has cluster":            of(4, func(it *datasets.Item) { it.Cluster = "" }),
		"the first of its clip ": of(4, func(it *datasets.Item) { it.Image = pix.New(6, 8) }),
		"is said to have moved":  of(3, func(it *datasets.Item) { it.Flow = pix.NewFlow(8, 6) }),
		"has a flow of 6×8":      of(2, func(it *datasets.Item) { it.Flow = pix.NewFlow(6, 8) }),
		"which is outside":       of(2, func(it *datasets.Item) { it.Flow.DX[0] = -1 }),
		"and then":               of(2, func(it *datasets.Item) { it.Instances[0].Text = "Word" }),
	} {
		f := sound()
		spoil(f)
		errs := clipFaults(t.Context(), f)
		if len(errs) == 0 || !strings.Contains(fmt.Sprint(errs), want) {
			t.Errorf("%s: found %v", want, errs)
		}
	}
	// A frame that is another one when it is loaded again.
	f, n := sound(), uint8(0)
	f.spoil = func(_ int, it *datasets.Item) { n++; it.Image.Pix[0] = n }
	if errs := clipFaults(t.Context(), f); !strings.Contains(fmt.Sprint(errs), "another one after the last") {
		t.Errorf("frames that change: %v", errs)
	}
}
