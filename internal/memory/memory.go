// Package memory tells how much of it processes have in use, on Linux; elsewhere it
// tells 0.
package memory

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
)

// Reset gives unused memory back and forgets the peak of this process.
func Reset() {
	debug.FreeOSMemory()
	resetPeak("self")
}

// Now is the resident memory of this process in bytes.
func Now() int64 { return status("self", "VmRSS:") }

// Of is the resident memory of another process in bytes.
func Of(pid int) int64 { return status(strconv.Itoa(pid), "VmRSS:") }

// Peak is the most that this process had in use since Reset, in bytes.
func Peak() int64 { return status("self", "VmHWM:") }

// ResetGroup forgets the peaks of the processes of a process group.
func ResetGroup(pgid int) {
	for _, pid := range group(pgid) {
		resetPeak(pid)
	}
}

// PeakGroup is the sum of the peaks of the processes of a process group in bytes;
// pages that they share count for each.
func PeakGroup(pgid int) int64 {
	var sum int64
	for _, pid := range group(pgid) {
		sum += status(pid, "VmHWM:")
	}
	return sum
}

func resetPeak(pid string) {
	// 5: reset the peak resident set size, proc(5). Where it is refused, the peak is that
	// of the whole life of the process, which is an upper bound.
	_ = os.WriteFile(filepath.Join("/proc", pid, "clear_refs"), []byte("5"), 0)
}

// status reads a field of /proc/PID/status, which is in kB.
func status(pid, field string) int64 {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if f := bytes.Fields(line); len(f) > 1 && string(f[0]) == field {
			kb, err := strconv.ParseInt(string(f[1]), 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

// group lists the processes of a process group.
func group(pgid int) []string {
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	want := strconv.Itoa(pgid)
	var out []string
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		// The name of the program, in parentheses, may hold blanks: pid (name) state ppid pgrp
		if f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]); len(f) > 2 && string(f[2]) == want {
			out = append(out, filepath.Base(filepath.Dir(name)))
		}
	}
	return out
}
