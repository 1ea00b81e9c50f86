package token

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// MaxJoint is the number of tokens up to which positions and joint statistics
// are computed for a set; beyond it their metrics are absent. It bounds memory
// (about 2 bytes a token) and, since tokens only ever add up, whether it is passed
// does not depend on the order of merging.
const MaxJoint = 1 << 24

// Ids of the metrics of a [Observer].
const (
	Tokens        = "tokens"              // tokens of one image, all codebooks
	BPPNominal    = "bpp-nominal"         // Σ tokens·log2 K / pixels
	BPPReal       = "bpp-real"            // bits of the bitstream / pixels
	BPPFile       = "bpp-file"            // the same with its container
	BPPCapacity   = "bpp-capacity"        // what a noisy continuous latent can carry / pixels
	BPPEntropy    = "bpp-entropy"         // Σ tokens·entropy / pixels, over the set
	Usage         = "code-usage"          // Σ used / Σ K
	Dead          = "code-dead"           // Σ K − Σ used
	Entropy       = "code-entropy"        // mean over tokens, bits
	EntropyMM     = "code-entropy-mm"     // the same with Miller and Madow's correction
	Perplexity    = "code-perplexity"     // 2^code-entropy
	Effective     = "code-effective"      // 1/Σp²; several codebooks: geometric mean over tokens
	JointEntropy  = "code-joint-entropy"  // of the tuples of ids at a position, bits
	JointUsed     = "code-joint-used"     // different tuples
	PositionUsage = "code-position-usage" // mean over positions of different ids / min(K, images)
	PositionInfo  = "code-position-info"  // mutual information of id and position, bits
	KbpsNominal   = "kbps-nominal"        // bpp-nominal · pixels of a frame · frames a second / 1000
	KbpsReal      = "kbps-real"           // likewise of bpp-real
	RatioNominal  = "ratio-nominal"       // 24 / bpp-nominal
	RatioReal     = "ratio-real"          // 24 / bpp-real
)

var inf = math.Inf(1)

