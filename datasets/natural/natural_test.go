package natural_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/natural"
	"github.com/vtbench/vtbench/pix"
)

// tree writes files, those without a text as images.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if text == "" {
			err = pix.New(12, 9).SavePNG(file)
		} else {
			err = os.WriteFile(file, []byte(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// told is what a set says: its items with their classes, and what is wrong.
func told(t *testing.T, d datasets.Dataset) (out []string) {
	t.Helper()
	for i, id := range d.IDs() {
		it, err := d.Load(t.Context(), i)
		if err != nil {
			msg := err.Error()
			out = append(out, id+" fails: "+msg[strings.LastIndex(msg, string(filepath.Separator))+1:])
			continue
		}
		line := id + ": " + it.Class
		for _, l := range it.Lost {
			line += fmt.Sprintf(" lost %s %s", l.ID, l.Reason)
		}
		out = append(out, line)
	}
	return out
}

// Classes take turns, so that the first images are a sample of all of them; names come from
// the list of synsets, wherever it lies, and two classes of one name stay apart.
func TestImageNet(t *testing.T) {
	names := "n02012849 crane\nn03126707 crane\nbroken\n"
	files := map[string]string{
		"val/n02012849/a.png": "", "val/n02012849/b.png": "", "val/n03126707/c.png": "", "val/n09999999/d.png": "",
		"LOC_synset_mapping.txt": names,
	}
	want := []string{
		"n02012849/a.png: n02012849 crane", "n03126707/c.png: n03126707 crane", "n09999999/d.png: n09999999", "n02012849/b.png: n02012849 crane",
		`LOC_synset_mapping.txt line 3 fails: LOC_synset_mapping.txt:3: "broken" is no line of such a list`,
	}
	for _, arg := range []string{"", "val"} {
		d, err := natural.OpenImageNet(t.Context(), filepath.Join(tree(t, files), arg), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, told(t, d)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", arg, diff)
		}
		if in := d.Info(); in.Title != "ImageNet, 3 classes, 4 images" {
			t.Errorf("title %q", in.Title)
		}
	}
	own := filepath.Join(tree(t, map[string]string{"mine.txt": "n09999999, a thing of mine\n"}), "mine.txt")
	dir := filepath.Join(tree(t, files), "val")
	d, err := natural.OpenImageNet(t.Context(), dir+",classes="+own, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := told(t, d); got[2] != "n09999999/d.png: n09999999 a thing of mine" {
		t.Errorf("with a list of one's own: %q", got)
	}
	before := d.Info().Digest
	if err := os.WriteFile(own, []byte("n09999999 another name\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err = natural.OpenImageNet(t.Context(), dir+",classes="+own, datasets.Options{}); err != nil || d.Info().Digest == before {
		t.Errorf("the list is not in the digest: %v", err)
	}
	for arg, want := range map[string]string{
		tree(t, map[string]string{"val/n02012849/a.png": "", "train/n02012849/a.png": ""}): "has the parts val, train: name one",
		tree(t, map[string]string{"readme.txt": "x"}):                                      "has no image of this set; left out",
		dir + ",classes=" + own + ".gone":                                                  "the list of classes",
	} {
		if _, err := natural.OpenImageNet(t.Context(), arg, datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", arg, err, want)
		}
	}
}

func TestImageNetInOneFolder(t *testing.T) {
	root := tree(t, map[string]string{
		"ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.png": "", "ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000002.png": "",
		"LOC_synset_mapping.txt": "n01751748 sea snake\n",
		"LOC_val_solution.csv":   "ImageId,PredictionString\r\nILSVRC2012_val_00000001,n01751748 1 2 3 4 n01751748 5 6 7 8 \r\nILSVRC2012_val_00000003,n01751748\r\n",
	})
	d, err := natural.OpenImageNet(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ILSVRC2012_val_00000001.png: n01751748 sea snake",
		"ILSVRC2012_val_00000002.png:  lost class label_missing",
		"LOC_val_solution.csv fails: LOC_val_solution.csv:3: there is no image ILSVRC2012_val_00000003, nor 0 others of the list",
	}
	if diff := cmp.Diff(want, told(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The published sets are whole or say what is missing.
func TestNumbered(t *testing.T) {
	kodak := map[string]string{"notes.txt": "x"}
	for n := 1; n <= 24; n++ {
		kodak[fmt.Sprintf("sub/kodim%02d.png", n)] = ""
	}
	delete(kodak, "sub/kodim05.png")
	kodak["kodim06.bmp"] = ""
	d, err := natural.OpenKodak(t.Context(), tree(t, kodak), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := told(t, d)
	if len(got) != 25 || !strings.Contains(strings.Join(got, "\n"), "no image kodim05.png of Kodak's 24 photographs") || !strings.Contains(strings.Join(got, "\n"), "number 06 is there twice") {
		t.Errorf("got %q", got)
	}
	for arg, want := range map[string]string{
		tree(t, map[string]string{"DIV2K_valid_HR/0801.png": "", "DIV2K_train_HR/0001.png": ""}): "has two parts: name one",
		tree(t, map[string]string{"0801.png": ""}):                                               "is no DIV2K",
	} {
		if _, err := natural.OpenDIV2K(t.Context(), arg, datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	train := filepath.Join(tree(t, map[string]string{"DIV2K_train_HR/0001.png": ""}), "DIV2K_train_HR")
	if d, err = natural.OpenDIV2K(context.Background(), train, datasets.Options{}); err != nil || len(d.IDs()) != 800 {
		t.Errorf("%d items, %v", len(d.IDs()), err)
	}
}
