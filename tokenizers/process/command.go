package process

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kballard/go-shellquote"
)

// splitWords cuts a command line into words by the shell's rules of quoting.
// Nothing is expanded: whoever wants a shell writes sh -c '…'. (go-shellwords ends
// the line at the first ";", "|" or ">", and google/shlex at a "#"; both take the
// backslash out of "\d".)
func splitWords(line string) ([]string, error) {
	if strings.ContainsRune(line, 0) {
		return nil, errors.New("contains a NUL character")
	}
	words, err := shellquote.Split(line)
	switch {
	case errors.Is(err, shellquote.UnterminatedSingleQuoteError):
		return nil, errors.New("has a ' that is never closed")
	case errors.Is(err, shellquote.UnterminatedDoubleQuoteError):
		return nil, errors.New(`has a " that is never closed`)
	case errors.Is(err, shellquote.UnterminatedEscapeError):
		return nil, errors.New("ends in a backslash")
	}
	return words, err
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
