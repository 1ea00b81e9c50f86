package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// kills is how many processes a case kills; ten cases are a hundred.
const kills = 10

// distributed are runs that are measured by workers, of which some die.
func distributed() []kind {
	return []kind{{
		name:    "KILL of workers, coordinator and server",
		promise: "ten processes die at random moments of a run by workers; its directory is that of one process, and no item is lost or doubled",
		full:    10, short: 1, try: (*attempt).killedWorkers,
		lacks: func(l *lab) string {
			if _, err := os.Stat(l.work); err != nil {
				return "there is no " + filepath.Base(l.work)
			}
			return ""
		},
	}}
}

// killedWorkers runs by a server and two workers, kills one of the processes again and
// again and starts it anew.
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
	dir := a.path("run")
	env := []string{"VTBENCH=" + a.vtbench, "VTBENCH_WORK=" + a.work, "VTBENCH_LEASE=2s", "VTBENCH_CACHE=off"}
	starts := map[string]func() *process{
		"server": func() *process {
			return a.startProgram(a.work, limits{}, env, "serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--store", a.path("queue"))
		},
		"worker 1": func() *process { return a.startProgram(a.work, limits{}, env, "--nats", url, "-j", "1") },
		"worker 2": func() *process { return a.startProgram(a.work, limits{}, env, "--nats", url, "-j", "1") },
		"coordinator": func() *process {
			more := append(slices.Clone(args), "-o", dir, "--workers", url)
			if exists(filepath.Join(dir, record.ManifestFile)) {
				more = append(more, "--resume")
			}
			return a.start(limits{}, env, more...)
		},
	}
	alive := map[string]*process{}
	defer func() {
		for _, p := range alive {
			p.killGroup()
			<-p.done
		}
	}()
	names := []string{"server", "coordinator", "worker 1", "worker 2"}
	for _, name := range names {
		alive[name] = starts[name]()
	}
	for range kills {
		time.Sleep(time.Duration((.2 + a.rng.Float64()) * float64(time.Second)))
		name := names[a.rng.IntN(len(names))]
		if name == "coordinator" && !alive[name].running() {
			name = "worker 1" // it is done
		}
		alive[name].killGroup()
		<-alive[name].done
		if name != "coordinator" || !record.Complete(dir) {
			alive[name] = starts[name]()
		}
	}
	for !record.Complete(dir) {
		o, err := alive["coordinator"].wait()
		if err != nil {
			return err
		}
		if o.signal != syscall.SIGKILL {
			if err := o.check([]int{0}, args); err != nil {
				return err
			}
		}
		if !record.Complete(dir) {
			alive["coordinator"] = starts["coordinator"]()
		}
	}
	return r.same(dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
