package ocr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

// english is the content of the system's English data; without it the test is
// skipped.
func english(t testing.TB) []byte {
	t.Helper()
	data, err := findLanguage("eng", "")
	testenv.Need(t, err)
	b, err := os.ReadFile(filepath.Join(data.dir, "eng.traineddata"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// install writes language data to a folder of their own.
func install(t testing.TB, lang string, b []byte) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, lang+".traineddata"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// wantMissing asserts that a pool does not open and that the error says what to
// install.
func wantMissing(t *testing.T, opt Options, says ...string) {
	t.Helper()
	p, err := NewPool(context.Background(), opt)
	if err == nil {
		t.Error("the pool opens")
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	if m := (*missing.Error)(nil); !errors.As(err, &m) {
		t.Errorf("error %v is no *missing.Error", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("error %q does not say %q", err, s)
		}
	}
}

func TestMissingLanguage(t *testing.T) {
	wantMissing(t, Options{Lang: "xyz", DataDir: t.TempDir()}, `"xyz"`, "apt-get install", "tesseract-ocr-xyz", "make deps")
	wantMissing(t, Options{Lang: "chi_sim+eng", DataDir: t.TempDir()}, "tesseract-ocr-chi-sim tesseract-ocr-eng")
	t.Setenv("TESSDATA_PREFIX", t.TempDir())
	wantMissing(t, Options{}, os.Getenv("TESSDATA_PREFIX"), "tesseract-ocr-eng")
}

func TestDamagedLanguageData(t *testing.T) {
	eng := english(t)
	lstm := int(binary.LittleEndian.Uint64(eng[4+8*entryLSTM:]))
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(eng)) }
	for _, tt := range []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "no plausible size"},
		{"cut short", eng[:20<<10], "starts at byte"},
		{"zeros", make([]byte, len(eng)), "claims 0 entries"},
		{"a web page", bytes.Repeat([]byte("<!DOCTYPE html>"), 9999), "claims"},
		{"offset beyond the end", edit(func(b []byte) []byte { b[4+8*entryUnicharset+6] = 1; return b }), "entry 21 starts at"},
		{"no LSTM model", edit(func(b []byte) []byte {
			copy(b[4+8*entryLSTM:], bytes.Repeat([]byte{0xff}, 8))
			return b
		}), "Tesseract 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantMissing(t, Options{DataDir: install(t, "eng", tt.data)}, tt.says, "apt-get install --reinstall tesseract-ocr-eng")
		})
	}
	t.Run("inside the model", func(t *testing.T) {
		if _, err := exec.LookPath("tesseract"); err != nil {
			testenv.Skip(t, "damage inside a model is only found with the tesseract program: apt-get install tesseract-ocr")
		}
		rng := rand.New(rand.NewPCG(3, 4))
		wantMissing(t, Options{DataDir: install(t, "eng", edit(func(b []byte) []byte {
			for i := lstm; i < lstm+400; i++ {
				b[i] = byte(rng.Uint32())
			}
			return b
		}))}, "cannot read with it")
	})
}

func TestUnknownLanguageDataAreTried(t *testing.T) {
	eng := english(t)
	// Trailing bytes belong to the last entry, the version: another digest, but sound.
	dir := install(t, "own", append(bytes.Clone(eng), " of our own"...))
	p, err := NewPool(context.Background(), Options{Lang: "own", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewPool(gone, Options{Lang: "own", DataDir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("opening with an ended context gives %v", err)
	}
}

func TestTessdataPrefix(t *testing.T) {
	eng := english(t)
	parent := t.TempDir()
	if err := os.Mkdir(filepath.Join(parent, "tessdata"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, "tessdata", "eng.traineddata"), eng, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{parent, filepath.Join(parent, "tessdata")} {
		t.Setenv("TESSDATA_PREFIX", prefix)
		data, err := findLanguage("eng", "")
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(parent, "tessdata"); data.dir != want {
			t.Errorf("with TESSDATA_PREFIX=%s the data come from %s, want %s", prefix, data.dir, want)
		}
	}
}

func FuzzContents(f *testing.F) {
	header := binary.LittleEndian.AppendUint32(nil, 24)
	for i := range 24 {
		header = binary.LittleEndian.AppendUint64(header, uint64(196+1000*i))
	}
	f.Add(header, int64(4<<20))
	f.Add([]byte{}, int64(4<<20))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, int64(4<<20))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		if checkContents(bytes.NewReader(b), size) != nil {
			return
		}
		n := int(binary.LittleEndian.Uint32(b))
		last := int64(0)
		for i := range n {
			o := int64(binary.LittleEndian.Uint64(b[4+8*i:]))
			if o == -1 {
				continue
			}
			if o <= last || o >= size {
				t.Errorf("entry %d at %d after %d of %d was let through", i, o, last, size)
			}
			last = o
		}
	})
}
