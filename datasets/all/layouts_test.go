package all_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lib "github.com/parquet-go/parquet-go"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

// picture is a small image, told from others by its seed.
func picture(w, h, seed int) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(i*7 + seed*31 + i/97)
	}
	return m
}

// y4m is a film of gray frames.
func y4m(w, h, frames int) []byte {
	b := fmt.Appendf(nil, "YUV4MPEG2 W%d H%d F25:1 Cmono\n", w, h)
	for k := range frames {
		b = append(append(b, "FRAME\n"...), bytes.Repeat([]byte{uint8(40 + 20*k)}, w*h)...)
	}
	return b
}

// level is a gray image of one value, as label maps are stored, with another value in its
// first pixel.
func level(w, h int, first, v uint8) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = v
		if i < 3 {
			m.Pix[i] = first
		}
	}
	return m
}

func encode(t *testing.T, m pix.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree writes files below dir: an image, bytes or a text.
func tree(t *testing.T, dir string, files map[string]any) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		var b []byte
		switch c := content.(type) {
		case pix.Image:
			b = encode(t, c)
		case []byte:
			b = c
		case string:
			b = []byte(c)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// of makes a sound set of files; the path behind the colon is below its folder.
func of(path string, files map[string]any) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string {
		t.Helper()
		tree(t, dir, files)
		return filepath.Join(dir, filepath.FromSlash(path))
	}
}

// put is damage that writes files.
func put(name string, files map[string]any, want ...string) datasettest.Damage {
	return datasettest.Damage{Name: name, Do: func(t *testing.T, dir string) { tree(t, dir, files) }, Want: want}
}

// refused is damage after which the whole is refused.
func refused(name string, files map[string]any, want ...string) datasettest.Damage {
	d := put(name, files, want...)
	d.Refused = true
	return d
}

// without is damage that removes a file.
func without(file string, want ...string) datasettest.Damage {
	return datasettest.Damage{Name: "without " + file, Want: want, Do: func(t *testing.T, dir string) {
		t.Helper()
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
			t.Fatal(err)
		}
	}}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own values
	}
	return string(b)
}

type object = map[string]any

// landmarks are 68 points on a diagonal.
func landmarks() (points [][]int) {
	for i := range 68 {
		points = append(points, []int{400 + i, 400 + i})
	}
	return points
}

// wflwLine is a face of 98 equal points in an image.
func wflwLine(name string) string {
	return strings.Repeat("50.0 40.0 ", 98) + "30 10 70 66 0 0 0 0 0 0 " + name + "\n"
}

var (
	photo = picture(80, 40, 1)
	other = picture(80, 40, 2)
	third = picture(80, 40, 3)
)

func numbered(format string, from, to int) map[string]any {
	files := map[string]any{}
	for n := from; n <= to; n++ {
		files[fmt.Sprintf(format, n)] = picture(24, 16, n)
	}
	return files
}

func cocoText(anns object) string {
	return asJSON(object{
		"cats": object{}, "info": object{"version": 2}, "imgToAnns": object{"1": []int{11}, "2": []int{12}},
		"imgs": object{
			"1": object{"id": 1, "set": "val", "width": 80, "height": 40, "file_name": "a.png"},
			"2": object{"id": 2, "set": "val", "width": 80, "height": 40, "file_name": "b.png"},
			"3": object{"id": 3, "set": "val", "width": 80, "height": 40, "file_name": "no_text.png"},
			"4": object{"id": 4, "set": "train", "width": 80, "height": 40, "file_name": "other.png"},
		},
		"anns": anns,
	})
}

func cocoTextAnns() object {
	return object{
		"11": object{"id": 11, "image_id": 1, "bbox": []float64{4, 4, 30, 10}, "mask": []float64{4, 4, 34, 4, 34, 14, 4, 14}, "utf8_string": "OPEN", "legibility": "legible", "language": "english"},
		"12": object{"id": 12, "image_id": 2, "bbox": []float64{4, 4, 30, 10}, "legibility": "illegible"},
		"14": object{"id": 14, "image_id": 4, "bbox": []float64{4, 4, 30, 10}, "utf8_string": "x", "legibility": "legible"},
	}
}

func textOCR(anns object) string {
	return asJSON(object{
		"info": object{}, "imgToAnns": object{},
		"imgs": object{
			"0a": object{"id": "0a", "width": 80, "height": 40, "set": "val", "file_name": "train/a.png"},
			"0b": object{"id": "0b", "width": 80, "height": 40, "set": "val", "file_name": "train/b.png"},
		},
		"anns": anns,
	})
}

