package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// inputs are files of somebody who means harm, given to everything that reads files.
func inputs() []kind {
	const refused = "read or refused with a message and a status other than 1, in bounded time and memory; never a crash"
	return []kind{
		{name: "images: bombs, lies in headers, cut, turned bits", promise: refused + "; other items keep their values", full: 120, short: 4, try: (*attempt).hostileImage},
		{name: "YAML, JSON, CSV, baselines, ONNX: bombs, nests, cut, turned bits", promise: refused, full: 225, short: 8, try: (*attempt).hostileFile},
		{name: "pipes, devices, sockets, folders and links where a file should be", promise: refused, full: 135, short: 6, try: (*attempt).noFile},
	}
}

// status of a command that was given something that it cannot read: everything but an
// internal error.
var readOrRefused = []int{0, 2, 3, 4, 5}

// A reader is a command that reads one file.
type reader struct {
	name string
	// example is a file that it reads; nil where there is none.
	example func(*attempt) ([]byte, error)
	// args are its arguments for a file.
	args func(a *attempt, path string) []string
	// ending of the file's name.
	ending string
}

// readers are all commands that read files of others.
func readers() []reader {
	text := func(s string) func(*attempt) ([]byte, error) {
		return func(*attempt) ([]byte, error) { return []byte(s), nil }
	}
	info := func(kind string) func(*attempt, string) []string {
		return func(_ *attempt, path string) []string {
			return []string{"datasets", "info", kind + ":" + filepath.Dir(path)}
		}
	}
	return []reader{
		{"a suite", text(ownSuite), func(a *attempt, p string) []string {
			return []string{"run", "-q", "--suite", p, "--data", "folder:" + a.in.photos, "--limit", "1", "-o", a.path("run")}
		}, "suite.yaml"},
		{"a configuration", text("suite: text\nresolutions: [256]\ntokenizers:\n  - use: jpeg:q=20\n  - name: x\n    use: resize\ndata: [text-default]\nlimit: 1\nmetrics: [psnr]\n"), func(a *attempt, p string) []string {
			return []string{"run", "-q", "-c", p, "--data", "folder:" + a.in.photos, "--limit", "1", "-m", "psnr", "--resamples", "100", "-o", a.path("run")}
		}, "config.yaml"},
		{"gates", text("version: 1\nmargins:\n  - {metric: psnr, amount: 0.1}\ngates:\n  - {metric: psnr, allow: 2%, judge: shown}\n  - {metric: \"*\", min_n: 3}\n"), func(a *attempt, p string) []string {
			return []string{"compare", a.baseline(), a.baseline(), "--gates", p, "--resamples", "99"}
		}, "gates.yaml"},
		{"a baseline", (*attempt).baselineBytes, func(a *attempt, p string) []string {
			return one(a, []string{"compare", p, a.baseline(), "--resamples", "99"}, []string{"baseline", "show", p}, []string{"compare", a.baseline(), p, "--resamples", "99"})
		}, "x.vtbench.json.gz"},
		{"results in CSV", text("item,metric,value,tokenizer,bin,n\na,psnr,30.5,x,,1\nb,psnr,inf,x,,2\nc,psnr,,x,,\n"), func(a *attempt, p string) []string {
			return []string{"baseline", "import", "csv", p, "-o", a.path("out.vtbench.json.gz")}
		}, "x.csv"},
		{"TokBench's results", text(`{"m":{"ic13_256":{"details":{"a.jpg":{"results":[{"ratio":0.025,"accuracy":1,"ned":0.5}]}}}}}`), func(a *attempt, p string) []string {
			return []string{"baseline", "import", "tokbench", p, "-o", a.path("out.vtbench.json.gz")}
		}, "x.json"},
		{"a comparison", (*attempt).comparisonBytes, func(a *attempt, p string) []string {
			return one(a, []string{"compare", "--from", p, "--format", one(a, "table", "markdown", "junit", "github", "summary", "json")}, []string{"comment", "--report", p, "--pr", "1", "--dry-run"})
		}, "compare.json"},
		{"an event", text(event), func(a *attempt, p string) []string {
			return []string{"comment", "--file", a.write("x.md", []byte("x")), "--event", p, "--dry-run"}
		}, "event.json"},
		{"an ONNX model", func(a *attempt) ([]byte, error) { return os.ReadFile(a.onnx) }, func(a *attempt, p string) []string {
			return []string{"run", "-q", "--suite", a.in.suite, "--data", "folder:" + a.in.photos, "--limit", "1", "-t", "onnx:model=" + p, "-o", a.path("run")}
		}, "x.onnx"},
		{"labels of ICDAR", text("1,1,60,1,60,40,1,40,word\n1,1,20,20,\"line\"\n"), func(a *attempt, p string) []string {
			return []string{"datasets", "info", "icdar:" + a.beside(p, "images/img_1.png", "gt/gt_img_1.txt")}
		}, "gt_img_1.txt"},
		{"labels of WFLW", text(strings.Repeat("1.5 2.5 ", 98) + "1 1 40 40 0 0 0 0 0 0 a/img_1.png\n"), func(a *attempt, p string) []string {
			return []string{"datasets", "info", "wflw:" + a.beside(p, "WFLW_images/a/img_1.png", "list_98pt_rect_attr_test.txt")}
		}, "list_98pt_rect_attr_test.txt"},
		{"labels in COCO's JSON", text(`{"images":[{"id":1,"file_name":"img_1.png","width":96,"height":64}],"annotations":[{"id":1,"image_id":1,"bbox":[1,1,40,40],"keypoints":[1,1,2,9,1,2,5,5,2,1,9,2,9,9,2],"num_keypoints":5}]}`), func(a *attempt, p string) []string {
			return []string{"datasets", "info", "coco-face:" + a.beside(p, "img_1.png", "faces.json")}
		}, "faces.json"},
		{"pairs of LFW", text("1\t1\nA\t1\t2\nA\t1\tB\t1\n"), info("lfw"), "pairs.txt"},
		{"a folder of networks", text("detector: {file: x.onnx, sha256: abc}\n"), func(a *attempt, p string) []string {
			return []string{"run", "-q", "--suite", "face", "--data", "folder:" + a.in.photos, "-r", "256", "--limit", "1", "--face-models", filepath.Dir(p), "-o", a.path("run")}
		}, "face-models.yaml"},
		{"a fitted tokenizer", text("VTBQ"), func(a *attempt, p string) []string {
			return []string{"run", "-q", "--suite", a.in.suite, "--data", "folder:" + a.in.photos, "--limit", "1", "-t", "vq:patch=8,k=16,artefact=" + p, "-o", a.path("run")}
		}, "x.vtq"},
	}
}

