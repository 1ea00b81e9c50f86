package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/ocr"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/table"
)

// Kinds of findings, in the order in which they are told.
const (
	findImage     = "unreadable image"
	findLabel     = "unusable label"
	findDuplicate = "duplicate"
	findUnread    = "label that no engine reads"
	findLicence   = "no licence"
)

// A finding is one thing that is wrong, or looks wrong, with a data set.
type finding struct {
	Kind     string `json:"kind"`
	Item     string `json:"item,omitempty"`
	Instance string `json:"instance,omitempty"`
	What     string `json:"what"`
}

// verification is what `datasets verify` says.
type verification struct {
	Dataset datasets.Info `json:"dataset"`
	Items   int           `json:"items"`
	Checked int           `json:"checked"`
	Labels  int           `json:"labels"`
	Engines []string      `json:"engines,omitempty"`
	// Read is how many labels each engine reads exactly.
	Read     map[string]int `json:"read,omitempty"`
	Findings []finding      `json:"findings"`
}

func (a *app) datasetsVerifyCommand() *cobra.Command {
	var engines, shown string
	var limit, workers int
	options := map[string]string{}
	cmd := &cobra.Command{
		Use:   "verify [DATASET]",
		Short: "Look for wrong labels, duplicates and unreadable images; without a data set, check the fetched photographs",
		Long: `Without a data set, verify checks the fetched photographs by their digests, and lists
sources and licences. With one it loads every item and tells what is wrong, or looks
wrong, with it:

  unreadable image            it cannot be decoded, or its labels cannot be read
  unusable label              its box lies outside the image or has no area, or it is malformed
  duplicate                   two items show the same pixels, or two labels the same text in the same box
  label that no engine reads  none of the OCR engines reads it in the original: often a
                              wrong label, sometimes only hard to read
  no licence                  the data set does not say under which terms it may be used

The exit status is 4 where anything was found.`,
		Example: `  vtbench datasets verify icdar:DIR
  vtbench datasets verify cord:DIR/test --engine ppocr --limit 20 --format json`,
		Args:              takes(0, 1),
		ValidArgsFunction: firstArg(completeDataset),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				files := a.verifyCommand("verify", "", assets.Photo, assets.Film)
				if err := files.Flags().Set("format", shown); err != nil {
					return usage(err)
				}
				return files.RunE(files, nil)
			}
			if limit < 0 || workers < 0 {
				return usagef("--limit and --jobs must not be negative")
			}
			d, err := a.openData(cmd.Context(), args[0])
			if err != nil {
				return usage(err)
			}
			if c, ok := d.(io.Closer); ok {
				defer c.Close() //nolint:errcheck // only read from
			}
			v, err := verifyData(cmd.Context(), d, engines, options, limit, workers)
			if err != nil {
				return err
			}
			if shown == "json" {
				err = a.json(v)
			} else {
				err = a.printVerification(v)
			}
			if err == nil && len(v.Findings) > 0 {
				err = &statusError{ExitItemsFailed, fmt.Errorf("%s in %s", format.Plural(len(v.Findings), "finding", "findings"), args[0])}
			}
			return err
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&engines, "engine", ocr.EngineTesseract+","+ocr.EnginePPOCR, "OCR engines that try the labels, or none")
	fl.IntVar(&limit, "limit", 0, "only the first N items")
	fl.IntVarP(&workers, "jobs", "j", 0, "workers (default: all cores)")
	fl.StringToStringVar(&options, "option", nil, "option of the engines, as in a run: ocr.lang=deu; repeatable")
	formatFlag(cmd, &shown, "table", "json")
	return cmd
}