func textOCRAnns() object {
	return object{
		"0a_1": object{"id": "0a_1", "image_id": "0a", "bbox": []float64{4, 4, 30, 10}, "points": []float64{4, 4, 34, 4, 34, 14, 4, 14}, "utf8_string": "OPEN", "area": 300},
		"0b_1": object{"id": "0b_1", "image_id": "0b", "bbox": []float64{4, 4, 30, 10}, "points": []float64{4, 4, 34, 4, 34, 14, 4, 14}, "utf8_string": "."},
	}
}

func with(base object, key string, v any) object {
	base[key] = v
	return base
}

func tarOf(t *testing.T, names []string, bodies [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i, name := range names {
		h := &tar.Header{Name: name, Size: int64(len(bodies[i])), Mode: 0o644}
		if strings.HasPrefix(name, "link") {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, "/etc/passwd", 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(bodies[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t *testing.T, names []string, bodies [][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, name := range names {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write(bodies[i])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type parquetImage struct {
	Bytes []byte `parquet:"bytes"`
	Path  string `parquet:"path,optional"`
}

type parquetRow struct {
	Image parquetImage `parquet:"image"`
	Text  string       `parquet:"text,optional"`
}

func parquetOf(t *testing.T, images ...[]byte) []byte {
	t.Helper()
	var rows []parquetRow
	for i, b := range images {
		rows = append(rows, parquetRow{Image: parquetImage{Bytes: b, Path: fmt.Sprintf("%d.png", i)}, Text: "word"})
	}
	var b bytes.Buffer
	if err := lib.Write(&b, rows); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const icdarLine = "2,2,60,2,60,12,2,12,OPEN\n2,20,60,20,60,30,2,30,SHOP\n"

// layouts is a sound set of every kind that reads files, and what may be wrong with it.
func layouts() map[string]datasettest.Layout {
	hostile := []string{"ok.png", "../up.png", "/abs.png", "link.png", "ok.png", "broken.png"}
	bodies := func(t *testing.T) [][]byte {
		good := encode(t, photo)
		return [][]byte{good, good, good, good, good, good[:40]}
	}
	hostileWant := []string{"named so that it would lie outside", "named as a member before it", "broken"}
	return map[string]datasettest.Layout{
		"folder": {Make: of("", map[string]any{"a/1.png": photo, "b/2.png": other, "notes.txt": "x"}), Beside: []string{"notes.txt"}},
		"archive": {
			Whole: true,
			Make: func(t *testing.T, dir string) string {
				t.Helper()
				tree(t, dir, map[string]any{"x.tar": tarOf(t, []string{"a/1.png", "b/2.png"}, [][]byte{encode(t, photo), encode(t, other)})})
				return filepath.Join(dir, "x.tar")
			},
			Beside: []string{"x.tar"}, // what is behind its end is no part of it
			Damages: []datasettest.Damage{
				{Name: "hostile tar", Want: append(slices.Clone(hostileWant), "a link"), Do: func(t *testing.T, dir string) {
					tree(t, dir, map[string]any{"x.tar": tarOf(t, hostile, bodies(t))})
				}},
				{Name: "hostile zip", Want: hostileWant, Do: func(t *testing.T, dir string) {
					tree(t, dir, map[string]any{"x.tar": zipOf(t, slices.DeleteFunc(slices.Clone(hostile), func(n string) bool { return n == "link.png" }), slices.Delete(bodies(t), 3, 4))})
				}},
				refused("no archive", map[string]any{"x.tar": "words words words"}, "x.tar"),
			},
		},
		"webdataset": {
			Whole: true,
			Make: func(t *testing.T, dir string) string {
				t.Helper()
				for shard := range 2 {
					tree(t, dir, map[string]any{fmt.Sprintf("val-%d.tar", shard): tarOf(t, []string{"000.png", "000.cls", "001.png"}, [][]byte{encode(t, picture(30, 20, shard)), []byte("7"), encode(t, picture(30, 20, shard+5))})})
				}
				return filepath.Join(dir, "val-{0..1}.tar")
			},
			Beside: []string{"val-*.tar"},
			Damages: []datasettest.Damage{
				{Name: "hostile shard", Want: append(slices.Clone(hostileWant), "a link"), Do: func(t *testing.T, dir string) {
					tree(t, dir, map[string]any{"val-1.tar": tarOf(t, hostile, bodies(t))})
				}},
				{Name: "missing shard", Refused: true, Want: []string{"val-1.tar"}, Do: func(t *testing.T, dir string) {
					if err := os.Remove(filepath.Join(dir, "val-1.tar")); err != nil {
						t.Fatal(err)
					}
				}},
			},
		},
		"parquet": {
			Whole: true,
			Make: func(t *testing.T, dir string) string {
				t.Helper()
				tree(t, dir, map[string]any{"val-0.parquet": parquetOf(t, encode(t, photo), encode(t, other)), "val-1.parquet": parquetOf(t, encode(t, third))})
				return dir + ",text=text"
			},
			Beside: []string{"*.parquet"}, // which ends with its own length: see the damage
			Damages: []datasettest.Damage{
				{Name: "broken image", Want: []string{"val-0/000001"}, Do: func(t *testing.T, dir string) {
					tree(t, dir, map[string]any{"val-0.parquet": parquetOf(t, encode(t, photo), []byte("no image"))})
				}},
				refused("no parquet", map[string]any{"val-1.parquet": "PAR1 nothing PAR1"}, "val-1.parquet"),
			},
		},
		"manifest": {
			Make: of("manifest.jsonl", map[string]any{
				"a.png": photo, "sub/b.png": other, "m.png": level(20, 10, 255, 1),
				"manifest.jsonl": `{"vtbench_manifest": 1, "classes": [{"name": "road", "colour": [1, 2, 3]}, {"name": "car", "colour": [4, 5, 6], "objects": true}]}
{"image": "a.png", "width": 80, "height": 40, "labels": [{"box": [2, 2, 60, 12], "text": "OPEN"}]}

{"image": "sub/b.png", "class": "shop"}
`,
			}),
			Beside: []string{"m.png"},
			Damages: []datasettest.Damage{
				put("an unknown field", map[string]any{"manifest.jsonl": `{"vtbench_manifest": 1}
{"image": "a.png", "lables": []}
{"image": "sub/b.png"}`}, `manifest.jsonl:2: unknown field "lables", did you mean "labels"?`),
				put("a missing image", map[string]any{"manifest.jsonl": `{"vtbench_manifest": 1}
{"image": "a.png"}
{"image": "gone.png"}`}, "manifest.jsonl:3:", "gone.png"),
				put("labels of another image", map[string]any{"manifest.jsonl": `{"vtbench_manifest": 1}
{"image": "a.png", "width": 81, "height": 40}
{"image": "sub/b.png", "sha256": "` + strings.Repeat("0", 64) + `"}
{"image": "sub/b.png", "id": "good"}`}, "manifest.jsonl:2:", "a.png is 80×40, the line says 81×40", "manifest.jsonl:3:", "it is another file"),
				put("lines", map[string]any{"manifest.jsonl": `{"vtbench_manifest": 1}
nonsense
{"image": "../a.png"}
{"image": "/etc/passwd"}
{"image": "a.png", "labels": [{"text": "x"}]}
{"image": "a.png", "labels": [{"box": [90, 2, 99, 12], "text": "x"}]}
{"image": "a.png"}
{"labels": []}`}, "manifest.jsonl:2:", `manifest.jsonl:3: "../a.png" leads out`, `manifest.jsonl:4: "/etc/passwd" leads out`, "manifest.jsonl:5: labels[0]: neither box nor quad", "manifest.jsonl:6: labels[0]: box (90,2)-(99,12) lies outside", `manifest.jsonl:7: a line before it is called "a.png" too`, "manifest.jsonl:8: neither image nor mask"),
				refused("another file", map[string]any{"manifest.jsonl": `{"image": "a.png"}`}, "manifest.jsonl:1:", "the first line must be"),
				refused("an empty file", map[string]any{"manifest.jsonl": ""}, "manifest.jsonl is empty"),
			},
		},
		"manifest, masks": {
			Make: of("manifest.jsonl", map[string]any{
				"m.png": level(20, 10, 255, 1), "n.png": level(20, 10, 0, 1),
				"manifest.jsonl": `{"vtbench_manifest": 1, "classes": [{"name": "road", "colour": [1, 2, 3]}, {"name": "car", "colour": [4, 5, 6], "objects": true}]}
{"mask": "m.png"}
{"mask": "n.png"}`,
			}),
			Damages: []datasettest.Damage{put("a value of no class", map[string]any{"m.png": level(20, 10, 0, 2)}, "manifest.jsonl:2:", "m.png: pixel 1, 0 is [2 2 2]")},
		},
		"imagenet": {
			Make: of("val", map[string]any{
				"val/n01440764/ILSVRC2012_val_00000293.png": photo, "val/n01443537/ILSVRC2012_val_00000236.png": other,
				"LOC_synset_mapping.txt": "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n",
			}),
			Damages: []datasettest.Damage{
				put("a line of the list of classes", map[string]any{"LOC_synset_mapping.txt": "n01440764 tench\ngoldfish n01443537\n"}, "LOC_synset_mapping.txt:2:"),
				put("a class twice", map[string]any{"LOC_synset_mapping.txt": "n01440764 tench\nn01440764 tench\n"}, "LOC_synset_mapping.txt:2:"),
			},
		},
		"imagenet, flat": {
			Make: of("val", map[string]any{
				"val/ILSVRC2012_val_00000001.png": photo, "val/ILSVRC2012_val_00000002.png": other,
				"LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001,n01751748 1 2 3 4 n01751748 2 3 4 5 \nILSVRC2012_val_00000002,n09193705 0 0 9 9\n",
			}),
			Damages: []datasettest.Damage{
				put("an image that is not there", map[string]any{"LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001,n01751748 1 2 3 4\nILSVRC2012_val_00000009,n01751748\n"}, "LOC_val_solution.csv:3: there is no image ILSVRC2012_val_00000009", "has no line for ILSVRC2012_val_00000002.png"),
				put("a line", map[string]any{"LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000001;n01751748\n"}, "LOC_val_solution.csv:2:"),
			},
		},
		"kodak": {
			Make:    of("", numbered("kodim%02d.png", 1, 24)),
			Damages: []datasettest.Damage{without("kodim07.png", "no image kodim07.png of Kodak's 24 photographs")},
		},
		"div2k": {
			Make:    of("", numbered("DIV2K_valid_HR/%04d.png", 801, 900)),
			Damages: []datasettest.Damage{without("DIV2K_valid_HR/0850.png", "image 0850.png")},
		},
		"clic": {
			Make: of("", map[string]any{"professional_valid_2020/valid/a.png": photo, "mobile_valid_2020/valid/b.png": other, "readme.txt": ""}), Beside: []string{"readme.txt"},
			Damages: []datasettest.Damage{refused("two parts", map[string]any{"valid/a.png": photo, "test/b.png": other}, "has the parts valid, test")},
		},
		"cityscapes": {
			Make: of("", map[string]any{
				"gtFine/val/bonn/bonn_1_gtFine_labelIds.png": level(20, 10, 7, 26), "gtFine/val/ulm/ulm_2_gtFine_labelIds.png": level(20, 10, 0, 11),
				"gtFine/val/ulm/ulm_2_gtFine_color.png": level(20, 10, 0, 0), "gtFine/val/ulm/ulm_2_gtFine_polygons.json": "{}",
				"leftImg8bit/val/bonn/bonn_1_leftImg8bit.png": photo, "leftImg8bit/val/ulm/ulm_2_leftImg8bit.png": photo,
			}),
			Beside: []string{"leftImg8bit/*/*/*", "gtFine/val/ulm/ulm_2_gtFine_color.png", "gtFine/val/ulm/ulm_2_gtFine_polygons.json"},
			Damages: []datasettest.Damage{
				put("a value that is no label", map[string]any{"gtFine/val/bonn/bonn_1_gtFine_labelIds.png": level(20, 10, 7, 200)}, "bonn_1_gtFine_labelIds.png: pixel 1, 0 is [200 200 200]"),
				put("labels of another image", map[string]any{"gtFine/val/bonn/bonn_3_gtFine_labelIds.png": level(20, 10, 7, 7)}, "bonn_3_gtFine_labelIds.png belong to no photograph"),
				put("a photograph without labels", map[string]any{"leftImg8bit/val/bonn/bonn_4_leftImg8bit.png": photo}, "bonn_4_leftImg8bit.png has no label map"),
			},
		},
		"cityscapes, colours": {
			Make: func(t *testing.T, dir string) string {
				t.Helper()
				road := pix.New(20, 10)
				for i := range 200 {
					copy(road.Pix[3*i:], []uint8{128, 64, 128})
				}
				tree(t, dir, map[string]any{"val/bonn/bonn_1_gtFine_color.png": road, "val/bonn/bonn_2_gtFine_color.png": road})
				return filepath.Join(dir, "val")
			},
			Damages: []datasettest.Damage{put("a colour of no class", map[string]any{"val/bonn/bonn_1_gtFine_color.png": photo}, "bonn_1_gtFine_color.png: pixel")},
		},
		"ade20k": {
			Make: of("", map[string]any{
				"ADEChallengeData2016/annotations/validation/ADE_val_00000001.png": level(20, 10, 0, 1), "ADEChallengeData2016/annotations/validation/ADE_val_00000002.png": level(20, 10, 150, 3),
				"ADEChallengeData2016/images/validation/ADE_val_00000001.jpg": photo, "ADEChallengeData2016/images/validation/ADE_val_00000002.jpg": photo,
			}),
			Beside: []string{"ADEChallengeData2016/images/validation/*"},
			Damages: []datasettest.Damage{
				put("a value that is no label", map[string]any{"ADEChallengeData2016/annotations/validation/ADE_val_00000001.png": level(20, 10, 0, 151)}, "ADE_val_00000001.png: pixel 1, 0 is [151 151 151]: want a gray value from 0 to 150"),
				put("a colour", map[string]any{"ADEChallengeData2016/annotations/validation/ADE_val_00000001.png": photo}, "ADE_val_00000001.png: pixel"),
				put("labels of another image", map[string]any{"ADEChallengeData2016/annotations/validation/ADE_val_00000009.png": level(20, 10, 0, 1)}, "ADE_val_00000009.png belong to no photograph"),
			},
		},
		"icdar": {
			Make: of("", map[string]any{"images/a.png": photo, "images/b.png": other, "gt/gt_a.txt": icdarLine, "gt/gt_b.txt": icdarLine}),
			Damages: []datasettest.Damage{
				put("a line", map[string]any{"gt/gt_a.txt": icdarLine + "nonsense\n"}, "gt_a.txt:3:"),
				put("labels of another image", map[string]any{"gt/gt_z.txt": icdarLine}, "gt_z.txt have no image"),
				without("gt/gt_a.txt", "gt_a.txt is missing"),
				without("images/a.png", "gt_a.txt have no image a"),
			},
		},
		"tokbench": {
			Make: of("", map[string]any{
				"images/text_data/ic15/a.png": photo, "images/text_data/ic15/b.png": other,
				"annotations/text_ic15.json": "[" + tokBenchText + "]",
			}),
			Damages: []datasettest.Damage{
				without("images/text_data/ic15/a.png", "a.png", "listed in", "text_ic15.json:1: [0]"),
				refused("a malformed list", map[string]any{"annotations/text_ic15.json": "[\n{"}, "text_ic15.json:2"),
				put("an element of another kind", map[string]any{"annotations/text_ic15.json": "[" + tokBenchText + ",\n7]"}, "text_ic15.json:2: [2]"),
				put("an element without a size", map[string]any{"annotations/text_ic15.json": "[" + tokBenchText + ",\n" + `{"file_name": "c.png", "height": 0, "width": 9}]`}, "text_ic15.json:2: [2] (c.png): width and height"),
				put("an image listed twice", map[string]any{"annotations/text_ic15.json": "[" + tokBenchText + ",\n" + `{"file_name": "b.png", "height": 40, "width": 80, "annotations": []}]`}, "text_ic15.json:2: [2]: ic15/b.png is listed twice"),
				put("a label of another kind", map[string]any{"annotations/text_ic15.json": "[" + strings.Replace(tokBenchText, `[{"rec"`, `[7, {"rec"`, 1) + "]"}, "text_ic15.json:1: [0] (a.png): annotations[0]"),
				refused("no element that can be used", map[string]any{"annotations/text_ic15.json": "[\n7]"}, "text_ic15.json:2: [0]"),
				put("the labels of another image", map[string]any{"annotations/text_ic15.json": `[{"file_name": "a.png", "height": 41, "width": 80, "annotations": []}, {"file_name": "b.png", "height": 40, "width": 80, "annotations": []}]`}, "a.png is 80×40, its labels say 80×41"),
			},
		},
		"coco-text": {
			Make: of("", map[string]any{"train2014/a.png": photo, "train2014/b.png": other, "train2014/no_text.png": third, "cocotext.v2.json": cocoText(cocoTextAnns())}), Beside: []string{"train2014/no_text.png"},
			Damages: []datasettest.Damage{
				without("train2014/b.png", "b.png", `cocotext.v2.json: imgs["2"]`),
				put("labels of no image", map[string]any{"cocotext.v2.json": cocoText(with(cocoTextAnns(), "19", object{"image_id": 99, "bbox": []int{1, 2, 3, 4}}))}, `cocotext.v2.json: anns["19"] belongs to image 99`),
				put("a malformed label", map[string]any{"cocotext.v2.json": cocoText(with(cocoTextAnns(), "13", object{"image_id": 1, "bbox": []int{1, 2, 3}}))}, `cocotext.v2.json: anns["13"]: the box has 3 numbers`),
				put("labels of another size", map[string]any{"train2014/a.png": picture(81, 40, 1)}, "a.png is 81×40, its labels say 80×40"),
				refused("a cut list", map[string]any{"cocotext.v2.json": cocoText(cocoTextAnns())[:200]}, "cocotext.v2.json"),
				refused("another file", map[string]any{"cocotext.v2.json": "[]"}, "cocotext.v2.json: the file is no JSON object"),
			},
		},
		"textocr": {
			Make: of("", map[string]any{"train_val_images/train_images/a.png": photo, "train_val_images/train_images/b.png": other, "TextOCR_0.1_val.json": textOCR(textOCRAnns())}),
			Damages: []datasettest.Damage{
				without("train_val_images/train_images/b.png", "b.png", `TextOCR_0.1_val.json: imgs["0b"]`),
				put("labels of no image", map[string]any{"TextOCR_0.1_val.json": textOCR(with(textOCRAnns(), "9", object{"image_id": "zz", "bbox": []int{1, 2, 3, 4}, "utf8_string": "x"}))}, `TextOCR_0.1_val.json: anns["9"] belongs to image zz`),
				put("a malformed label", map[string]any{"TextOCR_0.1_val.json": textOCR(with(textOCRAnns(), "0a_2", object{"image_id": "0a", "points": []int{1, 2, 3}, "utf8_string": "x"}))}, `anns["0a_2"]: the polygon has 3 numbers`),
				refused("a malformed list", map[string]any{"TextOCR_0.1_val.json": `{"imgs": {"a": 3}, "anns": {}}`}, `imgs["a"]`),
			},
		},
		"cord": {
			Make: of("", map[string]any{
				"image/a.png": photo, "image/b.png": other, "json/b.json": `{"valid_line": []}`,
				"json/a.json": `{"valid_line": [{"words": [{"quad": {"x1": 5, "y1": 5, "x2": 30, "y2": 5, "x3": 30, "y3": 15, "x4": 5, "y4": 15}, "text": "NASI"}]}]}`,
			}),
			Damages: []datasettest.Damage{
				put("a malformed file", map[string]any{"json/a.json": "{\n\"valid_line\": 3}"}, "a.json:2"),
				put("labels of another image", map[string]any{"json/z.json": "{}"}, "z.json have no image"),
			},
		},
		"sroie": {
			Make: of("", map[string]any{"img/a.png": photo, "img/b.png": other, "box/a.txt": icdarLine, "box/b.txt": icdarLine}),
			Damages: []datasettest.Damage{
				put("a line", map[string]any{"box/a.txt": icdarLine + "nonsense\n"}, "a.txt: line 3"),
				put("labels of another image", map[string]any{"box/z.txt": icdarLine}, "z.txt have no image"),
			},
		},
		"funsd": {
			Make: of("", map[string]any{
				"images/a.png": photo, "images/b.png": other, "annotations/b.json": `{"form": []}`,
				"annotations/a.json": `{"form": [{"words": [{"box": [2, 2, 20, 12], "text": "Date:"}]}]}`,
			}),
			Damages: []datasettest.Damage{
				put("a malformed file", map[string]any{"annotations/a.json": "{\n\"form\": ["}, "a.json:2"),
				put("labels of another image", map[string]any{"annotations/z.json": `{"form": []}`}, "z.json have no image"),
			},
		},
		"omnidoc": {Make: of("", map[string]any{"data/1.png": photo, "data/2.png": other, "README.md": "x"}), Beside: []string{"README.md"}},
		"wflw": {
			Make: of("", map[string]any{"WFLW_images/a.png": photo, "WFLW_images/b.png": other, "list_98pt_rect_attr_test.txt": wflwLine("a.png") + wflwLine("b.png")}),
			Damages: []datasettest.Damage{
				put("a line", map[string]any{"list_98pt_rect_attr_test.txt": wflwLine("a.png") + "x" + wflwLine("b.png")}, "list_98pt_rect_attr_test.txt:2"),
				refused("no list of faces", map[string]any{"list_98pt_rect_attr_test.txt": "a.png\n"}, "list_98pt_rect_attr_test.txt:1"),
			},
		},
		"coco-face": {
			Make: of("", map[string]any{
				"a.png": photo, "b.png": other,
				"f.json": asJSON(object{
					"images":      []object{{"id": 1, "file_name": "a.png", "width": 80, "height": 40}, {"id": 2, "file_name": "b.png", "width": 80, "height": 40}},
					"annotations": []object{{"id": 7, "image_id": 1, "keypoints": []int{20, 10, 2, 40, 10, 2, 30, 20, 2, 22, 30, 2, 38, 30, 2}, "bbox": []int{10, 5, 40, 30}}},
				}),
			}),
			Damages: []datasettest.Damage{
				refused("a malformed file", map[string]any{"f.json": "{\n\n\"images\": nope}"}, "f.json:3"),
				put("labels of another image", map[string]any{"f.json": asJSON(object{
					"images":      []object{{"id": 1, "file_name": "a.png"}},
					"annotations": []object{{"id": 7, "image_id": 9, "bbox": []int{10, 5, 40, 30}, "keypoints": []int{20, 10, 2, 40, 10, 2, 30, 20, 2, 22, 30, 2, 38, 30, 2}}},
				})}, `f.json:1: annotations[0] (id 7).image_id: there is no image "9"`),
				put("an element and a face", map[string]any{"f.json": asJSON(object{
					"images": []any{object{"id": 1, "file_name": "a.png"}, 3},
					"annotations": []object{
						{"id": 7, "image_id": 1, "bbox": []int{10, 5, 40, 30}}, {"id": 8, "image_id": 1, "bbox": "all"},
					},
				})}, "f.json:1: images[1]: it is a number", "label_malformed: ", "f.json:1: annotations[1] (id 8): bbox is a string"),
			},
		},
		"tokbench-face": {
			Make: of("", map[string]any{
				"images/face_data/wflw/a.png": photo, "images/face_data/wflw/b.png": other,
				"annotations/face_meta.json": asJSON([]object{
					{"image_name": "a.png", "img_height": 40, "img_width": 80, "faces": []object{{"kps": [][]int{{20, 10}, {40, 10}, {30, 20}, {22, 30}, {38, 30}}, "box": []int{10, 5, 50, 35}, "ratio": .5}}},
					{"image_name": "b.png", "img_height": 40, "img_width": 80, "faces": []object{}},
				}),
			}),
			Damages: []datasettest.Damage{
				refused("a malformed file", map[string]any{"annotations/face_meta.json": "[\n3]"}, "face_meta.json:2"),
				put("an element and a face", map[string]any{"annotations/face_meta.json": "[\n3,\n" + `{"image_name": "a.png", "img_height": 40, "img_width": 80, "faces": [{"box": 5}]}]`}, "face_meta.json:2: [0]", "label_malformed: ", "face_meta.json:3: [1] (a.png).faces[0]: box is a number"),
			},
		},
		"lfw": {
			Make: of("", map[string]any{"Al_Bo/Al_Bo_0001.png": photo, "Al_Bo/Al_Bo_0002.png": other, "Cy/Cy_0001.png": third, "pairs.txt": "1\t1\nAl_Bo\t1\t2\nAl_Bo\t1\tCy\t1\n"}),
			Damages: []datasettest.Damage{
				put("a line", map[string]any{"pairs.txt": "1\t1\nAl_Bo\tone\t2\nAl_Bo\t1\tCy\t1\n"}, "pairs.txt:2"),
				put("a pair too few", map[string]any{"pairs.txt": "1\t1\nAl_Bo\t1\t2\n"}, "pairs.txt:2: the file ends after 1 of the 2 pairs"),
				refused("no pairs", map[string]any{"pairs.txt": "hello\n"}, "pairs.txt:1"),
				without("Cy/Cy_0001.png", "pairs.txt:3: there is no image Cy_0001"),
			},
		},
		"celeba": {
			Make: of("", map[string]any{"img_celeba/000001.png": photo, "img_celeba/000002.png": other, "identity_CelebA.txt": "000001.jpg 17\n000002.jpg 18\n"}),
			Damages: []datasettest.Damage{
				put("a line", map[string]any{"identity_CelebA.txt": "000001.jpg 17\n000002.jpg\n"}, "identity_CelebA.txt:2"),
				put("a line of no image", map[string]any{"identity_CelebA.txt": "000001.jpg 17\n000002.jpg 18\n000009.jpg\n"}, "identity_CelebA.txt:3: "),
				refused("no table", map[string]any{"identity_CelebA.txt": "a b c\n"}, "identity_CelebA.txt:1"),
			},
		},
		"video": {
			Make: of("", map[string]any{"b/0.png": picture(16, 16, 1), "b/1.png": picture(16, 16, 2), "a.y4m": y4m(16, 16, 3)}),
			Damages: []datasettest.Damage{
				put("a film cut short", map[string]any{"a.y4m": y4m(16, 16, 3)[:500]}, "a.y4m", "cut short"),
				put("a file that is no film", map[string]any{"a.y4m": "no film"}, "a.y4m"),
				put("a frame of another size", map[string]any{"b/1.png": picture(8, 16, 2)}, "b is 8×16, the first of the film 16×16"),
			},
		},
		"davis": {
			Make: of("", map[string]any{
				"JPEGImages/480p/bear/00000.jpg": picture(16, 16, 1), "JPEGImages/480p/bear/00001.jpg": picture(16, 16, 2),
				"ImageSets/2017/val.txt": "bear\n",
			}),
			Damages: []datasettest.Damage{
				put("a sequence that is not there", map[string]any{"ImageSets/2017/val.txt": "bear\ncamel\n"}, "camel"),
				refused("a malformed list", map[string]any{"ImageSets/2017/val.txt": " \n"}, "2017/val"),
			},
		},
		"tokbench-video": {
			Make: of("", map[string]any{
				"videos/a.y4m": y4m(16, 16, 3), "video_annotations/text.json": asJSON([]object{
					{"video_name": "a", "file_name": "a-frame1.jpg", "width": 16, "height": 16, "annotations": []object{{"rec": "word", "bbox": []int{1, 1, 9, 9}, "ratio": .1}}},
				}),
			}),
			Whole: true,
			Damages: []datasettest.Damage{
				refused("a malformed list", map[string]any{"video_annotations/text.json": "[\n3]"}, "text.json:2"),
				put("a film cut short", map[string]any{"videos/a.y4m": y4m(16, 16, 3)[:500]}, "a.y4m", "cut short"),
			},
		},
		"ffhq": {
			Make: of("", map[string]any{"00000.png": picture(64, 64, 1), "00001.png": picture(64, 64, 2)}),
			Damages: []datasettest.Damage{
				refused("a malformed file", map[string]any{"ffhq-dataset-v2.json": "{\"0\": {\"image\": 3}}"}, "ffhq-dataset-v2.json"),
				put("an entry", map[string]any{"ffhq-dataset-v2.json": asJSON(object{"0": object{"image": object{"face_landmarks": landmarks()}}, "1": object{"image": 3}})}, `ffhq-dataset-v2.json: entry "1"`),
			},
		},
	}
}

// slow are built-in data sets of which an item takes long.
var slow = map[string]int{"document-default": 2, "document-scan": 2, "multilingual-default": 2, "text-default": 3, "text-small": 3, "photos-default": 2, "photos-small": 2, "portraits-default": 2}

// Every kind of data set passes the conformance suite: those that vtbench makes as they are,
// those of files on a layout of this file. A kind without one fails here.
func TestConformance(t *testing.T) {
	made := layouts()
	for _, k := range all.Kinds() {
		if !k.TakesPath() {
			t.Run(k.Name, func(t *testing.T) {
				n := slow[k.Name]
				if n == 0 {
					n = 4
				}
				datasettest.RunFirst(t, n, func(t *testing.T) datasets.Dataset {
					d, err := k.Open(t.Context(), "", datasets.Options{})
					testenv.Need(t, err)
					return d
				})
			})
			continue
		}
		found := 0
		for name, l := range made {
			if kind, _, _ := strings.Cut(name, ","); kind != k.Name {
				continue
			}
			found++
			t.Run(name, func(t *testing.T) { datasettest.RunLayout(t, k, l) })
		}
		if found == 0 {
			t.Errorf("%s has no layout here: add one to layouts, so that the conformance suite sees it", k.Name)
		}
	}
}

// tokBenchText are the elements of a list of TokBench's texts.
const tokBenchText = `{"file_name": "a.png", "height": 40, "width": 80, "annotations": [{"rec": "x", "bbox": [4, 4, 50, 20], "ratio": 0.1}]}, {"file_name": "b.png", "height": 40, "width": 80, "annotations": []}`
