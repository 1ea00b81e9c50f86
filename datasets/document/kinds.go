package document

import (
	"fmt"
	"image"
	"math"
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/internal/dice"
	"github.com/vtbench/vtbench/datasets/internal/typeset"
)

// kinds are the sorts of page in the order in which they take turns.
var kinds = []struct {
	name string
	draw func(*page)
}{
	{"paragraphs", drawParagraphs},
	{"table", drawTable},
	{"columns", drawColumns},
	{"form", drawForm},
	{"footnotes", drawFootnotes},
	{"code", drawCode},
	{"captions", drawCaptions},
	{"formulas", drawFormulas},
}

// What a line is, among its tags.
const (
	whatBody     = "body"
	whatHeading  = "heading"
	whatCaption  = "caption"
	whatFootnote = "footnote"
	whatFormula  = "formula"
	whatCode     = "code"
	whatField    = "field"
	whatValue    = "value"
)

var headings = []string{
	"Results of the second survey", "Water and soil", "Notes for visitors", "Materials and methods", "The harbour in winter",
	"Annual report", "Conditions of storage", "A short history", "Costs and income", "Questions left open", "Transport by river", "Local trades",
}

// serif draws a typeface for running text, and one for headings that goes with it.
func (p *page) serif() (body, head string) {
	switch p.N(6) {
	case 0:
		return "liberation-sans", "liberation-sans-bold"
	case 1:
		return "dejavu-serif", "dejavu-sans-bold"
	case 2:
		return "latin-modern-roman", "liberation-serif-bold"
	case 3:
		return "go-regular", "liberation-sans-bold"
	}
	return "liberation-serif", "liberation-serif-bold"
}

// heading writes a heading, two points larger than the text where there is such a size.
func (p *page) heading(face string, x, y float64) float64 {
	s := style{face: face, pt: p.pt + 2, what: whatHeading}
	p.put(s, dice.Pick(p.Source, headings), x, y)
	return y + leading(s.pt)*1.15
}

// top is the first baseline of a page.
func (p *page) top() float64 { return margin + px(p.pt+2) }

const foot = Side - margin

func drawParagraphs(p *page) {
	body, head := p.serif()
	y := p.heading(head, margin, p.top())
	y = p.paragraphs(style{face: body, pt: p.pt, what: whatBody}, margin, Side-margin, y, foot, 9)
	p.rest(y)
}

func drawColumns(p *page) {
	body, head := p.serif()
	y := p.heading(head, margin, p.top())
	p.bar(image.Rect(margin, int(y-leading(p.pt)*.75), Side-margin, int(y-leading(p.pt)*.75)+1), p.ink)
	y += leading(p.pt) * .2
	gap := math.Round(max(px(p.pt)*1.6, 22))
	wide := (Side - 2*margin - gap) / 2
	s := style{face: body, pt: p.pt, what: whatBody}
	// A column ends where half of the characters are used, so that both have some.
	before := p.chars
	end := y
	for end < foot && p.chars-before < (enough-before)/2 && p.err == nil {
		next := p.paragraphs(s, margin, margin+wide, end, foot, 1)
		if next == end {
			break
		}
		end = next
	}
	right := p.paragraphs(s, margin+wide+gap, Side-margin, y, max(end, y+3*leading(p.pt)), 9)
	p.rest(max(end, right))
}

var (
	places = []string{"Aldham", "Brixworth", "Carnbee", "Dunster", "Elstow", "Farnley", "Girton", "Haxey", "Ilkley", "Keswick", "Ludlow", "Melrose", "Norham", "Oakham"}
	heads  = []string{"District", "Area", "Homes", "Income", "Change", "Share", "Visits", "Weight", "Length", "Total"}
	goods  = []string{"Oak boards", "Lamp oil", "Copper wire", "Window glass", "Roof tiles", "Hemp rope", "Lime", "Nails", "Paint", "Sand"}
)

