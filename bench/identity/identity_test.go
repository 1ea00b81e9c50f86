package identity_test

import (
	"image"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// facts are all that keys are made of, for one image.
type facts struct {
	manifest   record.Manifest
	pairs      [][]datasets.Pair
	given      pix.Image
	original   pix.Image
	item       string
	condition  suite.Condition
	damage     suite.Condition
	specs      []metrics.Spec
	provenance map[string]string
	unwanted   bool // nobody asks for it
	against    identity.Against
	neighbour  pix.Image // in the batch
	dataset    string
}

type engine struct{ of map[string]string }

func (e engine) Provenance() map[string]string { return e.of }

// gallery also looks at all originals first.
type gallery struct {
	engine
	metrics.Enroller
}

func someFacts() *facts {
	image1 := pix.Image{W: 2, H: 1, Pix: []uint8{1, 2, 3, 4, 5, 6}}
	image2 := pix.Image{W: 2, H: 1, Pix: []uint8{1, 2, 3, 4, 5, 7}}
	return &facts{
		manifest: record.Manifest{
			Schema: record.SchemaVersion, Seed: 1, Batch: 2, KeepImages: 2,
			Suite: suite.Suite{
				ID: "s", Version: 1, ScoreAt: "original", Options: map[string]string{"ocr.lang": "eng"},
				Resolutions: []int{256}, Metrics: []string{"m"}, Headline: []string{"m"},
			},
			Datasets: []record.DatasetEntry{{Name: "d", Spec: "d:path", Info: datasets.Info{ID: "d", Version: 1, Digest: "x"}, Items: 2, Planned: 4, Total: 9}},
			Tokenizers: []record.TokenEntry{{
				Name: "mine", Kind: "k", Options: tokenizers.Options{"q": "20"},
				Info: tokenizers.Info{Name: "t", Version: "1", Weights: "w", Code: "c", Deterministic: true, BatchInvariant: true, Params: map[string]string{"lib": "1"}},
			}},
			Metrics:    []metrics.Spec{{ID: "m", Version: 1}},
			Provenance: map[string]string{"tesseract": "5"},
			Host:       record.Host{Started: "2026-01-01T00:00:00Z", Program: "vtbench 1", Build: "b", Go: "go1", OS: "linux/amd64", CPU: "a", Cores: 2, Features: "avx2"},
		},
		given: image1, original: image2, item: "i", condition: suite.Condition{Resolution: 256},
		damage: suite.Condition{Corruption: suite.TokenDrop, Severity: 1, Resolution: 256},
		specs:  []metrics.Spec{{ID: "m", Version: 1, Scope: metrics.PerImage}}, provenance: map[string]string{"net": "1"},
		against: identity.Against{
			Item: "i", Place: pix.Placement{W: 2, H: 1, Side: 256, Inside: image.Rect(0, 0, 2, 1)},
			Instances: []datasets.Instance{{ID: "a", Box: image.Rect(0, 0, 1, 1), Text: "word"}},
		},
		neighbour: image2, dataset: "d",
	}
}

// keys are those of the facts: R of a reconstruction, R of one with damaged tokens, V of a
// plain metric, V of one that looks at all originals.
func (f *facts) keys() [4]identity.Key {
	r := identity.Of(&f.manifest, f.pairs)
	alone := r.Reconstruction(0, identity.Pixels(f.given), f.condition, nil)
	other := r.Reconstruction(0, identity.Pixels(f.neighbour), f.condition, nil)
	rec := r.Batched(0, []identity.Key{alone, other})[0]
	damaged := r.Damaged(0, rec, f.damage, f.dataset, f.item)
	f.against.Original = identity.Pixels(f.original)
	s := r.Scored(f.against)
	wanted := func(string) bool { return !f.unwanted }
	plain := r.Value(rec, r.Part("metric", f.specs, wanted, engine{f.provenance}), s)
	ranked := r.Value(rec, r.Part("metric", f.specs, wanted, gallery{engine: engine{f.provenance}}), s)
	return [4]identity.Key{rec, damaged, plain, ranked}
}

// What of the four keys a change concerns.
const (
	none    = ""
	all     = "R damaged V ranked"
	values  = "V ranked"
	damaged = "damaged"
	ranked  = "ranked"
)

// TestEachFactIsInTheKey changes what can change a result, one at a time, and what cannot.
func TestEachFactIsInTheKey(t *testing.T) {
	inst := func(change func(*datasets.Instance)) func(*facts) {
		return func(f *facts) {
			f.against.Instances = slices.Clone(f.against.Instances)
			change(&f.against.Instances[0])
		}
	}
	for name, c := range map[string]struct {
		change func(*facts)
		want   string
	}{
		"build of the program":               {func(f *facts) { f.manifest.Host.Build = "b2" }, all},
		"version of Go":                      {func(f *facts) { f.manifest.Host.Go = "go2" }, all},
		"system":                             {func(f *facts) { f.manifest.Host.OS = "linux/arm64" }, all},
		"processor's instructions":           {func(f *facts) { f.manifest.Host.Features = "avx2 avx512f" }, all},
		"kind of tokenizer":                  {func(f *facts) { f.manifest.Tokenizers[0].Kind = "k2" }, all},
		"its option":                         {func(f *facts) { f.manifest.Tokenizers[0].Options["q"] = "21" }, all},
		"pixels given":                       {func(f *facts) { f.given.Pix = []uint8{9, 2, 3, 4, 5, 6} }, all},
		"shape of the image":                 {func(f *facts) { f.given.W, f.given.H = 1, 2 }, all},
		"condition":                          {func(f *facts) { f.condition.Corruption, f.condition.Severity = "fog", 3 }, all},
		"resolution":                         {func(f *facts) { f.condition.Resolution = 512 }, all},
		"seed":                               {func(f *facts) { f.manifest.Seed = 2 }, all},
		"kind of token damage":               {func(f *facts) { f.damage.Corruption = suite.TokenRandom }, damaged},
		"severity of token damage":           {func(f *facts) { f.damage.Severity = 2 }, damaged},
		"label, by which damage is drawn":    {func(f *facts) { f.manifest.Tokenizers[0].Name = "yours" }, damaged},
		"item, by which damage is drawn":     {func(f *facts) { f.item = "j" }, damaged},
		"data set, by which damage is drawn": {func(f *facts) { f.dataset = "e" }, damaged},
		"original":                           {func(f *facts) { f.original.Pix = []uint8{9, 9, 9, 9, 9, 9} }, values},
		"item, as the metric is told":        {func(f *facts) { f.against.Item = "j" }, values},
		"place in the square":                {func(f *facts) { f.against.Place.Inside.Max.X++ }, values},
		"against the undamaged image":        {func(f *facts) { f.against.Undamaged = true }, values},
		"size of scoring":                    {func(f *facts) { f.manifest.Suite.ScoreAt = "input" }, values},
		"option of the suite":                {func(f *facts) { f.manifest.Suite.Options["ocr.lang"] = "deu" }, values},
		"metric":                             {func(f *facts) { f.specs[0].ID = "m2" }, values},
		"version of the metric":              {func(f *facts) { f.specs[0].Version = 2 }, values},
		"scope of the metric":                {func(f *facts) { f.specs[0].Scope = metrics.PerInstance }, values},
		"network or library of the metric":   {func(f *facts) { f.provenance["net"] = "2" }, values},
		"which values are asked for":         {func(f *facts) { f.unwanted = true }, values},
		"id of an instance":                  {inst(func(in *datasets.Instance) { in.ID = "b" }), values},
		"box of an instance":                 {inst(func(in *datasets.Instance) { in.Box.Max.X++ }), values},
		"outline of an instance":             {inst(func(in *datasets.Instance) { in.Quad = []datasets.Point{{X: 1}} }), values},
		"transcription":                      {inst(func(in *datasets.Instance) { in.Text = "Word" }), values},
		"don't care":                         {inst(func(in *datasets.Instance) { in.Ignore = true }), values},
		"key points":                         {inst(func(in *datasets.Instance) { in.Points = []datasets.Point{{Y: 1}} }), values},
		"identity":                           {inst(func(in *datasets.Instance) { in.Identity = "x" }), values},
		"scale":                              {inst(func(in *datasets.Instance) { in.Scale = .5 }), values},
		"an instance more": {func(f *facts) {
			f.against.Instances = append(slices.Clone(f.against.Instances), datasets.Instance{ID: "z"})
		}, values},
		"content of the data sets":                {func(f *facts) { f.manifest.Datasets[0].Info.Digest = "y" }, ranked},
		"version of a data set":                   {func(f *facts) { f.manifest.Datasets[0].Info.Version = 2 }, ranked},
		"items of a data set":                     {func(f *facts) { f.manifest.Datasets[0].Planned = 5 }, ranked},
		"pairs of a data set":                     {func(f *facts) { f.pairs = [][]datasets.Pair{{{A: "i", B: "j"}}} }, ranked},
		"neighbour in the batch, where invariant": {func(f *facts) { f.neighbour = f.given }, none},

		"when":                      {func(f *facts) { f.manifest.Host.Started = "2026-02-02T00:00:00Z" }, none},
		"which of equal machines":   {func(f *facts) { f.manifest.Host.CPU, f.manifest.Host.Cores = "b", 64 }, none},
		"shard":                     {func(f *facts) { f.manifest.Shard, f.manifest.Datasets[0].Items = "1/2", 1 }, none},
		"batch, where invariant":    {func(f *facts) { f.manifest.Batch = 8 }, none},
		"pictures":                  {func(f *facts) { f.manifest.KeepImages = 9 }, none},
		"intervals":                 {func(f *facts) { f.manifest.Bootstrap.Resamples = 9 }, none},
		"title of the suite":        {func(f *facts) { f.manifest.Suite.Title, f.manifest.Suite.Version = "S", 2 }, none},
		"how a metric is shown":     {func(f *facts) { f.specs[0].Title, f.specs[0].Show = "M", metrics.Fixed(1) }, none},
		"software of other metrics": {func(f *facts) { f.manifest.Provenance["opencv"] = "4" }, none},
		"path of a data set":        {func(f *facts) { f.manifest.Datasets[0].Spec = "d:elsewhere" }, none},
	} {
		t.Run(name, func(t *testing.T) {
			before, f := someFacts().keys(), someFacts()
			c.change(f)
			for i, k := range f.keys() {
				what := strings.Fields(all)[i]
				if changed, want := k != before[i], strings.Contains(" "+c.want+" ", " "+what+" "); changed != want {
					t.Errorf("key %s: changed %v, want %v", what, changed, want)
				}
				if !k.Known() {
					t.Errorf("key %s is unknown", what)
				}
			}
		})
	}
}

// Every field of what a tokenizer says of itself is in its key, but those that say how it
// likes to be called: a field that is added is a difference until somebody says otherwise.
func TestEveryFieldOfATokenizer(t *testing.T) {
	free := []string{"Concurrent", "External", "BatchSize", "Reference"}
	info := reflect.TypeFor[tokenizers.Info]()
	for i := range info.NumField() {
		f := someFacts()
		v := reflect.ValueOf(&f.manifest.Tokenizers[0].Info).Elem().Field(i)
		name := info.Field(i).Name
		switch v.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() + 1)
		case reflect.Slice:
			v.Set(reflect.ValueOf([]int{7}))
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string]string{"lib": "2"}))
		case reflect.Pointer:
			v.Set(reflect.ValueOf(&tokenizers.ClipInfo{Multiple: 4}))
		default:
			t.Fatalf("%s: a field of a kind that this test does not know", name)
		}
		changed := f.keys()[0] != someFacts().keys()[0]
		if want := !slices.Contains(free, name); changed != want {
			t.Errorf("%s: the key changed %v, want %v", name, changed, want)
		}
	}
}