const event = `{"repository":{"full_name":"o/r"},"workflow_run":{"event":"pull_request","conclusion":"success","html_url":"https://x","head_sha":"abc","head_branch":"b","head_repository":{"full_name":"o/r","owner":{"login":"o"}}}}`

// beside lays a file of labels out as a data set with one image, and returns its folder.
func (a *attempt) beside(labels, img, place string) string {
	root := a.path("set")
	b, err := os.ReadFile(filepath.Join(a.in.words, "images", "img_1.png"))
	if err != nil {
		panic(err)
	}
	a.write(filepath.Join("set", img), b)
	to := filepath.Join(root, place)
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(labels, to)); err != nil {
		panic(err)
	}
	return root
}

// baseline is a baseline of an undisturbed run.
func (a *attempt) baseline() string { return a.shared.baseline }

func (a *attempt) baselineBytes() ([]byte, error) { return os.ReadFile(a.shared.baseline) }

func (a *attempt) comparisonBytes() ([]byte, error) { return os.ReadFile(a.shared.comparison) }

// shared are files that vtbench made, to be broken.
type shared struct{ baseline, comparison string }

// share makes them.
func (a *attempt) share() error {
	a.sharing.Do(func() {
		r, err := a.undisturbed([]string{"run", "-q", "-j", "2", "--resamples", "100", "--suite", a.in.suite, "--data", "folder:" + a.in.photos, "-t", "jpeg:q=20", "-t", "jpeg:q=50"})
		if err != nil {
			a.sharingErr = err
			return
		}
		s := shared{baseline: filepath.Join(a.o.dir, "shared.vtbench.json.gz"), comparison: filepath.Join(a.o.dir, "shared.json")}
		if _, a.sharingErr = a.expect([]int{0}, "baseline", "save", r.dir, "-o", s.baseline); a.sharingErr != nil {
			return
		}
		if _, a.sharingErr = a.expect([]int{0}, "compare", r.dir+"#jpeg:q=20", r.dir+"#jpeg:q=50", "--resamples", "99", "-f", "json", "-o", s.comparison); a.sharingErr != nil {
			return
		}
		a.lab.shared = s
	})
	return a.sharingErr
}

func (a *attempt) hostileFile() error {
	if err := a.share(); err != nil {
		return err
	}
	list := readers()
	r := list[a.n%len(list)]
	b, what, err := a.payload(r)
	if err != nil {
		return err
	}
	path := a.write(r.ending, b)
	if what == "many gigabytes" {
		if err := sparse(path, 40<<30); err != nil {
			return err
		}
	}
	if _, err := a.expect(readOrRefused, r.args(a, path)...); err != nil {
		return fmt.Errorf("%s, %s: %w", r.name, what, err)
	}
	return nil
}

