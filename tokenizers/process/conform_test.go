package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// TestConform puts plug-ins through the suite that every adapter passes: in Go, in
// Python with the SDK, in JavaScript without, with one replica and with two, of images and
// of clips.
func TestConform(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]func(t *testing.T) tokenizers.Options{
		"go": func(t *testing.T) tokenizers.Options { return options(t, "serve-go", nil) },
		"go replicas": func(t *testing.T) tokenizers.Options {
			return options(t, "serve-go", map[string]string{"replicas": "2"})
		},
		"go clips": func(t *testing.T) tokenizers.Options { return options(t, "serve-clips", nil) },
		"numpy": func(t *testing.T) tokenizers.Options {
			return sdkOptions(t, "../../examples/tokenizers/numpy_blocks.py", nil)
		},
		"numpy clips": func(t *testing.T) tokenizers.Options {
			return sdkOptions(t, "../../examples/tokenizers/numpy_clips.py", nil)
		},
		"numpy replicas": func(t *testing.T) tokenizers.Options {
			return sdkOptions(t, "../../examples/tokenizers/numpy_blocks.py", map[string]string{"replicas": "2", "shared_memory": "false"})
		},
		"identity": func(t *testing.T) tokenizers.Options { return sdkOptions(t, identityScript, nil) },
		"node": func(t *testing.T) tokenizers.Options {
			node, err := exec.LookPath("node")
			if err != nil {
				testenv.Skip(t, "no node on PATH")
			}
			script, err := filepath.Abs("../../examples/tokenizers/plain_node.mjs")
			if err != nil {
				t.Fatal(err)
			}
			o := options(t, "", nil)
			o["command"] = quote(node) + " " + quote(script)
			return o
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conform(t, opts(t))
		})
	}
}

// conform opens a plug-in and puts it through the suite.
func conform(t *testing.T, opts tokenizers.Options) {
	t.Helper()
	tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
		k, o, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
		if err != nil {
			return nil, err
		}
		return k.Open(ctx, o)
	}, tokenizertest.Options{})
}

// TestExamplesHaveNoWarnings: what people copy, from the SDK's page or from the examples,
// passes without a warning.
func TestExamplesHaveNoWarnings(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("python/README.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := []string{"../../examples/tokenizers/numpy_blocks.py", "../../examples/tokenizers/numpy_clips.py"}
	for _, block := range regexp.MustCompile("(?s)```python\n(import vtbench.*?)```").FindAllSubmatch(page, -1) {
		scripts = append(scripts, string(block[1]))
	}
	if len(scripts) != 4 {
		t.Fatalf("%d scripts: want those of the page for images and for films, and two examples", len(scripts))
	}
	for _, script := range scripts {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			tok := openClips(t, sdkOptions(t, script, nil))
			if r := tokenizertest.Run(t.Context(), tok, tokenizertest.Options{}); !r.OK() || r.Count(tokenizertest.Warning) > 0 {
				t.Errorf("%s\n%s", script, r)
			}
		})
	}
}
