package compare

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/suggest"
)

// The formats there are.
const (
	FormatTable       = "table"       // for a terminal
	FormatMarkdown    = "markdown"    // for a comment under a pull request
	FormatSummary     = "summary"     // for the page of a CI job: Markdown with more room and no marker
	FormatHTML        = "html"        // a page that opens from disk, with pictures beside it
	FormatJSON        = "json"        // for programs; schema.json documents it
	FormatJUnit       = "junit"       // for CI services that list tests: gates as test cases
	FormatAnnotations = "annotations" // workflow commands of GitHub Actions
)

// Formats lists the names that [Write] takes.
func Formats() []string {
	return []string{FormatTable, FormatMarkdown, FormatSummary, FormatHTML, FormatJSON, FormatJUnit, FormatAnnotations}
}

// Options change how a comparison is written; the zero value is the usual one.
type Options struct {
	// Width of the terminal in columns; 0 means 80.
	Width int
	// Colour marks better and worse on a terminal. Nothing else has colour.
	Colour bool
	// All shows every row on a terminal, not only what decides and what differs.
	All bool

	// Key tells the comments of several comparisons under one pull request apart;
	// "" means [DefaultKey].
	Key string
	// Limit is the largest size of Markdown in bytes; 0 means [CommentLimit], or
	// [SummaryLimit] for a summary.
	Limit int
	// Commit is what was measured, where the caller knows it.
	Commit string
	// Full says where rows are that had to be left out: "compare.json in the
	// artefact vtbench".
	Full string
	// FullURL links to it; only https is.
	FullURL string
	// BaselineImages and CandidateImages lead from the Markdown or the page to the run
	// directories, "/" separated, or are https addresses of them; pictures of worst cases
	// are shown where both are given. "." is the folder the file lies in.
	BaselineImages, CandidateImages string
}

// Write writes a comparison in one of [Formats].
func Write(w io.Writer, format string, r *compare.Report, o Options) error {
	switch format {
	case FormatTable:
		return Terminal(w, r, TerminalOptions{Width: o.Width, Colour: o.Colour, All: o.All})
	case FormatMarkdown:
		return Markdown(w, r, o)
	case FormatSummary:
		return Summary(w, r, o)
	case FormatHTML:
		return HTML(w, r, o)
	case FormatJSON:
		return JSON(w, r)
	case FormatJUnit:
		return JUnit(w, r)
	case FormatAnnotations:
		return Annotations(w, r)
	}
	return fmt.Errorf("format %q: want %s%s", format, strings.Join(Formats(), ", "), suggest.Hint(format, Formats()))
}

// Known reports whether there is a format of this name.
func Known(format string) bool { return slices.Contains(Formats(), format) }

func write(w io.Writer, s string) error {
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}
