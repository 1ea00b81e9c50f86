package distribute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/workwire"
)

// What a worker does by default.
const (
	// mostCrashes is how often what measures may end during a unit before it is given up.
	mostCrashes = 3
	// mostDeliveries is how often a unit may be handed out and never come back: machines that
	// are lost say nothing, so this is a net below mostCrashes, and wide.
	mostDeliveries = 20
	// atOnce is how many units a process works on: while one is scored, the next is
	// tokenized. No more are fetched, and no second where others would find none.
	atOnce = 2
	// DefaultStuck is how long nothing may be done before a process counts as hung.
	DefaultStuck = 15 * time.Minute
	pollEvery    = time.Second
	// newsAfter is when the server has stored what it has told of.
	newsAfter = 20 * time.Millisecond
)

// A Worker measures units of whatever runs there are. It starts a process that measures and
// lives on when that dies.
type Worker struct {
	Conn    *nats.Conn
	Name    string
	Program string        // vtbench
	Args    []string      // of `vtbench unit`
	Env     []string      // of it, over this process's
	Stuck   time.Duration // 0 for DefaultStuck
	Idle    time.Duration // end after so long without work; 0 never
	Log     func(string, ...any)

	js      jetstream.JetStream
	done    atomic.Int64
	crashes atomic.Int64
	mu      sync.Mutex
	refused map[string]string // by run
	begun   map[string]time.Time
	lane    string
}

// errCrashed says that what measures is gone.
var errCrashed = errors.New("the process that measured ended")

// errAway says that it was gone before a unit came to it, which the unit is not to blame for.
var errAway = errors.New("the process that measures is gone; starting it anew")

