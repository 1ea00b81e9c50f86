// Package bench plans and runs suites: it knows tokenizers, metrics and data
// sets by their contracts only, never a particular one.
//
// Its opinion: a run is a pure function of (suite, data, tokenizer, seed). The
// records of a run are the same bytes for any number of workers, any order of
// completion and any number of interruptions, because items are committed in
// plan order and an interrupted item is done again from its start. Everything
// else (tables, intervals, reports) is computed from the records and can be
// rebuilt without models.
package bench
