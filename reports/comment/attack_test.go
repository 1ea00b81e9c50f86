package comment

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secret stands for what only the publisher may read, such as its environment.
const secret = "GITHUB_TOKEN=s3cret"

// What a measuring run packed may be anything. No input is followed where it is a link, is
// read without a bound, or is quoted in what the publisher says.
func TestInputsOfAStranger(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, to string) string {
		path := filepath.Join(dir, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	target := write("target", secret+"\x00PATH=/bin\x00")
	event := write("event.json", `{"workflow_run":{"event":"pull_request","head_sha":"0123456789abcdef","head_branch":"b","head_repository":{"full_name":"o/n"}}}`)
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<40); err != nil {
		t.Fatal(err)
	}
	bad := map[string]string{
		"a link to a secret":      link("link", target),
		"a link to its own":       link("environ", "/proc/self/environ"),
		"a link to a link":        link("link2", filepath.Join(dir, "link")),
		"a terabyte":              huge,
		"a device":                "/dev/zero",
		"a folder":                dir,
		"the secret itself":       target,
		"JSON that holds it":      write("text.json", `{"`+secret+`": "`+secret+`"}`),
		"a value that is it":      write("value.json", `{"schema": "`+secret+`"}`),
		"a list of it":            write("list.json", `["`+secret+`"]`),
		"a number that is it":     write("number.json", `{"schema":1,"rows":[{"delta":"`+secret+`"}]}`),
		"an event that it is not": write("event2.json", `{"workflow_run":["`+secret+`"]}`),
		"rows of nothing":         write("rows.json", `{"schema":1,"rows":[`+strings.Repeat("{},", 1<<20)+`{}]}`),
	}
	for name, path := range bad {
		for input, o := range map[string]Options{
			"--report":  {Report: path, Event: event, DryRun: true},
			"--pr-file": {Report: filepath.Join(dir, "absent"), PRFile: path, Event: event, API: "https://api.invalid", Repository: "o/n", Token: "t"},
			"--event":   {Report: filepath.Join(dir, "absent"), Event: path, DryRun: true},
			"--file":    {File: path, DryRun: true},
		} {
			if input == "--file" && !strings.Contains(name, "link") && !strings.Contains(name, "device") && !strings.Contains(name, "tera") && !strings.Contains(name, "folder") {
				continue // posted as it is, by its definition
			}
			var out bytes.Buffer
			err := Run(t.Context(), o, &out)
			if err == nil {
				t.Errorf("%s as %s is taken: %s", name, input, out.String())
				continue
			}
			if !IsUsage(err) {
				t.Errorf("%s as %s: no usage error: %v", name, input, err)
			}
			if said := err.Error() + out.String(); strings.Contains(said, "s3cret") || len(said) > 2000 {
				t.Errorf("%s as %s is quoted: %.200s", name, input, said)
			}
		}
	}
}
