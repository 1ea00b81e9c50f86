package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// window answers one window as an identity with one id a frame, but for what the mode breaks
// where the first pixel is bad.
func (t *talker) window(mode string, req wire.Request, body []byte) {
	it := req.Items[0]
	frame := 3 * it.W * it.H
	out := wire.Item{W: it.W, H: it.H, Frames: it.Frames, Books: []wire.Book{{Size: 16, Shape: []int{it.Frames, 1, 1}}}, Capacity: 12.5, Bits: int64(4 * it.Frames)}
	ids := make([]int32, it.Frames)
	pixels := body
	if body[0] == bad {
		switch mode {
		case "clip-fewer-frames":
			out.Frames, pixels = it.Frames-1, body[frame:]
		case "clip-count-lies":
			out.Frames++
		case "clip-endless":
			out.Frames = 1 << 40
		case "clip-no-count": // answered as if it were one image
			out.Frames, pixels = 0, body[:frame]
		case "clip-other-size":
			out.W, out.H = it.H, it.W
		case "clip-flat-codes":
			out.Books[0].Shape = []int{it.Frames}
		case "clip-bad-id":
			ids[1] = 16
		case "clip-impossible-bits":
			out.Bits = 1 << 60
		case "clip-impossible-capacity":
			out.Capacity = 1e300
		case "clip-negative-capacity":
			out.Capacity = -1
		case "clip-error":
			out, pixels, ids = wire.Item{Error: "CUDA out of \x1b[1mmemory"}, nil, nil
		case "clip-two":
			t.say(wire.Response{Type: wire.Result, ID: req.ID, Items: []wire.Item{out, out}}, pixels, wire.AppendIDs(nil, ids), pixels, wire.AppendIDs(nil, ids))
			return
		case "clip-dies":
			fmt.Fprintln(os.Stderr, "Segmentation fault")
			os.Exit(139)
		case "clip-hangs":
			forever()
		}
	}
	if mode == "clip-times" {
		out.EncodeNS = int64(time.Hour)
	}
	t.say(wire.Response{Type: wire.Result, ID: req.ID, Items: []wire.Item{out}}, pixels, wire.AppendIDs(nil, ids))
}

// openClips opens a plug-in by its registry entry.
func openClips(t *testing.T, opts tokenizers.Options) tokenizers.Tokenizer {
	t.Helper()
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
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

// TestHostileWindows: one window trips the plug-in; it alone fails, with an error that names
// the plug-in, the window and the mend.
func TestHostileWindows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode, want string
		opts       map[string]string
	}{
		{mode: "clip-fewer-frames", want: `it returned 4 frames for a window of 5: return one frame for every one`},
		{mode: "clip-count-lies", want: `the header describes \d+ raw bytes, the frame carries \d+`},
		{mode: "clip-endless", want: `a window of 1099511627776 frames: want 1 to 65536`},
		{mode: "clip-no-count", want: `it returned 0 frames for a window of 5`},
		{mode: "clip-other-size", want: `it returned frames of 16×32 for a window of 32×16: return every frame at the size it came in`},
		{mode: "clip-flat-codes", want: `codebook 0 of a window has shape \[5\]: want {t, h, w}`},
		{mode: "clip-bad-id", want: `id 16 at position 1 is outside 0\.\.15`},
		{mode: "clip-impossible-bits", want: `it returned 1152921504606846976 and 0 bits for a window of 5 frames of 32×16, whose pixels have 61440`},
		{mode: "clip-impossible-capacity", want: `a capacity of 1e\+300 bits for a window of 5 frames`},
		{mode: "clip-negative-capacity", want: `a capacity \(-1\).* below zero`},
		{mode: "clip-error", want: `CUDA out of \[1mmemory`},
		{mode: "clip-two", want: `it returned more than 1 results where 1 were asked for`},
		{mode: "clip-dies", want: `it exited with status 139; the end of its stderr: Segmentation fault`},
		{mode: "clip-hangs", opts: map[string]string{"batch_timeout": "1s", "first_batch_timeout": "1s"}, want: `no answer within 1s; it was killed`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			tok := openClips(t, options(t, c.mode, c.opts)).(tokenizers.ClipTokenizer)
			for i, first := range []uint8{1, bad, 3} {
				in := pix.Clip{Frames: images(first, 2, 3, 4, 5), Rate: 24, Start: 80 * i}
				out, err := tok.ReconstructClip(t.Context(), in)
				if first == bad {
					wantMatch(t, "the bad window", err, `^plug-in ".*", window from frame 80: .*`+c.want)
					if err != nil && strings.ContainsAny(err.Error(), "\x1b\n") {
						t.Errorf("the error carries control characters: %q", err)
					}
					continue
				}
				if err == nil {
					err = tokenizers.CheckClip(in, &out)
				}
				if err != nil {
					t.Fatalf("window %d: %v", i, err)
				}
				for k, f := range out.Frames {
					if !f.Equal(in.Frames[k]) {
						t.Errorf("window %d: frame %d came back changed", i, k)
					}
				}
				if out.Bits != 20 || out.Capacity != 12.5 || out.Codes.Tokens() != 5 {
					t.Errorf("window %d: %d bits, capacity %g, %d tokens", i, out.Bits, out.Capacity, out.Codes.Tokens())
				}
			}
		})
	}
}

