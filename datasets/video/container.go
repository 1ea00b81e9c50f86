package video

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/pix"
)

// maxJitter is how far a frame may be from where a constant rate has it, in seconds:
// Matroska counts in whole milliseconds.
const maxJitter = .0015

// idle is how long ffmpeg may do nothing; tests shorten it.
var idle = ffmpeg.DefaultIdle

// A probed file is what one pass over it has shown.
type probed struct {
	w, h     int
	frames   int     // of that size, from the first one on
	rate     float64 // frames a second; 0 where it is not constant
	notes    []pix.Note
	alpha    bool  // pixels have an opacity
	damaged  bool  // ffmpeg complains of it
	numbered int   // frames that were seen at all
	after    error // why there are no more frames than those
}

// file looks into a file of a film.
func (s *Set) file(ctx context.Context, id, file string, threads int) *film {
	f := &film{id: id}
	p, err := s.probe(ctx, file, threads)
	if err != nil {
		f.after = fmt.Errorf("%s: %w", file, err)
		return f
	}
	f.rate, f.w, f.h = p.rate, p.w, p.h
	if p.after != nil {
		f.after = fmt.Errorf("%s: %w", file, p.after)
	}
	width := max(4, len(strconv.Itoa(s.o.start+(p.frames-1)*s.o.every)))
	for k := range p.frames {
		f.names = append(f.names, fmt.Sprintf("%0*d", width, s.o.start+k*s.o.every))
	}
	f.src = &container{file: file, p: p, set: s}
	return f
}

// tooShort is the error of a film that ends before what is taken of it begins.
func (s *Set) tooShort(file string, frames int) error {
	return fmt.Errorf("%s: %w that is asked for: it has %d, and start=%d", file, errNoFrame, frames, s.o.start)
}

// input is the film as ffmpeg reads it.
func (s *Set) input(file string, threads int) ffmpeg.Input {
	most := int64(maxPixels)
	if s.decode.MaxPixels > 0 {
		most = min(most, s.decode.MaxPixels)
	}
	options := []string{"-threads", strconv.Itoa(threads), "-max_pixels", strconv.FormatInt(most, 10)}
	if s.decode.Stored {
		options = append(options, "-noautorotate")
	}
	return ffmpeg.Input{File: file, Options: options}
}

// timeBase is how finely times are counted, in seconds. Without it ffmpeg counts in frames,
// and leaves out one where two come to the same number by rounding.
const timeBase = "1/1000000"

