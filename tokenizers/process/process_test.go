package process

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// quote makes a path one word of a command.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// options for the test binary as a plug-in of the given mode, marked so that
// leftovers can be found, and the check that there are none.
func options(t testing.TB, mode string, more map[string]string) tokenizers.Options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		t.Fatal(err)
	}
	mark := runMark + "=" + hex.EncodeToString(id[:])
	t.Cleanup(func() { noneLeft(t, mark) })
	o := tokenizers.Options{"command": quote(exe), "env": pluginMode + "=" + mode + " " + mark + " " + more["env"]}
	for k, v := range more {
		if k != "env" {
			o[k] = v
		}
	}
	return o
}

// noneLeft fails when a process of the test still runs. A process that was
// killed may take a moment to go, which is not the same as staying.
func noneLeft(t testing.TB, mark string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		left := running(t, mark)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			for _, pid := range left {
				_ = syscall.Kill(pid, syscall.SIGKILL) // do not leave it to the next test
			}
			t.Errorf("processes %v outlived the tokenizer", left)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func running(t testing.TB, mark string) []int {
	t.Helper()
	var pids []int
	dirs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range dirs {
		env, err := os.ReadFile(f)
		if err == nil && bytes.Contains(env, []byte(mark)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}

// images makes a batch whose first pixels are as given.
func images(first ...uint8) []pix.Image {
	out := make([]pix.Image, len(first))
	for i, v := range first {
		out[i] = pix.New(32, 16)
		for k := range out[i].Pix {
			out[i].Pix[k] = uint8(k*7 + i)
		}
		out[i].Pix[0] = v
	}
	return out
}

func mustOpen(t testing.TB, opts tokenizers.Options) *Tokenizer {
	t.Helper()
	c, err := configure(opts)
	if err != nil {
		t.Fatal(err)
	}
	c.wait = time.Millisecond
	tok, err := open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func closeTok(t testing.TB, tok *Tokenizer) {
	t.Helper()
	if err := tok.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

func wantMatch(t testing.TB, what string, err error, pattern string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want one that matches %q", what, pattern)
	} else if !regexp.MustCompile(pattern).MatchString(err.Error()) {
		t.Errorf("%s: error does not match %q:\n%v", what, pattern, err)
	}
}

// TestHostileStart: a plug-in that cannot be opened says why, and is gone.
func TestHostileStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, want string
		opts       map[string]string
	}{
		{mode: "exit-at-start", want: `plug-in ".*": it exited with status 7; the end of its stderr: .*No module named 'torch'`},
		{mode: "hang-at-start", opts: map[string]string{"start_timeout": "1s"}, want: `no answer within 1s; it was killed; the end of its stderr: downloading 12 GB`},
		{mode: "print-in-body", want: `its standard output carries text .*"Loading weights from /models/vae.ckpt .*print to standard error, import vtbench before`},
		{mode: "print-two-bytes", opts: map[string]string{"start_timeout": "1s"}, want: `no answer within 1s`},
		{mode: "binary-garbage", want: `breaks the protocol .*docs/protocol.md`},
		{mode: "tiny-length", want: `length field says 1 bytes, the least is 4`},
		{mode: "header-longer-than-frame", want: `the header claims 200 bytes of a frame that has 16`},
		{mode: "closed-stdout", want: `it closed its standard output and keeps running`},
		{mode: "wrong-version", want: `it speaks protocol version 99, this vtbench speaks 1 to 1: install the SDK`},
		{mode: "refuses", want: `it refused the handshake: licence key \[31mmissing\[0m`},
		{mode: "no-info", want: `its hello has no info: send at least`},
		{mode: "clips-unable", want: `the info in its hello has clips, and what it can has no "clips": state both`},
		{mode: "clips-contradict", want: `the info in its hello: clips: fixed 16 is above max 8`},
		{mode: "clips-change", opts: map[string]string{"replicas": "2"}, want: `replica 1 says its clips is .*, an earlier process said`},
		{mode: "many-codebooks", want: `info in its hello: 500000 codebooks: want at most 1024`},
		{mode: "many-abilities", want: `300000 abilities: want at most 100`},
		{mode: "bad-info", want: `codebook 1 has -5 entries`},
		{mode: "name-with-escapes", want: `name ".*" must be 1 to 200 printable bytes`},
		{mode: "flood-at-start", want: `carries text where the protocol should be.*all work and no play`},
		{mode: "other-weights-each-start", opts: map[string]string{"replicas": "2"}, want: `replica 1 says its weights is \d+, an earlier process said \d+: all must be the same`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			tok, err := Open(t.Context(), options(t, c.mode, c.opts))
			if err == nil {
				closeTok(t, tok)
			}
			wantMatch(t, "open", err, c.want)
			if err != nil && strings.ContainsAny(err.Error(), "\x1b\x07\n") {
				t.Errorf("the error carries control characters: %q", err)
			}
		})
	}
}

// TestHostileBatch: one image of four trips the plug-in; it alone fails, with an
// error that names the plug-in, the image and the mend.
func TestHostileBatch(t *testing.T) {
	t.Parallel()
	short := map[string]string{"batch_timeout": "1s", "first_batch_timeout": "1s"}
	for _, c := range []struct {
		mode, want string
		opts       map[string]string
		also       []int // images besides the bad one that fail
	}{
		{mode: "exit-mid-batch", want: `it exited with status 139; the end of its stderr: Segmentation fault`},
		{mode: "killed-mid-batch", want: `it was ended by signal 9 \(killed\), perhaps for want of memory`},
		{mode: "hang-in-batch", opts: short, want: `no answer within 1s; it was killed`},
		{mode: "flood-stderr", want: `it exited with status 3; the end of its stderr: .*the last line`},
		{mode: "print-in-batch", want: `its standard output carries text .*"step 1/50 done`},
		{mode: "truncated", want: `it exited with status 0 before it was told to, in the middle of an answer \(the stream broke \d+ bytes before the end`},
		{mode: "oversize", want: `the frame carries \d+ raw bytes where at most \d+ can be meant`},
		{mode: "oversize-claim", want: `the frame carries 536870905 raw bytes where at most \d+ can be meant`},
		{mode: "header-lies", want: `the header contradicts its body.*describes \d+ raw bytes, the frame carries \d+`},
		{mode: "header-lies-without-body", want: `the header contradicts its body.*describes \d+ raw bytes, the frame carries 0`},
		{mode: "header-not-json", want: `the header is not the JSON that was expected.*invalid character 'N'`},
		{mode: "wrong-type", want: `it answered a reconstruct with a "reslut": want a result or an error`},
		{mode: "wrong-count", want: `it returned more than 1 results where 1 were asked for: return one for every image`},
		{mode: "many-items", want: `it returned more than 1 results where 1 were asked for`},
		{mode: "many-books", want: `its values take more than 32 MB of memory`},
		{mode: "binary-in-batch", want: `its standard output breaks the protocol \(no frame`},
		{mode: "impossible-bits", want: `it returned 1152921504606846976 and 0 bits for an image of 32×16`},
		{mode: "wrong-width", want: `it returned 16×16 for an image of 32×16: return every image at the size it came in`},
		{mode: "empty-result", want: `it returned 0×0 for an image of 32×16`},
		{mode: "negative-times", want: `times \(-5 ns, 0 ns\) below zero`},
		{mode: "stale-id", want: `it had answered before .*: answer every request once`},
		{mode: "unknown-id", want: `for request 4711, which was never made .*: answer with the id of the request`},
		{mode: "shm-lies", want: `points to shared memory that it was not given`},
		{mode: "ids-beyond-codebook", want: `codebook 0: id 16 at position 1 is outside 0\.\.15: ids start at 0`},
		{mode: "item-error", want: `cannot \[1mread\[0m this image`},
		{mode: "batch-error", want: `RuntimeError: index out of bounds`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, options(t, c.mode, c.opts))
			defer closeTok(t, tok)
			in := images(1, 2, bad, 4)
			out, err := tok.Reconstruct(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if err := tokenizers.Check(in, out); err != nil {
				t.Fatal(err)
			}
			wantMatch(t, "the bad image", out[2].Err, `plug-in ".*", image 2 of the batch: .*`+c.want)
			if out[2].Err != nil && strings.ContainsAny(out[2].Err.Error(), "\x1b\n") {
				t.Errorf("the error carries control characters: %q", out[2].Err)
			}
			for _, i := range []int{0, 1, 3} {
				if out[i].Err != nil {
					t.Errorf("image %d failed with the bad one: %v", i, out[i].Err)
				} else if !out[i].Image.Equal(in[i]) {
					t.Errorf("image %d came back changed", i)
				}
			}
			// The next batch finds a plug-in in order.
			again, err := tok.Reconstruct(t.Context(), images(5, 6))
			if err != nil || again[0].Err != nil || again[1].Err != nil {
				t.Errorf("the batch after: %v, %v", err, failures(again))
			}
		})
	}
}

