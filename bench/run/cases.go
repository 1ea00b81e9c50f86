package run

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// How many cases a report shows of each kind; there are many damaged conditions.
const (
	worstCases         = 12 // a tokenizer and condition
	worstDamagedCases  = 4
	sampleCases        = 4 // a condition and bin, the same for all tokenizers
	sampleDamagedCases = 2
)

// maxCropSide bounds pictures of cases that are whole images.
const maxCropSide = 512

// keeper decides which instances are shown in the report. It looks at committed
// records only, in plan order, so that a resumed run keeps the same cases.
type keeper struct {
	worst map[string]metrics.Spec // by data set: the metric that picks its worst cases
	mu    sync.Mutex
	lists map[string][]ranked
}

// ranked is a candidate: the worse, then the smaller hash, comes first.
type ranked struct {
	value float64 // ascending: worst first
	hash  uint64
}

func (a ranked) compare(b ranked) int {
	return cmp.Or(cmp.Compare(a.value, b.value), cmp.Compare(a.hash, b.hash))
}

func newKeeper(m *record.Manifest) *keeper {
	k := &keeper{worst: map[string]metrics.Spec{}, lists: map[string][]ranked{}}
	for _, d := range m.Datasets {
		if spec, ok := m.MetricSpec(m.Suite.WorstOf(d.Spec)); ok && spec.Scope != metrics.PerCorpus {
			k.worst[d.Name] = spec
		}
	}
	return k
}

// picks reports whether a metric picks the worst cases of a data set.
func (k *keeper) picks(dataset, metric string) bool {
	spec, ok := k.worst[dataset]
	return ok && spec.ID == metric
}

// candidate is a record's place in one list.
type candidate struct {
	why, list string
	limit     int
	ranked
}

// candidates lists where a record may be shown. Only values of the worst metric
// that count are shown.
func (k *keeper) candidates(r *record.Record) []candidate {
	if !k.picks(r.Dataset, r.Metric) || r.Drop != "" || strings.Contains(r.Condition, "~") {
		return nil
	}
	v, ok := r.Float()
	if !ok {
		return nil
	}
	spec := k.worst[r.Dataset]
	perfect := v >= spec.Max // nothing was lost, so there is nothing to show
	if spec.Better == metrics.Lower {
		perfect = v <= spec.Min
		v = -v
	}
	worst, samples := worstCases, sampleCases
	if damaged(r.Condition) {
		worst, samples = worstDamagedCases, sampleDamagedCases
	}
	id := hash64(r.Dataset, r.Item, r.Instance)
	out := []candidate{{record.WhySample, join(record.WhySample, r.Dataset, r.Condition, r.Bin, r.Tokenizer), samples, ranked{0, id}}}
	if r.Tokenizer != suite.Original && !perfect {
		out = append(out, candidate{record.WhyWorst, join(record.WhyWorst, r.Dataset, r.Tokenizer, r.Condition), worst, ranked{v, id}})
	}
	return out
}

// damaged reports whether a record's condition is one of damage.
func damaged(condition string) bool { return !strings.HasPrefix(condition, "clean@") }

func join(parts ...string) string { return strings.Join(parts, "\x00") }

func hash64(parts ...string) uint64 {
	h := sha256.Sum256([]byte(join(parts...)))
	return binary.LittleEndian.Uint64(h[:8])
}

// wants reports whether a candidate would be among the best of its list as
// committed so far; lists only get harder to enter, so a no is final.
func (k *keeper) wants(c candidate) bool {
	l := k.lists[c.list]
	return len(l) < c.limit || c.compare(l[len(l)-1]) <= 0
}

// wanted says which of the records of one reconstruction may enter a list, and whether one
// is that of the worst: they compete with what is committed and with each other, so that no
// more pictures are held in memory than can be shown.
func (k *keeper) wanted(records []record.Record) (shown []bool, worst bool) {
	out := make([]bool, len(records))
	type place struct {
		candidate
		record int
	}
	lists := map[string][]place{}
	k.mu.Lock()
	for i := range records {
		for _, c := range k.candidates(&records[i]) {
			if k.wants(c) {
				lists[c.list] = append(lists[c.list], place{c, i})
			}
		}
	}
	k.mu.Unlock()
	for _, l := range lists {
		slices.SortFunc(l, func(a, b place) int { return a.compare(b.ranked) })
		for _, p := range l[:min(len(l), l[0].limit)] {
			out[p.record] = true
			worst = worst || p.why == record.WhyWorst
		}
	}
	return out, worst
}

