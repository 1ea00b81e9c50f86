package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/suite"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/suggest"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// oneOf is the value of a flag that takes one of several words.
type oneOf struct {
	value *string
	words []string
}

func (o oneOf) String() string { return *o.value }
func (o oneOf) Type() string   { return "string" }

func (o oneOf) Set(v string) error {
	if !slices.Contains(o.words, v) {
		return fmt.Errorf("want %s%s", choice(o.words), suggest.Hint(v, o.words))
	}
	*o.value = v
	return nil
}

// choice is a list for a sentence: "table, json or csv".
func choice(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// formatFlag adds --format with what a command can print; the first is the default.
func formatFlag(cmd *cobra.Command, into *string, formats ...string) {
	*into = formats[0]
	cmd.Flags().Var(oneOf{into, formats}, "format", "what to print: "+choice(formats))
	complete(cmd, "format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// complete says how the value of a flag is completed; the flag must be there.
func complete(cmd *cobra.Command, flag string, by cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, by); err != nil {
		panic(err) // a flag that this program forgot to declare
	}
}

// firstArg completes the first argument by a function, and nothing behind it.
func firstArg(by cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return by(cmd, args, typed)
	}
}

// completeYAML offers files of settings.
func completeYAML(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeSuite offers the built-in suites, and files.
func completeSuite(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	all, err := suite.BuiltIn()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []cobra.Completion
	for _, s := range all {
		out = append(out, cobra.CompletionWithDesc(s.ID, s.Title))
	}
	return out, cobra.ShellCompDirectiveDefault
}

// completeTokenizer offers the kinds, and behind a colon or a comma the options of
// one that have not been given.
func completeTokenizer(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	prefix, body := "", typed
	if name, rest, ok := strings.Cut(typed, "="); ok && !strings.Contains(name, ":") {
		prefix, body = name+"=", rest
	}
	name, options, ok := strings.Cut(body, ":")
	var out []cobra.Completion
	for _, k := range alltok.Kinds() {
		if !ok {
			word := prefix + k.Name
			if k.Arg != "" {
				word += ":"
			}
			out = append(out, cobra.CompletionWithDesc(word, k.Summary))
			continue
		}
		if k.Name != name {
			continue
		}
		if k.Arg != "" {
			return nil, cobra.ShellCompDirectiveDefault // a command, a folder
		}
		given := ""
		if i := strings.LastIndexByte(options, ','); i >= 0 {
			given, options = options[:i+1], options[i+1:]
		}
		if strings.Contains(options, "=") {
			return nil, cobra.ShellCompDirectiveDefault // a value, perhaps a file
		}
		for _, o := range k.Options {
			if !strings.Contains(","+given, ","+o.Name+"=") {
				out = append(out, cobra.CompletionWithDesc(prefix+name+":"+given+o.Name+"=", o.Help))
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeDataset offers the data sets; those that take a path end in a colon.
func completeDataset(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if strings.Contains(typed, ":") {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var out []cobra.Completion
	for _, k := range alldata.Kinds() {
		word := k.Name
		if k.TakesPath() {
			word += ":"
		}
		out = append(out, cobra.CompletionWithDesc(word, k.Summary))
	}
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeMetrics offers ids of metrics, also behind a comma.
func completeMetrics(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	given := typed[:strings.LastIndexByte(typed, ',')+1]
	specs := specsByID()
	var out []cobra.Completion
	for id, s := range specs {
		if !slices.Contains(strings.Split(given, ","), id) {
			out = append(out, cobra.CompletionWithDesc(given+id, s.Title))
		}
	}
	slices.Sort(out)
	return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeCorruption offers the corruptions, also behind a comma.
func completeCorruption(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	given := typed[:strings.LastIndexByte(typed, ',')+1]
	var out []cobra.Completion
	for _, c := range corrupt.All() {
		if !slices.Contains(strings.Split(given, ","), c.Name) {
			out = append(out, cobra.CompletionWithDesc(given+c.Name, c.Summary))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
