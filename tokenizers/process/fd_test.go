//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/codec"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// passOn makes a descriptor as a program has it that was started with it: not closed on
// exec, and not known to Go.
func passOn(t testing.TB, f *os.File) int {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 100)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return fd
}

// caller is the program on the other side: serve runs there, with its ends of the pipes,
// which it closes. It returns the option for this side.
func caller(t testing.TB, serve func(in io.ReadCloser, out io.WriteCloser)) string {
	t.Helper()
	requests, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _, _ = requests.Close(), answers.Close() }() // closed already, or to be
		serve(requests, answers)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			t.Error("the other side was not told to finish")
		}
	})
	return fmt.Sprintf("%d,%d", passOn(t, in), passOn(t, out))
}

func jpeg(ctx context.Context) (tokenizers.Tokenizer, error) {
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "jpeg"}, codec.Kinds())
	if err != nil {
		return nil, err
	}
	return k.Open(ctx, opts)
}

// serveJPEG is a well-behaved other side.
func serveJPEG(t testing.TB) func(io.ReadCloser, io.WriteCloser) {
	return func(in io.ReadCloser, out io.WriteCloser) {
		tok, err := jpeg(context.Background())
		if err == nil {
			err = plugin.Serve(context.Background(), tok, in, out)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func TestFDConform(t *testing.T) {
	t.Parallel()
	tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
		k := FDKind()
		_, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "fd", Arg: caller(t, serveJPEG(t)) + ",batch=2"}, []tokenizers.Kind{k})
		if err != nil {
			return nil, err
		}
		return k.Open(ctx, opts)
	}, tokenizertest.Options{})
}

// TestFDLost: what the other side does wrong is told once, ends the tokenizer for good
// and never keeps anybody waiting.
func TestFDLost(t *testing.T) {
	t.Parallel()
	// hello answers the handshake and then does what the case says.
	hello := func(then func(in io.ReadCloser, out io.WriteCloser)) func(io.ReadCloser, io.WriteCloser) {
		return func(in io.ReadCloser, out io.WriteCloser) {
			err := readFrame(in)
			if err == nil {
				err = wire.Write(out, []byte(`{"type":"hello","id":1,"protocol":1,"info":{"name":"x","version":"1"}}`))
			}
			if err != nil {
				t.Error(err)
			}
			then(in, out)
		}
	}
	drain := func(in io.Reader) { _, _ = io.Copy(io.Discard, in) }
	for _, c := range []struct {
		name, want string
		then       func(in io.ReadCloser, out io.WriteCloser)
	}{
		{"closes both", "the other side closed its end", func(in io.ReadCloser, out io.WriteCloser) {}},
		{"closes what it answers on", "the other side closed its end", func(in io.ReadCloser, out io.WriteCloser) { _ = out.Close(); drain(in) }},
		{"never answers", "no answer within 50ms; its descriptors were closed", func(in io.ReadCloser, out io.WriteCloser) { drain(in) }},
		{"prints", "text where the protocol should be", func(in io.ReadCloser, out io.WriteCloser) {
			_, _ = io.WriteString(out, "loss 0.25 at step 1000\n")
			drain(in)
		}},
		{"claims too much", "raw bytes where at most", func(in io.ReadCloser, out io.WriteCloser) {
			if _, err := out.Write([]byte{0xff, 0xff, 0xff, 0x1f, 2, 0, 0, 0, '{', '}'}); err != nil {
				t.Error(err)
			}
			drain(in)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limit := "30s"
			if strings.Contains(c.name, "never") {
				limit = "50ms"
			}
			tok, err := OpenFD(t.Context(), tokenizers.Options{"descriptors": caller(t, hello(c.then)), "first_batch_timeout": limit})
			if err != nil {
				t.Fatal(err)
			}
			out, err := tok.Reconstruct(t.Context(), images(1, 2))
			if err != nil {
				wantMatch(t, "the first batch", err, c.want)
			} else {
				for _, r := range out {
					wantMatch(t, "an image of it", r.Err, c.want+"|given up")
				}
			}
			_, err = tok.Reconstruct(t.Context(), images(1))
			wantMatch(t, "the next batch", err, "given up after 1 failure.*("+c.want+")")
			select {
			case <-tok.Gone():
			case <-time.After(30 * time.Second):
				t.Error("nobody is told that it is gone")
			}
			wantMatch(t, "what is said of it", tok.Why(), c.want)
			closeTok(t, tok)
		})
	}
}

func TestFDRefuses(t *testing.T) {
	t.Parallel()
	kept, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	own, _, err := os.Pipe() // as every file of this program: closed on exec
	if err != nil {
		t.Fatal(err)
	}
	regular, in, out := passOn(t, file), passOn(t, r), passOn(t, w)
	for _, c := range []struct{ descriptors, want string }{
		{"", "descriptors.*missing|want two descriptors"},
		{"3", "want two descriptors"},
		{"3,x", "want two descriptors"},
		{"0,1", "want two descriptors R,W from 3 on"},
		{"-3,4", "want two descriptors"},
		{"9999999999,4", "want two descriptors"},
		{"5,5", "stands on both sides"},
		{"1000000,1000001", "descriptor 1000000 is not open"},
		{fmt.Sprintf("%d,%d", own.Fd(), out), "no pipe or socket that was passed on"},
		{fmt.Sprintf("%d,%d", regular, out), "no pipe or socket"},
		{fmt.Sprintf("%d,%d", out, in), "open the other way"},
	} {
		tok, err := OpenFD(t.Context(), tokenizers.Options{"descriptors": c.descriptors, "start_timeout": "50ms"})
		wantMatch(t, c.descriptors, err, c.want)
		if tok != nil {
			t.Error("it opened")
		}
	}
	// Taken once, they are not taken again.
	_, silent, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	mute, quiet, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	opts := tokenizers.Options{"descriptors": fmt.Sprintf("%d,%d", passOn(t, mute), passOn(t, silent)), "start_timeout": "50ms"}
	_, err = OpenFD(t.Context(), opts)
	wantMatch(t, "nobody answers", err, "no answer within 50ms")
	_, err = OpenFD(t.Context(), opts)
	wantMatch(t, "again", err, "not open|passed on")
	_, _ = own.Close(), quiet.Close()
}

// TestFDCancelled: a run that is interrupted does not wait for the other side.
func TestFDCancelled(t *testing.T) {
	t.Parallel()
	busy := make(chan struct{})
	tok, err := OpenFD(t.Context(), tokenizers.Options{"descriptors": caller(t, func(in io.ReadCloser, out io.WriteCloser) {
		_ = plugin.Serve(context.Background(), sleeper{busy}, in, out) // it is cut off
	})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-busy; cancel() }()
	if _, err := tok.Reconstruct(ctx, images(1)); err == nil || ctx.Err() == nil {
		t.Errorf("cancelled: %v", err)
	}
	busy <- struct{}{}
	closeTok(t, tok)
}

// sleeper says that it was called, and answers when it is told to.
type sleeper struct{ busy chan struct{} }

func (sleeper) Info() tokenizers.Info { return tokenizers.Info{Name: "sleeper", Version: "1"} }

func (s sleeper) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	s.busy <- struct{}{}
	<-s.busy
	return make([]tokenizers.Reconstruction, len(in)), nil
}

// readFrame takes one frame off the stream.
func readFrame(in io.Reader) error {
	r := wire.NewReader(in)
	_, n, err := r.Next(wire.MaxFrame)
	if err == nil {
		err = r.Body(make([]byte, n))
	}
	return err
}
