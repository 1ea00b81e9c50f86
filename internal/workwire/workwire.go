// Package workwire is what vtbench and vtbench-work tell each other: JSON values, one a
// line, on standard input and output of whichever of the two was started by the other.
//
// vtbench measures and writes run directories, and knows nothing of networks. vtbench-work
// carries work and results between machines, and knows nothing of images. A crash of the
// first costs a unit of work, never the connection, and neither grows by the other.
package workwire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/missing"
)

// Programs, and the variables that name their files.
const (
	WorkProgram = "vtbench-work"
	WorkEnv     = "VTBENCH_WORK"
	MainProgram = "vtbench"
	MainEnv     = "VTBENCH"
)

// A Unit is the work of one lane on one group of the plan.
type Unit struct {
	Lane  int `json:"lane"`
	Group int `json:"group"`
}

// A Job is a run as workers get it.
type Job struct {
	Manifest record.Manifest `json:"manifest"`
	Lanes    [][]string      `json:"lanes"` // tokenizers that are given a group together
}

// A Run is what a server knows of a run.
type Run struct {
	ID       string           `json:"id"`
	Suite    string           `json:"suite"`
	Started  string           `json:"started"`
	Units    int              `json:"units"` // that are done
	Queued   int              `json:"queued"`
	Taken    int              `json:"taken"` // by workers, of the queued
	Progress *record.Progress `json:"progress,omitempty"`
}

// ToCoordinator is a line of a run to the process that carries its work.
type ToCoordinator struct {
	Job      *Job             `json:"job,omitempty"` // the first
	Groups   []int            `json:"groups,omitempty"`
	Want     *Unit            `json:"want,omitempty"`
	Progress *record.Progress `json:"progress,omitempty"`
	End      bool             `json:"end,omitempty"`
}

// FromCoordinator is a line to the run.
type FromCoordinator struct {
	Arrived []Unit          `json:"arrived,omitempty"`
	Result  *Result         `json:"result,omitempty"`
	Workers []record.Worker `json:"workers,omitempty"`
	Note    string          `json:"note,omitempty"`
	Error   string          `json:"error,omitempty"`
	Ended   bool            `json:"ended,omitempty"`
}

// A Result is the output of a unit.
type Result struct {
	Unit
	Output json.RawMessage `json:"output"` // of run.Output
}

// ToWorker is a line to a process that measures.
type ToWorker struct {
	Job      *Job `json:"job,omitempty"` // the first
	Lane     *int `json:"lane,omitempty"`
	Do       *Do  `json:"do,omitempty"`
	Accepted int  `json:"accepted,omitempty"` // the number of a Do whose output the run has taken
}

// A Do asks for a group.
type Do struct {
	ID    int    `json:"id"` // from 1
	Group int    `json:"group"`
	Only  []int  `json:"only,omitempty"`
	As    string `json:"as,omitempty"`
	Why   string `json:"why,omitempty"`
}

// FromWorker is a line of a process that measures.
type FromWorker struct {
	Serves  *[]int  `json:"serves,omitempty"` // lanes, in answer to a job
	Joined  *Joined `json:"joined,omitempty"` // in answer to a lane
	Refused string  `json:"refused,omitempty"`
	Step    bool    `json:"step,omitempty"` // something was done
	Done    *Done   `json:"done,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Joined says that a lane is open.
type Joined struct {
	Splits bool        `json:"splits"` // items of a unit may be done one by one
	Items  map[int]int `json:"items"`  // items by group
}

// Done is the output of a Do.
type Done struct {
	ID     int             `json:"id"`
	Output json.RawMessage `json:"output"`
}

// A Writer writes lines, from any number of goroutines.
type Writer struct {
	mu  sync.Mutex
	buf *bufio.Writer
	enc *json.Encoder
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer {
	b := bufio.NewWriter(w)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return &Writer{buf: b, enc: e}
}

// Write writes a line.
func (w *Writer) Write(v any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enc.Encode(v); err != nil {
		return err
	}
	return w.buf.Flush()
}

// find returns the path of a program: where its variable says, beside this one, on PATH.
func find(name, env string) (string, error) {
	mend := "make build (or go build -o bin/ ./cmd/" + name + ")"
	if p := os.Getenv(env); p != "" {
		if _, err := os.Stat(p); err != nil {
			return "", &missing.Error{What: "the program that " + env + " names", Mend: mend, Err: err}
		}
		return filepath.Abs(p)
	}
	if exe, err := os.Executable(); err == nil {
		p := filepath.Join(filepath.Dir(exe), name)
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return "", &missing.Error{What: "the program " + name, Mend: mend, Err: err}
	}
	return filepath.Abs(p)
}

// FindWork returns the path of vtbench-work.
func FindWork() (string, error) { return find(WorkProgram, WorkEnv) }

// FindMain returns the path of vtbench.
func FindMain() (string, error) { return find(MainProgram, MainEnv) }

// A Child is a program that was started, with the lines to and from it.
type Child struct {
	*Writer
	cmd   *exec.Cmd
	stdin io.Closer
	dec   *json.Decoder
	once  sync.Once
	err   error
}

// Start starts a program in a group of its own.
func Start(cmd *exec.Cmd) (*Child, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // signals of the terminal are for its parent
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return &Child{Writer: NewWriter(in), cmd: cmd, stdin: in, dec: json.NewDecoder(bufio.NewReaderSize(out, 1<<16))}, nil
}

// Read reads the next line; io.EOF at the end of the program.
func (c *Child) Read(v any) error { return c.dec.Decode(v) }

// Close ends the program's input and waits for it.
func (c *Child) Close() error {
	c.once.Do(func() {
		err := c.stdin.Close()
		c.err = errors.Join(err, c.cmd.Wait())
	})
	return c.err
}

// Kill ends the program, with all that it started in its group.
func (c *Child) Kill() {
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	_ = c.Close()
}
