package html

// A span is a stretch of what was read, by what is wrong with it.
type span struct {
	Text string
	Kind string // "same", "wrong" (read, but not in the label), "missing" (in the label, not read)
}

// maxDiff bounds the quadratic alignment; longer texts are shown as they are.
const maxDiff = 400

// diff aligns what was read with the label by a shortest edit script of code
// points.
func diff(want, got string) []span {
	a, b := []rune(want), []rune(got)
	if len(a) > maxDiff || len(b) > maxDiff {
		return []span{{got, "wrong"}}
	}
	// dist[i][j] is the edit distance of a[i:] and b[j:].
	dist := make([][]int, len(a)+1)
	for i := len(a); i >= 0; i-- {
		dist[i] = make([]int, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a):
				dist[i][j] = len(b) - j
			case j == len(b):
				dist[i][j] = len(a) - i
			case a[i] == b[j]:
				dist[i][j] = dist[i+1][j+1]
			default:
				dist[i][j] = 1 + min(dist[i+1][j+1], dist[i+1][j], dist[i][j+1])
			}
		}
	}
	var out []span
	add := func(r rune, kind string) {
		if n := len(out); n > 0 && out[n-1].Kind == kind {
			out[n-1].Text += string(r)
			return
		}
		out = append(out, span{string(r), kind})
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			add(b[j], "same")
			i, j = i+1, j+1
		case i < len(a) && j < len(b) && dist[i][j] == 1+dist[i+1][j+1]:
			add(b[j], "wrong")
			i, j = i+1, j+1
		case j < len(b) && dist[i][j] == 1+dist[i][j+1]:
			add(b[j], "wrong")
			j++
		default:
			add(a[i], "missing")
			i++
		}
	}
	return out
}
