// Package ffmpeg finds ffmpeg and runs it as a child that is kept within bounds. Films are
// read, coded and judged by it; none of it is linked or carried.
//
// Its opinion: a decoder that parses strangers' files is treated as if it were one of them.
// It gets arguments and never a shell, no terminal, no network, and no format that names
// other files, such as playlists; it is ended with all its processes when nothing has moved
// through its pipes for a while; its memory, its output and what it says are bounded. What
// it computes depends on its build, so a build is known by the digest of its file and of the
// libraries that it loads.
//
//	p, err := ffmpeg.Open(ctx) // *missing.Error where there is none
//	err = p.Need("encoder libx265", "filter libvmaf")
//	err = p.Run(ctx, ffmpeg.Job{Inputs: []ffmpeg.Input{{File: "a.mp4"}}, Output: []string{"-f", "rawvideo", "pipe:1"}}, &out)
package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// Env is the variable that names the program.
const Env = "VTBENCH_FFMPEG"

// Release is the build that fetch.sh fetches and that is tested: the version of the package
// imageio-ffmpeg of PyPI that holds it.
const Release = "0.8.1"

// Mend is the command that fetches ffmpeg.
const Mend = "make deps-video, or set " + Env + " to an ffmpeg of 5.1 or later (apt-get install ffmpeg has one without libvmaf)"

// A Program is an ffmpeg that was found and answers.
type Program struct {
	Path    string
	Version string // "n9.0.2-17-g2a571b6068-20260930"
	SHA256  string // of the file and of the shared libraries that it loads, in hex

	has func() (map[string]bool, error) // "encoder libx264", "filter libvmaf"
}

// Find returns the path of ffmpeg: the one that the variable names, the one that fetch.sh
// fetched into vtbench's cache folder, that of the PATH. The error is a [missing.Error]
// where there is none.
func Find() (string, error) {
	if p := os.Getenv(Env); p != "" {
		path, err := exec.LookPath(p)
		if err != nil {
			return "", &missing.Error{What: "the ffmpeg that " + Env + " names", Mend: Mend, Err: err}
		}
		return filepath.Abs(path)
	}
	if cache, err := os.UserCacheDir(); err == nil {
		p := filepath.Join(cache, "vtbench", "ffmpeg-"+Release, "ffmpeg")
		if st, err := os.Stat(p); err == nil && st.Mode().IsRegular() {
			return p, nil
		}
	}
	p, err := exec.LookPath("ffmpeg")
	if err != nil {
		return "", &missing.Error{What: "ffmpeg", Mend: Mend, Err: err}
	}
	return filepath.Abs(p)
}

// opened are the programs that were looked at, by path, size and time of their files: the
// digest of one takes up to a second.
var opened = struct {
	sync.Mutex
	programs map[string]*Program
}{programs: map[string]*Program{}}

// Open finds ffmpeg, runs it once and reads its file and its libraries for the digest. The error is a
// [missing.Error] where there is none that works.
func Open(ctx context.Context) (*Program, error) {
	path, err := Find()
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, &missing.Error{What: "ffmpeg", Mend: Mend, Err: err}
	}
	key := fmt.Sprintf("%s %d %d", path, st.Size(), st.ModTime().UnixNano())
	opened.Lock()
	defer opened.Unlock()
	if p := opened.programs[key]; p != nil {
		return p, nil
	}
	p := &Program{Path: path}
	out, err := p.ask(ctx, "-version")
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, &missing.Error{What: "a usable ffmpeg", Mend: Mend, Err: err}
	}
	words := strings.Fields(out)
	if len(words) < 3 || words[0] != "ffmpeg" || words[1] != "version" {
		return nil, fmt.Errorf("%s says %.80q for its version: it is another program; %s", path, out, Mend)
	}
	p.Version = wire.Clean(words[2], 100)
	if p.SHA256, err = identity(ctx, path, out); err != nil {
		return nil, err
	}
	// Asked once and by whoever needs it first; the answer is that of the file.
	p.has = sync.OnceValues(p.capabilities)
	opened.programs[key] = p
	return p, nil
}

// String names the build: "ffmpeg 9.0.2 (0d709a0bed1a)".
func (p *Program) String() string { return fmt.Sprintf("ffmpeg %s (%.12s)", p.Version, p.SHA256) }

// maxAnswer bounds what ffmpeg says about itself; its list of filters has 40 kB.
const maxAnswer = 1 << 20