// Frames that are coded together are bound to all frames of their window, their place in it
// and the rate, though single images are not bound to their batch.
func TestWindows(t *testing.T) {
	f := someFacts()
	r := identity.Of(&f.manifest, nil)
	a, b := r.Reconstruction(0, identity.Pixels(f.given), f.condition, nil), r.Reconstruction(0, identity.Pixels(f.neighbour), f.condition, nil)
	seen := map[identity.Key]string{}
	for name, keys := range map[string][]identity.Key{
		"alone": {a, b}, "together": r.Together(0, 25, []identity.Key{a, b}), "exchanged": r.Together(0, 25, []identity.Key{b, a}),
		"fewer": r.Together(0, 25, []identity.Key{a}), "faster": r.Together(0, 30, []identity.Key{a, b}),
	} {
		for _, k := range keys {
			if other, twice := seen[k]; twice || !k.Known() {
				t.Errorf("a key of %s is also one of %q, or unknown", name, other)
			}
			seen[k] = name
		}
	}
	f.manifest.Tokenizers[0].Info.Deterministic = false
	r = identity.Of(&f.manifest, nil)
	if k := r.Together(0, 25, []identity.Key{r.Reconstruction(0, identity.Pixels(f.given), f.condition, nil)})[0]; k.Known() {
		t.Error("a tokenizer that is not deterministic has a key")
	}
}

