package tokenizertest_test

import (
	"context"
	"fmt"

	"github.com/vtbench/vtbench/tokenizers/baseline"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func ExampleRun() {
	ctx := context.Background()
	tok, err := baseline.Kinds()[0].Open(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	report := tokenizertest.Run(ctx, tok, tokenizertest.Options{})
	for _, c := range report.Checks {
		if c.Status == tokenizertest.Failed {
			fmt.Println(c.Name, c.Detail, c.Mend)
		}
	}
	fmt.Println(report.Info.Name, report.OK())
	// Output: original true
}
