package process

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// cookieLen is the length of the random bytes at the start of the shared memory.
const cookieLen = 16

// shmAlign keeps the parts of the shared memory on pages of their own.
const shmAlign = 4096

// A shared is an anonymous file mapped by both sides. It has no name, so nothing
// can be left behind, and it is sealed against shrinking, so that the other side
// cannot turn a read of ours into a bus error.
type shared struct {
	file *os.File
	mem  []byte
}

// newShared makes one page with a fresh cookie at its start.
func newShared() (*shared, error) {
	fd, err := unix.MemfdCreate("vtbench", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("creating shared memory: %w", err)
	}
	s := &shared{file: os.NewFile(uintptr(fd), "vtbench-shared")}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK); err != nil {
		s.close()
		return nil, fmt.Errorf("sealing shared memory: %w", err)
	}
	if err := s.grow(shmAlign); err != nil {
		s.close()
		return nil, err
	}
	if _, err := rand.Read(s.mem[:cookieLen]); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// cookie is what the plug-in must answer to show that it sees the same memory.
func (s *shared) cookie() string { return hex.EncodeToString(s.mem[:cookieLen]) }

// grow makes the mapping at least n bytes long.
func (s *shared) grow(n int) error {
	if n <= len(s.mem) {
		return nil
	}
	n = (n + shmAlign - 1) / shmAlign * shmAlign
	fd := int(s.file.Fd())
	if err := unix.Ftruncate(fd, int64(n)); err != nil {
		return fmt.Errorf("growing shared memory to %d bytes: %w", n, err)
	}
	mem, err := unix.Mmap(fd, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping %d bytes of shared memory: %w", n, err)
	}
	if s.mem != nil {
		if err := unix.Munmap(s.mem); err != nil {
			return fmt.Errorf("unmapping shared memory: %w", err)
		}
	}
	s.mem = mem
	return nil
}

// place lays out a request of in bytes and room for out bytes of answer.
func (s *shared) place(in, out int) (*wire.Shm, error) {
	start := (in + 2*shmAlign - 1) / shmAlign * shmAlign // the first page is the cookie's
	if err := s.grow(start + out); err != nil {
		return nil, err
	}
	return &wire.Shm{
		Size: len(s.mem),
		In:   wire.Span{Off: shmAlign, Len: in},
		Out:  wire.Span{Off: start, Len: out},
	}, nil
}

// close gives the memory back.
func (s *shared) close() {
	if s.mem != nil {
		_ = unix.Munmap(s.mem) // only fails on a mapping that is not one
		s.mem = nil
	}
	_ = s.file.Close() // nothing was written that could be lost
}
