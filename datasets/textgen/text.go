package textgen

import (
	"embed"
	"fmt"
	"strings"
	"sync"
)

//go:embed lists/*.txt
var listFiles embed.FS

// lists are the texts the set is written with, all of our own making.
type lists struct {
	words, first, last, places           []string
	shops, signage, foods, goods, dishes []string
	headings, lines                      []string
}

var texts = sync.OnceValue(func() *lists {
	read := func(name string, split func(string) []string) []string {
		b, err := listFiles.ReadFile("lists/" + name + ".txt")
		if err != nil {
			panic(err) // the file is part of the program
		}
		return split(string(b))
	}
	phrases := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '|' || r == '\n' })
	}
	return &lists{
		words: read("words", strings.Fields), first: read("first", strings.Fields),
		last: read("last", strings.Fields), places: read("places", strings.Fields),
		shops: read("shops", phrases), signage: read("signage", phrases), foods: read("foods", phrases), goods: read("goods", phrases),
		dishes: read("dishes", phrases), headings: read("headings", phrases), lines: read("lines", phrases),
	}
})

var months = []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

var weekdays = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// capital is a lower-case word with its first letter raised.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// word is a common word in lower case, with a capital, or in capitals.
func (s *scene) word() string {
	w := pick(s.rng, texts().words)
	switch s.n(5) {
	case 0, 1:
		return capital(w)
	case 2:
		return loud(w)
	}
	return w
}

// lookalikes are the letters whose capitals differ from them in size alone: a
// word of nothing else is the same picture in both cases.
const lookalikes = "cosuvwxz"

// loud is a word in capitals, or capitalised where capitals would be ambiguous.
func loud(w string) string {
	if strings.Trim(strings.ToLower(w), lookalikes+" ") == "" {
		return capital(w)
	}
	return strings.ToUpper(w)
}

func (s *scene) name() string {
	t := texts()
	switch s.n(3) {
	case 0:
		return pick(s.rng, t.first)
	case 1:
		return pick(s.rng, t.last)
	}
	return pick(s.rng, t.first) + " " + pick(s.rng, t.last)
}

func (s *scene) price() string {
	cents := pick(s.rng, []int{0, 20, 25, 40, 45, 49, 50, 60, 75, 80, 90, 95, 99})
	v := s.between(2, 89)
	if s.chance(30) {
		return fmt.Sprintf("$%d.%02d", v, cents)
	}
	return fmt.Sprintf("%d.%02d", v, cents)
}

func (s *scene) amount() string { // what stands in a column
	return fmt.Sprintf("%d.%02d", s.between(2, 98), s.n(100))
}

func (s *scene) date() string {
	d, m, y := s.between(2, 28), s.n(12), s.between(2019, 2029)
	switch s.n(4) {
	case 0:
		return fmt.Sprintf("%d %s", d, months[m])
	case 1:
		return fmt.Sprintf("%02d.%02d.%d", d, m+1, y)
	case 2:
		return fmt.Sprintf("%d-%02d-%02d", y, m+1, d)
	}
	return fmt.Sprintf("%s %d", months[m], d)
}

func (s *scene) clock() string { return fmt.Sprintf("%02d:%02d", s.between(6, 23), s.n(12)*5) }

func (s *scene) number() string {
	switch s.n(4) {
	case 0:
		return fmt.Sprintf("%d", s.between(23, 998))
	case 1:
		return fmt.Sprintf("%d,%03d", s.between(2, 98), s.n(1000))
	case 2:
		return fmt.Sprintf("%d%%", s.between(12, 98))
	}
	return fmt.Sprintf("%d", s.between(1023, 9876))
}

// code is a reference of letters and digits without those that look alike.
func (s *scene) code() string {
	const letters, digits = "ACDEFHKMNPRTUWXY", "2346789"
	of := func(set string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = set[s.n(len(set))]
		}
		return string(b)
	}
	switch s.n(3) {
	case 0:
		return of(letters, 2) + "-" + of(digits, 4)
	case 1:
		return of(letters, 3) + " " + of(digits, 3)
	}
	return of(letters, 1) + of(digits, 3)
}

func (s *scene) phone() string {
	return fmt.Sprintf("%03d-%04d", s.between(234, 987), s.between(1023, 9876))
}

// product is something to eat or something for the house.
func (s *scene) product() string {
	if s.chance(70) {
		return pick(s.rng, texts().foods)
	}
	return pick(s.rng, texts().goods)
}

// figure is any text of digits.
func (s *scene) figure() string {
	switch s.n(6) {
	case 0:
		return s.price()
	case 1:
		return s.date()
	case 2:
		return s.clock()
	case 3:
		return s.code()
	case 4:
		return s.phone()
	}
	return s.number()
}

func (s *scene) street() string {
	return pick(s.rng, texts().places) + " " + pick(s.rng, []string{"Street", "Road", "Avenue", "Square", "Lane"})
}

func (s *scene) year() string {
	return []string{"1924", "1936", "1948", "1962", "1973", "1987", "1996"}[s.n(7)]
}

// digits is a number of n digits without a leading nought or one.
func (s *scene) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "2346789"[s.n(7)]
	}
	return string(b)
}

func (s *scene) percent() string {
	return fmt.Sprintf("%d.%d%%", s.between(2, 48), s.between(2, 9))
}
