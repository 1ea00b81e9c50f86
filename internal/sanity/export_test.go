package sanity

import "fmt"

// Describe is what the limits are held to, for tests.
func (s *Sums) Describe() string {
	m := s.moments()
	best := -1.0
	for _, k := range m.kept[1:] {
		best = max(best, k)
	}
	return fmt.Sprintf("correlation %.2f, spread %.2f, mean %+.0f, colours %.2f, otherwise at best %.2f",
		m.correlation, m.spreadOut/m.spreadIn/m.correlation, m.brightness, m.kept[0], best)
}
