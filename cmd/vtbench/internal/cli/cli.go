// Package cli is the command line of vtbench: one file a command, flags in,
// results on stdout, everything else on stderr, and an exit status a script can
// rely on.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers"
)

// Exit statuses. They are part of the interface; see docs/cli.md.
const (
	ExitDone        = 0
	ExitInternal    = 1
	ExitUsage       = 2
	ExitGate        = 3
	ExitItemsFailed = 4
	ExitMissing     = 5
	ExitInterrupted = 130
)

// statusError carries an exit status; its message may be empty when everything
// has been said already.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// usagef is the error for what the user can mend on the command line or in a file.
func usagef(layout string, args ...any) error {
	return &statusError{ExitUsage, fmt.Errorf(layout, args...)}
}

// usage marks an error as the user's to mend, unless it already knows better.
func usage(err error) error {
	var m *missing.Error
	var s *statusError
	if err == nil || errors.As(err, &m) || errors.As(err, &s) || errors.Is(err, context.Canceled) {
		return err
	}
	return &statusError{ExitUsage, err}
}

// app is what commands share.
type app struct {
	out, err io.Writer
	args     []string // of the command line
	quiet    bool
	decode   pix.Options // how images are read
}

// Run runs the program and returns its exit status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{args: args, out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	// Tokenizers that are fitted when first opened say so.
	ctx = tokenizers.WithProgress(ctx, func(line string) { a.logf("%s", line) })
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitDone
	}
	code := status(ctx, err)
	if code == ExitInterrupted {
		err = interrupted(err)
	}
	a.printError(err, code, wantsJSON(args))
	return code
}

// interrupted is the message of an interrupted command: what it was doing, and not that its
// context was cancelled.
func interrupted(err error) error {
	msg := strings.TrimSuffix(strings.TrimSuffix(err.Error(), context.Canceled.Error()), ": ")
	switch {
	case msg == "":
		msg = "interrupted"
	case !strings.HasPrefix(msg, "interrupted"):
		msg = "interrupted: " + msg
	}
	return errors.New(msg)
}

func status(ctx context.Context, err error) int {
	var (
		s *statusError
		m *missing.Error
		c *run.ConfigError
	)
	switch {
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ctx.Err())):
		return ExitInterrupted
	case errors.As(err, &m):
		return ExitMissing
	case diskFailed(err):
		return ExitInternal
	case errors.As(err, &s):
		return s.status
	case errors.As(err, &c), notWritable(err), errors.Is(err, view.ErrMismatch):
		return ExitUsage
	}
	return ExitInternal
}

// notWritable reports whether a file or folder may not be written or read, or cannot be one of
// that name where it is: what was named on the command line is another's.
func notWritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || slices.ContainsFunc([]error{syscall.EROFS, syscall.ENOTDIR, syscall.EISDIR, syscall.ENAMETOOLONG}, func(e error) bool { return errors.Is(err, e) })
}

// diskFailed reports whether a disk is full, or fails, which is nobody's configuration: the
// same command succeeds once there is room.
func diskFailed(err error) bool {
	return slices.ContainsFunc([]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG, syscall.EIO}, func(e error) bool { return errors.Is(err, e) })
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "vtbench",
		Short: "The bench for visual tokenizers: what do they lose?",
		Long: `vtbench runs visual tokenizers and quantizers over text, faces and damaged
images and measures what is lost, with intervals and counts.

  vtbench run --suite text                  run the text suite over the baselines
  vtbench run --suite text -t 'mine=process:python my_tok.py'
  vtbench compare runs/before runs/after    is it better or worse?
  vtbench score ref/ dist/                  metrics on two folders, no tokenizer
  vtbench list tokenizers                   what there is

Exit status: 0 done, 1 internal error, 2 usage or configuration, 3 a gate failed,
4 done but some items failed or nothing was measured, 5 a dependency or model is missing, 130 interrupted
(resumable).`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("vtbench {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	var runtimeLib string
	var maxPixels int64
	root.PersistentFlags().StringVar(&runtimeLib, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $"+ort.Env+" and the usual places)")
	root.PersistentFlags().Int64Var(&maxPixels, "max-pixels", pix.MaxPixels, "images with more pixels, width times height, are items that fail")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		var err error
		if a.decode, err = a.decode.Limit(maxPixels); err != nil {
			return usagef("--max-pixels: %w", err)
		}
		if runtimeLib == "" {
			return nil
		}
		return os.Setenv(ort.Env, runtimeLib)
	}
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress on stderr, only warnings and errors")
	root.AddCommand(a.runCommand(), a.mergeCommand(), a.statusCommand(), a.unitCommand(), a.cacheCommand(), a.compareCommand(), a.baselineCommand(), a.reportCommand(), a.leaderboardCommand(), a.serveCommand(), a.commentCommand(), a.scoreCommand(), a.datasetsCommand(), a.facesCommand(), a.modelsCommand(), a.conformCommand(), a.corruptCommand(), a.quantizeCommand(), a.listCommand(), a.doctorCommand())
	root.InitDefaultCompletionCmd()
	checkArgs(root)
	root.InitDefaultHelpCmd()
	for _, sub := range root.Commands() {
		if sub.Name() == "help" {
			sub.Args = helpTopic
			checkArgs(sub)
		}
	}
	return root
}

// release is the version that is being made. A build of a tagged commit has that tag.
const release = "0.1.0-dev"

// version is the release, or the tag of a tagged build, with the commit where the Go
// command stamped it: "v1.2.0", "0.1.0-dev+a1b2c3d4e5f6.dirty".
func version() string {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) string {
	if info == nil {
		return release
	}
	setting := map[string]string{}
	for _, s := range info.Settings {
		setting[s.Key] = s.Value
	}
	v := info.Main.Version
	if v != "" && v != "(devel)" && !strings.HasPrefix(v, "v0.0.0-") { // not made up from the time and the commit
		return v
	}
	v = release
	if rev := setting["vcs.revision"]; rev != "" {
		v += "+" + rev[:min(12, len(rev))]
		if setting["vcs.modified"] == "true" {
			v += ".dirty"
		}
	}
	return v
}

// logf writes a line of progress to stderr.
func (a *app) logf(layout string, args ...any) {
	if !a.quiet {
		a.say(fmt.Sprintf(layout, args...))
	}
}

// say writes a line to stderr; what acts on a terminal is shown instead.
func (a *app) say(line string) { fmt.Fprintln(a.err, format.Line(line)) }

// warnf writes what the user should know even with --quiet.
func (a *app) warnf(layout string, args ...any) {
	a.say("warning: " + fmt.Sprintf(layout, args...))
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// json prints a value on stdout, indented for people and diffs.
func (a *app) json(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
