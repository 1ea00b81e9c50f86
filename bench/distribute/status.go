package distribute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/workwire"
)

// Runs lists the runs that a server has work of.
func Runs(ctx context.Context, nc *nats.Conn) ([]workwire.Run, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	out := []workwire.Run{}
	jobs, err := js.KeyValue(ctx, jobsBucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for runs: %w", err)
	}
	keys, err := jobs.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, fmt.Errorf("looking for runs: %w", err)
	}
	slices.Sort(keys)
	for _, id := range keys {
		if strings.Contains(id, ".") {
			continue
		}
		e, err := jobs.Get(ctx, id)
		if err != nil {
			continue // it ended meanwhile
		}
		var j job
		if err := json.Unmarshal(e.Value(), &j); err != nil {
			return nil, fmt.Errorf("run %s: its description cannot be read: %w", id, err)
		}
		n := names{id}
		r := workwire.Run{ID: id, Suite: j.Manifest.Suite.ID, Started: j.Manifest.Host.Started}
		if s, err := js.Stream(ctx, n.doneStream()); err == nil {
			r.Units = int(s.CachedInfo().State.Msgs)
		}
		if s, err := js.Stream(ctx, n.workStream()); err == nil {
			r.Queued = int(s.CachedInfo().State.Msgs)
			for l := range j.Lanes {
				if c, err := s.Consumer(ctx, n.consumer(l)); err == nil {
					r.Taken += c.CachedInfo().NumAckPending
				}
			}
		}
		if e, err := jobs.Get(ctx, progressOf(id)); err == nil {
			var p record.Progress
			if json.Unmarshal(e.Value(), &p) == nil {
				r.Progress = &p
			}
		}
		out = append(out, r)
	}
	return out, nil
}