// verifyData looks at the items of a data set.
func verifyData(ctx context.Context, d datasets.Dataset, engines string, options map[string]string, limit, workers int) (v *verification, err error) {
	ids := d.IDs()
	v = &verification{Dataset: d.Info(), Items: len(ids), Checked: len(ids), Read: map[string]int{}, Findings: []finding{}}
	if limit > 0 {
		v.Checked = min(limit, len(ids))
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var reader *ocr.Several
	if engines != "none" {
		if v.Engines, err = ocr.SplitEngines(engines); err != nil {
			return nil, usage(err)
		}
		all := map[string]string{ocr.OptionEngine: strings.Join(v.Engines, ",")}
		maps.Copy(all, options)
		if reader, err = ocr.OpenSeveral(ctx, metrics.Config{Workers: workers, Options: all}); err != nil {
			return nil, usage(err)
		}
		defer func() { err = errors.Join(err, reader.Close()) }()
	}
	found := make([]checkedItem, v.Checked)
	next := make(chan int, v.Checked)
	for i := range v.Checked {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(workers, v.Checked) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				found[i] = checkItem(ctx, d, i, reader)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	first := map[string]string{} // item by digest of its pixels
	for i, c := range found {
		v.Findings = append(v.Findings, c.findings...)
		v.Labels += c.labels
		for e, n := range c.read {
			v.Read[e] += n
		}
		if c.digest == "" {
			continue
		}
		if other, twice := first[c.digest]; twice {
			v.Findings = append(v.Findings, finding{findDuplicate, ids[i], "", "the same pixels as " + other})
			continue
		}
		first[c.digest] = ids[i]
	}
	if v.Dataset.Licence == "" {
		v.Findings = append(v.Findings, finding{Kind: findLicence, What: "the data set states none; look at its source: " + v.Dataset.Source})
	}
	kinds := []string{findImage, findLabel, findDuplicate, findUnread, findLicence}
	slices.SortStableFunc(v.Findings, func(a, b finding) int { return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind) })
	return v, nil
}

// checkedItem is what was found in one item.
type checkedItem struct {
	digest   string
	labels   int
	read     map[string]int
	findings []finding
}

func checkItem(ctx context.Context, d datasets.Dataset, i int, reader *ocr.Several) checkedItem {
	id := d.IDs()[i]
	out := checkedItem{read: map[string]int{}}
	it, err := d.Load(ctx, i)
	if err != nil {
		out.findings = append(out.findings, finding{findImage, id, "", err.Error()})
		return out
	}
	out.digest = it.Image.Digest()
	for _, l := range it.Lost {
		out.findings = append(out.findings, finding{findLabel, id, l.ID, l.Where})
	}
	var texts []datasets.Instance
	seen := map[string]string{}
	for _, in := range it.Instances {
		if in.Ignore || in.IsFace() {
			continue
		}
		key := fmt.Sprintf("%v\x00%s", in.Box, in.Text)
		if other, twice := seen[key]; twice {
			out.findings = append(out.findings, finding{findDuplicate, id, in.ID, fmt.Sprintf("%q in %v is labelled twice, here and as %s", in.Text, in.Box, other)})
		}
		seen[key] = in.ID
		if !in.WholePage() {
			texts = append(texts, in)
		}
	}
	out.labels = len(texts)
	if reader == nil {
		return out
	}
	for _, in := range texts {
		var said []string
		readable := false
		for _, r := range reader.Read(ctx, it.Image, in) {
			switch {
			case r.Err != nil:
				said = append(said, r.Engine+": "+r.Err.Error())
			case r.Exact:
				readable = true
				out.read[r.Engine]++
			default:
				said = append(said, r.Engine+" reads "+strconv.Quote(r.Text))
			}
		}
		if !readable {
			out.findings = append(out.findings, finding{findUnread, id, in.ID, fmt.Sprintf("%q in %v: %s", in.Text, in.Box, strings.Join(said, ", "))})
		}
	}
	return out
}

// shownFindings is how many findings of a kind are printed; JSON has all.
const shownFindings = 25

func (a *app) printVerification(v *verification) error {
	fmt.Fprintf(a.out, "%s: %s\n%d of %d items looked at, %s", v.Dataset.ID, v.Dataset.Title, v.Checked, v.Items, format.Plural(v.Labels, "label", "labels"))
	for _, e := range v.Engines {
		if v.Labels > 0 {
			fmt.Fprintf(a.out, ", %s reads %.1f %%", e, 100*float64(v.Read[e])/float64(v.Labels))
		}
	}
	fmt.Fprintln(a.out)
	if len(v.Findings) == 0 {
		fmt.Fprintln(a.out, "nothing was found")
		return nil
	}
	count := map[string]int{}
	for _, f := range v.Findings {
		count[f.Kind]++
	}
	var rows [][]string
	for _, kind := range []string{findImage, findLabel, findDuplicate, findUnread, findLicence} {
		if count[kind] > 0 {
			rows = append(rows, []string{kind, strconv.Itoa(count[kind])})
		}
	}
	fmt.Fprintln(a.out)
	if err := table.Simple(a.out, []string{"found", "times"}, rows); err != nil {
		return err
	}
	printed := map[string]int{}
	last := ""
	for _, f := range v.Findings {
		if f.Kind != last {
			fmt.Fprintf(a.out, "\n%s:\n", f.Kind)
			last = f.Kind
		}
		switch printed[f.Kind]++; {
		case printed[f.Kind] <= shownFindings:
			where := strings.TrimSpace(f.Item + " " + f.Instance)
			if where != "" {
				where += ": "
			}
			fmt.Fprintf(a.out, "  %s%s\n", where, f.What)
		case printed[f.Kind] == shownFindings+1:
			fmt.Fprintf(a.out, "  … and %d more; --format json has all\n", count[f.Kind]-shownFindings)
		}
	}
	return nil
}