// specs is the list of what is measured; weighted rates are those of the whole
// set, all bits over all pixels.
func specs() []metrics.Spec {
	const (
		own   = "vtbench"
		neff  = "Simpson 1949; Hill 1973"
		info  = "Shannon 1948"
		vqgan = "Esser, Rombach, Ommer 2021 (taming-transformers)"
	)
	spec := func(id, title, unit string, better metrics.Direction, low, high float64, scope metrics.Scope, source, short, long string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Unit: unit, Better: better, Min: low, Max: high, Scope: scope, Source: source,
			Role: metrics.RoleTokens, Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .02}, Short: short, Long: long,
		}
	}
	rate := func(id, title string, counting metrics.Counting, source, short, long string) metrics.Spec {
		s := spec(id, title, "bpp", metrics.Lower, 0, inf, metrics.PerImage, source, short, long)
		s.Role, s.Rate, s.Margin = metrics.RoleRate, counting, metrics.Margin{Relative: .01}
		if s.Weighted = counting != metrics.Estimated; !s.Weighted {
			s.Scope = metrics.PerCorpus
		}
		return s
	}
	weighted := func(s metrics.Spec) metrics.Spec {
		s.Weighted = true
		return s
	}
	ratio := func(s metrics.Spec) metrics.Spec {
		s.Measured = true
		return weighted(s)
	}
	share := func(s metrics.Spec) metrics.Spec {
		s.Unit, s.Show, s.Margin = "share", metrics.Percent(1), metrics.Margin{Absolute: .01}
		return s
	}
	return []metrics.Spec{
		spec(Tokens, "Tokens", "tokens", metrics.Lower, 0, inf, metrics.PerImage, own,
			"tokens an image", "Number of token ids of an image, over all codebooks; of frames that are coded together, a frame."),
		rate(BPPNominal, "Nominal rate", metrics.Nominal, own, "bits per pixel of the tokens at fixed length",
			"Number of tokens × log₂ of the codebook size, over pixels: what the tokens cost before any entropy coding."),
		rate(BPPReal, "Real rate", metrics.Bitstream, own, "bits per pixel of the actual file",
			"Size of the bitstream without its container over the number of pixels the tokenizer saw. Only for tokenizers that write one."),
		weighted(spec(KbpsNominal, "Nominal kbit/s", "kbit/s", metrics.Lower, 0, inf, metrics.PerImage, own,
			"thousand bits a second of the tokens at fixed length", "As the nominal rate, of films: bits a second at the size that the tokenizer saw.")),
		weighted(spec(KbpsReal, "Real kbit/s", "kbit/s", metrics.Lower, 0, inf, metrics.PerImage, own,
			"thousand bits a second of the actual stream", "As the real rate, of films: bits a second at the size that the tokenizer saw.")),
		ratio(spec(RatioNominal, "Nominal ratio", "", metrics.Higher, 0, inf, metrics.PerImage, own,
			"bits of the pixels over bits of the tokens", "24 bits a pixel over the nominal rate, of the set as a whole: how many times smaller the tokens are.")),
		ratio(spec(RatioReal, "Real ratio", "", metrics.Higher, 0, inf, metrics.PerImage, own,
			"bits of the pixels over bits of the stream", "24 bits a pixel over the real rate, of the set as a whole: how many times smaller the stream is.")),
		rate(BPPFile, "File rate", metrics.Container, own, "bits per pixel of the file, container included",
			"As the real rate, with headers and metadata: what a disk sees."),
		rate(BPPCapacity, "Capacity", metrics.Capacity, info, "bits per pixel that a noisy latent can carry at most",
			"Capacity of the Gaussian channel that a continuous latent with noise is: Σ ½·log₂(1 + variance/noise variance), over pixels. Only for tokenizers that add noise."),
		rate(BPPEntropy, "Entropy-coded rate", metrics.Estimated, info, "bits per pixel of the tokens at their entropy",
			"Number of tokens × entropy of how often each code is used in this set: what an ideal coder that knows the frequencies would need."),
		share(spec(Usage, "Codebook usage", "", metrics.Higher, 0, 1, metrics.PerCorpus, vqgan,
			"share of the codebook ever used",
			"Different codes that occur in this set over the codebook's size. Small sets use fewer codes, so compare only on equal data.")),
		spec(Dead, "Dead codes", "codes", metrics.Lower, 0, inf, metrics.PerCorpus, own,
			"codes never used", "Entries of the codebook that occur nowhere in this set. Small sets use fewer codes."),
		spec(Entropy, "Code entropy", "bit", metrics.Neither, 0, 31, metrics.PerCorpus, info,
			"bits of information a token", "Entropy of how often each code is used; log₂ of the codebook's size at most."),
		spec(EntropyMM, "Code entropy, bias-corrected", "bit", metrics.Neither, 0, inf, metrics.PerCorpus, "Miller 1955",
			"bits of information a token, corrected for small sets", "Miller and Madow's correction: entropy is underestimated from few tokens."),
		spec(Perplexity, "Code perplexity", "codes", metrics.Higher, 1, inf, metrics.PerCorpus, vqgan,
			"codes in effective use",
			"exp of the entropy of how often each code is used: a codebook of 1024 with perplexity 100 works like 100 equally frequent codes."),
		spec(Effective, "Effective codes (1/Σp²)", "codes", metrics.Higher, 1, inf, metrics.PerCorpus, neff,
			"codes in effective use, rare ones counted less", "1/Σp²: the number of equally frequent codes that would repeat as often."),
		spec(JointEntropy, "Joint code entropy", "bit", metrics.Neither, 0, inf, metrics.PerCorpus, info,
			"bits of information of all codebooks together", "Entropy of the tuples of codes at a position."),
		spec(JointUsed, "Joint codes used", "tuples", metrics.Neither, 0, inf, metrics.PerCorpus, own,
			"different tuples of codes", "Combinations of codes of all codebooks that occur."),
		share(spec(PositionUsage, "Usage by position", "", metrics.Neither, 0, 1, metrics.PerCorpus, own,
			"codes used at one position, on average", "Share of the codebook that occurs at a position of the grid, averaged over positions.")),
		spec(PositionInfo, "Information of position", "bit", metrics.Neither, 0, inf, metrics.PerCorpus, info,
			"what the position tells about the code", "Mutual information of position and code, in bits."),
	}
}

