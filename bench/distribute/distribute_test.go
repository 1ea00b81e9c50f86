package distribute

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/workwire"
)

// asUnit makes this test program stand in for `vtbench unit`: its value says how it behaves.
const asUnit = "VTBENCH_TEST_UNIT"

func TestMain(m *testing.M) {
	if how := os.Getenv(asUnit); how != "" {
		pretend(how)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pretend answers as a process does that measures two items a group. how is a list of
// words: "sleep=50ms" a unit takes so long and says so meanwhile; "slow=3:1s" group 3 does;
// "until=3:F" group 3, "until=any:F" each, takes until there is a file F; "one" one unit is done at a time;
// "hang=3" group 3 never ends and says nothing; "crash=3" group 3 ends the process, unless
// its second item is left out; "crash-load=3" even when it is given up; "refuse"; "large".
func pretend(how string) {
	is := map[string]string{}
	for _, w := range strings.Fields(how) {
		k, v, _ := strings.Cut(w, "=")
		is[k] = v
	}
	out := workwire.NewWriter(os.Stdout)
	say := func(m workwire.FromWorker) {
		if out.Write(m) != nil {
			os.Exit(0)
		}
	}
	in := json.NewDecoder(os.Stdin)
	var job *workwire.Job
	var turn sync.Mutex
	for {
		var m workwire.ToWorker
		if in.Decode(&m) != nil {
			return
		}
		switch {
		case m.Job != nil:
			job = m.Job
			all := []int{}
			for l := range job.Lanes {
				if v, ok := is["lane"]; !ok || v == strconv.Itoa(l) {
					all = append(all, l)
				}
			}
			say(workwire.FromWorker{Serves: &all})
		case m.Lane != nil:
			if _, ok := is["refuse"]; ok {
				say(workwire.FromWorker{Refused: "engine.build (\"a\", and \"b\")"})
				continue
			}
			items := map[int]int{}
			for g := range 1000 {
				items[g] = 2
			}
			say(workwire.FromWorker{Joined: &workwire.Joined{Splits: true, Items: items}})
		case m.Do != nil:
			go unit(is, m.Do, say, &turn)
		}
	}
}

func unit(is map[string]string, d *workwire.Do, say func(workwire.FromWorker), turn *sync.Mutex) {
	group := strconv.Itoa(d.Group)
	if _, ok := is["one"]; ok {
		turn.Lock()
		defer turn.Unlock()
	}
	poison := d.Only == nil || slices.Contains(d.Only, 1)
	if is["crash"] == group && d.As == "" && poison || is["crash-load"] == group && d.As != "lost" && poison {
		os.Exit(3)
	}
	if is["hang"] == group && d.As == "" {
		select {}
	}
	if g, file, ok := strings.Cut(is["until"], ":"); ok && (g == group || g == "any") {
		for {
			if _, err := os.Stat(file); err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
			say(workwire.FromWorker{Step: true})
		}
	}
	rest, _ := time.ParseDuration(is["sleep"])
	if g, t, ok := strings.Cut(is["slow"], ":"); ok && g == group {
		rest, _ = time.ParseDuration(t)
	}
	for end := time.Now().Add(rest); time.Now().Before(end); {
		time.Sleep(min(20*time.Millisecond, time.Until(end)))
		say(workwire.FromWorker{Step: true})
	}
	which := d.Only
	if which == nil {
		which = []int{0, 1}
	}
	var items []string
	for _, i := range which {
		pad := ""
		if _, ok := is["large"]; ok {
			noise, b := mrand.New(mrand.NewPCG(uint64(d.Group), uint64(i))), strings.Builder{}
			for range 400_000 {
				b.WriteByte("0123456789abcdef"[noise.IntN(16)])
			}
			pad = b.String()
		}
		items = append(items, fmt.Sprintf(`{"item":"%d.%d","as":%q,"why":%q,"pad":%q}`, d.Group, i, d.As, d.Why, pad))
	}
	output := fmt.Sprintf(`{"items":[%s],"pictures":[{"path":"images/p-%d.png"}]}`, strings.Join(items, ","), d.Group)
	say(workwire.FromWorker{Done: &workwire.Done{ID: d.ID, Output: json.RawMessage(output)}})
}

// A site is a server with one run.
type site struct {
	t      testing.TB
	url    string
	stop   func()
	embed  Embedded
	lease  time.Duration
	groups int
	lanes  int
	log    *logged
}

type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) add(layout string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(layout, args...))
}

