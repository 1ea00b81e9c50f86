// Sensitivity measures single layers of a network: how much less text is read and how
// much less faces are recognised with one layer at two bits and all others as they were,
// and how long each layer takes. `ptq:rule=mixed` gives bits by what it finds (by=drop,
// cost=time); the tables of some networks ship.
//
//	go run ./tokenizers/ptq/sensitivity -of conv-vq:f=4 -o tokenizers/ptq/sensitivity/conv-vq-f4.json
//
// It runs the suite layers.yaml with bin/vtbench, of a tokenizer for each layer.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/ptq"
)

//go:embed layers.yaml
var layers []byte

// calls is how often a layer is timed.
const calls = 30

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sensitivity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("sensitivity", flag.ContinueOnError)
	of := flags.String("of", "conv-vq:f=4", "the tokenizer, as in ptq:of={…}")
	out := flags.String("o", "", "file to write")
	program := flags.String("vtbench", "bin/vtbench", "the program that runs the suite")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" {
		return errors.New("name the file to write with -o")
	}
	quantized := func(layer int) string {
		return fmt.Sprintf("ptq:of={%s},rule=gptq,bits=2,only=%d", *of, layer)
	}
	spec, err := tokenizers.ParseSpec(quantized(0), alltok.Kinds())
	if err != nil {
		return err
	}
	_, opts, err := tokenizers.Resolve(spec, alltok.Kinds())
	if err != nil {
		return err
	}
	labels, times, weights, err := ptq.Times(ctx, opts, alltok.Kinds(), calls)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sensitivity")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	suite := filepath.Join(dir, "layers.yaml")
	if err := os.WriteFile(suite, layers, 0o600); err != nil {
		return err
	}
	results := filepath.Join(dir, "run")
	command := []string{"run", "--suite", suite, "-o", results, "-t", "float=" + *of}
	for i := range labels {
		command = append(command, "-t", fmt.Sprintf("%d=%s", i+1, quantized(i+1)))
	}
	cmd := exec.CommandContext(ctx, *program, command...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s: %w", *program, err)
	}
	means, err := meansOf(results)
	if err != nil {
		return err
	}
	table := ptq.Sensitivities{Weights: weights, Of: *of}
	for i, label := range labels {
		m := ptq.Measured{Label: label, Milliseconds: float64(times[i].Microseconds()) / 1000}
		for metric, to := range map[string]*float64{"t-ned": &m.TNED, "f-sim-calibrated": &m.FSim} {
			before, ok := means[metric]["float"]
			after, too := means[metric][fmt.Sprint(i+1)]
			if !ok || !too {
				return fmt.Errorf("there is no %s of layer %d", metric, i+1)
			}
			*to = before - after
		}
		table.Layers = append(table.Layers, m)
	}
	b, err := json.MarshalIndent(table, "", " ")
	if err != nil {
		return err
	}
	return wholefile.Write(*out, append(b, '\n'))
}

// meansOf are the means of metrics and tokenizers.
func meansOf(dir string) (map[string]map[string]float64, error) {
	type sum struct{ v, n float64 }
	sums := map[string]map[string]sum{}
	for r, err := range record.Records(dir) {
		if err != nil {
			return nil, err
		}
		v, why := r.Counted()
		if why != "" || r.Drop != "" || r.Tokenizer == "" {
			continue
		}
		if sums[r.Metric] == nil {
			sums[r.Metric] = map[string]sum{}
		}
		s := sums[r.Metric][r.Tokenizer]
		sums[r.Metric][r.Tokenizer] = sum{s.v + v*r.Weight(), s.n + r.Weight()}
	}
	out := map[string]map[string]float64{}
	for metric, of := range sums {
		out[metric] = map[string]float64{}
		for name, s := range of {
			out[metric][name] = s.v / s.n
		}
	}
	return out, nil
}
