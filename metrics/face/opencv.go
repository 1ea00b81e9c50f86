package face

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/opencv/helper"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// openCV is the networks in the helper vtbench-opencv.
type openCV struct{ helper helper.Helper }

func openOpenCV(ctx context.Context, det, rec weights) (*engine, error) {
	h, err := helper.Open(ctx, []string{"faces", "-detector", det.layout + "=" + det.path, "-recogniser", rec.layout + "=" + rec.path},
		opencv.FaceDetect, opencv.FaceEmbed)
	if err != nil {
		return nil, fmt.Errorf("opening the face networks in OpenCV: %w", err)
	}
	said := h.Info().Params
	if said[opencv.ParamDetector] != det.digest || said[opencv.ParamRecogniser] != rec.digest {
		return nil, errors.Join(fmt.Errorf("%s read other networks than %s and %s", opencv.Program, det.path, rec.path), h.Close())
	}
	n := &openCV{h}
	return &engine{
		Detector: n, embedder: n, closers: []io.Closer{h},
		provenance: map[string]string{provEngine: "OpenCV " + said[opencv.ParamOpenCV]},
	}, nil
}

// Detect implements model.Detector.
func (n *openCV) Detect(ctx context.Context, img pix.Image) ([]model.Detection, error) {
	var got opencv.Faces
	_, err := n.helper.Call(ctx, process.Call{
		Op: opencv.FaceDetect, Args: opencv.Image{W: img.W, H: img.H}, Raw: [][]byte{img.Pix}, Value: &got,
	})
	if err != nil {
		return nil, err
	}
	out := make([]model.Detection, len(got.Faces))
	for i, f := range got.Faces {
		d := &out[i]
		d.Box, d.Score = model.Box{X0: f.Box[0], Y0: f.Box[1], X1: f.Box[2], Y1: f.Box[3]}, f.Score
		for k, p := range f.Points {
			d.Points[k] = datasets.Point{X: p[0], Y: p[1]}
		}
	}
	return out, nil
}

// callChips bounds how many faces a call carries: a crowd must not be one large request.
const callChips = 64

// Embed implements embedder.
func (n *openCV) Embed(ctx context.Context, chips []pix.Image) ([][]float32, error) {
	var out [][]float32
	for part := range slices.Chunk(chips, callChips) {
		e, err := n.embed(ctx, part)
		if err != nil {
			return nil, err
		}
		out = append(out, e...)
	}
	return out, nil
}

func (n *openCV) embed(ctx context.Context, chips []pix.Image) ([][]float32, error) {
	side := chips[0].W
	var raw [][]byte
	for _, c := range chips {
		if c.W != side || c.H != side {
			return nil, fmt.Errorf("embedding faces: chips of %d×%d and of %d×%d", side, side, c.W, c.H)
		}
		raw = append(raw, c.Pix)
	}
	var got opencv.Embeddings
	b, err := n.helper.Call(ctx, process.Call{
		Op: opencv.FaceEmbed, Args: opencv.Chips{N: len(chips), Side: side}, Raw: raw, Value: &got, Most: 4 * opencv.MaxDims * len(chips),
	})
	if err != nil {
		return nil, err
	}
	if got.Dims < 1 || len(b) != 4*got.Dims*len(chips) {
		return nil, fmt.Errorf("embedding faces: %d bytes for %d faces of %d numbers", len(b), len(chips), got.Dims)
	}
	out := make([][]float32, len(chips))
	for i := range out {
		e := make([]float32, got.Dims)
		for k := range e {
			e[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*k:]))
		}
		out[i], b = e, b[4*got.Dims:]
	}
	return out, nil
}
