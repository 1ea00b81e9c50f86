package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/run"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics/face"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/table"
	"github.com/vtbench/vtbench/reports/view"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

type facesFlags struct {
	sheet, chips, format string
	tokenizers           []string
	resolution, limit    int
	force                bool
	options              map[string]string
}

func (a *app) facesCommand() *cobra.Command {
	var f facesFlags
	cmd := &cobra.Command{
		Use:   "faces DATASET",
		Short: "Look at what the metrics of faces compare: aligned chips, and why a face is left out",
		Long: `faces aligns the faces of a data set as the suite face does and lists each: how well
its key points fit a face, how much of the chip lies within the image, and the reason
where it is not scored. --sheet draws every face in its picture beside the chip that the
recogniser sees, with numbered key points (1 left eye, 2 right eye, 3 nose, 4 left and 5
right corner of the mouth; left is left in the image); with -t also the chips of
reconstructions and their calibrated similarity. --chips writes the chips as files.`,
		Example: `  vtbench faces portraits-default --limit 8 --sheet faces.png
  vtbench faces coco-face:DIR --chips chips/
  vtbench faces wflw:DIR --limit 20 -t vq:patch=8 -t jpeg:q=20 -r 256 --sheet faces.png`,
		Args:              takes(1, 1),
		ValidArgsFunction: firstArg(completeDataset),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.faces(cmd.Context(), args[0], &f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.sheet, "sheet", "", "draw the faces and their chips into this PNG file")
	fl.StringVar(&f.chips, "chips", "", "write every chip as a PNG file into this folder, which must be empty or new")
	fl.StringArrayVarP(&f.tokenizers, "tokenizer", "t", nil, "also compare with reconstructions by this tokenizer")
	fl.IntVarP(&f.resolution, "resolution", "r", 256, "side of the square that tokenizers are given")
	fl.IntVar(&f.limit, "limit", 24, "only the first N images; 0 for all")
	fl.BoolVarP(&f.force, "force", "f", false, "write over a sheet that is there")
	fl.StringToStringVar(&f.options, "option", nil, "option as in a run: face.engine=onnxruntime, face.models=DIR")
	formatFlag(cmd, &f.format, "table", "json")
	complete(cmd, "tokenizer", completeTokenizer)
	return cmd
}

// A seenFace is a line of the list.
type seenFace struct {
	Item     string             `json:"item"`
	Face     string             `json:"face"`
	Points   string             `json:"points"` // "labels", "detector" or ""
	Residual record.Number      `json:"residual_px"`
	Inside   record.Number      `json:"inside"`
	Drop     string             `json:"drop,omitempty"`
	Why      string             `json:"why,omitempty"`
	Chip     string             `json:"chip,omitempty"` // file
	Similar  map[string]float64 `json:"f_sim_calibrated,omitempty"`

	title string
	tiles []tile
}

// A tile is a picture of the sheet with words beneath.
type tile struct {
	img   pix.Image
	words string
}

func (a *app) faces(ctx context.Context, spec string, f *facesFlags) (err error) {
	if f.limit < 0 || f.resolution < 1 {
		return usagef("--limit must not be negative, and --resolution at least 1")
	}
	if f.sheet != "" {
		if err := writable(f.sheet, f.force); err != nil {
			return err
		}
	}
	if f.chips != "" {
		if err := emptyFolder(f.chips); err != nil {
			return err
		}
	}
	d, err := a.openData(ctx, spec)
	if err != nil {
		return usage(err)
	}
	aligner, err := face.OpenAligner(ctx, f.options)
	if err != nil {
		return usage(err)
	}
	defer func() { err = errors.Join(err, aligner.Close()) }()
	var list []tokenizerConfig
	for _, use := range f.tokenizers {
		list = append(list, tokenizerConfig{Use: use})
	}
	toks, err := openTokenizers(ctx, list, alltok.Kinds(), a.progress(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTokenizers(toks)) }()
	ids := d.IDs()
	if f.limit > 0 {
		ids = ids[:min(f.limit, len(ids))]
	}
	look := &faceLook{f: f, aligner: aligner, toks: toks}
	failed := 0
	for i, id := range ids {
		it, err := d.Load(ctx, i)
		if err == nil {
			err = look.item(ctx, it)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed++
			a.warnf("%s: %v", id, err)
		}
		for _, l := range it.Lost {
			look.faces = append(look.faces, seenFace{Item: id, Face: l.ID, Residual: record.NaN, Inside: record.NaN, Drop: l.Reason, Why: l.Where})
		}
	}
	if f.sheet != "" {
		if err := a.faceSheet(f.sheet, look.faces); err != nil {
			return err
		}
	}
	if f.format == "json" {
		err = a.json(look.faces)
	} else {
		err = a.printFaces(look.faces)
	}
	if err == nil && failed > 0 {
		err = &statusError{ExitItemsFailed, fmt.Errorf("%d of %d images could not be looked at", failed, len(ids))}
	}
	return err
}

// A faceLook gathers what is seen of the faces.
type faceLook struct {
	f       *facesFlags
	aligner *face.Aligner
	toks    []run.TokenizerSource
	faces   []seenFace
}

func (l *faceLook) item(ctx context.Context, it datasets.Item) error {
	aligned, err := l.aligner.Align(ctx, it.Image, it.Instances)
	if err != nil || len(aligned) == 0 {
		return err
	}
	back, err := l.reconstruct(ctx, it.Image)
	if err != nil {
		return err
	}
	for _, al := range aligned {
		s := seenFace{Item: it.ID, Face: al.ID, Residual: record.NaN, Inside: record.NaN, Drop: al.Drop, Why: al.Why, title: it.ID + " · " + al.ID}
		if al.Err != nil {
			s.Drop, s.Why = "failed", al.Err.Error()
		}
		if len(al.Key) > 0 {
			s.Points = "labels"
			if al.Detected {
				s.Points = "detector"
			}
		}
		fits := al.Chip.Scale() > 0
		if fits {
			s.Residual, s.Inside = record.Number(al.Residual), record.Number(al.Inside)
		}
		var chip pix.Image
		if fits && (l.f.chips != "" || l.f.sheet != "" || len(l.toks) > 0) {
			chip = l.aligner.Cut(it.Image, al)
		}
		if l.f.chips != "" && al.Scored() {
			if s.Chip, err = saveChip(l.f.chips, it.ID, al.ID, chip); err != nil {
				return err
			}
		}
		if l.f.sheet != "" {
			if err := s.draw(it.Image, chip, al, l.aligner.Layout(), fits); err != nil {
				return err
			}
		}
		if al.Scored() {
			if err := l.compare(ctx, &s, al, chip, back); err != nil {
				return err
			}
		}
		l.faces = append(l.faces, s)
	}
	return nil
}

// reconstruct gives an image to the tokenizers as a run does.
func (l *faceLook) reconstruct(ctx context.Context, img pix.Image) ([]pix.Image, error) {
	if len(l.toks) == 0 {
		return nil, nil
	}
	fitted, place, err := pix.Fit(img, l.f.resolution)
	if err != nil {
		return nil, err
	}
	var out []pix.Image
	for _, t := range l.toks {
		got, err := t.Tokenizer.Reconstruct(ctx, []pix.Image{fitted})
		if err == nil && got[0].Err != nil {
			err = got[0].Err
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		back, err := place.Restore(got[0].Image)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		out = append(out, back)
	}
	return out, nil
}

// compare adds the chips of the reconstructions and how alike they are.
func (l *faceLook) compare(ctx context.Context, s *seenFace, al face.Alignment, chip pix.Image, back []pix.Image) error {
	for i, t := range l.toks {
		if s.Similar == nil {
			s.Similar = map[string]float64{}
		}
		got := l.aligner.Cut(back[i], al)
		v, err := l.aligner.Similarity(ctx, chip, got)
		if err != nil {
			return err
		}
		s.Similar[t.Name] = v
		s.tiles = append(s.tiles, tile{got, t.Name + " " + strconv.FormatFloat(v, 'f', 2, 64)})
	}
	return nil
}

// draw adds the face in its picture, and its chip.
func (s *seenFace) draw(img, chip pix.Image, al face.Alignment, l model.Layout, fits bool) error {
	p, err := inPicture(img, al, l.Side)
	if err != nil {
		return err
	}
	s.tiles = append(s.tiles, tile{p, fmt.Sprintf("eyes %.0f px apart", al.Eyes())})
	if !fits {
		return nil
	}
	if p, err = markedChip(chip, al, l); err == nil {
		s.tiles = append(s.tiles, tile{p, fmt.Sprintf("chip: residual %.1f px, %.0f %% inside", al.Residual, 100*al.Inside)})
	}
	return err
}

// saveChip writes a chip below a folder and returns the name of the file there.
func saveChip(dir, item, id string, chip pix.Image) (string, error) {
	name := strings.TrimSuffix(item, filepath.Ext(item)) + "_" + id + ".png"
	rel := filepath.FromSlash(name)
	if !filepath.IsLocal(rel) {
		return "", usagef("item %q cannot be written below %s", item, dir)
	}
	file := filepath.Join(dir, rel)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	if _, err := os.Stat(file); err == nil {
		return "", usagef("two faces would be written to %s: rename an image", file)
	}
	return name, chip.SavePNG(file)
}

func (a *app) printFaces(faces []seenFace) error {
	header := []string{"image", "face", "points", "residual", "inside (%)"}
	var names []string
	for _, s := range faces {
		for n := range maps.Keys(s.Similar) {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	header = append(header, names...)
	header = append(header, "left out")
	var rows [][]string
	count := map[string]int{}
	for _, s := range faces {
		row := []string{s.Item, s.Face, s.Points, number(float64(s.Residual), 1), number(100*float64(s.Inside), 0)}
		for _, n := range names {
			cell := "–"
			if v, ok := s.Similar[n]; ok {
				cell = strconv.FormatFloat(v, 'f', 2, 64)
			}
			row = append(row, cell)
		}
		count[s.Drop]++
		rows = append(rows, append(row, s.Why))
	}
	if len(rows) > 0 {
		if err := table.List(a.out, header, rows, table.Options{}); err != nil {
			return err
		}
		fmt.Fprintln(a.out)
	}
	fmt.Fprintf(a.out, "%d faces, %d of them scored\n", len(faces), count[""])
	for _, reason := range slices.Sorted(maps.Keys(count)) {
		if reason != "" {
			fmt.Fprintf(a.out, "%d %s\n", count[reason], view.ReasonTitle(reason))
		}
	}
	return nil
}

func number(v float64, places int) string {
	if math.IsNaN(v) {
		return "–"
	}
	return strconv.FormatFloat(v, 'f', places, 64)
}
