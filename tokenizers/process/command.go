package process

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// splitWords cuts a command line into words: blanks separate, single quotes
// keep everything, double quotes keep everything but \" and \\, a backslash
// outside quotes keeps the next character. Nothing is expanded: whoever wants a
// shell writes sh -c '…'.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	open := false // a word has begun, perhaps an empty quoted one
	var quote rune
	rs := []rune(line)
	for i := 0; i < len(rs); i++ {
		r := rs[i]
		switch {
		case quote == '\'' && r != '\'':
			word.WriteRune(r)
		case quote == '"' && r == '\\' && i+1 < len(rs) && (rs[i+1] == '"' || rs[i+1] == '\\'):
			i++
			word.WriteRune(rs[i])
		case quote == '"' && r != '"':
			word.WriteRune(r)
		case quote != 0:
			quote = 0
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == '\\':
			if i+1 == len(rs) {
				return nil, errors.New("ends in a backslash")
			}
			i++
			word.WriteRune(rs[i])
			open = true
		case r == ' ' || r == '\t' || r == '\n' || r == '\r':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		case r == 0:
			return nil, errors.New("contains a NUL character")
		default:
			word.WriteRune(r)
			open = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("has a %c that is never closed", quote)
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// parseEnv reads KEY=VALUE words.
func parseEnv(text string) ([]string, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		key, _, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is no KEY=VALUE", w)
		}
	}
	return words, nil
}

// forReplica fills the template {replica}.
func forReplica(words []string, replica int) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strings.ReplaceAll(w, "{replica}", strconv.Itoa(replica))
	}
	return out
}

// resolve turns the first word into the program to run. A relative path with a
// slash is relative to dir when there is one, as the plug-in's author sees it.
func resolve(program, dir string) (string, error) {
	if dir != "" && strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		program = filepath.Join(dir, program)
		if abs, err := filepath.Abs(program); err == nil {
			program = abs
		}
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%w: check its spelling, install it, or give its full path", err)
	}
	return path, nil
}
