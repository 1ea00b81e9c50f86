package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

const (
	// lookEvery is how old a look at the folder may be; many browsers cost no more looks.
	lookEvery = time.Second
	// rankEvery is how often changes are looked for that change the leaderboard.
	rankEvery = 3 * time.Second
	// silent is how long a run may tell nothing of itself before that is said.
	silent = 30 * time.Second
	// maxListed bounds the runs that are listed.
	maxListed = 200
)

// stateDamaged is the state of a run that cannot be read.
const stateDamaged = "damaged"

// watch knows what is in the folder.
type watch struct {
	o   Options
	dir string

	mu     sync.Mutex
	looked time.Time
	runs   []seen
	err    error
	known  map[string]seen // by path, of runs that are at rest
	slugs  format.Slugs

	boards sync.Mutex
	site   *leaderboard.Site
	print  string // of what the site is made of
	note   string
	number int
}

// seen is a run or baseline as it was seen.
type seen struct {
	leaderboard.Source
	slug   string
	print  string // equal where nothing has changed
	status *record.Status
	err    error // it cannot be shown
}

// baseline reports whether this is a file.
func (x seen) baseline() bool { return x.status == nil && x.err == nil }

func (x seen) running() bool { return x.status != nil && x.status.State == record.Running }

// look lists what is there now.
func (w *watch) look() ([]seen, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.looked) < lookEvery {
		return w.runs, w.err
	}
	w.runs, w.err = w.scan()
	w.looked = time.Now()
	return w.runs, w.err
}

func (w *watch) scan() ([]seen, error) {
	found, err := leaderboard.Find([]string{w.dir})
	if err != nil {
		return nil, err
	}
	known := map[string]seen{}
	out := make([]seen, 0, len(found))
	for _, s := range found {
		x := w.see(s)
		if !x.running() {
			known[s.Path] = x
		}
		out = append(out, x)
	}
	w.known = known
	return out, nil
}

// see looks at one source. Of a run at rest only the times of its files are looked at again.
func (w *watch) see(s leaderboard.Source) seen {
	x := seen{Source: s}
	info, err := os.Lstat(s.Path)
	if err != nil {
		x.err = errors.New("it is gone")
		return x
	}
	if !info.IsDir() {
		x.print = stamp(info)
		return x
	}
	x.slug = w.slugs.For(s.Name)
	for _, name := range read {
		info, err := os.Lstat(filepath.Join(s.Path, filepath.FromSlash(name)))
		if err != nil {
			continue
		}
		if info.Mode()&os.ModeSymlink != 0 {
			// It would show what lies elsewhere.
			x.err = fmt.Errorf("%s is a link; links are not followed here", name)
			return x
		}
		x.print += name + stamp(info)
	}
	if old, ok := w.known[s.Path]; ok && old.print == x.print {
		return old
	}
	if x.status, err = record.StatusOf(s.Path); err != nil {
		x.err = errors.New(strings.ReplaceAll(err.Error(), s.Path, s.Name))
	}
	return x
}

// read are the files of a run directory that are read, and the folders that these lie in.
var read = []string{
	record.ManifestFile, record.GroupsFile, record.RecordsFile, record.CodesFile, record.TimingsFile, record.SealFile, record.LockFile,
	record.SummaryFile, record.PerformanceFile, record.ProgressFile, record.ImagesDir, record.ImagesDir + "/" + record.CasesFile,
}

func stamp(info os.FileInfo) string {
	return fmt.Sprintf(" %d %d;", info.Size(), info.ModTime().UnixNano())
}

// find returns the run with a slug.
func (w *watch) find(slug string) (seen, bool) {
	runs, err := w.look()
	if err != nil {
		return seen{}, false
	}
	i := slices.IndexFunc(runs, func(x seen) bool { return x.slug == slug && slug != "" })
	if i < 0 {
		return seen{}, false
	}
	return runs[i], true
}

// live is what the page shows of the runs now.
func (w *watch) live() *leaderboard.Live {
	runs, err := w.look()
	out := &leaderboard.Live{Runs: []leaderboard.LiveRun{}}
	damaged := map[string]string{} // what could not be read when it was
	w.boards.Lock()
	out.Board, out.Note = fmt.Sprint(w.number), w.note
	if w.site != nil {
		for _, p := range w.site.Collection.Problems {
			damaged[p.Name] = p.Error
		}
	}
	w.boards.Unlock()
	if err != nil {
		out.Note = err.Error()
	}
	for _, x := range runs {
		if x.baseline() {
			continue
		}
		r := x.live()
		if why := damaged[x.Name]; why != "" && !x.running() && r.Error == "" {
			r.State, r.Error = stateDamaged, why
		}
		out.Runs = append(out.Runs, r)
	}
	order := []string{string(record.Running), stateDamaged, string(record.Interrupted), string(record.Finished)}
	slices.SortStableFunc(out.Runs, func(a, b leaderboard.LiveRun) int {
		if d := slices.Index(order, a.State) - slices.Index(order, b.State); d != 0 {
			return d
		}
		return files.Natural(b.Name, a.Name) // names begin with a date, as a rule: the last first
	})
	if n := len(out.Runs); n > maxListed {
		out.Runs, out.More = out.Runs[:maxListed], n-maxListed
	}
	return out
}

