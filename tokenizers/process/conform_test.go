package process

import (
	"context"
	"os/exec"
	"path/filepath"
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
			o := opts(t)
			tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
				k, o, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: o}, []tokenizers.Kind{Kind()})
				if err != nil {
					return nil, err
				}
				return k.Open(ctx, o)
			}, tokenizertest.Options{})
		})
	}
}