// payload is what a reader gets.
func (a *attempt) payload(r reader) ([]byte, string, error) {
	whole, err := r.example(a)
	if err != nil {
		return nil, "", err
	}
	if a.chance(2) { // its own format, broken
		b := slices.Clone(whole)
		text := bytes.HasPrefix(b, []byte{0x1f, 0x8b})
		if text { // behind the compression
			if b, err = gunzip(b); err != nil {
				return nil, "", err
			}
		}
		what := a.mutate(&b)
		if b == nil {
			b = []byte{}
		}
		if text {
			b = gzipped(bytes.NewReader(b))
			if a.chance(4) {
				b = b[:a.rng.IntN(len(b))]
			}
		}
		return b, "its own format, " + what, nil
	}
	switch a.rng.IntN(11) {
	case 0:
		return []byte{}, "empty", nil
	case 1:
		b := make([]byte, 1+a.rng.IntN(1<<16))
		for i := range b {
			b[i] = byte(a.rng.Uint32())
		}
		return b, "random bytes", nil
	case 2:
		return bytes.Repeat([]byte(one(a, "[", "{\"a\":", "- ", "{a: ", "? ", "<a>", "(")), 200_000), "nested 200,000 deep", nil
	case 3:
		var b bytes.Buffer
		b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
		for i := 1; i < 12; i++ {
			fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		return b.Bytes(), "aliases of aliases", nil
	case 4:
		// Members of a gzip file are read one behind the other.
		return bytes.Repeat(gzipped(io.LimitReader(zeros{'['}, 16<<20)), 128), "2 GB in a small file", nil
	case 5:
		return bytes.Repeat([]byte("x"), 40<<20), "a line of 40 MB", nil
	case 6:
		return slices.Concat([]byte(`{"items":[`), bytes.Repeat([]byte("{},"), 4<<20), []byte("{}]}")), "a list of 4 million empty things", nil
	case 7:
		return bytes.Repeat([]byte("a,b,c\n"), 4<<20), "4 million lines", nil
	case 8:
		return bytes.Repeat(whole, 1+(8<<20)/(len(whole)+1)), "itself over and over", nil
	case 9:
		return whole, "many gigabytes", nil
	}
	return slices.Concat(whole[:len(whole)/2], bytes.Repeat([]byte{0}, 1<<20), whole[len(whole)/2:]), "a megabyte of zeros in the middle", nil
}

// zeros is a stream of one byte.
type zeros struct{ b byte }

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = z.b
	}
	return len(p), nil
}

