// Package bench is the chain that leads from a question to an answer, each link
// importable without those after it:
//
//   - [github.com/vtbench/vtbench/bench/suite]: what is asked;
//   - [github.com/vtbench/vtbench/bench/record]: what is written;
//   - [github.com/vtbench/vtbench/bench/summary]: what the records say;
//   - [github.com/vtbench/vtbench/bench/run]: how it is done.
//
// Beside them, [github.com/vtbench/vtbench/bench/score] measures pairs of files, and
// [github.com/vtbench/vtbench/bench/compare] compares results; compare reads records
// and summaries and never runs anything. All of them know tokenizers, metrics and data
// sets by their contracts only.
package bench
