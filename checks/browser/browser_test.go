// Package browser_test looks at the pages of vtbench in headless Chromium: every view,
// from disk and over HTTP, without an error on the console and without a serious finding
// of axe-core.
//
//	make test-browser                          # all
//	go test -run TestViews -shots /tmp/shots   # keeps a picture of every view
//
// Chromium is Debian's package; VTBENCH_CHROMIUM names another program.
package browser_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/reports"
)

var shots = flag.String("shots", "", "folder for a picture of every view that is looked at")

// patience is how long a test waits for a page; a loaded machine takes its time.
const patience = 60 * time.Second

var browser struct {
	sync.Once
	ctx    context.Context
	cancel func()
	err    error
}

// chromium is the program, or "" where there is none.
func chromium() string {
	if p := os.Getenv("VTBENCH_CHROMIUM"); p != "" {
		return p
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	return ""
}

func start() {
	path := chromium()
	if path == "" {
		return
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox,                           // as root there is none
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience),
	)
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	browser.ctx, browser.cancel = ctx, func() { cancel(); cancelAlloc() }
	browser.err = chromedp.Do(ctx)
}

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "vtbench-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	work = dir
	code := m.Run()
	if browser.cancel != nil {
		browser.cancel()
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// work is where fixtures lie.
var work string

// fixtures are run directories with their reports, each made once.
var fixtures struct {
	sync.Mutex
	made map[string]string
}

// report makes a run by its name and writes its report.
func report(t *testing.T, name string, build func(dir string) (*summary.Run, error), o reports.Options) string {
	t.Helper()
	fixtures.Lock()
	defer fixtures.Unlock()
	if dir, ok := fixtures.made[name]; ok {
		return dir
	}
	dir := filepath.Join(work, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	run, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reports.Write(context.Background(), []*summary.Run{run}, dir, o); err != nil {
		t.Fatal(err)
	}
	if fixtures.made == nil {
		fixtures.made = map[string]string{}
	}
	fixtures.made[name] = dir
	return dir
}

func text(t *testing.T) string { return report(t, "text", fixture.Text, reports.Options{}) }

func items(t *testing.T, n int) string {
	return report(t, fmt.Sprintf("items-%d", n), func(dir string) (*summary.Run, error) { return fixture.Items(dir, n, nil) }, reports.Options{})
}

// A tab is an open page. What goes wrong on it fails the test at its end.
type tab struct {
	t      *testing.T
	ctx    context.Context
	mu     sync.Mutex
	errors []string
}

// size is of the window.
type size struct{ w, h int64 }

var (
	desktop = size{1280, 900}
	phone   = size{400, 800}
)

// open opens a page, from disk or from wherever the address says.
func open(t *testing.T, address string, s size, dark bool) *tab {
	t.Helper()
	if chromium() == "" {
		testenv.Skip(t, "chromium is missing: apt-get install chromium")
	}
	browser.Do(start)
	if browser.err != nil {
		t.Fatalf("starting %s: %v", chromium(), browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	ctx, stop := context.WithTimeout(ctx, patience)
	x := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		stop()
		cancel()
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, e := range x.errors {
			t.Errorf("on the page: %s", e)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, x.hear); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(x, log.Enable, cdp.Empty{})
	call(x, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: s.w, Height: s.h, DeviceScaleFactor: 1, Mobile: s.w < 600})
	call(x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	x.visit(address)
	return x
}

// visit goes to an address and waits for the gallery, where the page has one.
func (x *tab) visit(address string) {
	x.t.Helper()
	if !strings.Contains(address, "://") {
		address = "file://" + address
	}
	x.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	x.wait(`document.readyState === 'complete' && location.href !== 'about:blank' && (typeof vt === 'undefined' || !vt.gallery || vt.gallery.ready())`)
}

// hear notes what the console says.
func (x *tab) hear(ev any) {
	said := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		said = "exception: " + e.ExceptionDetails.Text
		if o := e.ExceptionDetails.Exception; o != nil {
			said += " " + o.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			said = "console:"
			for _, a := range e.Args {
				said += " " + string(a.Value) + a.Description
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			said = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	}
	if said != "" {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.errors = append(x.errors, said)
	}
}

// call sends a command of the protocol.
func call[P, R any](x *tab, cmd cdp.Command[P, R], params P) R {
	x.t.Helper()
	out, err := chromedp.Call(x.ctx, cmd, params)
	if err != nil {
		x.t.Fatalf("in the browser: %v", err)
	}
	return out
}

func (x *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	x.t.Helper()
	if err := chromedp.Do(x.ctx, actions...); err != nil {
		x.t.Fatalf("in the browser: %v", err)
	}
}

// value evaluates a script, and waits for the promise that it yields.
func value[T any](x *tab, script string) T {
	x.t.Helper()
	out, err := chromedp.Run(x.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		x.t.Fatalf("evaluating %s: %v", script, err)
	}
	return out
}

// run evaluates a script for what it does.
func (x *tab) run(script string) {
	x.t.Helper()
	value[bool](x, "(async () => { "+script+"; return true; })()")
}

// wait waits until a script is true. While a page is being left there is nothing to ask.
func (x *tab) wait(script string) {
	x.t.Helper()
	until := time.Now().Add(patience)
	for {
		ok, err := chromedp.Run(x.ctx, chromedp.Evaluate[bool]("("+script+") ? true : false"))
		if err == nil && ok {
			return
		}
		if time.Now().After(until) || x.ctx.Err() != nil {
			x.t.Fatalf("waiting for %s: %v", script, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// key presses keys, as a person would, wherever the focus is.
func (x *tab) key(keys string) { x.t.Helper(); x.do(chromedp.KeyEvent(keys)) }

// choose sets a select or input and says so.
func (x *tab) choose(selector, v string) {
	x.t.Helper()
	x.run(fmt.Sprintf(`const e = document.querySelector(%q); e.value = %q; e.dispatchEvent(new Event('input')); e.dispatchEvent(new Event('change'))`, selector, v))
}

// shot keeps a picture of the view where -shots asks for it.
func (x *tab) shot(name string) []byte {
	x.t.Helper()
	b, err := chromedp.Run(x.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		x.t.Fatalf("taking a picture: %v", err)
	}
	if *shots != "" {
		if err := os.MkdirAll(*shots, 0o755); err != nil {
			x.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*shots, name+".png"), b, 0o644); err != nil {
			x.t.Fatal(err)
		}
	}
	return b
}

// serve serves a folder.
func serve(t *testing.T, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s.URL
}
