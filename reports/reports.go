// Package reports writes everything a person or a program reads about a run:
// report.html, report.md, CSV tables and plots, from run directories alone.
//
//	files, err := reports.Write(ctx, []*bench.Run{run}, run.Dir, reports.Options{})
package reports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/film"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/markdown"
	"github.com/vtbench/vtbench/reports/paper"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
)

// Options change what is written.
type Options struct {
	// SingleFile puts all pictures into report.html.
	SingleFile bool
	// Figures writes figures/ too: plots, and tables for print, with marks for tokenizers
	// that do not differ. They need the records of the runs.
	Figures bool
}

// Files says what was written.
type Files struct {
	HTML, Markdown string
	Figures        string   // folder, "" where it was not asked for
	Warnings       []string // what the user should know about the files
}

// largeReport is the size of a single file above which a warning is due.
const largeReport = 20 << 20

// Write makes the reports of one or several runs in dir: report.html, report.md,
// tables/*.csv and plots/*. Every file is replaced whole or not at all. Pictures of
// runs that lie elsewhere are copied below dir/images, so that dir can be moved or
// published as it is.
func Write(ctx context.Context, runs []*summary.Run, dir string, o Options) (Files, error) {
	v, err := view.New(runs...)
	if err != nil {
		return Files{}, err
	}
	files := Files{HTML: filepath.Join(dir, "report.html"), Markdown: filepath.Join(dir, "report.md")}
	for _, sub := range []string{tablesDir, plotsDir} {
		if err := wholefile.Folder(dir, sub); err != nil {
			return Files{}, fmt.Errorf("making the report directory: %w", err)
		}
	}
	page := html.Options{SingleFile: o.SingleFile}
	if page.Tables, err = writeTables(v, dir); err != nil {
		return Files{}, err
	}
	figures := plot.Figures(v)
	if v.Films() {
		if page.Gallery, err = gallery.Of(v); err != nil {
			return Files{}, err
		}
		page.Films = film.Of(v, page.Gallery)
		more, err := film.Figures(v, page.Gallery, page.Films)
		if err != nil {
			return Files{}, err
		}
		figures = append(figures, more...)
		for _, t := range []struct {
			name string
			csv  []byte
		}{{"over-time.csv", film.CSV(v, page.Gallery, page.Films)}, {"tracks.csv", film.TracksCSV(v, page.Gallery)}} {
			rel := path.Join(tablesDir, t.name)
			if err := wholefile.Write(filepath.Join(dir, filepath.FromSlash(rel)), t.csv); err != nil {
				return Files{}, err
			}
			page.Tables = append(page.Tables, rel)
		}
	}
	shown, linked, err := writePlots(ctx, v, figures, dir)
	if err != nil {
		return Files{}, err
	}
	if o.Figures {
		if err := writeFigures(v, runs, figures, dir); err != nil {
			return Files{}, err
		}
		files.Figures = filepath.Join(dir, figuresDir)
	}
	if !o.SingleFile {
		if page.Prefix, err = gather(v, dir); err != nil {
			return Files{}, err
		}
	}
	if len(runs) == 1 && sameDir(runs[0].Dir, dir) {
		page.Summary = record.SummaryFile
	}
	if err := wholefile.Write(files.Markdown, []byte(markdown.Report(v, linked))); err != nil {
		return Files{}, err
	}
	b, err := html.Report(v, shown, page)
	if err != nil {
		return Files{}, err
	}
	if o.SingleFile && len(b.HTML) > largeReport {
		files.Warnings = append(files.Warnings, fmt.Sprintf("%s has %s; without --single-file the pictures stay beside it", files.HTML, format.Bytes(int64(len(b.HTML)))))
	}
	if err := writeData(dir, b.Data); err != nil {
		return Files{}, err
	}
	return files, wholefile.Write(files.HTML, b.HTML)
}

// writeData writes the scripts with items beside a page, and removes those of an earlier
// page that had more.
func writeData(dir string, data []html.Data) error {
	// Without data there is no need of a folder; there may be one of an earlier page.
	if _, err := os.Lstat(filepath.Join(dir, html.DataDir)); len(data) == 0 && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := wholefile.Folder(dir, html.DataDir); err != nil {
		return fmt.Errorf("making the report directory: %w", err)
	}
	names := map[string]bool{}
	for _, d := range data {
		path := filepath.Join(dir, filepath.FromSlash(d.Name))
		names[path] = true
		if err := wholefile.Write(path, d.Script); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, html.DataDir, "items-*.js"))
	if err != nil {
		return fmt.Errorf("looking for items of an earlier report: %w", err)
	}
	for _, path := range old {
		if !names[path] {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("removing items of an earlier report: %w", err)
			}
		}
	}
	return nil
}

// Directories below that of a report.
const (
	tablesDir = "tables"
	plotsDir  = "plots"

	figuresDir = "figures"
)

