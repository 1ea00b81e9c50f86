package main

import (
	"testing"
	"time"
)

// What is simulated obeys what can be reckoned without it.
func TestRun(t *testing.T) {
	s := site{workers: 10, items: 4000, batch: 4, lanes: 1, unit: time.Second, lease: time.Minute}
	o := s.run(1)
	if want := 100 * time.Second; o.took < want || o.took > want+3*time.Second || o.first() != "workers" || o.again != 0 {
		t.Errorf("1,000 units of 1 s by 10 workers took %s (%+v), want %s", o.took, o, want)
	}
	s.server = 300 * time.Millisecond // a unit a worker takes longer to store than to measure
	if o := s.run(1); o.took < 299*time.Second || o.took > 310*time.Second || o.first() != "server" {
		t.Errorf("1,000 results of .3 s took %s (%+v)", o.took, o)
	}
	s.server, s.commit = 0, 200*time.Millisecond
	if o := s.run(1); o.took < 199*time.Second || o.took > 210*time.Second || o.first() != "coordinator" {
		t.Errorf("1,000 commits of .2 s took %s (%+v)", o.took, o)
	}
	s.commit, s.dies = 0, 20*time.Second
	if o := s.run(1); o.again == 0 || o.took < 100*time.Second {
		t.Errorf("workers died, and %d units were done again in %s", o.again, o.took)
	}
}