func (l *logged) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.lines, func(s string) bool { return strings.Contains(s, text) })
}

func newSite(t testing.TB, groups int) *site {
	t.Helper()
	s := &site{t: t, embed: Embedded{Listen: "127.0.0.1:0", Store: filepath.Join(t.TempDir(), "queue")}, lease: 2 * time.Second, groups: groups, lanes: 1, log: &logged{}}
	s.serve()
	t.Cleanup(func() { s.stop() })
	return s
}

// serve starts the server, at the address that it had before.
func (s *site) serve() {
	s.t.Helper()
	url, stop, err := s.embed.Start()
	if err != nil {
		s.t.Fatal(err)
	}
	s.url, s.stop, s.embed.Listen = url, stop, url[strings.Index(url, "//")+2:]
}

// worker starts a worker that behaves in some way, at a URL or the site's own.
func (s *site) worker(name, how, url string, change func(*Worker)) (end func()) {
	s.t.Helper()
	if url == "" {
		url = s.url
	}
	server := s.embed.Server
	server.URL = url
	nc, err := server.Connect(name, s.log.add)
	if err != nil {
		s.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	w := &Worker{Conn: nc, Name: name, Program: self, Env: []string{asUnit + "=" + how + " _"}, Log: s.log.add}
	if change != nil {
		change(w)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := w.Run(ctx); err != nil {
			s.log.add("worker %s: %v", name, err)
		}
	}()
	end = sync.OnceFunc(func() {
		cancel()
		<-done
		nc.Close()
	})
	s.t.Cleanup(end)
	return end
}

// A run is the end of a coordinator that a run holds.
type running struct {
	s    *site
	out  *workwire.Writer
	in   *json.Decoder
	end  func() error
	said []string
	got  map[workwire.Unit]json.RawMessage
	came map[workwire.Unit]int
}

// run begins a run, or continues the one that there is.
func (s *site) run(started string) *running {
	s.t.Helper()
	server := s.embed.Server
	server.URL = s.url
	nc, err := server.Connect("coordinator", s.log.add)
	if err != nil {
		s.t.Fatal(err)
	}
	fromRun, toCoordinator := io.Pipe()
	fromCoordinator, toRun := io.Pipe()
	c := &Coordinator{Conn: nc, Lease: s.lease, In: fromRun, Out: workwire.NewWriter(toRun)}
	done := make(chan error, 1)
	go func() {
		err := c.Run(s.t.Context())
		toRun.CloseWithError(io.EOF)
		done <- err
	}()
	r := &running{
		s: s, out: workwire.NewWriter(toCoordinator), in: json.NewDecoder(fromCoordinator),
		got: map[workwire.Unit]json.RawMessage{}, came: map[workwire.Unit]int{},
	}
	r.end = sync.OnceValue(func() error {
		go func() { _, _ = io.Copy(io.Discard, fromCoordinator) }()
		_ = toCoordinator.Close()
		err := <-done
		nc.Close()
		return err
	})
	s.t.Cleanup(func() { _ = r.end() })
	m := record.Manifest{Schema: 2}
	m.Suite.ID, m.Host.Started = "pretended", started
	job := workwire.Job{Manifest: m}
	for l := range s.lanes {
		job.Lanes = append(job.Lanes, []string{fmt.Sprint("tokenizer ", l)})
	}
	var groups []int
	for g := range s.groups {
		groups = append(groups, g)
	}
	r.say(workwire.ToCoordinator{Job: &job, Groups: groups})
	return r
}

func (r *running) say(m workwire.ToCoordinator) {
	r.s.t.Helper()
	if err := r.out.Write(m); err != nil {
		r.s.t.Fatal(err)
	}
}

// until reads what the coordinator says until something is so.
func (r *running) until(so func() bool) {
	r.s.t.Helper()
	for !so() {
		var m workwire.FromCoordinator
		if err := r.in.Decode(&m); err != nil {
			r.s.t.Fatalf("the coordinator ended: %v; it said %q", err, r.said)
		}
		for _, u := range m.Arrived {
			r.came[u]++
		}
		if m.Error != "" {
			r.s.t.Fatal(m.Error)
		}
		if m.Note != "" {
			r.said = append(r.said, m.Note)
		}
		if m.Result != nil {
			r.got[m.Result.Unit] = m.Result.Output
		}
		if m.Ended {
			r.said = append(r.said, "ended")
		}
	}
}

// all waits for every result, and holds each against what it must be.
func (r *running) all() {
	r.s.t.Helper()
	go func() { // the coordinator speaks while it listens
		for l := range r.s.lanes {
			for g := range r.s.groups {
				_ = r.out.Write(workwire.ToCoordinator{Want: &workwire.Unit{Lane: l, Group: g}})
			}
		}
	}()
	want := r.s.groups * r.s.lanes
	r.until(func() bool { return len(r.got) == want && len(r.came) == want })
	for u, n := range r.came {
		if n != 1 {
			r.s.t.Errorf("%v was reported %d times", u, n)
		}
	}
	for u := range r.got {
		for i, it := range r.items(u) {
			if want := fmt.Sprintf("%d.%d", u.Group, i); it.Item != want {
				r.s.t.Errorf("%v has item %s in the place of %s", u, it.Item, want)
			}
		}
		if n := len(r.items(u)); n != 2 {
			r.s.t.Errorf("%v has %d items", u, n)
		}
	}
}

type pretended struct{ Item, As, Why, Pad string }

func (r *running) items(u workwire.Unit) []pretended {
	r.s.t.Helper()
	var o struct {
		Items    []pretended
		Pictures []struct{ Path string }
	}
	if err := json.Unmarshal(r.got[u], &o); err != nil {
		r.s.t.Fatalf("%v: %v", u, err)
	}
	if len(o.Pictures) == 0 {
		r.s.t.Errorf("%v has no pictures", u)
	}
	return o.Items
}

// finish ends the run, and finds nothing of it on the server.
func (r *running) finish() {
	r.s.t.Helper()
	r.say(workwire.ToCoordinator{End: true})
	r.until(func() bool { return slices.Contains(r.said, "ended") })
	if err := r.end(); err != nil {
		r.s.t.Error(err)
	}
	server := r.s.embed.Server
	server.URL = r.s.url
	nc, err := server.Connect("looking", r.s.log.add)
	if err != nil {
		r.s.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		r.s.t.Fatal(err)
	}
	for name := range js.StreamNames(r.s.t.Context()).Name() {
		if name != "KV_"+jobsBucket {
			r.s.t.Errorf("the run has ended, and the stream %s is still there", name)
		}
	}
}

func TestWorkersShareARun(t *testing.T) {
	s := newSite(t, 30)
	s.lanes = 2
	r := s.run("now")
	for i := range 3 {
		s.worker(fmt.Sprint("w", i), "sleep=5ms", "", nil)
	}
	r.all()
	r.finish()
}

// Results that are too large for a message, and pictures, come whole.
func TestLargeResults(t *testing.T) {
	s := newSite(t, 3)
	r := s.run("now")
	s.worker("w", "large", "", nil)
	r.all()
	if n := len(r.items(workwire.Unit{Group: 1})[0].Pad); n != 400_000 {
		t.Errorf("of 400,000 bytes %d came", n)
	}
	r.finish()
}

// A coordinator that dies and is started again hands out what is left, and gets what was
// done before; what it hands out twice is in the queue once.
func TestCoordinatorComesBack(t *testing.T) {
	s := newSite(t, 40)
	first := s.run("now")
	end := s.worker("w", "sleep=20ms", "", nil)
	first.until(func() bool { return len(first.came) >= 10 })
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	second := s.run("now")
	second.all()
	end()
	nc, err := Server{URL: s.url}.Connect("looking", s.log.add)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	runs, err := Runs(t.Context(), nc)
	if err != nil || len(runs) != 1 || runs[0].Units != 40 || runs[0].Queued != 0 || runs[0].Suite != "pretended" {
		t.Errorf("the server knows %+v, %v", runs, err)
	}
	second.finish()
}

// A server that goes away and comes back has lost nothing.
func TestServerComesBack(t *testing.T) {
	s := newSite(t, 40)
	r := s.run("now")
	s.worker("a", "sleep=20ms", "", nil)
	s.worker("b", "sleep=20ms", "", nil)
	r.until(func() bool { return len(r.came) >= 10 })
	s.stop()
	s.serve()
	r.all()
	r.finish()
}

// A server whose folder another has waits for that one's end, as long as it is told.
func TestServersOfOneFolder(t *testing.T) {
	first := Embedded{Listen: "127.0.0.1:0", Store: filepath.Join(t.TempDir(), "queue"), wait: time.Millisecond}
	_, stop, err := first.Start()
	if err != nil {
		t.Fatal(err)
	}
	second := first
	if _, _, err := second.Start(); err == nil || !strings.Contains(err.Error(), "another server works in the folder") {
		t.Errorf("a second server: %v", err)
	}
	second.wait = time.Minute
	started := make(chan error, 1)
	var stopped atomic.Bool
	go func() {
		_, end, err := second.Start()
		if err == nil {
			if !stopped.Load() {
				err = errors.New("the second server did not wait for the first")
			}
			end()
		}
		started <- err
	}()
	time.Sleep(200 * time.Millisecond)
	stopped.Store(true)
	stop()
	if err := <-started; err != nil {
		t.Error(err)
	}
}

// cable carries connections to a server until it is cut.
type cable struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newCable(t *testing.T, to string) (c *cable, url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c = &cable{}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			out, err := net.Dial("tcp", to)
			if c.cut || err != nil {
				_ = in.Close()
				c.mu.Unlock()
				continue
			}
			c.conns = append(c.conns, in, out)
			c.mu.Unlock()
			go func() { _, _ = io.Copy(in, out) }()
			go func() { _, _ = io.Copy(out, in) }()
		}
	}()
	return c, "nats://" + l.Addr().String()
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for _, conn := range c.conns {
			_ = conn.Close()
		}
		c.conns = nil
	}
}

