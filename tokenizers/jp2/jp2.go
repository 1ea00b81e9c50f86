// Package jp2 is JPEG 2000 by OpenCV: the tokenizer jp2. The codec runs in the helper
// vtbench-opencv, since loading OpenCV would cost every call of vtbench and an exception
// inside it would end the run.
package jp2

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// Kind is the entry for a registry.
func Kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name: "jp2", Summary: "JPEG 2000 by OpenCV", Example: "jp2:rate=50",
		Options: []tokenizers.Option{
			tokenizers.IntOption("rate", 100, 1, 1000, "size of the codestream in thousandths of the raw image"),
		},
		Open: open,
	}
}

func open(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	path, err := opencv.Find()
	if err != nil {
		return nil, err
	}
	kind := process.Kind()
	spec := tokenizers.Spec{Name: "jp2", Kind: kind.Name, Arg: shellquote.Join(path, "jp2", "-rate", opts["rate"])}
	_, all, err := tokenizers.Resolve(spec, []tokenizers.Kind{kind})
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return kind.Open(ctx, all)
}

// Payload is the number of bytes of the codestream in a JP2 file, without the boxes
// around it (ISO/IEC 15444-1, annex I).
func Payload(data []byte) (int, error) {
	total := 0
	for rest := data; len(rest) > 0; {
		if len(rest) < 8 {
			return 0, errors.New("JP2 file ends in a box header")
		}
		size, head := uint64(binary.BigEndian.Uint32(rest)), uint64(8)
		switch {
		case size == 1: // the size follows in 64 bits
			if len(rest) < 16 {
				return 0, errors.New("JP2 file ends in a box header")
			}
			size, head = binary.BigEndian.Uint64(rest[8:]), 16
		case size == 0: // to the end of the file
			size = uint64(len(rest))
		}
		if size < head || size > uint64(len(rest)) {
			return 0, fmt.Errorf("JP2 box %q of %d bytes does not fit the file", rest[4:8], size)
		}
		if string(rest[4:8]) == "jp2c" {
			total += int(size - head)
		}
		rest = rest[size:]
	}
	if total == 0 {
		return 0, errors.New("JP2 file has no codestream")
	}
	return total, nil
}
