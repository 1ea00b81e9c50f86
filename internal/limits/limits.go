// Package limits makes inputs that are built to take memory: small files that claim, unpack
// to or become very much. A test of the command line gives each to its reader and looks at
// what is allocated; the program in measure gives them to builds of vtbench and prints what
// they take, for docs/limits.md.
package limits

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
)

// An Input is a hostile file, or folder, and the command that reads it.
type Input struct {
	Name string
	// Make writes it into an empty folder and returns the arguments of vtbench, whose
	// working directory is that folder.
	Make func(dir string) (args []string, err error)
	// Slow says that making it, or refusing it, takes seconds: tests leave it to the program
	// that measures.
	Slow bool
}

// Inputs lists all inputs, in the order of a table.
func Inputs() []Input {
	return []Input{
		{"baseline whose items are empty", baseline(`{"items":[`, "{},", "]}", 19<<20), true},
		{"baseline whose metrics are empty", baseline(`{"header":{"metrics":[`, "{},", "]}}", 4<<20), false},
		{"baseline whose names are all different", names, true},
		{"baseline that unpacks to gigabytes of blanks", baseline(`{`, "                ", "}", 256<<20), true},
		{"comparison whose rows are empty", report(`{"schema":1,"rows":[`, "{},", "]}", 20<<20), true},
		{"comparison whose numbers are rows", report(`{"schema":1,"rows":[`, "0,", "]}", 30<<20), true},
		{"gates: a flat list in a megabyte", yaml("gates.yaml", "version: 1\ngates: [", "{},", "]\n", "compare", "a", "b", "--gates", "gates.yaml"), false},
		{"gates: nested", yaml("gates.yaml", "version: 1\ngates: ", "[", "", "compare", "a", "b", "--gates", "gates.yaml"), false},
		{"suite: a flat list in a megabyte", yaml("suite.yaml", "id: x\nversion: 1\ncorruptions: [", "{},", "]\n", "run", "--suite", "./suite.yaml"), false},
		{"configuration: a flat list in a megabyte", yaml("c.yaml", "suite: text\ntokenizers: [", "{},", "]\n", "run", "-c", "c.yaml"), false},
		{"tokenizer that stands for 2⁴⁰", func(string) ([]string, error) {
			return []string{"run", "--suite", "text", "-t", "jpeg:q=" + strings.Repeat("{1,2}", 40)}, nil
		}, true},
		{"run: summary whose rows are empty", runDir("summary.json", `{"rows":[`, "{},", "]}", 20<<20), true},
		{"run: cases that are empty", runDir("images/cases.json", `[`, "{},", "]", 20<<20), true},
		{"run: manifest whose tokenizers are empty", runDir("manifest.json", `{"schema":2,"tokenizers":[`, "{},", "]}", 20<<20), true},
		{"run: a record line of 3 GB", longLine, false},
		{"run: tokens of a million codebooks", codebooks, false},
		{"run: vectors of 200,000 features", features, false},
		{"TokBench results that are empty", file("t.json", `{"m":{"256":{"details":{"i":{"results":[`, "{},", "]}}}}}", 30<<20, "baseline", "import", "tokbench", "t.json", "-o", "t.vtbench.json.gz"), true},
		{"CSV: a field of 500 MB", file("v.csv", "item,metric,value,tokenizer\n\"", "aaaaaaaaaa", "\",psnr,1,t\n", 50<<20, "baseline", "import", "csv", "v.csv", "-o", "v.vtbench.json.gz"), true},
		{"COCO: annotations that are empty", file("faces.json", `{"images":[`, "{},", "]}", 30<<20, "datasets", "info", "coco-face:faces.json"), true},
		{"TokBench: faces that are empty", tokbenchFaces, true},
		{"FFHQ: an entry of 256 MB", ffhq, true},
		{"WFLW: a list of 3 GB", sparse("WFLW_annotations/list_98pt_rect_attr_train_test/list_98pt_rect_attr_test.txt", 3<<30, "datasets", "info", "wflw:."), false},
		{"ICDAR: labels of 3 GB", icdar, true},
		{"PNG of 65,535 × 65,535", png, false},
		{"PNG with a profile that unpacks to 1 GB", profile, true},
		{"ONNX graph of 3 GB", sparse("m.onnx", 3<<30, "run", "--suite", "text", "-t", "onnx:model=m.onnx"), true},
		{"plug-in: a header of empty items", plugin, false},
	}
}

