// Package face asks whether a face is still the same person: it aligns the face in
// the original and in the reconstruction by the same key points, embeds both with a
// recogniser, and compares the embeddings.
//
// Its opinion: the key points come from the labels, or once from the untouched
// original, so that what a tokenizer does to a face cannot be hidden by what it does
// to the detection of it; whether the face is still found is a number of its own. A
// similarity means a recogniser and its weights, so both stand in the provenance of
// every run, and a similarity without the similarity of strangers beside it says
// nothing. What no annotation may do is turn a stranger into a friend: a face whose key
// points make no face, whose box is another's or of which the image holds a part is left
// out, with the reason. The networks run in OpenCV, in a program of its own that may die
// alone, or in ONNX Runtime.
//
// The protocol is TokBench's (arXiv 2505.18142): no detection at evaluation, five
// points, a similarity transform, the cosine of two embeddings. See docs/faces.md.
package face
