// Package compare says whether one tokenizer is better than another, on the same
// images, from records alone.
//
// Its opinion: a comparison is paired or it is not made. Two sides are matched
// value by value (data set, item, instance, condition, metric), and only values
// that both have are compared; whatever one side lacks is counted and reported
// first, because a tokenizer that fails on hard images looks better on the rest.
// Suites, data sets and metrics must be of equal version and digest: two numbers
// under different definitions have no difference.
//
// A verdict needs two things: a p-value below the level, after correction for the
// number of rows that were looked at, and a difference of at least the smallest
// size that matters. "No difference shown" comes with the difference that this
// data could have shown; "equivalent" means that the interval lies within the
// margin. Intervals and tests are those of package stat: images are resampled and
// flipped, never words.
//
//	base, err := compare.Load("runs/main", compare.LoadOptions{})
//	cand, err := compare.Load("runs/pr", compare.LoadOptions{})
//	report, err := compare.Compare([]compare.Side{{Results: base}}, compare.Side{Results: cand}, compare.Options{})
//	for _, row := range report.Headline() {
//		fmt.Println(row.Metric, row.Delta, row.Verdict)
//	}
//
// What was considered and left out: tests on single words (they take the words of
// one image for independent and raise false alarms), unpaired tests (they need
// many times the images; see TestPairingFindsWhatUnpairedMisses), and a single
// score over all metrics (a point of it has no meaning of its own).
package compare