// probe decodes a file once. Of every frame that is taken it has ffmpeg put out a row and a
// column, as two streams: their lengths are its width and height.
func (s *Set) probe(ctx context.Context, file string, threads int) (p probed, err error) {
	if st, err := os.Stat(file); err != nil {
		return p, err
	} else if !st.Mode().IsRegular() {
		return p, errors.New("it is no regular file")
	} else if st.Size() == 0 {
		return p, errors.New("the file is empty")
	}
	out := []string{
		"-filter_complex", "[0:V:0]" + s.o.filters(0) + "split[a][b];[a]crop=iw:1:0:0:exact=1,format=gray[w];[b]crop=1:ih:0:0:exact=1,format=gray[h]",
		"-map", "[w]", "-map", "[h]", "-noautoscale", "-fps_mode", "passthrough", "-c:v", "rawvideo",
		"-enc_time_base", timeBase,
	}
	most := maxFrames + 1
	if s.o.frames > 0 {
		most = s.o.frames
	}
	out = append(out, "-frames:v", strconv.Itoa(most), "-f", "framecrc", "pipe:1")
	stream, err := s.decoders.program.Start(ctx, ffmpeg.Job{Inputs: []ffmpeg.Input{s.input(file, threads)}, Level: "info", Idle: idle, Output: out})
	if err != nil {
		return p, err
	}
	t, parseErr := readTable(stream)
	closeErr := stream.Close()
	said := stream.Log()
	p.numbered = len(t.at)
	complaints := stream.Complaints()
	// What is put in the place of what is damaged depends on when the threads of the decoder
	// come to it.
	if p.damaged = len(complaints) > 0; p.damaged && threads > 1 && ctx.Err() == nil && !errors.Is(parseErr, ffmpeg.ErrHung) {
		return s.probe(ctx, file, 1)
	}
	switch {
	case errors.Is(parseErr, ffmpeg.ErrHung) || ctx.Err() != nil:
		return p, errors.Join(parseErr, ctx.Err())
	case p.numbered == 0 && strings.Contains(said, "matches no streams"):
		return p, errors.New("it has no picture, only sound or nothing")
	case p.numbered == 0 && (parseErr != nil || closeErr != nil):
		return p, fmt.Errorf("no frame can be read: %w", errors.Join(parseErr, closeErr))
	case p.numbered == 0 && len(complaints) > 0:
		return p, fmt.Errorf("no frame can be read: %s", stream.Said())
	case p.numbered == 0:
		return p, fmt.Errorf("%w%s", errNoFrame, s.beyond())
	case s.o.frames > 0 && p.numbered == s.o.frames:
		// What lies behind is not looked at.
	case p.numbered > maxFrames:
		return p, fmt.Errorf("it has more than %d frames: take fewer, with frames=N", maxFrames)
	case parseErr != nil || closeErr != nil:
		p.after = fmt.Errorf("what follows frame %d cannot be read: %w", p.last(s.o), errors.Join(parseErr, closeErr))
	default:
		why := stream.Said()
		if len(complaints) == 0 {
			if why = incomplete(file); why == "" {
				break
			}
		}
		p.after = fmt.Errorf("it is cut short or damaged, %d frames come out of it: %s; give frames=%d to take those as they are", p.numbered, why, p.numbered)
		p.notes = append(p.notes, NoteDamaged)
	}
	p.w, p.h = t.w[0], t.h[0]
	p.frames = p.numbered
	for k := range p.numbered {
		if t.w[k] != p.w || t.h[k] != p.h {
			p.frames = k
			p.after = fmt.Errorf("its frames are %d×%d, and %d×%d from frame %d on: the frames of a film have one size; give frames=%d to take those before, or cut it there into two",
				p.w, p.h, t.w[k], t.h[k], s.o.start+k*s.o.every, k)
			break
		}
	}
	if p.rate = t.rate(p.frames, declared(said)/float64(s.o.every)); p.rate == 0 && p.frames > 1 {
		p.notes = append(p.notes, NoteVariable)
	}
	if turned.MatchString(said) && !s.decode.Stored {
		p.notes = append(p.notes, NoteRotated)
	}
	var more []pix.Note
	more, p.alpha = form(said)
	p.notes = append(p.notes, more...)
	return p, nil
}

// form is what there is to say of the form in which a film's file has its pixels, and whether
// they have an opacity.
func form(said string) (notes []pix.Note, alpha bool) {
	m := picture.FindStringSubmatch(said)
	if m == nil {
		return nil, false
	}
	format, colours, about := m[1], m[2], m[3]
	// Names of formats end in the order of bytes where a number has more than one.
	if (strings.HasSuffix(format, "le") || strings.HasSuffix(format, "be")) && !packed.MatchString(format) {
		notes = append(notes, NoteDepth)
	}
	if strings.Contains(colours, "smpte2084") || strings.Contains(colours, "arib-std-b67") {
		notes = append(notes, NoteHDR)
	}
	switch {
	case opacity.MatchString(format):
		return append(notes, NoteAlpha), true
	case layered.MatchString(about):
		notes = append(notes, NoteLayer)
	}
	return notes, false
}

func (s *Set) beyond() string {
	if s.o.start > 0 {
		return fmt.Sprintf(" from start=%d on", s.o.start)
	}
	return ""
}

// last is the number of the last frame that was seen.
func (p probed) last(o options) int { return o.start + (p.numbered-1)*o.every }

var (
	// "displaymatrix: rotation of -90.00 degrees", "Display Matrix: rotation of 90.00 degrees";
	// of 0 degrees for a film that is upside down in a mirror
	turned = regexp.MustCompile(`(?i)display ?matrix: rotation of `)
	// "Stream #0:0: Video: hevc (Main 10), yuv420p10le(tv, bt2020nc/bt2020/smpte2084)", which
	// comes before what ffmpeg puts out, and the lines about it
	picture = regexp.MustCompile(`^[^>]*?Stream #0:\d+[^\n]*Video: [^\n]*?, ([a-z][a-z0-9]+)(?:\(([^)\n]*)\))?,[^\n]*\n((?:(?:\[info\] )?    [^\n]*\n)*)`)
	packed  = regexp.MustCompile(`^(rgb|bgr)(444|555|565)`) // two bytes for all three
	opacity = regexp.MustCompile(`^(yuva|ya\d|rgba|bgra|argb|abgr|gbrap|pal8|ayuv|vuya)`)
	layered = regexp.MustCompile(`(?m) alpha_mode *: *1$`) // VP8 and VP9: a film beside the film
)

