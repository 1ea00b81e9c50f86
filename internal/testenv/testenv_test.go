package testenv

import (
	"errors"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
)

// recorder is a test that notes how it ended.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()      {}
func (r *recorder) Skip(...any)  { r.ended = "skipped"; panic(r) }
func (r *recorder) Fatal(...any) { r.ended = "failed"; panic(r) }

func TestNeed(t *testing.T) {
	lacks := &missing.Error{What: "a photograph", Mend: "make deps"}
	for _, c := range []struct {
		ci   string
		err  error
		want string
	}{
		{"", nil, ""},
		{"true", nil, ""},
		{"", lacks, "skipped"},
		{"false", lacks, "skipped"},
		{"true", lacks, "failed"},
		{"1", lacks, "failed"},
		{"", errors.New("broken"), "failed"},
	} {
		t.Setenv("CI", c.ci)
		r := &recorder{}
		func() {
			defer func() {
				if v := recover(); v != nil && v != r {
					panic(v)
				}
			}()
			Need(r, c.err)
		}()
		if r.ended != c.want {
			t.Errorf("CI=%q, %v: the test is %q, want %q", c.ci, c.err, r.ended, c.want)
		}
	}
}
