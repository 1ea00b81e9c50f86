// Package opencv finds the program vtbench-opencv, which holds OpenCV, and says what
// the two programs tell each other. OpenCV stays out of vtbench itself: it would be
// loaded at every start, and an exception in it ends the process it happens in.
package opencv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vtbench/vtbench/internal/missing"
)

// Program is the name of the helper.
const Program = "vtbench-opencv"

// Env is the variable that names the helper's file.
const Env = "VTBENCH_OPENCV"

// Mend is the command that makes the helper.
const Mend = "make deps build (or apt-get install libopencv-dev, then go build -o bin/ ./cmd/" + Program + " beside vtbench)"

// Find returns the path of the helper: where the variable says, beside this program, on
// the PATH. The error is a [missing.Error] where it is nowhere.
func Find() (string, error) {
	if p := os.Getenv(Env); p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", &missing.Error{What: "the program that " + Env + " names", Mend: Mend, Err: err}
		}
		return filepath.Abs(p)
	}
	if exe, err := os.Executable(); err == nil {
		p := filepath.Join(filepath.Dir(exe), Program)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	p, err := exec.LookPath(Program)
	if err != nil {
		return "", &missing.Error{What: "the program " + Program, Mend: Mend, Err: err}
	}
	return filepath.Abs(p)
}

// Version asks the helper for the version of OpenCV: "4.6.0".
func Version(ctx context.Context) (path, version string, err error) {
	if path, err = Find(); err != nil {
		return "", "", err
	}
	out, err := exec.CommandContext(ctx, path, "version").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		// Built on another machine, or OpenCV was removed since.
		return path, "", &missing.Error{What: "what " + path + " needs", Mend: Mend, Err: err}
	}
	version, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "OpenCV ")
	if !ok {
		return path, "", fmt.Errorf("%s says %.80q for its version: it is another program", path, out)
	}
	return path, version, nil
}

// The operations of `vtbench-opencv faces`.
const (
	// FaceDetect takes an [Image] and its pixels, answers with [Faces].
	FaceDetect = "face.detect"
	// FaceEmbed takes [Chips] and their pixels, answers with [Embeddings] and their
	// numbers, 32-bit floats.
	FaceEmbed = "face.embed"
)

// FlowFarneback is the operation of `vtbench-opencv flow`: it takes an [Image], the size of two
// frames, and the pixels of the frame before and of the frame. It answers with 32-bit floats,
// dx and dy of every pixel: where it was in the frame before, and, behind those, where each
// pixel of the frame before went. Farnebäck's method on grey values, with FarnebackParams.
const FlowFarneback = "flow.farneback"

// FarnebackParams are those of calcOpticalFlowFarneback.
var FarnebackParams = struct {
	PyramidScale         float64
	Levels, Window       int
	Iterations, PolySize int
	PolySigma            float64
}{.5, 5, 15, 3, 5, 1.1}

// An Image is 3·W·H bytes of RGB.
type Image struct {
	W int `json:"w"`
	H int `json:"h"`
}

// Faces are those found, the surest first.
type Faces struct {
	Faces []Face `json:"faces"`
}

// A Face is one that was found: its box (left, top, right, bottom) and its key points in
// pixels of the image, its score from 0 to 1.
type Face struct {
	Box    [4]float64    `json:"box"`
	Score  float64       `json:"score"`
	Points [5][2]float64 `json:"points"`
}

// Chips are N aligned faces of Side by Side pixels, one behind the other.
type Chips struct {
	N    int `json:"n"`
	Side int `json:"side"`
}

// Embeddings are as many as there were chips, of Dims numbers each.
type Embeddings struct {
	Dims int `json:"dims"`
}

// MaxDims bounds the numbers of an embedding.
const MaxDims = 1 << 12

// Params that the helper tells of itself in its hello.
const (
	ParamOpenCV     = "opencv"     // version
	ParamDetector   = "detector"   // hex SHA-256 of the file
	ParamRecogniser = "recogniser" // likewise
)
