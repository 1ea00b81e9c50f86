// Package weights quantizes matrices of weights: the post-training rules of the
// literature, made of parts that go with each other, and the bits that they leave.
//
// Its opinion: a rule is judged by what a decoder makes of its bits. So a [Rule] does
// not return weights but a [Form], which has everything that a decoder needs, can be
// written and read back, and is the only way to the weights. A rule that holds others
// ([Rotated], [Branch], [Exact]) returns a form that holds others; what a paper calls
// its method is one line that puts parts together.
//
// A layer is a [Problem]: its matrix W, one row an output, and the second moments H of
// its inputs. The error of a form Ŵ is that of the layer's outputs, tr (W−Ŵ)H(W−Ŵ)ᵀ,
// which is what all rules with feedback bring down.
//
//	rule := weights.Rotated{Rule: weights.Scalar{Feedback: weights.GPTQ}}
//	form, err := rule.Code(problem, 3)
//	measured := form.Decode()
package weights
