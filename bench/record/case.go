package record

// Why a case is shown.
const (
	WhyWorst  = "worst"  // lowest by the suite's worst metric
	WhySample = "sample" // picked by a hash of its name, before anything was measured
	WhyImage  = "image"  // a whole image
)

// A Case is an instance or an image shown in a report, with the files that show it.
type Case struct {
	Why            string  `json:"why"` // "worst", "sample" (chosen beforehand, not by result), "image" (whole)
	Tokenizer      string  `json:"tokenizer"`
	Dataset        string  `json:"dataset"`
	Item           string  `json:"item"`
	Instance       string  `json:"instance,omitempty"`
	Condition      string  `json:"condition"`
	Bin            string  `json:"bin,omitempty"`
	Metric         string  `json:"metric,omitempty"`
	Value          *Number `json:"value,omitempty"`
	Expected       string  `json:"expected,omitempty"`     // the label
	Got            string  `json:"got,omitempty"`          // what was read
	GotOriginal    string  `json:"got_original,omitempty"` // in the undamaged original
	GotDamaged     string  `json:"got_damaged,omitempty"`  // in what the tokenizer was shown, where that was damaged
	Original       string  `json:"original"`               // path of the picture, relative to the run directory, "/" separated
	Damaged        string  `json:"damaged,omitempty"`      // likewise: what the tokenizer was shown, where that was damaged
	Reconstruction string  `json:"reconstruction"`         // likewise
	// Heat is likewise where a metric sees damage, black for none, and Maps are such
	// pictures by metric.
	Heat string            `json:"heat,omitempty"`
	Maps map[string]string `json:"maps,omitempty"`
}