// A worker that is cut off for longer than its lease loses its units to another. What it
// did meanwhile comes second and is dropped.
func TestPartition(t *testing.T) {
	s := newSite(t, 12)
	s.lease = 900 * time.Millisecond
	c, url := newCable(t, s.embed.Listen)
	r := s.run("now")
	s.worker("cut off", "sleep=1500ms", url, nil)
	for taken := 0; taken < 2; { // until it has something
		nc, err := Server{URL: s.url}.Connect("looking", s.log.add)
		if err != nil {
			t.Fatal(err)
		}
		runs, err := Runs(t.Context(), nc)
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range runs {
			taken = run.Taken
		}
		nc.Close()
	}
	c.set(true)
	s.worker("other", "sleep=10ms", "", nil)
	r.all() // without the first, while it is away
	c.set(false)
	r.finish()
}

// Units that were all taken by workers that died at once are in no queue that waits; who comes
// later does them all the same.
func TestUnitsOfTheDead(t *testing.T) {
	s := newSite(t, 3)
	s.lease = 600 * time.Millisecond
	r := s.run("now")
	nc, err := Server{URL: s.url}.Connect("dead", s.log.add)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for end := time.Now().Add(time.Minute); taken < 3 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		jobs, err := js.KeyValue(t.Context(), jobsBucket)
		if err != nil {
			continue // not begun
		}
		keys, err := jobs.Keys(t.Context())
		if err != nil {
			continue
		}
		for _, id := range keys {
			n := names{id}
			if strings.Contains(id, ".") {
				continue
			}
			queue, err := js.Consumer(t.Context(), n.workStream(), n.consumer(0))
			if err != nil {
				continue
			}
			batch, err := queue.Fetch(3, jetstream.FetchMaxWait(200*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			for range batch.Messages() {
				taken++
			}
		}
	}
	if taken < 3 {
		t.Fatalf("%d units were taken", taken)
	}
	s.worker("late", "sleep=1ms", "", nil)
	r.all()
	r.finish()
}

// A unit that takes many times the lease, and says that it gets on, is done once.
func TestSlowUnitKeepsItsLease(t *testing.T) {
	s := newSite(t, 4)
	s.lease = 600 * time.Millisecond
	r := s.run("now")
	done := make([]*Worker, 3)
	for i := range done {
		s.worker(fmt.Sprint("w", i), "slow=1:3s", "", func(w *Worker) { done[i] = w })
	}
	r.all()
	n := int64(0)
	for _, w := range done {
		n += w.done.Load()
	}
	if n != 4 {
		t.Errorf("4 units were done %d times", n)
	}
	r.finish()
}

// A process that says nothing for too long is ended, and the unit given up; that does not
// cost the others.
func TestHungUnitIsGivenUp(t *testing.T) {
	s := newSite(t, 6)
	s.lease = 300 * time.Millisecond
	r := s.run("now")
	s.worker("w", "hang=2", "", func(w *Worker) { w.Stuck = 700 * time.Millisecond })
	r.all()
	for g := range 6 {
		for _, it := range r.items(workwire.Unit{Group: g}) {
			if (it.As == "fail") != (g == 2) {
				t.Errorf("item %s is done as %q", it.Item, it.As)
			}
		}
	}
	r.finish()
}

// One item that ends every process that touches it costs itself alone, with the reason.
func TestPoisonedItem(t *testing.T) {
	for how, as := range map[string]string{"crash=2": "fail", "crash-load=2": "lost"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, 5)
			r := s.run("now")
			s.worker("a", how, "", nil)
			s.worker("b", how, "", nil)
			r.all()
			for g := range 5 {
				for i, it := range r.items(workwire.Unit{Group: g}) {
					want := ""
					if g == 2 && i == 1 {
						want = as
					}
					if it.As != want {
						t.Errorf("item %s is done as %q, want %q", it.Item, it.As, want)
					}
					if want != "" && !strings.Contains(it.Why, "exit status 3") {
						t.Errorf("item %s is given up because of %q", it.Item, it.Why)
					}
				}
			}
			r.finish()
		})
	}
}

