package zoo

import (
	"errors"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/tokenizers"
)

func TestPresets(t *testing.T) {
	all, err := Presets()
	if err != nil {
		t.Fatal(err)
	}
	sources, err := Sources()
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]int{}
	for _, p := range all {
		groups[p.Group()]++
		if p.Range[1] <= p.Range[0] || p.Stride < 8 || p.Channels < 1 || p.Class == "" || p.Since == "" || p.From == "" {
			t.Errorf("%+v", p)
		}
		for _, f := range p.Figures {
			if sources[f.Source] == "" {
				t.Errorf("%s: %s has no source", p.Name, f.What)
			}
		}
	}
	if len(groups) != 3 || groups["discrete"] < 6 {
		t.Error(groups)
	}
}

func TestOptions(t *testing.T) {
	kinds := []tokenizers.Kind{Kind()}
	for _, c := range []struct{ spec, want string }{
		{"zoo:flux1-vae", ""},
		{"zoo:flux1-vae,device=cuda:1,dtype=bfloat16,path=/models/FLUX.1-dev", ""},
		{"zoo:taesd,mirror=https://hub.example", ""},
		{"zoo:flux1-va", `did you mean "flux1-vae"?`},
		{"zoo:", `option "preset" is missing`},
		{"zoo:taesd,device=gpu", "want cpu, cuda, cuda:1, mps or xpu"},
		{"zoo:taesd,dtype=float8", "want one of float32, float16, bfloat16"},
		{"zoo:taesd,mirror=hub.example", "want an address"},
		{"zoo:taesd,start_timeout=30", "want a span of time"},
	} {
		s, err := tokenizers.ParseSpec(c.spec, kinds)
		if err == nil {
			var o tokenizers.Options
			_, o, err = tokenizers.Resolve(s, kinds)
			if c.want == "" && err == nil && !strings.HasPrefix(c.spec, "zoo:"+o["preset"]) {
				t.Errorf("%s: preset %q", c.spec, o["preset"])
			}
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.spec, err, c.want)
		}
	}
}

func TestErrorIsOfSomethingMissing(t *testing.T) {
	err := error(&Error{Preset: "taesd", Reason: "it is not there", Mend: "fetch it"})
	var m *missing.Error
	if !errors.As(err, &m) || m.Mend != "fetch it" || err.Error() != "zoo:taesd: it is not there; to mend it: fetch it" {
		t.Error(err, m)
	}
}
