package tokenizers

// A Witness has more to tell after a run than its results: what went wrong
// without costing an image, and what it printed.
type Witness interface {
	// Warnings are one line each, without line breaks or control characters.
	Warnings() []string
	// Stderr is the end of what each of its processes wrote to standard error, as
	// it was written.
	Stderr() []string
}
