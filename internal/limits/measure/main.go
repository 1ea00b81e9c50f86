// Measure gives hostile inputs to builds of vtbench and prints, as a table in Markdown, the
// peak memory of each and its exit status.
//
//	go run ./internal/limits/measure [-only TEXT] [-most MB] [-patience TIME] PROGRAM…
//
// A build that takes more memory than -most is killed, and so is one that has not ended
// after -patience of processor time.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/internal/limits"
	"github.com/vtbench/vtbench/internal/memory"
)

var patience time.Duration

func main() {
	only := flag.String("only", "", "only inputs whose name holds this")
	most := flag.Int64("most", 6000, "MB at which a program is killed")
	flag.DurationVar(&patience, "patience", time.Minute, "processor time after which it is killed, too")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: measure [-only TEXT] [-most MB] PROGRAM…")
		os.Exit(2)
	}
	if err := run(*only, *most, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(only string, most int64, programs []string) error {
	head, rule := "| input | size |", "|---|---:|"
	for _, p := range programs {
		head += " " + filepath.Base(filepath.Dir(p)) + " |"
		rule += "---:|"
	}
	fmt.Println(head + "\n" + rule)
	for _, in := range limits.Inputs() {
		if !strings.Contains(in.Name, only) {
			continue
		}
		line := "| " + in.Name + " |"
		for i, p := range programs {
			cell, size, err := one(in, p, most)
			if err != nil {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
			if i == 0 {
				line += fmt.Sprintf(" %s |", short(size))
			}
			line += " " + cell + " |"
		}
		fmt.Println(line)
	}
	return nil
}

// short writes a size in the unit that fits.
func short(n int64) string {
	switch {
	case n < 10_000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 10_000_000:
		return strconv.FormatInt(n/1000, 10) + " kB"
	}
	return strconv.FormatInt(n/1_000_000, 10) + " MB"
}

// one runs a program on an input and returns its peak and status, and how much disk the
// input takes.
func one(in limits.Input, program string, most int64) (cell string, size int64, err error) {
	program, err = filepath.Abs(program)
	if err != nil {
		return "", 0, err
	}
	dir, err := os.MkdirTemp("", "vtbench-limits-")
	if err != nil {
		return "", 0, err
	}
	defer os.RemoveAll(dir)
	args, err := in.Make(dir)
	if err != nil {
		return "", 0, err
	}
	if size, err = disk(dir); err != nil {
		return "", 0, err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	said, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		return "", 0, err
	}
	defer said.Close()
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	memory.Reset() // the kernel counts what the parent has in use when a child begins
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	over, late := false, false
	for {
		select {
		case err := <-done:
			var ee *exec.ExitError
			if err != nil && !errors.As(err, &ee) {
				return "", 0, err
			}
			if b, err := os.ReadFile(said.Name()); err == nil && os.Getenv("VERBOSE") != "" { //nolint:forbidigo // written above
				fmt.Fprintf(os.Stderr, "%s: %s: %.400s\n", filepath.Base(filepath.Dir(program)), in.Name, b)
			}
			peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
			switch {
			case late:
				return fmt.Sprintf("%d MB, no end in %.0f s", peak, patience.Seconds()), size, nil
			case over:
				return fmt.Sprintf("> %d MB", peak), size, nil
			}
			return fmt.Sprintf("%d MB, %d", peak, cmd.ProcessState.ExitCode()), size, nil
		case <-time.After(20 * time.Millisecond):
			over = over || memory.Of(cmd.Process.Pid) > most<<20
			late = late || worked(cmd.Process.Pid) > patience
			if over || late {
				if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					return "", 0, err
				}
			}
		}
	}
}

// worked is the processor time that a process has taken.
func worked(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) //nolint:forbidigo // of the kernel
	if err != nil {
		return 0 // it has ended
	}
	// pid (name) state and ten numbers, then the ticks, of 10 ms, as user and in the kernel
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	var ticks int
	for _, s := range f[11:13] {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// disk is how much space the files of a folder take.
func disk(dir string) (int64, error) {
	var n int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
			n += min(st.Blocks*512, info.Size())
		}
		return nil
	})
	return n, err
}
