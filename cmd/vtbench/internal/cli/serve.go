package cli

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/serve"
	allmetrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// defaultListen is where `vtbench serve` listens: this machine alone.
const defaultListen = "127.0.0.1:7717"

func (a *app) serveCommand() *cobra.Command {
	var (
		listen, as string
		hosts, ids []string
		options    compare.BoardOptions
	)
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Show a folder of runs in a browser while they are being made",
		Long: `Serve shows the leaderboard of the runs and baselines below a folder, how far those are
that are being made, and the report of each, at an address that only this machine reaches.
It reads and never writes, hands out no file of the folder, and answers only requests for
its own name from its own pages. Ctrl-C ends it.`,
		Example: `  vtbench serve runs
  vtbench serve runs --listen 127.0.0.1:0 --format json
  vtbench serve runs --listen 0.0.0.0:7717 --host bench.example.org`,
		Args: takes(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			published, err := checkBoard(options, ids)
			if err != nil {
				return err
			}
			s, err := serve.New(serve.Options{
				Dir: args[0], Hosts: hosts, Log: func(line string) { a.warnf("%s", line) },
				Options: leaderboard.Options{BoardOptions: options, Kinds: allmetrics.Kinds(), Published: published, Program: "vtbench " + version()},
			})
			if err != nil {
				return usage(err)
			}
			var lc net.ListenConfig
			l, err := lc.Listen(cmd.Context(), "tcp", listen)
			if err != nil {
				err = fmt.Errorf("listening: %w", err)
				if errors.Is(err, syscall.EADDRINUSE) {
					err = fmt.Errorf("%w; --listen 127.0.0.1:0 takes a free port", err)
				}
				return errors.Join(usage(err), s.Close())
			}
			if err := a.announce(l.Addr(), args[0], as); err != nil {
				return errors.Join(err, l.Close(), s.Close())
			}
			return errors.Join(s.Serve(cmd.Context(), l), s.Close())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "address to listen on; port 0 takes a free one")
	cmd.Flags().StringSliceVar(&hosts, "host", nil, "further names by which it may be asked for, such as that of a proxy; repeatable")
	formatFlag(cmd, &as, "table", "json")
	boardFlags(cmd, &options, &ids)
	return cmd
}

// announce says where the server is.
func (a *app) announce(addr net.Addr, dir, as string) error {
	host := addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok {
		if !tcp.IP.IsLoopback() {
			a.warnf("everybody who reaches %s reads these runs: there is no password", addr)
		}
		if tcp.IP.IsUnspecified() {
			host = fmt.Sprintf("localhost:%d", tcp.Port)
		}
	}
	url := "http://" + host + "/"
	if as == "json" {
		return a.json(struct {
			URL string `json:"url"`
			Dir string `json:"dir"`
		}{url, dir})
	}
	_, err := fmt.Fprintf(a.out, "%s shows %s; Ctrl-C ends it\n", url, strings.TrimSuffix(dir, "/"))
	return err
}
