package browser_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports"
)

// views are what is looked at: a part of the page, and what is done to get there.
var views = []struct{ name, hash, at, open string }{
	{"top", "", "", ""},
	{"results", "", "#results", ""},
	{"results-512", "s=s1", "#results", ""},
	{"plots", "", "#plots", ""},
	{"cloud", "", "#cloud-title", ""},
	{"gallery", "", "#gallery", ""},
	{"gallery-two", "gb=resize", "#gallery", ""},
	{"gallery-images", "gk=images&gb=resize", "#gallery", ""},
	{"gallery-filter", "gq=bin:small%20ned<0.5", "#gallery", ""},
	{"alone", "gk=images", "", "first"},
	{"alone-slider", "gk=images&gm=slider", "", "first"},
	{"alone-onion", "gk=images&gm=onion%20skin", "", "first"},
	{"alone-flip", "gk=images&gm=flip", "", "first"},
	{"alone-difference", "gk=images&gm=difference", "", "first"},
	{"alone-map", "gk=images&gm=SSIM%20map", "", "first"},
	{"alone-case", "gk=cases", "", "first"},
	{"samples", "", "#samples", ""},
	{"explore", "", "#explore", ""},
	{"method", "", "#method", ""},
}

func (x *tab) look(v struct{ name, hash, at, open string }) {
	if v.open != "" {
		x.wait(`document.querySelector('#g-grid .tile')`)
		x.run(`document.querySelector('#g-grid .tile').click()`)
		x.wait(`document.querySelector('#g-view').open && [...document.querySelectorAll('#g-view .pane img[src]')].every(i => i.complete)`)
	}
	if v.at != "" {
		x.run(`const e = document.querySelector('` + v.at + `'); if (e) e.scrollIntoView({block: 'start'})`)
	}
	x.settle()
}

// settle waits until the page has drawn what it was told.
func (x *tab) settle() {
	x.t.Helper()
	x.run(`await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(r, 60))))`)
}

// Every view can be had by its address, light and dark, on a desk and on a phone, and
// nothing is cut off.
func TestViews(t *testing.T) {
	dirs := map[string]string{"items": items(t, 60), "text": text(t), "damage": report(t, "robust", fixture.Robust, reports.Options{})}
	for name, dir := range dirs {
		for _, w := range []struct {
			name string
			size size
			dark bool
		}{{"light-1280", desktop, false}, {"dark-400", phone, true}} {
			t.Run(name+"-"+w.name, func(t *testing.T) {
				x := open(t, filepath.Join(dir, "report.html"), w.size, w.dark)
				for _, v := range views {
					if name == "damage" && (strings.HasPrefix(v.name, "alone") || strings.HasPrefix(v.name, "gallery")) {
						continue // it kept no pictures
					}
					x.visit(filepath.Join(dir, "report.html") + "#" + v.hash)
					x.look(v)
					shot := x.shot(name + "-" + w.name + "-" + v.name)
					if isHeld(v.name) && name == "items" {
						compareGolden(t, w.name+"-"+v.name, shot)
					}
					if over := value[float64](x, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
						t.Errorf("%s is %g pixels wider than the window", v.name, over)
					}
				}
			})
		}
	}
}
