package face

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// OpenCVEnv is the variable that names the program vtbench-opencv.
const OpenCVEnv = "VTBENCH_OPENCV"

// openCV is a graph in OpenCV's DNN module, in programs of its own: an exception there
// costs the faces of one call and not the run. As many programs run as calls are made
// at once; one that died is replaced by the next call.
type openCV struct {
	name, program, model string
	names                []string
	version              string
	mu                   sync.Mutex
	idle                 []*openCVProgram
	closed               bool
}

// findOpenCV looks for the program: where the variable says, beside this program, on
// the path.
func findOpenCV() (string, error) {
	if p := os.Getenv(OpenCVEnv); p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", fmt.Errorf("%s: %w", OpenCVEnv, err)
		}
		return p, nil
	}
	if exe, err := os.Executable(); err == nil {
		p := filepath.Join(filepath.Dir(exe), "vtbench-opencv")
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	p, err := exec.LookPath("vtbench-opencv")
	if err != nil {
		return "", &missing.Error{What: "the program vtbench-opencv", Mend: "apt-get install libopencv-dev && make opencv, and set " + OpenCVEnv + " to bin/vtbench-opencv", Err: err}
	}
	return p, nil
}

// openOpenCV starts a program with the graph, which is written to a file for it.
func openOpenCV(name string, file []byte) (_ *openCV, err error) {
	program, err := findOpenCV()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp("", "vtbench-*.onnx")
	if err != nil {
		return nil, err
	}
	n := &openCV{name: name, program: program, model: f.Name()}
	_, err = f.Write(file)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	p, err := n.start()
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.names, n.version = p.names, p.version
	n.idle = append(n.idle, p)
	return n, nil
}

func (n *openCV) label() string     { return n.name }
func (n *openCV) outputs() []string { return n.names }

// Close ends the programs.
func (n *openCV) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, p := range n.idle {
		p.end()
	}
	n.idle = nil
	if err := os.Remove(n.model); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// run gives a batch to a program, image by image: OpenCV fixes shapes when it loads.
func (n *openCV) run(batch, side int, data []float32) ([][]float32, error) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil, fmt.Errorf("%s is closed", n.name)
	}
	var p *openCVProgram
	if k := len(n.idle); k > 0 {
		p, n.idle = n.idle[k-1], n.idle[:k-1]
	}
	n.mu.Unlock()
	var err error
	if p == nil {
		if p, err = n.start(); err != nil {
			return nil, err
		}
	}
	out := make([][]float32, len(n.names))
	each := len(data) / max(batch, 1)
	for i := range batch {
		o, err := p.forward(side, data[i*each:(i+1)*each])
		if err == nil && len(o) != len(out) {
			err = fmt.Errorf("%d outputs, want %d", len(o), len(out))
		}
		if err != nil {
			p.end()
			return nil, fmt.Errorf("running %s in OpenCV: %w%s", n.name, err, p.said())
		}
		for k := range out {
			out[k] = append(out[k], o[k]...)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		p.end()
	} else {
		n.idle = append(n.idle, p)
	}
	return out, nil
}

// openCVProgram is one running program.
type openCVProgram struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *wire.Reader
	stderr  *lastWords
	names   []string
	version string
}

// maxOutputs bounds what a program may answer: nobody believes its word.
const maxOutputs = 64 << 20

func (n *openCV) start() (*openCVProgram, error) {
	cmd := exec.Command(n.program, n.model) //nolint:gosec // the user's own program
	// One thread a program: as many run as vtbench has workers.
	cmd.Env = append(os.Environ(), "OPENCV_FOR_THREADS_NUM=1", "OMP_NUM_THREADS=1")
	p := &openCVProgram{cmd: cmd, stderr: &lastWords{}}
	cmd.Stderr = p.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, wire.NewReader(out)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", n.program, err)
	}
	var hello struct {
		OpenCV  string   `json:"opencv"`
		Outputs []string `json:"outputs"`
	}
	header, size, err := p.out.Next(0)
	if err == nil && size == 0 {
		err = json.Unmarshal(header, &hello)
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("loading %s in OpenCV: %w%s", n.name, err, p.said())
	}
	p.names, p.version = hello.Outputs, hello.OpenCV
	return p, nil
}

func (p *openCVProgram) forward(side int, data []float32) ([][]float32, error) {
	header, err := json.Marshal(map[string]any{"shape": []int{1, 3, side, side}})
	if err != nil {
		return nil, err
	}
	if err := wire.Write(p.in, header, wire.AppendFloats(nil, data)); err != nil {
		return nil, err
	}
	header, n, err := p.out.Next(maxOutputs)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Sizes []int `json:"sizes"`
	}
	if err := json.Unmarshal(header, &answer); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	body := make([]byte, n)
	if err := p.out.Body(body); err != nil {
		return nil, err
	}
	var out [][]float32
	for _, size := range answer.Sizes {
		if size < 0 || 4*size > len(body) {
			return nil, fmt.Errorf("outputs of %v values in %d bytes", answer.Sizes, n)
		}
		v := make([]float32, size)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
		out, body = append(out, v), body[4*size:]
	}
	return out, nil
}

// end closes the program's stdin, upon which it ends, and makes sure that it does.
func (p *openCVProgram) end() {
	_ = p.in.Close()         // it may be dead already
	_ = p.cmd.Process.Kill() // likewise; nothing is lost
	_ = p.cmd.Wait()         // its status says nothing that stderr does not
}

// said is what the program wrote on stderr before it ended.
func (p *openCVProgram) said() string {
	if s := p.stderr.String(); s != "" {
		return ": " + s
	}
	return ""
}

// lastWords keeps the end of what is written to it.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

const mostWords = 800

// Write implements io.Writer.
func (w *lastWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, b...)
	if len(w.b) > mostWords {
		w.b = w.b[len(w.b)-mostWords:]
	}
	return len(b), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return wire.Clean(string(bytes.TrimSpace(w.b)), mostWords)
}
