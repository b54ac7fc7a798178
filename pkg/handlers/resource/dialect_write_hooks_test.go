package resource_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const hooked = `version: 1
name: hooked
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  note: {table: notes, fields: {text: {type: string, required: true}, secret: {type: string, hidden: true}, who: {type: bigint}}}
  line: {table: lines, fields: {text: {type: string}, note_id: {references: note}}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - pipe_through: known
    routes:
      - resources: /notes
        schema: note
        public: true
        hooks:
          before: {url: "HOOKS/before", timeout: 2s, values: {user: "${me}"}}
          after: {url: "HOOKS/after", on: [create, delete], values: {user: "${me}"}}
      - resources: /lenient
        schema: note
        public: true
        hooks: {before: {url: "HOOKS/broken", on_failure: continue}}
      - resources: /strict
        schema: note
        public: true
        hooks: {before: {url: "HOOKS/broken", on: create}}
      - resources: /profile
        schema: note
        owner: {who: "${me}"}
        singleton: true
`

// service is what hooks ask. It refuses texts by their words and keeps what it is told.
func service(t *testing.T) (url string, before, after chan string) {
	before, after = make(chan string, 16), make(chan string, 16)
	failed := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch text := string(body); {
		case r.URL.Path == "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/after" && strings.Contains(text, "twice") && !failed:
			failed = true
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/after":
			after <- text
		case strings.Contains(text, "bad word"):
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"errors":{"text":["has a bad word"]}}`)
		case strings.Contains(text, "forbidden"):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"message":"not today"}`)
		default:
			before <- text
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, before, after
}

func TestHooks(t *testing.T) {
	tests := []struct {
		name  string
		step  step
		asked string // by the hook before; "": nothing
		told  string // to the hook after
	}{
		{"create", step{"POST /notes", `{"text":"a","secret":"s"}`, []string{ann}, 201, "", ""},
			`{"action":"create","changes":[{"text":"a"}],"resource":"note","values":{"user":"1"},"when":"before"}`,
			`{"action":"create","records":[{"id":1,"text":"a","who":null}],"resource":"note","values":{"user":"1"},"when":"after"}`},
		{"create many", step{"POST /notes", `[{"text":"b"},{"text":"c"}]`, nil, 201, "", ""},
			`{"action":"create","changes":[{"text":"b"},{"text":"c"}],"resource":"note","values":{"user":null},"when":"before"}`,
			`{"action":"create","records":[{"id":2,"text":"b","who":null},{"id":3,"text":"c","who":null}],"resource":"note","values":{"user":null},"when":"after"}`},
		{"errors by field", step{"POST /notes", `{"text":"bad word"}`, nil, 422, `~"errors":{"text":["has a bad word"]}`, ""}, "", ""},
		{"a refusal", step{"POST /notes", `{"text":"forbidden"}`, nil, 403, "~not today", ""}, "", ""},
		{"not valid", step{"POST /notes", `{"text":""}`, nil, 422, "~can't be blank", ""}, "", ""},
		{"update", step{"PATCH /notes/1", `{"text":"A","secret":"t"}`, nil, 204, "", ""},
			`{"action":"update","changes":{"text":"A"},"record":{"id":1,"text":"a","who":null},"resource":"note","values":{"user":null},"when":"before"}`, ""},
		{"update refused", step{"PATCH /notes/1", `{"text":"forbidden"}`, nil, 403, "~not today", ""}, "", ""},
		{"no such row", step{"PATCH /notes/9", `{"text":"A"}`, nil, 404, "~not_found", ""}, "", ""},
		{"update by filter", step{"PATCH /notes?id=eq.2", `{"text":"B"}`, nil, 204, "", ""},
			`{"action":"update","changes":{"text":"B"},"query":"id=eq.2","resource":"note","values":{"user":null},"when":"before"}`, ""},
		{"delete by filter", step{"DELETE /notes?id=eq.2", "", nil, 204, "", ""},
			`{"action":"delete","query":"id=eq.2","resource":"note","values":{"user":null},"when":"before"}`,
			`{"action":"delete","records":[{"id":2,"text":"B","who":null}],"resource":"note","values":{"user":null},"when":"after"}`},
		{"delete", step{"DELETE /notes/3", "", nil, 204, "", ""},
			`{"action":"delete","record":{"id":3,"text":"c","who":null},"resource":"note","values":{"user":null},"when":"before"}`,
			`{"action":"delete","records":[{"id":3,"text":"c","who":null}],"resource":"note","values":{"user":null},"when":"after"}`},
		{"told again after a failure", step{"POST /notes", `{"text":"twice"}`, nil, 201, "", ""},
			`{"action":"create","changes":[{"text":"twice"}],"resource":"note","values":{"user":null},"when":"before"}`,
			`{"action":"create","records":[{"id":4,"text":"twice","who":null}],"resource":"note","values":{"user":null},"when":"after"}`},
		{"nothing is told of what is undone", step{"POST /notes", `{"text":"d"}`, prefer("tx=rollback"), 201, "", ""},
			`{"action":"create","changes":[{"text":"d"}],"resource":"note","values":{"user":null},"when":"before"}`, ""},
		{"a service that fails", step{"POST /strict", `{"text":"x"}`, nil, 502, `~"code":"hook"`, ""}, "", ""},
		{"a service that need not answer", step{"POST /lenient", `{"text":"x"}`, nil, 201, "", ""}, "", ""},
	}
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			url, before, after := service(t)
			a := apptest.Compile(t, strings.ReplaceAll(hooked, "HOOKS", url), db.URL(t))
			for i, tt := range tests {
				tt.step.try(t, a, i)
				for what, want := range map[string]struct {
					from chan string
					text string
				}{"asked": {before, tt.asked}, "told": {after, tt.told}} {
					if got := received(want.from, want.text != ""); got != want.text {
						t.Errorf("%s: the hook was %s\n%s\nwant\n%s", tt.name, what, got, want.text)
					}
				}
			}
		})
	}
}