func drawTable(p *page) {
	body, head := p.serif()
	if p.Chance(50) {
		body, head = "liberation-sans", "liberation-sans-bold"
	}
	caption := style{face: body, pt: p.pt, what: whatCaption}
	y := p.top()
	p.put(caption, fmt.Sprintf("Table %d. %s", p.Between(1, 19), dice.Pick(p.Source, headings)), margin, y)
	y += leading(p.pt) * 1.5
	columns := min(max(int((Side-2*margin)/(px(p.pt)*5.2)), 3), 6)
	wide := float64(Side-2*margin) / float64(columns)
	row := math.Round(leading(p.pt) * 1.25)
	names := append([]string{}, places...)
	if p.Chance(50) {
		names = append([]string{}, goods...)
	}
	dice.Shuffle(p.Source, names)
	titles := append([]string{}, heads[1:]...)
	dice.Shuffle(p.Source, titles)
	cell := style{face: body, pt: p.pt, what: datasets.TagCell}
	first := style{face: head, pt: p.pt, what: datasets.TagCell}
	ruled := p.Chance(50)
	topY := y - row*.72
	p.bar(image.Rect(margin, int(topY), Side-margin, int(topY+row)), shade(p.paper, 26))
	rows := 0
	for r := 0; r <= len(names) && fits(y, foot-leading(p.pt)) && p.err == nil; r++ {
		for c := range columns {
			s := cell
			var text string
			switch {
			case r == 0 && c == 0:
				s, text = first, heads[0]
			case r == 0:
				s, text = first, titles[c-1]
			case c == 0:
				text = names[r-1]
			default:
				text = p.figure()
			}
			x := margin + wide*float64(c)
			if pad := px(p.pt) * .4; c == 0 {
				x += pad
			} else {
				x += wide - pad - p.width(s, text) // numbers stand at the right
			}
			p.put(s, text, x, y)
		}
		line := int(y + row*.28)
		if ruled || r == 0 {
			p.bar(image.Rect(margin, line, Side-margin, line+1), shade(p.paper, 110))
		}
		y += row
		rows++
	}
	end := int(y - row*.72)
	if ruled {
		for c := 0; c <= columns; c++ {
			x := margin + int(wide*float64(c))
			p.bar(image.Rect(x, int(topY), x+1, end), shade(p.paper, 110))
		}
	}
	p.bar(image.Rect(margin, int(topY), Side-margin, int(topY)+2), p.ink)
	p.bar(image.Rect(margin, end, Side-margin, end+2), p.ink)
	y += leading(p.pt) * .3
	y = p.paragraphs(style{face: body, pt: p.pt, what: whatBody}, margin, Side-margin, y, foot, 2)
	p.rest(y)
}

// figure is a number as tables have them.
func (p *page) figure() string {
	switch p.N(4) {
	case 0:
		return fmt.Sprintf("%d.%d", p.Between(2, 99), p.N(10))
	case 1:
		return p.thousands()
	case 2:
		return fmt.Sprintf("%d %%", p.Between(3, 97))
	}
	return fmt.Sprint(p.Between(23, 989))
}

// shade is a colour darker than the paper by an amount.
func shade(c typeset.Color, by int) typeset.Color {
	dark := func(v uint8) uint8 { return uint8(max(int(v)-by, 0)) }
	return typeset.Color{R: dark(c.R), G: dark(c.G), B: dark(c.B)}
}

