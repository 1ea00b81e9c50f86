package compare

import (
	"fmt"
	"strconv"
	"strings"
)

// Skew is one thing in which two results differ that must be equal for their
// values to be comparable.
type Skew struct {
	What      string `json:"what"` // "suite", "data set", "metric", "software", "seed"
	Name      string `json:"name"`
	Baseline  string `json:"baseline"`
	Candidate string `json:"candidate"`
}

// String says what differs: "metric t-acc: version 1 in the baseline, version 2 in
// the candidate".
func (s Skew) String() string {
	return fmt.Sprintf("%s: %s in the baseline, %s in the candidate", strings.TrimSpace(s.What+" "+s.Name), s.Baseline, s.Candidate)
}

// SkewError says why two results are not compared.
type SkewError struct {
	Baseline, Candidate string
	Skews               []Skew
}

// Error lists everything that differs.
func (e *SkewError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s and %s cannot be compared:", e.Baseline, e.Candidate)
	for _, s := range e.Skews {
		fmt.Fprintf(&b, "\n  %s", s)
	}
	b.WriteString("\nrun both with one version of vtbench on one version of the data, or pass --allow-version-skew, which names these differences in every output")
	return b.String()
}

func short(digest string) string { return digest[:min(12, len(digest))] }

func describe(version int, digest string) string {
	out := "version " + strconv.Itoa(version)
	if digest != "" {
		out += ", digest " + short(digest)
	}
	return out
}

// check lists everything that differs between headers.
func check(b, c *Header) []Skew {
	var out []Skew
	add := func(what, name, x, y string) {
		if x != y {
			out = append(out, Skew{what, name, x, y})
		}
	}
	if b.Suite.ID != c.Suite.ID {
		add("suite", "", strconv.Quote(b.Suite.ID), strconv.Quote(c.Suite.ID))
	} else if b.Suite != c.Suite {
		add("suite", b.Suite.ID, describe(b.Suite.Version, b.Suite.Digest), describe(c.Suite.Version, c.Suite.Digest))
	}
	sets := map[string]DatasetID{}
	for _, d := range b.Datasets {
		sets[d.Name] = d
	}
	for _, d := range c.Datasets {
		x, ok := sets[d.Name]
		if !ok {
			add("data set", d.Name, "absent", describe(d.Version, d.Digest))
			continue
		}
		delete(sets, d.Name)
		if x.Version != d.Version || x.Digest != d.Digest {
			add("data set", d.Name, describe(x.Version, x.Digest), describe(d.Version, d.Digest))
		}
	}
	for _, d := range b.Datasets {
		if _, left := sets[d.Name]; left {
			add("data set", d.Name, describe(d.Version, d.Digest), "absent")
		}
	}
	for _, m := range c.Metrics {
		for _, x := range b.Metrics {
			if x.ID != m.ID {
				continue
			}
			add("metric", m.ID, "version "+strconv.Itoa(x.Version), "version "+strconv.Itoa(m.Version))
			add("metric", m.ID+" (direction)", string(x.Better), string(m.Better))
		}
	}
	add("seed", "of the run", strconv.FormatUint(b.Seed, 10), strconv.FormatUint(c.Seed, 10))
	software := map[string]string{}
	for _, kv := range b.Software {
		software[kv.Key] = kv.Value
	}
	for _, kv := range c.Software {
		x, ok := software[kv.Key]
		if !ok {
			x = "absent"
		}
		delete(software, kv.Key)
		add("software", kv.Key, x, kv.Value)
	}
	for _, kv := range b.Software {
		if x, left := software[kv.Key]; left {
			add("software", kv.Key, x, "absent")
		}
	}
	return out
}
