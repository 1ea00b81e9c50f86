package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// FuzzConfig: a configuration is read, or refused with its name; its tokenizers are
// read, or refused, as those of the command line.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{
		"suite: text\nresolutions: [256, 512]\ntokenizers:\n  - use: jpeg:q=20\n  - name: mine\n    use: process:python3 my_tok.py\n    options:\n      replicas: 2\n  - use: vq:patch=8\n    options:\n      k: [256, 1024]\ndata: [text-default]\nlimit: 20\nseed: 1\n",
		"tokenizers:\n  - use: \"a={x,y}:k={1,2}\"\n    options: {z: [[1]], y: null, x: {a: 1}}\n", "tokenizers: [{}]\n", "seed: -1\n", "limit: 1e9\noptions: {a: b}\n",
	} {
		f.Add([]byte(s))
	}
	kinds := alltok.Kinds()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(path)
		if err != nil {
			if !strings.Contains(err.Error(), "f.yaml") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, tok := range c.Tokenizers {
			if specs, err := tok.specs(kinds); err == nil && len(specs) == 0 {
				t.Errorf("%+v stands for no tokenizer, without an error", tok)
			}
		}
		c.names("resize")
	})
}

// FuzzShard: a share is read, or refused; what is accepted is one of its number.
func FuzzShard(f *testing.F) {
	for _, s := range []string{"1/2", "2/2", "3/2", "0/0", "1/", "/", "1/2/3", " 1/2 ", "-1/-2", "9999999999999999999/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sh, err := parseShard(s)
		if err == nil && s != "" && (sh.Index < 1 || sh.Index > sh.Count) {
			t.Errorf("%q is share %d of %d", s, sh.Index, sh.Count)
		}
	})
}
