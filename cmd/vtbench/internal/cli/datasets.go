package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/sheet"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/table"
)

func (a *app) datasetsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "datasets",
		Short: "Fetch data sets, make them of one's own images, and look at them",
	}
	cmd.AddCommand(a.datasetsInfoCommand(), a.datasetsSheetCommand(), a.datasetsVerifyCommand(), a.datasetsExportCommand(), a.datasetsPullCommand(), a.datasetsImportCommand())
	return cmd
}

// openData opens the data set of a name, with the bounds that the command line sets.
func (a *app) openData(ctx context.Context, spec string) (datasets.Dataset, error) {
	return datasets.OpenWith(ctx, spec, alldata.Kinds(), datasets.Options{Decode: a.decode})
}

// dataInfo is what `datasets info` prints.
type dataInfo struct {
	Info      datasets.Info             `json:"info"`
	Items     int                       `json:"items"`
	Default   int                       `json:"default_items"`
	Counted   int                       `json:"counted_items"`
	Instances int                       `json:"instances"`
	Bins      map[string]map[string]int `json:"bins"` // by resolution, then bin or reason
	Tags      map[string]int            `json:"tags"`
	Classes   map[string]int            `json:"classes,omitempty"` // items by what the image shows as a whole
	Failed    []string                  `json:"failed,omitempty"`
	Lost      []summary.LostLabel       `json:"lost,omitempty"`     // labels that cannot be used
	Notes     []summary.ItemNote        `json:"notes,omitempty"`    // what was assumed or lost in decoding
	LeftOut   files.Omissions           `json:"left_out,omitempty"` // what is in its folder and not in the data set
}

