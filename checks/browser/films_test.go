package browser_test

import (
	"bytes"
	"fmt"
	"image/png"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports"
)

func filmReport(t *testing.T) string { return report(t, "films", fixture.Films, reports.Options{}) }

// at waits until the player has stopped at a frame and shows it.
func (x *tab) at(frame int) {
	x.t.Helper()
	x.wait(fmt.Sprintf(`vt.films.frame() === %d && vt.films.drawn() === %d && !vt.films.playing()`, frame, frame))
}

// corner is the colour in a corner of a canvas of the player, as it is seen: scripts may not
// read what came from disk.
func (x *tab) corner(canvas string) [3]int {
	x.t.Helper()
	x.run(fmt.Sprintf(`document.querySelector(%q).scrollIntoView({block: 'center'})`, canvas))
	x.settle()
	at := value[[]float64](x, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return [r.right - 8, r.bottom - 8]; })()`, canvas))
	img, err := png.Decode(bytes.NewReader(x.shot("player" + canvas)))
	if err != nil {
		x.t.Fatal(err)
	}
	r, g, b, _ := img.At(int(at[0]), int(at[1])).RGBA()
	return [3]int{int(r >> 8), int(g >> 8), int(b >> 8)}
}

func near(got [3]int, want, by int) bool {
	for _, c := range got {
		if c < want-by || c > want+by {
			return false
		}
	}
	return true
}

// From disk, frames are drawn in step: the ground of frame n of the fixture has the grey
// 40 + 4n, in the original and through a tokenizer that only blurs, and no difference.
func TestPlayerFromDisk(t *testing.T) {
	for _, s := range []size{desktop, phone} {
		t.Run(fmt.Sprint(s.w), func(t *testing.T) {
			x := open(t, filepath.Join(filmReport(t), "report.html")+"#ft=resize", s, false)
			x.at(0)
			x.run(`document.querySelector('#f-frame').focus()`)
			for _, step := range []struct {
				key   string
				frame int
			}{{kb.ArrowRight, 1}, {kb.End, fixture.FilmFrames - 1}, {kb.ArrowLeft, fixture.FilmFrames - 2}} {
				x.key(step.key)
				x.at(step.frame)
				ground := 40 + 4*step.frame
				if got := x.corner("#f-original"); !near(got, ground, 2) {
					t.Errorf("frame %d: the original is %v, want grey %d", step.frame, got, ground)
				}
				if got := x.corner("#f-got"); !near(got, ground, 6) {
					t.Errorf("frame %d: the reconstruction is %v, want grey %d", step.frame, got, ground)
				}
				if got := x.corner("#f-difference"); !near(got, 0, 24) {
					t.Errorf("frame %d: the difference is %v, want black", step.frame, got)
				}
			}
			if over := value[float64](x, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%g pixels wider than the window", over)
			}
		})
	}
}

// A page that holds its pictures plays them, too.
func TestPlayerSingleFile(t *testing.T) {
	dir := report(t, "films-single", fixture.Films, reports.Options{SingleFile: true})
	x := open(t, filepath.Join(dir, "report.html")+"#ft=resize&fn=3", desktop, false)
	x.at(3)
	if got := x.corner("#f-got"); !near(got, 52, 6) {
		t.Errorf("the reconstruction is %v, want grey 52", got)
	}
}

// Over HTTP scripts may read pixels: the difference is what it says, at every strength.
func TestPlayerDifference(t *testing.T) {
	x := open(t, serve(t, filmReport(t))+"/report.html#ft="+"vq3d%3Ak%3D1024&fn=5", desktop, false)
	x.at(5)
	x.run(`document.querySelector('#f-boxes').click()`)
	for gain := range 5 {
		x.choose("#f-gain", fmt.Sprint(gain))
		x.at(5)
		x.settle()
		got := value[string](x, fmt.Sprintf(`(() => {
			const [a, b, d] = ['#f-original', '#f-got', '#f-difference'].map(q => { const c = document.querySelector(q), o = new OffscreenCanvas(c.width, c.height).getContext('2d', { willReadFrequently: true }); o.drawImage(c, 0, 0); return o.getImageData(0, 0, c.width, c.height).data; });
			let wrong = 0, some = 0;
			for (let i = 0; i < a.length; i++) { if (i %% 4 === 3) continue; const want = Math.min(255, Math.abs(a[i] - b[i]) * 2 ** %d); if (want) some++; if (want !== d[i]) wrong++; }
			return wrong + ' wrong' + (some > 1000 ? '' : ', ' + some + ' differ');
		})()`, gain))
		if got != "0 wrong" {
			t.Errorf("strength %d: %s", gain, got)
		}
	}
}

// The player plays to the end and round again, pictures of a few frames are held at any time,
// and keys, choices and the address do what they say.
func TestPlayerControls(t *testing.T) {
	x := open(t, filepath.Join(filmReport(t), "report.html"), desktop, false)
	x.at(0)
	first := value[int](x, `vt.films.token()`)
	x.run(`vt.most = 0; vt.seen = new Set(); const look = () => { vt.most = Math.max(vt.most, vt.films.held()); vt.seen.add(vt.films.drawn()); requestAnimationFrame(look); }; look(); document.querySelector('#f-speed').value = '2'; document.querySelector('#f-frame').focus()`)
	x.key(" ")
	x.wait(`vt.films.playing()`)
	x.wait(fmt.Sprintf(`vt.seen.size >= %d`, fixture.FilmFrames/2)) // a loaded machine leaves some out of sight
	x.key(" ")
	x.wait(`!vt.films.playing()`)
	if n := value[int](x, `vt.most`); n > 9 {
		t.Errorf("pictures of %d frames were held", n)
	}
	x.key(kb.Home)
	x.at(0)
	x.key("t")
	x.wait(fmt.Sprintf(`vt.films.token() !== %d`, first))
	x.key("T")
	x.wait(fmt.Sprintf(`vt.films.token() === %d`, first))
	x.at(0)
	x.choose("#f-metric", fmt.Sprint(value[int](x, `vt.gallery.G.metrics.findIndex(m => m.id === 'flicker')`)))
	x.choose("#f-frame", "7")
	x.at(7)
	if got := value[string](x, `document.querySelector('#f-at').textContent`); !strings.HasPrefix(got, "7 of 23 · 0.58 s") {
		t.Errorf("the player says %q", got)
	}
	if got := value[string](x, `document.querySelector('#f-says').textContent`); !strings.Contains(got, "TOTAL → ") {
		t.Errorf("the player says %q was read", got)
	}
	if got := value[string](x, `location.hash`); !strings.Contains(got, "fn=7") || !strings.Contains(got, "fm=flicker") {
		t.Errorf("the address is %q", got)
	}
}

// Pages with films have no serious finding, and without scripts the strips stand there.
func TestFilmsAccessible(t *testing.T) {
	for _, s := range []size{desktop, phone} {
		for _, dark := range []bool{false, true} {
			x := open(t, filepath.Join(filmReport(t), "report.html")+"#fn=9", s, dark)
			x.at(9)
			x.accessible(fmt.Sprintf("films %d, dark: %t", s.w, dark))
			x.run(`document.querySelector('#films').scrollIntoView({block: 'start'})`)
			x.settle()
			x.shot(fmt.Sprintf("films-%d-dark-%t", s.w, dark))
			x.run(`document.querySelector('.strips').scrollIntoView({block: 'start'})`)
			x.wait(`[...document.querySelectorAll('.strips img')].slice(0, 2).every(i => i.complete && i.naturalWidth > 0)`)
			x.shot(fmt.Sprintf("strips-%d-dark-%t", s.w, dark))
		}
	}
}