// ask returns what ffmpeg prints about itself.
func (p *Program) ask(ctx context.Context, option string) (string, error) {
	var b strings.Builder
	s, err := p.start(ctx, Job{MaxOutput: maxAnswer, Idle: DefaultIdle}, []string{"-hide_banner", option})
	if err != nil {
		return "", err
	}
	_, err = io.Copy(&b, s)
	return b.String(), errors.Join(err, s.Close())
}

func (p *Program) capabilities() (map[string]bool, error) {
	has := map[string]bool{}
	for _, kind := range []string{"encoder", "decoder", "filter"} {
		out, err := p.ask(context.Background(), "-"+kind+"s")
		if err != nil {
			return nil, fmt.Errorf("asking for its %ss: %w", kind, err)
		}
		for line := range strings.Lines(out) {
			// " V....D libx264  …": flags, the name, what it is.
			if f := strings.Fields(line); len(f) > 2 && f[1] != "=" {
				has[kind+" "+f[1]] = true
			}
		}
	}
	return has, nil
}

// Has reports whether this build has a thing: "encoder libx264", "decoder av1", "filter
// libvmaf".
func (p *Program) Has(thing string) (bool, error) {
	has, err := p.has()
	return has[thing], err
}

// Need returns a [missing.Error] where this build lacks one of several things.
func (p *Program) Need(things ...string) error {
	var lacks []string
	for _, t := range things {
		ok, err := p.Has(t)
		if err != nil {
			return err
		}
		if !ok {
			lacks = append(lacks, t)
		}
	}
	if len(lacks) > 0 {
		return &missing.Error{
			What: "an ffmpeg with " + strings.Join(lacks, ", "), Mend: Mend,
			Err: fmt.Errorf("%s, version %s, lacks it", p.Path, p.Version),
		}
	}
	return nil
}

// DefaultIdle is how long ffmpeg may read and write nothing before it is ended.
const DefaultIdle = 60 * time.Second

// DefaultMemory is how much memory ffmpeg may allocate, in bytes.
const DefaultMemory = 2 << 30

// An Input is what ffmpeg reads: a file or a stream.
type Input struct {
	Options []string // those of this input: "-f", "rawvideo", "-s", "64x48", …
	File    string
	// Reader is read where there is no File. ffmpeg may leave it before its end; closing
	// the [Stream] waits for a Read that is under way. One that is an io.Closer is closed
	// when ffmpeg takes no more.
	Reader io.Reader
}

// A Job is one run of ffmpeg.
type Job struct {
	Inputs []Input
	// Output are the options and names of the outputs, behind the inputs. "pipe:1" is the
	// stream that is returned; files are named by [File].
	Output []string
	// Level is what ffmpeg says, "error" unless stated: "info" for filters that report so.
	Level string
	// Idle is how long nothing may move through the pipes while ffmpeg is waited for;
	// [DefaultIdle] for 0.
	Idle time.Duration
	// MaxOutput bounds the bytes of the output stream; 0 is no bound, for those who read
	// no further than they need.
	MaxOutput int64
	// MaxMemory bounds what ffmpeg allocates, on Linux; [DefaultMemory] for 0.
	MaxMemory uint64
}

// formats are the demuxers that may be used: none of them opens other files.
const formats = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,yuv4mpegpipe,rawvideo,ivf,h264,hevc,av1,obu"

// File names a file so that ffmpeg takes it for nothing else, whatever it is called.
func File(name string) (string, error) {
	abs, err := filepath.Abs(name)
	return "file:" + abs, err
}

// args is the command line of a job. Inputs that are streams are the files from 3 on.
func (j Job) args() ([]string, error) {
	level := j.Level
	if level == "" {
		level = "error"
	}
	args := []string{"-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+" + level, "-y"}
	fd := 3
	for _, in := range j.Inputs {
		args = append(args, "-protocol_whitelist", "file,pipe", "-format_whitelist", formats)
		args = append(args, in.Options...)
		name := fmt.Sprintf("pipe:%d", fd)
		if in.File != "" {
			var err error
			if name, err = File(in.File); err != nil {
				return nil, err
			}
		} else {
			fd++
		}
		args = append(args, "-i", name)
	}
	return append(args, j.Output...), nil
}

// Run runs a job to its end and writes its output stream to out.
func (p *Program) Run(ctx context.Context, j Job, out io.Writer) error {
	s, err := p.Start(ctx, j)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, s)
	return errors.Join(err, s.Close())
}

// Start starts a job, whose output is then read from the stream.
func (p *Program) Start(ctx context.Context, j Job) (*Stream, error) {
	args, err := j.args()
	if err != nil {
		return nil, err
	}
	return p.start(ctx, j, args)
}
