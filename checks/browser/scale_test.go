package browser_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vtbench/vtbench/reports/html"
)

// Ten thousand images, each with pictures by four tokenizers: the page is read, sorted,
// filtered and scrolled, and holds no more than is in view. Times and memory are reported
// and not asserted, since machines differ.
func TestTenThousand(t *testing.T) {
	open(t, filepath.Join(items(t, 10), "report.html"), desktop, false) // starts the browser
	for _, n := range []int{10, 1000, 10_000} {
		dir := items(t, n)
		var bytes int64
		files, err := filepath.Glob(filepath.Join(dir, html.DataDir, "*.js"))
		if err != nil {
			t.Fatal(err)
		}
		page := filepath.Join(dir, "report.html")
		for _, f := range append(files, page) {
			st, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			bytes += st.Size()
		}
		began := time.Now()
		x := open(t, page+"#gk=images&gb=resize", desktop, false)
		loaded := time.Since(began)
		ready := value[float64](x, `performance.getEntriesByName('vt:gallery')[0].startTime`)
		if got := value[int](x, `vt.gallery.list().length`); got != n {
			t.Errorf("%d items are listed of %d", got, n)
		}
		sorting := value[float64](x, `(() => { const t = performance.now(); const s = document.querySelector('#g-by'); s.value = 'apart'; s.onchange(); return performance.now() - t; })()`)
		filtering := value[float64](x, `(async () => { const q = document.querySelector('#g-query'); q.value = 'psnr>20'; const t = performance.now(); q.oninput(); await new Promise(r => setTimeout(r, 81)); return performance.now() - t - 81; })()`)
		x.run(`document.querySelector('#g-query').value = ''; document.querySelector('#g-query').oninput(); await new Promise(r => setTimeout(r, 200)); document.querySelector('#g-grid').scrollIntoView()`)
		frames := value[[]float64](x, `(async () => {
			const g = document.querySelector('#g-grid'), times = [];
			let last = performance.now();
			for (let i = 0; i < 90; i++) {
				g.scrollTop += 160;
				await new Promise(r => requestAnimationFrame(r));
				const now = performance.now();
				times.push(now - last);
				last = now;
			}
			times.sort((a, b) => a - b);
			return [times[45], times[85], times.at(-1)];
		})()`)
		nodes := value[int](x, `document.querySelectorAll('#g-grid .cell').length`)
		if nodes > 100 {
			t.Errorf("%d cells exist of %d items", nodes, n)
		}
		// The far end is there at once.
		x.run(`const g = document.querySelector('#g-grid'); g.scrollTop = g.scrollHeight`)
		x.settle()
		if last := value[int](x, `Math.max(...[...document.querySelectorAll('#g-grid .cell')].map(c => Number(c.getAttribute('aria-posinset'))))`); last != n {
			t.Errorf("the end of the grid is item %d of %d", last, n)
		}
		heap := value[float64](x, `performance.memory ? performance.memory.usedJSHeapSize / 1e6 : 0`)
		t.Logf("%6d items: %5.1f MB of page and data; loaded in %s, gallery after %.0f ms; sorted in %.0f ms, filtered in %.0f ms; frames %.0f ms (median), %.0f ms (95 %%), %.0f ms (longest); %d cells; heap %.0f MB",
			n, float64(bytes)/1e6, loaded.Round(10*time.Millisecond), ready, sorting, filtering, frames[0], frames[1], frames[2], nodes, heap)
	}
}
