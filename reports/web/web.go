// Package web is what all pages that vtbench writes have in common: the shell with its
// head, navigation and theme, the style, and the script for tables, tabs and state.
//
// Its opinion: a page is one file that opens from disk and asks the network for nothing.
// Scripts are classic ones, since browsers load no modules from disk, and all of a page's
// are put into one element at write time, whose digest its Content-Security-Policy names:
// no other script runs, whatever markup a name may turn out to be.
//
//	t := web.Parse(files, "page.html")
//	t.Execute(w, struct{ web.Shell; Rows []row }{web.Shell{Title: "…"}, rows})
//
// where page.html is {{template "head" .Shell}} … {{template "foot" .Shell}}. The script
// gives pages the object vt: state in the address (vt.state, vt.save), tabs (vt.tabs),
// and what a page registers for tokenizers that are switched off (vt.shown). Tables of
// class sortable sort.
package web

import (
	"crypto/sha256"
	_ "embed" // the page's style and script
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"strings"
)

//go:embed style.css
var style string

//go:embed base.js
var base string

//go:embed shell.html
var shell string

// A Shell is what stands around the content of a page.
type Shell struct {
	Title string // of the window
	Brand string // beside the program's name
	Nav   []Link
	Skip  string       // where "skip to the content" leads, without #
	CSS   template.CSS // after the common style
	JS    []string     // after the common script
	// Files allows scripts that lie beside the page: numbered data of [ScriptData].
	Files bool
	// Live allows requests to where the page came from; only pages that are served
	// have such a place.
	Live bool
}

// A Link of the navigation.
type Link struct {
	Text, URL string
	Bad       bool
}

// Style is the whole style of the page.
func (s Shell) Style() template.CSS { return template.CSS(style) + s.CSS } //nolint:gosec // our own file

// Script is the whole script of the page.
func (s Shell) Script() template.JS { return template.JS(base + strings.Join(s.JS, "\n")) } //nolint:gosec // our own files

// Policy is the Content-Security-Policy. Styles in attributes are allowed, for the
// colours and bars of cells; they are numbers and colours of our own.
func (s Shell) Policy() string {
	sum := sha256.Sum256([]byte(s.Script()))
	script := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if s.Files {
		script += " 'self' file:"
	}
	connect := "'none'"
	if s.Live {
		connect = "'self'"
	}
	return fmt.Sprintf("default-src 'none'; script-src %s; style-src 'unsafe-inline'; img-src 'self' data: file: https:; connect-src %s; base-uri 'none'; form-action 'none'", script, connect)
}

// Parse returns the template of a page, in which "head" and "foot" are defined: both
// take a [Shell].
func Parse(files fs.FS, names ...string) (*template.Template, error) {
	t, err := template.New("shell.html").Parse(shell)
	if err != nil {
		return nil, fmt.Errorf("reading the shell of the page: %w", err)
	}
	if t, err = t.New(names[0]).ParseFS(files, names...); err != nil {
		return nil, fmt.Errorf("reading the page template: %w", err)
	}
	return t, nil
}
