package ocr

import (
	"errors"
	"strings"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/text"
)

// errNoBoxes is why a page whose text is known and whose lines are not cannot be read.
var errNoBoxes = errors.New("the text of the whole image is known, but not where its lines are; look for them with --option " + OptionDetect + "=" + EnginePPOCR)

// pageValues are the values of the whole image. original is nil where it was not needed.
func (s *view) pageValues(seen, original *sight) []metrics.Value {
	wanted := s.metric.wanted
	if !wanted[idPage] && !wanted[idPage+"-"+s.eye.engine] && !wanted[idPageCER] && !wanted[idPageKept] {
		return nil
	}
	ned, cer, kept := metrics.Value{Metric: idPage}, metrics.Value{Metric: idPageCER}, metrics.Value{Metric: idPageKept}
	got, err := s.pageText(seen)
	label := s.label()
	switch {
	case err != nil:
		ned.Err, cer.Err = err.Error(), err.Error()
	case label == "":
		ned.Drop, cer.Drop = metrics.DropUndefined, metrics.DropUndefined
	default:
		ned.Value = text.Similarity(label, got, text.CodePoint)
		cer = rate(idPageCER, text.Characters(label, got, text.CodePoint))
	}
	if original != nil {
		was, wasErr := s.pageText(original)
		switch {
		case err != nil || wasErr != nil:
			kept.Err = errors.Join(err, wasErr).Error()
		case was == "":
			kept.Drop = metrics.DropUndefined
		default:
			kept.Value = text.Similarity(was, got, text.CodePoint)
		}
	}
	return []metrics.Value{ned, cer, kept}
}

// label is the text of the whole image by its labels.
func (s *view) label() string {
	var parts []string
	for _, in := range append(s.pages, s.instances...) {
		parts = append(parts, in.Text)
		if in.WholePage() {
			break // lines with boxes beside it say the same once more
		}
	}
	return tidy(strings.Join(parts, " "))
}

// pageText is what an engine read of the whole image.
func (s *view) pageText(seen *sight) (string, error) {
	switch {
	case s.metric.detector != nil:
		return seen.page.text, seen.page.err
	case len(s.instances) == 0 && len(s.pages) > 0:
		return "", errNoBoxes
	}
	return joined(seen.instances)
}

// joined is the text of lines in order, with a space between them. A line that could not
// be read costs the whole: a page without it is another page.
func joined(lines []reading) (string, error) {
	parts := make([]string, len(lines))
	for i, l := range lines {
		if l.err != nil {
			return "", l.err
		}
		parts[i] = l.text
	}
	return tidy(strings.Join(parts, " ")), nil
}
