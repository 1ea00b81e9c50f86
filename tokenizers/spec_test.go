package tokenizers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kindsForTest has a kind of each sort: options, a whole text, and one that takes
// tokenizers as values of its options.
func kindsForTest() []Kind {
	return []Kind{
		{Name: "vq", Options: []Option{IntOption("patch", 8, 1, 64, "side"), IntOption("k", 256, 2, 65536, "entries"), {Name: "file", Help: "a file"}}},
		{Name: "jpeg", Options: []Option{IntOption("q", 75, 1, 100, "quality")}},
		{Name: "process", Arg: "command", Options: []Option{{Name: "command", Required: true}}, Guess: func(path string) string {
			if strings.HasSuffix(path, ".py") {
				return "process:python3 " + path
			}
			return ""
		}},
		{Name: "ptq", Options: []Option{
			SpecOption("of", "the model", kindsForTest),
			ChoiceOption("rule", "rule of rounding", "round", "gptq"),
			IntOption("bits", 8, 1, 8, "bits"),
		}},
		{Name: "best", Options: []Option{ListOption("of", "the models", kindsForTest), IntOption("n", 1, 1, 9, "how many")}},
	}
}

func TestSpecs(t *testing.T) {
	one := func(name, kind string, opts map[string]string) []Spec {
		return []Spec{{Name: name, Kind: kind, Opts: opts}}
	}
	type m = map[string]string
	for text, want := range map[string][]Spec{
		"jpeg":                       one("jpeg", "jpeg", m{}),
		" jpeg : q = 20 ":            one("jpeg:q=20", "jpeg", m{"q": "20"}),
		"jpeg:":                      one("jpeg", "jpeg", m{}),
		"small=vq:patch=8,k=256":     one("small", "vq", m{"patch": "8", "k": "256"}),
		`vq:file="a, b}.bin"`:        one(`vq:file="a, b}.bin"`, "vq", m{"file": "a, b}.bin"}),
		`vq:file="say \"a\\b\""`:     one(`vq:file="say \"a\\b\""`, "vq", m{"file": `say "a\b"`}),
		`vq:file="plain"`:            one("vq:file=plain", "vq", m{"file": "plain"}),
		`vq:file=C:\models\a=b.onnx`: one(`vq:file=C:\models\a=b.onnx`, "vq", m{"file": `C:\models\a=b.onnx`}),
		"vq:file=":                   one("vq:file=", "vq", m{"file": ""}),
		"vq:k={256}":                 one("vq:k=256", "vq", m{"k": "256"}),
		"mine=process:sh -c 'x={a,b}; echo \"{in}'": {{Name: "mine", Kind: "process", Arg: "sh -c 'x={a,b}; echo \"{in}'"}},
		"vq:patch=8,k={256, 1024}": {
			{Name: "vq:patch=8,k=256", Kind: "vq", Opts: m{"patch": "8", "k": "256"}, Choice: "k=256"},
			{Name: "vq:patch=8,k=1024", Kind: "vq", Opts: m{"patch": "8", "k": "1024"}, Choice: "k=1024"},
		},
		"mine=vq:file=enc-{a,b}.onnx": {
			{Name: "mine:file=enc-a.onnx", Kind: "vq", Opts: m{"file": "enc-a.onnx"}, Choice: "file=enc-a.onnx"},
			{Name: "mine:file=enc-b.onnx", Kind: "vq", Opts: m{"file": "enc-b.onnx"}, Choice: "file=enc-b.onnx"},
		},
		"{jpeg,vq}": {
			{Name: "jpeg", Kind: "jpeg", Opts: m{}, Choice: "jpeg"},
			{Name: "vq", Kind: "vq", Opts: m{}, Choice: "vq"},
		},
		"ptq:of={vq:patch=4,k=16},rule=gptq,bits=4": one("ptq:of={vq:patch=4,k=16},rule=gptq,bits=4", "ptq", m{"of": "vq:patch=4,k=16", "rule": "gptq", "bits": "4"}),
		"ptq:of=jpeg:q=3":                      one("ptq:of={jpeg:q=3}", "ptq", m{"of": "jpeg:q=3"}),
		"ptq:of={jpeg}":                        one("ptq:of=jpeg", "ptq", m{"of": "jpeg"}),
		"ptq:of={process:python a.py {in}, b}": one("ptq:of={process:python a.py {in}, b}", "ptq", m{"of": "process:python a.py {in}, b"}),
		"ptq:of={ptq:of={vq:k=4},bits=2}":      one("ptq:of={ptq:of={vq:k=4},bits=2}", "ptq", m{"of": "ptq:of={vq:k=4},bits=2"}),
		"ptq:of={{vq:patch=4,k=16},jpeg}": {
			{Name: "ptq:of={vq:patch=4,k=16}", Kind: "ptq", Opts: m{"of": "vq:patch=4,k=16"}, Choice: "of={vq:patch=4,k=16}"},
			{Name: "ptq:of=jpeg", Kind: "ptq", Opts: m{"of": "jpeg"}, Choice: "of=jpeg"},
		},
		"best:of={jpeg, vq:k=4},n=2":                 one("best:of={jpeg,{vq:k=4}},n=2", "best", m{"of": "jpeg,{vq:k=4}", "n": "2"}),
		"best:of={{vq:patch=4,k={4,8}},ptq:of=jpeg}": one("best:of={{vq:patch=4,k=4},{vq:patch=4,k=8},{ptq:of=jpeg}}", "best", m{"of": "{vq:patch=4,k=4},{vq:patch=4,k=8},{ptq:of=jpeg}"}),
		"best:of=jpeg:q={3,5}":                       one("best:of={{jpeg:q=3},{jpeg:q=5}}", "best", m{"of": "{jpeg:q=3},{jpeg:q=5}"}),
		"best:of={{best:of={jpeg,vq},n=3},vq}":       one("best:of={{best:of={jpeg,vq},n=3},vq}", "best", m{"of": "{best:of={jpeg,vq},n=3},vq"}),
		"ptq:of={vq:k={4,8}},bits={2,3}": {
			{Name: "ptq:of={vq:k=4},bits=2", Kind: "ptq", Opts: m{"of": "vq:k=4", "bits": "2"}, Choice: "of={vq:k=4},bits=2"},
			{Name: "ptq:of={vq:k=4},bits=3", Kind: "ptq", Opts: m{"of": "vq:k=4", "bits": "3"}, Choice: "of={vq:k=4},bits=3"},
			{Name: "ptq:of={vq:k=8},bits=2", Kind: "ptq", Opts: m{"of": "vq:k=8", "bits": "2"}, Choice: "of={vq:k=8},bits=2"},
			{Name: "ptq:of={vq:k=8},bits=3", Kind: "ptq", Opts: m{"of": "vq:k=8", "bits": "3"}, Choice: "of={vq:k=8},bits=3"},
		},
	} {
		got, err := ParseSpecs(text, kindsForTest())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestSpecErrorsNameTheColumn(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "column 1 (at the end): no kind of tokenizer",
		"=vq":                    `column 1 (at "=vq"): no name before the equals sign`,
		"mine=":                  "column 6 (at the end): no kind of tokenizer",
		"vq:patch=8,k={256,1024": `column 14 (at "{256,1024"): the brace is not closed`,
		"vq:patch=8}":            `column 11 (at "}"): a brace is closed that was not opened`,
		"vq}":                    `column 3 (at "}"): a brace is closed`,
		"vq:k={256,}":            `column 11 (at "}"): an alternative is missing here`,
		"vq:k={}":                `column 7 (at "}"): an alternative is missing`,
		"vq:patch=8,,k=2":        `column 12 (at ",k=2"): an option is missing`,
		"vq:patch=8,1024":        `column 12 (at "1024"): option "1024" has no value: want key=value; several values stand in braces`,
		"vq:K=8":                 `column 4 (at "K=8"): unknown option "K", did you mean "k"?; vq takes patch, k, file`,
		"vq:k=8,k=9":             `column 8 (at "k=9"): option "k" is given twice`,
		"vq:k={8,8}":             `column 1 (at "vq:k={8,8}"): it stands for vq:k=8 twice`,
		`vq:file="a`:             `column 9 (at "\"a"): the quote is not closed`,
		"jpg:q=20":               `column 1 (at "jpg:q=20"): unknown tokenizer "jpg", did you mean "jpeg"?`,
		"my_tok.py":              `unknown tokenizer "my_tok.py", did you mean 'process:python3 my_tok.py'?`,
		"ptq:of={vq:K=4},bits=4": `column 12 (at "K=4},bits=4"): unknown option "K"`,
		"ptq:of={jpg},bits=4":    `column 9 (at "jpg},bits=4"): unknown tokenizer "jpg"`,
		"vq:file=grün,k=9,k=9":   `column 18 (at "k=9")`,
		"vq:k={1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17},patch={1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}": "more than 256 tokenizers",
		"ptq:of=" + strings.Repeat("{ptq:of=", 12) + "vq" + strings.Repeat("}", 12):                       "more than 8 specs within each other",
		"vq:k=" + strings.Repeat("{", 100):            "more than 32 braces",
		"vq:file=" + strings.Repeat("x", maxSpecText): "at most 65536 are read",
	} {
		_, err := ParseSpecs(text, kindsForTest())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v\nwant %s", text, err, want)
		} else if len(err.Error()) > 500 {
			t.Errorf("%.60s: an error of %d bytes", text, len(err.Error()))
		}
	}
	_, err := ParseSpec("vq:k={8,9}", kindsForTest())
	if want := `stands for 2 tokenizers (vq:k=8, …) where one is wanted`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestOptionsBesideASpec(t *testing.T) {
	specs, err := ParseSpecs("vq:patch={4,8}", kindsForTest())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range specs {
		for _, s := range []Spec{s, s.Renamed("mine")} {
			more, err := s.WithOptions(map[string][]string{"k": {"16", "32"}, "file": {"{as,is}"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range more {
				if m.Opts["file"] != "{as,is}" {
					t.Errorf("a value beside the text was read as one in it: %q", m.Opts["file"])
				}
				names = append(names, fmt.Sprint(m.Name, " ", m.Opts["k"]))
			}
		}
	}
	want := []string{
		"vq:patch=4,k=16 16", "vq:patch=4,k=32 32", "mine:patch=4,k=16 16", "mine:patch=4,k=32 32",
		"vq:patch=8,k=16 16", "vq:patch=8,k=32 32", "mine:patch=8,k=16 16", "mine:patch=8,k=32 32",
	}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	if _, err := specs[0].WithOptions(map[string][]string{"patch": {"4"}}); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("an option in two places: %v", err)
	}
	if _, err := specs[0].WithOptions(map[string][]string{"k": {}}); err == nil {
		t.Error("an empty list of values is accepted")
	}
}

func TestNestedSpecsAreResolved(t *testing.T) {
	s, err := ParseSpec("ptq:of={vq:k=1}", kindsForTest())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Resolve(s, kindsForTest()); err == nil || !strings.Contains(err.Error(), "option k=1: want a whole number from 2 to 65536") {
		t.Errorf("the options of a nested spec: %v", err)
	}
}

// Whatever is read can be written and read again, and stands for what it did.
func FuzzSpecs(f *testing.F) {
	for _, s := range []string{
		"jpeg:q=20", "mine=vq:patch={4,8},k={256,1024}", "ptq:of={{vq:k=4,patch=2},jpeg},rule=gptq", `vq:file="a,\"b\\"-{1,2}`,
		"process:python {in} \"x", "{jpeg,vq}:", "ptq:of={process:a {b}, c}", "vq:k={{1,2},3}", "ptq:of={ptq:of={ptq:of=vq}}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kinds := kindsForTest()
		specs, err := ParseSpecs(text, kinds)
		if err != nil {
			return
		}
		if len(specs) == 0 || len(specs) > maxSpecs {
			t.Fatalf("%q stands for %d", text, len(specs))
		}
		names := map[string]bool{}
		for _, s := range specs {
			if names[s.Name] {
				t.Fatalf("%q gives %q twice", text, s.Name)
			}
			names[s.Name] = true
			again, err := ParseSpec("x="+canonical(s), kinds)
			if err != nil {
				t.Fatalf("%q gives %q, which cannot be read: %v", text, canonical(s), err)
			}
			again.Name, s.Name, s.Choice = "", "", ""
			if d := cmp.Diff(s, again); d != "" {
				t.Fatalf("%q, written %q: %s", text, canonical(s), d)
			}
			_, _, _ = Resolve(s, kinds)
		}
	})
}

// canonical writes a spec out.
func canonical(s Spec) string {
	if s.Opts == nil {
		return s.Kind + ":" + s.Arg
	}
	var fields []string
	for k, v := range s.Opts {
		text := quote(v)
		if k == "of" {
			text = embrace(v)
		}
		fields = append(fields, k+"="+text)
	}
	return s.Kind + ":" + strings.Join(fields, ",")
}
