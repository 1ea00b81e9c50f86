package corrupt_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

var update = flag.Bool("update", false, "rewrite golden files")

func digest(img pix.Image) string {
	sum := sha256.Sum256(img.Pix)
	return hex.EncodeToString(sum[:8])
}

// goldenCases are all corruptions and severities, in both modes, on a part of the
// probe with all its kinds of content.
func goldenCases(t *testing.T, f func(label string, img pix.Image)) {
	t.Helper()
	img := probe().Crop(image.Rect(40, 40, 137, 187))
	for _, mode := range []corrupt.Mode{corrupt.Compat, corrupt.Scaled} {
		for _, c := range corrupt.All() {
			for severity := 1; severity <= corrupt.Severities; severity++ {
				got, err := corrupt.Apply(img, c.Name, severity, corrupt.Options{Seed: 7, Key: "golden", Mode: mode})
				if err != nil {
					t.Fatal(err)
				}
				f(fmt.Sprintf("%s/%d %s", c.Name, severity, mode), got)
			}
		}
	}
	// Large enough for what differs there: running sums, enlarged textures.
	large, err := pix.Resize(probe(), 1230, 1020)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"elastic_transform/3 compat", "elastic_transform/3 scaled", "frost/2 compat", "gaussian_blur/5 scaled", "defocus_blur/5 scaled", "motion_blur/3 scaled", "spatter/2 scaled", "spatter/4 scaled", "snow/2 scaled", "rain/3 scaled"} {
		spec, mode, _ := strings.Cut(s, " ")
		name, severity, _ := strings.Cut(spec, "/")
		m, err := corrupt.ParseMode(mode)
		if err != nil {
			t.Fatal(err)
		}
		got, err := corrupt.Apply(large, name, int(severity[0]-'0'), corrupt.Options{Seed: 7, Key: "golden", Mode: m})
		if err != nil {
			t.Fatal(err)
		}
		f(s+" large", got)
	}
}

// The digests are of our own pixels: a change of any is a new Version. They must
// come out the same on every architecture; CI's are amd64 and arm64, and
// GOARCH=386 and GOAMD64=v3 run on any PC.
func TestGolden(t *testing.T) {
	testenv.Sequential(t)
	const path = "testdata/golden.txt"
	var got bytes.Buffer
	fmt.Fprintf(&got, "# version %d; SHA-256, first 8 bytes; written by go test -run TestGolden -update\n", corrupt.Version)
	goldenCases(t, func(label string, img pix.Image) { fmt.Fprintf(&got, "%s %s\n", digest(img), label) })
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("pixels changed (-want +got):\n%s", diff)
	}
}

// A fused multiplication and addition rounds once where two operations round
// twice: pixels would depend on the architecture. The compiler fuses on arm64
// wherever no explicit conversion forbids it.
func TestNoFusedArithmetic(t *testing.T) {
	testenv.Sequential(t)
	goTool, err := exec.LookPath("go")
	if err != nil {
		testenv.Skip(t, "no go command to compile with")
	}
	cmd := exec.Command(goTool, "build", "-gcflags=-S", ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("compiling for arm64: %v\n%s", err, out)
	}
	fused := regexp.MustCompile(`(\w+\.go:\d+)\)\s+FN?M(ADD|SUB)`)
	functions, lines := 0, bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.Contains(lines.Text(), " STEXT ") {
			functions++
		}
		if m := fused.FindStringSubmatch(lines.Text()); m != nil {
			t.Errorf("%s multiplies and adds in one step; convert the product explicitly", m[1])
		}
	}
	if functions < 100 {
		t.Errorf("the compiler listed %d functions; has its output changed?", functions)
	}
}

