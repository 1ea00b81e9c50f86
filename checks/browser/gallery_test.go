package browser_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports"
)

// gallery opens the gallery of sixty images, from disk.
func gallery(t *testing.T, hash string) *tab {
	t.Helper()
	return open(t, filepath.Join(items(t, 60), "report.html")+"#"+hash, desktop, false)
}

func (x *tab) count() string {
	return value[string](x, `document.querySelector('#g-count').textContent`)
}

// Every word of the filter keeps what it says: of sixty images a fifth are cases, their
// bins go round by three, and their labels by twelve.
func TestFilter(t *testing.T) {
	x := gallery(t, "")
	for _, tc := range []struct{ query, want string }{
		{"", "12 of 12"},
		{"bin:small", "4 of 12"},
		{"bin=smal", "none"},
		{"-bin:small", "8 of 12"},
		{"bin:small bin:large", "none"},
		{`label:"exit"`, "1 of 12"},
		{`text:"No. 4711"`, "1 of 12"},
		{"4711", "1 of 12"},
		{`"no. 4711`, "1 of 12"}, // not closed
		{"item:00005", "1 of 12"},
		{"instance:w0 data:text condition:256", "12 of 12"},
		{"ned<0", "none"},
		{"ned>=0", "12 of 12"},
		{"t-ned<=100%", "12 of 12"},
		{"-ned>=0", "none"},
		{"is:worst", "12 of 12"},
		{"is:kept", "12 of 12"},
		{"-is:sample", "12 of 12"},
		{"tokenizer:vq", "12 of 12"},
		{"tokenizer:nobody", "none"},
		{"nonsense:1", "nothing is called nonsense"},
		{"ned<much", "ned: much is no number"},
		{"bin<3", "bin is text"},
		{"is:odd", "is:odd: want worst, sample, kept, misread"},
		{"(((( <> \\ \" : =", "none"},
	} {
		x.choose("#g-query", tc.query)
		x.run(`await new Promise(r => setTimeout(r, 120))`)
		if got := x.count(); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%q: %q, want %q", tc.query, got, tc.want)
		}
	}
	// The numbers are those of the tokenizer: the filter keeps what is below, for it.
	x.choose("#g-query", "ned<0.5 tokenizer:vq")
	x.run(`await new Promise(r => setTimeout(r, 120))`)
	if bad := value[int](x, `vt.gallery.list().filter(it => { const m = vt.gallery.G.metrics.findIndex(m => m.id === 't-ned'), t = vt.gallery.G.tokens.findIndex(t => t.name.startsWith('vq')); return it.show !== t || !(it.values[m][t] < .5); }).length`); bad > 0 {
		t.Errorf("%d items do not hold ned<0.5", bad)
	}
}

// Every order is one: by each metric, best and worst first, by loss and by disagreement.
func TestSort(t *testing.T) {
	x := gallery(t, "gk=images&gb=resize")
	for m := range value[int](x, `vt.gallery.G.metrics.length`) {
		x.choose("#g-sort", fmt.Sprint(m))
		for _, by := range []string{"worst", "best", "loss", "apart", "order"} {
			x.choose("#g-by", by)
			wrong := value[string](x, `(() => {
				const G = vt.gallery.G, m = `+fmt.Sprint(m)+`, up = G.metrics[m].up || 1, b = Number(document.querySelector('#g-b').value);
				const key = it => { const v = it.values[m] && it.values[m][it.show], w = it.values[m] && it.values[m][G.bound], o = it.values[m] && it.values[m][b];
					return { worst: v * up, best: -v * up, loss: (v - w) * up, apart: -Math.abs(v - o), order: it.n }['`+by+`']; };
				const list = vt.gallery.list();
				if (list.length !== 60) return list.length + ' items';
				for (let i = 1; i < list.length; i++) if (key(list[i - 1]) > key(list[i]) + 1e-9) return 'item ' + i;
				return '';
			})()`)
			if wrong != "" {
				t.Errorf("metric %d, %s: %s is out of order", m, by, wrong)
			}
		}
	}
}

