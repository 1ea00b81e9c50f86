package compare_test

import (
	"fmt"

	"github.com/vtbench/vtbench/bench/compare"
)

// Two tokenizers of one baseline file, image by image.
func Example() {
	results, err := compare.Load("testdata/real.vtbench.json.gz", compare.LoadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	baseline := compare.Side{Results: results, Tokenizer: "kl:patch=8,dim=16"}
	candidate := compare.Side{Results: results, Tokenizer: "vq:patch=4,k=1024"}
	report, err := compare.Compare([]compare.Side{baseline}, candidate, compare.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range report.Headline() {
		fmt.Printf("%s: %.3f against %.3f, %+.3f [%+.3f, %+.3f], n %d: %s\n",
			row.Title, row.Candidate, row.Baseline, row.Delta, row.Lo, row.Hi, row.N, row.Verdict)
	}
	// Output:
	// T-ACC: 0.539 against 0.494, +0.045 [+0.023, +0.065], n 3970: better
	// CER: 0.223 against 0.257, -0.035 [-0.052, -0.014], n 3970: better
}
