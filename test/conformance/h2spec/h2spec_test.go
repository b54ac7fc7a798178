// Package h2spec_test holds the gateway against RFC 9113 and RFC 7541.
package h2spec_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/test/conformance/kit"
	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// manifest has a page that is larger than the window of a stream: one that is tested stays
// open until the client is done with it.
func manifest() string {
	return `version: 1
endpoint: {listen: "127.0.0.1:0", tls: {cert: self_signed.crt, key: self_signed.key}}
scopes:
  - routes:
      - {get: /, text: ` + strings.Repeat("a", 100_000) + `}
      - {post: /, json: {n: "${len(params)}"}}
`
}

// deviations are where net/http does another thing than is asked, and what that is.
func deviations() map[string]string {
	return map[string]string{
		// It hangs up on a frame that says a setting twice, which no client sends.
		"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE": "Connection closed",
		// It answers 400 and ends the stream where the stream should be reset. The request reaches
		// no route.
		"Sends a HEADERS frame that contains the connection-specific header field":                       "DATA Frame",
		"Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"": "DATA Frame",
	}
}

func TestH2spec(t *testing.T) {
	dir := t.TempDir()
	kit.Certificate(t, dir)
	g := kit.Start(t, dir, manifest())
	c := &config.Config{Host: "127.0.0.1", Port: kit.Port(t, g.Addr()), Path: "/", Timeout: 5 * time.Second, MaxHeaderLen: 4000, Strict: true, TLS: true, Insecure: true}
	passed, seen := 0, map[string]int{}
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		group.Test(c)
		if group.PassedCount == 0 {
			t.Errorf("nothing of %q passed: was it run?", group.Name)
		}
		passed += group.PassedCount
		judge(t, group, group.Name, seen)
	}
	for name := range deviations() {
		if seen[name] != 1 {
			t.Errorf("%q is a deviation %d times, want once", name, seen[name])
		}
	}
	t.Logf("%d passed, %d known deviations", passed, len(seen))
}

// judge goes through the results; seen counts deviations.
func judge(t *testing.T, g *spec.TestGroup, path string, seen map[string]int) {
	for _, c := range g.Tests {
		if c.Result == nil {
			t.Errorf("%s: %s was not run", path, c.Desc)
			continue
		}
		actual, known := deviations()[c.Desc]
		var fault *spec.TestError
		switch {
		case !c.Result.Failed && !c.Result.Skipped:
		case known && errors.As(c.Result.Error, &fault) && strings.HasPrefix(fault.Actual, actual):
			seen[c.Desc]++
		default:
			t.Errorf("%s: %s (%s): failed %v, skipped %v: %v", path, c.Desc, c.Requirement, c.Result.Failed, c.Result.Skipped, c.Result.Error)
		}
	}
	for _, inner := range g.Groups {
		judge(t, inner, path+" / "+inner.Name, seen)
	}
}