// add enters a committed record into its lists.
func (k *keeper) add(r *record.Record) {
	cs := k.candidates(r)
	if len(cs) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range cs {
		l := k.lists[c.list]
		i, _ := slices.BinarySearchFunc(l, c.ranked, ranked.compare)
		l = slices.Insert(l, i, c.ranked)
		if len(l) > c.limit {
			l = l[:c.limit]
		}
		k.lists[c.list] = l
	}
}

// A crop is a picture that a report may show, still in memory.
type crop struct {
	path string // relative to the run directory
	img  pix.Image
	png  []byte // the same, where a worker made it
}

// save writes the picture; its name is on disk when the folder is synced.
func (c crop) save(dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(c.path))
	if _, err := os.Stat(path); err == nil && strings.Contains(c.path, originalPrefix) {
		return nil // shared by all tokenizers
	}
	if c.png != nil {
		return wholefile.Put(path, c.png)
	}
	var buf bytes.Buffer
	if err := c.img.EncodePNG(&buf); err != nil {
		return err
	}
	return wholefile.Put(path, buf.Bytes())
}

// Pictures are named by hashes: whatever is in a name stays out of the path.
const originalPrefix = "o-"

// originalPath is the picture of an undamaged instance, and damagedPath of what the
// tokenizer was shown of it.
func originalPath(dataset, item, instance string) string {
	return record.ImagesDir + "/" + originalPrefix + shortHash(dataset, item, instance) + ".png"
}

func damagedPath(dataset, item, instance, condition string) string {
	return record.ImagesDir + "/" + originalPrefix + shortHash(dataset, item, instance, condition) + ".png"
}

func reconstructionPath(r *record.Record) string {
	return record.ImagesDir + "/r-" + shortHash(r.Dataset, r.Item, r.Instance, r.Condition, r.Tokenizer) + ".png"
}

func wholePath(dataset, item, condition, tokenizer string) string {
	return record.ImagesDir + "/w-" + shortHash(dataset, item, condition, tokenizer) + ".png"
}

func mapPath(dataset, item, condition, tokenizer, metric string) string {
	return record.ImagesDir + "/h-" + shortHash(dataset, item, condition, tokenizer, metric) + ".png"
}

// damageMaps draws where metrics see damage: black where nothing is lost, through red and
// yellow to white. One that fails is a picture less; its values are scored apart from it.
func (r *runner) damageMaps(base record.Record, ref, got pix.Image) []crop {
	if ref.W != got.W || ref.H != got.H {
		return nil
	}
	var out []crop
	for _, m := range r.cfg.Maps {
		mapper, ok := m.(metrics.Mapper)
		if !ok {
			continue
		}
		id := m.Specs()[0].ID
		img, err := guard.Call("mapping damage by "+id, func() (pix.Image, error) { return metrics.Picture(mapper, ref, got) })
		if err != nil || img.Empty() {
			continue
		}
		out = append(out, crop{path: mapPath(base.Dataset, base.Item, base.Condition, base.Tokenizer, id), img: img})
	}
	return out
}

// wholes are the whole pictures of one reconstruction, with damage maps. The reconstruction
// is the last: where it is saved, so are the others.
func (r *runner) wholes(base record.Record, in *input, got pix.Image) []crop {
	var out []crop
	if base.Tokenizer != suite.Original && (in.film == nil || r.cfg.KeepImages == record.KeepAll) { // a film has many frames
		out = r.damageMaps(base, in.img, got)
	}
	if r.cfg.KeepImages == record.KeepWorst {
		out = append(out, crop{path: wholePath(base.Dataset, base.Item, base.Condition, suite.Original), img: in.img})
	}
	return append(out, crop{path: wholePath(base.Dataset, base.Item, base.Condition, base.Tokenizer), img: got})
}

// keepsWhole reports whether a whole reconstruction is kept, with the item's boxes.
func (r *runner) keepsWhole(in *input, worst bool) bool {
	if in.cond.Corruption != "" {
		return false
	}
	if in.film != nil { // which clip is shown is known at the end
		return r.cfg.KeepImages == record.KeepAll
	}
	return r.cfg.KeepImages.Item(in.index) || r.cfg.KeepImages == record.KeepWorst && worst
}

