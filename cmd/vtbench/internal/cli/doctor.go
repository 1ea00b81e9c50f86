package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/ocr"
	"github.com/vtbench/vtbench/reports/table"
)

// check is one thing doctor looks at.
type check struct {
	Name     string `json:"name"`
	State    string `json:"state"` // ok, missing, optional
	Detail   string `json:"detail"`
	Mend     string `json:"mend,omitempty"`
	required bool
}

func (a *app) doctorCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is missing on this machine, and the command that mends it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.doctor(cmd.Context(), format)
		},
	}
	formatFlag(cmd, &format, "table", "json")
	return cmd
}

func (a *app) doctor(ctx context.Context, format string) error {
	checks := []check{
		checkProgram(), checkOCR(ctx), checkOpenCV(ctx), checkPython(ctx), checkRuntime(), checkFFmpeg(ctx),
		checkAssets("face networks", assets.Model), checkAssets("photographs, films", assets.Photo, assets.Film), checkOutput(),
	}
	if format == "json" {
		if err := a.json(checks); err != nil {
			return err
		}
	} else {
		var rows [][]string
		for _, c := range checks {
			rows = append(rows, []string{c.Name, c.State, c.Detail})
		}
		if err := table.List(a.out, []string{"what", "state", "found"}, rows, table.Options{}); err != nil {
			return err
		}
		for _, c := range checks {
			if c.Mend != "" {
				fmt.Fprintf(a.out, "%s: %s\n", c.Name, c.Mend)
			}
		}
	}
	for _, c := range checks {
		if c.required && c.State != "ok" {
			return &statusError{ExitMissing, fmt.Errorf("%s is missing: %s", c.Name, c.Mend)}
		}
	}
	return nil
}

func checkProgram() check {
	return check{Name: "vtbench", State: "ok", Detail: fmt.Sprintf("%s, %s, %d cores", version(), runtime.Version(), runtime.NumCPU())}
}

// checkOCR really starts a client: a library that loads without its data is not
// a working reader.
func checkOCR(ctx context.Context) check {
	c := check{Name: "Tesseract", State: "ok", required: true}
	m, err := ocr.Kind().Open(ctx, metrics.Config{Workers: 1})
	if err != nil {
		c.State, c.Detail, c.Mend = "optional", err.Error(), "make deps"
		var need *missing.Error
		if errors.As(err, &need) {
			c.Detail, c.Mend = need.What, need.Mend
		}
		return c
	}
	if p, ok := m.(metrics.Provenance); ok {
		got := p.Provenance()
		c.Detail = fmt.Sprintf("%s with language %s", got["tesseract"], got["ocr.lang"])
	}
	if closer, ok := m.(interface{ Close() error }); ok {
		if err := closer.Close(); err != nil {
			c.State, c.Detail = "missing", err.Error()
		}
	}
	return c
}

// checkOpenCV really starts the helper: one that was built elsewhere may lack its
// libraries.
func checkOpenCV(ctx context.Context) check {
	c := check{Name: "OpenCV", State: "ok"}
	path, version, err := opencv.Version(ctx)
	if err != nil {
		c.State, c.Detail, c.Mend = "optional", "needed by faces and jp2: "+err.Error(), opencv.Mend
		var need *missing.Error
		if errors.As(err, &need) {
			c.Detail, c.Mend = need.What+" is missing; needed by faces and jp2", need.Mend
		}
		return c
	}
	c.Detail = version + " in " + path
	return c
}

// checkRuntime looks for what runs networks: LPIPS, -t onnx:…, faces where asked for.
func checkRuntime() check {
	c := check{Name: "ONNX Runtime", State: "ok"}
	file, err := ort.Find("")
	if err != nil {
		var m *missing.Error
		c.State, c.Detail, c.Mend = "optional", "needed by LPIPS, onnx: tokenizers and face.engine=onnxruntime", "make deps"
		if errors.As(err, &m) {
			c.Mend = m.Mend
		}
		return c
	}
	c.Detail = file
	return c
}

// checkFFmpeg looks for what reads, codes and judges films, and for what a build may lack.
func checkFFmpeg(ctx context.Context) check {
	c := check{Name: "ffmpeg", State: "ok"}
	p, err := ffmpeg.Open(ctx)
	if err != nil {
		c.State, c.Detail, c.Mend = "optional", "needed by films in files and their codecs: "+err.Error(), "make deps-video"
		var need *missing.Error
		if errors.As(err, &need) {
			c.Detail, c.Mend = need.What+" is missing; needed by films in files and their codecs", need.Mend
		}
		return c
	}
	c.Detail = p.Version + " in " + p.Path
	err = p.Need("encoder libx264", "encoder libx265", "encoder libvpx-vp9", "encoder libsvtav1", "filter libvmaf")
	var need *missing.Error
	switch {
	case errors.As(err, &need):
		c.State, c.Detail, c.Mend = "optional", c.Detail+"; this build is not "+need.What, need.Mend
	case err != nil:
		c.State, c.Detail = "optional", c.Detail+": "+err.Error()
	}
	return c
}

// checkAssets counts the files of some uses that are there.
func checkAssets(name string, uses ...string) check {
	c := check{Name: name, State: "ok"}
	files, have := assets.Files(uses...), 0
	for _, f := range files {
		if f.Verify() == nil {
			have++
		}
	}
	c.Detail = fmt.Sprintf("%d of %d files", have, len(files))
	if have < len(files) {
		c.State, c.Mend = "optional", assets.Mend(uses[0])
	}
	return c
}

// checkPython is only needed for plug-ins in Python.
func checkPython(ctx context.Context) check {
	c := check{Name: "Python", State: "ok"}
	out, err := exec.CommandContext(ctx, "python3", "-c", "import sys, numpy; print(sys.version.split()[0], 'with numpy', numpy.__version__)").Output()
	if err != nil {
		c.State, c.Detail = "optional", "no python3 with numpy: plug-ins in Python cannot run"
		c.Mend = "apt-get install python3-numpy, or pip install numpy"
		return c
	}
	c.Detail = strings.TrimSpace(string(out))
	return c
}

func checkOutput() check {
	c := check{Name: "runs/", State: "ok", Detail: "the current folder is writable"}
	f, err := os.CreateTemp(".", ".vtbench-*")
	if err != nil {
		c.State, c.Detail, c.Mend = "optional", err.Error(), "name a writable directory with -o"
		return c
	}
	name := f.Name()
	if err := errors.Join(f.Close(), os.Remove(filepath.Clean(name))); err != nil {
		c.Detail = err.Error()
	}
	return c
}