// Run works until ctx ends, or there was nothing to do for long.
func (w *Worker) Run(ctx context.Context) (err error) {
	if w.Stuck == 0 {
		w.Stuck = DefaultStuck
	}
	w.refused, w.begun = map[string]string{}, map[string]time.Time{}
	if w.js, err = jetstream.New(w.Conn); err != nil {
		return err
	}
	// A run that is announced is heard of at once; what is missed is found by looking.
	news := make(chan *nats.Msg, 1)
	heard, err := w.Conn.ChanSubscribe("$KV."+jobsBucket+".*", news)
	if err != nil {
		return fmt.Errorf("listening for runs: %w", err)
	}
	defer func() { err = errors.Join(err, heard.Unsubscribe()) }()
	idle := time.Now()
	for ctx.Err() == nil {
		worked, err := w.round(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			w.Log("%v", err)
		case worked:
			idle = time.Now()
		}
		if w.Idle > 0 && time.Since(idle) > w.Idle {
			w.Log("nothing to do for %s", w.Idle)
			return nil
		}
		if !worked {
			select {
			case <-news:
				time.Sleep(newsAfter)
			case <-time.After(pollEvery):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// round looks for runs and works on the first that has something to do.
func (w *Worker) round(ctx context.Context) (worked bool, err error) {
	look, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	jobs, err := w.js.KeyValue(look, jobsBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return false, nil // no run was ever begun
	}
	if err != nil {
		return false, fmt.Errorf("looking for runs: %w", err)
	}
	keys, err := jobs.Keys(look)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for runs: %w", err)
	}
	slices.Sort(keys)
	for _, id := range keys {
		if strings.Contains(id, ".") {
			continue
		}
		e, err := jobs.Get(look, id)
		if err != nil {
			continue // it ended
		}
		var j job
		if err := json.Unmarshal(e.Value(), &j); err != nil {
			w.Log("run %s: its description cannot be read: %v", id, err)
			continue
		}
		did, err := w.join(ctx, names{id}, &j)
		if did || err != nil {
			return did, err
		}
	}
	return false, nil
}

// join works on a run as long as it has something for this worker.
func (w *Worker) join(ctx context.Context, n names, j *job) (worked bool, err error) {
	w.mu.Lock()
	why, refused := w.refused[n.id]
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go w.announce(ctx, n)
	if refused {
		_ = w.publishAlive(n, why)
		return false, nil
	}
	s := &session{w: w, names: n, job: j, joined: time.Now()}
	defer func() { s.stop() }()
	heard, err := w.Conn.Subscribe(n.alive(), s.hear)
	if err != nil {
		return false, err
	}
	defer func() { _ = heard.Unsubscribe() }() // fails where the connection is gone, and it with it
	lanes, err := s.start(ctx)
	if err != nil {
		return false, err
	}
	work, err := w.js.Stream(ctx, n.workStream())
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil // it ended
	}
	if err != nil {
		return false, err
	}
	if s.arts, err = w.js.ObjectStore(ctx, n.bucket()); err != nil {
		return false, err
	}
	for ctx.Err() == nil {
		lane, queue := -1, jetstream.Consumer(nil)
		held := map[int]jetstream.Consumer{} // lanes of which all units that are left were taken
		most := uint64(0)
		for _, l := range lanes {
			c, err := work.Consumer(ctx, n.consumer(l))
			if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
				return worked, nil
			}
			if err != nil {
				return worked, err
			}
			info := c.CachedInfo()
			if p := info.NumPending; p > most {
				lane, queue, most = l, c, p
			}
			if info.NumAckPending > 0 {
				held[l] = c
			}
		}
		var back jetstream.Msg
		for l, c := range held {
			if lane >= 0 {
				break
			}
			if back = comesBack(c); back != nil {
				lane, queue = l, c
			}
		}
		if lane < 0 {
			return worked, nil
		}
		err := s.holding(back, func() error { return s.open(ctx, lane) })
		if (err != nil || s.refused != "") && back != nil {
			_ = back.Nak()
		}
		if err != nil {
			return worked, err
		}
		if s.refused != "" {
			w.mu.Lock()
			w.refused[n.id] = s.refused
			w.mu.Unlock()
			w.Log("run %s: taking no part: %s", n.id, s.refused)
			return worked, w.publishAlive(n, s.refused)
		}
		did, err := s.drain(ctx, queue, back)
		worked = worked || did
		if err != nil {
			return worked, err
		}
	}
	return worked, nil
}

// comesBack returns a unit that somebody took and whose lease ran out, or nil. The server does
// not count such units among those that wait, and gives them to who asks.
func comesBack(queue jetstream.Consumer) jetstream.Msg {
	batch, err := queue.Fetch(1, jetstream.FetchMaxWait(time.Second))
	if err != nil {
		return nil // the server is away: the next round finds out
	}
	return <-batch.Messages()
}

// holding does something that may take long while a unit, if any, is kept.
func (s *session) holding(m jetstream.Msg, do func() error) error {
	if m == nil {
		return do()
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		tick := time.NewTicker(s.job.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				_ = m.InProgress() // a server that is away gives it to somebody else
			}
		}
	}()
	return do()
}

// announce says every second that this worker is there.
func (w *Worker) announce(ctx context.Context, n names) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		w.mu.Lock()
		why := w.refused[n.id]
		w.mu.Unlock()
		_ = w.publishAlive(n, why)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) publishAlive(n names, refuse string) error {
	host, _ := os.Hostname()
	w.mu.Lock()
	me := record.Worker{Name: w.Name, Host: host, Lane: w.lane, Done: int(w.done.Load()), Crash: int(w.crashes.Load()), Refuse: refuse}
	for _, at := range w.begun {
		if me.Since.IsZero() || at.Before(me.Since) {
			me.Since = at
		}
	}
	w.mu.Unlock()
	b, err := json.Marshal(me)
	if err != nil {
		return err
	}
	return w.Conn.Publish(n.alive(), b)
}

// A session is a worker at one run.
type session struct {
	w *Worker
	names
	job     *job
	arts    jetstream.ObjectStore
	refused string

	lane   int
	splits bool
	items  map[int]int
	child  atomic.Pointer[child]
	number atomic.Int64
	joined time.Time
	peers  sync.Map     // when each worker of the run, this one among them, was heard of, by name
	alone  sync.RWMutex // held for writing by a unit that must have the process to itself
}

