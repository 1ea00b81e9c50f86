package stat

import (
	"fmt"
	"math"
)

// DefaultResamples is the number of resamples behind a headline interval. Its
// Monte-Carlo error moves the ends of a 95 % interval by about 2 % of its width.
const DefaultResamples = 9999

// maxStored is how many counts a plan keeps in memory (64 MiB); a larger plan
// draws its resamples again whenever they are asked for.
const maxStored = 32 << 20

// Domains separate the random numbers of different uses of one seed.
const (
	domainBootstrap = 1
	domainSignFlip  = 2
	domainSubset    = 3
)

// A Plan is a set of bootstrap resamples of the clusters of a data set: for
// each resample, how often each cluster was drawn. It is made once and used for
// every row, so that all rows see the same resamples. It never changes and is
// safe for concurrent use.
type Plan struct {
	clusters  int
	resamples int
	seed      uint64
	counts    []uint16 // resamples × clusters, nil for large plans
}

// NewPlan draws resamples × clusters indices with replacement. Resample r uses
// PCG seeded with (mix(seed ^ mix(1)), mix(r)), mix being SplitMix64; the low and
// then the high half of each word give an index by Lemire's method.
func NewPlan(clusters, resamples int, seed uint64) (*Plan, error) {
	switch {
	case clusters < 1:
		return nil, fmt.Errorf("planning the bootstrap: %w", errNoClusters)
	case clusters > math.MaxInt32:
		return nil, fmt.Errorf("planning the bootstrap: %d clusters, at most %d are possible", clusters, math.MaxInt32)
	case resamples < 1:
		return nil, fmt.Errorf("planning the bootstrap: %d resamples, need at least 1 (%d is usual)", resamples, DefaultResamples)
	}
	p := &Plan{clusters: clusters, resamples: resamples, seed: seed}
	if clusters <= maxStored/resamples {
		p.counts = make([]uint16, clusters*resamples)
		for r := range resamples {
			p.draw(r, p.counts[r*clusters:(r+1)*clusters])
		}
	}
	return p, nil
}

// newPlanFromCounts makes a plan of given resamples, row by row.
func newPlanFromCounts(clusters int, counts []uint16) *Plan {
	return &Plan{clusters: clusters, resamples: len(counts) / clusters, counts: counts}
}

// draw fills counts, which must be zero. A count is at most the number of
// clusters; that one of 65,536 or more arises by chance has a probability below
// 10^-287000, so uint16 is enough for every plan.
func (p *Plan) draw(r int, counts []uint16) {
	var s stream
	s.seedStream(p.seed, domainBootstrap, uint64(r))
	n := uint32(p.clusters)
	for range p.clusters {
		counts[s.below(n)]++
	}
}

// Clusters is the number of clusters that are resampled.
func (p *Plan) Clusters() int { return p.clusters }

// Resamples is the number of resamples.
func (p *Plan) Resamples() int { return p.resamples }

// Counts returns how often each cluster was drawn in resample r. The result may
// be buf or memory of the plan: it must not be written to, and is valid until buf
// is used again. buf may be nil.
func (p *Plan) Counts(r int, buf []uint16) []uint16 {
	if p.counts != nil {
		return p.counts[r*p.clusters : (r+1)*p.clusters : (r+1)*p.clusters]
	}
	if cap(buf) < p.clusters {
		buf = make([]uint16, p.clusters)
	}
	buf = buf[:p.clusters]
	clear(buf)
	p.draw(r, buf)
	return buf
}
