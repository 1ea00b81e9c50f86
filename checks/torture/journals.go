package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/vtbench/vtbench/bench/record"
)

// journals are run directories in which something was edited, lost or doubled.
func journals() []kind {
	return []kind{
		{
			name:    "a line or file of a run torn, edited, doubled, swapped or lost",
			promise: "report and --resume name file and line, or lose nothing: with --redo-from where they say so, the bytes of an undisturbed run",
			full:    300, short: 12, try: (*attempt).tampered,
		},
		{
			name:    "a file of a run that is a pipe, device, folder, bomb or link",
			promise: "refused with status 2 in bounded time and memory",
			full:    80, short: 4, try: (*attempt).replaced,
		},
	}
}

// finishedRun is a copy of an undisturbed run, or of what one would have left that was
// interrupted behind some group.
func (a *attempt) finishedRun() (args []string, r *reference, dir string, whole bool, err error) {
	args = []string{"run", "-q", "-j", "2", "--resamples", "100", "--batch", "2", "--suite", a.in.suite, "--data", "folder:" + a.in.photos, "-t", "jpeg:q=20"}
	if r, err = a.undisturbed(args); err != nil {
		return
	}
	if dir, err = a.clone(r, "run"); err != nil {
		return
	}
	whole = a.chance(2)
	if !whole {
		for _, name := range []string{record.SummaryFile, record.SealFile, record.PerformanceFile, filepath.Join(record.ImagesDir, record.CasesFile)} {
			if err = os.Remove(filepath.Join(dir, name)); err != nil {
				return
			}
		}
		path := filepath.Join(dir, record.GroupsFile)
		b, e := os.ReadFile(path)
		if e != nil {
			return args, r, dir, whole, e
		}
		all := bytes.SplitAfter(b, []byte("\n"))
		err = os.WriteFile(path, bytes.Join(all[:1+a.rng.IntN(len(all)-1)], nil), 0o644)
	}
	return
}

var redo = regexp.MustCompile(`--redo-from (\d+)`)

func (a *attempt) tampered() error {
	args, r, dir, _, err := a.finishedRun()
	if err != nil {
		return err
	}
	name, what, err := a.tamper(dir)
	if err != nil {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("%s, %s: %w", name, what, err) }
	// What is shown is what was measured, or it is said that it is not.
	shown, err := a.expect([]int{0, 2}, "report", dir, "-o", a.path("report"), "--format", "json")
	if err != nil {
		return fail(err)
	}
	if shown.status == 0 && record.Complete(dir) && name != record.PerformanceFile && name != record.TimingsFile {
		if err := sameSummary(shown.out, r); err != nil && !strings.Contains(shown.err, "warning:") {
			return fail(fmt.Errorf("report shows something else than was measured, without a word: %w", err))
		}
	}
	if shown.status == 2 && !strings.Contains(shown.err, name) {
		return fail(fmt.Errorf("report does not name the file:\n%s", tail(shown.err)))
	}
	resume := append(slices.Clone(args), "-o", dir, "--resume")
	o, err := a.expect([]int{0, 2}, resume...)
	if err != nil {
		return fail(err)
	}
	if o.status == 2 {
		m := redo.FindStringSubmatch(o.err)
		if m == nil {
			if strings.HasPrefix(name, record.ManifestFile) { // the run cannot be told
				return nil
			}
			return fail(fmt.Errorf("--resume says no way out:\n%s", tail(o.err)))
		}
		if _, err := a.expect([]int{0}, append(resume, "--redo-from", m[1])...); err != nil {
			return fail(err)
		}
	}
	if err := r.same(dir); err != nil {
		return fail(fmt.Errorf("after --resume: %w", err))
	}
	return nil
}

