package distribute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/workwire"
)

// A Coordinator hands out the units of one run and brings their results to it, as lines.
type Coordinator struct {
	Conn  *nats.Conn
	Lease time.Duration // 0 for DefaultLease
	In    io.Reader     // workwire.ToCoordinator
	Out   *workwire.Writer
	Ended bool // set by Run: the run is over, and nothing of it is left on the server

	js   jetstream.JetStream
	jobs jetstream.KeyValue
	work jetstream.Stream
	done jetstream.Stream
	arts jetstream.ObjectStore
	names
	job job

	mu      sync.Mutex
	arrived map[workwire.Unit]bool
	open    map[workwire.Unit]bool // handed out and not there
	changed chan struct{}          // closed and renewed when something arrives
	workers map[string]record.Worker
	lapses  int // how often units were handed out again since nobody had them
}

func (c *Coordinator) notef(layout string, args ...any) {
	_ = c.Out.Write(workwire.FromCoordinator{Note: fmt.Sprintf(layout, args...)})
}

// Run answers the run's lines until they end, or the run does.
func (c *Coordinator) Run(ctx context.Context) (err error) {
	if c.Lease == 0 {
		c.Lease = DefaultLease
	}
	c.arrived, c.open, c.workers, c.changed = map[workwire.Unit]bool{}, map[workwire.Unit]bool{}, map[string]record.Worker{}, make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lines := json.NewDecoder(c.In)
	var busy sync.WaitGroup
	defer busy.Wait()
	defer stop()
	for {
		var msg workwire.ToCoordinator
		if err := lines.Decode(&msg); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading what the run says: %w", err)
		}
		switch {
		case msg.Job != nil:
			if err := c.begin(ctx, *msg.Job, msg.Groups, &busy); err != nil {
				return err
			}
		case msg.Want != nil:
			busy.Go(func() {
				if err := c.bring(ctx, *msg.Want); err != nil && ctx.Err() == nil {
					_ = c.Out.Write(workwire.FromCoordinator{Error: err.Error()})
				}
			})
		case msg.Progress != nil:
			c.tell(ctx, msg.Progress)
		case msg.End:
			if err := c.end(ctx); err != nil {
				return err
			}
			c.Ended = true
			return c.Out.Write(workwire.FromCoordinator{Ended: true})
		}
	}
}

// begin makes what the run needs on the server, finds what is done, and hands out the rest.
func (c *Coordinator) begin(ctx context.Context, j workwire.Job, groups []int, busy *sync.WaitGroup) error {
	c.names, c.job = namesOf(&j.Manifest), job{j, c.Lease}
	var err error
	if c.js, err = jetstream.New(c.Conn, jetstream.WithPublishAsyncMaxPending(4000)); err != nil {
		return err
	}
	if err := retry(ctx, c.notef, "making the queues of the run", func(ctx context.Context) error { return c.make(ctx) }); err != nil {
		return err
	}
	if err := c.watch(ctx, busy); err != nil {
		return err
	}
	var units []workwire.Unit
	for _, g := range groups {
		for l := range j.Lanes {
			u := workwire.Unit{Lane: l, Group: g}
			c.mu.Lock()
			if !c.arrived[u] {
				c.open[u] = true
				units = append(units, u)
			}
			c.mu.Unlock()
		}
	}
	if err := c.handOut(ctx, units, ""); err != nil {
		return err
	}
	b, err := json.Marshal(c.job)
	if err != nil {
		return err
	}
	if err := retry(ctx, c.notef, "announcing the run", func(ctx context.Context) error {
		_, err := c.jobs.Put(ctx, c.id, b)
		return err
	}); err != nil {
		return fmt.Errorf("%w (its description has %d bytes)", err, len(b))
	}
	busy.Go(func() { c.sweep(ctx) })
	return nil
}

