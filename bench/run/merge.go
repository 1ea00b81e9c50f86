package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
)

// MergeConfig says what is merged.
type MergeConfig struct {
	Dirs    []string       // run directories: shards of one run, or parts of it
	Dir     string         // the directory to write; an earlier merge there is written anew
	Kinds   []metrics.Kind // the metrics that there are
	Partial bool           // accept that groups are missing
}

// Merged is the result of a merge.
type Merged struct {
	Run     *summary.Run
	Doubled []string // what several directories had, with equal content: "a and b: groups 3, 4"
	Missing []string // items that no directory has, only with Partial; each "DATA SET: items 5 to 8"
}

// Merge joins shards and interrupted parts of one run into a directory whose journals,
// summary and cases are those of a single run, byte for byte. Manifests that differ in
// more than their shard are refused, and so are groups that are missing, unless Partial:
// the result then counts as interrupted.
func Merge(ctx context.Context, cfg MergeConfig) (Merged, error) {
	if len(cfg.Dirs) == 0 {
		return Merged{}, configErrorf("nothing to merge: name run directories")
	}
	m, parts, err := cfg.parts(ctx)
	if err != nil {
		return Merged{}, err
	}
	dir := cfg.Dir
	if err := wholefile.Folder(dir, record.ImagesDir); err != nil {
		return Merged{}, configErrorf("making the directory of the merged run: %w; choose another one with -o", err)
	}
	lock, err := record.TakeLock(dir, false)
	if err != nil {
		return Merged{}, &ConfigError{err}
	}
	merged, err := cfg.into(ctx, m, parts)
	return merged, errors.Join(err, lock.Release())
}

// parts reads and verifies what is merged, and returns the manifest of the whole.
func (cfg *MergeConfig) parts(ctx context.Context) (record.Manifest, []record.Part, error) {
	var whole record.Manifest
	var parts []record.Part
	counted := "" // the directory that says into how many shards the run was cut
	var shards int
	for i, dir := range cfg.Dirs {
		if ctx.Err() != nil {
			return whole, nil, ctx.Err()
		}
		if same(dir, cfg.Dir) {
			return whole, nil, configErrorf("%s is to be merged into itself: name another directory with -o", dir)
		}
		var m record.Manifest
		if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &m); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return whole, nil, configErrorf("%s is not a run directory: it has no %s", dir, record.ManifestFile)
			}
			return whole, nil, &ConfigError{err}
		}
		if err := countable(&m); err != nil {
			return whole, nil, configErrorf("%s: %w", filepath.Join(dir, record.ManifestFile), err)
		}
		switch sh, err := shardOf(m.Shard); {
		case err != nil:
			return whole, nil, configErrorf("%s: the field shard of its %s is %q: want i/n", dir, record.ManifestFile, m.Shard)
		case sh.Count > 1 && counted != "" && sh.Count != shards:
			return whole, nil, configErrorf("%s and %s are shards of unequal counts: the field shard of their %s is n/%d, and %s; measure all shards with one n",
				counted, dir, record.ManifestFile, shards, m.Shard)
		case sh.Count > 1:
			counted, shards = dir, sh.Count
		}
		m.Shard = ""
		for d := range m.Datasets {
			m.Datasets[d].Items = m.Datasets[d].Planned
		}
		if i == 0 {
			whole = m
		}
		diff, err := identity.Differences(&whole, &m)
		if err != nil {
			return whole, nil, err
		}
		if len(diff) > 0 {
			return whole, nil, configErrorf("%s and %s are not parts of one run: the fields of their %s that differ are %s", cfg.Dirs[0], dir, record.ManifestFile, identity.Strings(diff))
		}
		state, err := record.Verify(dir)
		if err != nil {
			return whole, nil, &ConfigError{err}
		}
		if state.Damage != nil && state.Damage.Group >= 0 {
			return whole, nil, configErrorf("%s: %w", dir, state.Damage)
		}
		if len(state.Pictures) > 0 {
			return whole, nil, configErrorf("%s: %s (pictures that are not as they were measured: %d); measure that part again with --resume --redo-from 0", dir, state.Pictures[0], len(state.Pictures))
		}
		parts = append(parts, record.Part{Dir: dir, State: state})
	}
	return whole, parts, nil
}

// maxItems bounds the items of a run whose manifest somebody else may have written.
const maxItems = 10_000_000

