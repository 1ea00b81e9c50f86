package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
)

// helper is the test binary as a helper.
func helper() error {
	calls := 0
	count := func(_ context.Context, _ json.RawMessage, _ []byte) (any, []byte, error) {
		calls++
		return map[string]int{"calls": calls, "pid": os.Getpid()}, nil, nil
	}
	ops := map[string]plugin.Op{
		"count": count,
		"echo": func(_ context.Context, args json.RawMessage, raw []byte) (any, []byte, error) {
			return args, raw, nil
		},
		"fail": func(context.Context, json.RawMessage, []byte) (any, []byte, error) {
			return nil, nil, errors.New("no such face")
		},
		"die": func(context.Context, json.RawMessage, []byte) (any, []byte, error) {
			fmt.Fprintln(os.Stderr, "terminate called after throwing an instance of 'cv::Exception'")
			os.Exit(134)
			return nil, nil, nil
		},
		"hang": func(context.Context, json.RawMessage, []byte) (any, []byte, error) {
			forever()
			return nil, nil, nil
		},
	}
	return plugin.ServeHelper(context.Background(), tokenizers.Info{Name: "helper", Version: "7"}, ops, os.Stdin, os.Stdout)
}

func mustHelp(t testing.TB, opts tokenizers.Options, ops ...string) *Helper {
	t.Helper()
	h, err := OpenHelper(t.Context(), opts, ops...)
	if err != nil {
		t.Fatal(err)
	}
	h.t.c.wait = time.Millisecond
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return h
}

type counted struct{ Calls, Pid int }

func count(t testing.TB, h *Helper) (c counted) {
	t.Helper()
	if _, err := h.Call(t.Context(), Call{Op: "count", Value: &c}); err != nil {
		t.Error(err)
	}
	return c
}