// tellsBoxes reports whether the boxes of an item are told with the line of its original:
// where whole images of it may be kept. Which are kept, of the worst, is known at the end.
func (r *runner) tellsBoxes(base record.Record, in *input) bool {
	if in.film != nil {
		return base.Tokenizer == suite.Original && r.cfg.KeepImages != 0 && (in.cond == r.conditions[0] || r.keepsWhole(in, true))
	}
	return base.Tokenizer == suite.Original && r.keepsWhole(in, true)
}

// boxes says where the instances of a kept image are, in its pixels.
func (r *runner) boxes(base record.Record, in *input) record.CodeLine {
	sx := float64(in.place.Inside.Dx()) / float64(max(in.place.W, 1))
	sy := float64(in.place.Inside.Dy()) / float64(max(in.place.H, 1))
	boxes := record.Boxes{W: in.img.W, H: in.img.H}
	for _, inst := range in.instances {
		b := scaled(inst, sx, sy, in.place.Inside.Min).Box.Intersect(image.Rect(0, 0, in.img.W, in.img.H))
		if !b.Empty() {
			boxes.List = append(boxes.List, record.Box{ID: inst.ID, Label: inst.Text, X: b.Min.X, Y: b.Min.Y, W: b.Dx(), H: b.Dy()})
		}
	}
	return record.CodeLine{
		Tokenizer: base.Tokenizer, Dataset: base.Dataset, Item: base.Item, Condition: base.Condition,
		Observer: record.BoxesID, State: boxes.State(),
	}
}

// wholeImages lists the whole images that were kept, at the tokenizer's size; worst are
// the reconstructions that have a worst case, by name.
func (r *runner) wholeImages(plan []*group, worst map[string]bool) []record.Case {
	var out []record.Case
	for p := range everyItem(plan) {
		all := r.cfg.KeepImages.Item(p.index)
		if len(r.manifest.Datasets[p.source].Clips) > 0 {
			all = r.cfg.KeepImages == record.KeepAll || r.shows(p)
		}
		if !all && r.cfg.KeepImages != record.KeepWorst {
			continue
		}
		dataset := r.manifest.Datasets[p.source].Name
		for _, c := range r.conditions {
			original := wholePath(dataset, p.id, c.String(), suite.Original)
			for _, t := range r.cfg.Tokenizers {
				path := wholePath(dataset, p.id, c.String(), t.Name)
				if t.Name == suite.Original || !all && !worst[path] || !r.saved(path) || !r.saved(original) {
					continue
				}
				cs := record.Case{
					Why: record.WhyImage, Tokenizer: t.Name, Dataset: dataset, Item: p.id, Condition: c.String(),
					Original: original, Reconstruction: path,
				}
				for _, m := range r.manifest.Maps {
					if path := mapPath(dataset, p.id, c.String(), t.Name, m.ID); r.saved(path) {
						if cs.Maps == nil {
							cs.Maps = map[string]string{}
						}
						cs.Maps[m.ID] = path
					}
				}
				out = append(out, cs)
			}
		}
	}
	return out
}

func shortHash(parts ...string) string {
	h := sha256.Sum256([]byte(join(parts...)))
	return hex.EncodeToString(h[:10])
}

// crops cuts out what may be shown of one reconstruction of w×h pixels, and says whether
// it has one of the worst cases so far.
func (k *keeper) crops(in *input, w, h int, got func(image.Rectangle) pix.Image, records []record.Record) (out []crop, worst bool) {
	wanted, worst := k.wanted(records)
	for i := range records {
		r := &records[i]
		if !wanted[i] {
			continue
		}
		var box image.Rectangle // empty, and then skipped, for an instance that the item lacks
		if r.Instance == "" {
			box = image.Rect(0, 0, w, h)
		}
		for _, inst := range in.instances {
			if inst.ID == r.Instance {
				box = padded(inst.Box)
			}
		}
		out = append(out,
			crop{path: originalPath(r.Dataset, r.Item, r.Instance), img: in.undamaged.Crop(box)},
			crop{path: reconstructionPath(r), img: got(box)})
		if in.cond.DamagesImage() {
			out = append(out, crop{path: damagedPath(r.Dataset, r.Item, r.Instance, r.Condition), img: in.reference.Crop(box)})
		}
	}
	out = slices.DeleteFunc(out, func(c crop) bool { return c.img.Empty() })
	for i, c := range out {
		if side := max(c.img.W, c.img.H); side > maxCropSide {
			w, h := max(c.img.W*maxCropSide/side, 1), max(c.img.H*maxCropSide/side, 1)
			if small, err := pix.Resize(c.img, w, h); err == nil {
				out[i].img = small
			}
		}
	}
	return out, worst
}