// The address keeps what is seen: opened anew, from disk and over HTTP, the page shows it.
func TestDeepLink(t *testing.T) {
	dir := items(t, 60)
	for _, from := range []string{filepath.Join(dir, "report.html"), serve(t, dir) + "/report.html"} {
		x := open(t, from, desktop, false)
		x.run(`document.querySelector('#g-kind [data-mode=images]').click()`)
		x.choose("#g-a", value[string](x, `String(vt.gallery.G.tokens.findIndex(t => t.name.startsWith('vq')))`))
		x.choose("#g-b", value[string](x, `String(vt.gallery.G.tokens.findIndex(t => t.name === 'resize'))`))
		x.choose("#g-by", "best")
		x.choose("#g-query", "item:0000")
		x.run(`await new Promise(r => setTimeout(r, 120)); document.querySelectorAll('#g-grid .tile')[2].click(); document.querySelector('[data-mode="onion skin"]').click()`)
		const seen = `JSON.stringify([document.querySelector('#v-title').textContent, document.querySelector('#v-at').textContent, document.querySelector('#g-view').dataset.mode, document.querySelector('#g-count').textContent, document.querySelector('#v-left').value, document.querySelector('#v-right').value])`
		want, address := value[string](x, seen), value[string](x, `location.href`)
		y := open(t, address, desktop, false)
		y.wait(`document.querySelector('#g-view').open`)
		if got := value[string](y, seen); got != want {
			t.Errorf("%s shows %s, want %s", address, got, want)
		}
		if !strings.Contains(want, "onion") || !strings.Contains(want, "3 of 10") {
			t.Errorf("what was looked at is %s", want)
		}
	}
}

// All can be done by keys.
func TestKeys(t *testing.T) {
	x := gallery(t, "gk=images")
	at := func(want, script string) {
		t.Helper()
		if got := value[string](x, `String(`+script+`)`); got != want {
			t.Errorf("%s is %s, want %s", script, got, want)
		}
	}
	x.run(`document.querySelector('#results').scrollIntoView(); document.activeElement.blur()`)
	x.key("/")
	at("g-query", `document.activeElement.id`)
	x.choose("#g-query", "") // the protocol types what a page has prevented
	x.key("item:000")
	at("item:000", `document.querySelector('#g-query').value`)
	x.run(`await new Promise(r => setTimeout(r, 150))`) // the filter waits for the end of a word
	x.wait(`vt.gallery.list().length === 60`)
	x.run(`document.querySelector('#g-grid .tile').focus()`)
	place := `[...document.querySelectorAll('#g-grid .cell')].find(c => c.contains(document.activeElement)).getAttribute('aria-posinset')`
	x.key(kb.ArrowRight)
	at("2", place)
	x.key(kb.End)
	at("60", place)
	x.key(kb.Home)
	at("1", place)
	x.key(kb.ArrowDown)
	cols := value[string](x, place)
	if cols == "1" {
		t.Error("the arrow down does not go to the next row")
	}
	x.key(kb.Enter)
	x.wait(`document.querySelector('#g-view').open`)
	at(cols+" of 60", `document.querySelector('#v-at').textContent`)
	x.key(kb.ArrowLeft)
	first := value[string](x, `document.querySelector('#v-title').textContent`)
	x.key(kb.ArrowRight)
	at(cols+" of 60", `document.querySelector('#v-at').textContent`)
	if first == value[string](x, `document.querySelector('#v-title').textContent`) {
		t.Error("the arrow does not go to another item")
	}
	right := `document.querySelector('#v-right').selectedOptions[0].text`
	was := value[string](x, right)
	x.key("t")
	if value[string](x, right) == was {
		t.Error("t does not go to another tokenizer")
	}
	x.key("T")
	at(was, right)
	for i, mode := range []string{"side by side", "slider", "onion skin", "flip", "difference", "map"} {
		x.key(fmt.Sprint(i + 1))
		at(mode, `document.querySelector('#g-view').dataset.mode`)
	}
	x.key("f")
	at("flip true", `document.querySelector('#g-view').dataset.mode + ' ' + document.querySelector('#g-view').classList.contains('flipped')`)
	x.key("1")
	x.key("+")
	x.key("+")
	zoom := `document.querySelector('#g-view .pane.a .pan').style.transform === document.querySelector('#g-view .pane.b .pan').style.transform && /scale\(2\.56\)/.test(document.querySelector('#g-view .pane.b .pan').style.transform)`
	at("true", zoom)
	x.key("0")
	at("false", zoom)
	at("2", `document.querySelectorAll('#g-view .pane.b rect').length`)
	x.key("b")
	at("0", `document.querySelectorAll('#g-view .pane.b rect').length`)
	x.key(kb.Escape)
	x.wait(`!document.querySelector('#g-view').open`)
	at(cols, place)

	// A case leads to its place in the whole image.
	x.run(`document.querySelector('#g-kind [data-mode=cases]').click(); vt.gallery.goTo('')`)
	x.wait(`document.activeElement.classList.contains('tile')`)
	x.key(kb.Enter)
	x.wait(`document.querySelector('#g-view').open`)
	item := value[string](x, `document.querySelector('#v-where').textContent`)
	x.key("w")
	at("1", `document.querySelectorAll('#g-view .pane.b rect.marked').length`)
	if whole := value[string](x, `document.querySelector('#v-title').textContent`); !strings.HasPrefix(item, whole) {
		t.Errorf("%s leads to %s", item, whole)
	}
	at("true", `document.querySelector('#v-instances tr.chosen') !== null`)
}

