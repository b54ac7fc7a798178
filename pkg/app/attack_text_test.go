package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAttacksOnTexts: what a client sends stays within its place in a topic, a path, a
// redirect, a header or a statement.
func TestAttacksOnTexts(t *testing.T) {
	page := "\n- get: /page/:id\n  text: page"
	runAttacks(t, []attack{
		{name: "an empty topic", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: \"user:${params.id}\", event: e, payload: {}}\n    - text: inside"), ask: []string{"GET /x"}, status: 400},
		{name: "an empty topic by default", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: \"user:${params.id ?? nil}\", event: e, payload: {}}\n    - text: inside"), ask: []string{"GET /x"}, status: 400},
		{name: "a whole topic that is empty", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: \"${params.topic}\", event: e, payload: {}}\n    - text: inside"), ask: []string{"GET /x", "GET /x?topic="}, status: 400},
		{name: "a topic of a map", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: \"user:${params.id ?? 'none'}\", event: e, payload: {}}\n    - text: inside"), ask: []string{"GET /x?id[a]=b", "GET /x?id[]=b"}, status: 400, opens: "GET /x?id=b"},
		{name: "a topic of ours that is nil", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: \"user:${[request.method]}\", event: e, payload: {}}\n    - text: inside"), ask: []string{"GET /x"}, status: 500},
		{name: "an event of the protocol", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: a, event: phx_close, payload: {}}\n    - text: inside"), load: "events that begin with phx_"},
		{name: "a computed event of the protocol", manifest: routed("- get: /x\n  do:\n    - broadcast: {topic: a, event: \"${params.event}\", payload: {}}\n    - text: inside"), ask: []string{"GET /x?event=phx_close", "GET /x?event=phx_reply"}, status: 400, opens: "GET /x?event=phone"},
		{name: "an empty id to disconnect", manifest: routed("- get: /x\n  do:\n    - disconnect: user_socket:${params.id}\n    - text: inside"), ask: []string{"GET /x"}, status: 400},
		{name: "an empty segment of a redirect", manifest: routed("- get: /x\n  redirect: /page/${params.id}" + page), ask: []string{"GET /x?id=", "GET /x?id=..", "GET /x?id=.", "GET /x", "GET /x?id[a]=b", "GET /x?id[]=b"}, status: 400},
		{name: "an empty segment of path()", manifest: routed("- get: /x\n  json: {a: \"${path('/page/:id', {id: params.id ?? nil})}\"}" + page), ask: []string{"GET /x", "GET /x?id=", "GET /x?id=.."}, status: 400},
		{name: "a rest of path() that climbs", manifest: routed("- get: /x\n  json: {a: \"${path('/f/*rest', {rest: params.r})}\"}\n- get: /f/*rest\n  text: page"), ask: []string{"GET /x?r=../a", "GET /x?r=a/../../b", "GET /x?r=a/..", "GET /x?r=./a"}, status: 400, opens: "GET /x?r=a/b"},
		{name: "an open redirect", manifest: routed("- get: /x\n  redirect: ${params.to}" + page), ask: []string{"GET /x?to=//evil.example", "GET /x?to=https://evil.example", `GET /x?to=/\evil.example`, `GET /x?to=\\evil.example`, "GET /x?to=/%09/evil.example", "GET /x?to=%20//evil.example", "GET /x?to=javascript:alert(1)", "GET /x?to=evil.example", "GET /x?to=/a%0d%0aset-cookie:a", "GET /x?to="}, status: 400},
		{name: "the host of an external redirect", manifest: routed("- get: /x\n  redirect: {external: \"https://${params.host}/a\"}"), ask: []string{"GET /x?host=evil.example/b", "GET /x?host=a@evil.example", "GET /x?host=evil.example%23", "GET /x?host="}, status: 400},
		{name: "a redirect that nothing answers", manifest: routed("- get: /x\n  redirect: /pages/${params.id}" + page), load: "no GET route answers /pages/${...}"},
		{name: "a redirect to another site", manifest: routed("- get: /x\n  redirect: //evil.example"), load: "this is no path of this application"},
		{name: "a line break in a header", manifest: routed("- get: /x\n  do:\n    - put_resp_header: {x-name: \"${params.name}\"}\n    - text: inside"), ask: []string{"GET /x?name=a%0d%0aset-cookie:b=c", "GET /x?name=a%0aset-cookie:b=c", "GET /x?name=a%0d", "GET /x?name=a%00"}, status: 400, opens: "GET /x?name=a"},
		{name: "a line break in a header beside an answer", manifest: routed("- get: /x\n  text: inside\n  headers: {x-name: \"${params.name}\"}"), ask: []string{"GET /x?name=a%0d%0aset-cookie:b=c"}, status: 400, opens: "GET /x?name=a"},
		{name: "a line break that is written", manifest: routed("- get: /x\n  text: inside\n  headers: {x-name: \"a\\r\\nset-cookie: b\"}"), load: "cannot hold a line break"},
		{name: "segments that climb", manifest: routed("- get: /f/*rest\n  text: inside"), ask: []string{"GET /f/../a", "GET /f/%2e%2e/a", "GET /f/..%2fa", "GET /f/..%5ca", "GET /f/a%00b"}, status: http.StatusBadRequest, opens: "GET /f/a/b"},
		{name: "a statement in quotes", manifest: guarded("- query: select id from users where name = '${params.name}'\n  as: rows"), load: "inside a string literal"},
		{name: "a statement by its names", manifest: guarded("- query: select id from \"${params.table}\"\n  as: rows"), load: "inside a quoted name"},
		{name: "a comment", manifest: guarded("- query: \"select id from users /* ${params.a} */\"\n  as: rows"), load: "inside a comment"},
		{name: "a parameter of the database's own", manifest: guarded("- query: select id from users where id = ?1\n  as: rows"), load: "cannot be bound"},
		{name: "a condition in a value", manifest: guarded("- query_one: select id from users where name = ${params.name}\n  as: row"), ask: []string{"GET /x?name='%20or%20'1'='1", "GET /x?name=ada'--", "GET /x?name=ada'%20union%20select%20password_hash%20from%20users--"}, status: 404, opens: "GET /x?name=ada"},
		{name: "a name in a value", manifest: guarded("- query: select id from ${params.table}\n  as: rows"), ask: []string{"GET /x?table=users", "GET /x?table=sqlite_master"}, status: 500},
	})
}

