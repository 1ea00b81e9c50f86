package face

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/pix"
)

// The files that are used unless the user names others; internal/assets knows their
// digests and where they come from.
const (
	yuNetFile = "face_detection_yunet_2023mar.onnx"
	dlibFile  = "dlib_face_recognition_resnet_model_v1.dat"
)

// ModelsFile is what a folder of one's own networks is described by.
const ModelsFile = "face-models.yaml"

// Options of the metrics, as in a suite or behind --option.
const (
	OptionModels = "face.models"      // folder with ModelsFile
	OptionAllow  = "face.allow_model" // "true": also files whose digest nobody stated
)

// OptionEngine says what runs the networks: ONNX Runtime, or OpenCV's DNN module in
// the program vtbench-opencv.
const (
	OptionEngine = "face.engine"
	EngineONNX   = "onnxruntime"
	EngineOpenCV = "opencv"
)

// models is ModelsFile. What is absent is vtbench's own.
type models struct {
	Detector   *modelFile `yaml:"detector"`
	Recogniser *modelFile `yaml:"recogniser"`
}

// modelFile is an ONNX file with its layout.
type modelFile struct {
	Layout string `yaml:"layout"` // "yunet", "scrfd"; "dlib", "arcface", "sface"
	File   string `yaml:"file"`   // below the folder
	SHA256 string `yaml:"sha256"`
	// Strangers is the mean cosine of different people, for the calibrated similarity,
	// and Threshold the distance up to which two faces are the same person.
	Strangers *float64 `yaml:"strangers"`
	Threshold *float64 `yaml:"threshold"`
}

// engine is an opened detector and recogniser.
type engine struct {
	detector   detector
	recogniser *recogniser
	nets       []network
	provenance map[string]string
}

// A detector finds faces, the surest first.
type detector interface {
	detect(img pix.Image) ([]Detection, error)
}

func (e *engine) close() error {
	var errs []error
	for _, n := range e.nets {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// openEngine opens the networks that the options name.
func openEngine(options map[string]string) (_ *engine, err error) {
	var m models
	dir := options[OptionModels]
	if dir != "" {
		if m, err = readModels(dir); err != nil {
			return nil, err
		}
	}
	allow := options[OptionAllow] == "true"
	library := options["onnxruntime"]
	e := &engine{provenance: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	engine := options[OptionEngine]
	if engine != "" && engine != EngineONNX && engine != EngineOpenCV {
		return nil, fmt.Errorf("%s is %q: want %s or %s", OptionEngine, engine, EngineONNX, EngineOpenCV)
	}
	open := func(role, name string, file []byte) (network, error) {
		if engine == EngineOpenCV {
			n, err := openOpenCV(name, file)
			if err != nil {
				return nil, err
			}
			e.nets = append(e.nets, n)
			sum := sha256.Sum256(file)
			e.provenance["face."+role] = name + " sha256:" + hex.EncodeToString(sum[:]) + " in OpenCV " + n.version
			return n, nil
		}
		n, err := openONNX(name, file, library)
		if err != nil {
			return nil, err
		}
		e.nets = append(e.nets, n)
		sum := sha256.Sum256(file)
		e.provenance["face."+role] = name + " sha256:" + hex.EncodeToString(sum[:])
		return n, nil
	}
	name, file, err := m.Detector.read(dir, yuNetFile, allow)
	if err != nil {
		return nil, err
	}
	net, err := open("detector", name, file)
	if err != nil {
		return nil, err
	}
	if m.Detector != nil && m.Detector.Layout == "scrfd" {
		e.detector = &scrfd{net}
	} else if e.detector, err = newYuNet(net); err != nil {
		return nil, err
	}

	if name, file, err = m.Recogniser.read(dir, dlibFile, allow); err != nil {
		return nil, err
	}
	if m.Recogniser == nil {
		if file, err = convertDlib(file); err != nil {
			return nil, err
		}
	}
	if net, err = open("recogniser", name, file); err != nil {
		return nil, err
	}
	e.recogniser = &recogniser{layouts()[0], net}
	if r := m.Recogniser; r != nil {
		i := slices.IndexFunc(layouts(), func(l layout) bool { return l.name == r.Layout })
		e.recogniser.layout = layouts()[i]
		e.recogniser.strangers = 0 // another network's
		if r.Strangers != nil {
			e.recogniser.strangers = *r.Strangers
		}
		if r.Threshold != nil {
			e.recogniser.threshold = *r.Threshold
		}
	}
	return e, nil
}

func readModels(dir string) (models, error) {
	path := filepath.Join(dir, ModelsFile)
	var m models
	b, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("%s: %w; docs/faces.md says what the file holds", OptionModels, err)
	}
	if err := strictyaml.Decode(path, b, &m); err != nil {
		return m, err
	}
	if m.Detector == nil && m.Recogniser == nil {
		return m, fmt.Errorf("%s names neither a detector nor a recogniser", path)
	}
	var recognisers []string
	for _, l := range layouts() {
		recognisers = append(recognisers, l.name)
	}
	check := func(role string, f *modelFile, known []string) error {
		switch {
		case f == nil:
			return nil
		case !slices.Contains(known, f.Layout):
			return fmt.Errorf("%s: %s.layout is %q: want %s%s", path, role, f.Layout, strings.Join(known, ", "), suggest.Hint(f.Layout, known))
		case f.File == "" || !filepath.IsLocal(f.File):
			return fmt.Errorf("%s: %s.file is %q: want a file below %s", path, role, f.File, dir)
		case f.Strangers != nil && !(*f.Strangers > -1 && *f.Strangers < 1):
			return fmt.Errorf("%s: %s.strangers is %g: want a cosine, between -1 and 1", path, role, *f.Strangers)
		case f.Threshold != nil && !(*f.Threshold > 0 && !math.IsInf(*f.Threshold, 0)):
			return fmt.Errorf("%s: %s.threshold is %g: want a distance above 0", path, role, *f.Threshold)
		}
		return nil
	}
	return m, errors.Join(check("detector", m.Detector, []string{"yunet", "scrfd"}), check("recogniser", m.Recogniser, recognisers))
}

// read returns the file, or vtbench's own where f is nil.
func (f *modelFile) read(dir, own string, allow bool) (name string, b []byte, err error) {
	if f == nil {
		known, _ := assets.Find(own)
		if err := known.Verify(); err != nil {
			return "", nil, err
		}
		path, err := assets.Path(own)
		if err != nil {
			return "", nil, err
		}
		b, err = os.ReadFile(path)
		return own, b, err
	}
	path := filepath.Join(dir, f.File)
	b, err = os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, &missing.Error{What: path, Mend: "put the network there, or mend " + filepath.Join(dir, ModelsFile), Err: err}
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading a face model: %w", err)
	}
	sum := sha256.Sum256(b)
	got := hex.EncodeToString(sum[:])
	switch {
	case f.SHA256 == "" && !allow:
		return "", nil, fmt.Errorf("%s: its digest is not stated in %s; write sha256: %s there if it is the file you mean, or pass --option %s=true", path, ModelsFile, got, OptionAllow)
	case f.SHA256 != "" && !strings.EqualFold(f.SHA256, got):
		return "", nil, fmt.Errorf("%s has SHA-256 %s, %s says %s: it is another file", path, got, ModelsFile, f.SHA256)
	}
	return f.File, b, nil
}
