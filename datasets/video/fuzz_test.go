package video

import (
	"bytes"
	"testing"
)

// FuzzTable reads what is not what ffmpeg says of frames.
func FuzzTable(f *testing.F) {
	f.Add([]byte("#tb 0: 1/1000000\n0, 0, 0, 1, 64, 0xd0ba2013\n1, 0, 0, 40000, 48, 0x13ad0232\n0, 1, 1, 1, 64, 0xd0ba2013\n1, 40000, 40000, 40000, 48, 0x1\n"))
	f.Add([]byte("#tb 0: 0/0\n1, NOPTS, NOPTS, 1, 1, 0\n0, 1, 1, 1, 99999999999999999999, 0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readTable(bytes.NewReader(b))
		if len(got.w) != len(got.h) || len(got.w) != len(got.at) {
			t.Fatalf("%d widths, %d heights, %d times", len(got.w), len(got.h), len(got.at))
		}
		if err != nil {
			return
		}
		for k := range got.w {
			if got.w[k] < 1 || got.h[k] < 1 {
				t.Errorf("frame %d is %d×%d", k, got.w[k], got.h[k])
			}
		}
		if r := got.rate(len(got.at), 25); r < 0 {
			t.Errorf("%g frames a second", r)
		}
	})
}

// FuzzHeader reads what is no header of YUV4MPEG2.
func FuzzHeader(f *testing.F) {
	f.Add("YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg")
	f.Add("YUV4MPEG2 W-1 H99999999999 C444p16")
	f.Fuzz(func(t *testing.T, header string) {
		if n := frameBytes(header); n < 0 {
			t.Errorf("a frame has %d bytes", n)
		}
	})
}
