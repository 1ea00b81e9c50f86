package html

import "fmt"

// Style is the style sheet of the report, for pages that stand beside it.
func Style() (string, error) {
	b, err := assets.ReadFile("style.css")
	if err != nil {
		return "", fmt.Errorf("reading the page's style: %w", err)
	}
	return string(b), nil
}

// Clean returns a copy of what a page shows in which no text holds characters that act
// instead of being seen; html/template escapes markup and leaves these.
func Clean[T any](v T) T { return clean(v) }
