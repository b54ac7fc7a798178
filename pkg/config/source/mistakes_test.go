//go:build !race

// Hundreds of manifests, one after another in one goroutine: ten times as long with the
// race detector, which has nothing to see here.

package source

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

const manifest = `version: 1
name: chat
endpoint:
  listen: ":4000"
  session: {key: _chat_key, same_site: Lax, encrypt: true}
  plugs: [request_id, static: {at: /, from: public}, parsers]
stores:
  main: {url: "${env.DATABASE_URL ?? 'sqlite:chat.db'}"}
x-service: &service
  retry: {attempts: 1, on: [connect, 502]}
upstreams:
  orders: {<<: *service, targets: [http://orders:8080]}
pipelines:
  api:
    - accepts: [json]
    - rate_limit: {rate: 100/s, key: "${request.ip}"}
    - fetch_session
scopes:
  - path: /
    pipe_through: api
    routes:
      - get: /verify
        do:
          - verify_token: {token: email, from: [{param: token}]}
            as: email
            else:
              - text: Token expired
                when: failure.reason == 'expired'
              - text: Invalid token
          - execute: |
              update users set verified_at = ${now()}
              where email = ${email}
          - redirect: /
`

// Every mistake of one key press in a manifest is told, and nearly always at its line; a
// dedented key, say, is one only by what follows it.
func TestMistakesAreToldWhereTheyAre(t *testing.T) {
	lines := strings.Split(manifest, "\n")
	broken, sameLine, nextLine := 0, 0, 0
	try := func(i int, line string) {
		text := strings.Join(lines[:i], "\n") + "\n" + line + "\n" + strings.Join(lines[i+1:], "\n")
		text = strings.TrimPrefix(text, "\n")
		if _, err := decode(text); err == nil {
			return
		}
		var ps diag.Problems
		Parse("a.yaml", []byte(text), &ps)
		if ps.Len() != 1 || !inside(text, ps.All()[0].At) {
			t.Fatalf("line %d as %q: %s", i+1, line, told(&ps))
		}
		broken++
		p := ps.All()[0]
		if strings.Contains(p.Message, "no YAML") || strings.Contains(p.Message, "does not fit") {
			t.Errorf("line %d as %q: %s", i+1, line, told(&ps))
		}
		switch p.At.Line - 1 - i {
		case 0:
			sameLine++
		case -1, 1:
			nextLine++
		}
	}
	for i, line := range lines {
		for k := range line {
			try(i, line[:k]+line[k+1:])
			for _, more := range strings.Fields(": ' \" { [ } ] # - , * @ ${") {
				try(i, line[:k]+more+line[k:])
			}
			try(i, line[:k]+"\t"+line[k:])
		}
		try(i, " "+line)
		try(i, strings.TrimPrefix(line, " "))
	}
	if broken < 3000 || float64(sameLine) < 0.9*float64(broken) || float64(sameLine+nextLine) < 0.97*float64(broken) {
		t.Errorf("of %d mistakes %d were told at their line, %d beside it", broken, sameLine, nextLine)
	}
	t.Logf("of %d mistakes %d were told at their line, %d beside it", broken, sameLine, nextLine)
}