// A child is the process that measures.
type child struct {
	*workwire.Child
	mu    sync.Mutex
	waits map[int]chan json.RawMessage
	gone  chan struct{}
	said  string // its last error
	step  atomic.Int64
}

// start starts the process and learns which lanes it can serve.
func (s *session) start(ctx context.Context) ([]int, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.w.Program, s.w.Args...)
	cmd.Env = append(os.Environ(), s.w.Env...)
	cmd.Stderr = os.Stderr
	started, err := workwire.Start(cmd)
	if err != nil {
		return nil, err
	}
	c := &child{Child: started, waits: map[int]chan json.RawMessage{}, gone: make(chan struct{})}
	c.step.Store(time.Now().UnixNano())
	s.child.Store(c)
	s.lane = -1
	if err := started.Write(workwire.ToWorker{Job: &s.job.Job}); err != nil {
		return nil, fmt.Errorf("%w: %w", errCrashed, err)
	}
	var msg workwire.FromWorker
	err = started.Read(&msg)
	if err == nil && msg.Serves == nil {
		err = errors.New("it says something else")
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not say what it serves: it is of another version, or a tokenizer that -t names is wrong: %w", s.w.Program, err)
	}
	return *msg.Serves, nil
}

func (s *session) stop() {
	if c := s.child.Swap(nil); c != nil {
		c.Kill()
	}
	s.w.mu.Lock()
	s.w.lane = ""
	s.w.mu.Unlock()
}

