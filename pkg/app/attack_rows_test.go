package app_test

import (
	"strings"
	"testing"
)

// owned serves the posts of the caller.
const owned = "\npipelines: {signed_in: [{verify_token: user, as: uid}]}" + attacked + given + `
  - pipe_through: signed_in
    routes:
      - resources: /posts
        schema: post
        owner: {user_id: "${uid}"}
      - post: /insert
        do:
          - insert: {schema: post, values: "${params}"}
            as: row
          - json: {id: "${row.id}", user_id: "${row.user_id}", title: "${row.title}"}
`

// ruled serves posts under a rule of `resources`.
func ruled(rule string) string {
	return attacked + given + "  - routes:\n      - resources: /posts\n        schema: post\n        " + rule + "\n"
}

// as is a request by the user with this id, with a body behind it or none.
func as(id, request, body string) string {
	header := "Authorization: Bearer <user:" + id + ">"
	if body == "" {
		return request + " " + header
	}
	return request + " " + body + " | " + header
}

// TestAttacksOnRows: nobody reaches, makes or gives away a row that is not theirs.
func TestAttacksOnRows(t *testing.T) {
	body := `{"title": "x"}`
	runAttacks(t, []attack{
		{name: "no token", manifest: owned, ask: []string{"GET /posts", "GET /posts/1", "POST /posts " + body, "DELETE /posts/1"}, status: 401},
		{name: "a row of another", manifest: owned, ask: []string{as("2", "GET /posts/1", ""), as("2", "PATCH /posts/1", body), as("2", "PUT /posts/1", body), as("2", "DELETE /posts/1", "")}, status: 404, opens: as("1", "GET /posts/1", "")},
		{name: "a row by a trick", manifest: owned, ask: []string{as("2", "GET /posts/1%20or%201=1", ""), as("2", "GET /posts/1'--", ""), as("2", "GET /posts/01", ""), as("2", "GET /posts/1.0", ""), as("2", "GET /posts/1e0", "")}, status: 404},
		{name: "a query of the client's own", manifest: owned, ask: []string{as("2", "GET /posts?select=secret", ""), as("2", "GET /posts?order=secret", ""), as("2", "GET /posts?secret=eq.x", ""), as("2", "GET /posts?or=(secret.is.null)", ""), as("2", "GET /posts?select=user(*)", ""), as("2", "GET /posts?user_id=1", "")}, status: 400, opens: as("2", "GET /posts?limit=1", "")},
		{name: "an owner that a client names", manifest: owned, ask: []string{as("2", "POST /posts", `{"title": "x", "user_id": 1}`), as("2", "PATCH /posts/2", `{"user_id": 1}`), as("2", "POST /posts", `{"title": "x", "user_id": null}`)}, status: 422},
		{name: "an id that a client names", manifest: owned, ask: []string{as("2", "POST /posts", `{"title": "x", "id": 1}`), as("2", "PATCH /posts/2", `{"id": 1}`)}, status: 422},
		{name: "a field that is none", manifest: owned, ask: []string{as("2", "POST /posts", `{"title": "x", "admin": true}`), as("2", "PATCH /posts/2", `{"user_id)--": 1}`)}, status: 422},
		{name: "an owner that is nil", manifest: ruled(`owner: {user_id: "${params.uid ?? nil}"}`), ask: []string{"GET /posts", "GET /posts/1", "POST /posts " + body}, status: 403},
		{name: "an owner that is missing", manifest: ruled(`owner: {user_id: "${request.headers['x-user']}"}`), ask: []string{"GET /posts", "GET /posts/1", "POST /posts " + body}, status: 403},
		{name: "a rule that is nil on both sides", manifest: ruled(`allow: {read: "(params.a ?? nil) == (params.b ?? nil)", write: "false"}`), ask: []string{"GET /posts", "POST /posts " + body}, status: 403},
		{name: "a rule that is missing on both sides", manifest: ruled(`allow: {read: "request.headers['x-a'] == request.headers['x-b']", write: "false"}`), ask: []string{"GET /posts", "GET /posts X-A: 1"}, status: 403},
		{name: "a rule of a row with nil", manifest: ruled(`allow: {index: "false", show: "record.user_id == (params.uid ?? nil)", write: "false"}`), ask: []string{"GET /posts/1", "GET /posts/1?uid=1"}, status: 404},
		{name: "a rule of unlike types", manifest: ruled(`allow: {index: "false", show: record.user_id == params.uid, write: "false"}`), ask: []string{"GET /posts/1?uid=1", "GET /posts/1?uid=2"}, status: 404},
		{name: "a rule of a row that would change", manifest: ruled(`allow: {read: "true", create: "false", delete: "false", update: record.title == changes.title}`), ask: []string{"PATCH /posts/1 {}", `PATCH /posts/1 {"title": "other"}`}, status: 403, opens: "GET /posts/1"},
		{name: "no rule", manifest: ruled("param: id"), load: "does not say who may use it"},
		{name: "a rule that leaves an action out", manifest: ruled(`allow: {read: "true"}`), load: "does not say who may create"},
	})
}

// TestWhatInsertTakes: of a whole map insert takes what a client may write, and leaves the
// rest.
func TestWhatInsertTakes(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(owned, nil))
	x.ask("GET", "/given/rows", "")
	got := x.line(as("2", "POST /insert", `{"title": "mine", "user_id": 1, "id": 77, "admin": true}`))
	if want := `{"id":3,"user_id":null,"title":"mine"}`; got.status != 200 || got.body != want {
		t.Errorf("%d %s, want %s\n%s", got.status, got.body, want, x.log.String())
	}
}

// TestOwnersSeeTheirRowsOnly: an index holds the rows of the caller and no hidden field.
func TestOwnersSeeTheirRowsOnly(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(owned, nil))
	x.ask("GET", "/given/rows", "")
	for _, request := range []string{"GET /posts", "GET /posts/2"} {
		got := x.line(as("2", request, ""))
		if got.status != 200 || !strings.Contains(got.body, "of eve") || strings.Contains(got.body, "of ada") || strings.Contains(got.whole(), hash) || strings.Contains(got.body, "secret") {
			t.Errorf("%s: %d %s", request, got.status, got.body)
		}
	}
}
