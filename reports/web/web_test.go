package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vtbench/vtbench/reports/web"
)

// The digest of the policy is that of the script as it stands on the page: browsers run
// nothing else.
func TestPolicyNamesTheScript(t *testing.T) {
	page := fstest.MapFS{"page.html": {Data: []byte(`{{template "head" .Shell}}<p>{{.Name}}</p>{{template "foot" .Shell}}`)}}
	tmpl, err := web.Parse(page, "page.html")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	in := struct {
		web.Shell
		Name string
	}{web.Shell{Title: "a <title>", Nav: []web.Link{{Text: "<b>", URL: "javascript:alert(1)"}}, JS: []string{"vt.el('b'); // <b> & '"}}, "<script>alert(1)</script>"}
	if err := tmpl.Execute(&b, in); err != nil {
		t.Fatal(err)
	}
	out := b.String()
	scripts := regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`).FindAllStringSubmatch(out, -1)
	if len(scripts) != 1 {
		t.Fatalf("%d scripts on the page", len(scripts))
	}
	sum := sha256.Sum256([]byte(scripts[0][1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(html.UnescapeString(out), "script-src "+want+";") {
		t.Errorf("the policy does not name %s", want)
	}
	for _, bad := range []string{"javascript:", "<title>a <title>"} {
		if strings.Contains(out, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}
