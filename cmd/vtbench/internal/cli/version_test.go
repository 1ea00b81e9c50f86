package cli

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	stamped := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, release},
		{&debug.BuildInfo{}, release},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: stamped[:1]}, release + "+0123456789ab"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.0.0-20260101000000-0123456789ab+dirty"}, Settings: stamped}, release + "+0123456789ab.dirty"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}, Settings: stamped[:1]}, "v1.2.0"},
	} {
		if got := versionOf(c.info); got != c.want {
			t.Errorf("%+v: %q, want %q", c.info, got, c.want)
		}
	}
	status, out, stderr := vtbench(t, "--version")
	if status != ExitDone || !strings.Contains(out, release) {
		t.Errorf("--version: status %d, %q, %s", status, out, stderr)
	}
}
