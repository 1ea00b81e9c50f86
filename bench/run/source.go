package run

import (
	"fmt"
	"strconv"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/tokenizers"
)

// DatasetSource is a data set of a run as the user named it.
type DatasetSource struct {
	Spec string
	Data datasets.Dataset
	// Items is how many of them another process has planned; nil lets the run plan.
	Items *int
}

// TokenizerSource is an opened tokenizer of a run.
type TokenizerSource struct {
	Name, Kind string
	Options    tokenizers.Options
	Tokenizer  tokenizers.Tokenizer
}

// Shard is a share of a run: every Count-th group of the plan, from Index on. The zero
// value is the whole run.
type Shard struct{ Index, Count int } // Index is 1-based

// String is "2/8", or "" for the whole run.
func (s Shard) String() string {
	if s.Count <= 1 {
		return ""
	}
	return strconv.Itoa(s.Index) + "/" + strconv.Itoa(s.Count)
}

func (s Shard) has(group int) bool { return s.Count <= 1 || group%s.Count == s.Index-1 }

// A ConfigError is the user's to mend: what was asked for cannot be run.
type ConfigError struct{ Err error }

// Error implements error.
func (e *ConfigError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

func configErrorf(format string, args ...any) error {
	return &ConfigError{fmt.Errorf(format, args...)}
}