// countable refuses a manifest whose groups cannot be counted.
func countable(m *record.Manifest) error {
	if m.Batch < 1 {
		return fmt.Errorf("batch is %d: want 1 or more", m.Batch)
	}
	left := maxItems
	for _, d := range m.Datasets {
		if d.Planned < 0 || d.Planned > left {
			return fmt.Errorf("data set %q has %d planned items: want 0 or more, in all at most %d", d.Name, d.Planned, maxItems)
		}
		left -= d.Planned
	}
	return nil
}

// same reports whether two paths are one directory.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// into writes the merged directory.
func (cfg *MergeConfig) into(ctx context.Context, m record.Manifest, parts []record.Part) (Merged, error) {
	if err := cfg.overwritable(m, parts); err != nil {
		return Merged{}, err
	}
	missing := missingItems(m, parts)
	if len(missing) > 0 && !cfg.Partial {
		return Merged{}, configErrorf("the directories do not make a whole run: missing are %s%s; measure them, or take what is there with --partial", listed(missing), cfg.unfinished())
	}
	if err := record.Unseal(cfg.Dir); err != nil {
		return Merged{}, err
	}
	if err := record.WriteJSON(filepath.Join(cfg.Dir, record.ManifestFile), &m); err != nil {
		return Merged{}, err
	}
	copied, err := record.CopyGroups(cfg.Dir, parts)
	if err != nil {
		return Merged{}, &ConfigError{err}
	}
	for _, p := range parts {
		if err := copyPictures(ctx, p.Dir, cfg.Dir); err != nil {
			return Merged{}, err
		}
	}
	r := &runner{cfg: Config{Dir: cfg.Dir, KeepImages: m.KeepImages, Progress: silent{}}, kinds: cfg.Kinds, manifest: m, conditions: m.Suite.Conditions(), keeper: newKeeper(&m)}
	for _, t := range m.Tokenizers {
		r.cfg.Tokenizers = append(r.cfg.Tokenizers, TokenizerSource{Name: t.Name})
	}
	plan, err := r.remembered(copied.Groups)
	if err != nil {
		return Merged{}, err
	}
	out := Merged{Doubled: doubled(copied.Doubled, parts), Missing: missing}
	if len(missing) == 0 {
		out.Run, err = r.finish(ctx, plan, func(_ context.Context, _ []*group, todo drawings) error {
			if err := undrawnError(todo); err != nil {
				return configErrorf("%w%s", err, cfg.unfinished())
			}
			return nil
		})
		return out, err
	}
	list, err := r.choose()
	if err != nil {
		return out, err
	}
	todo, err := r.undrawn(plan, list)
	if err != nil {
		return out, err
	}
	list = slices.DeleteFunc(list, func(c chosen) bool { return todo[c.cell()] != nil })
	if _, err := r.cases(plan, list); err != nil {
		return out, err
	}
	out.Run, err = summary.Open(cfg.Dir, cfg.Kinds)
	return out, err
}

// overwritable refuses a directory that holds another run than an earlier merge of the
// same one.
func (cfg *MergeConfig) overwritable(m record.Manifest, parts []record.Part) error {
	var old record.Manifest
	err := record.ReadJSON(filepath.Join(cfg.Dir, record.ManifestFile), &old)
	if errors.Is(err, fs.ErrNotExist) {
		return noJournal(cfg.Dir)
	}
	if err != nil {
		return &ConfigError{err}
	}
	diff, err := identity.Differences(&old, &m)
	if err != nil {
		return err
	}
	if len(diff) > 0 {
		return configErrorf("%s already holds another run: the fields of its %s that differ are %s; choose another directory with -o", cfg.Dir, record.ManifestFile, identity.Strings(diff))
	}
	state, err := record.Verify(cfg.Dir)
	if err != nil {
		return &ConfigError{err}
	}
	only := 0
	there := groupsOf(parts)
	for _, g := range state.Groups {
		if !there[g.Group] {
			only++
		}
	}
	if only > 0 {
		return configErrorf("%s holds groups of items of this run that none of the merged directories has, and that would be lost (%d); merge it too, into another directory with -o", cfg.Dir, only)
	}
	return nil
}

// groupsOf are the groups that some part has.
func groupsOf(parts []record.Part) map[int]bool {
	there := map[int]bool{}
	for _, p := range parts {
		for _, g := range p.State.Groups {
			there[g.Group] = true
		}
	}
	return there
}

