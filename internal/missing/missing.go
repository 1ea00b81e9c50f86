// Package missing is the error for something the user must install first: a
// library, language data, a model. The program exits with status 5 on it and
// prints the command that mends it.
package missing

import "fmt"

// Error says what is missing and how to get it.
type Error struct {
	What string // "Tesseract language data eng"
	Mend string // the command that installs it
	Err  error  // what was tried and failed; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s is missing (%v); to install it: %s", e.What, e.Err, e.Mend)
	}
	return fmt.Sprintf("%s is missing; to install it: %s", e.What, e.Mend)
}

// Unwrap returns what was tried.
func (e *Error) Unwrap() error { return e.Err }
