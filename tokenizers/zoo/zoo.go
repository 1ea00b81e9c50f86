// Package zoo has released tokenizers by name: presets over diffusers and transformers,
// run by the Python SDK in a process of their own.
//
// Its opinion: a name on a table must say which weights it stands for. A preset pins the
// revision where it is known, refuses a checkpoint that is not what it says, and writes
// the digest of what was loaded into the manifest. Only classes of the two libraries are
// used; code that lies beside weights is never run. What is known of each preset stands
// in zoo.json of the SDK, which both languages read.
//
//	zoo:flux1-vae
//	zoo:flux1-vae,path=/models/FLUX.1-dev,dtype=bfloat16
package zoo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process"
	"github.com/vtbench/vtbench/tokenizers/process/python"
)

// A Preset is what is known of a released tokenizer.
type Preset struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	Library   string     `json:"library"`             // diffusers or transformers
	Class     string     `json:"class"`               // of the library
	Since     string     `json:"since"`               // first release of the library that has the class
	Hub       string     `json:"hub"`                 // owner/name
	Subfolder string     `json:"subfolder,omitempty"` // of the model
	Weights   string     `json:"weights,omitempty"`   // the file, where it has another name than the library's
	Reads     string     `json:"reads,omitempty"`     // "vqgan": a checkpoint in the names of taming-transformers
	Revision  string     `json:"revision"`            // commit; "" where none could be read
	Gated     bool       `json:"gated,omitempty"`     // its licence must be accepted before it can be fetched
	Licence   string     `json:"licence"`             // as its hub page names it; "" where that could not be read
	Range     [2]float64 `json:"range"`               // what the bytes 0 and 255 become
	RangeFrom string     `json:"range_source,omitempty"`
	Stride    int        `json:"stride"`              // pixels of one side of a latent's cell
	Channels  int        `json:"channels"`            // of the latent
	Codebooks []int      `json:"codebooks,omitempty"` // empty for continuous ones
	// Clips says which windows of films it codes as a whole; nil: no model of clips.
	Clips *tokenizers.ClipInfo `json:"clips,omitempty"`
	Note  string               `json:"note,omitempty"`
	// Config is the configuration as it was read, without what equals the defaults of the
	// class; Small makes it narrow for tests. From says where it was read.
	Config  map[string]any `json:"config"`
	From    string         `json:"config_source"`
	Small   map[string]any `json:"small"`
	Figures []Figure       `json:"figures"` // published
}

// A Figure is a published value of a tokenizer.
type Figure struct {
	What   string  `json:"what"` // metric and data
	Value  float64 `json:"value"`
	Source string  `json:"source"` // key of [Sources]
}

type knowledge struct {
	Sources map[string]string `json:"sources"`
	Presets []Preset          `json:"presets"`
}

var known = sync.OnceValues(func() (k knowledge, err error) {
	data, err := python.Read("vtbench/zoo.json")
	if err != nil {
		return k, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err = d.Decode(&k); err != nil {
		err = fmt.Errorf("zoo.json: %w", err)
	}
	return k, err
})

// Presets returns all presets in the order in which they are shown.
func Presets() ([]Preset, error) {
	k, err := known()
	return k.Presets, err
}

// Sources says what the names of sources in figures stand for.
func Sources() (map[string]string, error) {
	k, err := known()
	return k.Sources, err
}

// Group is the heading under which a preset is listed.
func (p Preset) Group() string {
	switch {
	case len(p.Codebooks) > 0:
		return "discrete"
	case p.Clips != nil && p.Clips.Fixed != 1: // built for clips, used for stills
		return "of video"
	}
	return "continuous"
}

// Shape says stride, channels and codebook in short: "f8, 16 channels".
func (p Preset) Shape() string {
	s := fmt.Sprintf("f%d, %d channels", p.Stride, p.Channels)
	for _, k := range p.Codebooks {
		s += fmt.Sprintf(", %d ids", k)
	}
	return s
}

// Kind is the registry entry.
func Kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:       "zoo",
		Summary:    "released tokenizers by name, through diffusers and transformers; `list tokenizers --zoo` shows them",
		Example:    "zoo:flux1-vae",
		Arg:        "preset",
		ArgOptions: true,
		Options: []tokenizers.Option{
			{Name: "preset", Required: true, Help: "which one; `vtbench list tokenizers --zoo` shows all", Check: checkPreset},
			{Name: "path", Help: "folder that holds the model, in place of the hub"},
			{Name: "mirror", Help: "address of a mirror of the hub", Check: checkMirror},
			{Name: "revision", Help: "commit, branch or tag, in place of the pinned commit"},
			{Name: "device", Help: "cpu, cuda, cuda:1, mps or xpu; by default a GPU where there is one", Check: checkDevice},
			tokenizers.ChoiceOption("dtype", "what it is computed in", "float32", "float16", "bfloat16"),
			tokenizers.BoolOption("sample", false, "draw from the latent distribution instead of taking its mode"),
			tokenizers.IntOption("batch", 0, 0, 4096, "images at once; 0: 1 on a CPU, 8 elsewhere"),
			tokenizers.IntOption("replicas", 1, 1, 256, "how many copies to run side by side, each on a GPU of its own"),
			{Name: "python", Default: "python3", Help: "interpreter that has torch and the libraries"},
			{Name: "start_timeout", Default: "30m", Help: "for fetching and loading (like 90s or 30m)", Check: checkSpan},
		},
		Open: Open,
	}
}

