// Package datasettest is the conformance suite of data sets: what every one of them must
// keep to, whoever wrote it. Order, digest, errors, cancellation, many readers at once and
// flat memory are checked on any data set by [Run]; on a layout of files, [RunLayout] also
// damages them.
//
//	func TestConformance(t *testing.T) {
//		datasettest.Run(t, func(t *testing.T) datasets.Dataset { … })
//	}
//
// A test of datasets/all walks the list of kinds, so that a new one cannot be forgotten.
package datasettest

import (
	"bytes"
	"context"
	"errors"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/datasets"
)

// most is how many items are looked at.
const most = 8

// Run checks a data set; open opens it anew each time, of the same files. It looks at the
// first 8 items.
func Run(t *testing.T, open func(t *testing.T) datasets.Dataset) {
	t.Helper()
	RunFirst(t, most, open)
}

// RunFirst is Run on the first items only, where each takes long.
func RunFirst(t *testing.T, most int, open func(t *testing.T) datasets.Dataset) {
	t.Helper()
	ctx := context.Background()
	d := open(t)
	ids := slices.Clone(d.IDs())
	n := min(len(ids), most)
	t.Run("info", func(t *testing.T) {
		info := d.Info()
		if info.ID == "" || info.Version < 1 || info.Title == "" || len(info.Digest) != 64 || strings.Trim(info.Digest, "0123456789abcdef") != "" {
			t.Errorf("info states too little: %+v", info)
		}
		if info != d.Info() {
			t.Error("info changes from call to call")
		}
	})
	t.Run("names", func(t *testing.T) {
		if len(ids) == 0 {
			t.Fatal("there is no item")
		}
		seen := map[string]bool{}
		for _, id := range ids {
			if seen[id] {
				t.Errorf("two items are called %q", id)
			}
			seen[id] = true
			if id == "" || path.IsAbs(id) || path.Clean(id) != id || strings.HasPrefix(id, "../") || strings.Contains(id, "\\") {
				t.Errorf("%q is no name of an item: use / as separator, and stay below the set", id)
			}
		}
	})
	first := make([]datasets.Item, n)
	t.Run("items", func(t *testing.T) {
		for i := range n {
			item, err := d.Load(ctx, i)
			if err != nil {
				t.Fatalf("item %q: %v", ids[i], err)
			}
			if item.ID != ids[i] {
				t.Errorf("item %d is called %q, in the list %q", i, item.ID, ids[i])
			}
			if err := item.Image.Validate(); err != nil {
				t.Errorf("item %q: %v", ids[i], err)
			}
			if m := item.Labels; m != nil {
				if err := m.Validate(); err != nil {
					t.Errorf("item %q: %v", ids[i], err)
				} else if img := m.Paint(); img.W != item.Image.W || !bytes.Equal(img.Pix, item.Image.Pix) {
					t.Errorf("item %q: the image is not its label map, painted", ids[i])
				}
				if i > 0 && (first[0].Labels == nil || !slices.Equal(m.Classes, first[0].Labels.Classes)) {
					t.Errorf("item %q has other classes than item %q", ids[i], ids[0])
				}
			}
			labels := map[string]bool{}
			for _, in := range item.Instances {
				if in.ID == "" || labels[in.ID] {
					t.Errorf("item %q: instance %q has no name of its own", ids[i], in.ID)
				}
				labels[in.ID] = true
			}
			for _, l := range item.Lost {
				if l.Reason == "" || l.Where == "" {
					t.Errorf("item %q: a lost label does not say why or where: %+v", ids[i], l)
				}
			}
			first[i] = item
		}
	})
	same := func(t *testing.T, i int, item datasets.Item, err error) {
		t.Helper()
		if err != nil || i >= n || !bytes.Equal(item.Image.Pix, first[i].Image.Pix) || len(item.Instances) != len(first[i].Instances) {
			t.Errorf("item %q is another one, or fails: %v", ids[i], err)
		}
	}
	t.Run("backwards", func(t *testing.T) {
		for i := range n {
			item, err := d.Load(ctx, n-1-i)
			same(t, n-1-i, item, err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 2 {
			for i := range n {
				wg.Go(func() {
					item, err := d.Load(ctx, i)
					same(t, i, item, err)
				})
			}
		}
		wg.Wait()
	})
	t.Run("opened again", func(t *testing.T) {
		again := open(t)
		if !slices.Equal(again.IDs(), ids) || again.Info() != d.Info() {
			t.Fatal("order, digest or names change when it is opened again")
		}
		item, err := again.Load(ctx, n-1) // first of all
		same(t, n-1, item, err)
	})
	t.Run("errors", func(t *testing.T) {
		for _, i := range []int{-1, len(ids), len(ids) + 100} {
			if _, err := d.Load(ctx, i); err == nil {
				t.Errorf("item %d of %d was loaded", i, len(ids))
			}
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := d.Load(ended, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("loading after the context ended: %v", err)
		}
		item, err := d.Load(ctx, 0) // errors leave no trace
		same(t, 0, item, err)
	})
	if c, ok := d.(datasets.Clipped); ok {
		t.Run("clips", func(t *testing.T) {
			for _, err := range clipFaults(ctx, c) {
				t.Error(err)
			}
		})
	}
	t.Run("prefix", func(t *testing.T) {
		if s, ok := d.(datasets.Stratum); ok && (s.DefaultItems() < 1 || s.DefaultItems() > len(ids)) {
			t.Errorf("a default run takes %d of %d items", s.DefaultItems(), len(ids))
		}
	})
	t.Run("memory", func(t *testing.T) {
		if n == 0 {
			t.Skip("there is no item") //nolint:forbidigo // said above
		}
		before := live()
		for range 3 {
			for i := range n {
				item, err := d.Load(ctx, i)
				same(t, i, item, err)
			}
		}
		if grown := live() - before; grown > kept {
			t.Errorf("%d MB more are in use after every item was loaded three times again", grown>>20)
		}
		runtime.KeepAlive(d)
	})
}

// kept is what a data set may keep of items that were loaded: an archive that can only be
// read from its beginning keeps what it passed.
const kept = 8 << 20

// live is how much memory is in use.
func live() int64 {
	for range 2 { // pools are emptied by the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