// received gives the next message, waiting for it only where one is to come.
func received(from chan string, wait bool) string {
	if !wait {
		select {
		case text := <-from:
			return text
		default:
			return ""
		}
	}
	select {
	case text := <-from:
		return text
	case <-time.After(30 * time.Second):
		return "nothing"
	}
}

// A singleton is the one row in reach, at a path without a key.
func TestSingleton(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			url, _, _ := service(t)
			a := apptest.Compile(t, strings.ReplaceAll(hooked, "HOOKS", url), db.URL(t))
			for i, s := range []step{
				{"GET /profile", "", []string{ann}, 404, "~not_found", ""},
				{"PATCH /profile", `{"text":"x"}`, []string{ann}, 404, "~not_found", ""},
				{"POST /profile", `{"text":"a"}`, []string{ann}, 201, "", "Location: /profile"},
				{"POST /profile", `{"text":"b"}`, []string{bob}, 201, "", ""},
				{"POST /profile", `{"text":"c"}`, []string{ann}, 409, "~there already", ""},
				{"GET /profile", "", []string{ann}, 200, `{"id":1,"text":"a","who":1}`, ""},
				{"GET /profile?select=text", "", []string{bob}, 200, `{"text":"b"}`, ""},
				{"GET /profile", "", nil, 403, "~42501", ""},
				{"PATCH /profile", `{"text":"A"}`, []string{ann}, 204, "", ""},
				{"PUT /profile", `{"text":"AA"}`, append(prefer(rep), ann), 200, `{"id":1,"text":"AA","who":1}`, ""},
				{"DELETE /profile", "", []string{ann}, 204, "", ""},
				{"GET /profile", "", []string{ann}, 404, "~not_found", ""},
				{"GET /profile", "", []string{bob}, 200, "~b", ""},
			} {
				s.try(t, a, i)
			}
		})
	}
}
