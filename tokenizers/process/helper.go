package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// A Helper is a program that answers calls: operations by name, with JSON and raw
// bytes in and out, through the same frames, deadlines and restarts as a tokenizer's
// requests. It is for libraries that must stay out of the main program, because they
// may end the process they run in or take long to load. Calls may be made at once from
// many goroutines; they are answered one after the other by one process.
type Helper struct{ t *Tokenizer }

// OpenHelper starts the program; the options are those of [Kind] without replicas.
// ops are the operations that it must have.
func OpenHelper(ctx context.Context, opts tokenizers.Options, ops ...string) (*Helper, error) {
	c, err := configure(opts)
	if err != nil {
		return nil, err
	}
	c.replicas = 1
	t, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	h := &Helper{t}
	for _, op := range ops {
		if err := h.has(op); err != nil {
			return nil, errors.Join(err, h.Close())
		}
	}
	return h, nil
}

// Info is what the program said about itself.
func (h *Helper) Info() tokenizers.Info { return h.t.info }

// Ops are the operations that the program has.
func (h *Helper) Ops() []string { return h.t.ops }

// Warnings tells of restarts.
func (h *Helper) Warnings() []string { return h.t.Warnings() }

// Close tells the program to finish, and ends it when it does not. It must not run
// beside Call.
func (h *Helper) Close() error { return h.t.Close() }

func (h *Helper) has(op string) error {
	if slices.Contains(h.t.can, wire.CanCall) && slices.Contains(h.t.ops, op) {
		return nil
	}
	return h.t.name(fmt.Errorf("it has no operation %q, only %q: use the helper that was built with this vtbench", op, h.t.ops))
}

// A Call is one request to a [Helper].
type Call struct {
	Op   string
	Args any      // sent as JSON; nil sends none
	Raw  [][]byte // the raw bytes, one part behind the other
	// Value is what the JSON of the answer is decoded into; nil leaves it unread.
	Value any
	// Most bounds the raw bytes of the answer.
	Most int
}

// Call makes one call and returns the raw bytes of its answer. A program that dies or
// breaks the protocol costs the call that it was given and is started again by the
// next; what it answers as an error is an error of the call alone.
func (h *Helper) Call(ctx context.Context, c Call) (raw []byte, err error) {
	t := h.t
	req := wire.Request{Type: wire.Call, Op: c.Op}
	if c.Args != nil {
		if req.Args, err = json.Marshal(c.Args); err != nil {
			return nil, t.name(fmt.Errorf("%s: encoding the arguments: %w", c.Op, err))
		}
	}
	for _, b := range c.Raw {
		req.Bytes += len(b)
	}
	r, err := t.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer t.release(r)
	raw, err = h.call(ctx, r, req, c)
	var f *fault
	if errors.As(err, &f) && f.unrelated && ctx.Err() == nil && r.fails <= t.c.restarts {
		raw, err = h.call(ctx, r, req, c) // earlier failures are those of another process
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, t.name(fmt.Errorf("%s: %w", c.Op, err))
	}
	return raw, nil
}

func (h *Helper) call(ctx context.Context, r *replica, req wire.Request, c Call) (raw []byte, err error) {
	defer func() { h.t.settle(ctx, r, err) }()
	resp, raw, _, err := h.t.exchange(ctx, r, &req, c.Most, c.Most, c.Raw)
	if err != nil {
		return nil, err
	}
	if len(resp.Items) > 0 {
		return nil, faultf("it answered a call with items: want value and bytes")
	}
	if c.Value == nil {
		return raw, nil
	}
	if err := json.Unmarshal(resp.Value, c.Value); err != nil {
		return nil, fmt.Errorf("reading what it answered: %w", err)
	}
	return raw, nil
}
