//go:build !linux && unix

package process

import (
	"errors"
	"os"

	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// shared memory needs memfd_create: elsewhere everything goes through the pipe.
type shared struct {
	file *os.File
	mem  []byte
}

func newShared() (*shared, error)                 { return nil, errors.ErrUnsupported }
func (*shared) cookie() string                    { return "" }
func (*shared) place(int, int) (*wire.Shm, error) { return nil, errors.ErrUnsupported }
func (*shared) close()                            {}