// missingItems names the items of the plan that no part has.
func missingItems(m record.Manifest, parts []record.Part) []string {
	there := groupsOf(parts)
	var out []string
	number := 0
	for _, d := range m.Datasets {
		for first, end := range d.Groups(m.Batch) {
			if !there[number] {
				out = append(out, fmt.Sprintf("%s: items %d to %d", d.Name, first+1, end))
			}
			number++
		}
	}
	return out
}

// unfinished names the directories whose runs did not come to their end, by the file that
// says so.
func (cfg *MergeConfig) unfinished() string {
	var dirs []string
	for _, dir := range cfg.Dirs {
		if !record.Complete(dir) {
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) == 0 {
		return ""
	}
	return fmt.Sprintf(" (unfinished, without %s: %s; --resume continues them)", record.SealFile, listed(dirs))
}

// doubled says which directories have groups that others have, too.
func doubled(groups []int, parts []record.Part) []string {
	if len(groups) == 0 {
		return nil
	}
	has := make([]map[int]bool, len(parts))
	for i, p := range parts {
		has[i] = map[int]bool{}
		for _, g := range p.State.Groups {
			has[i][g.Group] = true
		}
	}
	by := map[string][]int{}
	var order []string
	for _, g := range groups {
		var dirs []string
		for i, p := range parts {
			if has[i][g] {
				dirs = append(dirs, p.Dir)
			}
		}
		key := strings.Join(dirs, " and ")
		if by[key] == nil {
			order = append(order, key)
		}
		by[key] = append(by[key], g)
	}
	var out []string
	for _, key := range order {
		var numbers []string
		for _, g := range by[key] {
			numbers = append(numbers, strconv.Itoa(g))
		}
		out = append(out, key+": groups "+listed(numbers))
	}
	return out
}

// shardOf reads what [Shard.String] wrote.
func shardOf(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	i, n, _ := strings.Cut(s, "/")
	var sh Shard
	var err error
	if sh.Index, err = strconv.Atoi(i); err == nil {
		sh.Count, err = strconv.Atoi(n)
	}
	if err == nil && (sh.Index < 1 || sh.Index > sh.Count) {
		err = fmt.Errorf("shard %s", s)
	}
	return sh, err
}

// listed joins words, and counts those that are too many to show.
func listed(words []string) string {
	const most = 10
	if len(words) <= most {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
}

// remembered makes the plan of groups from their records, which it shows to the keeper.
func (r *runner) remembered(groups []record.GroupLine) ([]*group, error) {
	// The position of a group in its data set follows from its number.
	var firstOf []int // item, by group
	source := map[string]int{}
	for s, d := range r.manifest.Datasets {
		for first := range d.Groups(r.manifest.Batch) {
			firstOf = append(firstOf, first)
		}
		source[d.Name] = s
	}
	var plan []*group
	var g *group
	left := 0 // records of the group that are still to come
	for rec, err := range record.Records(r.cfg.Dir) {
		if err != nil {
			return nil, &ConfigError{err}
		}
		for left == 0 {
			if len(plan) == len(groups) {
				return nil, fmt.Errorf("merging: more records than groups.jsonl counts")
			}
			line := groups[len(plan)]
			g, left = &group{number: line.Group}, line.Records.Lines
			plan = append(plan, g)
		}
		left--
		r.keeper.add(&rec)
		s, ok := source[rec.Dataset]
		if !ok {
			return nil, configErrorf("merging: a record of data set %q, which the run does not have", rec.Dataset)
		}
		if g.number < 0 || g.number >= len(firstOf) {
			return nil, configErrorf("merging: group %d, which the run does not have", g.number)
		}
		if n := len(g.items); n == 0 || g.items[n-1].id != rec.Item {
			g.items = append(g.items, planned{s, firstOf[g.number] + n, rec.Item})
		}
	}
	return plan, nil
}

// copyPictures copies the pictures of a part that are not there yet; equal names are
// equal pictures, since names are hashes of what is shown, and what is there is whole.
func copyPictures(ctx context.Context, from, to string) error {
	names, err := os.ReadDir(filepath.Join(from, record.ImagesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("merging pictures: %w", err)
	}
	for _, e := range names {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		target := filepath.Join(to, record.ImagesDir, e.Name())
		if filepath.Ext(e.Name()) != ".png" || !e.Type().IsRegular() {
			continue
		}
		if _, err := os.Lstat(target); err == nil {
			continue
		}
		if err := copyFile(filepath.Join(from, record.ImagesDir, e.Name()), target); err != nil {
			return fmt.Errorf("merging pictures: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := files.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return wholefile.WriteFrom(to, in)
}