// An Observer measures the tokens of images and gathers them over a set. It has
// no state of its own.
type Observer struct{}

var _ metrics.Observer = Observer{}

// Kind is the observer's entry for a registry.
func Kind() metrics.Kind { return metrics.Kind{Specs: specs(), Observer: Observer{}} }

// Specs lists what is measured.
func (Observer) Specs() []metrics.Spec { return specs() }

// Observe returns the rates of one image, weighted by its pixels, and its state.
// A rate is absent where there is none: nominal bits without codes, real bits
// without a bitstream, bits a second where no rate of frames is known. Frames that are coded
// together count as one image of all their pixels.
func (Observer) Observe(o metrics.Observation) ([]metrics.Value, string, error) {
	if o.W < 1 || o.H < 1 {
		return nil, "", fmt.Errorf("observing tokens: the image is %d×%d", o.W, o.H)
	}
	if o.Bits < 0 || o.FileBits < 0 {
		return nil, "", fmt.Errorf("observing tokens: %d bits (%d with container) are negative", o.Bits, o.FileBits)
	}
	frames := max(o.Frames, 1)
	if o.H > math.MaxInt32/frames {
		return nil, "", fmt.Errorf("observing tokens: %d frames of %d×%d", frames, o.W, o.H)
	}
	o.H *= frames
	state, err := Encode(o)
	if err != nil {
		return nil, "", err
	}
	pixels := float64(o.W) * float64(o.H)
	var values []metrics.Value
	film := func(bits float64, kbps, ratio string) {
		if bits > 0 && o.Rate > 0 {
			seconds := float64(frames) / o.Rate
			values = append(values, metrics.Value{Metric: kbps, Value: bits / seconds / 1000, N: seconds})
		}
		if bits > 0 { // weighted by bits, the mean is that of the set as a whole
			values = append(values, metrics.Value{Metric: ratio, Value: 24 * pixels / bits, N: bits})
		}
	}
	if state != "" {
		nominal := 0.0
		for _, b := range o.Codes.Books {
			nominal += float64(float64(len(b.IDs)) * math.Log2(float64(b.Size)))
		}
		values = append(values,
			metrics.Value{Metric: Tokens, Value: float64(o.Codes.Tokens()) / float64(frames)},
			metrics.Value{Metric: BPPNominal, Value: nominal / pixels, N: pixels})
		film(nominal, KbpsNominal, RatioNominal)
	}
	if o.Bits > 0 {
		values = append(values, metrics.Value{Metric: BPPReal, Value: float64(o.Bits) / pixels, N: pixels})
		film(float64(o.Bits), KbpsReal, RatioReal)
	}
	if o.Capacity > 0 {
		values = append(values, metrics.Value{Metric: BPPCapacity, Value: o.Capacity / pixels, N: pixels})
	}
	if o.FileBits > 0 {
		values = append(values, metrics.Value{Metric: BPPFile, Value: float64(o.FileBits) / pixels, N: pixels})
	}
	return values, state, nil
}

// NewAccumulator returns an empty [Accumulator].
func (Observer) NewAccumulator() metrics.Accumulator { return &Accumulator{} }

// An Accumulator gathers the tokens of a set. It is not safe for concurrent use.
type Accumulator struct {
	images int64
	pixels int64
	tokens int64
	books  []*Histogram
	// grids keeps the ids of images whose books are all small enough, by the shapes
	// of their books; nil once tokens exceed MaxJoint. Each image is one string of
	// its packed books, so that sets are kept at about their nominal size.
	grids map[string]*gridSet
	full  bool
	limit int64 // 0 means MaxJoint
}

// gridSet holds the images of one layout of books.
type gridSet struct {
	books  []Book // sizes and shapes
	images []string
}

