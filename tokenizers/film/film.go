// Package film is the codecs of films as tokenizers of clips: H.264, HEVC, VP9 and AV1,
// coded and decoded by ffmpeg.
//
// Its opinion: a codec is compared with tokenizers on their terms. It is given the windows
// that they are given, each a group of pictures of its own, and its rate is that of the
// stream it really wrote, without headers of containers and without the messages that
// encoders leave about themselves. One thread, so that the same window gives the same bits.
package film

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A codec is one of the codecs.
type codec struct {
	name, title string
	encoder     string // of ffmpeg
	crf, worst  int    // usual and largest constant rate factor
	preset      string
	presets     []string
	format      string // muxer and demuxer of the stream
	minSide     int
	chroma      []string                                 // samplings of chroma that the encoder takes
	args        func(crf, preset string, n int) []string // options of the encoder for a window of n frames
}

var x26x = []string{"ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"}

func codecs() []codec {
	numbers := func(lo, hi int) (out []string) {
		for n := lo; n <= hi; n++ {
			out = append(out, strconv.Itoa(n))
		}
		return out
	}
	return []codec{
		{
			name: "h264", title: "H.264 (AVC)", encoder: "libx264", crf: 28, worst: 51, preset: "medium", presets: x26x,
			format: "h264", minSide: 2, chroma: []string{"420", "444"},
			args: func(crf, preset string, n int) []string {
				return []string{
					"-preset", preset, "-crf", crf, "-g", strconv.Itoa(n), "-threads", "1",
					"-bsf:v", "filter_units=remove_types=6", // SEI: what the encoder says of itself
				}
			},
		},
		{
			name: "hevc", title: "H.265 (HEVC)", encoder: "libx265", crf: 30, worst: 51, preset: "medium", presets: x26x,
			format: "hevc", minSide: 32, chroma: []string{"420", "444"},
			args: func(crf, preset string, n int) []string {
				return []string{
					"-preset", preset, "-crf", crf,
					"-x265-params", fmt.Sprintf("keyint=%d:open-gop=0:pools=none:frame-threads=1:wpp=0:info=0:log-level=error", n),
					"-bsf:v", "filter_units=remove_types=39-40", // SEI
				}
			},
		},
		{
			name: "vp9", title: "VP9", encoder: "libvpx-vp9", crf: 36, worst: 63, preset: "4", presets: numbers(0, 5),
			format: "ivf", minSide: 2, chroma: []string{"420", "444"},
			args: func(crf, preset string, n int) []string {
				return []string{
					"-crf", crf, "-b:v", "0", "-g", strconv.Itoa(n), "-deadline", "good", "-cpu-used", preset, "-threads", "1", "-row-mt", "0",
				}
			},
		},
		{
			name: "av1", title: "AV1", encoder: "libsvtav1", crf: 36, worst: 63, preset: "8", presets: numbers(2, 12),
			format: "ivf", minSide: 64, chroma: []string{"420"},
			args: func(crf, preset string, n int) []string {
				return []string{"-crf", crf, "-g", strconv.Itoa(n), "-preset", preset, "-svtav1-params", "lp=1"}
			},
		},
	}
}

// Kinds lists the codecs; opening one needs ffmpeg.
func Kinds() []tokenizers.Kind {
	var out []tokenizers.Kind
	for _, c := range codecs() {
		oneOf := func(name, def, help string, of []string) tokenizers.Option {
			return tokenizers.Option{Name: name, Help: help, Default: def, Check: func(v string) error {
				if !slices.Contains(of, v) {
					return fmt.Errorf("want one of %s", strings.Join(of, ", "))
				}
				return nil
			}}
		}
		out = append(out, tokenizers.Kind{
			Name: c.name, Summary: c.title + " by ffmpeg's " + c.encoder + ", a window at a time",
			Example: fmt.Sprintf("%s:crf=%d", c.name, c.crf),
			Options: []tokenizers.Option{
				tokenizers.IntOption("crf", c.crf, 0, c.worst, "constant rate factor: larger is smaller and worse"),
				oneOf("preset", c.preset, "speed of the encoder", c.presets),
				oneOf("chroma", "420", "sampling of chroma", c.chroma),
			},
			Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
				return open(ctx, c, opts)
			},
		})
	}
	return out
}

func open(ctx context.Context, c codec, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	p, err := ffmpeg.Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.Need("encoder " + c.encoder); err != nil {
		return nil, err
	}
	return &film{codec: c, program: p, opts: opts}, nil
}

type film struct {
	codec   codec
	program *ffmpeg.Program
	opts    tokenizers.Options
}

var _ tokenizers.ClipTokenizer = (*film)(nil)

// Info describes the codec. Results depend on the build of ffmpeg.
func (f *film) Info() tokenizers.Info {
	params := map[string]string{"ffmpeg": f.program.Version, "encoder": f.codec.encoder}
	maps.Copy(params, f.opts)
	return tokenizers.Info{
		Name: f.codec.name, Version: "1", Code: f.program.SHA256, Deterministic: true, BatchInvariant: true, Concurrent: true,
		MinSide: f.codec.minSide, Clips: &tokenizers.ClipInfo{}, Params: params,
	}
}

