package ocr

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/missing"
)

// languageData is where the models of a language are and what exactly they are.
type languageData struct {
	lang   string            // "eng", "eng+deu"
	dir    string            // folder of the .traineddata files
	digest map[string]string // hex SHA-256 of each file, by language
}

// dataDirs are the places where distributions keep language data, after
// TESSDATA_PREFIX.
var dataDirs = []string{
	"/usr/share/tesseract-ocr/5/tessdata", // Debian 12, Ubuntu 22.04 and later
	"/usr/share/tesseract-ocr/4.00/tessdata",
	"/usr/share/tessdata", // Fedora, Arch, Alpine
	"/usr/share/tesseract/tessdata",
	"/usr/local/share/tessdata",
	"/opt/homebrew/share/tessdata",
}

var languageName = regexp.MustCompile(`^(script/)?[A-Za-z][A-Za-z0-9_]*$`)

// findLanguage locates the data of lang, checks it, and takes its digest. An
// explicit dir is the only place looked at.
func findLanguage(lang, dir string) (languageData, error) {
	names := strings.Split(lang, "+")
	for _, n := range names {
		if !languageName.MatchString(n) {
			return languageData{}, fmt.Errorf("ocr.lang %q: %q is not a language name; want names such as eng or eng+deu", lang, n)
		}
	}
	dirs := dataDirs
	if exe, err := os.Executable(); err == nil {
		// What a package carries goes with the Tesseract that it carries.
		dirs = slices.Insert(slices.Clone(dirs), 0, filepath.Join(filepath.Dir(exe), "../share/vtbench/tessdata"))
	}
	switch prefix := os.Getenv("TESSDATA_PREFIX"); {
	case dir != "":
		dirs = []string{dir}
	case prefix != "":
		// Tesseract 4 and later want the folder itself, 3 wanted its parent; a
		// user's profile may still say the latter.
		dirs = []string{prefix, filepath.Join(prefix, "tessdata")}
	}
	var tried []error
	for _, d := range dirs {
		data := languageData{lang: lang, dir: d, digest: map[string]string{}}
		var err error
		for _, n := range names {
			if data.digest[n], err = checkTrainedData(filepath.Join(d, filepath.FromSlash(n)+".traineddata")); err != nil {
				break
			}
		}
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return languageData{}, missingLanguage(lang, err)
		}
		tried = append(tried, err)
	}
	return languageData{}, missingLanguage(lang, errors.Join(tried...))
}

func missingLanguage(lang string, err error) error {
	var pkgs []string
	for n := range strings.SplitSeq(lang, "+") {
		n = strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(n, "/", "-"), "_", "-"))
		pkgs = append(pkgs, "tesseract-ocr-"+n)
	}
	mend := "make deps"
	if lang != DefaultLang {
		mend = "make deps-multilingual" // has those of the suite of scripts
	}
	return &missing.Error{
		What: fmt.Sprintf("Tesseract language data %q", lang),
		Mend: mend + ", or apt-get install --reinstall " + strings.Join(pkgs, " "),
		Err:  err,
	}
}

// Entries of a traineddata file that the LSTM reader cannot do without
// (tessdatamanager.h).
const (
	entryLSTM       = 17
	entryUnicharset = 21
	entryRecoder    = 22
	maxEntries      = 64       // Tesseract 5 knows 24
	maxDataSize     = 1 << 30  // the largest published file has 90 MB
	minDataSize     = 16 << 10 // the smallest published LSTM model has 400 kB
)

// checkTrainedData reads a traineddata file once: it takes the digest and checks
// the table of contents.
func checkTrainedData(path string) (digest string, err error) {
	f, err := files.Open(path)
	if err != nil {
		return "", err // names the path already
	}
	defer f.Close() //nolint:errcheck // only read from
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !st.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	h := sha256.New()
	if err := checkContents(io.TeeReader(f, h), st.Size()); err != nil {
		return "", fmt.Errorf("%s is damaged or not a Tesseract model: %w", path, err)
	}
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// checkContents checks the table of contents at the start of a traineddata file
// (tessdatamanager.cpp, LoadMemBuffer): the number of entries, then the offset of
// each, −1 for none. Tesseract trusts the offsets, and a bad one ends in a C++
// exception that no Go code can catch.
func checkContents(r io.Reader, size int64) error {
	if size < minDataSize || size > maxDataSize {
		return fmt.Errorf("%d bytes is no plausible size", size)
	}
	var n uint32
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		return fmt.Errorf("reading the header: %w", err)
	}
	if n <= entryRecoder || n > maxEntries {
		return fmt.Errorf("the header claims %d entries", n)
	}
	offsets := make([]int64, n)
	if err := binary.Read(r, binary.LittleEndian, offsets); err != nil {
		return fmt.Errorf("reading the table of contents: %w", err)
	}
	end := int64(4 + 8*n) // entries follow the table, in order
	for i, o := range offsets {
		if o == -1 {
			continue
		}
		if o < end || o >= size {
			return fmt.Errorf("entry %d starts at byte %d of %d", i, o, size)
		}
		end = o + 1 // none is empty
	}
	for _, i := range []int{entryLSTM, entryUnicharset, entryRecoder} {
		if offsets[i] < 0 {
			return fmt.Errorf("there is no LSTM model in it (entry %d); models of Tesseract 3 do not work", i)
		}
	}
	return nil
}