// repeat writes head, n times one, and tail; a last comma is left out.
func repeat(head, one, tail string, n int) []byte {
	b := make([]byte, 0, len(head)+n*len(one)+len(tail))
	b = append(b, head...)
	for range n {
		b = append(b, one...)
	}
	return append(bytes.TrimRight(b, ","), tail...)
}

func write(dir, name string, b []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o666)
}

func file(name, head, one, tail string, n int, args ...string) func(string) ([]string, error) {
	return func(dir string) ([]string, error) { return args, write(dir, name, repeat(head, one, tail, n)) }
}

// yaml fills the megabyte that a YAML file may have.
func yaml(name, head, one, tail string, args ...string) func(string) ([]string, error) {
	n := (1<<20 - len(head) - len(tail)) / len(one)
	return func(dir string) ([]string, error) {
		if args[0] == "compare" {
			for _, side := range args[1:3] {
				if err := write(dir, side, nil); err != nil {
					return nil, err
				}
			}
		}
		return args, write(dir, name, repeat(head, one, tail, n))
	}
}

// sparse makes a file that is large and takes no space.
func sparse(name string, size int64, args ...string) func(string) ([]string, error) {
	return func(dir string) ([]string, error) {
		if err := write(dir, name, nil); err != nil {
			return nil, err
		}
		return args, os.Truncate(filepath.Join(dir, filepath.FromSlash(name)), size)
	}
}

// pack writes a baseline file around its data, without having that in memory.
func pack(dir string, data func(write func([]byte) error) error) error {
	sum := sha256.New()
	if err := data(func(b []byte) error { sum.Write(b); return nil }); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "b.vtbench.json.gz"))
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(z, `{"format":"vtbench-baseline","version":1,"sha256":%q,"data":`, hex.EncodeToString(sum.Sum(nil))); err != nil {
		return err
	}
	err = data(func(b []byte) error { _, err := z.Write(b); return err })
	if err == nil {
		_, err = z.Write([]byte("}\n"))
	}
	return errors.Join(err, z.Close(), f.Close())
}

var showBaseline = []string{"baseline", "show", "b.vtbench.json.gz"}

func baseline(head, one, tail string, n int) func(string) ([]string, error) {
	return func(dir string) ([]string, error) {
		return showBaseline, pack(dir, func(write func([]byte) error) error {
			if err := write([]byte(head)); err != nil {
				return err
			}
			chunk := []byte(strings.Repeat(one, 1<<12))
			for range n >> 12 {
				if err := write(chunk); err != nil {
					return err
				}
			}
			last := strings.TrimRight(one, ",")
			return write([]byte(last + tail))
		})
	}
}