func TestWindowsAgainstConstraints(t *testing.T) {
	t.Parallel()
	tok := openClips(t, options(t, "clip-times", nil)).(tokenizers.ClipTokenizer)
	info := tok.Info()
	if want := (tokenizers.ClipInfo{Multiple: 4, Causal: true, Max: 17}); info.Clips == nil || *info.Clips != want {
		t.Fatalf("clips are %+v, want %+v", info.Clips, want)
	}
	one, other := images(1)[0], pix.New(16, 16)
	for what, c := range map[string]struct {
		clip pix.Clip
		want string
	}{
		"no frames":    {pix.Clip{}, `before asking plug-in ".*": clip has no frames`},
		"four":         {pix.Clip{Frames: images(1, 2, 3, 4)}, `a window of 4 frames: it takes 5`},
		"too many":     {pix.Clip{Frames: images(make([]uint8, 21)...)}, `a window of 21 frames: it takes at most 17`},
		"two sizes":    {pix.Clip{Frames: []pix.Image{one, one, one, one, other}}, `frame 4 is 16×16, the first of the clip 32×16`},
		"broken pixel": {pix.Clip{Frames: []pix.Image{{W: 3, H: 3, Pix: make([]uint8, 5)}}}, `want 27 bytes, have 5`},
	} {
		_, err := tok.ReconstructClip(t.Context(), c.clip)
		wantMatch(t, what, err, c.want)
	}
	out, err := tok.ReconstructClip(t.Context(), pix.Clip{Frames: images(1)})
	if err != nil || out.Encode != 0 {
		t.Errorf("an hour of encoding in a moment was accepted: %v, %v", out.Encode, err)
	}
	wantMatch(t, "warnings", fmt.Errorf("%s", strings.Join(tok.(tokenizers.Witness).Warnings(), "\n")), `more encoding and decoding time than a whole window took`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tok.ReconstructClip(ctx, pix.Clip{Frames: images(1)}); err == nil {
		t.Error("a cancelled call gave no error")
	}
	large := pix.New(1<<14, 1<<14)
	_, err = tok.ReconstructClip(t.Context(), pix.Clip{Frames: []pix.Image{large}})
	wantMatch(t, "a window beyond a frame of the protocol", err, `has 805306368 bytes, more than the 469762048 that are sent at once: use shorter windows`)
	if _, ok := openClips(t, options(t, "identity", nil)).(tokenizers.ClipTokenizer); ok {
		t.Error("a plug-in of images takes clips")
	}
}

// TestOldRequestsOfImages: what a plug-in that knows nothing of clips reads of an image has
// not changed.
func TestOldRequestsOfImages(t *testing.T) {
	got, err := marshal(wire.Request{Type: wire.Reconstruct, ID: 2, Items: []wire.Item{{W: 4, H: 2}}})
	if want := `{"type":"reconstruct","id":2,"items":[{"w":4,"h":2}]}`; err != nil || got != want {
		t.Errorf("the request is %s, %v; want %s", got, err, want)
	}
}

// clipsInGo quantizes frames of a window and hands out one id a frame and cell of 8×8 pixels.
type clipsInGo struct{}

func (clipsInGo) Info() tokenizers.Info {
	return tokenizers.Info{
		Name: "clips-in-go", Version: "1", Deterministic: true, MultipleOf: 8, Codebooks: []int{16},
		Clips: &tokenizers.ClipInfo{Multiple: 2, Causal: true},
	}
}

func (clipsInGo) one(m pix.Image) (pix.Image, []int32) {
	out := pix.New(m.W, m.H)
	for i, v := range m.Pix {
		out.Pix[i] = v/16*16 + 8
	}
	var ids []int32
	for y := 0; y < m.H; y += 8 {
		for x := 0; x < m.W; x += 8 {
			ids = append(ids, int32(m.Pix[3*(y*m.W+x)]/16))
		}
	}
	return out, ids
}

func (c clipsInGo) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		one, err := c.ReconstructClip(ctx, pix.Clip{Frames: []pix.Image{m}})
		if out[i].Err = err; err == nil {
			out[i] = tokenizers.Reconstruction{Image: one.Frames[0], Codes: one.Codes, Capacity: one.Capacity}
		}
	}
	return out, nil
}

func (c clipsInGo) ReconstructClip(_ context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	book := tokenizers.Book{Size: 16, Shape: []int{len(in.Frames), in.Frames[0].H / 8, in.Frames[0].W / 8}}
	for _, f := range in.Frames {
		m, ids := c.one(f)
		out.Frames = append(out.Frames, m)
		book.IDs = append(book.IDs, ids...)
	}
	out.Codes = &tokenizers.Codes{Books: []tokenizers.Book{book}}
	out.Capacity = in.Rate + float64(in.Start) // so that the test sees what arrived
	return out, nil
}

func serveClips() error {
	return plugin.Serve(context.Background(), clipsInGo{}, os.Stdin, os.Stdout)
}

// TestGoClips: a tokenizer of clips in Go behind plugin.Serve gives what it gives here.
func TestGoClips(t *testing.T) {
	t.Parallel()
	tok := openClips(t, options(t, "serve-clips", nil)).(tokenizers.ClipTokenizer)
	in := pix.Clip{Frames: images(1, 2, 3), Rate: 25, Start: 32}
	got, err := tok.ReconstructClip(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := clipsInGo{}.ReconstructClip(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got.Capacity != 57 {
		t.Errorf("rate and start came as %g together, want 57", got.Capacity)
	}
	for i := range in.Frames {
		if !bytes.Equal(got.Frames[i].Pix, want.Frames[i].Pix) {
			t.Errorf("frame %d differs", i)
		}
	}
	if fmt.Sprint(*got.Codes) != fmt.Sprint(*want.Codes) {
		t.Errorf("codes are %v, want %v", *got.Codes, *want.Codes)
	}
}

func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
