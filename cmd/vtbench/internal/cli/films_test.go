package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/testenv"
)

// A run over files of films measures those that are sound, frame by frame, and ends with
// status 4 where one is not, which it names; without ffmpeg it ends with status 5 and says how
// to get it.
func TestFilmsFromFiles(t *testing.T) {
	testenv.FFmpeg(t)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("films", 0o777); err != nil {
		t.Fatal(err)
	}
	film := []byte("YUV4MPEG2 W40 H30 F25:1 Cmono\n")
	for k := range 5 {
		film = append(append(film, "FRAME\n"...), bytes.Repeat([]byte{uint8(40 * k)}, 40*30)...)
	}
	for name, b := range map[string][]byte{"a.y4m": film, "b.mp4": []byte("no film"), "-i.y4m": film} {
		if err := os.WriteFile("films/"+name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "video:films", "-o", "bad")
	if status != ExitItemsFailed || !strings.Contains(stderr, "b.mp4") {
		t.Errorf("with a file that is no film: status %d, %s", status, stderr)
	}
	journal, err := os.ReadFile("bad/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for k := range 5 {
		for _, name := range []string{"a.y4m", "-i.y4m"} {
			if want := fmt.Sprintf(`"item":"%s/%04d"`, name, k); !bytes.Contains(journal, []byte(want)) {
				t.Errorf("%s was not measured", want)
			}
		}
	}
	if err := os.Remove("films/b.mp4"); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "video:films,frames=3", "-o", "good"); status != 0 {
		t.Errorf("without it: status %d, %s", status, stderr)
	}
	t.Setenv(ffmpeg.Env, "/nonesuch/ffmpeg")
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "video:films", "-o", "none"); status != ExitMissing || !strings.Contains(stderr, "make deps-video") {
		t.Errorf("without ffmpeg: status %d, %s", status, stderr)
	}
	if _, stdout, _ := vtbench(t, "doctor"); !strings.Contains(stdout, "ffmpeg") || !strings.Contains(stdout, "make deps-video") {
		t.Errorf("doctor says\n%s", stdout)
	}
}
