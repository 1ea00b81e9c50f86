// Package all is the one list of metrics. Adding a metric touches its own folder
// and one line here.
package all

import (
	"slices"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/detail"
	"github.com/vtbench/vtbench/metrics/face"
	"github.com/vtbench/vtbench/metrics/mask"
	"github.com/vtbench/vtbench/metrics/network"
	"github.com/vtbench/vtbench/metrics/ocr"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/metrics/temporal"
	"github.com/vtbench/vtbench/metrics/token"
	"github.com/vtbench/vtbench/metrics/vmaf"
)

// Kinds lists every metric; opening none of them.
func Kinds() []metrics.Kind {
	return slices.Concat(
		[]metrics.Kind{ocr.Kind(), face.Kind()},
		quality.Kinds(),
		detail.Kinds(),
		mask.Kinds(),
		temporal.Kinds(),
		[]metrics.Kind{vmaf.Kind()},
		network.Kinds(),
		[]metrics.Kind{token.Kind(), token.StabilityKind(), token.LatentKind()},
	)
}