func gzipped(r io.Reader) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, r); err != nil {
		panic(err) // writing to memory does not fail
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// noFile puts what is no regular file where one is read.
func (a *attempt) noFile() error {
	if err := a.share(); err != nil {
		return err
	}
	list := readers()
	r := list[a.n%len(list)]
	if a.n%3 == 0 { // images
		r = reader{"an image", nil, func(a *attempt, p string) []string {
			good := filepath.Join(a.in.photos, "photo_0.png")
			return one(a, []string{"score", good, p, "-m", "psnr"}, []string{"score", p, good, "-m", "psnr"}, []string{"corrupt", p, a.path("out.png"), "--type", "fog", "--severity", "1"},
				[]string{"run", "-q", "--suite", a.in.suite, "--data", "folder:" + filepath.Dir(p), "-o", a.path("run")},
				[]string{"run", "-q", "--suite", a.in.suite, "--data", "folder:" + a.in.photos, "-t", "folder:" + filepath.Dir(p), "-o", a.path("run")})
		}, filepath.Join("images", "photo_0.png")}
	}
	path := a.path(r.ending)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	what, err := a.obstacle(path)
	if err != nil {
		return err
	}
	if _, err := a.expect(readOrRefused, r.args(a, path)...); err != nil {
		return fmt.Errorf("%s is %s: %w", r.name, what, err)
	}
	return nil
}

// hostileImage gives a broken image beside good ones to a run, and alone to score.
func (a *attempt) hostileImage() error {
	b, what, err := a.brokenImage()
	if err != nil {
		return err
	}
	good, err := os.ReadFile(filepath.Join(a.in.photos, "photo_1.png"))
	if err != nil {
		return err
	}
	a.write("images/a.png", good)
	bad := a.write("images/b.png", b)
	fail := func(err error) error { return fmt.Errorf("%s: %w", what, err) }
	switch a.rng.IntN(3) {
	case 0:
		_, err = a.expect(readOrRefused, "score", filepath.Join(a.in.photos, "photo_0.png"), bad, "-m", "psnr")
	case 1:
		_, err = a.expect(readOrRefused, "corrupt", bad, a.path("out.png"), "--type", "jpeg_compression", "--severity", "3")
	case 2:
		r, err := a.undisturbed([]string{"run", "-q", "-j", "2", "--resamples", "100", "--suite", a.in.suite, "--data", "folder:" + a.onlyGood()})
		if err != nil {
			return err
		}
		dir := a.path("run")
		if _, err := a.expect([]int{0, 4}, "run", "-q", "-j", "2", "--resamples", "100", "--suite", a.in.suite, "--data", "folder:"+a.path("images"), "-o", dir); err != nil {
			return fail(err)
		}
		for _, line := range strings.SplitAfter(r.sums["records.jsonl"], "\n") {
			records, err := os.ReadFile(filepath.Join(dir, "records.jsonl"))
			if err != nil {
				return fail(err)
			}
			if !bytes.Contains(records, []byte(line)) {
				return fail(fmt.Errorf("the image beside it lost a value: %s", line))
			}
		}
		return nil
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// onlyGood is a folder with the good image of [attempt.hostileImage] alone.
func (a *attempt) onlyGood() string {
	dir := filepath.Join(a.o.dir, "inputs", "good")
	b, err := os.ReadFile(filepath.Join(a.in.photos, "photo_1.png"))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil && !exists(filepath.Join(dir, "a.png")) {
		tmp := filepath.Join(a.dir, "a.png")
		err = errors.Join(os.WriteFile(tmp, b, 0o644), os.Rename(tmp, filepath.Join(dir, "a.png")))
	}
	if err != nil {
		panic(err)
	}
	return dir
}

// brokenImage is an image file that lies.
func (a *attempt) brokenImage() ([]byte, string, error) {
	if a.chance(3) {
		side := one(a, 30_000, 65_535, 1<<30)
		switch a.rng.IntN(5) {
		case 0:
			return pngHeader(side, side), fmt.Sprintf("a PNG that says it has %d² pixels", side), nil
		case 1:
			return bigPNG(4_000), "a PNG of 4,000² pixels in a small file", nil
		case 2:
			return []byte(fmt.Sprintf("P6 %d %d 255\n", side, side)), fmt.Sprintf("a PPM that says it has %d² pixels", side), nil
		case 3:
			b := []byte("BM")
			b = binary.LittleEndian.AppendUint32(b, 100)
			b = append(b, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0)
			b = binary.LittleEndian.AppendUint32(b, uint32(side))
			b = binary.LittleEndian.AppendUint32(b, uint32(side))
			return append(b, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), "a BMP that lies", nil
		}
		b := []byte{0xff, 0xd8, 0xff, 0xc2, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3, 1, 0x44, 0, 2, 0x11, 0, 3, 0x11, 0}
		return append(b, 0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0), "a progressive JPEG of 65,535² pixels", nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, 48, 40))
	for i := range img.Pix {
		img.Pix[i] = byte(i*7) | 3
	}
	var b bytes.Buffer
	format := one(a, "PNG", "JPEG", "GIF", "BMP", "TIFF")
	var err error
	switch format {
	case "PNG":
		err = png.Encode(&b, img)
	case "JPEG":
		err = jpeg.Encode(&b, img, nil)
	case "GIF":
		err = gif.Encode(&b, img, nil)
	case "BMP":
		err = bmp.Encode(&b, img)
	case "TIFF":
		err = tiff.Encode(&b, img, &tiff.Options{Compression: one(a, tiff.Uncompressed, tiff.Deflate)})
	}
	if err != nil {
		return nil, "", err
	}
	out := b.Bytes()
	if a.chance(4) {
		n := a.rng.IntN(len(out))
		return out[:n], fmt.Sprintf("a %s cut after %d bytes", format, n), nil
	}
	n := 1 + a.rng.IntN(8)
	for range n {
		out[a.rng.IntN(len(out))] = byte(a.rng.Uint32())
	}
	return out, fmt.Sprintf("a %s with %d bytes changed", format, n), nil
}

// pngHeader is a PNG without pixels.
func pngHeader(w, h int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	out := b.Bytes()
	binary.BigEndian.PutUint32(out[16:], uint32(w))
	binary.BigEndian.PutUint32(out[20:], uint32(h))
	putCRC(out)
	return out
}

// bigPNG is a grey image of side² pixels whose file is a thousandth of that.
func bigPNG(side int) []byte {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&b, blank{image.Rect(0, 0, side, side)}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// blank is a grey image without memory.
type blank struct{ r image.Rectangle }

func (b blank) ColorModel() color.Model { return color.GrayModel }
func (b blank) Bounds() image.Rectangle { return b.r }
func (b blank) At(int, int) color.Color { return color.Gray{Y: 90} }

// putCRC makes the check sum of a PNG's first chunk right.
func putCRC(b []byte) { binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29])) }