// A figure shows values, leads to items, and follows the switches of the page.
func TestFigures(t *testing.T) {
	x := gallery(t, "")
	x.run(`document.querySelector('#plots').scrollIntoView()`)
	x.wait(`document.querySelector('#plots .chart svg .mark')`)
	x.settle()
	chart := `[...document.querySelectorAll('#plots figure')].find(f => !f.hidden && f.querySelector('.chart'))`
	spot := func(script string) (float64, float64) {
		p := value[[]float64](x, `(() => { const r = (`+script+`).getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; })()`)
		return p[0], p[1]
	}
	// The small bin of the worst tokenizer.
	mark := `[...` + chart + `.querySelectorAll('.series')].at(-1).querySelector('.mark')`
	px, py := spot(mark)
	x.do(chromedp.MouseEvent("mouseMoved", px, py))
	x.wait(`!document.querySelector('.tip').hidden`)
	if tip := value[string](x, `document.querySelector('.tip').innerText`); !strings.Contains(tip, "vq:patch=8,k=256") || !strings.Contains(tip, "T-ACC") || !strings.Contains(tip, "small") {
		t.Errorf("the tip says %q", tip)
	}
	x.do(chromedp.MouseClickXY(px, py))
	x.wait(`document.querySelector('#g-query').value === 'bin:small'`)
	if got := value[string](x, `document.querySelector('#g-a').selectedOptions[0].text + ' ' + document.querySelector('#g-count').textContent`); got != "vq:patch=8,k=256 4 of 12" {
		t.Errorf("the click shows %q", got)
	}
	// By keys.
	x.run(chart + `.querySelector('.chart').focus()`)
	x.settle() // the focus scrolls
	x.key(kb.ArrowRight)
	x.wait(`!document.querySelector('.tip').hidden`)
	// A switch of the legend hides rows, columns and marks.
	series := chart + `.querySelectorAll('.series').length`
	before := value[int](x, series)
	x.run(`document.querySelector('[data-toggle="jpeg:q=20"]').click()`)
	x.settle()
	if after := value[int](x, series); after != before-1 {
		t.Errorf("%d series after the switch, %d before", after, before)
	}
	if left := value[int](x, `[...document.querySelectorAll('tr[data-token="jpeg:q=20"]')].filter(r => r.offsetParent).length`); left > 0 {
		t.Errorf("%d rows are still there", left)
	}
	x.visit(value[string](x, `location.href`))
	if got := value[string](x, `document.querySelector('[data-toggle="jpeg:q=20"]').getAttribute('aria-pressed')`); got != "false" {
		t.Error("the address does not keep the switch")
	}
	// The resolution of the results is that of the figures.
	title := chart + `.querySelector('h3').textContent`
	if got := value[string](x, title); !strings.Contains(got, "256 px") {
		t.Errorf("the figure is %q", got)
	}
	x.run(`document.querySelectorAll('#results .tabs button')[1].click()`)
	if got := value[string](x, title); !strings.Contains(got, "512 px") {
		t.Errorf("after the switch the figure is %q", got)
	}
	// Any two metrics: a click opens the item.
	x.run(`document.querySelectorAll('#results .tabs button')[0].click(); document.querySelector('#cloud').scrollIntoView({block: 'center'})`)
	x.choose("#cloud-x", value[string](x, `String(vt.gallery.G.metrics.findIndex(m => m.id === 'psnr'))`))
	x.choose("#cloud-y", value[string](x, `String(vt.gallery.G.metrics.findIndex(m => m.id === 't-ned'))`))
	if got := value[string](x, `document.querySelector('#cloud-count').textContent`); !strings.Contains(got, "values of images") {
		t.Errorf("the plot of items has %q", got)
	}
	x.run(`document.querySelector('#cloud').focus()`)
	x.settle()
	x.key(kb.ArrowRight)
	x.wait(`!document.querySelector('.tip').hidden`)
	x.key(kb.Enter)
	x.wait(`document.querySelector('#g-view').open`)
}

