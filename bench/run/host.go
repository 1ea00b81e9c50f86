package run

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

func digestOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own plain structs
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// thisHost describes where and when the run is made.
func thisHost(program string) record.Host {
	return record.Host{
		Started: time.Now().UTC().Format(time.RFC3339), Program: program, Go: runtime.Version(),
		OS: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuModel(), Cores: runtime.NumCPU(),
	}
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "" // not Linux
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