// TestHostileAlways: what concerns every image fails every image, and is given up
// in the end.
func TestHostileAlways(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mode, want string }{
		{"codes-shape-lies", `more than a frame can hold`},
		{"codes-undeclared", `it returned ids of 1 codebooks, its info declares 0`},
		{"always-dies", `it exited with status 2`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, options(t, c.mode, map[string]string{"restarts": "2"}))
			defer closeTok(t, tok)
			for range 2 {
				out, err := tok.Reconstruct(t.Context(), images(1, 2, 3, 4, 5, 6))
				if err != nil {
					wantMatch(t, "the batch", err, `given up after \d+ failures in a row, the last: .*`+c.want)
					continue
				}
				for i, r := range out {
					wantMatch(t, "image "+strconv.Itoa(i), r.Err, c.want)
				}
			}
		})
	}
}

// TestDuplicateAnswers: the answer stands, the surplus one does not pass for the
// answer to something else, and innocent images are not lost to it.
func TestDuplicateAnswers(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "duplicate-id", nil))
	defer closeTok(t, tok)
	for _, first := range []uint8{bad, 2, 3} {
		in := images(first)
		out, err := tok.Reconstruct(t.Context(), in)
		if err != nil || out[0].Err != nil || !out[0].Image.Equal(in[0]) {
			t.Fatalf("image with first pixel %d: %v, %v", first, err, out[0].Err)
		}
	}
	wantMatch(t, "warnings", errors.New(strings.Join(tok.Warnings(), "\n")), `it sent a "result" for request 2, which it had answered before|second answer to request 2`)
}

