package main

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kballard/go-shellquote"

	"github.com/vtbench/vtbench/cmd/vtbench/internal/cli"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/internal/testenv"
	metrics "github.com/vtbench/vtbench/metrics/all"
	"github.com/vtbench/vtbench/pix"
)

// notHere are the commands of the docs that a test cannot run, and why.
var notHere = map[string]string{
	"vtbench datasets info mine:DIR":                                                                     "the reader's own data set",
	"vtbench datasets sheet mine:DIR sheet.png --boxes":                                                  "likewise",
	"vtbench run --suite text --data mine:DIR --limit 5":                                                 "likewise",
	"vtbench score ref/ dist/ -m lpips-alex --option lpips":                                              "the network is made with PyTorch (metrics/network/export.py)",
	"vtbench run --suite text -t 'process:python examples/tokenizers/diffusers_vae.py black-forest-labs": "gigabytes from a hub; make test-torch runs the script",
	"vtbench run --suite text --data tokbench:DIR":                                                       "the reader's own data set and recogniser",
	"vtbench datasets verify icdar:DIR":                                                                  "ends with status 4: that folder states no licence",
	"vtbench run --suite masks --data cityscapes:DIR":                                                    "the reader's own data set",
	"vtbench run --suite video --data video:DIR":                                                         "the reader's own films",
	"vtbench run --suite video --data bunny --data davis:DIR":                                            "likewise",
	"vtbench run --suite video --data tokbench-video:DIR":                                                "likewise",
	"vtbench datasets import cord:CORD/test":                                                             "likewise",
	"vtbench run --suite text -t zoo:":                                                                   "gigabytes from a hub; make test-zoo",
	"vtbench run --recipe imagenet-256.yaml":                                                             "ImageNet, and a network that the reader has",
	"vtbench score --recipe imagenet-256.yaml":                                                           "likewise",
	"vtbench run --recipe ucf-fvd.yaml":                                                                  "UCF-101, and a network that the reader has",
	"vtbench score --recipe ucf-fvd.yaml":                                                                "likewise",
	"GITHUB_TOKEN=… vtbench comment":                                                                     "publishes",
	"vtbench score ref/ dist/ -m fid,kid":                                                                "KID is of a thousand images",
}

// A docCommand is a line of a command block.
type docCommand struct{ page, line string }

// docCommands are the lines of README and docs that call vtbench.
func docCommands(t *testing.T, root string) []docCommand {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	files = append([]string{filepath.Join(root, "README.md")}, files...)
	files = append(files, filepath.Join(root, "tokenizers", "process", "python", "README.md"))
	call := regexp.MustCompile(`^([A-Z_]+=\S+ )*(bin/)?vtbench `)
	comment := regexp.MustCompile(`\s+#.*$`)
	var out []docCommand
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		page, err := filepath.Rel(root, f)
		if err != nil {
			t.Fatal(err)
		}
		fence := ""
		for line := range strings.Lines(strings.ReplaceAll(string(b), "\\\n", " ")) {
			line = strings.TrimRight(line, "\n")
			switch {
			case strings.HasPrefix(line, "```") && fence != "":
				fence = ""
			case strings.HasPrefix(line, "```"):
				fence = line
			case fence == "```" && call.MatchString(line): // a block of another language is no command
				line = comment.ReplaceAllString(line, "")
				out = append(out, docCommand{page, strings.Replace(line, "bin/vtbench ", "vtbench ", 1)})
			}
		}
	}
	return out
}

// What README and docs tell people to type works, on few small images.
func TestDocCommands(t *testing.T) {
	root := testenv.Root(t)
	commands := docCommands(t, root)
	if len(commands) < 30 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	testenv.OpenCV(t)
	unused := map[string]bool{}
	for prefix := range notHere {
		unused[prefix] = true
	}
	seen := map[string]bool{}
	for len(commands) > 0 {
		page := commands[0].page
		n := slices.IndexFunc(commands, func(c docCommand) bool { return c.page != page })
		if n < 0 {
			n = len(commands)
		}
		of := commands[:n]
		commands = commands[n:]
		t.Run(page, func(t *testing.T) {
			stage(t, root)
			for i, c := range of {
				here := true
				for prefix := range notHere {
					if strings.HasPrefix(c.line, prefix) {
						delete(unused, prefix)
						here = false
					}
				}
				if here && !seen[c.line] {
					seen[c.line] = true
					c.run(t, i)
				}
			}
		})
	}
	for prefix := range unused {
		t.Errorf("no command of the docs starts with %q any more", prefix)
	}
}