// sameSummary compares what report printed with the summary of the undisturbed run.
func sameSummary(out string, r *reference) error {
	var shown []struct {
		Summary json.RawMessage `json:"summary"`
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil || len(shown) != 1 {
		return fmt.Errorf("report prints %d runs: %w", len(shown), err)
	}
	var x, y any
	if err := errors.Join(json.Unmarshal(shown[0].Summary, &x), json.Unmarshal([]byte(r.sums[record.SummaryFile]), &y)); err != nil {
		return err
	}
	p, err1 := json.Marshal(x)
	q, err2 := json.Marshal(y)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if !bytes.Equal(p, q) {
		return errors.New("the summaries differ")
	}
	return nil
}

// tamper changes one file of a run directory and says how.
func (a *attempt) tamper(dir string) (name, what string, err error) {
	name = one(a, record.RecordsFile, record.RecordsFile, record.CodesFile, record.TimingsFile, record.GroupsFile, record.GroupsFile,
		record.ManifestFile, record.SummaryFile, record.SealFile, record.ImagesDir+"/"+record.CasesFile, record.ImagesDir)
	if name == record.ImagesDir && !record.Complete(dir) {
		name = record.RecordsFile // pictures have check sums once the run is complete
	}
	if name == record.ImagesDir {
		list, err := filepath.Glob(filepath.Join(dir, record.ImagesDir, "*.png"))
		if err != nil || len(list) == 0 {
			return "", "", fmt.Errorf("no pictures: %w", err)
		}
		name = record.ImagesDir + "/" + filepath.Base(one(a, list...))
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) { // of an interrupted run
		name, path = record.RecordsFile, filepath.Join(dir, record.RecordsFile)
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return "", "", err
	}
	what = a.mutate(&b)
	if b == nil {
		return name, what, os.Remove(path)
	}
	return name, what, os.WriteFile(path, b, 0o644)
}

// mutate changes the bytes of a file; nil means that it is removed.
func (a *attempt) mutate(b *[]byte) string {
	all := bytes.SplitAfter(*b, []byte("\n"))
	if n := len(all); len(all[n-1]) == 0 {
		all = all[:n-1]
	}
	if len(all) == 0 {
		*b = []byte("x")
		return "with a byte in an empty file"
	}
	i := a.rng.IntN(len(all))
	switch a.rng.IntN(9) {
	case 0:
		at := a.rng.IntN(len(*b))
		bit := byte(1) << a.rng.IntN(8)
		*b = slices.Clone(*b)
		(*b)[at] ^= bit
		return fmt.Sprintf("with bit %#x of byte %d turned", bit, at)
	case 1:
		*b = bytes.Join(slices.Delete(all, i, i+1), nil)
		return fmt.Sprintf("without line %d", i+1)
	case 2:
		*b = bytes.Join(slices.Insert(all, i, all[i]), nil)
		return fmt.Sprintf("with line %d twice", i+1)
	case 3:
		j := a.rng.IntN(len(all))
		all[i], all[j] = all[j], all[i]
		*b = bytes.Join(all, nil)
		return fmt.Sprintf("with lines %d and %d swapped", i+1, j+1)
	case 4:
		n := a.rng.IntN(len(*b))
		*b = (*b)[:n]
		return fmt.Sprintf("cut after %d bytes", n)
	case 5:
		*b = append(slices.Clone(*b), "{\"torn\":"...)
		return "with a torn line behind it"
	case 6:
		*b = []byte{}
		return "emptied"
	case 7:
		*b = nil
		return "removed"
	}
	// A number that is another: the edit that somebody would make.
	re := regexp.MustCompile(`[0-9]\.[0-9]|[1-9]`)
	at := re.FindAllIndex(*b, -1)
	if len(at) == 0 {
		*b = append(slices.Clone(*b), ' ')
		return "with a space behind it"
	}
	x := one(a, at...)
	*b = slices.Clone(*b)
	d := &(*b)[x[0]]
	*d = '1' + (*d-'0'+1)%9
	return fmt.Sprintf("with the digit at byte %d changed", x[0])
}

// replaced puts something in the place of a file that is none, or none to be read.
func (a *attempt) replaced() error {
	args, _, dir, _, err := a.finishedRun()
	if err != nil {
		return err
	}
	name := one(a, record.RecordsFile, record.CodesFile, record.TimingsFile, record.GroupsFile, record.ManifestFile, record.SummaryFile, record.SealFile, record.PerformanceFile, record.ImagesDir+"/"+record.CasesFile, record.LockFile)
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	what, err := a.obstacle(path)
	if err != nil {
		return err
	}
	fail := func(err error) error { return fmt.Errorf("%s is %s: %w", name, what, err) }
	// A lock that is a pipe, and a file that an interrupted run has not written yet, may not
	// matter.
	statuses := []int{0, 2}
	if _, err := a.expect(statuses, "report", dir, "-o", a.path("report")); err != nil {
		return fail(err)
	}
	if _, err := a.expect(statuses, append(args, "-o", dir, "--resume")...); err != nil {
		return fail(err)
	}
	return nil
}

// obstacle makes something of a name that must not be read as a file, or not to its end.
func (a *attempt) obstacle(path string) (string, error) {
	switch a.rng.IntN(8) {
	case 0:
		return "a pipe", syscall.Mkfifo(path, 0o644)
	case 1:
		pipe := path + ".pipe"
		return "a link to a pipe", errors.Join(syscall.Mkfifo(pipe, 0o644), os.Symlink(pipe, path))
	case 2:
		return "a link to /dev/zero", os.Symlink("/dev/zero", path)
	case 3:
		return "a folder", os.Mkdir(path, 0o755)
	case 4:
		return "a link to itself", os.Symlink(path, path)
	case 5:
		return "a socket", socket(path)
	case 6:
		return "8 GB of zeros", sparse(path, 8<<30)
	}
	return "a line of 300 MB", func() error {
		if err := os.WriteFile(path, []byte(`{"group":0,"item":"`), 0o644); err != nil {
			return err
		}
		return sparse(path, 300<<20)
	}()
}

// sparse makes a file long without filling it.
func sparse(path string, n int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(n), f.Close())
}

// socket makes a socket of a name, by a short path: those of sockets are bounded.
func socket(path string) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(fd) }()
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))})
}