func TestFloodAfterHandshake(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "flood-after-hello", map[string]string{"restarts": "1"}))
	defer closeTok(t, tok)
	out, err := tok.Reconstruct(t.Context(), images(1))
	if err != nil {
		t.Fatal(err)
	}
	wantMatch(t, "image 0", out[0].Err, `second answer to request 1|for request 1, which it had answered before`)
}

// TestChildOutlives: a child in a session of its own, holding the pipes, goes
// with its parent: on Close, on cancellation, after a crash. options checks it.
func TestChildOutlives(t *testing.T) {
	t.Parallel()
	t.Run("close", func(t *testing.T) {
		t.Parallel()
		tok := mustOpen(t, options(t, "child-outlives", nil))
		if out, err := tok.Reconstruct(t.Context(), images(1)); err != nil || out[0].Err != nil {
			t.Fatal(err, failures(out))
		}
		closeTok(t, tok)
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		tok := mustOpen(t, options(t, "child-outlives", nil))
		defer closeTok(t, tok)
		if out, err := tok.Reconstruct(t.Context(), images(1)); err != nil || out[0].Err != nil {
			t.Fatal(err, failures(out))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := tok.Reconstruct(ctx, images(1)); !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled batch: %v", err)
		}
	})
}

// TestUnmarkedChild: a process that cleared its environment and left its group and session
// goes with the plug-in, also where its parent has ended before.
func TestUnmarkedChild(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux only") //nolint:forbidigo // the system
	}
	for _, mode := range []string{"child-escapes", "child-stays-unmarked"} {
		t.Run(mode, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "pid")
			opts := options(t, mode, nil)
			opts["env"] += " " + pidFile + "=" + quote(name)
			tok := mustOpen(t, opts)
			if out, err := tok.Reconstruct(t.Context(), images(1)); err != nil || out[0].Err != nil {
				t.Fatal(err, failures(out))
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			child := filepath.Join("/proc", string(b))
			if _, err := os.Stat(child); err != nil {
				t.Fatalf("the child has not begun: %v", err)
			}
			closeTok(t, tok)
			deadline := time.Now().Add(10 * time.Second)
			for {
				if _, err := os.Stat(child); err != nil {
					return
				}
				if time.Now().After(deadline) {
					if pid, err := strconv.Atoi(string(b)); err == nil {
						_ = syscall.Kill(pid, syscall.SIGKILL) // do not leave it
					}
					t.Fatal("the child outlived the tokenizer")
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}

// TestHostKilled: a plug-in in the middle of a batch that never ends goes with a
// vtbench that had no chance to end it.
func TestHostKilled(t *testing.T) {
	t.Parallel()
	opts := options(t, "host", nil)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env, err := parseEnv(opts["env"])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "open hostile\n" {
		t.Errorf("the host says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the host ended by itself")
	}
	// options looks for what is left.
}

// TestManyCodes: a tokenizer with more ids than bytes.
func TestManyCodes(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "many-codes", nil))
	defer closeTok(t, tok)
	in := []pix.Image{flat(512, 512, 7), flat(512, 512, 9)}
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil || out[0].Err != nil || out[1].Err != nil {
		t.Fatal(err, failures(out))
	}
	if got := out[1].Codes.Tokens(); got != 4*512*512 {
		t.Errorf("%d ids came back", got)
	}
}

// TestShutdown: what hangs or fails at the end is told, and ended.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{
		"hang-at-shutdown":  `it did not exit within 1s of being told to, and was killed: leave the loop on "bye"`,
		"fails-at-shutdown": `at shutdown it exited with status 9; the end of its stderr: double free`,
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, options(t, mode, map[string]string{"stop_timeout": "1s"}))
			if out, err := tok.Reconstruct(t.Context(), images(1)); err != nil || out[0].Err != nil {
				t.Fatal(err, failures(out))
			}
			wantMatch(t, "close", tok.Close(), want)
			if err := tok.Close(); err != nil {
				t.Errorf("closing twice: %v", err)
			}
		})
	}
}

