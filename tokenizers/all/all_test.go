package all

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func open(ctx context.Context, text string) (tokenizers.Tokenizer, error) {
	spec, err := tokenizers.ParseSpec(text, Kinds())
	if err != nil {
		return nil, err
	}
	kind, opts, err := tokenizers.Resolve(spec, Kinds())
	if err != nil {
		return nil, err
	}
	return kind.Open(ctx, opts)
}

func TestKindsAreDistinctAndTheirExamplesOpen(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Name] {
			t.Errorf("two kinds are called %q", k.Name)
		}
		seen[k.Name] = true
		if k.Summary == "" || strings.HasSuffix(k.Summary, ".") {
			t.Errorf("%s: summary %q", k.Name, k.Summary)
		}
		switch k.Name {
		case "jp2", "process", "fd", "onnx", "folder", "zoo": // need a program or files
			spec, err := tokenizers.ParseSpec(k.Example, Kinds())
			if err == nil {
				_, _, err = tokenizers.Resolve(spec, Kinds())
			}
			if err != nil {
				t.Errorf("%s: its example %q: %v", k.Name, k.Example, err)
			}
		default:
			tok, err := open(t.Context(), k.Example)
			if strings.HasPrefix(k.Name, "conv") || k.Group == "codecs of films" { // ONNX Runtime, or ffmpeg
				testenv.Need(t, err)
			}
			if err != nil {
				t.Errorf("%s: its example %q does not open: %v", k.Name, k.Example, err)
			}
			if c, ok := tok.(io.Closer); ok {
				if err := c.Close(); err != nil {
					t.Errorf("%s: closing it: %v", k.Name, err)
				}
			}
		}
		for _, o := range k.Options {
			if o.Help == "" {
				t.Errorf("%s: option %s has no help", k.Name, o.Name)
			}
			if o.Check != nil && !o.Required {
				if err := o.Check(o.Default); err != nil {
					t.Errorf("%s: the default of option %s: %v", k.Name, o.Name, err)
				}
			}
		}
	}
}

func TestFilesWithoutAKind(t *testing.T) {
	for path, want := range map[string]string{
		"my_tok.py": "process:python3 my_tok.py", "./tok.mjs": "process:node ./tok.mjs",
		"my_tok.py --device cpu": "process:python3 my_tok.py --device cpu",
		"vae.onnx":               "onnx:model=vae.onnx", t.TempDir(): "folder:/",
	} {
		_, err := tokenizers.ParseSpec(path, Kinds())
		if err == nil || !strings.Contains(err.Error(), "did you mean '"+want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// Every built-in passes the suite that is asked of everybody's. AVIF and JPEG XL
// take it in package codec: compiling their encoders is slow under the race
// detector, and once is enough.
func TestBuiltInsConform(t *testing.T) {
	for _, text := range []string{
		"original", "resize",
		"jpeg", "jpeg:q=1", "jpeg:q=100",
		"webp", "webp:lossless=true", "webp:q=1,effort=0",
		"png", "png:palette=16",
		"kl:patch=4,dim=48", "kl:patch=16,dim=192",
		"vq:patch=4,k=4096", "vq:patch=16,k=256,dim=9", "vq-kmeans-rate:patch=16,k=64,from=256",
		"rvq:patch=4,depth=2,beam=4", "fsq:patch=8,levels=5-4-3,groups=2",
		"scalar:scheme=auto,bits=3", "scalar:scheme=asymmetric,clip=single,calibrate=synthetic", "vq:k=256,topk=4",
		"cheapest:of={{vq:patch=16,k=256},jpeg:q=20},score=tchebichef", "cheapest:of={jpeg:q=5,{cheapest:of={png,webp}}},least=30",
		"scalar:patch=16,bits=2,pack=4", "scalar:patch=4,grid=logsqrt2,per=tensor,bits=3",
	} {
		conforms(t, text)
	}
}

// So does every rule and every preset: the list is the registry's, so that none is
// forgotten.
func TestEveryRuleConforms(t *testing.T) {
	for _, k := range slices.Concat(quant.Kinds(), quant.ClipKinds()) {
		conforms(t, k.Example)
	}
}

func conforms(t *testing.T, text string) {
	t.Run(text, func(t *testing.T) {
		t.Parallel()
		tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
			return open(ctx, text)
		}, tokenizertest.Options{Side: 48})
	})
}