// Add takes in the state of one image; see [Encode]. On an error nothing was
// added.
func (a *Accumulator) Add(state string) error {
	st, err := Decode(state)
	if err != nil {
		return fmt.Errorf("adding tokens: %w", err)
	}
	if len(st.Books) == 0 {
		return nil
	}
	if a.books == nil {
		for _, b := range st.Books {
			h, err := NewHistogram(b.Size)
			if err != nil {
				return fmt.Errorf("adding tokens: %w", err)
			}
			a.books = append(a.books, h)
		}
	}
	sizes := make([]int, len(st.Books))
	for i, b := range st.Books {
		sizes[i] = b.Size
	}
	if err := a.sameBooks(sizes); err != nil {
		return fmt.Errorf("adding tokens: %w", err)
	}
	if px := int64(st.W) * int64(st.H); a.pixels > math.MaxInt64-px {
		return fmt.Errorf("adding tokens: more than %d pixels", int64(math.MaxInt64))
	}
	a.images++
	a.pixels += int64(st.W) * int64(st.H)
	positions := true
	for i, b := range st.Books {
		for _, c := range b.Codes {
			a.books[i].add(c.ID, c.Count)
			a.tokens += c.Count
		}
		positions = positions && b.IDs != nil
	}
	if a.tooMany() {
		a.full, a.grids = true, nil
	}
	if positions && !a.full {
		a.addGrid(st.Books)
	}
	return nil
}

func (a *Accumulator) tooMany() bool { return a.tokens > cmp.Or(a.limit, MaxJoint) }

func (a *Accumulator) sameBooks(sizes []int) error {
	if len(sizes) != len(a.books) {
		return fmt.Errorf("%d codebooks, the images before had %d", len(sizes), len(a.books))
	}
	for i, s := range sizes {
		if s != a.books[i].size {
			return fmt.Errorf("codebook %d has %d entries, that of the images before had %d", i, s, a.books[i].size)
		}
	}
	return nil
}

func (a *Accumulator) addGrid(books []Book) {
	var layout, packed []byte
	for _, b := range books {
		layout = binary.AppendUvarint(layout, uint64(len(b.Shape)))
		for _, s := range b.Shape {
			layout = binary.AppendUvarint(layout, uint64(s))
		}
		packed = appendGrid(packed, b.Size, b.IDs)
	}
	if a.grids == nil {
		a.grids = map[string]*gridSet{}
	}
	g := a.grids[string(layout)]
	if g == nil {
		g = &gridSet{}
		for _, b := range books {
			g.books = append(g.books, Book{Size: b.Size, Shape: b.Shape})
		}
		a.grids[string(layout)] = g
	}
	g.images = append(g.images, string(packed))
}

// Merge takes in another *Accumulator. On an error nothing was taken in.
func (a *Accumulator) Merge(other metrics.Accumulator) error {
	o, ok := other.(*Accumulator)
	if !ok {
		return fmt.Errorf("merging tokens: cannot take in a %T", other)
	}
	if len(o.books) == 0 {
		return nil
	}
	if a.books == nil {
		for _, h := range o.books {
			empty, err := NewHistogram(h.size)
			if err != nil {
				return fmt.Errorf("merging tokens: %w", err)
			}
			a.books = append(a.books, empty)
		}
	}
	sizes := make([]int, len(o.books))
	for i, h := range o.books {
		sizes[i] = h.size
	}
	if err := a.sameBooks(sizes); err != nil {
		return fmt.Errorf("merging tokens: %w", err)
	}
	if a.tokens > math.MaxInt64-o.tokens || a.pixels > math.MaxInt64-o.pixels {
		return fmt.Errorf("merging tokens: more than %d tokens or pixels", int64(math.MaxInt64))
	}
	for i, h := range o.books {
		if err := a.books[i].Merge(h); err != nil {
			return fmt.Errorf("merging tokens: codebook %d: %w", i, err)
		}
	}
	a.images += o.images
	a.pixels += o.pixels
	a.tokens += o.tokens
	a.full = a.full || o.full || a.tooMany()
	if a.full {
		a.grids = nil
		return nil
	}
	for layout, g := range o.grids {
		if a.grids == nil {
			a.grids = map[string]*gridSet{}
		}
		mine := a.grids[layout]
		if mine == nil {
			mine = &gridSet{books: g.books}
			a.grids[layout] = mine
		}
		mine.images = append(mine.images, g.images...)
	}
	return nil
}