// The same pixels in any order and by any number of workers.
func TestOrderAndWorkersDoNotMatter(t *testing.T) {
	img := probe().Crop(image.Rect(0, 0, 90, 70))
	type job struct {
		name     string
		severity int
		key      string
	}
	var jobs []job
	for _, name := range corrupt.Names() {
		for _, severity := range []int{2, 5} {
			for _, key := range []string{"a", "b"} {
				jobs = append(jobs, job{name, severity, key})
			}
		}
	}
	run := func(workers int, order []job) map[job]string {
		var mu sync.Mutex
		var wg sync.WaitGroup
		out, queue := map[job]string{}, make(chan job)
		for range workers {
			wg.Go(func() {
				for q := range queue {
					got, err := corrupt.Apply(img, q.name, q.severity, corrupt.Options{Seed: 3, Key: q.key})
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					out[q] = digest(got)
					mu.Unlock()
				}
			})
		}
		for _, q := range order {
			queue <- q
		}
		close(queue)
		wg.Wait()
		return out
	}
	want := run(1, jobs)
	back := slices.Clone(jobs)
	slices.Reverse(back)
	if diff := cmp.Diff(want, run(5, back)); diff != "" {
		t.Errorf("pixels depend on order or workers (-one +five):\n%s", diff)
	}
	for _, q := range jobs {
		c, err := corrupt.Lookup(q.name)
		if err != nil {
			t.Fatal(err)
		}
		other := job{q.name, q.severity, map[string]string{"a": "b", "b": "a"}[q.key]}
		if same := want[q] == want[other]; same == c.Random {
			t.Errorf("%s/%d: Random is %v, but images of two keys being equal is %v", q.name, q.severity, c.Random, same)
		}
	}
}