// perSecond is how ffmpeg says the rate of what it puts out, with two digits behind the point.
var perSecond = regexp.MustCompile(`Stream #0:0\b[^\n]*Video: rawvideo[^\n]*, ([\d.]+) fps`)

// declared is the rate that the file states, after filters; 0 where it states none. 29.97
// stands for 30000/1001, and so do others of its kind.
func declared(said string) float64 {
	all := perSecond.FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		return 0
	}
	rate, err := strconv.ParseFloat(all[len(all)-1][1], 64)
	if err != nil || rate <= 0 {
		return 0
	}
	if ntsc := math.Round(rate*1.001) / 1.001; rate != math.Trunc(rate) && math.Abs(ntsc-rate) < .006 {
		return ntsc
	}
	return rate
}

// A table is what ffmpeg's framecrc says of the frames.
type table struct {
	w, h []int
	at   []float64 // seconds; NaN where the file does not say
}

// readTable reads lines such as "0, 3, 3, 1, 64, 0x…": stream, two times, how long, how many
// bytes, a sum. Stream 0 has a row of each frame and stream 1 a column.
func readTable(r io.Reader) (t table, err error) {
	defer func() { // the two streams end together, unless ffmpeg is ended
		n := min(len(t.w), len(t.h))
		t.w, t.h, t.at = t.w[:n], t.h[:n], t.at[:n]
	}()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), 64<<10)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, ",")
		if len(f) < 6 {
			return t, fmt.Errorf("ffmpeg says %.80q of a frame: it is not the one that is known here; %s", line, ffmpeg.Mend)
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		size, err := strconv.Atoi(f[4])
		if err != nil || size < 1 {
			return t, fmt.Errorf("ffmpeg says %.80q of a frame: it is not the one that is known here; %s", line, ffmpeg.Mend)
		}
		if f[0] == "0" {
			t.w = append(t.w, size)
			continue
		}
		at := math.NaN()
		if us, err := strconv.ParseInt(f[2], 10, 64); err == nil {
			at = float64(us) / 1e6
		}
		t.h, t.at = append(t.h, size), append(t.at, at)
	}
	return t, lines.Err()
}

// rate is the frames a second of the first n frames: what the file declares, where that is
// true, or else what they show; 0 where they do not come at a constant rate.
func (t table) rate(n int, declared float64) float64 {
	steady := func(rate float64) bool {
		if !(rate > 0) {
			return false
		}
		for k, at := range t.at[:n] {
			if !(math.Abs(at-t.at[0]-float64(k)/rate) <= maxJitter) {
				return false
			}
		}
		return true
	}
	if steady(declared) {
		return declared
	}
	if n < 3 {
		return 0
	}
	if shown := float64(n-1) / (t.at[n-1] - t.at[0]); steady(shown) {
		return shown
	}
	return 0
}

// A container is a film in a file, decoded by ffmpeg.
type container struct {
	file string
	p    probed
	set  *Set

	mu     sync.Mutex
	broken error // why decoding has failed
	from   int   // at which frame; those behind it cannot be had either
}

// failed remembers the first frame at which decoding has failed, so that nobody waits for
// what hangs once more.
func (c *container) failed(k int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil || k < c.from {
		c.broken, c.from = err, k
	}
}

func (c *container) why(k int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil || k < c.from {
		return nil
	}
	return c.broken
}

func (c *container) frame(ctx context.Context, k int) (pix.Decoded, error) {
	if err := c.why(k); err != nil {
		return pix.Decoded{}, err
	}
	m, err := c.set.decoders.frame(ctx, c, k)
	if err != nil {
		return pix.Decoded{}, err
	}
	return pix.Decoded{Image: m, Notes: slices.Clone(c.p.notes)}, nil
}

