// Package reports writes everything a person or a program reads about a run:
// report.html, report.md, CSV tables and plots, from run directories alone.
//
//	files, err := reports.Write(ctx, []*bench.Run{run}, run.Dir, reports.Options{})
package reports

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vtbench/vtbench/bench"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/markdown"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
)

// Options change what is written.
type Options struct {
	// SingleFile puts all pictures into report.html.
	SingleFile bool
}

// Files says what was written.
type Files struct {
	HTML, Markdown string
	Warnings       []string // what the user should know about the files
}

// largeReport is the size of a single file above which a warning is due.
const largeReport = 20 << 20

// Write makes the reports of one or several runs in dir. Every file is replaced
// whole or not at all.
func Write(ctx context.Context, runs []*bench.Run, dir string, o Options) (Files, error) {
	v, err := view.New(runs...)
	if err != nil {
		return Files{}, err
	}
	for _, sub := range []string{"tables", "plots"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return Files{}, fmt.Errorf("making the report directory: %w", err)
		}
	}
	for _, m := range v.Metrics {
		var b bytes.Buffer
		if err := table.CSV(&b, v, m.ID); err != nil {
			return Files{}, err
		}
		if err := replace(filepath.Join(dir, "tables", format.Slug(m.ID)+".csv"), b.Bytes()); err != nil {
			return Files{}, err
		}
	}
	var linked []markdown.Plot
	var shown []html.Plot
	for _, f := range plot.Figures(v) {
		if err := ctx.Err(); err != nil {
			return Files{}, err
		}
		svg, err := f.Figure.SVG()
		if err != nil {
			return Files{}, err
		}
		png, err := f.Figure.PNG()
		if err != nil {
			return Files{}, err
		}
		dark, err := f.Figure.DarkSVG()
		if err != nil {
			return Files{}, err
		}
		for ext, b := range map[string][]byte{".svg": svg, ".png": png} {
			if err := replace(filepath.Join(dir, "plots", f.Name+ext), b); err != nil {
				return Files{}, err
			}
		}
		linked = append(linked, markdown.Plot{Path: "plots/" + f.Name + ".png", Caption: f.Caption})
		shown = append(shown, html.Plot{Title: f.Figure.Title, Caption: f.Caption, SVG: svg, DarkSVG: dark})
	}
	files := Files{HTML: filepath.Join(dir, "report.html"), Markdown: filepath.Join(dir, "report.md")}
	if err := replace(files.Markdown, []byte(markdown.Report(v, linked))); err != nil {
		return Files{}, err
	}
	page, err := html.Report(v, shown, html.Options{Dir: dir, SingleFile: o.SingleFile})
	if err != nil {
		return Files{}, err
	}
	if o.SingleFile && len(page) > largeReport {
		files.Warnings = append(files.Warnings, fmt.Sprintf("%s has %s; without --single-file the pictures stay beside it", files.HTML, format.Bytes(int64(len(page)))))
	}
	return files, replace(files.HTML, page)
}

// replace writes a file whole or not at all.
func replace(path string, b []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}