func drawForm(p *page) {
	_, head := p.serif()
	y := p.heading(head, margin, p.top())
	label := style{face: "liberation-sans", pt: p.pt, what: whatField}
	hand := typeset.Color{R: 20, G: 40, B: 120}
	value := style{face: dice.Pick(p.Source, []string{"liberation-mono", "go-mono", "liberation-serif-italic"}), pt: p.pt, what: whatValue, ink: &hand}
	fields := [][2]string{
		{"Surname", dice.Pick(p.Source, []string{"Harwood", "Lindqvist", "Okafor", "Brandt", "Castell"})},
		{"First name", dice.Pick(p.Source, []string{"Miriam", "Edward", "Johanna", "Peter", "Ngozi"})},
		{"Date of birth", fmt.Sprintf("%02d.%02d.%d", p.Between(1, 28), p.Between(1, 12), p.Between(1941, 2004))},
		{"Street", fmt.Sprintf("%d Mill Lane", p.Between(2, 98))},
		{"Town", dice.Pick(p.Source, places)},
		{"Telephone", fmt.Sprintf("0%d %d", p.Between(121, 989), p.Between(234567, 987654))},
		{"Occupation", dice.Pick(p.Source, []string{"carpenter", "nurse", "surveyor", "teacher", "baker"})},
		{"Member no.", fmt.Sprintf("%c%c-%d", "ACEHKM"[p.N(6)], "PRTVXY"[p.N(6)], p.Between(2000, 9999))},
		{"Amount due", fmt.Sprintf("%d.%02d", p.Between(12, 480), p.N(100))},
		{"Valid until", fmt.Sprintf("%d %s %d", p.Between(1, 28), dice.Pick(p.Source, months), p.Between(2025, 2031))},
	}
	row := math.Round(leading(p.pt) * 1.75)
	column := margin + px(p.pt)*8
	boxed := p.Chance(50)
	for _, f := range fields {
		if !fits(y, foot-2*leading(p.pt)) || p.err != nil {
			break
		}
		p.put(label, f[0], margin, y)
		frame := image.Rect(int(column), int(y-px(p.pt)*1.05), Side-margin, int(y+px(p.pt)*.45))
		if boxed {
			p.bar(frame, shade(p.paper, 120))
			p.bar(frame.Inset(1), typeset.Color{R: 255, G: 255, B: 255})
		} else {
			p.bar(image.Rect(frame.Min.X, frame.Max.Y-2, frame.Max.X, frame.Max.Y-1), shade(p.paper, 120))
		}
		p.put(value, f[1], column+px(p.pt)*.5, y)
		y += row
	}
	box := int(px(p.pt) * .75)
	for i, text := range []string{"I have read the conditions.", "Send me the annual report.", "I pay by standing order."} {
		if !fits(y, foot) || p.err != nil {
			break
		}
		r := image.Rect(margin, int(y)-box, margin+box, int(y))
		p.bar(r, p.ink)
		p.bar(r.Inset(1), typeset.Color{R: 255, G: 255, B: 255})
		if i != 1 {
			p.bar(r.Inset(max(box/4, 2)), hand)
		}
		p.put(label, text, margin+float64(box)*1.7, y)
		y += row * .8
	}
	y = p.paragraphs(style{face: "liberation-sans", pt: p.pt, what: whatBody}, margin, Side-margin, y+leading(p.pt)*.3, foot, 2)
	p.rest(y)
}

func drawFootnotes(p *page) {
	body, head := p.serif()
	small := points[max(0, sizeIndex(p.pt)-1)]
	notes := style{face: body, pt: small, what: whatFootnote}
	n := p.Between(2, 3)
	start := float64(Side-margin) - leading(small)*float64(2*n) + px(small)*.3
	y := p.heading(head, margin, p.top())
	y = p.paragraphs(style{face: body, pt: p.pt, what: whatBody}, margin, Side-margin, y, start-leading(small)*1.4, 6)
	if room := start - leading(small)*1.5; y < room {
		p.picture(image.Rect(margin, int(y-px(p.pt)*.4), Side-margin, int(room)))
	}
	p.bar(image.Rect(margin, int(start-leading(small)*1.1), margin+150, int(start-leading(small)*1.1)+1), p.ink)
	y = start
	for i := range n {
		if fits(y, foot+4) && p.err == nil {
			y = p.flow(notes, fmt.Sprintf("%d  %s", i+1, p.sentence()), margin, Side-margin, y, foot+4, 0)
		}
	}
}

func sizeIndex(pt int) int {
	for i, v := range points {
		if v == pt {
			return i
		}
	}
	return 0
}

// program is what code pages are made of; spaces at the left are indents, no text.
var program = strings.Split(strings.TrimSpace(`
func readTable(path string) (Table, error) {
    f, err := os.Open(path)
    if err != nil {
        return nil, fmt.Errorf("open: %w", err)
    }
    defer f.Close()
    rows := make([]Row, 0, 64)
    for line := range lines(f) {
        if strings.HasPrefix(line, "#") {
            continue
        }
        cells := strings.Split(line, ";")
        if len(cells) != 7 {
            return nil, errShort
        }
        rows = append(rows, parse(cells))
    }
    return rows, nil
}

def moving_average(values, width=5):
    total = sum(values[:width])
    yield total / width
    for i in range(width, len(values)):
        total += values[i] - values[i - width]
        yield total / width

SELECT name, SUM(amount) AS total
FROM payments
WHERE paid_on >= '2024-01-01'
GROUP BY name
HAVING total > 1200
ORDER BY total DESC;

while (i < n && a[i] != key) {
    i = i + 1;
    steps += 2 * i - 1;
}
if (i == n) printf("%d steps\n", steps);

for f in data/*.csv; do
    sort -t, -k2 "$f" > "out/$(basename $f)"
done
`), "\n")

