package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gocv.io/x/gocv"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// faces are a detector and a recogniser in OpenCV's DNN module.
type faces struct {
	detector   model.Detector
	recogniser *model.Recogniser
	nets       []*network
}

// openFaces opens two networks, each as LAYOUT=FILE.
func openFaces(detector, recogniser string) (*faces, error) {
	layout, d, err := openNetwork("-detector", detector)
	if err != nil {
		return nil, err
	}
	f := &faces{nets: []*network{d}}
	if f.detector, err = model.NewDetector(layout, d); err != nil {
		return nil, errors.Join(err, f.close())
	}
	layout, r, err := openNetwork("-recogniser", recogniser)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.nets = append(f.nets, r)
	l, err := model.FindLayout(layout)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	f.recogniser = model.NewRecogniser(l, r)
	return f, nil
}

func (f *faces) close() error {
	var errs []error
	for _, n := range f.nets {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

func (f *faces) info() tokenizers.Info {
	version := gocv.OpenCVVersion()
	return tokenizers.Info{
		Name: opencv.Program, Version: "OpenCV " + version, Deterministic: true,
		Params: map[string]string{
			opencv.ParamOpenCV: version, opencv.ParamDetector: f.nets[0].digest, opencv.ParamRecogniser: f.nets[1].digest,
		},
	}
}

func (f *faces) ops() map[string]plugin.Op {
	return map[string]plugin.Op{opencv.FaceDetect: f.detect, opencv.FaceEmbed: f.embed}
}

func (f *faces) detect(ctx context.Context, args json.RawMessage, raw []byte) (any, []byte, error) {
	var in opencv.Image
	if err := json.Unmarshal(args, &in); err != nil {
		return nil, nil, err
	}
	img := pix.Image{W: in.W, H: in.H, Pix: raw}
	if err := img.Validate(); err != nil {
		return nil, nil, err
	}
	found, err := f.detector.Detect(ctx, img)
	if err != nil {
		return nil, nil, err
	}
	out := opencv.Faces{Faces: make([]opencv.Face, len(found))}
	for i, d := range found {
		o := &out.Faces[i]
		o.Box, o.Score = [4]float64{d.Box.X0, d.Box.Y0, d.Box.X1, d.Box.Y1}, d.Score
		for k, p := range d.Points {
			o.Points[k] = [2]float64{p.X, p.Y}
		}
	}
	return out, nil, nil
}

func (f *faces) embed(ctx context.Context, args json.RawMessage, raw []byte) (any, []byte, error) {
	var in opencv.Chips
	if err := json.Unmarshal(args, &in); err != nil {
		return nil, nil, err
	}
	if in.Side != f.recogniser.Side || in.N < 0 || in.N > wire.MaxFrame || in.N*3*in.Side*in.Side != len(raw) {
		return nil, nil, fmt.Errorf("%d faces of %d pixels in %d bytes: want faces of %d pixels", in.N, in.Side, len(raw), f.recogniser.Side)
	}
	chips := make([]pix.Image, in.N)
	for i := range chips {
		n := 3 * in.Side * in.Side
		chips[i] = pix.Image{W: in.Side, H: in.Side, Pix: raw[i*n : (i+1)*n]}
	}
	got, err := f.recogniser.Embed(ctx, chips)
	if err != nil {
		return nil, nil, err
	}
	var dims int
	var out []byte
	for _, e := range got {
		dims, out = len(e), wire.AppendFloats(out, e)
	}
	return opencv.Embeddings{Dims: dims}, out, nil
}

// network is a graph in OpenCV's DNN module.
type network struct {
	label, digest string
	net           gocv.Net
	outputs       []string
}

// openNetwork reads LAYOUT=FILE. A file that OpenCV cannot read ends the process, with
// its reason on stderr.
func openNetwork(name, spec string) (layout string, n *network, err error) {
	layout, path, ok := strings.Cut(spec, "=")
	if !ok || layout == "" || path == "" {
		return "", nil, usage(fmt.Sprintf("%s %q: want LAYOUT=FILE", name, spec))
	}
	file, err := files.Read(path, files.MaxModel)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(file)
	n = &network{label: filepath.Base(path), digest: hex.EncodeToString(sum[:])}
	graph, err := model.Graph(n.label, file)
	if err != nil {
		return "", nil, err
	}
	if n.net, err = gocv.ReadNetFromONNXBytes(graph); err != nil {
		return "", nil, fmt.Errorf("OpenCV %s reading %s: %w", gocv.OpenCVVersion(), path, err)
	}
	if n.net.Empty() {
		return "", nil, fmt.Errorf("OpenCV %s reads nothing of %s", gocv.OpenCVVersion(), path)
	}
	for _, i := range n.net.GetUnconnectedOutLayers() {
		layer := n.net.GetLayer(i)
		n.outputs = append(n.outputs, layer.GetName())
	}
	return layout, n, nil
}

// Label implements model.Network.
func (n *network) Label() string { return n.label }

// Outputs implements model.Network.
func (n *network) Outputs() []string { return n.outputs }

// Close implements model.Network.
func (n *network) Close() error { return n.net.Close() }

// Run implements model.Network, image by image: OpenCV fixes the shapes of a graph when
// it loads it. It must not run beside itself.
func (n *network) Run(batch, side int, data []float32) ([][]float32, error) {
	out := make([][]float32, len(n.outputs))
	each := 3 * side * side
	if batch < 1 || len(data) != batch*each {
		return nil, fmt.Errorf("running %s: %d numbers for %d images of %d pixels", n.label, len(data), batch, side)
	}
	for i := range batch {
		if err := n.forward(side, data[i*each:(i+1)*each], out); err != nil {
			return nil, fmt.Errorf("running %s in OpenCV: %w", n.label, err)
		}
	}
	return out, nil
}

func (n *network) forward(side int, data []float32, out [][]float32) (err error) {
	// The blob's memory is C's: OpenCV may keep it until the next image.
	blob := gocv.NewMatWithSizes([]int{1, 3, side, side}, gocv.MatTypeCV32F)
	defer func() { err = errors.Join(err, blob.Close()) }()
	into, err := blob.DataPtrFloat32()
	if err != nil {
		return err
	}
	if copy(into, data) != len(data) {
		return fmt.Errorf("an input of %d numbers for %d", len(into), len(data))
	}
	n.net.SetInput(blob, "")
	mats := n.net.ForwardLayers(n.outputs)
	defer func() {
		for _, m := range mats {
			err = errors.Join(err, m.Close())
		}
	}()
	if len(mats) != len(out) {
		return fmt.Errorf("%d outputs, want %d", len(mats), len(out))
	}
	for i, m := range mats {
		v, err := m.DataPtrFloat32()
		if err != nil {
			return err
		}
		out[i] = slices.Concat(out[i], v)
	}
	return nil
}
