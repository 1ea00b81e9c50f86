package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

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
	return seeHelp(fmt.Errorf("%w%s", plainValue(err), hint), cmd, "shows the flags")
}

// plainValue says of a flag's value that is no number what is wanted, where the error would
// name the function that failed.
func plainValue(err error) error {
	var invalid *pflag.InvalidValueError
	var number *strconv.NumError
	if !errors.As(err, &invalid) || !errors.As(err, &number) {
		return err
	}
	want := "a number"
	switch strings.TrimRight(invalid.GetFlag().Value.Type(), "0123456789") { // of bits
	case "bool":
		want = "true or false"
	case "uint":
		want = "a whole number from 0"
	case "int":
		want = "a whole number"
	}
	if errors.Is(number, strconv.ErrRange) {
		want += ", and none so large"
	}
	return fmt.Errorf("--%s %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), want)
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
		if !cmd.Runnable() {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
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
		if slices.Contains(sub.ValidArgs, args[0]) {
			return fmt.Errorf("unknown command %q of %s, did you mean `%s %s`?", args[0], cmd.CommandPath(), sub.CommandPath(), args[0])
		}
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("unknown command %q of %s%s", args[0], cmd.CommandPath(), suggest.Hint(args[0], names))
}

// helpTopic is the check of the command that shows the help of others.
func helpTopic(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	return knownCommand(found, rest)
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

// takes is the check of a command that takes from least to most arguments, or any number
// from least where most is negative. What they are stands in its line of usage.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n := len(args); n < least || most >= 0 && n > most {
			return fmt.Errorf("want %s %s, %s", cmd.Parent().CommandPath(), cmd.Use, given(args))
		}
		return nil
	}
}

// given says which arguments there were.
func given(args []string) string {
	switch n := len(args); n {
	case 0:
		return "but nothing is given"
	case 1:
		return fmt.Sprintf("but only %q is given", args[0])
	default:
		return fmt.Sprintf("but %d arguments are given, the last is %q", n, args[n-1])
	}
}

// again is the command line that continues a run in dir: that of the run itself.
func (a *app) again(f *runFlags, dir string) string {
	words := []string{"vtbench"}
	for i := 0; i < len(a.args); i++ {
		switch name, _, valued := strings.Cut(a.args[i], "="); {
		case name == "--redo-from" && !valued:
			i++
		case name == "--redo-from" || name == "--resume":
		default:
			words = append(words, shellWord(a.args[i]))
		}
	}
	if f.output == "" {
		words = append(words, "-o", shellWord(dir))
	}
	return strings.Join(append(words, "--resume"), " ")
}

// shellWord is one word as a shell reads it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_@%+=:,./-#", r)
	}
	if s != "" && !strings.HasPrefix(s, "#") && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
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