// open makes the process open a lane; refused says why it will not.
func (s *session) open(ctx context.Context, lane int) error {
	if c := s.child.Load(); c != nil && s.lane == lane {
		select {
		case <-c.gone:
		default:
			return nil
		}
	}
	if s.child.Load() == nil || s.lane >= 0 {
		s.stop()
		if _, err := s.start(ctx); err != nil {
			return err
		}
	}
	s.w.Log("run %s: opening %s", s.id, strings.Join(s.job.Lanes[lane], ", "))
	c := s.child.Load()
	if err := c.Write(workwire.ToWorker{Lane: &lane}); err != nil {
		return fmt.Errorf("%w: %w", errCrashed, err)
	}
	answer := make(chan error, 1)
	go func() {
		var msg workwire.FromWorker
		for {
			msg = workwire.FromWorker{}
			if err := c.Read(&msg); err != nil {
				answer <- fmt.Errorf("%w while it opened its tokenizers: %w", errCrashed, err)
				return
			}
			if !msg.Step {
				break
			}
		}
		switch {
		case msg.Refused != "":
			s.refused = msg.Refused
		case msg.Joined != nil:
			s.splits, s.items = msg.Joined.Splits, msg.Joined.Items
		default:
			answer <- fmt.Errorf("%s says something else than whether it takes part: it is of another version", s.w.Program)
			return
		}
		answer <- nil
	}()
	select {
	case err := <-answer:
		if err != nil || s.refused != "" {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	s.lane = lane
	s.w.mu.Lock()
	s.w.lane = strings.Join(s.job.Lanes[lane], ", ")
	s.w.mu.Unlock()
	go c.listen()
	return nil
}

// listen takes what the process says, until it ends.
func (c *child) listen() {
	defer close(c.gone)
	c.step.Store(time.Now().UnixNano())
	for {
		var msg workwire.FromWorker
		if err := c.Read(&msg); err != nil {
			return
		}
		c.step.Store(time.Now().UnixNano())
		c.mu.Lock()
		if msg.Error != "" {
			c.said = msg.Error
		}
		if msg.Done != nil {
			if w := c.waits[msg.Done.ID]; w != nil {
				w <- msg.Done.Output
				delete(c.waits, msg.Done.ID)
			}
		}
		c.mu.Unlock()
	}
}

// dead reports whether the process has ended.
func (c *child) dead() bool {
	select {
	case <-c.gone:
		return true
	default:
		return false
	}
}

// quiet is how long nothing was done.
func (c *child) quiet() time.Duration { return time.Since(time.Unix(0, c.step.Load())) }

// do has the process do something and returns its output.
func (c *child) do(ctx context.Context, d workwire.Do) (json.RawMessage, error) {
	wait := make(chan json.RawMessage, 1)
	c.mu.Lock()
	c.waits[d.ID] = wait
	c.mu.Unlock()
	if err := c.Write(workwire.ToWorker{Do: &d}); err != nil {
		return nil, c.crashed()
	}
	select {
	case out := <-wait:
		return out, nil
	case <-c.gone:
		return nil, c.crashed()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *child) crashed() error {
	err := c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.said != "":
		return fmt.Errorf("%w: %s", errCrashed, c.said)
	case err != nil:
		return fmt.Errorf("%w: %w", errCrashed, err)
	}
	return errCrashed
}

// hear takes note of a worker.
func (s *session) hear(m *nats.Msg) {
	var peer record.Worker
	if json.Unmarshal(m.Data, &peer) == nil && peer.Refuse == "" {
		s.peers.Store(peer.Name, time.Now())
	}
}

// plenty reports whether, of so many units that wait, all workers find one.
func (s *session) plenty(pending uint64) bool {
	const silent = 3 * aliveEvery
	if time.Since(s.joined) < aliveEvery+aliveEvery/2 {
		return false // not all have been heard of yet
	}
	there := uint64(0)
	s.peers.Range(func(_, at any) bool {
		if time.Since(at.(time.Time)) < silent {
			there++
		}
		return true
	})
	return pending >= there
}

// drain does units of a lane until its queue is empty, the first of them one that it has
// already, if any.
func (s *session) drain(ctx context.Context, queue jetstream.Consumer, have jetstream.Msg) (worked bool, err error) {
	slots := make(chan struct{}, atOnce)
	var doing sync.WaitGroup
	defer doing.Wait()
	var failed atomic.Pointer[error]
	pending := uint64(0)
	for ctx.Err() == nil && failed.Load() == nil {
		free := 1
		if !s.plenty(pending) {
			free = atOnce
		}
		for range free {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return worked, nil
			}
		}
		for range free - 1 {
			<-slots
		}
		if failed.Load() != nil {
			break
		}
		m := have
		have = nil
		if m == nil {
			var batch jetstream.MessageBatch
			if batch, err = queue.Fetch(1, jetstream.FetchMaxWait(2*time.Second)); err == nil {
				m = <-batch.Messages()
				err = batch.Error()
			}
		}
		if m == nil {
			<-slots
			if errors.Is(err, nats.ErrTimeout) {
				err = nil
			}
			return worked, err // nothing, or the server is away: the next round finds out
		}
		worked = true
		if meta, err := m.Metadata(); err == nil {
			pending = meta.NumPending
		}
		doing.Go(func() {
			defer func() { <-slots }()
			if err := s.handle(ctx, m); err != nil {
				failed.Store(&err)
			}
		})
	}
	doing.Wait()
	if p := failed.Load(); p != nil {
		return worked, *p
	}
	return worked, nil
}

// handle does one unit: its result is published before it is acknowledged.
func (s *session) handle(ctx context.Context, m jetstream.Msg) error {
	var t task
	if err := json.Unmarshal(m.Data(), &t); err != nil {
		return errors.Join(fmt.Errorf("a unit cannot be read: %w", err), m.Term())
	}
	key := msgID(t.Unit)
	s.w.mu.Lock()
	s.w.begun[key] = time.Now().UTC()
	s.w.mu.Unlock()
	defer func() {
		s.w.mu.Lock()
		delete(s.w.begun, key)
		s.w.mu.Unlock()
	}()
	deliveries := uint64(1)
	if meta, err := m.Metadata(); err == nil {
		deliveries = meta.NumDelivered
	}
	measured := make(chan struct{})
	defer close(measured)
	go s.prolong(m, measured)
	out, ids, err := s.measure(ctx, t, deliveries)
	switch {
	case ctx.Err() != nil:
		_ = m.Nak() // another may have it at once
		return nil
	case errors.Is(err, errCrashed):
		s.w.crashes.Add(1)
		s.w.Log("group %d: %v", t.Group, err)
		t.Crashes, t.Why = t.Crashes+1, err.Error()
		return errors.Join(err, s.again(ctx, t, m))
	case err != nil:
		_ = m.Nak()
		return err
	}
	first, err := s.publish(ctx, t.Unit, out)
	if err != nil {
		return err
	}
	s.w.done.Add(1)
	if first {
		for _, id := range ids {
			if c := s.child.Load(); c != nil {
				_ = c.Write(workwire.ToWorker{Accepted: id}) // one that is gone needs it no more
			}
		}
	}
	if err := m.Ack(); err != nil && ctx.Err() == nil {
		s.w.Log("group %d: acknowledging: %v; it will be done twice and counted once", t.Group, err)
	}
	return nil
}

// prolong keeps the lease of a unit for as long as the process gets on.
func (s *session) prolong(m jetstream.Msg, measured chan struct{}) {
	tick := time.NewTicker(s.job.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-measured:
			return
		case <-tick.C:
		}
		if c := s.child.Load(); c != nil && c.quiet() > s.w.Stuck {
			s.w.Log("nothing was done for %s; ending the process that measures", s.w.Stuck)
			c.Kill() // whoever waits for it starts another, which is watched as well
		}
		_ = m.InProgress() // a server that is away gives it to somebody else
	}
}