// padded adds context to a crop: a fifth of the height on every side.
func padded(b image.Rectangle) image.Rectangle { return b.Inset(-max(b.Dy()/5, 2)) }

// chosen is a case with the record that it shows.
type chosen struct {
	record.Case
	record record.Record
}

// choose lists the instances that the report shows, reading the records once more, and finds
// the clips that it plays.
func (r *runner) choose() ([]chosen, error) {
	type place struct {
		candidate
		record record.Record
	}
	var all []place
	read := map[string]string{} // what was read in originals, damaged or not
	clips := r.showClips()
	defer func() { r.played = clips.chosen() }()
	for rec, err := range record.Records(r.cfg.Dir) {
		if err != nil {
			return nil, err
		}
		clips.add(&rec)
		if rec.Tokenizer == suite.Original && r.keeper.picks(rec.Dataset, rec.Metric) && rec.Detail != "" {
			read[join(rec.Dataset, rec.Item, rec.Instance, rec.Condition)] = rec.Detail
		}
		for _, c := range r.keeper.candidates(&rec) {
			if r.keeper.wants(c) {
				all = append(all, place{c, rec})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.why, b.why), cmp.Compare(a.list, b.list), a.compare(b.ranked))
	})
	out := make([]chosen, 0, len(all))
	for _, c := range all {
		rec := &c.record
		cs := record.Case{
			Why: c.why, Tokenizer: rec.Tokenizer, Dataset: rec.Dataset, Item: rec.Item,
			Instance: rec.Instance, Condition: rec.Condition, Bin: rec.Bin, Metric: rec.Metric,
			Value: rec.Value, Expected: rec.Expected, Got: rec.Detail,
			Original: originalPath(rec.Dataset, rec.Item, rec.Instance), Reconstruction: reconstructionPath(rec),
		}
		cond, err := suite.ParseCondition(rec.Condition)
		if err != nil {
			return nil, fmt.Errorf("listing cases: %w", err)
		}
		cs.GotOriginal = read[join(rec.Dataset, rec.Item, rec.Instance, suite.Condition{Resolution: cond.Resolution}.String())]
		if cond.DamagesImage() {
			cs.GotDamaged = read[join(rec.Dataset, rec.Item, rec.Instance, rec.Condition)]
			cs.Damaged = damagedPath(rec.Dataset, rec.Item, rec.Instance, rec.Condition)
		}
		out = append(out, chosen{cs, c.record})
	}
	return out, nil
}

// cases writes the list of what the report shows, the instances of list and whole images,
// and removes pictures that lost their place.
func (r *runner) cases(plan []*group, list []chosen) ([]record.Case, error) {
	out := []record.Case{}
	used := map[string]bool{record.ImagesDir + "/" + record.CasesFile: true}
	for _, c := range list {
		used[c.Original], used[c.Damaged], used[c.Reconstruction] = true, true, true
		out = append(out, c.Case)
	}
	worst := map[string]bool{}
	for _, c := range out {
		if c.Why == record.WhyWorst {
			worst[wholePath(c.Dataset, c.Item, c.Condition, c.Tokenizer)] = true
		}
	}
	for _, c := range r.wholeImages(plan, worst) {
		used[c.Original], used[c.Reconstruction] = true, true
		for _, path := range c.Maps {
			used[path] = true
		}
		out = append(out, c)
	}
	files, err := os.ReadDir(filepath.Join(r.cfg.Dir, record.ImagesDir))
	if err != nil {
		return nil, fmt.Errorf("listing pictures: %w", err)
	}
	for _, f := range files {
		if name := record.ImagesDir + "/" + f.Name(); !used[name] && filepath.Ext(name) == ".png" {
			if err := os.Remove(filepath.Join(r.cfg.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("removing a picture that is not shown: %w", err)
			}
		}
	}
	return out, record.WriteJSON(filepath.Join(r.cfg.Dir, record.ImagesDir, record.CasesFile), out)
}