func TestSeedsAndSeveritiesDiffer(t *testing.T) {
	img := probe().Crop(image.Rect(40, 40, 187, 187))
	for _, c := range corrupt.All() {
		seen := map[string]string{}
		for severity := 1; severity <= corrupt.Severities; severity++ {
			for seed := range uint64(2) {
				got, err := corrupt.Apply(img, c.Name, severity, corrupt.Options{Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				label := fmt.Sprintf("severity %d seed %d", severity, seed)
				if !c.Random && seed > 0 {
					continue
				}
				if old, ok := seen[digest(got)]; ok {
					t.Errorf("%s: %s and %s give the same pixels", c.Name, old, label)
				}
				seen[digest(got)] = label
			}
		}
	}
}

func TestErrors(t *testing.T) {
	img := probe()
	for _, tc := range []struct {
		what string
		err  error
		want string
	}{
		{"typo", applyErr(img, "gausian_noise", 1, corrupt.Options{}), `did you mean "gaussian_noise"?`},
		{"nonsense", applyErr(img, "qqqqqqqqqqqqqqqqqqq", 1, corrupt.Options{}), "want one of gaussian_noise, "},
		{"severity 0", applyErr(img, "fog", 0, corrupt.Options{}), "severity is 0, want 1 to 5"},
		{"severity 6", applyErr(img, "fog", 6, corrupt.Options{}), "severity is 6, want 1 to 5"},
		{"no pixels", applyErr(pix.Image{}, "fog", 1, corrupt.Options{}), "0×0"},
		{"short", applyErr(pix.Image{W: 4, H: 4, Pix: make([]byte, 3)}, "fog", 1, corrupt.Options{}), "want 48 bytes"},
		{"mode", applyErr(img, "fog", 1, corrupt.Options{Mode: 9}), "mode"},
		{"colours", applyErr(img, "fog", 1, corrupt.Options{Gray: true}), "image has colours"},
		{"amount of many", amountErr(img, "snow", 1), "use a severity"},
		{"amount too large", amountErr(img, "salt_and_pepper", 1.5), "want 0 to 1"},
		{"amount NaN", amountErr(img, "salt_and_pepper", math.NaN()), "want 0 to 1"},
		{"mode name", second(corrupt.ParseMode("scald")), `did you mean "scaled"?`},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.what, tc.err, tc.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func applyErr(img pix.Image, name string, severity int, opt corrupt.Options) error {
	_, err := corrupt.Apply(img, name, severity, opt)
	return err
}

func amountErr(img pix.Image, name string, amount float64) error {
	_, err := corrupt.ApplyAmount(img, name, amount, corrupt.Options{})
	return err
}

func TestRegistry(t *testing.T) {
	all := corrupt.All()
	imagenet, validation, seen := 0, 0, map[string]bool{}
	for _, c := range all {
		if seen[c.Name] || c.Summary == "" || c.Family == "" {
			t.Errorf("%+v: listed twice, or incomplete", c)
		}
		seen[c.Name] = true
		if c.InImageNetC {
			imagenet++
		}
		if c.Validation {
			validation++
		}
		if (c.Unit == "") != (c.Amounts == nil) || c.Amounts != nil && len(c.Amounts) != corrupt.Severities {
			t.Errorf("%s: unit %q with amounts %v", c.Name, c.Unit, c.Amounts)
		}
		if (c.Family == corrupt.Extra) == c.InImageNetC {
			t.Errorf("%s: family %s, in ImageNet-C: %v", c.Name, c.Family, c.InImageNetC)
		}
	}
	if imagenet != 19 || validation != 4 || len(corrupt.Common()) != 15 {
		t.Errorf("%d of ImageNet-C, %d for validation, %d in mCE; want 19, 4, 15", imagenet, validation, len(corrupt.Common()))
	}
	all[0].Amounts[0] = -1
	if corrupt.All()[0].Amounts[0] == -1 {
		t.Error("callers can change the registry")
	}
}

// A severity that is one number is the same as its amount, but for the draw.
func TestAmounts(t *testing.T) {
	img := probe()
	for _, c := range corrupt.All() {
		for i, amount := range c.Amounts {
			want, err := corrupt.Apply(img, c.Name, i+1, corrupt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := corrupt.ApplyAmount(img, c.Name, amount, corrupt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c.Random {
				if d := psnr(img, got) - psnr(img, want); math.Abs(d) > 0.3 {
					t.Errorf("%s: PSNR of amount %g differs from severity %d's by %.2f dB", c.Name, amount, i+1, d)
				}
			} else if !got.Equal(want) {
				t.Errorf("%s: amount %g differs from severity %d", c.Name, amount, i+1)
			}
		}
	}
}

// Amounts that change nothing, or everything, must.
func TestNeutralAmounts(t *testing.T) {
	img := probe()
	for name, amount := range map[string]float64{
		"gaussian_noise": 0, "speckle_noise": 0, "impulse_noise": 0, "salt_and_pepper": 0, "horizontal_motion": 1,
		"brightness_scale": 1, "contrast_scale": 1, "saturation_scale": 1, "hue_shift": 0, "pixelate": 1,
	} {
		got, err := corrupt.ApplyAmount(img, name, amount, corrupt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(img) {
			t.Errorf("%s of %g changes the image: %.1f dB", name, amount, psnr(img, got))
		}
	}
	got, err := corrupt.ApplyAmount(img, "salt_and_pepper", 1, corrupt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(got.Pix); i += 3 {
		p := got.Pix[i : i+3]
		if p[0] != p[1] || p[1] != p[2] || p[0] != 0 && p[0] != 255 {
			t.Fatalf("pixel %d is %v after salt and pepper of all", i/3, p)
		}
	}
}

func TestShares(t *testing.T) {
	img := pix.New(300, 200)
	for i := range img.Pix {
		img.Pix[i] = 128
	}
	for _, share := range []float64{.05, .3, .8} {
		for name, unit := range map[string]int{"salt_and_pepper": 3, "impulse_noise": 1} {
			got, err := corrupt.ApplyAmount(img, name, share, corrupt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			black, white := 0, 0
			for i := 0; i < len(got.Pix); i += unit {
				switch got.Pix[i] {
				case 0:
					black++
				case 255:
					white++
				}
			}
			n := float64(len(got.Pix) / unit)
			sd := math.Sqrt(share / 2 * (1 - share/2) / n)
			for what, k := range map[string]int{"black": black, "white": white} {
				if d := float64(k)/n - share/2; math.Abs(d) > 5*sd {
					t.Errorf("%s of %g: %.4f %s, want %.4f ± %.4f", name, share, float64(k)/n, what, share/2, 5*sd)
				}
			}
		}
	}
}

// With Gray a gray image stays gray under everything.
func TestGray(t *testing.T) {
	img := probe()
	for i := 0; i < len(img.Pix); i += 3 {
		img.Pix[i+1], img.Pix[i+2] = img.Pix[i], img.Pix[i]
	}
	for _, c := range corrupt.All() {
		for severity := 1; severity <= corrupt.Severities; severity++ {
			got, err := corrupt.Apply(img, c.Name, severity, corrupt.Options{Gray: true})
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(got.Pix); i += 3 {
				if got.Pix[i] != got.Pix[i+1] || got.Pix[i] != got.Pix[i+2] {
					t.Errorf("%s/%d gives colours", c.Name, severity)
					break
				}
			}
		}
	}
}

// An image of 224 pixels' shorter side is damaged alike in both modes, and
// enlarged damage of an enlarged image, shrunk again, is like the damage of the
// small one.
func TestScaledMode(t *testing.T) {
	testenv.Sequential(t)
	small, err := pix.Resize(probe(), 299, 224)
	if err != nil {
		t.Fatal(err)
	}
	large, err := pix.Resize(small, 3*299, 3*224)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range corrupt.All() {
		for _, severity := range []int{1, 5} {
			compat, err := corrupt.Apply(small, c.Name, severity, corrupt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			scaled, err := corrupt.Apply(small, c.Name, severity, corrupt.Options{Mode: corrupt.Scaled})
			if err != nil {
				t.Fatal(err)
			}
			if !compat.Equal(scaled) {
				t.Errorf("%s/%d: modes differ at a shorter side of %d", c.Name, severity, corrupt.ScaleBase)
			}
			if !c.PixelUnits {
				continue
			}
			big, err := corrupt.Apply(large, c.Name, severity, corrupt.Options{Mode: corrupt.Scaled})
			if err != nil {
				t.Fatal(err)
			}
			back, err := pix.Resize(big, small.W, small.H)
			if err != nil {
				t.Fatal(err)
			}
			tol := 2.0
			switch c.Name {
			case "frost", "rain", "motion_blur", "horizontal_motion": // another draw, or sharper edges of it
				tol = 3
			case "spatter":
				tol = 3
				if severity == 1 {
					tol = 12 // few drops
				}
			}
			if d := psnr(large, big) - psnr(small, compat); math.Abs(d) > tol {
				t.Errorf("%s/%d: PSNR at three times the size differs by %.2f dB, want ± %g (%.2f dB after shrinking)", c.Name, severity, d, tol, psnr(small, back))
			}
		}
	}
}

// Any size and content: no panic, the same size, the same pixels twice, the
// image itself untouched.
func checkApply(t interface {
	Fatal(...any)
	Fatalf(string, ...any)
}, img pix.Image, name string, severity int, opt corrupt.Options,
) {
	before := img.Clone()
	got, err := corrupt.Apply(img, name, severity, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Validate(); err != nil || got.W != img.W || got.H != img.H {
		t.Fatalf("%s/%d of %d×%d pixels gives %d×%d: %v", name, severity, img.W, img.H, got.W, got.H, err)
	}
	again, err := corrupt.Apply(img, name, severity, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(again) {
		t.Fatalf("%s/%d of %d×%d pixels gives other pixels the second time", name, severity, img.W, img.H)
	}
	if !img.Equal(before) {
		t.Fatalf("%s/%d changed its input", name, severity)
	}
}

func TestAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(1, 5), rapid.IntRange(1, 90))
		img := pix.New(size.Draw(t, "w"), size.Draw(t, "h"))
		state := rapid.Uint32().Draw(t, "content")
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		for i := range img.Pix {
			state = state*1664525 + 1013904223
			switch kind {
			case 0:
				img.Pix[i] = uint8(state >> 24)
			case 1:
				img.Pix[i] = uint8(state>>31) * 255
			case 2:
				img.Pix[i] = 255
			}
		}
		checkApply(t, img, rapid.SampledFrom(corrupt.Names()).Draw(t, "name"), rapid.IntRange(1, 5).Draw(t, "severity"),
			corrupt.Options{Seed: rapid.Uint64().Draw(t, "seed"), Mode: rapid.SampledFrom([]corrupt.Mode{corrupt.Compat, corrupt.Scaled}).Draw(t, "mode")})
	})
}

func FuzzApply(f *testing.F) {
	for i := range corrupt.Names() {
		f.Add(uint8(i), uint8(i), uint16(33), uint16(40), uint64(1), i%2 == 0, []byte("abc"))
		f.Add(uint8(i), uint8(i+1), uint16(1), uint16(i+1), uint64(1), i%2 == 1, []byte{0, 255, 7})
	}
	names := corrupt.Names()
	f.Fuzz(func(t *testing.T, name, severity uint8, w, h uint16, seed uint64, scaled bool, content []byte) {
		img := pix.New(1+int(w)%300, 1+int(h)%300)
		for i := range img.Pix {
			if len(content) > 0 {
				img.Pix[i] = content[i%len(content)]
			}
		}
		opt := corrupt.Options{Seed: seed, Key: string(content)}
		if scaled {
			opt.Mode = corrupt.Scaled
		}
		checkApply(t, img, names[int(name)%len(names)], 1+int(severity)%5, opt)
	})
}

// Extreme shapes take other paths than squares.
func TestExtremeShapes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 400}, {400, 1}, {2, 2}, {900, 2}, {2, 900}, {32, 32}} {
		img, err := pix.Resize(probe(), size[0], size[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range corrupt.Names() {
			for _, mode := range []corrupt.Mode{corrupt.Compat, corrupt.Scaled} {
				checkApply(t, img, name, 5, corrupt.Options{Mode: mode})
			}
		}
	}
}