// Result returns the values of the set; none when there were no codes. With
// several codebooks Detail lists them one by one.
func (a *Accumulator) Result() ([]metrics.Value, error) {
	s, ok := a.Summary(0)
	if !ok {
		return nil, nil
	}
	n := float64(s.Images)
	each := func(f func(Stats) float64) string {
		if len(s.Books) == 1 {
			return ""
		}
		var b strings.Builder
		for i, book := range s.Books {
			if i > 0 {
				b.WriteString(" ")
			}
			fmt.Fprintf(&b, "%d:%.4g", i, f(book.Stats))
		}
		return b.String()
	}
	out := []metrics.Value{
		{Metric: BPPEntropy, Value: s.BPPEntropy, N: n},
		{Metric: Usage, Value: s.Usage, N: n, Detail: each(func(s Stats) float64 { return s.Usage })},
		{Metric: Dead, Value: float64(s.Dead), N: n, Detail: each(func(s Stats) float64 { return float64(int64(s.Size) - s.Used) })},
		{Metric: Entropy, Value: s.Entropy, N: n, Detail: each(func(s Stats) float64 { return s.Entropy })},
		{Metric: EntropyMM, Value: s.EntropyMM, N: n, Detail: each(func(s Stats) float64 { return s.EntropyMM })},
		{Metric: Perplexity, Value: s.Perplexity, N: n, Detail: each(func(s Stats) float64 { return s.Perplexity })},
		{Metric: Effective, Value: s.Effective, N: n, Detail: each(func(s Stats) float64 { return s.Effective })},
	}
	if s.Joint != nil {
		jn := float64(s.Joint.Images)
		out = append(out,
			metrics.Value{Metric: JointEntropy, Value: s.Joint.Entropy, N: jn},
			metrics.Value{Metric: JointUsed, Value: float64(s.Joint.Used), N: jn})
	}
	if s.Positions != nil {
		var usage, info, tokens float64
		for _, p := range s.Positions.Books {
			t := float64(len(p.Used))
			usage += t * p.Usage
			info += t * p.Information
			tokens += t
		}
		pn := float64(s.Positions.Images)
		out = append(out,
			metrics.Value{Metric: PositionUsage, Value: usage / tokens, N: pn},
			metrics.Value{Metric: PositionInfo, Value: info / tokens, N: pn})
	}
	return out, nil
}

// collapsed is the share of the codes that as many tokens of equally likely codes would
// use, below which a codebook has collapsed. Those fitted by k-means use .4 to .6 of
// them on small sets of photographs, faces and text, those trained by moving averages
// .005 to .2 (docs/rules.md).
const collapsed = .25

// Warnings implements [metrics.Warner]: codebooks that are hardly used. N tokens of K
// equally likely codes use K·(1 − e^(−N/K)) of them; of fewer tokens than codes nothing
// is said.
func (a *Accumulator) Warnings() []string {
	var bad, used, size int
	var tokens int64
	worst := collapsed
	for _, h := range a.books {
		st := h.Stats()
		n, k := float64(st.Tokens), float64(st.Size)
		if st.Tokens < int64(st.Size) {
			continue
		}
		share := float64(st.Used) / (k * -math.Expm1(-n/k))
		if share >= collapsed {
			continue
		}
		bad++
		if share < worst {
			worst, used, size, tokens = share, int(st.Used), st.Size, st.Tokens
		}
	}
	if bad == 0 {
		return nil
	}
	what := "the codebook has collapsed: it"
	if len(a.books) > 1 {
		what = fmt.Sprintf("%d of %d codebooks have collapsed: the worst", bad, len(a.books))
	}
	possible := float64(size) * -math.Expm1(-float64(tokens)/float64(size))
	return []string{fmt.Sprintf("%s uses %d of %d codes, where %d tokens could use %.0f", what, used, size, tokens, possible)}
}

