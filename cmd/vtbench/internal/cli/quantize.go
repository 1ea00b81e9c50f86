package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/format"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/ptq"
)

// quantized is what `quantize --format json` prints.
type quantized struct {
	File        string  `json:"file,omitempty"`
	SHA256      string  `json:"sha256"`
	Bytes       int     `json:"bytes"`
	FloatBytes  int     `json:"float_bytes"`
	Weights     int     `json:"weights"`
	NominalBits float64 `json:"nominal_bits"` // of a weight: its code
	RealBits    float64 `json:"real_bits"`    // with all that is stored for it
	ptq.Header
}

func (a *app) quantizeCommand() *cobra.Command {
	var output, graphs, as string
	cmd := &cobra.Command{
		Use:   "quantize TOKENIZER",
		Short: "Quantize the weights of a tokenizer of ONNX graphs, and show layer by layer what is left",
		Long: `Quantize the weights of a tokenizer that runs ONNX graphs, as a run of the same
tokenizer does, and show its layers: bits, bytes, the error of their outputs on the
images that it was calibrated on, and what was left out and why. -o writes the packed
file, whose size is the size in every table; --onnx writes the graphs that it decodes to,
for any program that runs ONNX.`,
		Example: "  vtbench quantize ptq:of=conv-vq,rule=gptq,bits=4 -o conv-vq.vtbw\n" +
			"  vtbench quantize 'ptq:of={onnx:model=vae.onnx},rule=mixed,bits=3' --onnx quantized/",
		Args:              takes(1, 1),
		ValidArgsFunction: firstArg(completeTokenizer),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := tokenizers.ParseSpec(args[0], alltok.Kinds())
			if err != nil {
				return usage(err)
			}
			if spec.Kind != "ptq" {
				return usagef("%s is no quantized network: name one, as in ptq:of=%s,rule=gptq,bits=4", spec.Name, spec.Kind)
			}
			_, opts, err := tokenizers.Resolve(spec, alltok.Kinds())
			if err != nil {
				return usage(err)
			}
			begun := time.Now()
			u, file, err := ptq.Quantize(cmd.Context(), opts, alltok.Kinds())
			if err != nil {
				return usage(err)
			}
			took := time.Since(begun)
			out := quantized{File: output, SHA256: u.Digest, Bytes: u.Bytes, Weights: u.Weights(), NominalBits: u.Nominal(), RealBits: u.Real(), Header: u.Header}
			for _, g := range u.Header.Graphs {
				out.FloatBytes += g.Was
			}
			if output != "" {
				if err := wholefile.Write(output, file); err != nil {
					return err
				}
			}
			if graphs != "" {
				if err := os.MkdirAll(graphs, 0o777); err != nil {
					return fmt.Errorf("making the folder of the graphs: %w", err)
				}
				for _, g := range u.Graphs {
					name := strings.TrimSuffix(filepath.Base(filepath.FromSlash(g.Name)), ".onnx") + ".onnx"
					if err := wholefile.Write(filepath.Join(graphs, name), g.Data); err != nil {
						return err
					}
				}
			}
			if as == "json" {
				return a.json(out)
			}
			a.logf("in %.1f s", took.Seconds())
			return a.printQuantized(&out)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "packed file to write")
	cmd.Flags().StringVar(&graphs, "onnx", "", "folder to write the graphs into")
	formatFlag(cmd, &as, "table", "json")
	return cmd
}

func (a *app) printQuantized(q *quantized) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "layer\toperator\trows × columns\tbits\tbytes\terror (%)\t")
	for i, l := range q.Layers {
		fmt.Fprintf(w, "%d %s\t%s\t%d × %d\t%.3g\t%d\t%.3g\t\n", i+1, format.Line(l.Label), l.Op, l.Rows, l.Cols, l.Bits, l.Bytes, 100*l.Error)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "\n%d weights of %s: %.2f bits each, %.2f with scales and all else that is stored for them\n%d bytes in one file; the float graphs have %d\nerror: of the layer's outputs on the calibration images, of their energy\n",
		q.Weights, format.Plural(len(q.Layers), "layer", "layers"), q.NominalBits, q.RealBits, q.Bytes, q.FloatBytes)
	if len(q.Left) > 0 {
		fmt.Fprintln(a.out, "\nleft as it was:")
		// Alike reasons in one line, in the order of the first of each.
		var order []string
		names := map[string][]string{}
		numbers := map[string]int{}
		for _, l := range q.Left {
			key := l.What + "\x00" + l.Reason
			if l.What == "initializer" {
				key = l.What + "\x00" + "no weights of a Conv, ConvTranspose, MatMul or Gemm"
			}
			if names[key] == nil {
				order = append(order, key)
			}
			names[key] = append(names[key], l.Name)
			numbers[key] += l.Count
		}
		for _, key := range order {
			what, reason, _ := strings.Cut(key, "\x00")
			list := names[key]
			shown := strings.Join(list[:min(len(list), 3)], ", ")
			if len(list) > 3 {
				shown += fmt.Sprintf(" and %d more", len(list)-3)
			}
			if n := numbers[key]; n > 0 {
				reason += fmt.Sprintf(" (%d numbers)", n)
			}
			fmt.Fprintf(a.out, "  %s %s: %s\n", what, format.Line(shown), format.Line(reason))
		}
	}
	return nil
}
