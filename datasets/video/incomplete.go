package video

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
)

// incomplete says why a file must be cut short, for the formats of which ffmpeg takes what is
// there without a word; "" for others, and where nothing is wrong.
func incomplete(file string) string {
	f, err := files.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return ""
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		return ""
	}
	head = head[:n]
	switch strings.ToLower(path.Ext(file)) {
	case ".avi":
		// RIFF, the number of bytes that follow, AVI
		if len(head) < 12 || string(head[:4]) != "RIFF" {
			return ""
		}
		if want := 8 + int64(binary.LittleEndian.Uint32(head[4:])); want > st.Size() {
			return fmt.Sprintf("its header announces %d bytes, it has %d", want, st.Size())
		}
	case ".y4m":
		line, _, ok := bytes.Cut(head, []byte("\n"))
		frame := frameBytes(string(line))
		if !ok || frame == 0 {
			return ""
		}
		if rest := (st.Size() - int64(len(line)) - 1) % (int64(len("FRAME\n")) + frame); rest != 0 {
			return fmt.Sprintf("its last frame has %d bytes of %d", max(0, rest-int64(len("FRAME\n"))), frame)
		}
	}
	return ""
}

// sampling is how a header of YUV4MPEG2 states the format of pixels: C420jpeg, C422p10.
var sampling = regexp.MustCompile(`^C(420|422|444|mono)(?:p?(\d+)|jpeg|paldv|mpeg2)?$`)

// frameBytes is how long a frame of YUV4MPEG2 is; 0 where the header says nothing known.
func frameBytes(header string) int64 {
	var w, h int64
	format := "C420"
	for _, field := range strings.Fields(header) {
		switch field[0] {
		case 'W':
			w, _ = strconv.ParseInt(field[1:], 10, 32) // 0 where it is none
		case 'H':
			h, _ = strconv.ParseInt(field[1:], 10, 32)
		case 'C':
			format = field
		}
	}
	m := sampling.FindStringSubmatch(format)
	if m == nil || w < 1 || h < 1 {
		return 0
	}
	n := w * h
	switch m[1] {
	case "420":
		n += 2 * ((w + 1) / 2) * ((h + 1) / 2)
	case "422":
		n += 2 * ((w + 1) / 2) * h
	case "444":
		n *= 3
	}
	if m[2] != "" && m[2] != "8" {
		n *= 2
	}
	return n
}