// A Summary is all that is known of the tokens of a set.
type Summary struct {
	Images int64 `json:"images"`
	Pixels int64 `json:"pixels"`
	Tokens int64 `json:"tokens"`
	// Over all codebooks: Usage and Dead from sums; Entropy and EntropyMM as means
	// over tokens; Perplexity is 2^Entropy; Effective the geometric mean over tokens.
	Usage      float64 `json:"usage"`
	Dead       int64   `json:"dead"`
	Entropy    float64 `json:"entropy"`
	EntropyMM  float64 `json:"entropy_mm"`
	Perplexity float64 `json:"perplexity"`
	Effective  float64 `json:"effective"`
	BPPNominal float64 `json:"bpp_nominal"`
	BPPEntropy float64 `json:"bpp_entropy"`

	Books []BookSummary `json:"books"`
	// Pooled describes the sum of all books, for tokenizers whose levels share one
	// codebook; nil for a single book or for books of different sizes.
	Pooled *Stats `json:"pooled,omitempty"`
	// Joint describes the tuples of ids, one of each book, at a position; nil for a
	// single book, for books of different shapes and beyond [MaxGrid] or [MaxJoint].
	Joint *Joint `json:"joint,omitempty"`
	// Positions tells how ids depend on the position, over the images of the
	// commonest layout; nil for a single image and beyond [MaxGrid] or [MaxJoint].
	Positions *Positions `json:"positions,omitempty"`
}

// A BookSummary describes one codebook.
type BookSummary struct {
	Stats
	Top []Code `json:"top,omitempty"`
}

// Joint describes tuples. The number of possible tuples is the product of the
// codebooks' sizes, mostly far beyond the number of tokens seen: read Entropy as
// a lower bound.
type Joint struct {
	Images    int64   `json:"images"`
	Tuples    int64   `json:"tuples"`
	Used      int64   `json:"used"`
	Entropy   float64 `json:"entropy"` // bits a tuple
	EntropyMM float64 `json:"entropy_mm"`
}

// Positions tells how ids depend on the position.
type Positions struct {
	Images int64          `json:"images"` // of the commonest layout
	Others int64          `json:"others"` // of other layouts, or too large, left out
	Books  []BookPosition `json:"books"`
}

// A BookPosition is one codebook's part of [Positions].
type BookPosition struct {
	Shape []int `json:"shape"`
	// Used counts different ids at each position, row-major.
	Used []int32 `json:"used"`
	// Usage is the mean of Used/min(K, images).
	Usage float64 `json:"usage"`
	// Information is the mutual information of id and position in bits: the entropy
	// of the ids less its mean within positions. It is biased upwards where there are
	// few images, by about (K−1)(positions−1)/(2N ln 2) for N tokens.
	Information float64 `json:"information"`
}

// Summary describes the set, with the top commonest codes of each book; ok is
// false when there were no codes.
func (a *Accumulator) Summary(top int) (s Summary, ok bool) {
	if a.tokens == 0 {
		return Summary{}, false
	}
	s = Summary{Images: a.images, Pixels: a.pixels, Tokens: a.tokens}
	pooled, _ := NewHistogram(a.books[0].size) // a size that was accepted before
	var size, used int64
	var bitsNominal, bitsEntropy, bitsMM, logEffective float64
	same := len(a.books) > 1
	for _, h := range a.books {
		st := h.Stats()
		s.Books = append(s.Books, BookSummary{st, h.Top(top)})
		size += int64(st.Size)
		used += st.Used
		n := float64(st.Tokens)
		bitsNominal += float64(n * math.Log2(float64(st.Size)))
		bitsEntropy += float64(n * st.Entropy)
		bitsMM += float64(n * st.EntropyMM)
		logEffective += float64(n * math.Log2(st.Effective))
		same = same && pooled.Merge(h) == nil
	}
	n, px := float64(a.tokens), float64(a.pixels)
	s.Usage = float64(used) / float64(size)
	s.Dead = size - used
	s.Entropy, s.EntropyMM = bitsEntropy/n, bitsMM/n
	s.Perplexity = math.Exp2(s.Entropy)
	s.Effective = math.Exp2(logEffective / n)
	if len(a.books) == 1 {
		s.Effective = s.Books[0].Effective
	}
	s.BPPNominal, s.BPPEntropy = bitsNominal/px, bitsEntropy/px
	if same {
		st := pooled.Stats()
		s.Pooled = &st
	}
	s.Joint = a.joint()
	s.Positions = a.positions()
	return s, true
}