// names is a baseline of one image with eight million instances.
func names(dir string) ([]string, error) {
	return showBaseline, pack(dir, func(write func([]byte) error) error {
		if err := write([]byte(`{"header":{},"items":[{"dataset":"d","item":"i","instances":[""`)); err != nil {
			return err
		}
		var b []byte
		for i := range 8 << 20 {
			if b = fmt.Appendf(b, ",%q", fmt.Sprintf("%x", i)); len(b) > 1<<16 {
				if err := write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
		return write(append(b, "]}]}"...))
	})
}

func report(head, one, tail string, n int) func(string) ([]string, error) {
	return file("compare.json", head, one, tail, n, "compare", "--from", "compare.json")
}

var showRun = []string{"report", "run"}

// runDir is a run directory of which one file is hostile.
func runDir(name, head, one, tail string, n int) func(string) ([]string, error) {
	return func(dir string) ([]string, error) {
		if err := emptyRun(dir); err != nil {
			return nil, err
		}
		if err := write(dir, "run/"+name, repeat(head, one, tail, n)); err != nil {
			return nil, err
		}
		return showRun, seal(dir)
	}
}

// emptyRun is a complete run without any item.
func emptyRun(dir string) error {
	manifest := `{"schema":2,"suite":{"id":"x","version":1,"datasets":["d"],"resolutions":[64],"score_at":"input","metrics":["psnr","tokens","code-usage","fid"],"headline":["psnr"]},
"datasets":[{"name":"d","spec":"d","info":{"id":"d"}}],"tokenizers":[{"name":"t","kind":"t","info":{"name":"t","codebooks":[4096]}}],
"metrics":[{"id":"psnr","version":1,"scope":"image"},{"id":"tokens","version":1,"scope":"image"},{"id":"code-usage","version":1,"scope":"corpus"},{"id":"fid","version":1,"scope":"set"}],
"bootstrap":{"resamples":100,"level":0.95,"method":"percentile"}}`
	for name, text := range map[string]string{
		"manifest.json": manifest, "summary.json": `{"schema":2,"rows":[]}`, "images/cases.json": "[]",
		"records.jsonl": "", "codes.jsonl": "", "timings.jsonl": "", "groups.jsonl": "",
	} {
		if err := write(dir, "run/"+name, []byte(text)); err != nil {
			return err
		}
	}
	return nil
}

// seal writes the check sums of summary and cases.
func seal(dir string) error {
	sums := map[string]string{}
	for _, name := range []string{"summary.json", "images/cases.json"} {
		b, err := os.ReadFile(filepath.Join(dir, "run", filepath.FromSlash(name))) //nolint:forbidigo // written above
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		sums[name] = hex.EncodeToString(sum[:])
	}
	b, err := json.Marshal(map[string]any{"files": sums})
	if err != nil {
		return err
	}
	return write(dir, "run/seal.json", b)
}

// group commits one item whose records and codes are these lines, in a run that was not
// finished.
func group(dir, records, codes string) ([]string, error) {
	if err := emptyRun(dir); err != nil {
		return nil, err
	}
	extent := func(s string) map[string]any {
		sum := sha256.Sum256([]byte(s))
		return map[string]any{"lines": strings.Count(s, "\n"), "bytes": len(s), "sha256": hex.EncodeToString(sum[:])}
	}
	none := sha256.Sum256(nil)
	line, err := json.Marshal(map[string]any{"group": 0, "items": 1, "records": extent(records), "codes": extent(codes)})
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"records.jsonl": records, "codes.jsonl": codes, "groups.jsonl": string(line) + "\n",
		"timings.jsonl": fmt.Sprintf(`{"group":0,"lines":0,"sha256":"%x"}`+"\n", none),
	} {
		if err := write(dir, "run/"+name, []byte(text)); err != nil {
			return nil, err
		}
	}
	return showRun, nil
}

// longLine is a journal whose first line is 3 GB long and takes no space.
func longLine(dir string) ([]string, error) {
	args, err := group(dir, "{}\n", "")
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "run", "records.jsonl")
	return args, errors.Join(os.Truncate(name, 0), os.Truncate(name, 3<<30))
}

func codeLine(tokenizer, item, observer, state string) string {
	b, err := json.Marshal(map[string]string{"tokenizer": tokenizer, "dataset": "d", "item": item, "condition": "clean@64", "observer": observer, "state": state})
	if err != nil {
		panic(err) // strings can be written
	}
	return string(b) + "\n"
}

// codebooks is the state of an image with as many codebooks of 4096 entries as a line
// holds, of one token each.
func codebooks(dir string) ([]string, error) {
	const n = 1 << 20
	b := binary.AppendUvarint(nil, 64)
	b = binary.AppendUvarint(b, 64)
	b = binary.AppendUvarint(b, n)
	one := append(binary.AppendUvarint(nil, 4096), 1, 1, 0, 0, 0)
	b = append(b, bytes.Repeat(one, n)...)
	return group(dir, "{}\n", codeLine("t", "i", "tokens", "t1"+base64.RawURLEncoding.EncodeToString(b)))
}