// A server whose disk is full takes nothing more until there is room; nothing is lost.
func TestFullDisk(t *testing.T) {
	s := newSite(t, 12)
	s.stop()
	s.embed.Most = 3 << 20
	s.serve()
	r := s.run("now")
	s.worker("w", "large", "", nil)
	for begun := time.Now(); !s.log.has("trying again"); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("a full disk was not told")
		}
	}
	s.stop()
	s.embed.Most = 1 << 30
	s.serve()
	r.all()
	r.finish()
}

// A worker that would measure something else takes no part, and the run says why.
func TestAnotherVersionIsRefused(t *testing.T) {
	s := newSite(t, 3)
	r := s.run("now")
	s.worker("old", "refuse", "", nil)
	refused := func() bool {
		return slices.ContainsFunc(r.said, func(n string) bool { return strings.Contains(n, "old") && strings.Contains(n, "engine.build") })
	}
	r.until(refused)
	if len(r.came) > 0 {
		t.Errorf("it did %v", r.came)
	}
	s.worker("new", "sleep=1ms", "", nil)
	r.all()
	r.finish()
}

// A worker that serves one lane leaves the other to those who can.
func TestLanesOfAWorker(t *testing.T) {
	s := newSite(t, 6)
	s.lanes = 2
	r := s.run("now")
	s.worker("first", "lane=0", "", nil)
	r.until(func() bool { return len(r.came) == 6 })
	for u := range r.came {
		if u.Lane != 0 {
			t.Errorf("a worker of lane 0 did %v", u)
		}
	}
	s.worker("second", "lane=1", "", nil)
	r.all()
	r.finish()
}

