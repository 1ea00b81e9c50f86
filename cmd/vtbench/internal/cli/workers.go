package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/internal/workwire"
)

// workers is a run.Remote: vtbench-work, which carries units to workers on other machines
// and their results back.
type workers struct {
	app     *app
	child   *workwire.Child
	arrived func(run.Unit)

	mu      sync.Mutex
	results map[run.Unit]chan *workwire.Result
	alive   []record.Worker
	ended   chan struct{} // closed when the run is forgotten
	over    chan struct{} // closed when vtbench-work is gone
	err     error         // why
}

// startWorkers starts vtbench-work for a run: with the server at a URL, or with one of its
// own that listens at an address and keeps its state in store.
func (a *app) startWorkers(ctx context.Context, url, listen, store string) (*workers, error) {
	program, err := workwire.FindWork()
	if err != nil {
		return nil, err
	}
	args := []string{"coordinate"}
	if listen != "" {
		args = append(args, "--listen", listen, "--store", store)
	} else {
		args = append(args, "--nats", url)
	}
	// It is told of the end of the run by its input, not by a signal.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	cmd.Stderr = a.err
	child, err := workwire.Start(cmd)
	if err != nil {
		return nil, err
	}
	w := &workers{app: a, child: child, results: map[run.Unit]chan *workwire.Result{}, ended: make(chan struct{}), over: make(chan struct{})}
	go w.listen()
	return w, nil
}

// close ends vtbench-work; what is not done stays with the server.
func (w *workers) close() error {
	err := w.child.Close()
	<-w.over
	var exit *exec.ExitError
	if errors.As(err, &exit) { // what it had to say has been said
		return nil
	}
	return err
}

// listen takes what vtbench-work says.
func (w *workers) listen() {
	defer close(w.over)
	for {
		var msg workwire.FromCoordinator
		if err := w.child.Read(&msg); err != nil {
			if w.err == nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // killed between lines, or within one
				w.err = fmt.Errorf("reading what %s says: %w", workwire.WorkProgram, err)
			}
			return
		}
		switch {
		case msg.Error != "":
			w.err = usage(errors.New(msg.Error))
		case msg.Note != "":
			w.app.warnf("%s", msg.Note)
		case msg.Ended:
			close(w.ended)
		case msg.Result != nil:
			w.waiting(run.Unit(msg.Result.Unit)) <- msg.Result
		case msg.Workers != nil:
			w.mu.Lock()
			w.alive = msg.Workers
			w.mu.Unlock()
		}
		for _, u := range msg.Arrived {
			w.arrived(run.Unit(u))
		}
	}
}

// waiting is where the result of a unit is left.
func (w *workers) waiting(u run.Unit) chan *workwire.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.results[u]
	if c == nil {
		c = make(chan *workwire.Result, 1)
		w.results[u] = c
	}
	return c
}

// gone says why vtbench-work is gone.
func (w *workers) gone() error {
	if w.err != nil {
		return w.err
	}
	return fmt.Errorf("%s ended before the run; --resume continues", workwire.WorkProgram)
}

// write says something to vtbench-work.
func (w *workers) write(v workwire.ToCoordinator) error {
	if err := w.child.Write(v); err != nil {
		<-w.over
		return w.gone()
	}
	return nil
}

// Begin implements run.Remote.
func (w *workers) Begin(_ context.Context, m *record.Manifest, lanes []run.Lane, groups []int, arrived func(run.Unit)) error {
	w.arrived = arrived
	job := workwire.Job{Manifest: *m}
	for _, l := range lanes {
		job.Lanes = append(job.Lanes, l)
	}
	return w.write(workwire.ToCoordinator{Job: &job, Groups: groups})
}

// Result implements run.Remote.
func (w *workers) Result(ctx context.Context, u run.Unit) (*run.Output, error) {
	wire := workwire.Unit(u)
	if err := w.write(workwire.ToCoordinator{Want: &wire}); err != nil {
		return nil, err
	}
	select {
	case got := <-w.waiting(u):
		w.mu.Lock()
		delete(w.results, u)
		w.mu.Unlock()
		var out run.Output
		if err := json.Unmarshal(got.Output, &out); err != nil {
			return nil, fmt.Errorf("reading the result of a worker: %w", err)
		}
		return &out, nil
	case <-w.over:
		return nil, w.gone()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Tell implements run.Remote.
func (w *workers) Tell(p record.Progress) {
	_ = w.child.Write(workwire.ToCoordinator{Progress: &p}) // its end is noticed where it matters
}

// Workers implements run.Remote.
func (w *workers) Workers() []record.Worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive
}

// End implements run.Remote.
func (w *workers) End(ctx context.Context) error {
	if err := w.write(workwire.ToCoordinator{End: true}); err != nil {
		return err
	}
	select {
	case <-w.ended:
		return nil
	case <-w.over:
		// It goes once it has said so, and both may be known by now.
		select {
		case <-w.ended:
			return nil
		default:
			return w.gone()
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}