// unpack returns the ids of one image, book by book.
func (g *gridSet) unpack(image string) [][]int32 {
	r := &reader{b: []byte(image)}
	ids := make([][]int32, len(g.books))
	for i, b := range g.books {
		n := 1
		for _, s := range b.Shape {
			n *= s
		}
		ids[i] = r.grid(uint64(b.Size), n)
	}
	return ids
}

// joint counts tuples over all layouts whose books have one shape.
func (a *Accumulator) joint() *Joint {
	if a.full || len(a.books) < 2 {
		return nil
	}
	total := 0
	for _, h := range a.books {
		total += bits.Len(uint(h.size - 1))
	}
	counter := tupleCounter{narrow: total <= 64}
	j := &Joint{}
	for _, g := range a.grids {
		if !slices.ContainsFunc(g.books, func(b Book) bool { return !slices.Equal(b.Shape, g.books[0].Shape) }) {
			for _, image := range g.images {
				counter.add(g, g.unpack(image))
			}
			j.Images += int64(len(g.images))
		}
	}
	// A tuple seen in some images and unseen in others because those were too
	// large would belong to an arbitrary subset.
	if j.Images != a.images {
		return nil
	}
	counts := counter.counts()
	for _, c := range counts {
		j.Tuples += c
	}
	st := describe(maxSize, j.Tuples, slices.Values(counts))
	j.Used, j.Entropy, j.EntropyMM = st.Used, st.Entropy, st.EntropyMM
	return j
}

// tupleCounter counts tuples of ids, as words where they fit.
type tupleCounter struct {
	narrow bool
	words  []uint64
	wide   map[string]int64
	buf    []byte
}

func (t *tupleCounter) add(g *gridSet, ids [][]int32) {
	for p := range ids[0] {
		if t.narrow {
			var w uint64
			for i, b := range g.books {
				w = w<<bits.Len(uint(b.Size-1)) | uint64(ids[i][p])
			}
			t.words = append(t.words, w)
			continue
		}
		t.buf = t.buf[:0]
		for i := range g.books {
			t.buf = binary.BigEndian.AppendUint32(t.buf, uint32(ids[i][p]))
		}
		if t.wide == nil {
			t.wide = map[string]int64{}
		}
		t.wide[string(t.buf)]++
	}
}

// counts returns how often each tuple occurs, in ascending order of the counts.
func (t *tupleCounter) counts() []int64 {
	var out []int64
	slices.Sort(t.words)
	for i := 0; i < len(t.words); {
		j := i
		for j < len(t.words) && t.words[j] == t.words[i] {
			j++
		}
		out = append(out, int64(j-i))
		i = j
	}
	for _, n := range t.wide {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// positions describes the commonest layout, the first in order of its encoding
// where two are equally common.
func (a *Accumulator) positions() *Positions {
	if a.full {
		return nil
	}
	var layout string
	var g *gridSet
	for l, s := range a.grids {
		if g == nil || len(s.images) > len(g.images) || len(s.images) == len(g.images) && l < layout {
			layout, g = l, s
		}
	}
	if g == nil || len(g.images) < 2 {
		return nil
	}
	images := make([][][]int32, len(g.images))
	for i, image := range g.images {
		images[i] = g.unpack(image)
	}
	out := &Positions{Images: int64(len(images)), Others: a.images - int64(len(images))}
	column := make([]int32, len(images))
	for k, b := range g.books {
		n := len(images[0][k])
		p := BookPosition{Shape: b.Shape, Used: make([]int32, n)}
		var within, used float64
		all := make([]int32, 0, n*len(images))
		for pos := range n {
			for i := range images {
				column[i] = images[i][k][pos]
			}
			all = append(all, column...)
			st := describeIDs(b.Size, column)
			p.Used[pos] = int32(st.Used)
			used += float64(st.Used)
			within += st.Entropy
		}
		p.Usage = used / float64(n) / float64(min(b.Size, len(images)))
		p.Information = max(0, describeIDs(b.Size, all).Entropy-within/float64(n))
		out.Books = append(out.Books, p)
	}
	return out
}

func describeIDs(size int, ids []int32) Stats {
	codes := countIDs(ids)
	return describe(size, int64(len(ids)), func(yield func(int64) bool) {
		for _, c := range codes {
			if !yield(c.Count) {
				return
			}
		}
	})
}
