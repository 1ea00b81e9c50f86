//go:build !unix

package codec

import "errors"

func systemVersion(string, string) (string, error) {
	return "", errors.New("not supported on this system")
}
