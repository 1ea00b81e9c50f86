package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// flagError is the error for flags that cannot be read, with the nearest flag.
func flagError(cmd *cobra.Command, err error) error {
	hint := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if n := suggest.Nearest(unknown.GetSpecifiedName(), names); n != "" {
			hint = fmt.Sprintf(", did you mean --%s?", n)
		}
	}
	return seeHelp(fmt.Errorf("%w%s", err, hint), cmd, "shows the flags")
}

// seeHelp is a usage error that ends by pointing at the help of a command.
func seeHelp(err error, cmd *cobra.Command, shows string) error {
	sep := "; "
	if strings.HasSuffix(err.Error(), "?") {
		sep = " "
	}
	return usagef("%w%s`%s --help` %s", err, sep, cmd.CommandPath(), shows)
}

// checkArgs makes wrong positional arguments of a command and of those below it
// usage errors. A command that only holds others names the nearest of them.
func checkArgs(cmd *cobra.Command) {
	check := cmd.Args
	if cmd.HasSubCommands() {
		check = knownCommand
	}
	if check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return seeHelp(err, c, "shows how it is used")
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

// knownCommand is the check of a command that takes commands and nothing else.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("unknown command %q of %s%s", args[0], cmd.CommandPath(), suggest.Hint(args[0], names))
}

// noArgs is the check of a command that takes flags only. A tokenizer that stands
// alone is most often what a shell made of braces or spaces.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if _, err := tokenizers.ParseSpecs(args[0], alltok.Kinds()); err == nil && cmd.Flags().Lookup("tokenizer") != nil {
		hint = "; name a tokenizer with -t, in single quotes where it has braces or spaces: -t 'vq:patch=8,k={256,1024}'"
	}
	return fmt.Errorf("%s takes no arguments, %q is one%s", cmd.CommandPath(), args[0], hint)
}

// wantsJSON reports whether --format json is among the arguments: an error may
// come before they are parsed.
func wantsJSON(args []string) bool {
	for i, a := range args {
		switch {
		case a == "--":
			return false
		case a == "--format=json", a == "--format" && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return false
}

// errorReport is an error for programs: one line on stderr.
type errorReport struct {
	Error  string `json:"error"`
	Status int    `json:"status"` // the exit status
}

// printError writes an error on stderr, as JSON where the command's results are.
func (a *app) printError(err error, status int, asJSON bool) {
	msg := strings.TrimRight(err.Error(), "\n")
	if msg == "" {
		return
	}
	if !asJSON {
		fmt.Fprintf(a.err, "vtbench: %s\n", format.Text(msg))
		return
	}
	enc := json.NewEncoder(a.err)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(errorReport{msg, status}) // fails only where stderr is closed
}
