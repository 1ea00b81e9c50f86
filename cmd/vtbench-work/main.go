// Vtbench-work measures for runs of vtbench on other machines, and carries their work. It
// is a program of its own: vtbench neither grows nor starts later by what it takes to talk
// to a server. docs/scale.md says how the two are used.
//
//	vtbench-work --nats nats://HOST:4222                  measure whatever there is
//	vtbench-work --nats URL -t 'mine=process:python my_tok.py' --instances 4 --env CUDA_VISIBLE_DEVICES={i}
//	vtbench-work serve --listen 0.0.0.0:4222 --login FILE a server, where a site has none
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/vtbench/vtbench/bench/distribute"
	"github.com/vtbench/vtbench/internal/workwire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program as it ends any other
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", workwire.WorkProgram, err)
		stop()
		os.Exit(1)
	}
	stop()
}

// serverFlags add what says where the server is. Files have variables too, since
// `vtbench run --workers` starts this program.
func serverFlags(fl *pflag.FlagSet, s *distribute.Server) {
	fl.StringVar(&s.Creds, "creds", os.Getenv("VTBENCH_NATS_CREDS"), "file of credentials, as `nsc` writes it ($VTBENCH_NATS_CREDS)")
	fl.StringVar(&s.Login, "login", os.Getenv("VTBENCH_NATS_LOGIN"), "file with user:password ($VTBENCH_NATS_LOGIN)")
	fl.StringVar(&s.CA, "tls-ca", os.Getenv("VTBENCH_NATS_CA"), "certificates that the other side's is signed by ($VTBENCH_NATS_CA)")
	fl.StringVar(&s.Cert, "tls-cert", os.Getenv("VTBENCH_NATS_CERT"), "own certificate ($VTBENCH_NATS_CERT)")
	fl.StringVar(&s.Key, "tls-key", os.Getenv("VTBENCH_NATS_KEY"), "its key ($VTBENCH_NATS_KEY)")
}

func log(layout string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", workwire.WorkProgram, strings.ReplaceAll(fmt.Sprintf(layout, args...), "\n", " "))
}

type workFlags struct {
	server      distribute.Server
	name        string
	tokenizers  []string
	jobs        int
	instances   int
	env         []string
	idle, stuck time.Duration
	cache       string
	noCache     bool
}

func command() *cobra.Command {
	var f workFlags
	cmd := &cobra.Command{
		Use:   workwire.WorkProgram + " --nats URL [-t KIND]…",
		Short: "Measure for runs of vtbench on other machines",
		Example: `  vtbench-work --nats nats://10.0.0.1:4222
  vtbench-work --nats tls://queue:4222 --login login --tls-ca ca.pem --instances 8 --env 'CUDA_VISIBLE_DEVICES={i}' -t 'mine=process:python my_tok.py'`,
		Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.work(cmd.Context()) },
	}
	host, _ := os.Hostname()
	fl := cmd.Flags()
	fl.StringVar(&f.server.URL, "nats", os.Getenv("VTBENCH_NATS"), "server: nats://HOST:4222, tls://HOST:4222 ($VTBENCH_NATS)")
	serverFlags(fl, &f.server)
	fl.StringVar(&f.name, "name", fmt.Sprintf("%s-%d", host, os.Getpid()), "what this worker is called")
	fl.StringArrayVarP(&f.tokenizers, "tokenizer", "t", nil, "a kind, or a whole tokenizer, that may be opened here; repeatable; default: all kinds that run no commands")
	fl.IntVarP(&f.jobs, "jobs", "j", 0, "workers of each process (default: all cores)")
	fl.IntVar(&f.instances, "instances", 1, "processes that measure, each with tokenizers of its own")
	fl.StringArrayVar(&f.env, "env", nil, "variable of these processes, {i} is their number from 0: CUDA_VISIBLE_DEVICES={i}; repeatable")
	fl.DurationVar(&f.idle, "idle", 0, "end after so long without work (default: never)")
	fl.DurationVar(&f.stuck, "stuck", distribute.DefaultStuck, "end a process that has done nothing for so long")
	fl.StringVar(&f.cache, "cache", "", "folder of results that are kept between runs, as of vtbench run")
	fl.BoolVar(&f.noCache, "no-cache", false, "take and keep no results of other runs")
	cmd.AddCommand(coordinateCommand(), serveCommand(), statusCommand())
	return cmd
}