func (x seen) live() leaderboard.LiveRun {
	r := leaderboard.LiveRun{Name: x.Name}
	if x.err != nil {
		r.State, r.Error = stateDamaged, x.err.Error()
		return r
	}
	s := x.status
	r.State, r.Suite, r.Items, r.Planned, r.Page = string(s.State), s.Suite, s.Items, s.Planned, "./"+leaderboard.PageOf(x.slug)
	if s.Damage != "" {
		r.State, r.Error = stateDamaged, strings.ReplaceAll(s.Damage, x.Path, x.Name)
	}
	p := s.Progress
	if p == nil {
		return r
	}
	r.Phase, r.Done, r.Total, r.Failed = p.Phase, p.Done, p.Total, p.Failed()
	if d, ok := p.Left(); ok {
		r.Left = "about " + d.String()
	}
	if old := time.Since(p.Updated); old > silent {
		r.Stalled = old.Round(time.Second).String()
	}
	for _, t := range p.Tokenizers {
		lt := leaderboard.LiveToken{Name: t.Name, Done: t.Done, Total: t.Total, Failed: t.Failed}
		if d, ok := p.LeftOf(t); ok {
			lt.Left = "about " + d.String()
		}
		r.Tokenizers = append(r.Tokenizers, lt)
	}
	return r
}

// run keeps the leaderboard up to date.
func (w *watch) run(ctx context.Context) {
	w.boards.Lock()
	w.note = "The leaderboard is being computed."
	w.boards.Unlock()
	for {
		w.rank(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(rankEvery):
		}
	}
}

// rank makes the leaderboard anew where anything at rest has changed. Runs that are being
// made are on it once they are at rest.
func (w *watch) rank(ctx context.Context) {
	runs, err := w.look()
	if err != nil {
		w.tell(err.Error())
		return
	}
	byPath := map[string]seen{}
	var print strings.Builder
	for _, x := range runs {
		byPath[x.Path] = x
		if !x.running() {
			fmt.Fprintf(&print, "%q %s\n", x.Path, x.print)
		}
	}
	w.boards.Lock()
	old, same := w.site, w.print == print.String() && w.number > 0
	w.boards.Unlock()
	if same {
		return
	}
	earlier := map[string]leaderboard.Source{}
	if old != nil {
		for _, s := range old.Collection.Sources {
			earlier[s.Path] = s
		}
	}
	c, err := leaderboard.Collect(ctx, []string{w.dir}, leaderboard.CollectOptions{
		Kinds: w.o.Kinds,
		Each: func(s *leaderboard.Source, _ *summary.Run) error {
			s.Page = leaderboard.PageOf(byPath[s.Path].slug)
			s.Print = byPath[s.Path].print
			return nil
		},
		Earlier: func(s leaderboard.Source) (*leaderboard.Source, bool) {
			x, ok := byPath[s.Path]
			if !ok || x.running() || x.err != nil {
				return nil, true
			}
			if e, ok := earlier[s.Path]; ok && e.Print == x.print && e.Print != "" {
				return &e, false
			}
			return nil, false
		},
	})
	if errors.Is(err, leaderboard.ErrNothing) {
		c, err = &leaderboard.Collection{}, nil
	}
	var site *leaderboard.Site
	if err == nil {
		site, err = leaderboard.New(c, w.o.Options)
	}
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		w.tell("The leaderboard cannot be made: " + err.Error())
		return
	}
	w.boards.Lock()
	defer w.boards.Unlock()
	w.site, w.print, w.note = site, print.String(), ""
	w.number++
}

// tell says what is wrong with the leaderboard.
func (w *watch) tell(note string) {
	w.boards.Lock()
	defer w.boards.Unlock()
	if w.note != note {
		w.o.Log(note)
	}
	w.note = note
}

// board is the leaderboard as it is now; an empty one before there is any.
func (w *watch) board() (*leaderboard.Site, error) {
	w.boards.Lock()
	site := w.site
	w.boards.Unlock()
	if site != nil {
		return site, nil
	}
	return leaderboard.New(&leaderboard.Collection{}, w.o.Options)
}
