package cli

import (
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// served asks a score server one thing after the other, as a program in another language
// would.
type served struct {
	t  *testing.T
	in io.Writer
	r  *wire.Reader
	id uint64
}

func serveScores(t *testing.T) *served {
	t.Helper()
	requests, in := io.Pipe()
	out, answers := io.Pipe()
	s := &scoreServer{workers: 2}
	ended := make(chan error, 1)
	go func() {
		err := s.serve(context.Background(), tokenizers.Info{Name: "x", Version: "1"}, requests, answers)
		_ = answers.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		_ = in.Close() // the end of its input is what tells it to finish
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if len(s.warm) > mostWarm {
			t.Errorf("%d sets of metrics are open", len(s.warm))
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return &served{t: t, in: in, r: wire.NewReader(out)}
}

func (s *served) call(args any, raw ...[]byte) scoreAnswer {
	s.t.Helper()
	s.id++
	req := wire.Request{Type: wire.Call, ID: s.id, Op: scoreOp}
	var err error
	if req.Args, err = json.Marshal(args); err != nil {
		s.t.Fatal(err)
	}
	for _, b := range raw {
		req.Bytes += len(b)
	}
	head, err := json.Marshal(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := wire.Write(s.in, head, raw...); err != nil {
		s.t.Fatal(err)
	}
	head, n, err := s.r.Next(wire.MaxFrame)
	if err != nil || n != 0 {
		s.t.Fatalf("%d raw bytes: %v", n, err)
	}
	var resp wire.Response
	if err := json.Unmarshal(head, &resp); err != nil || resp.ID != s.id {
		s.t.Fatalf("answer %d to %d: %v", resp.ID, s.id, err)
	}
	var a scoreAnswer
	if resp.Type == wire.Failure {
		a.Error = resp.Error
	} else if err := json.Unmarshal(resp.Value, &a); err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestScoreServe(t *testing.T) {
	dir := t.TempDir()
	a, b := pix.New(48, 32), pix.New(48, 32)
	for i := range a.Pix {
		a.Pix[i], b.Pix[i] = uint8(i*7), uint8(i*7+i%5)
	}
	files := [2]string{filepath.Join(dir, "a.png"), filepath.Join(dir, "b.png")}
	for i, m := range []pix.Image{a, b} {
		if err := m.SavePNG(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	s := serveScores(t)
	size := scoreImage{W: 48, H: 32}
	got := s.call(scoreCall{Reference: []scoreImage{size, size}, Distorted: []scoreImage{size, size}}, a.Pix, a.Pix, b.Pix, a.Pix)
	if got.Error != "" || len(got.Pairs) != 2 {
		t.Fatalf("%+v", got)
	}
	// The same numbers from files, mixed with memory, and from the command.
	for _, c := range []struct {
		ref, dist scoreImage
		raw       [][]byte
	}{
		{scoreImage{File: files[0]}, scoreImage{File: files[1]}, nil},
		{size, scoreImage{File: files[1]}, [][]byte{a.Pix}},
		{scoreImage{File: files[0]}, size, [][]byte{b.Pix}},
	} {
		other := s.call(scoreCall{Reference: []scoreImage{c.ref}, Distorted: []scoreImage{c.dist}}, c.raw...)
		if other.Error != "" || other.Pairs[0].Metrics["psnr"] != got.Pairs[0].Metrics["psnr"] || other.Pairs[0].Metrics["ssim"] != got.Pairs[0].Metrics["ssim"] {
			t.Errorf("%+v: %+v, want %+v", c, other, got.Pairs[0])
		}
	}
	code, out, _ := vtbench(t, "score", files[0], files[1], "--format", "json")
	var whole struct {
		Pairs []struct{ Metrics map[string]float64 }
	}
	if err := json.Unmarshal([]byte(out), &whole); err != nil || code != ExitDone {
		t.Fatalf("status %d: %v", code, err)
	}
	for id, v := range got.Pairs[0].Metrics {
		if whole.Pairs[0].Metrics[id] != float64(v) {
			t.Errorf("%s: %v, the command says %v", id, v, whole.Pairs[0].Metrics[id])
		}
	}
	if v := got.Pairs[1]; v.Notes["psnr"] != "inf" {
		t.Errorf("identical images: %+v", v)
	}
	// More sets of metrics than are kept open.
	for _, m := range []string{"psnr", "ssim", "gmsd", "mae", "mse", "psnr", "ms-ssim"} {
		s.call(scoreCall{Metrics: []string{m}, Reference: []scoreImage{size}, Distorted: []scoreImage{size}}, a.Pix, b.Pix)
	}
}

// TestScoreServeRefuses: a call that cannot be is an error of that call, with the status
// that the command would have had, and no memory is taken for what is not there.
func TestScoreServeRefuses(t *testing.T) {
	s := serveScores(t)
	one := []scoreImage{{W: 1, H: 1}}
	pixel := []byte{1, 2, 3}
	for _, c := range []struct {
		name, want string
		args       any
		raw        []byte
		status     int
	}{
		{"no images", "0 images on the reference side", scoreCall{}, nil, ExitUsage},
		{"unknown metric", `did you mean "psnr"`, scoreCall{Metrics: []string{"psn"}, Reference: one, Distorted: one}, []byte{1, 2, 3, 4, 5, 6}, ExitUsage},
		{"no metric", "--metrics is empty", scoreCall{Metrics: []string{}, Reference: one, Distorted: one}, []byte{1, 2, 3, 4, 5, 6}, ExitUsage},
		{"a network that is not there", "feature.model", scoreCall{Metrics: []string{"fid"}, Reference: one, Distorted: one}, []byte{1, 2, 3, 4, 5, 6}, ExitMissing},
		{"one has no partner", "as many", scoreCall{Reference: one, Distorted: append(one, one...)}, append(append(pixel, pixel...), pixel...), ExitUsage},
		{"too few bytes", "where 0 bytes of pixels are left", scoreCall{Reference: one, Distorted: one}, pixel, ExitUsage},
		{"too many bytes", "the images have 6 bytes", scoreCall{Reference: one, Distorted: one}, make([]byte, 9), ExitUsage},
		{"a size whose product overflows", "bytes of pixels are left", scoreCall{Reference: []scoreImage{{W: 1 << 28, H: 1 << 62}}, Distorted: one}, pixel, ExitUsage},
		{"a size below zero", "-1×1", scoreCall{Reference: []scoreImage{{W: -1, H: 1}}, Distorted: one}, pixel, ExitUsage},
		{"arguments of another kind", "reading the arguments", map[string]any{"metrics": 3}, nil, ExitUsage},
		{"no arguments", "0 images", nil, nil, ExitUsage},
	} {
		var raw [][]byte
		if c.raw != nil {
			raw = [][]byte{c.raw}
		}
		if got := s.call(c.args, raw...); !strings.Contains(got.Error, c.want) || got.Status != c.status {
			t.Errorf("%s: %q (status %d), want %q (%d)", c.name, got.Error, got.Status, c.want, c.status)
		}
	}
	// Files that are not there cost their pair.
	got := s.call(scoreCall{Reference: []scoreImage{{File: "/nowhere.png"}, {W: 2, H: 2}}, Distorted: []scoreImage{{W: 1, H: 1}, {W: 2, H: 2}}}, make([]byte, 12+3+12))
	if len(got.Pairs) != 2 || !strings.Contains(got.Pairs[0].Error, "nowhere.png") || got.Pairs[1].Error != "" {
		t.Errorf("%+v", got)
	}
	code, _, stderr := vtbench(t, "score", "--serve", "a.png", "b.png")
	if code != ExitUsage {
		t.Errorf("status %d: %s", code, stderr)
	}
}