// TestCancel: cancelling ends a batch that would never have ended.
func TestCancel(t *testing.T) {
	t.Parallel()
	t.Run("batch", func(t *testing.T) {
		t.Parallel()
		tok := mustOpen(t, options(t, "hang-always", nil))
		defer closeTok(t, tok)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 2)
		for range 2 { // one is asked, one waits for the replica
			go func() {
				_, err := tok.Reconstruct(ctx, images(1, 2))
				done <- err
			}()
		}
		waitUntil(t, func() bool { return len(tok.idle) == 0 })
		cancel()
		for range 2 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("a cancelled batch: %v", err)
			}
		}
	})
	t.Run("start", func(t *testing.T) {
		t.Parallel()
		opts := options(t, "hang-at-start", map[string]string{"replicas": "2"})
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := Open(ctx, opts); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a cancelled start: %v", err)
		}
	})
	t.Run("used again", func(t *testing.T) {
		t.Parallel()
		tok := mustOpen(t, options(t, "hang-in-batch", nil))
		defer closeTok(t, tok)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := tok.Reconstruct(ctx, images(bad))
			done <- err
		}()
		waitUntil(t, func() bool { return len(tok.idle) == 0 })
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled batch: %v", err)
		}
		in := images(1)
		out, err := tok.Reconstruct(t.Context(), in)
		if err != nil || out[0].Err != nil || !out[0].Image.Equal(in[0]) {
			t.Errorf("after a cancelled batch: %v, %v", err, failures(out))
		}
	})
}

// failures are the errors of a batch, for messages without its pixels.
func failures(out []tokenizers.Reconstruction) []error {
	errs := make([]error, len(out))
	for i, r := range out {
		errs[i] = r.Err
	}
	return errs
}