func drawCode(p *page) {
	_, head := p.serif()
	y := p.heading(head, margin, p.top())
	mono := style{face: dice.Pick(p.Source, []string{"liberation-mono", "dejavu-sans-mono", "go-mono"}), pt: p.pt, what: whatCode}
	em := p.width(mono, "n")
	dark := p.Chance(30)
	ground := shade(p.paper, 14)
	if dark {
		ground = typeset.Color{R: 32, G: 36, B: 44}
		mono.ink = &typeset.Color{R: 222, G: 226, B: 232}
	}
	at := p.N(len(program))
	type entry struct {
		text   string
		indent int
	}
	var list []entry
	room := int((foot - y - 8) / leading(p.pt))
	for count := 0; len(list) < min(room, 26) && count < enough; at++ {
		text := program[at%len(program)]
		body := strings.TrimLeft(text, " ")
		if body == "" {
			list = append(list, entry{})
			continue
		}
		// What is wider than the page is left out: a wrapped line of code is another line.
		if p.width(mono, strings.Repeat("n", len(text))) > Side-2*margin-20 {
			continue
		}
		list = append(list, entry{body, len(text) - len(body)})
		count += len(body)
	}
	p.bar(image.Rect(margin-8, int(y-leading(p.pt)*.9), Side-margin+8, int(y+leading(p.pt)*(float64(len(list))-.5)+6)), ground)
	for _, e := range list {
		if e.text != "" && p.err == nil {
			p.put(mono, e.text, margin+float64(em*float64(e.indent)), y)
		}
		y += leading(p.pt)
	}
	body := style{face: "liberation-serif", pt: p.pt, what: whatBody}
	y = p.paragraphs(body, margin, Side-margin, y+leading(p.pt)*.5, foot, 2)
	p.rest(y)
}

func drawCaptions(p *page) {
	body, _ := p.serif()
	caption := style{face: dice.Pick(p.Source, []string{"liberation-serif-italic", "liberation-sans"}), pt: points[max(0, sizeIndex(p.pt)-1)], what: whatCaption}
	text := style{face: body, pt: p.pt, what: whatBody}
	y := float64(margin)
	for n := 1; n <= 2 && p.err == nil; n++ {
		bottom := y + float64(p.Between(110, 150))
		p.picture(image.Rect(margin, int(y), Side-margin, int(bottom)))
		y = bottom + leading(caption.pt)
		y = p.flow(caption, fmt.Sprintf("Figure %d. %s", n, p.sentence()), margin, Side-margin, y, foot, 0)
		y += leading(p.pt) * .4
		stop := float64(foot)
		if n == 1 {
			stop = Side * .56
		}
		y = p.paragraphs(text, margin, Side-margin, y, stop, 3)
		y += leading(p.pt) * .1
		if n == 1 && Side-y < 190 {
			break
		}
	}
	p.rest(y)
}

// formulas of one line, in characters that fonts and readers of Latin text have.
var formulas = []string{
	"f(x) = 3x² + 2x − 7", "a² + b² = c²", "v = s / t", "F = m · a", "E = mc²", "y = 0.84x + 1.6", "P(A) = 1 − P(B)",
	"x = (−b ± d) / 2a", "A = 4r² · 3.1416", "n! = n × (n − 1)!", "|z| ≥ 0", "R = U / I", "T < 37.5 °C", "p ≤ 0.05", "s = ½ g t²",
	"k = (m + n) / 2", "V = l × w × h", "c = 299,792,458 m/s", "log(ab) = log(a) + log(b)", "(a + b)(a − b) = a² − b²",
}

func drawFormulas(p *page) {
	body, head := p.serif()
	y := p.heading(head, margin, p.top())
	text := style{face: body, pt: p.pt, what: whatBody}
	formula := style{face: "dejavu-serif", pt: p.pt, what: whatFormula}
	list := append([]string{}, formulas...)
	dice.Shuffle(p.Source, list)
	for n := 1; fits(y+leading(p.pt)*3, foot) && p.chars < enough && n <= 7 && p.err == nil; n++ {
		y = p.paragraphs(text, margin, Side-margin, y, foot-2*leading(p.pt), 1)
		y += leading(p.pt) * .25
		if !fits(y, foot) {
			break
		}
		number := fmt.Sprintf("(%d)", n)
		p.put(formula, list[n-1], (Side-p.width(formula, list[n-1]))/2, y)
		p.put(text, number, Side-margin-p.width(text, number), y)
		y += leading(p.pt) * 1.3
	}
	p.rest(y)
}
