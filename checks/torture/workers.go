package main

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// kills is how many processes a case kills; ten cases are a hundred.
const kills = 10

// A unit whose measuring process ends three times is given up, and its records are errors.
// That is right, and not what this kind looks for.
const mostMeasuring = 2

// distributed are runs that are measured by workers, of which some die.
func distributed() []kind {
	return []kind{{
		name:    "KILL of workers, coordinator and server",
		promise: "ten processes die at random moments of runs by workers; each directory is that of one process, and no item is lost or doubled",
		full:    10, short: 1, try: (*attempt).killedWorkers,
		lacks: func(l *lab) string {
			if _, err := os.Stat(l.work); err != nil {
				return "there is no " + filepath.Base(l.work)
			}
			return ""
		},
	}}
}

// A fleet is what a run by workers consists of: a server, the run, and two workers. The run
// has a child that carries its units, each worker one that measures.
type fleet struct {
	starts map[string]func() *process
	alive  map[string]*process
	began  time.Time
	log    []string
	killed map[string]int
}

const (
	theServer = "server"
	theRun    = "run"
	carrier   = "carrier"
)

// start starts a part, anew if it was there.
func (f *fleet) start(part string) { f.alive[part] = f.starts[part]() }

// kill kills a part, or the child of one, and starts what died with it. It reports whether
// there was something to kill.
func (f *fleet) kill(victim string) bool {
	part, child := strings.CutSuffix(victim, "'s measuring process")
	if victim == carrier {
		part, child = theRun, true
	}
	p := f.alive[part]
	if child {
		pid := childOf(p.cmd.Process.Pid)
		if pid == 0 || syscall.Kill(-pid, syscall.SIGKILL) != nil {
			return false
		}
	} else {
		if !p.running() {
			return false
		}
		p.killGroup()
		<-p.done
		if part != theRun {
			f.start(part)
		}
	}
	f.log = append(f.log, fmt.Sprintf("%.2f s: %s", time.Since(f.began).Seconds(), victim))
	f.killed[victim]++
	return true
}

// killedWorkers measures by a server, in every second case one that the run starts, and two
// workers, and kills one of the processes again and again, each while a run is not done. One
// that is done before enough died is compared, and another begun.
func (a *attempt) killedWorkers() error {
	args := []string{"run", "-q", "--resamples", "100", "--batch", "1", "-t", "jpeg:q=20", "-t", "vq:patch=8,k=1024", "--suite", "detail", "--limit", "12"}
	r, err := a.undisturbed(append(slices.Clone(args), "-j", "1", "--no-cache"))
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	env := []string{"VTBENCH=" + a.vtbench, "VTBENCH_WORK=" + a.work, "VTBENCH_LEASE=2s", "VTBENCH_CACHE=off"}
	dir := ""
	own := a.n%2 == 1 // the run starts the server
	worker := func() *process { return a.startProgram(a.work, limits{}, env, "--nats", url, "-j", "1") }
	f := &fleet{alive: map[string]*process{}, began: time.Now(), killed: map[string]int{}, starts: map[string]func() *process{
		theServer: func() *process {
			return a.startProgram(a.work, limits{}, env, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--store", a.path("queue"))
		},
		"worker 1": worker, "worker 2": worker,
		theRun: func() *process {
			more := append(slices.Clone(args), "-o", dir, "--workers", url)
			if own {
				more = append(slices.Clone(args), "-o", dir, "--listen", fmt.Sprintf("127.0.0.1:%d", port))
			}
			if exists(filepath.Join(dir, record.ManifestFile)) {
				more = append(more, "--resume")
			}
			return a.start(limits{}, env, more...)
		},
	}}
	defer func() {
		for _, p := range f.alive {
			p.killGroup()
			<-p.done
		}
		a.tell(f.log, f.killed)
	}()
	victims := []string{theServer, theRun, carrier, "worker 1", "worker 2", "worker 1's measuring process", "worker 2's measuring process"}
	if own {
		victims = victims[1:]
	} else {
		f.start(theServer)
	}
	f.start("worker 1")
	f.start("worker 2")
	for done, runs := 0, 0; done < kills; runs++ {
		dir = a.path(fmt.Sprint("run", runs))
		f.start(theRun)
		for measuring := 0; ; {
			died := "" // what was killed, and the run with it
			for done < kills && died == "" {
				f.alive[theRun].pause(time.Duration((.1 + .9*a.rng.Float64()) * float64(time.Second)))
				if !f.alive[theRun].running() {
					break
				}
				victim := victims[a.rng.IntN(len(victims))]
				if strings.HasSuffix(victim, "process") {
					if measuring == mostMeasuring {
						continue
					}
					measuring++
				}
				if !f.kill(victim) {
					continue
				}
				done++
				if victim == theRun || victim == carrier {
					died = victim
				}
			}
			o, err := f.alive[theRun].wait()
			if err != nil {
				return fmt.Errorf("%w\nkilled: %s", err, strings.Join(f.log, ", "))
			}
			if record.Complete(dir) && o.status == 0 {
				break
			}
			switch {
			case died == theRun:
			case died == carrier && o.status == 1 && strings.Contains(o.err, "--resume"):
			case died == carrier:
				return fmt.Errorf("the carrier was killed, and the run ended with status %d and does not say how to go on:\n%s", o.status, tail(o.err))
			default:
				return fmt.Errorf("the run ended with status %d and is not complete:\n%s\nkilled: %s", o.status, tail(o.err), strings.Join(f.log, ", "))
			}
			f.start(theRun)
		}
		if err := r.same(dir); err != nil {
			return fmt.Errorf("%w\nkilled: %s", err, strings.Join(f.log, ", "))
		}
		f.log = append(f.log, fmt.Sprintf("%.2f s: a run is done, its directory that of one process", time.Since(f.began).Seconds()))
	}
	return nil
}

// tell keeps what a case did, for the table and for -v.
func (a *attempt) tell(log []string, counts map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.counts == nil {
		a.counts = map[string]int{}
	}
	for what, n := range counts {
		a.counts[strings.NewReplacer(" 1", "", " 2", "").Replace(what)] += n
	}
	if a.o.verbose {
		fmt.Fprintf(os.Stderr, "case %d:\n  %s\n", a.n, strings.Join(log, "\n  "))
	}
}

// killedInAll says what was killed, and how often.
func (l *lab) killedInAll() string {
	var out []string
	for _, what := range slices.Sorted(maps.Keys(l.counts)) {
		out = append(out, fmt.Sprintf("%s %d", what, l.counts[what]))
	}
	return strings.Join(out, ", ")
}

// childOf is a child of a process, or 0.
func childOf(parent int) int {
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range all {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		b, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // it has ended
		}
		// After the name in parentheses: the state and the parent.
		if f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]); len(f) > 1 && string(f[0]) != "Z" && string(f[1]) == strconv.Itoa(parent) {
			return pid
		}
	}
	return 0
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