func waitUntil(t testing.TB, ok func() bool) {
	t.Helper()
	for !ok() {
		if t.Context().Err() != nil {
			t.Fatal("the test ended before its condition held")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestSlowOthersWait: several callers share a plug-in that needs two seconds a
// batch; all are served, by two replicas.
func TestSlowOthersWait(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "slow", map[string]string{"replicas": "2"}))
	defer closeTok(t, tok)
	if !tok.Info().Concurrent {
		t.Error("two replicas, but not concurrent")
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			in := images(uint8(i), 7)
			out, err := tok.Reconstruct(t.Context(), in)
			if err != nil || out[0].Err != nil || !out[0].Image.Equal(in[0]) || !out[1].Image.Equal(in[1]) {
				t.Errorf("caller %d: %v, %v", i, err, failures(out))
			}
		})
	}
	wg.Wait()
}

// TestBatchTooLarge: a plug-in that dies on more than two images at once loses
// none, and gets no more than two from then on.
func TestBatchTooLarge(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "dies-on-large-batches", nil))
	defer closeTok(t, tok)
	for round := range 2 {
		in := images(1, 2, 3, 4)
		out, err := tok.Reconstruct(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range out {
			if r.Err != nil || !r.Image.Equal(in[i]) {
				t.Errorf("round %d, image %d: %v", round, i, r.Err)
			}
		}
	}
	if got := tok.limit.Load(); got != 2 {
		t.Errorf("limit is %d images a request, want 2", got)
	}
	wantMatch(t, "warnings", errors.New(strings.Join(tok.Warnings(), "\n")), `failed on a batch of 4 but on none of its images: batches are 2 from here on`)
}

func TestEndsBetweenBatches(t *testing.T) {
	t.Parallel()
	for mode, stop := range map[string]string{"ends-between-batches": "30s", "closed-stdin": "200ms"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, options(t, mode, map[string]string{"stop_timeout": stop}))
			for range 2 {
				in := images(1, 2)
				out, err := tok.Reconstruct(t.Context(), in)
				if err != nil || out[0].Err != nil || out[1].Err != nil {
					t.Fatal(err, failures(out))
				}
			}
			if err := tok.Close(); err != nil && mode == "ends-between-batches" {
				t.Error(err)
			}
		})
	}
}

// TestIdlePing: a plug-in that wedged while idle is found by a ping.
func TestIdlePing(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "identity", nil))
	defer closeTok(t, tok)
	for range 2 {
		tok.all[0].used = time.Now().Add(-2 * idleAfter)
		out, err := tok.Reconstruct(t.Context(), images(1))
		if err != nil || out[0].Err != nil {
			t.Fatal(err, failures(out))
		}
	}
	if w := tok.Warnings(); len(w) > 0 {
		t.Errorf("a plug-in that answers pings was warned about: %v", w)
	}
}

func TestImpossibleTimes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"impossible-times", "overflowing-times"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, options(t, mode, nil))
			defer closeTok(t, tok)
			out, err := tok.Reconstruct(t.Context(), images(1, 2))
			if err != nil || out[0].Err != nil {
				t.Fatal(err, failures(out))
			}
			if out[0].Encode != 0 {
				t.Errorf("an hour of encoding in a moment was accepted: %v", out[0].Encode)
			}
			wantMatch(t, "warnings", errors.New(strings.Join(tok.Warnings(), "\n")), `more encoding and decoding time than a whole request took`)
		})
	}
}

// TestManyCodebooks: a thousand codebooks are named by the first few.
func TestManyCodebooks(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "some-codebooks", nil))
	defer closeTok(t, tok)
	out, err := tok.Reconstruct(t.Context(), images(1))
	if err != nil {
		t.Fatal(err)
	}
	wantMatch(t, "image 0", out[0].Err, `its info declares 1000 \(\[4 4 4 4 4 4 4 4 … 1000 in all\]\)`)
}