// writeTables writes one CSV file a metric and returns their paths below dir.
func writeTables(v *view.View, dir string) ([]string, error) {
	var names format.Slugs
	var out []string
	write := func(name string, csv func(io.Writer) error) error {
		var b bytes.Buffer
		if err := csv(&b); err != nil {
			return err
		}
		rel := path.Join(tablesDir, names.For(name)+".csv")
		out = append(out, rel)
		return wholefile.Write(filepath.Join(dir, filepath.FromSlash(rel)), b.Bytes())
	}
	for _, m := range v.Metrics {
		if err := write(m.ID, func(w io.Writer) error { return table.CSV(w, v, m.ID) }); err != nil {
			return nil, err
		}
	}
	if len(v.Robust) > 0 {
		if err := write("robustness", func(w io.Writer) error { return table.RobustCSV(w, v) }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// writeFigures writes what a paper takes: every plot as PNG and SVG, every headline table
// as LaTeX, Markdown and CSV.
func writeFigures(v *view.View, runs []*summary.Run, figures []plot.Named, dir string) error {
	to := filepath.Join(dir, figuresDir)
	if err := wholefile.Folder(dir, figuresDir); err != nil {
		return fmt.Errorf("making the folder of figures: %w", err)
	}
	for _, f := range figures {
		if err := plot.Save(f.Figure, filepath.Join(to, f.Name)); err != nil {
			return err
		}
	}
	tables, err := paper.Tables(v, runs)
	if err != nil {
		return err
	}
	for _, t := range tables {
		csv, err := t.CSV()
		if err != nil {
			return err
		}
		for ext, b := range map[string][]byte{".tex": t.LaTeX(), ".md": t.Markdown(), ".csv": csv} {
			if err := wholefile.Write(filepath.Join(to, t.Name+ext), b); err != nil {
				return err
			}
		}
	}
	return nil
}

// writePlots draws the figures as files, and for the pages.
func writePlots(ctx context.Context, v *view.View, figures []plot.Named, dir string) ([]html.Plot, []markdown.Plot, error) {
	var shown []html.Plot
	var linked []markdown.Plot
	sections := v.Sections()
	for _, f := range figures {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		p := html.NewPlot(f, sections)
		var err error
		if p.SVG, err = f.Figure.SVG(); err != nil {
			return nil, nil, err
		}
		png, err := f.Figure.PNG()
		if err != nil {
			return nil, nil, err
		}
		for _, file := range []struct {
			ext string
			b   []byte
		}{{".png", png}, {".svg", p.SVG}} {
			rel := path.Join(plotsDir, f.Name+file.ext)
			if err := wholefile.Write(filepath.Join(dir, filepath.FromSlash(rel)), file.b); err != nil {
				return nil, nil, err
			}
			p.Files = append(p.Files, rel)
		}
		shown = append(shown, p)
		linked = append(linked, markdown.Plot{Path: p.Files[0], Caption: f.Caption})
	}
	return shown, linked, nil
}

// gather copies the pictures of runs that do not lie in dir and says, by run, what
// stands before their paths. What cannot be read is left out: the page counts it.
func gather(v *view.View, dir string) (prefix []string, err error) {
	var names format.Slugs
	to, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the report directory: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	prefix = make([]string, len(v.Runs))
	for i, r := range v.Runs {
		if sameDir(r.Dir, dir) {
			continue
		}
		prefix[i] = path.Join("images", names.For(r.Name))
		from, err := os.OpenRoot(r.Dir)
		if err != nil {
			continue // its pictures are missing, which the page says
		}
		err = copyPictures(v, i, from, to, prefix[i])
		if err := errors.Join(err, from.Close()); err != nil {
			return nil, fmt.Errorf("copying the pictures of %s: %w", r.Dir, err)
		}
	}
	return prefix, nil
}

func copyPictures(v *view.View, run int, from, to *os.Root, prefix string) error {
	done := map[string]bool{}
	for _, c := range v.Cases {
		if c.Run != run {
			continue
		}
		for _, rel := range append([]string{c.Original, c.Damaged, c.Reconstruction, c.Heat}, slices.Collect(maps.Values(c.Maps))...) {
			if rel == "" || done[rel] || !fs.ValidPath(rel) {
				continue
			}
			done[rel] = true
			b, err := from.ReadFile(rel)
			if err != nil || !strings.HasPrefix(http.DetectContentType(b), "image/") {
				continue
			}
			name := path.Join(prefix, rel)
			if err := to.MkdirAll(path.Dir(name), 0o777); err != nil {
				return err
			}
			if err := to.WriteFile(name+".tmp", b, 0o666); err != nil {
				return err
			}
			if err := to.Rename(name+".tmp", name); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameDir reports whether two paths are one directory.
func sameDir(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
