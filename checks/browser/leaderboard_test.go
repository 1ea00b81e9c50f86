package browser_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/fixture"
	server "github.com/vtbench/vtbench/internal/serve"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// hostile is what a name may be.
var hostile = []string{
	`</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "\u202egnp.exe \u202c", strings.Repeat("4 KB of a name ", 273), "👩‍🔬🧪", "line\nbreak",
}

// rankings are baseline files of two suites, of which one was imported, with names of every
// kind and rates.
func rankings(t *testing.T, dir string, tokens int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	save := func(name string, h compare.Header, from, to int) {
		h.Suite = compare.SuiteID{ID: "text", Version: h.Suite.Version, Digest: "8f3a1b20c4d5", Title: "Text"}
		h.Datasets = []compare.DatasetID{{Name: "text-default", Version: 1, Digest: "0a1b2c3d4e5f", Items: 40}}
		h.Headline = []string{"t-acc", "psnr"}
		h.Bins = []string{"small", "large"}
		h.Metrics = []metrics.Spec{
			{ID: "t-acc", Version: 1, Title: "T-ACC", Unit: "share", Better: metrics.Higher, Scope: metrics.PerInstance, Show: metrics.Percent(1), Short: "share of words read exactly"},
			{ID: "psnr", Version: 1, Title: "PSNR", Unit: "dB", Better: metrics.Higher, Scope: metrics.PerImage, Show: metrics.Fixed(2), Short: "error of pixels"},
			{ID: "bpp-nominal", Version: 1, Title: "bits", Unit: "bpp", Better: metrics.Lower, Scope: metrics.PerImage, Role: metrics.RoleRate, Rate: metrics.Nominal},
		}
		h.Tokens = []compare.TokenID{{Name: "resize", Reference: true}}
		for i := from; i < to; i++ {
			n := fmt.Sprintf("vq:k=%d", 16<<i)
			if i < len(hostile) {
				n = hostile[i]
			}
			h.Tokens = append(h.Tokens, compare.TokenID{Name: n})
		}
		b := compare.NewBuilder(name, h)
		for item := range 40 {
			for k, tok := range h.Tokens {
				if k == 3 && item < 30 { // one that was cut short
					continue
				}
				for _, cond := range []string{"clean@256", "fog/1@256", "clean@512"} {
					rec := record.Record{Dataset: "text-default", Tokenizer: tok.Name, Item: fmt.Sprintf("sign/%02d", item), Condition: cond}
					worse := float64((item*7+k*3)%11) / 10
					rec.Metric, rec.Value = "psnr", record.Num(34-float64(k)-worse)
					if item == 5 && k == 2 {
						rec.Value, rec.Error = nil, "out of memory"
					}
					b.Add(&rec)
					rec.Metric, rec.Value, rec.Error = "bpp-nominal", record.Num(.1*float64(k+1)), ""
					b.Add(&rec)
					for w, bin := range []string{"small", "large"} {
						rec.Instance, rec.Bin, rec.Metric = fmt.Sprint(w), bin, "t-acc"
						v := 0.
						if (item*5+k*k+w)%(k+2) < 2 {
							v = 1
						}
						rec.Value = record.Num(v)
						b.Add(&rec)
					}
				}
			}
		}
		r, err := b.Results()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Save(filepath.Join(dir, name+compare.BaselineSuffix), compare.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	v := func(n int) compare.Header {
		return compare.Header{Source: compare.FromRun, Suite: compare.SuiteID{Version: n}, Seed: 1, Software: []compare.KeyValue{{Key: "tesseract", Value: "5.3.0"}}, Made: "2026-11-27T06:00:00Z", Program: "vtbench 1"}
	}
	save("codecs", v(2), 0, tokens/2)
	save("rules <b>&", v(2), tokens/2, tokens)
	save("old", v(1), 8, 12)
	theirs := v(0)
	theirs.Source, theirs.Origin, theirs.Software = compare.Imported, "https://example.org/results", nil
	save("theirs", theirs, 8, 12)
	if err := os.WriteFile(filepath.Join(dir, "broken"+compare.BaselineSuffix), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func board(t *testing.T, tokens int) (site string) {
	t.Helper()
	dir := t.TempDir()
	in := filepath.Join(dir, "results")
	rankings(t, in, tokens)
	run := filepath.Join(in, "items")
	made, err := fixture.Items(run, 20, func(i int) (string, string, string) {
		return hostile[i%len(hostile)] + fmt.Sprint(i), hostile[(i+1)%len(hostile)], hostile[(i+2)%len(hostile)]
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := record.WriteJSON(filepath.Join(run, record.ManifestFile), made.Manifest); err != nil {
		t.Fatal(err)
	}
	published, err := leaderboard.PublishedTables()
	if err != nil {
		t.Fatal(err)
	}
	site = filepath.Join(dir, "site")
	if _, err := leaderboard.Write(context.Background(), []string{in}, site, leaderboard.Options{BoardOptions: compare.BoardOptions{Resamples: 199}, Published: published, Program: "vtbench test"}); err != nil {
		t.Fatal(err)
	}
	return site
}

// visible is the text of what matches and is shown.
func (x *tab) visible(selector string) []string {
	x.t.Helper()
	return strings.Split(value[string](x, fmt.Sprintf(`[...document.querySelectorAll(%q)].filter(e => e.checkVisibility()).map(e => e.innerText.replaceAll('\n', ' ')).join('\n')`, selector)), "\n")
}

// A leaderboard in every view: from disk and over HTTP, light and dark, on a desk and on a
// phone; tabs by mouse and keyboard, sorting, the filter, addresses, the report of a run.
func TestLeaderboard(t *testing.T) {
	site := board(t, 14)
	index := filepath.Join(site, leaderboard.IndexFile)
	t.Run("views", func(t *testing.T) {
		for _, w := range []struct {
			name    string
			address string
			size    size
			dark    bool
		}{{"light-1280", index, desktop, false}, {"dark-1280", serve(t, site) + "/", desktop, true}, {"light-400", index, phone, false}, {"dark-400", index, phone, true}} {
			x := open(t, w.address, w.size, w.dark)
			for _, part := range []string{"", "#boards", "#b0", "#b2", "#published", "#sources", "#method"} {
				if part != "" {
					x.run(fmt.Sprintf(`document.querySelector(%q).scrollIntoView({block: 'start'})`, part))
				}
				x.settle()
				x.shot("leaderboard-" + w.name + "-" + strings.TrimPrefix(part, "#"))
			}
			if over := value[float64](x, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s is %g pixels wider than the window", w.name, over)
			}
			x.accessible(w.name)
		}
	})
	t.Run("paths", func(t *testing.T) {
		x := open(t, index, desktop, false)
		if got := x.visible("#boards .board h3"); len(got) != 4 || !strings.HasPrefix(got[0], "T-ACC") {
			t.Errorf("shown at first: %q", got)
		}
		// By mouse, then by key.
		x.run(`document.querySelectorAll('#b0 .metrics button')[1].click()`)
		if got := x.visible("#b0 .board h3"); len(got) != 1 || !strings.HasPrefix(got[0], "PSNR") {
			t.Errorf("after a click on PSNR: %q", got)
		}
		x.run(`document.querySelector('#b0 .conds button[aria-selected=true]').focus()`)
		x.key("\u0303") // →
		if got := x.visible("#b0 .board h3"); len(got) != 1 || !strings.HasPrefix(got[0], "PSNR ↑, damaged") {
			t.Errorf("after →: %q", got)
		}
		where := value[string](x, "location.hash")
		x.visit(index + where)
		if got := x.visible("#b0 .board h3"); len(got) != 1 || !strings.HasPrefix(got[0], "PSNR ↑, damaged") {
			t.Errorf("the address %s shows %q", where, got)
		}
		// Ranks are in order; sorted by another column each part stays for itself.
		ranks := x.visible("#b0 .board:not([hidden]) .ranked td.rank")
		if ranks[0] != "1" {
			t.Errorf("ranks %q", ranks)
		}
		x.run(`document.querySelectorAll('#b0 .board:not([hidden]) thead button')[3].click(); document.querySelectorAll('#b0 .board:not([hidden]) thead button')[3].click()`)
		if got := x.visible("#b0 .board:not([hidden]) .ranked td.rank"); got[len(got)-1] != "1" {
			t.Errorf("sorted upwards by value: %q", got)
		}
		if got := x.visible("#b0 .board:not([hidden]) .bounds th span"); got[0] != "resize" {
			t.Errorf("the upper bound went: %q", got)
		}
		x.choose("#filter", "vq k=512")
		if got := x.visible("#b0 .board:not([hidden]) tbody th span"); len(got) > 2 {
			t.Errorf("the filter leaves %q", got)
		}
		x.choose("#filter", "")
		x.run(`document.querySelectorAll('#pub-tokbench .tabs button')[2].click()`)
		if got := x.visible("#pub-tokbench tbody th"); len(got) != 17 {
			t.Errorf("TokBench at 1024 has %d rows", len(got))
		}
		// One click to the report of a run.
		x.run(`[...document.querySelectorAll('#sources a')].find(a => a.textContent === 'results/items').click()`)
		x.wait(`location.pathname.endsWith('/report.html') && document.readyState === 'complete' && document.querySelector('#results')`)
	})
	t.Run("many", func(t *testing.T) {
		many := board(t, 60)
		x := open(t, filepath.Join(many, leaderboard.IndexFile), desktop, false)
		t.Logf("60 tokenizers: interactive after %.0f ms", value[float64](x, `performance.getEntriesByType('navigation')[0].domInteractive`))
	})
}

// A server's page follows a run that is being made, without being loaded again, and its
// report can be read meanwhile.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	runs := filepath.Join(dir, "runs")
	rankings(t, runs, 8)
	run := filepath.Join(runs, "items")
	made, err := fixture.Items(run, 12, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := record.WriteJSON(filepath.Join(run, record.ManifestFile), made.Manifest); err != nil {
		t.Fatal(err)
	}
	lock, err := record.TakeLock(run, false)
	if err != nil {
		t.Fatal(err)
	}
	told := func(done int) {
		t.Helper()
		now := time.Now().UTC()
		p := record.Progress{Phase: "measuring", Begun: now.Add(-time.Minute), Updated: now, Done: done, Total: 100, Tokenizers: []record.TokenProgress{{Name: hostile[0], Done: done / 2, Total: 50, Failed: 1}, {Name: "resize", Done: done / 2, Total: 50}}}
		if err := record.WriteProgress(run, &p); err != nil {
			t.Fatal(err)
		}
	}
	told(20)
	t.Setenv("TMPDIR", t.TempDir())
	s, err := server.New(server.Options{Dir: runs, Options: leaderboard.Options{BoardOptions: compare.BoardOptions{Resamples: 199}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	address := "http://" + l.Addr().String() + "/"
	x := open(t, address, desktop, true)
	x.wait(`document.querySelector('#live-rows').innerText.includes('20 %, measuring')`)
	told(64)
	x.wait(`document.querySelector('#live-rows').innerText.includes('64 %, measuring')`)
	// Meanwhile the leaderboard has been made, and the page says so.
	x.wait(`document.querySelector('#boards .board') || document.querySelector('#live-new').checkVisibility()`)
	x.visit(address)
	x.wait(`document.querySelector('#boards .board')`)
	x.settle()
	x.shot("serve-dark-1280")
	x.accessible("serve")
	for _, e := range []string{"script", "img"} {
		if n := value[float64](x, fmt.Sprintf(`document.querySelectorAll('main %s').length`, e)); n != 0 {
			t.Errorf("a name became %g <%s>", n, e)
		}
	}
	if over := value[float64](open(t, address, phone, false), `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		t.Errorf("on a phone it is %g pixels too wide", over)
	}
	x.run(`[...document.querySelectorAll('#live-rows a')].find(a => a.textContent === 'runs/items').click()`)
	x.wait(`location.pathname === '/runs/runs-items/report.html' && document.querySelector('#results')`)
	x.visit(address)
	if err := record.RemoveProgress(run); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	x.wait(`document.querySelector('#live-rows').innerText.includes('interrupted')`)
	var live leaderboard.Live
	if err := json.Unmarshal([]byte(value[string](x, `fetch('./live.json').then(r => r.text())`)), &live); err != nil || len(live.Runs) != 1 {
		t.Errorf("%v: %+v", err, live)
	}
}