// TestConfig: environment, working directory, arguments and replica templates
// reach the process.
func TestConfig(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t, "echo-config", map[string]string{"dir": dir, "env": `GPU="cuda {replica}"`, "batch": "3"})
	opts["command"] += ` --ckpt 'a b.pt' --shard={replica}`
	tok := mustOpen(t, opts)
	defer closeTok(t, tok)
	want := map[string]string{"dir": dir, "gpu": "cuda 0", "replica": "0", "replicas": "1", "args": "--ckpt|a b.pt|--shard=0"}
	if diff := cmp.Diff(want, tok.Info().Params); diff != "" {
		t.Errorf("params (-want +got):\n%s", diff)
	}
	if got := tok.Info().BatchSize; got != 3 {
		t.Errorf("batch size %d, want the option's 3", got)
	}
}

// TestAbilities: the optional interfaces are there exactly where announced.
func TestAbilities(t *testing.T) {
	t.Parallel()
	openKind := func(t *testing.T, mode string) tokenizers.Tokenizer {
		k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: options(t, mode, nil)}, []tokenizers.Kind{Kind()})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := k.Open(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := tok.(interface{ Close() error }).Close(); err != nil {
				t.Error(err)
			}
		})
		return tok
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		tok := openKind(t, "identity")
		if _, ok := tok.(tokenizers.Decoder); ok {
			t.Error("a plug-in without codes is a Decoder")
		}
		if _, ok := tok.(tokenizers.LatentEncoder); ok {
			t.Error("a plug-in without latents is a LatentEncoder")
		}
		if _, ok := tok.(tokenizers.Neighbourer); ok {
			t.Error("a plug-in without codebooks is a Neighbourer")
		}
	})
	t.Run("all", func(t *testing.T) {
		t.Parallel()
		tok := openKind(t, "all-abilities")
		code := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 4, Shape: []int{1}, IDs: []int32{3}}}}
		out, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{code}, 4, 2)
		if err != nil || len(out) != 1 || out[0].W != 4 || out[0].H != 2 || out[0].Pix[5] != 30 {
			t.Errorf("decode: %v, %v", out, err)
		}
		code.Books[0].IDs[0] = 4
		_, err = tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{code}, 4, 2)
		wantMatch(t, "decode", err, `element 0: codebook 0: id 4 at position 0`)
		z, err := tok.(tokenizers.LatentEncoder).Latents(t.Context(), images(1))
		if diff := cmp.Diff([]tokenizers.Latent{{Shape: []int{2, 1, 1}, Data: []float32{1, 2.5}}}, z); diff != "" || err != nil {
			t.Errorf("latents: %v\n%s", err, diff)
		}
		near, err := tok.(tokenizers.Neighbourer).Nearest(0)
		if diff := cmp.Diff([]int32{1, 0, 3, 2}, near); diff != "" || err != nil {
			t.Errorf("nearest: %v\n%s", err, diff)
		}
		if d, err := tok.(tokenizers.Neighbourer).Distance(0, 0, 1); err != nil || d != 1 {
			t.Errorf("distance: %v, %v", d, err)
		}
		if _, err := tok.(tokenizers.Neighbourer).Distance(0, 0, 4); err == nil {
			t.Error("distance to an entry beyond the codebook")
		}
		if _, err := tok.(tokenizers.Neighbourer).Nearest(1); err == nil {
			t.Error("a second codebook was found")
		}
	})
	t.Run("NaN latents", func(t *testing.T) {
		t.Parallel()
		_, err := openKind(t, "nan-latents").(tokenizers.LatentEncoder).Latents(t.Context(), images(1))
		wantMatch(t, "latents", err, `its latent holds NaN at position 1: latents must be finite`)
	})
	t.Run("bad codebook", func(t *testing.T) {
		t.Parallel()
		_, err := openKind(t, "bad-codebook").(tokenizers.Neighbourer).Nearest(0)
		wantMatch(t, "nearest", err, `codebook 0: want one array of shape \[4, width\]`)
	})
}

func TestWarmAndStderr(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "flood-stderr", map[string]string{"replicas": "2"}))
	defer closeTok(t, tok)
	if err := tok.Warm(t.Context(), 64, 64); err != nil {
		t.Fatal(err)
	}
	for _, r := range tok.all {
		waitUntil(t, func() bool { return strings.HasSuffix(r.tail.String(), "the last line\n") })
	}
	for i, s := range tok.Stderr() {
		if len(s) > tailSize || !strings.HasPrefix(s, "warning: ") {
			t.Errorf("replica %d: %d bytes kept of its stderr, starting with %.20q", i, len(s), s)
		}
	}
}