// Where a result depends on the batch, the whole batch and the place in it are in the key.
func TestBatches(t *testing.T) {
	keys := func(change func(*facts), order ...int) identity.Key {
		f := someFacts()
		f.manifest.Tokenizers[0].Info.BatchInvariant = false
		change(f)
		r := identity.Of(&f.manifest, nil)
		alone := []identity.Key{r.Reconstruction(0, identity.Pixels(f.given), f.condition, nil), r.Reconstruction(0, identity.Pixels(f.neighbour), f.condition, nil)}
		var batch []identity.Key
		for _, i := range order {
			batch = append(batch, alone[i])
		}
		return r.Batched(0, batch)[slices.Index(order, 0)]
	}
	same := func(*facts) {}
	base := keys(same, 0, 1)
	if base != keys(same, 0, 1) {
		t.Error("equal batches have different keys")
	}
	if base == keys(same, 1, 0) || base == keys(same, 0) || base == keys(same, 0, 1, 1) || base == keys(func(f *facts) { f.neighbour = f.given }, 0, 1) {
		t.Error("another batch has the same key")
	}
}

// Unknown keys come of what is not certain, and stay unknown in all that is made of them.
func TestUnkept(t *testing.T) {
	for name, change := range map[string]func(*facts){
		"not deterministic":     func(f *facts) { f.manifest.Tokenizers[0].Info.Deterministic = false },
		"plug-in, no weights":   func(f *facts) { in := &f.manifest.Tokenizers[0].Info; in.External, in.Weights = true, "" },
		"plug-in, no code":      func(f *facts) { in := &f.manifest.Tokenizers[0].Info; in.External, in.Code = true, "" },
		"unknown build":         func(f *facts) { f.manifest.Host.Build = "" },
		"label that is no JSON": nil,
	} {
		if change == nil {
			continue
		}
		f := someFacts()
		change(f)
		for i, k := range f.keys() {
			if k.Known() {
				t.Errorf("%s: key %d is known", name, i)
			}
		}
		if identity.Of(&f.manifest, nil).Unkept(0) == "" {
			t.Errorf("%s: no reason", name)
		}
	}
	f := someFacts()
	f.manifest.Tokenizers[0].Info.External = true
	if !f.keys()[0].Known() {
		t.Error("a plug-in that says what it is, is not kept")
	}
	f = someFacts()
	f.manifest.Datasets[0].Info.Digest = ""
	if k := f.keys(); !k[2].Known() || k[3].Known() {
		t.Error("a data set without a digest concerns what looks at all of it, and nothing else")
	}
}

