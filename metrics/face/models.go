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
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics/face/model"
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
	OptionAllow  = "face.allow_model" // "true": also files without a stated digest
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

func readModels(dir string) (models, error) {
	path := filepath.Join(dir, ModelsFile)
	var m models
	b, err := files.Read(path, strictyaml.MaxBytes)
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
	for _, l := range model.Layouts() {
		recognisers = append(recognisers, l.Name)
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
	return m, errors.Join(check("detector", m.Detector, model.DetectorLayouts()), check("recogniser", m.Recogniser, recognisers))
}

// A weights is the file of a network, read and checked.
type weights struct {
	layout, name, path, digest string // digest: hex SHA-256
	file                       []byte
}

// String is how the file stands in the provenance.
func (w weights) String() string { return w.name + " sha256:" + w.digest }

// read returns the file, or vtbench's own where f is nil.
func (f *modelFile) read(dir, ownFile, ownLayout string, allow bool) (weights, error) {
	if f == nil {
		path, err := assets.Path(ownFile)
		if err != nil {
			return weights{}, err
		}
		w := weights{layout: ownLayout, name: ownFile, path: path}
		if err := w.load(); err != nil {
			return weights{}, err
		}
		if known, _ := assets.Find(ownFile); w.digest != known.SHA256 {
			return weights{}, known.Verify() // it says what to do
		}
		return w, nil
	}
	w := weights{layout: f.Layout, name: f.File, path: filepath.Join(dir, f.File)}
	err := w.load()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return weights{}, &missing.Error{What: w.path, Mend: "put the network there, or mend " + filepath.Join(dir, ModelsFile), Err: err}
	case err != nil:
		return weights{}, err
	case f.SHA256 == "" && !allow:
		return weights{}, fmt.Errorf("%s: its digest is not stated in %s; write sha256: %s there if it is the file you mean, or pass --option %s=true", w.path, ModelsFile, w.digest, OptionAllow)
	case f.SHA256 != "" && !strings.EqualFold(f.SHA256, w.digest):
		return weights{}, fmt.Errorf("%s has SHA-256 %s, %s says %s: it is another file", w.path, w.digest, ModelsFile, f.SHA256)
	}
	return w, nil
}

func (w *weights) load() error {
	b, err := files.Read(w.path, files.MaxModel)
	if err != nil {
		return fmt.Errorf("reading a face model: %w", err)
	}
	sum := sha256.Sum256(b)
	w.file, w.digest = b, hex.EncodeToString(sum[:])
	return nil
}
