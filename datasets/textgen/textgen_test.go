package textgen

import (
	"testing"
)

func TestSmoke(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := s.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if it.Image.W != Side || len(it.Instances) < 20 || s.DefaultItems() < 10 {
		t.Errorf("%d pixels wide, %d instances, %d default items", it.Image.W, len(it.Instances), s.DefaultItems())
	}
}
func BenchmarkLoad(b *testing.B) {
	s, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := s.Load(b.Context(), i%DefaultImages); err != nil {
			b.Fatal(err)
		}
	}
}
func BenchmarkCompose(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		if _, err := compose(1, i%DefaultImages); err != nil {
			b.Fatal(err)
		}
	}
}