// Of two runs of different suites the suite is named first, and one field of each kind.
func TestDifferencesOfSuites(t *testing.T) {
	a, b := someFacts().manifest, someFacts().manifest
	b.Suite.ID, b.Suite.Version, b.Suite.Headline = "other", 2, []string{"n"}
	b.Suite.Metrics, b.Metrics, b.Batch, b.Seed = []string{"n"}, nil, 9, 7
	b.Provenance = map[string]string{"a": "1", "b": "2"}
	ds, err := identity.Differences(&a, &b)
	if err != nil {
		t.Fatal(err)
	}
	var fields []string
	for field := range strings.SplitSeq(identity.Strings(ds), "; ") {
		fields = append(fields, strings.Fields(field)[0])
	}
	if got, want := strings.Join(fields, " "), "suite.id batch metrics provenance.a and"; got != want {
		t.Errorf("the fields that are told are %q, want %q", got, want)
	}
}

// Manifests that differ in what keys are made of are of different runs, and the field is
// named; those that do not can continue each other.
func TestDifferences(t *testing.T) {
	for field, change := range map[string]func(*record.Manifest){
		"": func(m *record.Manifest) {
			m.Host.Started, m.Host.CPU, m.Host.Cores, m.LeftOut = "x", "y", 9, map[string]string{}
			m.Remarks = []metrics.Remark{{Text: "36 faces of 2 people"}}
		},
		"schema":                           func(m *record.Manifest) { m.Schema = 1 },
		"suite.options.ocr.lang":           func(m *record.Manifest) { m.Suite.Options = map[string]string{"ocr.lang": "deu"} },
		"suite.metrics":                    func(m *record.Manifest) { m.Suite.Metrics = []string{"m", "n"} },
		"suite.version":                    func(m *record.Manifest) { m.Suite.Version = 2 },
		"datasets[d].info.digest":          func(m *record.Manifest) { m.Datasets[0].Info.Digest = "y" },
		"datasets[d].planned":              func(m *record.Manifest) { m.Datasets[0].Planned = 5 },
		"tokenizers[mine].info.weights":    func(m *record.Manifest) { m.Tokenizers[0].Info.Weights = "w2" },
		"tokenizers[mine].info.params.lib": func(m *record.Manifest) { m.Tokenizers[0].Info.Params = map[string]string{"lib": "2"} },
		"tokenizers":                       func(m *record.Manifest) { m.Tokenizers = append(m.Tokenizers, record.TokenEntry{Name: "more"}) },
		"metrics[m].version":               func(m *record.Manifest) { m.Metrics[0].Version = 2 },
		"seed":                             func(m *record.Manifest) { m.Seed = 1 << 63 },
		"batch":                            func(m *record.Manifest) { m.Batch = 4 },
		"shard":                            func(m *record.Manifest) { m.Shard = "1/2" },
		"keep_images":                      func(m *record.Manifest) { m.KeepImages = 5 },
		"bootstrap.resamples":              func(m *record.Manifest) { m.Bootstrap.Resamples = 5 },
		"provenance.tesseract":             func(m *record.Manifest) { m.Provenance = map[string]string{"tesseract": "6"} },
		"engine.Build":                     func(m *record.Manifest) { m.Host.Build = "b2" },
		"engine.Features":                  func(m *record.Manifest) { m.Host.Features = "" },
	} {
		a, b := someFacts().manifest, someFacts().manifest
		change(&b)
		got, err := identity.Differences(&a, &b)
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, d := range got {
			fields = append(fields, d.Field)
		}
		if strings.Join(fields, " ") != field {
			t.Errorf("differences in %q, want %q", fields, field)
		}
		if field != "" && !strings.Contains(identity.Strings(got), field) {
			t.Errorf("%q is not named in %q", field, identity.Strings(got))
		}
	}
}
