package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
)

// A line that cannot be read is told with its number, and those behind it are read.
func TestBadLines(t *testing.T) {
	dir := t.TempDir()
	lines := []string{`{"item":"a","metric":"m"}`, `{"item":`, `{"item":"c"}`, `{"item":"` + strings.Repeat("x", 17<<20) + `"}`, `{"item":"e","notes":[` + strings.Repeat(`"",`, 5<<20) + `""]}`, `{"item":"f"}`}
	text := strings.Join(lines, "\n") + "\n"
	sum := sha256.Sum256([]byte(text))
	for name, b := range map[string]string{
		record.RecordsFile: text,
		record.GroupsFile: fmt.Sprintf(`{"group":0,"items":1,"records":{"lines":%d,"bytes":%d,"sha256":%q},"codes":{}}`+"\n",
			len(lines), len(text), hex.EncodeToString(sum[:])),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var items []string
	var bad []int
	for r, err := range record.Records(dir) {
		var line *record.LineError
		if errors.As(err, &line) {
			bad = append(bad, line.Line)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, r.Item)
	}
	if got := fmt.Sprint(items, bad); got != "[a c f] [2 4 5]" {
		t.Errorf("read %s", got)
	}
}
