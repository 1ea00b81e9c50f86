//go:build unix

package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vtbench/vtbench/internal/child"
	"github.com/vtbench/vtbench/tokenizers"
)

// FDKind is the registry entry of a tokenizer that lives in the program which started
// this one: it speaks the plug-in protocol over two descriptors that were inherited.
// No process is started or ended for it. What it says is held against the same bounds
// and deadlines as a plug-in's; what is lost cannot be started again, so the first fault
// of the stream ends it.
func FDKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:       "fd",
		Summary:    "the program that started vtbench, over two inherited descriptors; Python's vtbench.evaluate uses it",
		Example:    "fd:3,4",
		Arg:        "descriptors",
		ArgOptions: true,
		Options: append([]tokenizers.Option{
			{Name: "descriptors", Required: true, Help: "R,W: the numbers of the descriptor that answers are read from and of the one that requests are written to", Check: func(v string) error {
				_, err := parseDescriptors(v)
				return err
			}},
		}, limits()...),
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			t, err := OpenFD(ctx, opts)
			if err != nil {
				return nil, err
			}
			return t.withAbilities(), nil
		},
	}
}

// OpenFD takes the descriptors over and shakes hands with the other side. Descriptors that
// were not inherited, or were taken before, are refused: they are some file of this
// program's own.
func OpenFD(ctx context.Context, opts tokenizers.Options) (*Tokenizer, error) {
	_, opts, err := tokenizers.Resolve(tokenizers.Spec{Name: "fd", Kind: "fd", Opts: opts}, []tokenizers.Kind{FDKind()})
	if err != nil {
		return nil, err
	}
	c := &config{label: "fd:" + opts["descriptors"], replicas: 1, wait: firstWait, ends: &ends{}}
	if c.ends.fd, err = parseDescriptors(opts["descriptors"]); err != nil {
		return nil, err
	}
	if err := c.limits(opts); err != nil {
		return nil, err
	}
	return open(ctx, c)
}

// maxDescriptor is beyond what systems allow a process to have open.
const maxDescriptor = 1 << 20

// parseDescriptors reads "3,4".
func parseDescriptors(v string) (fd [2]int, err error) {
	r, w, ok := strings.Cut(v, ",")
	for i, s := range []string{r, w} {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if !ok || err != nil || n < 3 || n > maxDescriptor {
			return fd, errors.New("want two descriptors R,W from 3 on, one to read from and one to write to")
		}
		fd[i] = n
	}
	if fd[0] == fd[1] {
		return fd, fmt.Errorf("descriptor %d stands on both sides: want two; duplicate a socket", fd[0])
	}
	return fd, nil
}

// ends are the descriptors that lead to a tokenizer in another program.
type ends struct {
	fd [2]int // to read from, to write to
}

// take makes files of the descriptors, which can be done once.
func (e *ends) take() (in, out *os.File, err error) {
	for i, mode := range []int{unix.O_RDONLY, unix.O_WRONLY} {
		if err := inherited(e.fd[i], mode); err != nil {
			return nil, nil, err
		}
	}
	for _, fd := range e.fd {
		// No process that is started here may hold the other side's stream open; and a
		// file that is waited for must not block.
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	return os.NewFile(uintptr(e.fd[0]), "answers"), os.NewFile(uintptr(e.fd[1]), "requests"), nil
}

// inherited refuses a descriptor that is no pipe or socket left open by the program that
// started this one. Whatever Go opens is closed on exec; what was inherited is not.
func inherited(fd, mode int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err != nil {
		return fmt.Errorf("descriptor %d is not open (%w): have the program that starts vtbench pass it on", fd, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("descriptor %d: %w", fd, err)
	}
	kind := st.Mode & unix.S_IFMT
	if flags&unix.FD_CLOEXEC != 0 || kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		return fmt.Errorf("descriptor %d is no pipe or socket that was passed on to vtbench: have the program that starts it do so", fd)
	}
	status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return fmt.Errorf("descriptor %d: %w", fd, err)
	}
	if has := status & unix.O_ACCMODE; has != mode && has != unix.O_RDWR {
		return fmt.Errorf("descriptor %d is open the other way: name the one to read from first, then the one to write to", fd)
	}
	return nil
}

// attach makes a proc of a tokenizer that is there already.
func attach(c *config) (*proc, error) {
	in, out, err := c.ends.take()
	if err != nil {
		return nil, err
	}
	p := newProc()
	p.stdin, p.stdout = out, in
	close(p.drained) // it has no standard error of ours
	child.Widen(in)
	child.Widen(out)
	go p.read()
	return p, nil
}

// Gone implements [tokenizers.Guest].
func (t *Tokenizer) Gone() <-chan struct{} {
	if t.guest == nil {
		return nil
	}
	return t.guest.exited
}

// Why implements [tokenizers.Guest].
func (t *Tokenizer) Why() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lastErr != nil {
		return t.lastErr
	}
	select {
	case <-t.guest.exited:
		return t.guest.waitErr
	default:
		return errSides
	}
}

// errSides is what a program that is not a child of this one did.
var errSides = errors.New("the other side closed its end of the descriptors")

var _ tokenizers.Guest = (*Tokenizer)(nil)