// docs/metrics.md names every metric; those of one engine of text by their ending.
func TestDocsNameEveryMetric(t *testing.T) {
	page := mustRead(t, testenv.Root(t), filepath.Join("docs", "metrics.md"))
	for _, k := range metrics.Kinds() {
		for _, s := range k.Specs {
			id := s.ID
			for _, engine := range []string{"-tesseract", "-ppocr", "-own"} {
				if base, ok := strings.CutSuffix(id, engine); ok && bytes.Contains(page, []byte("`"+engine+"`")) {
					id = base
				}
			}
			if !bytes.Contains(page, []byte("`"+id+"`")) {
				t.Errorf("docs/metrics.md does not name %s", s.ID)
			}
		}
	}
}

func (c docCommand) run(t *testing.T, n int) {
	t.Helper()
	args, err := shellquote.Split(c.line)
	if err != nil {
		t.Errorf("%s: %v", c.line, err)
		return
	}
	args = small(args[1:], n)
	prepare(t, args)
	if status, _, stderr := vtbench(t, args...); status != cli.ExitDone {
		t.Errorf("%s\nstatus %d: %s", c.line, status, stderr)
	}
}

// prepare makes what a page has the reader do between two commands.
func prepare(t *testing.T, args []string) {
	t.Helper()
	for _, a := range args {
		if _, err := os.Stat(a); err == nil {
			continue
		}
		switch {
		case a == "mine=folder:done": // the reader reconstructs what was exported
			if err := os.CopyFS("done", os.DirFS("to-do")); err != nil {
				t.Fatal(err)
			}
		case a == "compare.json":
			status, out, stderr := vtbench(t, "compare", "runs/main", "runs/change", "--format", "json")
			if status != cli.ExitDone {
				t.Fatalf("comparing: status %d: %s", status, stderr)
			}
			put(t, a, out)
		case args[0] != "run" && strings.HasPrefix(a, "runs/"):
			if status, _, stderr := vtbench(t, "run", "--suite", "text", "--data", "icdar:words", "-t", "jpeg:q=20", "-r", "256", "--resamples", "100", "-o", a); status != cli.ExitDone {
				t.Fatalf("%s: status %d: %s", a, status, stderr)
			}
		}
	}
}

func vtbench(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = cli.Run(t.Context(), args, &out, &err)
	return status, out.String(), err.String()
}

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil { //nolint:gosec // some are scripts
		t.Fatal(err)
	}
}

// picture writes noise over a gradient.
func picture(t *testing.T, name string, w, h int, seed uint32) {
	t.Helper()
	m, state := pix.New(w, h), seed
	for i := range m.Pix {
		state = state*1664525 + 1013904223
		m.Pix[i] = uint8(i/3%w) + uint8(state>>28)
	}
	put(t, name, "")
	if err := m.SavePNG(name); err != nil {
		t.Fatal(err)
	}
}

// small makes a command measure little; what it says is otherwise left as it is.
func small(args []string, n int) []string {
	for i, a := range args {
		args[i] = strings.NewReplacer("TOKENIZER", "resize", "icdar:DIR", "icdar:words", "folder:DIR", "folder:original", "omnidoc:DIR", "omnidoc:original", "lfw:DIR", "lfw:people").Replace(a)
	}
	has := func(flags ...string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return slices.Contains(flags, a) })
	}
	if args[0] != "run" {
		return args
	}
	add := func(more ...string) { args = append(args, more...) }
	args = slices.DeleteFunc(args, func(a string) bool { return a == "--full" }) // it excludes --limit
	if !has("--limit") {
		limit := "1"
		if has("+fid") {
			limit = "2" // a set needs two images
		}
		add("--limit", limit)
	}
	if !has("-r", "--resolution") {
		add("-r", "256")
	}
	if !has("-t", "-c") {
		add("-t", "resize")
	}
	if !has("-o") {
		add("-o", fmt.Sprintf("runs/doc-%d", n))
	}
	if !has("--suite", "-c") { // a page may leave out what the reader knows by then
		add("--suite", "text")
	}
	add("--resamples", "100", "--keep-images", "0")
	return args
}