// Reconstruct codes every image as a film of one frame.
func (f *film) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		got, err := f.ReconstructClip(ctx, pix.Clip{Frames: []pix.Image{m}})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i] = tokenizers.Reconstruction{
			Image: got.Frames[0], Bits: got.Bits, FileBits: got.FileBits, Encode: got.Encode, Decode: got.Decode,
		}
	}
	return out, nil
}

// usualRate is that of films that do not say theirs: encoders weigh frames by it.
const usualRate = 25

// scaler are the options of swscale that make it exact, and the same on every machine.
const scaler = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"

// ReconstructClip codes a window as one group of pictures, RGB by BT.709 in the limited
// range, and decodes it. Sides that are odd are padded by their last row and column. Times
// are those of the processes, with their start.
func (f *film) ReconstructClip(ctx context.Context, in pix.Clip) (tokenizers.ClipReconstruction, error) {
	var out tokenizers.ClipReconstruction
	if err := in.Validate(); err != nil {
		return out, err
	}
	w, h := in.Size()
	if err := f.Info().Accepts(w, h); err != nil {
		return out, err
	}
	readers := make([]io.Reader, len(in.Frames))
	for i, m := range in.Frames {
		readers[i] = bytes.NewReader(pix.Pad(m, 2).Pix)
	}
	even := pix.Pad(in.Frames[0], 2)
	rate := in.Rate
	if rate <= 0 {
		rate = usualRate
	}
	size := fmt.Sprintf("%dx%d", even.W, even.H)
	raw := 3 * even.W * even.H * len(in.Frames)
	encode := ffmpeg.Job{
		Inputs: []ffmpeg.Input{{
			Options: []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", strconv.FormatFloat(rate, 'f', -1, 64)},
			Reader:  io.MultiReader(readers...),
		}},
		Output: slices.Concat(
			[]string{"-vf", "scale=out_color_matrix=bt709:out_range=tv:" + scaler, "-pix_fmt", "yuv" + f.opts["chroma"] + "p", "-fps_mode", "passthrough", "-fflags", "+bitexact", "-c:v", f.codec.encoder},
			f.codec.args(f.opts["crf"], f.opts["preset"], len(in.Frames)),
			[]string{"-f", f.codec.format, "pipe:1"},
		),
		MaxOutput: int64(2*raw) + 1<<20, // a codec that makes more of it is broken
	}
	var stream bytes.Buffer
	begun := time.Now()
	if err := f.program.Run(ctx, encode, &stream); err != nil {
		return out, fmt.Errorf("%s: coding: %w", f.codec.name, err)
	}
	out.Encode = time.Since(begun)
	decode := ffmpeg.Job{
		Inputs: []ffmpeg.Input{{
			Options: []string{"-threads", "1", "-f", f.codec.format},
			Reader:  bytes.NewReader(stream.Bytes()),
		}},
		Output: []string{
			"-fps_mode", "passthrough", "-vf", "scale=in_color_matrix=bt709:in_range=tv:" + scaler, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1",
		},
		MaxOutput: int64(raw) + 1<<20,
	}
	var pixels bytes.Buffer
	begun = time.Now()
	if err := f.program.Run(ctx, decode, &pixels); err != nil {
		return out, fmt.Errorf("%s: decoding: %w", f.codec.name, err)
	}
	out.Decode = time.Since(begun)
	if pixels.Len() != raw {
		return out, fmt.Errorf("%s: decoding: %d bytes came back for %d frames of %s, want %d", f.codec.name, pixels.Len(), len(in.Frames), size, raw)
	}
	for range in.Frames {
		m := pix.Image{W: even.W, H: even.H, Pix: slices.Clone(pixels.Next(3 * even.W * even.H))}
		if even.W != w || even.H != h {
			m = m.Crop(image.Rect(0, 0, w, h))
		}
		out.Frames = append(out.Frames, m)
	}
	payload := stream.Len()
	if f.codec.format == "ivf" {
		var err error
		if payload, err = ivfPayload(stream.Bytes()); err != nil {
			return out, fmt.Errorf("%s: %w", f.codec.name, err)
		}
	}
	out.Bits, out.FileBits = 8*int64(payload), 8*int64(stream.Len())
	return out, nil
}

// ivfPayload is the number of bytes of the frames in an IVF file: without its header of 32
// bytes, and 12 bytes before every frame.
func ivfPayload(b []byte) (int, error) {
	if len(b) < 32 || string(b[:4]) != "DKIF" {
		return 0, fmt.Errorf("the stream of %d bytes is no IVF file", len(b))
	}
	total := 0
	for b = b[32:]; len(b) > 0; {
		if len(b) < 12 {
			return 0, fmt.Errorf("IVF: the file ends in the header of a frame")
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if n > int64(len(b)-12) {
			return 0, fmt.Errorf("IVF: a frame of %d bytes does not fit the file", n)
		}
		total += int(n)
		b = b[12+n:]
	}
	return total, nil
}