// A unit that is handed out twice, past what the server notices, is done and counted once.
func TestDuplicateUnits(t *testing.T) {
	s := newSite(t, 5)
	r := s.run("now")
	r.until(func() bool { return true })
	nc, err := Server{URL: s.url}.Connect("twice", s.log.add)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	var id string
	for deadline := time.Now().Add(20 * time.Second); id == "" && time.Now().Before(deadline); {
		if runs, err := Runs(t.Context(), nc); err == nil && len(runs) == 1 {
			id = runs[0].ID
		}
	}
	for g := range 5 {
		b, err := json.Marshal(task{Unit: workwire.Unit{Group: g}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish(t.Context(), names{id}.work(0), b); err != nil {
			t.Fatal(err)
		}
	}
	s.worker("w", "sleep=1ms", "", nil)
	r.all()
	r.finish()
}

// certificates makes a certificate authority and a certificate of 127.0.0.1 by it.
func certificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	sign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca = write("ca.pem", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, root, root, &sign.PublicKey, sign)))
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert = write("cert.pem", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, leaf, root, &own.PublicKey, sign)))
	key = write("key.pem", "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(own)))
	return ca, cert, key
}

// With certificates and a login, only who has both is served.
func TestSecurity(t *testing.T) {
	ca, cert, key := certificates(t)
	login := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(login, []byte("bench:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, 3)
	s.stop()
	s.embed.Server = Server{Login: login, CA: ca, Cert: cert, Key: key}
	s.serve()
	if !strings.HasPrefix(s.url, "tls://") {
		t.Errorf("the server is at %s", s.url)
	}
	r := s.run("now")
	s.worker("w", "sleep=1ms", "", nil)
	r.all()
	r.finish()
	for what, server := range map[string]Server{
		"no login":       {URL: s.url, CA: ca, Cert: cert, Key: key},
		"no certificate": {URL: s.url, Login: login, CA: ca},
		"no authority":   {URL: s.url, Login: login, Cert: cert, Key: key},
	} {
		nc, err := server.Connect("stranger", s.log.add)
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := Runs(ctx, nc); err == nil {
			t.Errorf("%s: it is served", what)
		}
		cancel()
		nc.Close()
	}
}

// What is asked of a server that cannot be is refused before anything is begun.
func TestRefused(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("no colon"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, do := range map[string]func() error{
		"without a login": func() error {
			_, _, err := Embedded{Listen: "0.0.0.0:0", Store: t.TempDir()}.Start()
			return err
		},
		"HOST:PORT": func() error { _, _, err := Embedded{Listen: "here", Store: t.TempDir()}.Start(); return err },
		"user:password": func() error {
			_, _, err := Embedded{Listen: "127.0.0.1:0", Store: t.TempDir(), Server: Server{Login: bad}}.Start()
			return err
		},
		"none in PEM": func() error { _, err := Server{URL: "tls://127.0.0.1:1", CA: bad}.Connect("", t.Logf); return err },
		"reading credentials": func() error {
			_, err := Server{URL: "nats://127.0.0.1:1", Creds: bad + "x"}.Connect("", t.Logf)
			return err
		},
		"reading the certific": func() error {
			_, err := Server{URL: "tls://127.0.0.1:1", Cert: bad, Key: bad}.Connect("", t.Logf)
			return err
		},
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// One unit does not end. All others are done meanwhile by whoever is free, but for the one
// that waits behind it in the same process.
func TestSlowUnitHoldsUpNobody(t *testing.T) {
	const groups = 41
	ends := filepath.Join(t.TempDir(), "ends")
	s := newSite(t, groups)
	for i := range 2 {
		s.worker(fmt.Sprint("w", i), "one until=5:"+ends, "", nil)
	}
	r := s.run("now")
	r.until(func() bool { return len(r.came) >= groups-atOnce })
	if r.came[workwire.Unit{Group: 5}] != 0 {
		t.Error("the unit that does not end is done")
	}
	if err := os.WriteFile(ends, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.all()
	r.finish()
}

// Of as many units as there are workers, each gets one.
func TestAUnitForEach(t *testing.T) {
	ends := filepath.Join(t.TempDir(), "ends")
	s := newSite(t, 4)
	for i := range 4 {
		s.worker(fmt.Sprint("w", i), "until=any:"+ends, "", nil)
	}
	r := s.run("now")
	workers := map[string]bool{}
	nc, err := Server{URL: s.url}.Connect("looking", s.log.add)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	busy := make(chan record.Worker, 100)
	if _, err := nc.Subscribe("vtb.*.alive", func(m *nats.Msg) {
		var w record.Worker
		if json.Unmarshal(m.Data, &w) == nil && !w.Since.IsZero() {
			busy <- w
		}
	}); err != nil {
		t.Fatal(err)
	}
	for late := time.After(time.Minute); len(workers) < 4; {
		select {
		case w := <-busy:
			workers[w.Name] = true
		case <-late:
			t.Fatalf("only %d workers got a unit of four", len(workers))
		}
	}
	if err := os.WriteFile(ends, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.all()
	r.finish()
}

// BenchmarkSkew is how long workers of one core take where one unit takes half of the time of
// all, by its place among 41, beside the shortest time that is possible for so many and the
// time of static shards, as multiples of it.
func BenchmarkSkew(b *testing.B) {
	const groups = 41
	each := 40 * time.Millisecond
	slow := each * (groups - 1)
	for _, workers := range []int{2, 4, 8} {
		for _, at := range []int{0, 10, 20, 40} {
			b.Run(fmt.Sprintf("workers=%d/slow=%d", workers, at), func(b *testing.B) {
				ideal := max(slow, 2*slow/time.Duration(workers))
				static := time.Duration(0)
				for shard := range workers {
					took := time.Duration(0)
					for g := shard; g < groups; g += workers {
						took += each
						if g == at {
							took += slow - each
						}
					}
					static = max(static, took)
				}
				took := time.Duration(0)
				for range b.N {
					s := newSite(b, groups)
					for i := range workers {
						s.worker(fmt.Sprint("w", i), fmt.Sprintf("one sleep=%s slow=%d:%s", each, at, slow), "", nil)
					}
					r := s.run("now")
					began := time.Now()
					if at > 0 { // else nothing tells when the first worker has begun
						r.until(func() bool { return len(r.came) > 0 })
						began = time.Now().Add(-each)
					}
					r.all()
					took += time.Since(began)
					r.finish()
				}
				b.ReportMetric(took.Seconds()/float64(b.N)/ideal.Seconds(), "workers/ideal")
				b.ReportMetric(static.Seconds()/ideal.Seconds(), "static/ideal")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkPlan hands out 100,000 units.
func BenchmarkPlan(b *testing.B) {
	s := newSite(b, 100_000)
	for i := 0; b.Loop(); i++ {
		r := s.run(fmt.Sprint(i))
		for runs := []workwire.Run(nil); len(runs) == 0 || runs[len(runs)-1].Queued < s.groups; {
			nc, err := Server{URL: s.url}.Connect("looking", s.log.add)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
			if runs, err = Runs(ctx, nc); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				b.Fatal(err)
			}
			cancel()
			nc.Close()
			time.Sleep(20 * time.Millisecond)
		}
		b.StopTimer()
		r.say(workwire.ToCoordinator{End: true})
		r.until(func() bool { return slices.Contains(r.said, "ended") })
		b.StartTimer()
	}
}

// BenchmarkCarry is what a unit costs besides being measured: handed out, taken, its result
// with a picture published, acknowledged and brought.
func BenchmarkCarry(b *testing.B) {
	s := newSite(b, b.N)
	b.ResetTimer()
	r := s.run("now")
	for i := range 2 {
		s.worker(fmt.Sprint("w", i), "_", "", nil)
	}
	r.all()
	b.StopTimer()
	r.finish()
}
