package compare

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
)

// With -synthetic DIR the benchmark leaves its two files there, to be compared from
// the command line:
//
//	go test ./bench/compare -run xxx -bench Compare100k -benchtime 1x -synthetic /tmp/x
//	/usr/bin/time -v vtbench compare /tmp/x/20000-base.vtbench.json.gz /tmp/x/20000-cand.vtbench.json.gz
var synthetic = flag.String("synthetic", "", "keep the files of BenchmarkCompare100k in this folder")

const benchInstances = 100_000

// syntheticFile writes results of 100,000 words in the given number of images, with
// three metrics of words and one of images.
func syntheticFile(b *testing.B, name string, images int, better float64) string {
	b.Helper()
	h := simHeader()
	h.Metrics = append(h.Metrics, metrics.Spec{ID: "t-ned", Version: 1, Title: "T-NED", Better: metrics.Higher, Scope: metrics.PerInstance})
	build := NewBuilder(name, h)
	r := rand.New(rand.NewPCG(uint64(images), 17))
	own := rand.New(rand.NewPCG(uint64(images), uint64(1e6*better)))
	for i := range images {
		hard := r.NormFloat64()
		rec := record.Record{Dataset: "d", Tokenizer: "tok", Item: fmt.Sprintf("scenes/street/%06d.png", i), Condition: "clean@256"}
		for w := range benchInstances / images {
			rec.Instance, rec.Bin = fmt.Sprintf("%03d", w), []string{"small", "large"}[r.IntN(2)]
			p := logistic(.3 + hard + better + .3*own.NormFloat64())
			rec.Metric, rec.Value, rec.N = "t-acc", record.Num(binomial(own, 1, p)), 0
			build.Add(&rec)
			rec.Metric, rec.Value = "t-ned", record.Num(binomial(own, 7, p)/7)
			build.Add(&rec)
			rec.Metric, rec.Value, rec.N = "cer", record.Num(binomial(own, 6, 1-p)/6), 6
			build.Add(&rec)
		}
		rec.Instance, rec.Bin, rec.N = "", "", 0
		rec.Metric, rec.Value = "psnr", record.Num(30+4*hard+.5*own.NormFloat64()+better)
		build.Add(&rec)
	}
	results, err := build.Results()
	if err != nil {
		b.Fatal(err)
	}
	if err := results.Save(name, SaveOptions{}); err != nil {
		b.Fatal(err)
	}
	return name
}

// 100,000 pairs of words with three metrics each, from two baseline files to
// verdicts at 9,999 resamples. The floor is the resampling: 10⁴ resamples of every
// image, of which each touches two counts in the sums of 14 rows. The memory that
// is reported is what was allocated over time, not what was held at once.
func BenchmarkCompare100k(b *testing.B) {
	for _, images := range []int{5_000, 20_000, 100_000} {
		b.Run(fmt.Sprintf("images=%d", images), func(b *testing.B) {
			dir := *synthetic
			if dir == "" {
				dir = b.TempDir()
			}
			base := syntheticFile(b, filepath.Join(dir, fmt.Sprintf("%d-base%s", images, BaselineSuffix)), images, 0)
			cand := syntheticFile(b, filepath.Join(dir, fmt.Sprintf("%d-cand%s", images, BaselineSuffix)), images, .02)
			b.ReportAllocs()
			for b.Loop() {
				x, err := Load(base, LoadOptions{})
				if err != nil {
					b.Fatal(err)
				}
				y, err := Load(cand, LoadOptions{})
				if err != nil {
					b.Fatal(err)
				}
				r, err := Compare([]Side{{Results: x}}, Side{Results: y}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if n := r.row(b, "t-acc", summary.BinMean).N; n != benchInstances {
					b.Fatalf("%d pairs", n)
				}
			}
			b.ReportMetric(float64(benchInstances*b.N)/b.Elapsed().Seconds(), "pairs/s")
		})
	}
}