// stage makes the files that the docs speak of, in a folder of its own.
func stage(t *testing.T, root string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("VTBENCH_CACHE", "off") // nothing of a test is kept for its user
	take := func(name string, from ...string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(append([]string{root}, from...)...))
		if err != nil {
			t.Fatal(err)
		}
		put(t, name, string(b))
	}
	// Python and the SDK, under the names that the docs use.
	python := testenv.Python(t)
	for _, name := range []string{"python", "python3"} {
		put(t, "path/"+name, "#!/bin/sh\nexec '"+python+"' \"$@\"\n")
	}
	t.Setenv("PATH", filepath.Join(dir, "path")+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("PYTHONPATH", filepath.Join(root, "tokenizers", "process", "python"))
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	const plugin = "import vtbench\nclass Tok:\n    name, version, deterministic = 'mine', '1', True\n    def reconstruct(self, images): return images\nvtbench.serve(Tok())\n"
	for _, name := range []string{"my_tok.py", "my_tokenizer.py"} {
		put(t, name, plugin)
	}
	// The scripts of the SDK's page, as they stand there.
	for _, block := range regexp.MustCompile("(?s)```python\n(import vtbench .*?)```\n\n```\nvtbench conform 'process:python (\\w+.py)'").FindAllSubmatch(mustRead(t, root, "tokenizers/process/python/README.md"), -1) {
		put(t, string(block[2]), string(block[1]))
	}
	put(t, "my-plugin", "#!/bin/sh\nexec python3 my_tok.py\n")
	put(t, "roundtrip.sh", "#!/bin/sh\ncp \"$1\" \"$2\"\n")
	put(t, "enc.sh", "#!/bin/sh\ncp \"$1\" \"$2\"\n")
	put(t, "dec.sh", "#!/bin/sh\ncp \"$1\" \"$2\"\n")
	take("examples/tokenizers/plain_node.mjs", "examples", "tokenizers", "plain_node.mjs")
	take("examples/tokenizers/numpy_clips.py", "examples", "tokenizers", "numpy_clips.py")
	// Graphs.
	take("enc.onnx", "tokenizers", "onnx", "testdata", "encoder.onnx")
	take("dec.onnx", "tokenizers", "onnx", "testdata", "decoder.onnx")
	take("autoencoder.onnx", "tokenizers", "onnx", "testdata", "autoencoder.onnx")
	take("inception.onnx", "metrics", "network", "testdata", "mean.onnx")
	// Images: folders, words with transcriptions and their reconstructions, people.
	for i, dir := range []string{"original", "decoded", "ref", "dist"} {
		for k, name := range []string{"a.png", "b.png"} {
			picture(t, filepath.Join(dir, name), 180, 170, uint32(10*k+i%2)) //nolint:gosec // small
		}
	}
	picture(t, "photos/a.png", 64, 48, 7)
	put(t, "signs.csv", "image,left,top,right,bottom,text\nphotos/a.png,4,4,40,20,EXIT\n")
	word(t)
	people(t, "people/Ada/Ada_0001.png", "people/Bob/Bob_0001.png", "people/Ada/Ada_0002.png", "people/Bob/Bob_0002.png")
	put(t, "gates.yaml", "version: 1\ngates:\n  - {metric: psnr, level: error}\n")
	block := regexp.MustCompile("(?s)```yaml\n(suite: text\n.*?)```").FindSubmatch(mustRead(t, root, "docs/adding-a-tokenizer.md"))
	put(t, "vtbench.yaml", string(block[1]))
}

// word saves a word that can be read, with its label, and a reconstruction of it.
func word(t *testing.T) {
	t.Helper()
	set, err := textgen.New(textgen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	item, err := set.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range item.Instances {
		b := in.Box
		around := b.Inset(-b.Dy())
		if len(in.Text) < 4 || b.Dy() < 24 || strings.ContainsAny(in.Text, " ,") || !around.In(image.Rect(0, 0, item.Image.W, item.Image.H)) {
			continue
		}
		b = b.Sub(around.Min)
		put(t, "words/gt_img_1.txt", fmt.Sprintf("%d,%d,%d,%d,%d,%d,%d,%d,%s\n", b.Min.X, b.Min.Y, b.Max.X, b.Min.Y, b.Max.X, b.Max.Y, b.Min.X, b.Max.Y, in.Text))
		for _, name := range []string{"words/img_1.png", "recon/my_tok/img_1.png"} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := item.Image.Crop(around).SavePNG(name); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	t.Fatal("the item has no word that could be cut out")
}

// people saves portraits with faces that a detector finds, of two persons in turn.
func people(t *testing.T, names ...string) {
	t.Helper()
	set, err := portraits.New()
	testenv.Need(t, err)
	for i := 0; len(names) > 0; i++ {
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		box := item.Instances[0].Box
		side := 22 * max(box.Dx(), box.Dy()) / 10 // LFW's images are that much larger than faces
		at := box.Min.Add(box.Max).Div(2).Sub(image.Pt(side/2, side/2))
		square := image.Rectangle{at, at.Add(image.Pt(side, side))}
		if box.Dx() < 60 || !square.In(image.Rect(0, 0, item.Image.W, item.Image.H)) {
			continue
		}
		if item.Image, err = pix.Resize(item.Image.Crop(square), 250, 250); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(names[0]), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := item.Image.SavePNG(names[0]); err != nil {
			t.Fatal(err)
		}
		names = names[1:]
	}
}

func mustRead(t *testing.T, root, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