// TestAttacksOnHiddenFields: a hidden field leaves in no answer, whatever the row is wrapped
// in on its way.
func TestAttacksOnHiddenFields(t *testing.T) {
	row := "- query_one: select * from users where id = 1\n  as: user\n- query: select * from users\n  as: users\n"
	route := func(answer string) string {
		return routed("- get: /x\n  do:\n" + indent(row+answer, "    "))
	}
	tests := []struct{ name, answer string }{
		{"the row", "- json: ${user}"},
		{"a map with the row", "- json: {user: \"${user}\", users: \"${users}\"}"},
		{"a map in an expression", "- json: \"${ {a: user, b: [user], c: {d: users}} }\""},
		{"rows", "- json: ${users}"},
		{"a closure", "- json: \"${map(users, #)}\""},
		{"a closure with a map", "- json: \"${map(users, {{u: #}})}\""},
		{"filter and sort", "- json: \"${sortBy(filter(users, .id > 0), .id)}\""},
		{"merge", "- json: \"${merge(user, {a: 1})}\""},
		{"merge into a map", "- json: \"${merge({a: 1}, user)}\""},
		{"an item", "- json: ${users[0]}"},
		{"a part", "- json: \"${users[0:1]}\""},
		{"let", "- json: \"${let u = user; {a: u}}\""},
		{"a choice", "- json: \"${true ? user : nil}\""},
		{"another name", "- assign: {other: \"${user}\"}\n- json: {other: \"${other}\"}"},
		{"another name in a map", "- assign: {other: {of: \"${user}\"}}\n- json: ${other}"},
		{"groups", "- json: \"${groupBy(users, .role)}\""},
		{"first and last", "- json: \"${[first(users), last(users), find(users, .id == 1)]}\""},
		{"a template", "- render: user.html"},
		{"a template that gets it", "- render: {template: given.html, assigns: {who: \"${user}\"}}"},
		{"the record that was inserted", "- insert: {schema: user, values: {name: new, password_hash: " + hash + "}}\n  as: new\n- json: ${new}"},
	}
	templates := map[string]string{
		"templates/user.html":  "<p>{{.user}} {{.user.name}}</p>{{range .users}}{{.}}{{end}}{{range $k, $v := .user}}{{$k}}={{$v}}{{end}}{{printf \"%v %+v %#v\" .user .user .user}}",
		"templates/given.html": "<p>{{.who}} {{.who.name}} {{printf \"%v\" .who}}</p>",
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTarget(t)
			x.open(x.load(route(tt.answer), templates))
			x.ask("GET", "/given/rows", "")
			got := x.ask("GET", "/x", "")
			if got.status != 200 || strings.Contains(got.whole(), hash) || !strings.Contains(got.body, "ada") && !strings.Contains(got.body, "new") {
				t.Errorf("%d %s\n%s", got.status, got.body, x.log.String())
			}
			if strings.Contains(x.log.String(), hash) {
				t.Errorf("the log holds it: %s", x.log.String())
			}
		})
	}
}

// TestHiddenFieldsOfTemplates: a hidden field that a template names is not there.
func TestHiddenFieldsOfTemplates(t *testing.T) {
	x := newTarget(t)
	manifest := routed("- get: /x\n  do:\n    - query_one: select * from users where id = 1\n      as: user\n    - render: x.html")
	x.open(x.load(manifest, map[string]string{"templates/x.html": "<p>{{.user.password_hash}}</p><p>{{index .user \"password_hash\"}}</p>"}))
	x.ask("GET", "/given/rows", "")
	if got := x.ask("GET", "/x", ""); strings.Contains(got.body, hash) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