// features are vectors of which a line holds ten times as much; what is kept of their set
// grows with the square of their length.
func features(dir string) ([]string, error) {
	state := base64.RawStdEncoding.EncodeToString(make([]byte, 4*200_000))
	var lines string
	for _, tokenizer := range []string{"", "t"} {
		for _, item := range []string{"a", "b", "c"} {
			lines += codeLine(tokenizer, item, "fid", state)
		}
	}
	return group(dir, "{}\n", lines)
}

func tokbenchFaces(dir string) ([]string, error) {
	if err := os.MkdirAll(filepath.Join(dir, "images", "face_data", "wflw"), 0o777); err != nil {
		return nil, err
	}
	return file("annotations/face_meta.json", "[", "{},", "]", 30<<20, "datasets", "info", "tokbench-face:.")(dir)
}

// ffhq is a file of landmarks whose first entry has 256 MB.
func ffhq(dir string) ([]string, error) {
	if err := write(dir, "images/00000.png", smallPNG(nil)); err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "ffhq-dataset-v2.json")
	if err := os.WriteFile(name, []byte(`{"0":[`), 0o666); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	blanks := bytes.Repeat([]byte("0,"), 1<<19)
	for range 1 << 8 {
		if _, err := f.Write(blanks); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return []string{"datasets", "info", "ffhq:images"}, f.Close()
}

func icdar(dir string) ([]string, error) {
	if err := write(dir, "images/img_1.png", smallPNG(nil)); err != nil {
		return nil, err
	}
	return sparse("gt/gt_img_1.txt", 3<<30, "datasets", "info", "icdar:.")(dir)
}

// smallPNG is a picture of 64 × 64 with further chunks behind its header.
func smallPNG(more []byte) []byte {
	return pngOf(64, 64, more)
}

func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func pngOf(w, h int, more []byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, uint32(w))
	head = append(binary.BigEndian.AppendUint32(head, uint32(h)), 8, 2, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head)...)
	b = append(b, more...)
	b = append(b, chunk("IDAT", zipped(make([]byte, 64*(1+3*64))))...)
	return append(b, chunk("IEND", nil)...)
}

func pair(dir string, b []byte) ([]string, error) {
	for _, name := range []string{"a.png", "b.png"} {
		if err := write(dir, name, b); err != nil {
			return nil, err
		}
	}
	return []string{"score", "a.png", "b.png", "-m", "psnr"}, nil
}

func png(dir string) ([]string, error) { return pair(dir, pngOf(65535, 65535, nil)) }

func profile(dir string) ([]string, error) {
	return pair(dir, smallPNG(chunk("iCCP", append([]byte("x\x00\x00"), zipped(make([]byte, 1<<30))...))))
}

// plugin answers its first batch with a header of 4 MiB of empty items.
func plugin(dir string) ([]string, error) {
	script := `import json, struct, sys
out = sys.stdout.buffer
def read():
    n, h = struct.unpack("<II", sys.stdin.buffer.read(8))
    head = json.loads(sys.stdin.buffer.read(h))
    sys.stdin.buffer.read(n - 4 - h)
    return head
def say(head):
    out.write(struct.pack("<II", 4 + len(head), len(head)) + head)
    out.flush()
while True:
    r = read()
    if r["type"] == "hello":
        say(json.dumps({"type": "hello", "id": r["id"], "protocol": 1, "info": {"name": "x", "version": "1"}}).encode())
    elif r["type"] == "bye":
        break
    else:
        head = b'{"type":"result","id":%d,"items":[' % r["id"]
        n = (4 * 1024 * 1024 - len(head) - 2) // 3
        say(head + b",".join([b"{}"] * n) + b"]}")
`
	suite := `id: x
version: 1
title: X
question: None?
datasets: [text-small]
resolutions: [64]
score_at: input
metrics: [psnr]
headline: [psnr]
tokenizers: [resize]
`
	if err := write(dir, "suite.yaml", []byte(suite)); err != nil {
		return nil, err
	}
	return []string{"run", "--suite", "./suite.yaml", "-t", "process:python3 p.py", "--limit", "1", "-o", "run"}, write(dir, "p.py", []byte(script))
}

func zipped(b []byte) []byte {
	var buf bytes.Buffer
	z := zlib.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		panic(err) // memory can be written
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