func (f *workFlags) work(ctx context.Context) error {
	if f.server.URL == "" {
		return errors.New("which server? name it by --nats nats://HOST:4222")
	}
	if f.instances < 1 || f.jobs < 0 {
		return errors.New("--instances must be 1 or more, --jobs not negative")
	}
	program, err := workwire.FindMain()
	if err != nil {
		return err
	}
	args := []string{"unit", "--quiet"}
	if f.jobs > 0 {
		args = append(args, fmt.Sprintf("--jobs=%d", f.jobs))
	}
	for _, t := range f.tokenizers {
		args = append(args, "--tokenizer="+t)
	}
	if f.cache != "" {
		args = append(args, "--cache="+f.cache)
	}
	if f.noCache {
		args = append(args, "--no-cache")
	}
	nc, err := f.server.Connect(f.name, log)
	if err != nil {
		return err
	}
	defer nc.Close()
	var g errgroup.Group
	for i := range f.instances {
		w := &distribute.Worker{Conn: nc, Name: f.name, Program: program, Args: args, Env: distribute.Environ(f.env, i), Stuck: f.stuck, Idle: f.idle, Log: log}
		if f.instances > 1 {
			w.Name = fmt.Sprintf("%s/%d", f.name, i)
		}
		g.Go(func() error { return w.Run(ctx) })
	}
	return g.Wait()
}

// coordinateCommand is what `vtbench run --workers` starts.
func coordinateCommand() *cobra.Command {
	var s distribute.Server
	var e distribute.Embedded
	var lease time.Duration
	cmd := &cobra.Command{
		Use: "coordinate", Short: "Carry the work of a run, for vtbench run --workers, which starts this", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := workwire.NewWriter(os.Stdout)
			note := func(layout string, args ...any) {
				_ = out.Write(workwire.FromCoordinator{Note: fmt.Sprintf(layout, args...)})
			}
			ctx := context.WithoutCancel(cmd.Context()) // its input says when the run ends
			err := func() (err error) {
				c := distribute.Coordinator{Lease: lease, In: os.Stdin, Out: out}
				if e.Listen != "" {
					e.Server = s
					url, stop, err := e.Start()
					if err != nil {
						return err
					}
					defer func() {
						stop()
						if c.Ended { // and else it is resumed from there
							err = errors.Join(err, os.RemoveAll(e.Store))
						}
					}()
					note("workers: %s --nats %s", workwire.WorkProgram, url)
					s.URL = url
				}
				nc, err := s.Connect("coordinator", note)
				if err != nil {
					return err
				}
				defer nc.Close()
				c.Conn = nc
				return c.Run(ctx)
			}()
			if err != nil {
				return errors.Join(err, out.Write(workwire.FromCoordinator{Error: err.Error()}))
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&s.URL, "nats", "", "server")
	serverFlags(fl, &s)
	fl.StringVar(&e.Listen, "listen", "", "start a server at HOST:PORT instead")
	fl.StringVar(&e.Store, "store", "", "its folder")
	fl.DurationVar(&lease, "lease", envDuration("VTBENCH_LEASE"), "how long a unit may go without a sign of life ($VTBENCH_LEASE, default 1m)")
	return cmd
}

func envDuration(name string) time.Duration {
	d, err := time.ParseDuration(os.Getenv(name))
	if err != nil {
		return 0
	}
	return d
}

func serveCommand() *cobra.Command {
	var e distribute.Embedded
	cmd := &cobra.Command{
		Use: "serve --listen HOST:PORT --store FOLDER", Short: "Run a NATS server with JetStream, where a site has none", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			url, stop, err := e.Start()
			if err != nil {
				return err
			}
			log("serving at %s; workers: %s --nats %s", e.Listen, workwire.WorkProgram, url)
			<-cmd.Context().Done()
			stop()
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&e.Listen, "listen", "127.0.0.1:4222", "where to listen")
	fl.StringVar(&e.Store, "store", "vtbench.queue", "folder of what the server keeps")
	fl.Int64Var(&e.Most, "store-size", 0, "most bytes that it keeps (default: three quarters of the disk)")
	serverFlags(fl, &e.Server)
	return cmd
}

// statusCommand is what `vtbench status URL` starts.
func statusCommand() *cobra.Command {
	var s distribute.Server
	cmd := &cobra.Command{
		Use: "status --nats URL", Short: "List the runs that a server has work of, as JSON", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			nc, err := s.Connect("status", func(string, ...any) {})
			if err != nil {
				return err
			}
			defer nc.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
			defer cancel()
			if err := connected(ctx, nc); err != nil {
				return fmt.Errorf("the server at %s does not answer: %w", s.URL, err)
			}
			runs, err := distribute.Runs(ctx, nc)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(os.Stdout)
			enc.SetIndent("", " ")
			return enc.Encode(runs)
		},
	}
	cmd.Flags().StringVar(&s.URL, "nats", os.Getenv("VTBENCH_NATS"), "server: nats://HOST:4222 ($VTBENCH_NATS)")
	serverFlags(cmd.Flags(), &s)
	return cmd
}

// connected waits for the first connection.
func connected(ctx context.Context, nc *nats.Conn) error {
	for !nc.IsConnected() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			if err := nc.LastError(); err != nil {
				return err
			}
			return ctx.Err()
		}
	}
	return nil
}