func (a *app) datasetsInfoCommand() *cobra.Command {
	var suiteName, format string
	var part bool
	cmd := &cobra.Command{
		Use:               "info DATASET",
		Short:             "Count the items and instances of a data set, by scale bin",
		Example:           "  vtbench datasets info text-default\n  vtbench datasets info icdar:DIR",
		Args:              takes(1, 1),
		ValidArgsFunction: firstArg(completeDataset),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.openData(cmd.Context(), args[0])
			if err != nil {
				return usage(err)
			}
			if suiteName == "" {
				suiteName = suiteFor(cmd.Context(), d)
			}
			asked, err := suite.Load(suiteName)
			if err != nil {
				return usage(err)
			}
			info, err := a.countData(cmd, d, &asked, part)
			if err != nil {
				return err
			}
			if format == "json" {
				err = a.json(info)
			} else {
				err = a.printInfo(info, &asked)
			}
			if err == nil && len(info.Failed) > 0 {
				err = &statusError{ExitItemsFailed, fmt.Errorf("%d of %d items cannot be loaded", len(info.Failed), info.Counted)}
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&suiteName, "suite", "s", "", "suite whose bins are counted (default: face for a data set of faces, else text)")
	cmd.Flags().BoolVar(&part, "default", false, "count only the part that a run takes by default")
	formatFlag(cmd, &format, "table", "json")
	complete(cmd, "suite", completeSuite)
	return cmd
}

// suiteFor is the suite whose bins fit a data set: by its first labelled instance.
func suiteFor(ctx context.Context, d datasets.Dataset) string {
	const looked = 50 // images without labels, or that cannot be loaded, come before
	for i := range min(len(d.IDs()), looked) {
		it, err := d.Load(ctx, i)
		if err != nil {
			continue
		}
		for _, in := range it.Instances {
			if in.Ignore {
				continue
			}
			if in.IsFace() {
				return "face"
			}
			return "text"
		}
	}
	return "text"
}

func (a *app) countData(cmd *cobra.Command, d datasets.Dataset, suite *suite.Suite, part bool) (dataInfo, error) {
	ids := d.IDs()
	info := dataInfo{Info: d.Info(), Items: len(ids), Default: len(ids), Bins: map[string]map[string]int{}, Tags: map[string]int{}}
	if s, ok := d.(datasets.Stratum); ok {
		info.Default = s.DefaultItems()
	}
	if l, ok := d.(datasets.Listed); ok {
		info.LeftOut = l.LeftOut()
	}
	info.Counted = info.Items
	if part {
		info.Counted = info.Default
	}
	for i := range info.Counted {
		item, err := d.Load(cmd.Context(), i)
		if cmd.Context().Err() != nil {
			return info, cmd.Context().Err()
		}
		if err != nil {
			info.Failed = append(info.Failed, err.Error())
			continue
		}
		info.remark(item)
		if item.Class != "" {
			if info.Classes == nil {
				info.Classes = map[string]int{}
			}
			info.Classes[item.Class]++
		}
		info.Instances += len(item.Instances)
		for _, in := range item.Instances {
			for _, t := range in.Tags {
				info.Tags[t]++
			}
		}
		if suite.Bins == nil {
			continue
		}
		for _, res := range binned(suite) {
			key := strconv.Itoa(res)
			if info.Bins[key] == nil {
				info.Bins[key] = map[string]int{}
			}
			for bin, n := range suite.CountBins(item, res) {
				info.Bins[key][bin] += n
			}
		}
	}
	return info, nil
}

// remark counts what is said of an item: labels that are lost, and what was assumed or
// lost in decoding.
func (info *dataInfo) remark(item datasets.Item) {
	for _, l := range item.Lost {
		k := slices.IndexFunc(info.Lost, func(o summary.LostLabel) bool { return o.Reason == l.Reason })
		if k < 0 {
			k = len(info.Lost)
			info.Lost = append(info.Lost, summary.LostLabel{Dataset: info.Info.ID, Reason: l.Reason, First: l.Where})
		}
		info.Lost[k].Labels++
	}
	for _, n := range item.Notes {
		k := slices.IndexFunc(info.Notes, func(o summary.ItemNote) bool { return o.Note == string(n) })
		if k < 0 {
			k = len(info.Notes)
			info.Notes = append(info.Notes, summary.ItemNote{Dataset: info.Info.ID, Note: string(n), First: item.ID})
		}
		info.Notes[k].Items++
	}
}

// binned are the resolutions at which the bins of a suite differ.
func binned(s *suite.Suite) []int {
	if s.Bins.Scale == suite.ByTag {
		return s.Resolutions
	}
	return slices.Sorted(maps.Keys(s.Bins.Edges))
}

func (a *app) printInfo(info dataInfo, suite *suite.Suite) error {
	fmt.Fprintf(a.out, "%s, version %d: %s\n", info.Info.ID, info.Info.Version, info.Info.Title)
	if info.Info.Source != "" {
		fmt.Fprintf(a.out, "from %s\n", info.Info.Source)
	}
	if suite.Bins != nil {
		fmt.Fprintf(a.out, "bins of suite %s\n", suite.ID)
	}
	fmt.Fprintf(a.out, "digest %.16s…\n%d items (%d in a default run), %d instances in %d items\n\n",
		info.Info.Digest, info.Items, info.Default, info.Instances, info.Counted)
	if len(info.Classes) > 0 {
		fmt.Fprintf(a.out, "%d classes of images\n\n", len(info.Classes))
	}
	if len(info.LeftOut) > 0 {
		fmt.Fprintf(a.out, "left out: %s\n\n", info.LeftOut)
	}
	if suite.Bins != nil {
		header := append(append([]string{"resolution"}, suite.Bins.Names...), metrics.DropOutside, metrics.DropIgnored)
		var rows [][]string
		for _, res := range binned(suite) {
			row := []string{strconv.Itoa(res)}
			for _, name := range header[1:] {
				row = append(row, strconv.Itoa(info.Bins[strconv.Itoa(res)][name]))
			}
			rows = append(rows, row)
		}
		if err := table.Simple(a.out, header, rows); err != nil {
			return err
		}
	}
	if len(info.Tags) > 0 {
		var rows [][]string
		for _, t := range slices.Sorted(maps.Keys(info.Tags)) {
			rows = append(rows, []string{t, strconv.Itoa(info.Tags[t])})
		}
		fmt.Fprintln(a.out)
		if err := table.Simple(a.out, []string{"tag", "instances"}, rows); err != nil {
			return err
		}
	}
	a.remarks(&summary.Summary{Notes: info.Notes, Lost: info.Lost})
	for _, f := range info.Failed {
		a.warnf("%s", f)
	}
	return nil
}

func (a *app) datasetsSheetCommand() *cobra.Command {
	var n, columns, side int
	var boxes, force bool
	cmd := &cobra.Command{
		Use:               "sheet DATASET OUT.png",
		Short:             "Write a contact sheet of a data set",
		Example:           "  vtbench datasets sheet text-default sheet.png --boxes",
		Args:              takes(2, 2),
		ValidArgsFunction: firstArg(completeDataset),
		RunE: func(cmd *cobra.Command, args []string) error {
			const widest = 1 << 14
			if n < 1 || columns < 1 || side < 16 || side > widest {
				return usagef("--items and --columns must be at least 1, --side from 16 to %d", widest)
			}
			if err := writable(args[1], force); err != nil {
				return err
			}
			d, err := a.openData(cmd.Context(), args[0])
			if err != nil {
				return usage(err)
			}
			img, failed := sheet.Contact(cmd.Context(), d, sheet.Options{Items: n, Columns: columns, Thumb: side, Boxes: boxes})
			if img.W == 0 {
				return usage(failed)
			}
			if err := img.SavePNG(args[1]); err != nil {
				return usage(err)
			}
			a.logf("wrote %s, %d×%d", args[1], img.W, img.H)
			if failed != nil { // the sheet has a crossed-out cell for each
				return &statusError{ExitItemsFailed, failed}
			}
			return nil
		},
	}
	cmd.Flags().IntVarP(&n, "items", "n", 24, "how many items, from the first")
	cmd.Flags().IntVar(&columns, "columns", 6, "thumbnails a row")
	cmd.Flags().IntVar(&side, "side", 320, "side of a thumbnail in pixels")
	cmd.Flags().BoolVar(&boxes, "boxes", false, "draw the boxes of the instances")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "write over a sheet that is there")
	return cmd
}
