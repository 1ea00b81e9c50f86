package datasets

// A Credit says who made what a data set shows, and who else may use it: reports that
// show it have to say so.
type Credit struct {
	Title   string `json:"title"`
	Author  string `json:"author"`
	Licence string `json:"licence"` // SPDX id
	Source  string `json:"source"`  // where the file is from
}

// Credited is implemented by data sets of works of others.
type Credited interface {
	Credits() []Credit
}
