package html

import (
	"bytes"
	"fmt"
	"html/template"
	"regexp"
	"strings"
)

// colour is a colour as our SVG states it.
var colour = regexp.MustCompile(`#[0-9A-Fa-f]{6}\b`)

// A tint collects the colours of figures that differ between a light and a dark
// page, so that one inline SVG serves both by custom properties.
type tint struct {
	names map[[2]string]string
	order [][2]string
}

// inline turns the two renderings of a figure into one whose colours are custom
// properties. ok is false where they differ in more than their colours.
func (t *tint) inline(light, dark []byte) (svg template.HTML, ok bool) {
	light, dark = body(light), body(dark)
	a, b := colour.FindAllIndex(light, -1), colour.FindAllIndex(dark, -1)
	if len(light) == 0 || len(a) != len(b) || !bytes.Equal(colour.ReplaceAll(light, nil), colour.ReplaceAll(dark, nil)) {
		return "", false
	}
	var out bytes.Buffer
	from := 0
	for i, at := range a {
		out.Write(light[from:at[0]])
		x, y := string(light[at[0]:at[1]]), string(dark[b[i][0]:b[i][1]])
		// Only inside a style attribute: a name may look like a colour.
		if !bytes.HasSuffix(light[:at[0]], []byte(":")) || !inTag(light, at[0]) {
			out.WriteString(x)
		} else {
			out.WriteString("var(" + t.name(x, y) + ")")
		}
		from = at[1]
	}
	out.Write(light[from:])
	return template.HTML(out.Bytes()), true //nolint:gosec // drawn by reports/plot, which escapes all text
}

// inTag reports whether a position lies between < and >.
func inTag(b []byte, at int) bool {
	return bytes.LastIndexByte(b[:at], '<') > bytes.LastIndexByte(b[:at], '>')
}

// body is the svg element, without what stands before it and with a size that
// follows the page.
func body(b []byte) []byte {
	i := bytes.Index(b, []byte("<svg"))
	if i < 0 {
		return nil
	}
	return sized.ReplaceAll(bytes.TrimSpace(b[i:]), []byte("<svg "))
}

var sized = regexp.MustCompile(`^<svg width="[^"]*" height="[^"]*" `)

func (t *tint) name(light, dark string) string {
	if t.names == nil {
		t.names = map[[2]string]string{}
	}
	k := [2]string{strings.ToLower(light), strings.ToLower(dark)}
	if n, ok := t.names[k]; ok {
		return n
	}
	n := fmt.Sprintf("--g%d", len(t.order))
	t.names[k] = n
	t.order = append(t.order, k)
	return n
}

// css declares the properties for both themes.
func (t *tint) css() template.CSS {
	var light, dark strings.Builder
	for i, k := range t.order {
		fmt.Fprintf(&light, "--g%d:%s;", i, k[0])
		fmt.Fprintf(&dark, "--g%d:%s;", i, k[1])
	}
	return template.CSS(":root{" + light.String() + "}\n@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){" + dark.String() + "}}\n@media screen{:root[data-theme=dark]{" + dark.String() + "}}") //nolint:gosec // colours matched above
}