func TestHelper(t *testing.T) {
	t.Parallel()
	h := mustHelp(t, options(t, "helper", map[string]string{"batch_timeout": "300ms", "first_batch_timeout": "20s"}), "echo", "count")
	if got := h.Info(); got.Name != "helper" || got.Version != "7" {
		t.Errorf("it is %+v", got)
	}
	if diff := cmp.Diff([]string{"count", "die", "echo", "fail", "hang"}, h.Ops()); diff != "" {
		t.Error(diff)
	}
	type args struct{ Text string }
	large := bytes.Repeat([]byte("0123456789"), 1<<17)
	for _, raw := range [][][]byte{nil, {[]byte("a"), []byte("bc")}, {large}} {
		var back args
		got, err := h.Call(t.Context(), Call{Op: "echo", Args: args{"größer"}, Raw: raw, Value: &back, Most: len(large)})
		if err != nil || !bytes.Equal(got, bytes.Join(raw, nil)) || back.Text != "größer" {
			t.Errorf("%d bytes come back as %d with %+v, %v", len(bytes.Join(raw, nil)), len(got), back, err)
		}
	}
	// An error of the call leaves the process as it is.
	first := count(t, h)
	_, err := h.Call(t.Context(), Call{Op: "fail"})
	wantMatch(t, "fail", err, `plug-in .*: fail: no such face`)
	if errors.Is(err, ErrLost) {
		t.Errorf("an answer is taken for a loss: %v", err)
	}
	_, err = h.Call(t.Context(), Call{Op: "dance"})
	wantMatch(t, "dance", err, `unknown operation "dance"`)
	if got := count(t, h); got.Pid != first.Pid || got.Calls != first.Calls+1 {
		t.Errorf("after errors it is %+v, before them %+v", got, first)
	}
	// One that dies or hangs costs its call; the next starts a new process.
	_, err = h.Call(t.Context(), Call{Op: "die"})
	wantMatch(t, "die", err, `die: it exited with status 134.*cv::Exception`)
	if !errors.Is(err, ErrLost) {
		t.Errorf("a death is no loss: %v", err)
	}
	second := count(t, h)
	_, err = h.Call(t.Context(), Call{Op: "hang"})
	wantMatch(t, "hang", err, `hang: no answer within 300ms`)
	third := count(t, h)
	if second.Pid == first.Pid || third.Pid == second.Pid || third.Calls != 1 {
		t.Errorf("processes %+v, %+v, %+v", first, second, third)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := h.Call(ctx, Call{Op: "hang"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// One process serves all callers.
func TestHelperIsShared(t *testing.T) {
	t.Parallel()
	h := mustHelp(t, options(t, "helper", nil))
	var wg sync.WaitGroup
	pids := make([]int, 20)
	for i := range pids {
		wg.Go(func() {
			var c counted
			text := strings.Repeat("x", i+1)
			raw, err := h.Call(t.Context(), Call{Op: "echo", Args: text, Raw: [][]byte{[]byte(text)}, Most: 100})
			if err != nil || string(raw) != text {
				t.Errorf("%q comes back as %q, %v", text, raw, err)
			}
			if _, err := h.Call(t.Context(), Call{Op: "count", Value: &c}); err != nil {
				t.Error(err)
			}
			pids[i] = c.Pid
		})
	}
	wg.Wait()
	for _, p := range pids {
		if p != pids[0] {
			t.Fatalf("processes %v", pids)
		}
	}
}

func TestHelperIsGivenUp(t *testing.T) {
	t.Parallel()
	h := mustHelp(t, options(t, "helper", map[string]string{"restarts": "2"}))
	for range 3 {
		if _, err := h.Call(t.Context(), Call{Op: "die"}); err == nil {
			t.Fatal("a dead process answers")
		}
	}
	_, err := h.Call(t.Context(), Call{Op: "count"})
	wantMatch(t, "the fourth call", err, `given up after 3 failures in a row`)
}

// Nothing that a helper answers is taken on trust.
func TestHostileHelpers(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"calls-with-items":    `it returned more than 0 results where 0 were asked for`,
		"calls-with-lies":     `the header describes 4 raw bytes, the frame carries 3`,
		"calls-beyond-bound":  `carries 1048576 raw bytes where at most 100 can be meant`,
		"calls-without-value": `reading what it answered`,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			h := mustHelp(t, options(t, mode, nil))
			var v any
			_, err := h.Call(t.Context(), Call{Op: "echo", Raw: [][]byte{[]byte("abc")}, Value: &v, Most: 100})
			wantMatch(t, mode, err, want)
		})
	}
	_, err := OpenHelper(t.Context(), options(t, "helper", nil), "face.detect")
	wantMatch(t, "an operation that it has not", err, `no operation "face.detect"`)
	_, err = OpenHelper(t.Context(), options(t, "identity", nil), "face.detect")
	wantMatch(t, "a tokenizer", err, `no operation "face.detect"`)
	tok := mustOpen(t, options(t, "helper", nil))
	defer closeTok(t, tok)
	out, err := tok.Reconstruct(t.Context(), images(1))
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "this is a helper") {
		t.Errorf("a helper as a tokenizer: %v, %v", out, err)
	}
}

// A helper in Python, through the pipe and through shared memory.
func TestSDKHelper(t *testing.T) {
	t.Parallel()
	const script = `
import vtbench
class Helper:
    name, version = "flow", "3"
    calls = {"flow.mean": lambda args, raw: ({"mean": sum(raw) / len(raw), "by": args["by"]}, bytes(raw)[::-1])}
vtbench.serve(Helper())
`
	for _, shm := range []string{"true", "false"} {
		h := mustHelp(t, sdkOptions(t, script, map[string]string{"shared_memory": shm}), "flow.mean")
		raw := bytes.Repeat([]byte{1, 2, 3}, 200_000)
		var v struct {
			Mean float64
			By   string
		}
		got, err := h.Call(t.Context(), Call{Op: "flow.mean", Args: map[string]string{"by": "sum"}, Raw: [][]byte{raw}, Value: &v, Most: len(raw)})
		if err != nil || v.Mean != 2 || v.By != "sum" || len(got) != len(raw) || got[0] != 3 {
			t.Errorf("shared memory %s: %+v, %d bytes, %v", shm, v, len(got), err)
		}
	}
}