func TestInputsAgainstConstraints(t *testing.T) {
	t.Parallel()
	tok := mustOpen(t, options(t, "likes-two", nil))
	defer closeTok(t, tok)
	in := append(images(1, 2, 3), pix.Image{W: 3, H: 3, Pix: make([]uint8, 5)})
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if out[i].Err != nil || !out[i].Image.Equal(in[i]) {
			t.Errorf("image %d: %v", i, out[i].Err)
		}
	}
	wantMatch(t, "a broken image", out[3].Err, `image is 3×3 RGB: want 27 bytes, have 5`)
	if out, err := tok.Reconstruct(t.Context(), nil); err != nil || len(out) != 0 {
		t.Errorf("an empty batch: %v, %v", out, err)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), tokenizers.Options{"command": "no-such-program-anywhere --x"})
	wantMatch(t, "open", err, `plug-in "no-such-program-anywhere --x": starting it: .*executable file not found.*: check its spelling`)
	_, err = Open(t.Context(), tokenizers.Options{"command": "true", "dir": "/no/such/folder"})
	wantMatch(t, "open", err, `no such file or directory`)
}

func TestOptionChecks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ key, value, want string }{
		{"command", "  ", `want a command`},
		{"command", "python 'x", `has a ' that is never closed`},
		{"env", "A=1 B", `"B" is no KEY=VALUE`},
		{"batch_timeout", "90", `want a span of time such as 90s`},
		{"replicas", "0", `want a whole number from 1 to 256`},
		{"comand", "x", `did you mean "command"`},
	} {
		o := map[string]string{"command": "true", c.key: c.value}
		_, _, err := tokenizers.Resolve(tokenizers.Spec{Name: "p", Kind: "process", Opts: o}, []tokenizers.Kind{Kind()})
		wantMatch(t, c.key+"="+c.value, err, c.want)
	}
}

func TestSplitWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		want []string
	}{
		{`python my_tok.py --x=1`, []string{"python", "my_tok.py", "--x=1"}},
		{`  a	b  `, []string{"a", "b"}},
		{`sh -c 'echo "hi" $X'`, []string{"sh", "-c", `echo "hi" $X`}},
		{`a "b \"c\" \d" e\ f`, []string{"a", `b "c" \d`, "e f"}},
		{`'' ""`, []string{"", ""}},
		{`a'b'"c"d`, []string{"abcd"}},
		{``, []string{}},
	} {
		got, err := splitWords(c.line)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.line, err, diff)
		}
	}
}

// TestSplitQuoted: quoting is undone exactly.
func TestSplitQuoted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[^\x00]*`), 1, 5).Draw(t, "words")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = quote(w)
		}
		got, err := splitWords(strings.Join(quoted, " "))
		if diff := cmp.Diff(words, got); diff != "" || err != nil {
			t.Fatalf("%q: %v\n%s", quoted, err, diff)
		}
	})
}

func TestTail(t *testing.T) {
	t.Parallel()
	var tl tail
	var all strings.Builder
	for i := range 20000 {
		line := "line " + strconv.Itoa(i) + "\n"
		all.WriteString(line)
		if n, err := tl.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := tl.String()
	if !strings.HasSuffix(all.String(), got) || !strings.HasPrefix(got, "line ") || len(got) < tailSize-20 {
		t.Errorf("kept %d bytes: %.20q … %q", len(got), got, got[len(got)-20:])
	}
	if got := tl.last(2, " / "); got != "line 19998 / line 19999" {
		t.Errorf("last two lines: %q", got)
	}
	tl = tail{}
	if _, err := tl.Write([]byte(strings.Repeat("x", 3*tailSize))); err != nil || len(tl.buf) != tailSize {
		t.Errorf("one write of three times the size: kept %d, %v", len(tl.buf), err)
	}
}