// again puts a unit back, with what is known of it. The copy comes before the original is
// acknowledged, and has a name, so that there is always one and never two.
func (s *session) again(ctx context.Context, t task, m jetstream.Msg) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s@%d", msgID(t.Unit), meta.Sequence.Stream)
	if err := retry(ctx, s.w.Log, "putting a unit back", func(ctx context.Context) error {
		_, err := s.w.js.Publish(ctx, s.names.work(t.Lane), b, jetstream.WithMsgID(id))
		return err
	}); err != nil {
		return err
	}
	return m.Ack()
}

// measure does a unit. One that ended processes before has the process to itself; one that
// did so too often is given up, item by item where its tokenizers allow that.
func (s *session) measure(ctx context.Context, t task, deliveries uint64) (json.RawMessage, []int, error) {
	do := func(d workwire.Do) (json.RawMessage, int, error) {
		d.ID, d.Group = int(s.number.Add(1)), t.Group
		c := s.child.Load()
		if c == nil || c.dead() {
			return nil, d.ID, errAway
		}
		out, err := c.do(ctx, d)
		return out, d.ID, err
	}
	if t.Crashes == 0 && deliveries < mostDeliveries {
		s.alone.RLock()
		defer s.alone.RUnlock()
		out, id, err := do(workwire.Do{})
		return out, []int{id}, err
	}
	s.alone.Lock()
	defer s.alone.Unlock()
	if c := s.child.Load(); c == nil || c.dead() {
		if err := s.reopen(ctx); err != nil {
			return nil, nil, err
		}
	}
	if t.Crashes < mostCrashes && deliveries < mostDeliveries {
		out, id, err := do(workwire.Do{})
		return out, []int{id}, err
	}
	why := t.Why
	if why == "" {
		why = fmt.Sprintf("handed out %d times and never done", deliveries)
	}
	s.w.Log("group %d: given up: %s", t.Group, why)
	parts := [][]int{nil}
	if s.splits && s.items[t.Group] > 1 {
		parts = nil
		for i := range s.items[t.Group] {
			parts = append(parts, []int{i})
		}
	}
	var outs []output
	var ids []int
	for _, only := range parts {
		var got json.RawMessage
		for _, as := range []string{"", "fail", "lost"} {
			if as == "" && only == nil {
				continue // it was tried often enough
			}
			out, id, err := do(workwire.Do{Only: only, As: as, Why: "given up: " + why})
			if errors.Is(err, errCrashed) {
				s.w.crashes.Add(1)
				if err := s.reopen(ctx); err != nil {
					return nil, nil, err
				}
				continue
			}
			if err != nil {
				return nil, nil, err
			}
			got = out
			ids = append(ids, id)
			break
		}
		if got == nil {
			return nil, nil, fmt.Errorf("%w even when group %d was only to be given up", errCrashed, t.Group)
		}
		var o output
		if err := json.Unmarshal(got, &o); err != nil {
			return nil, nil, err
		}
		outs = append(outs, o)
	}
	joined, err := join(outs)
	return joined, ids, err
}

