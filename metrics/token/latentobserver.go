package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// Ids of the metrics of a [LatentObserver].
const (
	LatentUnits  = "latent-units"  // channels of the latent
	LatentActive = "latent-active" // share of them that are active
	LatentKL     = "latent-kl"     // mean KL divergence of a unit, nats
	LatentLeast  = "latent-kl-min" // that of the unit with the least
)

// A LatentObserver measures how much of a continuous latent is in use: collapsed
// units carry nothing, whatever their number costs. A unit is a channel, a sample
// one position of one image; see [Latents].
type LatentObserver struct{}

var _ metrics.LatentObserver = LatentObserver{}

// LatentKind is the observer's entry for a registry.
func LatentKind() metrics.Kind {
	return metrics.Kind{Specs: LatentObserver{}.Specs(), Observer: LatentObserver{}}
}

// ObservesLatents implements [metrics.LatentObserver].
func (LatentObserver) ObservesLatents() {}

// Specs lists what is measured.
func (LatentObserver) Specs() []metrics.Spec {
	spec := func(id, title, unit string, better metrics.Direction, high float64, source, short, long string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Unit: unit, Better: better, Max: high, Scope: metrics.PerCorpus, Source: source,
			Role: metrics.RoleTokens, Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .02}, Short: short, Long: long,
		}
	}
	const (
		burda  = "Burda, Grosse and Salakhutdinov 2016, section 5.3"
		kingma = "Kingma and Welling 2014, appendix B"
	)
	active := spec(LatentActive, "Active units", "share", metrics.Higher, 1, burda, "share of latent channels in use",
		"Channels whose posterior mean varies over the set with a variance above 0.01. Below 100 % the latent has collapsed in part: those channels carry nothing.")
	active.Show, active.Margin = metrics.Percent(1), metrics.Margin{Absolute: .01}
	return []metrics.Spec{
		spec(LatentUnits, "Latent channels", "channels", metrics.Neither, inf, "vtbench", "channels of the latent", "Numbers that a position of the latent has."),
		active,
		spec(LatentKL, "KL of a channel", "nat", metrics.Neither, inf, kingma, "information of a latent channel, on average",
			"Mean divergence of a channel's posterior from the standard normal distribution. Only for tokenizers that tell the posterior's variance."),
		spec(LatentLeast, "KL of the least channel", "nat", metrics.Neither, inf, kingma, "information of the latent channel that has least",
			"The smallest mean divergence of a channel: near 0 it has collapsed."),
	}
}

// Observe returns the state of one image's latent; none where there is no latent.
func (LatentObserver) Observe(o metrics.Observation) ([]metrics.Value, string, error) {
	if o.Latent == nil {
		return nil, "", nil
	}
	if len(o.Latent.Shape) == 0 {
		return nil, "", errors.New("observing latents: the latent has no shape")
	}
	l, err := NewLatents(o.Latent.Shape[0])
	if err != nil {
		return nil, "", err
	}
	variance := o.Latent
	if variance.LogVariance == nil {
		err = l.AddChannels(*o.Latent, nil)
	} else {
		v := *o.Latent
		v.Data = v.LogVariance
		err = l.AddChannels(*o.Latent, &v)
	}
	if err != nil {
		return nil, "", err
	}
	return nil, l.Encode(), nil
}

// NewAccumulator returns an empty accumulator.
func (LatentObserver) NewAccumulator() metrics.Accumulator { return &latentAccumulator{} }

// latentAccumulator gathers the latents of a set.
type latentAccumulator struct{ all *Latents }

// Add implements [metrics.Accumulator].
func (a *latentAccumulator) Add(state string) error {
	if state == "" {
		return nil
	}
	l, err := DecodeLatents(state)
	if err != nil {
		return err
	}
	return a.add(l)
}

func (a *latentAccumulator) add(l *Latents) error {
	if a.all == nil {
		a.all = l
		return nil
	}
	return a.all.Merge(l)
}

// Merge implements [metrics.Accumulator].
func (a *latentAccumulator) Merge(other metrics.Accumulator) error {
	o, ok := other.(*latentAccumulator)
	if !ok {
		return fmt.Errorf("merging latents: %T is another kind of accumulator", other)
	}
	if o.all == nil {
		return nil
	}
	return a.add(o.all)
}

// Warnings implements [metrics.Warner]: channels that carry nothing.
func (a *latentAccumulator) Warnings() []string {
	if a.all == nil {
		return nil
	}
	c, ok := a.all.Collapse()
	if !ok || c.Active == c.Units {
		return nil
	}
	return []string{fmt.Sprintf("the latent has collapsed in part: %d of %d channels carry nothing (variance of their mean at most %g)", c.Units-c.Active, c.Units, ActiveVariance)}
}

// Result implements [metrics.Accumulator]. The KL divergence of every channel is in
// the detail of its mean.
func (a *latentAccumulator) Result() ([]metrics.Value, error) {
	if a.all == nil {
		return nil, nil
	}
	c, ok := a.all.Collapse()
	if !ok {
		return nil, nil
	}
	n := float64(c.Samples)
	out := []metrics.Value{
		{Metric: LatentUnits, Value: float64(c.Units), N: n},
		{Metric: LatentActive, Value: float64(c.Active) / float64(c.Units), N: n},
	}
	if c.KL == nil {
		return out, nil
	}
	var sum float64
	var each strings.Builder
	for i, kl := range c.KL {
		sum += kl
		if i > 0 {
			each.WriteString(" ")
		}
		fmt.Fprintf(&each, "%d:%.4g", i, kl)
	}
	return append(out,
		metrics.Value{Metric: LatentKL, Value: sum / float64(c.Units), N: n, Detail: each.String()},
		metrics.Value{Metric: LatentLeast, Value: slices.Min(c.KL), N: n}), nil
}