// start begins to decode at frame k.
func (c *container) start(p *ffmpeg.Program, k int) (*decoder, error) {
	// Of the scaler all that it can do for exact colours, and the same on every processor.
	const scale = "scale=flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact,"
	filters := c.set.o.filters(k)
	if c.p.alpha {
		filters += scale + "format=gbrap,premultiply=inplace=1," // onto black, as transparent images are
	}
	filters += scale + "format=rgb24"
	threads := min(4, runtime.GOMAXPROCS(0))
	if c.p.damaged {
		threads = 1
	}
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the call that starts it
	stream, err := p.Start(ctx, ffmpeg.Job{
		Inputs: []ffmpeg.Input{c.set.input(c.file, threads)}, Idle: idle,
		Output: []string{
			"-map", "0:V:0", "-vf", filters, "-fps_mode", "passthrough", "-enc_time_base", timeBase, "-frames:v", strconv.Itoa(c.p.frames - k),
			"-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
		},
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return &decoder{of: c, next: k, stream: stream, cancel: cancel}, nil
}

// A decoder is an ffmpeg that puts out the frames of a film from next on.
type decoder struct {
	of     *container
	next   int
	stream *ffmpeg.Stream
	cancel context.CancelFunc
}

func (d *decoder) close() error {
	defer d.cancel()
	return d.stream.Close()
}

// read reads the next frame.
func (d *decoder) read(ctx context.Context) (pix.Image, error) {
	stop := context.AfterFunc(ctx, d.cancel)
	defer stop()
	m := pix.New(d.of.p.w, d.of.p.h)
	_, err := io.ReadFull(d.stream, m.Pix)
	if err == nil {
		d.next++
		return m, nil
	}
	if ctx.Err() != nil {
		return pix.Image{}, ctx.Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the film has fewer frames than when it was opened")
		if said := d.stream.Said(); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
	}
	return pix.Image{}, err
}

// Bounds of how many decoders there are.
const (
	maxIdle = 4 // that wait for the next frame to be asked for
	maxBusy = 8 // that are read from
	maxSkip = 64
)

// decoders are the running decoders of a set. Frames that are asked for in their order come
// out of one; for any other frame one is started.
type decoders struct {
	program *ffmpeg.Program
	busy    chan struct{}

	mu     sync.Mutex
	idle   []*decoder // the one used last at the end
	closed bool
}

func newDecoders(p *ffmpeg.Program) *decoders {
	return &decoders{program: p, busy: make(chan struct{}, maxBusy)}
}

// take returns the decoder that is nearest before a frame, or nil.
func (p *decoders) take(c *container, k int) *decoder {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := -1
	for i, d := range p.idle {
		if d.of == c && d.next <= k && k-d.next <= maxSkip && (best < 0 || d.next > p.idle[best].next) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	d := p.idle[best]
	p.idle = slices.Delete(p.idle, best, best+1)
	return d
}

// put gives a decoder back; one that is done, or the one that waits longest where there are
// too many, is ended.
func (p *decoders) put(d *decoder) error {
	p.mu.Lock()
	var end *decoder
	switch {
	case p.closed || d.next >= d.of.p.frames:
		end = d
	default:
		if p.idle = append(p.idle, d); len(p.idle) > maxIdle {
			end = p.idle[0]
			p.idle = slices.Delete(p.idle, 0, 1)
		}
	}
	p.mu.Unlock()
	if end == nil {
		return nil
	}
	return end.close()
}

// frame decodes frame k of a film.
func (p *decoders) frame(ctx context.Context, c *container, k int) (m pix.Image, err error) {
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return m, ctx.Err()
	}
	defer func() { <-p.busy }()
	d := p.take(c, k)
	if d == nil {
		if d, err = c.start(p.program, k); err != nil {
			return m, err
		}
	}
	for d.next <= k {
		if m, err = d.read(ctx); err != nil {
			_ = d.close() // the error is told
			if ctx.Err() == nil {
				err = fmt.Errorf("%s: frame %d: %w", c.file, c.set.o.start+d.next*c.set.o.every, err)
				c.failed(d.next, err)
			}
			return m, err
		}
	}
	// What it complains of when it is ended concerns no frame that was read.
	_ = p.put(d)
	return m, nil
}

// close ends all decoders that wait.
func (p *decoders) close() error {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	var errs []error
	for _, d := range idle {
		errs = append(errs, d.close())
	}
	return errors.Join(errs...)
}
