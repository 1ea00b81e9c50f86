package film

import (
	"bytes"
	"encoding/csv"
	"math"
	"strconv"

	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/view"
)

// TracksCSV is what metrics say of the things that are followed: one line a track, tokenizer and
// metric.
func TracksCSV(v *view.View, g *gallery.Gallery) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	write := func(line []string) { _ = out.Write(line) } // a buffer takes everything
	write([]string{"dataset", "condition", "clip", "track", "tokenizer", "metric", "value"})
	for _, tr := range g.Tracks {
		for t, tok := range v.Tokens {
			if y := tr.Values[t]; !math.IsNaN(y) {
				line := format.Cells(tr.Dataset, tr.Condition, tr.Clip, tr.Instance, tok.Name, tr.Metric)
				write(append(line, strconv.FormatFloat(y, 'g', -1, 64)))
			}
		}
	}
	out.Flush()
	return b.Bytes()
}

// CSV is what metrics say over time, of all films: one line a frame, tokenizer and metric of
// those that figures show.
func CSV(v *view.View, g *gallery.Gallery, films []*Film) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	write := func(line []string) { _ = out.Write(line) } // a buffer takes everything
	write([]string{"dataset", "condition", "clip", "frame", "window", "seconds", "tokenizer", "metric", "value"})
	for _, f := range films {
		for _, m := range Timed(v, g) {
			for t, tok := range v.Tokens {
				for at := range f.Frames {
					y := f.Value(m, t, at)
					if math.IsNaN(y) || math.IsInf(y, 0) {
						continue
					}
					seconds := ""
					if f.Clip.Rate > 0 {
						seconds = strconv.FormatFloat(float64(at)/f.Clip.Rate, 'f', 3, 64)
					}
					line := format.Cells(f.Dataset.Name, f.Condition.Key, f.Clip.ID)
					line = append(line, strconv.Itoa(at), strconv.Itoa(at/max(f.Window, 1)), seconds)
					line = append(line, format.Cells(tok.Name, g.Metrics[m].ID)...)
					write(append(line, strconv.FormatFloat(y, 'g', -1, 64)))
				}
			}
		}
	}
	out.Flush()
	return b.Bytes()
}
