package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// types are the kinds of files that reports consist of.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".tex": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".pdf": "application/pdf",
	".json": "application/json", ".js": "text/javascript; charset=utf-8",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp", ".svg": "image/svg+xml",
}

// patience is how long a reader waits for a report before being told that it is being made.
const patience = 2 * time.Second

// answer answers a request that was not refused.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	switch p := r.URL.Path; {
	case p == "/" || p == "/"+leaderboard.IndexFile:
		site, err := s.watch.board()
		if err != nil {
			s.fail(w, err)
			return
		}
		page, err := site.Page(s.watch.live())
		if err != nil {
			s.fail(w, err)
			return
		}
		send(w, r, ".html", page)
	case p == "/live.json":
		w.Header().Set("Cache-Control", "no-store")
		b, err := json.Marshal(s.watch.live())
		if err != nil {
			s.fail(w, err)
			return
		}
		send(w, r, ".json", b)
	case p == "/"+leaderboard.DataFile:
		site, err := s.watch.board()
		if err != nil {
			s.fail(w, err)
			return
		}
		b, err := site.JSON()
		if err != nil {
			s.fail(w, err)
			return
		}
		send(w, r, ".json", b)
	case strings.HasPrefix(p, "/"+leaderboard.RunsDir+"/"):
		slug, name, _ := strings.Cut(strings.TrimPrefix(p, "/"+leaderboard.RunsDir+"/"), "/")
		s.report(w, r, slug, name)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	s.o.Log(err.Error())
	http.Error(w, "something went wrong; the server's terminal says what", http.StatusInternalServerError)
}

func send(w http.ResponseWriter, r *http.Request, ext string, b []byte) {
	w.Header().Set("Content-Type", types[ext])
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

// report serves the report of a run, which is made when it is first asked for.
func (s *Server) report(w http.ResponseWriter, r *http.Request, slug, name string) {
	x, ok := s.watch.find(slug)
	kind, known := types[strings.ToLower(path.Ext(name))]
	if !ok || !known || path.Clean(name) != name {
		http.NotFound(w, r)
		return
	}
	if name == leaderboard.ReportFile {
		if x.err != nil {
			s.say(w, r, http.StatusNotFound, "This run cannot be shown", x.err.Error(), false)
			return
		}
		ready, err := s.shelf.get(x, patience)
		switch {
		case ready: // what went wrong with a newer one is in the log
		case errors.Is(err, errBusy):
			w.Header().Set("Retry-After", "5")
			s.say(w, r, http.StatusServiceUnavailable, "Busy", err.Error()+".", true)
			return
		case err != nil:
			s.say(w, r, http.StatusNotFound, "This run cannot be shown", err.Error(), false)
			return
		default:
			s.say(w, r, http.StatusAccepted, "The report is being made", "This page looks for it again by itself.", true)
			return
		}
	}
	f, info, err := s.shelf.open(slug, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, "", info.ModTime(), f)
}

var notice = template.Must(template.New("notice").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
{{if .Again}}<meta http-equiv="refresh" content="2">{{end}}<title>{{.Title}} · vtbench</title>
<style>body { font:15px/1.55 system-ui,sans-serif; max-width:60ch; margin:3rem auto; padding:0 1rem; overflow-wrap:anywhere }</style></head>
<body><main><h1>{{.Title}}</h1><p role="status">{{.Text}}</p><p><a href="/">All runs</a></p></main></body></html>
`))

// say answers with a sentence instead of a report.
func (s *Server) say(w http.ResponseWriter, r *http.Request, status int, title, text string, again bool) {
	var b bytes.Buffer
	if err := notice.Execute(&b, struct {
		Title, Text string
		Again       bool
	}{title, format.Text(text), again}); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", types[".html"])
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // whoever asked may be gone
	}
}
