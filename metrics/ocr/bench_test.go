package ocr

import (
	"context"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// BenchmarkRecognise is one crop through a pool of as many clients as there are
// cores, from pixels to text, over words as a tokenizer at 256² leaves them. The
// floor is the network: a word of five letters is some 110 columns wide at 36
// pixels of height, at about 35 µs a column.
func BenchmarkRecognise(b *testing.B) {
	in := seen(b, corpus(b, 41, 1), 256, 30)
	crops := make([]pix.Image, len(in))
	for i, s := range in {
		var err error
		if crops[i], err = Crop(s.img, s.box); err != nil {
			b.Fatal(err)
		}
	}
	p := testPool(b, 2)
	if err := p.Warm(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(1)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := p.Recognise(context.Background(), crops[i%len(crops)]); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkEncode is what happens to a crop of 180×50 before Tesseract sees it.
// The floor is reading its bytes once.
func BenchmarkEncode(b *testing.B) {
	m := oddCrops()["noise (64,48)"]
	m, err := pix.Resize(m, 180, 50)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.Pix)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := standard.encode(m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScore is one reconstruction of a page of words, the reference being
// read already; ns/crop is what a run pays for every word and tokenizer.
func BenchmarkScore(b *testing.B) {
	in := corpus(b, 41, 1)
	out := seen(b, in, 256, 30)
	var ref metrics.Reference
	for i, s := range in {
		if s.img.Same(in[0].img) {
			ref.Instances = append(ref.Instances, datasets.Instance{ID: in[i].label, Box: s.box, Text: s.label})
		}
	}
	ref.Image = in[0].img
	s, err := testMetric(b, nil).Prepare(context.Background(), ref)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := s.Score(context.Background(), ref.Image); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Score(context.Background(), out[0].img); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ref.Instances)), "ns/crop")
}
