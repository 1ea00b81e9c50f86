// Package ocr reads text in images with Tesseract and scores what a tokenizer
// left of it: exact words, normalised edit similarity, character and word errors.
//
// Its opinion: the label somebody wrote is the reference, never what the reader
// made of the original; and a reader must not guess. What is read is compared as
// it is, case and punctuation included.
//
// A [Pool] of warm clients does the reading, since starting one costs as much as
// reading a dozen words:
//
//	pool, err := ocr.NewPool(ctx, ocr.Options{Clients: runtime.NumCPU()})
//	…
//	defer pool.Close()
//	text, err := pool.ReadBox(ctx, img, inst.Box)
//
// Each client runs on one thread; the pool takes care of that, the environment
// variable OMP_THREAD_LIMIT need not be set. Tesseract's library and language
// data come from the system (apt-get install libtesseract-dev tesseract-ocr-eng);
// where they are missing, opening fails with a *missing.Error that names the command.
package ocr