// Whatever a name is, it stays text: no markup, no script, no error, nothing cut off.
func TestHostileNames(t *testing.T) {
	evil := []string{
		`<script>window.pwned = 1</script>`, `"><img src=x onerror="window.pwned = 1">`, `'"` + "`${window.pwned = 1}`", `</script><script>window.pwned = 1</script>`,
		"\u202eright to left \u05d0\u05d1\u05d2", strings.Repeat("long ", 800), "👩‍👩‍👧‍👦 e\u0301 \u200b", "line\nbreak\r\n\ttab \x1b[31m", `a|b&c=d#e?f%g\h`, "javascript:window.pwned=1", "__proto__", "\u2028\u2029</style>",
	}
	dir := report(t, "hostile", func(dir string) (*summary.Run, error) {
		run, err := fixture.Items(dir, 2*len(evil), func(i int) (string, string, string) {
			e := evil[i%len(evil)]
			return fmt.Sprintf("%s %d", e, i), e, "read " + e
		})
		if err != nil {
			return nil, err
		}
		for i := range run.Manifest.Tokenizers {
			old := run.Manifest.Tokenizers[i].Name
			if old != "jpeg:q=20" {
				continue
			}
			run.Manifest.Tokenizers[i].Name = evil[1]
			for k := range run.Summary.Rows {
				if run.Summary.Rows[k].Tokenizer == old {
					run.Summary.Rows[k].Tokenizer = evil[1]
				}
			}
			for k := range run.Cases {
				if run.Cases[k].Tokenizer == old {
					run.Cases[k].Tokenizer = evil[1]
				}
			}
		}
		return run, nil
	}, reports.Options{})
	for _, s := range []size{desktop, phone} {
		x := open(t, filepath.Join(dir, "report.html")+"#gk=images", s, false)
		n := value[int](x, `vt.gallery.list().length`)
		if n != 2*len(evil) {
			t.Fatalf("%d items are listed", n)
		}
		x.run(`document.querySelector('#g-grid .tile').click()`)
		for range n {
			x.settle()
			if over := value[float64](x, `Math.max(document.documentElement.scrollWidth - innerWidth, document.querySelector('#g-view').scrollWidth - document.querySelector('#g-view').clientWidth)`); over > 0 {
				t.Errorf("at %d pixels %.60q is %g too wide", s.w, value[string](x, `document.querySelector('#v-title').textContent`), over)
			}
			x.key(kb.ArrowRight)
		}
		for _, e := range evil {
			x.key(kb.Escape)
			x.choose("#g-query", e)
		}
		if value[bool](x, `'pwned' in window || ({}).polluted !== undefined`) {
			t.Error("a name became a script")
		}
		x.run(`document.querySelector('#plots').scrollIntoView()`)
		x.settle()
		x.shot(fmt.Sprintf("hostile-%d", s.w))
	}
}
