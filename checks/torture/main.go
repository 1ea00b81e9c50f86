// Torture attacks vtbench as its surroundings could: signals at random moments, full
// disks, too few descriptors, edited journals, two writers, plug-ins and inputs of
// somebody who means harm. After each attack it holds what is left against what was
// promised: the bytes of an undisturbed run, or a stated exit status with a message, in
// bounded time and memory.
//
//	make torture                                  # all kinds, 2,000 cases and more
//	go -C checks run ./torture -kind KILL -seed 7  # some
//
// Cases are numbered and drawn from the seed, so a case is repeated by its kind, number
// and seed, which a failure prints. Signals are sent at moments drawn from the seed; where
// the program is at that moment depends on the machine as well.
//
// Prints a table of kinds, cases tried and cases held, and exits with status 1 where one
// did not hold. It is no part of vtbench's binary. SECURITY.md names the kind that checks
// each promise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

// options of the command line.
type options struct {
	seed    uint64
	kind    string
	number  int
	short   bool
	jobs    int
	bin     string
	dir     string
	verbose bool
}

func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	fs := flag.NewFlagSet("torture", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Uint64Var(&o.seed, "seed", 1, "seed of all that is random")
	fs.StringVar(&o.kind, "kind", "", "only kinds whose name matches this regular expression")
	fs.IntVar(&o.number, "case", -1, "only the case of this number")
	fs.BoolVar(&o.short, "short", false, "a few cases of each kind, for CI")
	fs.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "cases at once")
	fs.StringVar(&o.bin, "bin", "bin", "folder of vtbench, vtbench-opencv and vtbench-work, as make build leaves them")
	fs.StringVar(&o.dir, "dir", "", "work in this folder and keep what cases leave there (default: one that is removed)")
	fs.BoolVar(&o.verbose, "v", false, "say how long each case took, and what was killed when")
	if err := fs.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(o.kind)
	if err != nil {
		return fmt.Errorf("-kind: %w", err)
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "vtbench-torture-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	list := slices.DeleteFunc(kinds(), func(k kind) bool { return !match.MatchString(k.name) })
	if len(list) == 0 {
		return fmt.Errorf("no kind matches %q", o.kind)
	}
	return torture(ctx, l, list, stdout, stderr)
}

// A kind is one way to attack.
type kind struct {
	name string
	// what must hold, for the table and for SECURITY.md.
	promise string
	// How many cases the full and the short form try.
	full, short int
	// lacks says why the kind cannot be tried on this machine; nil where it always can.
	lacks func(*lab) string
	try   func(*attempt) error
}

// tally is what came of a kind.
type tally struct {
	tried, held int
	skipped     string
	took        time.Duration
}

// attempted is a case that is to be tried.
type attempted struct{ kind, number int }

// torture tries the cases of all kinds and prints the table.
func torture(ctx context.Context, l *lab, list []kind, stdout, stderr io.Writer) error {
	results := make([]tally, len(list))
	var queue []attempted
	for i, k := range list {
		n := k.full
		if l.o.short {
			n = k.short
		}
		if k.lacks != nil {
			if results[i].skipped = k.lacks(l); results[i].skipped != "" {
				continue
			}
		}
		for c := range n {
			if l.o.number < 0 || c == l.o.number {
				queue = append(queue, attempted{i, c})
			}
		}
		if l.o.number >= n {
			queue = append(queue, attempted{i, l.o.number})
		}
	}
	begun := time.Now()
	var mu sync.Mutex
	var wg sync.WaitGroup
	next := 0
	for range max(1, l.o.jobs) {
		wg.Go(func() {
			for {
				mu.Lock()
				if next == len(queue) || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				q := queue[next]
				next++
				mu.Unlock()
				k := list[q.kind]
				from := time.Now()
				err := l.try(ctx, k, q.number)
				mu.Lock()
				t := &results[q.kind]
				t.took += time.Since(from)
				switch {
				case ctx.Err() != nil:
				case err == nil:
					t.tried++
					t.held++
				default:
					t.tried++
					fmt.Fprintf(stderr, "\n%s, case %d: %v\n  repeat with: go -C checks run ./torture -kind '^%s$' -case %d -seed %d -dir kept\n",
						k.name, q.number, err, regexp.QuoteMeta(k.name), q.number, l.o.seed)
				}
				if l.o.verbose {
					fmt.Fprintf(stderr, "%s %d: %s\n", k.name, q.number, time.Since(from).Round(time.Millisecond))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	tried, held := 0, 0
	tw := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "tried\theld\t what was done")
	for i, t := range results {
		if t.skipped != "" {
			fmt.Fprintf(tw, "–\t–\t %s: not tried, %s\n", list[i].name, t.skipped)
			continue
		}
		tried += t.tried
		held += t.held
		fmt.Fprintf(tw, "%d\t%d\t %s\n", t.tried, t.held, list[i].name)
	}
	fmt.Fprintf(tw, "%d\t%d\t in all, seed %d, %s, most memory %d MB\n", tried, held, l.o.seed, time.Since(begun).Round(time.Second), l.mostMemory()>>20)
	if err := tw.Flush(); err != nil {
		return err
	}
	if killed := l.killedInAll(); killed != "" {
		fmt.Fprintf(stdout, "killed in runs by workers: %s\n", killed)
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case held < tried:
		return fmt.Errorf("%d of %d cases did not hold", tried-held, tried)
	case tried == 0:
		return errors.New("nothing was tried")
	}
	return nil
}

// kinds are all ways to attack, in the order of the table.
func kinds() []kind {
	return slices.Concat(signals(), disks(), journals(), writers(), plugins(), inputs(), strangers(), distributed())
}
