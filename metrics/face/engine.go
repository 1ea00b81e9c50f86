package face

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// OptionEngine says what runs the networks: OpenCV's DNN module in the program
// vtbench-opencv, which is the default, or ONNX Runtime. Their values differ in the last
// digits, so the engine and its version are part of the provenance.
const (
	OptionEngine = "face.engine"
	EngineOpenCV = "opencv"
	EngineONNX   = "onnxruntime"
)

// The keys of the provenance.
const (
	provEngine     = "face.engine"
	provDetector   = "face.detector"
	provRecogniser = "face.recogniser"
	provStrangers  = "face.strangers"
)

// An engine is an opened detector and recogniser. Its calls may be made at once from
// many goroutines.
type engine struct {
	model.Detector
	embedder
	layout     model.Layout // of the recogniser
	provenance map[string]string
	originals  *originals
	closers    []io.Closer
}

// An embedder returns one embedding a chip.
type embedder interface {
	Embed(ctx context.Context, chips []pix.Image) ([][]float32, error)
}

func (e *engine) close() error {
	var errs []error
	for _, c := range e.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// openEngine opens the networks that the options name, in the engine that they name.
func openEngine(ctx context.Context, options map[string]string) (*engine, error) {
	var m models
	var err error
	dir := options[OptionModels]
	if dir != "" {
		if m, err = readModels(dir); err != nil {
			return nil, err
		}
	}
	allow := options[OptionAllow] == "true"
	det, err := m.Detector.read(dir, yuNetFile, model.YuNet, allow)
	if err != nil {
		return nil, err
	}
	rec, err := m.Recogniser.read(dir, dlibFile, "dlib", allow)
	if err != nil {
		return nil, err
	}
	layout, err := model.FindLayout(rec.layout)
	if err != nil {
		return nil, err
	}
	if r := m.Recogniser; r != nil {
		layout.Strangers, layout.Calibration = 0, "not stated: F-Sim calibrated is F-Sim" // another network's
		if r.Strangers != nil {
			layout.Strangers, layout.Calibration = *r.Strangers, "stated in "+ModelsFile
		}
		if r.Threshold != nil {
			layout.Threshold = *r.Threshold
		}
	}
	var e *engine
	switch name := options[OptionEngine]; name {
	case "", EngineOpenCV:
		e, err = openOpenCV(ctx, det, rec)
	case EngineONNX:
		e, err = openONNXRuntime(det, rec, layout, options["onnxruntime"])
	default:
		known := []string{EngineOpenCV, EngineONNX}
		return nil, fmt.Errorf("%s is %q: want %s or %s%s", OptionEngine, name, EngineOpenCV, EngineONNX, suggest.Hint(name, known))
	}
	if err != nil {
		return nil, err
	}
	e.layout, e.originals = layout, newOriginals(e)
	e.provenance[provDetector], e.provenance[provRecogniser] = det.String(), rec.String()
	e.provenance[provStrangers] = fmt.Sprintf("%g, %s", layout.Strangers, layout.Calibration)
	return e, nil
}

// openONNXRuntime opens the networks in this process.
func openONNXRuntime(det, rec weights, layout model.Layout, library string) (_ *engine, err error) {
	_, version, err := ort.Load(library)
	if err != nil {
		return nil, err
	}
	e := &engine{provenance: map[string]string{provEngine: "ONNX Runtime " + version}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	open := func(w weights) (*onnx, error) {
		graph, err := model.Graph(w.name, w.file)
		if err != nil {
			return nil, err
		}
		n, err := openONNX(w.name, graph, library)
		if err == nil {
			e.closers = append(e.closers, n)
		}
		return n, err
	}
	n, err := open(det)
	if err != nil {
		return nil, err
	}
	if e.Detector, err = model.NewDetector(det.layout, n); err != nil {
		return nil, err
	}
	if n, err = open(rec); err != nil {
		return nil, err
	}
	e.embedder = model.NewRecogniser(layout, n)
	return e, nil
}
