package comment

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzEvent: the event is read or refused as the caller's to mend; what was read says
// what was measured without a panic.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"repository":{"full_name":"o/r"},"workflow_run":{"event":"pull_request","head_sha":"abc","head_branch":"b","head_repository":{"full_name":"o/r","owner":{"login":"o"}}}}`,
		`{"pull_request":{"number":12,"head":{"sha":"abc","ref":"b","repo":null}}}`, `{"workflow_run":null}`, `[]`, `{"workflow_run":{"head_sha":"` + "\u202e" + `"}}`,
	} {
		f.Add([]byte(s), []byte("12\n"))
	}
	f.Fuzz(func(t *testing.T, event, number []byte) {
		dir := t.TempDir()
		a, b := filepath.Join(dir, "event.json"), filepath.Join(dir, "number")
		for name, content := range map[string][]byte{a: event, b: number} {
			if err := os.WriteFile(name, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if e, err := ReadEvent(a); err == nil {
			e.commit()
			if e.WorkflowRun != nil {
				_ = e.PullRequest != nil && e.PullRequest.of(e.WorkflowRun)
			}
		} else if !IsUsage(err) {
			t.Errorf("an event that cannot be read is %v", err)
		}
		if n, err := readNumber(b); err == nil && n < 1 {
			t.Errorf("%q is pull request %d", number, n)
		}
	})
}