// make makes streams, consumers and buckets; those that are there stay as they are.
func (c *Coordinator) make(ctx context.Context) (err error) {
	if c.jobs, err = c.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: jobsBucket, Description: "runs of vtbench"}); err != nil {
		return err
	}
	if c.work, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: c.workStream(), Subjects: []string{fmt.Sprintf("vtb.%s.work.*", c.id)},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, Duplicates: 24 * time.Hour,
	}); err != nil {
		return err
	}
	if c.done, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: c.doneStream(), Subjects: []string{fmt.Sprintf("vtb.%s.done.*.*", c.id)}, Storage: jetstream.FileStorage,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: 1, AllowDirect: true,
	}); err != nil {
		return err
	}
	for l := range c.job.Lanes {
		// No limit of deliveries: at it a message would stay in the queue and nobody get it.
		// No back-off either: its first step would take the place of the lease.
		if _, err := c.work.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: c.consumer(l), FilterSubject: c.names.work(l), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: c.Lease, MaxAckPending: 20_000,
		}); err != nil {
			return err
		}
	}
	c.arts, err = c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: c.bucket(), Storage: jetstream.FileStorage})
	return err
}

// watch follows the results and the workers, and returns when it knows all results that
// there are.
func (c *Coordinator) watch(ctx context.Context, busy *sync.WaitGroup) error {
	info, err := c.done.Info(ctx)
	if err != nil {
		return fmt.Errorf("looking at what is done: %w", err)
	}
	results, err := c.done.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{HeadersOnly: true})
	if err != nil {
		return fmt.Errorf("following what is done: %w", err)
	}
	there := make(chan struct{})
	known := uint64(0)
	if info.State.Msgs == 0 {
		close(there)
	}
	follow, err := results.Consume(func(m jetstream.Msg) {
		u, ok := unitOf(m.Subject())
		if !ok {
			return
		}
		c.mu.Lock()
		before := c.arrived[u]
		c.arrived[u] = true
		delete(c.open, u)
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
		if !before {
			_ = c.Out.Write(workwire.FromCoordinator{Arrived: []workwire.Unit{u}})
		}
		if known++; known == info.State.Msgs {
			close(there)
		}
	})
	if err != nil {
		return fmt.Errorf("following what is done: %w", err)
	}
	context.AfterFunc(ctx, follow.Stop)
	heard, err := c.Conn.Subscribe(c.alive(), func(m *nats.Msg) {
		var w record.Worker
		if json.Unmarshal(m.Data, &w) != nil {
			return
		}
		w.Seen = time.Now().UTC()
		c.mu.Lock()
		old, seen := c.workers[w.Name]
		c.workers[w.Name] = w
		c.mu.Unlock()
		if w.Refuse != "" && (!seen || old.Refuse != w.Refuse) {
			c.notef("worker %s takes no part: %s", w.Name, w.Refuse)
		}
	})
	if err != nil {
		return fmt.Errorf("listening to workers: %w", err)
	}
	busy.Go(func() {
		<-ctx.Done()
		_ = heard.Unsubscribe()
	})
	select {
	case <-there:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handOut publishes units; those that are in the queue already are there once.
func (c *Coordinator) handOut(ctx context.Context, units []workwire.Unit, suffix string) error {
	for len(units) > 0 {
		n := min(len(units), 2000)
		err := retry(ctx, c.notef, "handing out work", func(ctx context.Context) error {
			var acks []jetstream.PubAckFuture
			for _, u := range units[:n] {
				b, err := json.Marshal(task{Unit: u})
				if err != nil {
					return err
				}
				f, err := c.js.PublishAsync(c.names.work(u.Lane), b, jetstream.WithMsgID(msgID(u)+suffix))
				if err != nil {
					return err
				}
				acks = append(acks, f)
			}
			for _, f := range acks {
				select {
				case <-f.Ok():
				case err := <-f.Err():
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		units = units[n:]
	}
	return nil
}

func msgID(u workwire.Unit) string { return strconv.Itoa(u.Lane) + "." + strconv.Itoa(u.Group) }

// sweep hands out again what is neither done nor in the queue: the server may have lost an
// acknowledged message with its disk. It also tells the run who works.
func (c *Coordinator) sweep(ctx context.Context) {
	tick, look := time.NewTicker(aliveEvery), time.Now()
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		_ = c.Out.Write(workwire.FromCoordinator{Workers: c.listed()})
		if time.Since(look) < sweepEvery {
			continue
		}
		look = time.Now()
		for l := range c.job.Lanes {
			if err := c.sweepLane(ctx, l); err != nil && ctx.Err() == nil {
				continue // the next time
			}
		}
	}
}

func (c *Coordinator) sweepLane(ctx context.Context, lane int) error {
	c.mu.Lock()
	var lost []workwire.Unit
	for u := range c.open {
		if u.Lane == lane {
			lost = append(lost, u)
		}
	}
	c.mu.Unlock()
	if len(lost) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	queue, err := c.work.Consumer(ctx, c.consumer(lane))
	if err != nil {
		return err
	}
	info := queue.CachedInfo()
	if info.NumPending+uint64(info.NumAckPending) > 0 {
		return nil
	}
	// Results are published before work is acknowledged, so what is in no queue is done by
	// now, or lost; the follower may be a moment behind.
	lost = slices.DeleteFunc(lost, func(u workwire.Unit) bool {
		_, err := c.done.GetLastMsgForSubject(ctx, c.names.done(u))
		return !errors.Is(err, jetstream.ErrMsgNotFound)
	})
	if len(lost) == 0 {
		return nil
	}
	c.lapses++
	c.notef("%d units were in no queue and not done; they are handed out again", len(lost))
	return c.handOut(ctx, lost, fmt.Sprintf("+%d-%d", c.lapses, time.Now().UnixNano()))
}

// listed are the workers that were heard of lately.
func (c *Coordinator) listed() []record.Worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := []record.Worker{}
	for name, w := range c.workers {
		if time.Since(w.Seen) > gone {
			delete(c.workers, name)
			continue
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b record.Worker) int { return cmpString(a.Name, b.Name) })
	return out
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// bring waits until a unit is done and hands its output to the run.
func (c *Coordinator) bring(ctx context.Context, u workwire.Unit) error {
	for {
		c.mu.Lock()
		there, changed := c.arrived[u], c.changed
		c.mu.Unlock()
		if there {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var out output
	if err := retry(ctx, c.notef, "getting a result", func(ctx context.Context) error {
		m, err := c.done.GetLastMsgForSubject(ctx, c.names.done(u))
		if err != nil {
			return err
		}
		b, err := unpacker.DecodeAll(m.Data, nil)
		if err != nil {
			return err
		}
		var r result
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		out = output{Items: r.Items}
		if r.Object != "" {
			if out.Items, err = c.object(ctx, r.Object); err != nil {
				return err
			}
		}
		if r.Pictures != "" {
			out.Pictures, err = c.object(ctx, r.Pictures)
		}
		return err
	}); err != nil {
		return err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return c.Out.Write(workwire.FromCoordinator{Result: &workwire.Result{Unit: u, Output: b}})
}

func (c *Coordinator) object(ctx context.Context, name string) ([]byte, error) {
	b, err := c.arts.GetBytes(ctx, name)
	if err != nil {
		return nil, err
	}
	return unpacker.DecodeAll(b, nil)
}

// tell leaves on the server how far the run is.
func (c *Coordinator) tell(ctx context.Context, p *record.Progress) {
	if c.jobs == nil {
		return
	}
	b, err := json.Marshal(p)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = c.jobs.Put(ctx, progressOf(c.id), b) // the next one says more
}

// end removes all of the run from the server.
func (c *Coordinator) end(ctx context.Context) error {
	return retry(ctx, c.notef, "removing the queues of the run", func(ctx context.Context) error {
		for _, key := range []string{c.id, progressOf(c.id)} {
			if err := c.jobs.Purge(ctx, key); err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
				return err
			}
		}
		for _, s := range []string{c.workStream(), c.doneStream()} {
			if err := c.js.DeleteStream(ctx, s); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				return err
			}
		}
		if err := c.js.DeleteObjectStore(ctx, c.bucket()); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return err
		}
		return nil
	})
}