func checkPreset(name string) error {
	all, err := Presets()
	if err != nil {
		return err
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	if !slices.Contains(names, name) {
		return fmt.Errorf("unknown preset%s; `vtbench list tokenizers --zoo` shows all", suggest.Hint(name, names))
	}
	return nil
}

func checkMirror(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("want an address: https://…")
	}
	return nil
}

var device = regexp.MustCompile(`^(cpu|mps|(cuda|xpu)(:\d+)?)$`)

func checkDevice(v string) error {
	if v != "" && !device.MatchString(v) {
		return errors.New("want cpu, cuda, cuda:1, mps or xpu")
	}
	return nil
}

func checkSpan(v string) error {
	if d, err := time.ParseDuration(v); err != nil || d <= 0 {
		return errors.New("want a span of time such as 90s, 30m or 1h")
	}
	return nil
}

// An Error says why a preset cannot be had and what mends it. It is a [missing.Error] to
// whoever asks for one.
type Error struct {
	Preset, Reason, Mend string
}

// Error implements error, in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("zoo:%s: %s; to mend it: %s", e.Preset, e.Reason, e.Mend)
}

// Unwrap makes it the error of something to be installed first.
func (e *Error) Unwrap() error {
	return &missing.Error{What: "the model of zoo:" + e.Preset, Mend: e.Mend, Err: errors.New(e.Reason)}
}

// Open starts the preset in a Python process. What it lacks, be it a library, the network
// or a checkpoint that fits, is an [Error].
func Open(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	sdk, err := python.Install()
	if err != nil {
		return nil, err
	}
	if had := os.Getenv("PYTHONPATH"); had != "" {
		sdk += string(os.PathListSeparator) + had
	}
	name := opts["preset"]
	words := []string{opts["python"], "-m", "vtbench.zoo", name}
	for _, o := range []string{"path", "mirror", "revision", "device"} {
		if opts[o] != "" {
			words = append(words, "--"+o, opts[o])
		}
	}
	if opts["dtype"] != "float32" {
		words = append(words, "--dtype", opts["dtype"])
	}
	if opts.Bool("sample") {
		words = append(words, "--sample")
	}
	if opts.Int("batch") > 0 {
		words = append(words, "--batch", opts["batch"])
	}
	tokenizers.Progress(ctx)("zoo:" + name + ": loading the model; what is not in the cache of the hub is fetched first")
	plugin := process.Kind()
	resolved := tokenizers.Options{}
	for _, o := range plugin.Options {
		resolved[o.Name] = o.Default
	}
	resolved["command"] = shellquote.Join(words...)
	resolved["env"] = shellquote.Join("PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	resolved["replicas"] = strconv.Itoa(opts.Int("replicas"))
	resolved["start_timeout"] = opts["start_timeout"]
	t, err := plugin.Open(ctx, resolved)
	if err == nil || ctx.Err() != nil {
		return t, err
	}
	var refused *process.Refusal
	if errors.As(err, &refused) {
		reason, mend, ok := strings.Cut(strings.TrimPrefix(refused.Reason, "zoo:"+name+": "), "; to mend it: ")
		if ok {
			return nil, &Error{Preset: name, Reason: reason, Mend: mend}
		}
	}
	// Without numpy not even the SDK starts; the last line of the traceback says what is missing.
	lacks := strings.Join(strings.Fields(err.Error()), " ")
	if i := strings.LastIndex(lacks, "ModuleNotFoundError: "); i >= 0 {
		lacks = opts["python"] + ": " + lacks[i:]
	}
	return nil, &Error{
		Preset: name, Reason: "it could not be started: " + lacks,
		Mend: "python=PROGRAM names a Python with numpy, torch and the libraries of docs/released.md",
	}
}