// reopen starts the process anew at the same lane.
func (s *session) reopen(ctx context.Context) error {
	lane := s.lane
	s.stop()
	if _, err := s.start(ctx); err != nil {
		return err
	}
	if err := s.open(ctx, lane); err != nil {
		return err
	}
	if s.refused != "" {
		return errors.New(s.refused)
	}
	return nil
}

// join puts outputs of the items of a unit together.
func join(parts []output) (json.RawMessage, error) {
	var items, pictures []json.RawMessage
	for _, p := range parts {
		var more []json.RawMessage
		if err := json.Unmarshal(p.Items, &more); err != nil {
			return nil, err
		}
		items = append(items, more...)
		if len(p.Pictures) > 0 {
			more = nil
			if err := json.Unmarshal(p.Pictures, &more); err != nil {
				return nil, err
			}
			pictures = append(pictures, more...)
		}
	}
	var o output
	var err error
	if o.Items, err = json.Marshal(items); err != nil {
		return nil, err
	}
	if len(pictures) > 0 {
		if o.Pictures, err = json.Marshal(pictures); err != nil {
			return nil, err
		}
	}
	return json.Marshal(o)
}

// publish leaves a result, and reports whether it is the first of its unit. What is large
// goes before it, under a name of its own, so that a result never points to another's.
func (s *session) publish(ctx context.Context, u workwire.Unit, out json.RawMessage) (first bool, err error) {
	var o output
	if err := json.Unmarshal(out, &o); err != nil {
		return false, fmt.Errorf("reading the output of a unit: %w", err)
	}
	r := result{Worker: s.w.Name, Items: o.Items}
	var put []string
	large := func(b []byte) (string, error) {
		name := msgID(u) + "." + nuid.Next()
		packed := packer.EncodeAll(b, nil)
		put = append(put, name)
		return name, retry(ctx, s.w.Log, "storing a result", func(ctx context.Context) error {
			_, err := s.arts.PutBytes(ctx, name, packed)
			return err
		})
	}
	if len(o.Pictures) > 0 {
		if r.Pictures, err = large(o.Pictures); err != nil {
			return false, err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return false, err
	}
	packed := packer.EncodeAll(b, nil)
	if len(packed) > inlineMost {
		if r.Object, err = large(o.Items); err != nil {
			return false, err
		}
		r.Items = nil
		if b, err = json.Marshal(r); err != nil {
			return false, err
		}
		packed = packer.EncodeAll(b, nil)
	}
	err = retry(ctx, s.w.Log, "publishing a result", func(ctx context.Context) error {
		_, err := s.w.js.Publish(ctx, s.names.done(u), packed)
		if taken(err) {
			return nil
		}
		first = first || err == nil
		return err
	})
	if err == nil && !first {
		for _, name := range put {
			_ = s.arts.Delete(ctx, name) // nobody points to it; the run's end removes it too
		}
	}
	return first, err
}

// Environ replaces {i} in NAME=VALUE by the number of a process, so that each has a device
// of its own.
func Environ(vars []string, i int) []string {
	var out []string
	for _, v := range vars {
		out = append(out, strings.ReplaceAll(v, "{i}", strconv.Itoa(i)))
	}
	return out
}
