package app_test

import (
	"strings"
	"testing"
)

// An attack is a manifest whose rule an attacker, or a slip of its author, tries to open.
type attack struct {
	name, manifest string
	// load is part of the problem with which it is refused at load; the rest is then not
	// asked.
	load string
	// ask are requests, each "METHOD PATH" and maybe a header or body behind it, and status
	// the answer that each must have.
	ask    []string
	status int
	// opens is the request that the rule lets in, so that it is known to be no wall: it is
	// answered 200.
	opens string
}

func (a attack) run(t *testing.T) {
	x := newTarget(t)
	loaded := x.load(a.manifest, nil)
	if a.load != "" {
		if problems := told(loaded.Problems); !loaded.Failed() || !strings.Contains(problems, a.load) {
			t.Fatalf("not refused at load with %q: %s", a.load, problems)
		}
		return
	}
	x.open(loaded)
	x.ask("GET", "/given/rows", "")
	for _, line := range a.ask {
		if got := x.line(line); got.status != a.status || strings.Contains(got.whole(), "inside") || strings.Contains(got.whole(), hash) {
			t.Errorf("%s: %d %s, want %d\n%s", line, got.status, got.body, a.status, x.log.String())
		}
	}
	if a.opens != "" {
		if got := x.line(a.opens); got.status != 200 {
			t.Errorf("%s: %d %s, must be let in\n%s", a.opens, got.status, got.body, x.log.String())
		}
	}
}

// line sends "METHOD PATH", "METHOD PATH {json}" or "METHOD PATH Header: value". A word
// {KIND:ID} in it is a token.
func (x *target) line(line string) answer {
	x.t.Helper()
	for {
		before, rest, ok := strings.Cut(line, "<")
		if !ok {
			break
		}
		word, after, _ := strings.Cut(rest, ">")
		kind, id, _ := strings.Cut(word, ":")
		line = before + x.signed(kind, id) + after
	}
	method, rest, _ := strings.Cut(line, " ")
	path, rest, _ := strings.Cut(rest, " ")
	if strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "[") {
		body, header, both := strings.Cut(rest, " | ")
		if both {
			return x.ask(method, path, body, header)
		}
		return x.ask(method, path, body)
	}
	if rest == "" {
		return x.ask(method, path, "")
	}
	return x.ask(method, path, "", rest)
}

func runAttacks(t *testing.T, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, a.run)
	}
}

// TestAttacksOnNil: nil equals nothing, not even nil, and what is missing is no value.
func TestAttacksOnNil(t *testing.T) {
	runAttacks(t, []attack{
		{name: "two missing params", manifest: guarded("- require: params.a == params.b"), ask: []string{"GET /x", "GET /x?a=1", "GET /x?b=1"}, status: 403, opens: "GET /x?a=1&b=1"},
		{name: "two missing params are not unequal", manifest: guarded("- require: params.a != params.b"), ask: []string{"GET /x", "GET /x?a=1"}, status: 403, opens: "GET /x?a=1&b=2"},
		{name: "nil by default against nil", manifest: guarded("- require: (params.a ?? nil) == (params.b ?? nil)"), ask: []string{"GET /x", "GET /x?a=1"}, status: 403, opens: "GET /x?a=1&b=1"},
		{name: "nil read optionally", manifest: guarded("- require: params?.a == params?.b"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?a=1&b=1"},
		{name: "names that are nil", manifest: guarded("- assign: {a: \"${params.a}\", b: \"${params.b}\"}\n- require: a == b"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?a=1&b=1"},
		{name: "nil in a list", manifest: guarded("- require: (params.a ?? nil) in ['x', params.b ?? nil]"), ask: []string{"GET /x", "GET /x?b=1"}, status: 403, opens: "GET /x?a=x&b=1"},
		{name: "nil not in a list", manifest: guarded("- require: (params.a ?? nil) not in ['banned']"), ask: []string{"GET /x", "GET /x?a=banned"}, status: 403, opens: "GET /x?a=fine"},
		{name: "JSON null", manifest: strings.Replace(guarded("- require: params.a == params.b"), "get: /x\n", "post: /x\n", 1), ask: []string{`POST /x {"a": null, "b": null}`, `POST /x {"a": null}`, `POST /x {}`}, status: 403, opens: `POST /x {"a": 1, "b": 1}`},
		{name: "a when that cannot be decided", manifest: guarded("- require: params.key == 'k'\n  when: params.kind == 'strict'"), ask: []string{"GET /x", "GET /x?kind=strict&key=j"}, status: 403, opens: "GET /x?kind=lax"},
		{name: "a branch that cannot be decided", manifest: guarded("- when: params.kind == 'strict'\n  do:\n    - require: params.key == 'k'"), ask: []string{"GET /x", "GET /x?kind=strict"}, status: 403, opens: "GET /x?kind=lax"},
		{name: "a branch around a pipeline", manifest: strings.Replace(guarded("- when: params.kind == 'strict'\n  do:\n    - pipe_through: keyed"), "scopes:", "pipelines: {keyed: [{require: params.key == 'k'}]}\nscopes:", 1), ask: []string{"GET /x", "GET /x?kind=strict&key=j"}, status: 403, opens: "GET /x?kind=lax"},
		{name: "a row that may be nil", manifest: guarded("- query_one: select user_id from posts where id = ${params.id}\n  as: post\n  else: continue\n- require: post.user_id == 1"), load: "post may be nil here"},
		{name: "a row that is nil", manifest: guarded("- query_one: select user_id from posts where id = ${params.id}\n  as: post\n  else: continue\n- require: post?.user_id == (params.uid ?? nil)"), ask: []string{"GET /x?id=99", "GET /x?id=99&uid=1"}, status: 403},
		{name: "a column that is null", manifest: guarded("- query_one: select null as owner\n  as: row\n- require: row.owner == (params.me ?? nil)"), ask: []string{"GET /x", "GET /x?me=1"}, status: 403},
		{name: "the hash of nobody", manifest: guarded("- query_one: select password_hash from users where name = ${params.name}\n  as: user\n  else: continue\n- verify_password: {password: \"${params.password ?? nil}\", hash: \"${user?.password_hash}\"}"), ask: []string{"GET /x?name=nobody", "GET /x?name=nobody&password=", "GET /x?name=nobody&password=x"}, status: 401},
		{name: "the key of a rate limit", manifest: guarded("- rate_limit: {rate: 100/s, key: \"${params.key ?? nil}\"}"), ask: []string{"GET /x"}, status: 429, opens: "GET /x?key=a"},
		{name: "continue on a guard", manifest: guarded("- require: params.key == 'k'\n  else: continue"), load: "`require` would guard nothing"},
		{name: "a token that may be nil", manifest: guarded("- verify_token: user\n  as: uid\n  else: continue\n- require: uid == (params.uid ?? nil)"), load: "uid may be nil here"},
		{name: "a token that is nil", manifest: guarded("- verify_token: user\n  as: uid\n  else: continue\n- require: (uid ?? nil) == (params.uid ?? nil)"), ask: []string{"GET /x", "GET /x?uid=1"}, status: 403},
	})
}

// TestAttacksOnMembers: a missing member is an error in a guard under whatever name the
// value is reached, and a missing claim everywhere.
func TestAttacksOnMembers(t *testing.T) {
	claims := "- verify_token: user\n  as: who\n"
	with := "GET /x Authorization: Bearer <claims:7>"
	runAttacks(t, []attack{
		{name: "a param", manifest: guarded("- require: params.role != 'banned'"), ask: []string{"GET /x", "GET /x?role=banned"}, status: 403, opens: "GET /x?role=user"},
		{name: "by let", manifest: guarded("- require: let p = params; p.role != 'banned'"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by a list", manifest: guarded("- require: \"[params][0].role != 'banned'\""), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by map()", manifest: guarded("- require: \"all(map([params], .role), # != 'banned')\""), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by any()", manifest: guarded("- require: any([params], .role != 'banned')"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by filter()", manifest: guarded("- require: len(filter([params], .role == 'banned')) == 0"), ask: []string{"GET /x", "GET /x?role=banned"}, status: 403, opens: "GET /x?role=user"},
		{name: "by a choice", manifest: guarded("- require: \"(request.method == 'GET' ? params : request.query).role != 'banned'\""), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by merge()", manifest: guarded("- require: \"merge(params, {a: 1}).role != 'banned'\""), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by another name", manifest: guarded("- assign: {p: \"${params}\"}\n- require: p.role != 'banned'"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "by an index", manifest: guarded("- require: params['role'] != 'banned'"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "of the query", manifest: guarded("- require: request.query.role != 'banned'"), ask: []string{"GET /x"}, status: 403, opens: "GET /x?role=user"},
		{name: "a header", manifest: guarded("- require: request.headers['x-banned'] != 'yes'"), ask: []string{"GET /x", "GET /x X-Banned: yes"}, status: 403, opens: "GET /x X-Banned: no"},
		{name: "a claim in a guard", manifest: guarded(claims + "- require: who.banned != true"), ask: []string{with}, status: 403},
		{name: "a claim in an answer", manifest: guarded(claims + "- put_resp_header: {x-a: \"${who.banned}\"}"), ask: []string{with}, status: 500},
		{name: "a claim in the when of an answer", manifest: routed("- get: /x\n  do:\n" + indent(claims+"- text: inside\n  when: who.banned != true\n- send_resp: 404", "    ")), ask: []string{with}, status: 500},
		{name: "a claim by assign", manifest: guarded(claims + "- assign: {p: \"${who}\"}\n- assign: {q: \"${p.banned}\"}"), ask: []string{with}, status: 500},
		{name: "a claim by assign in a map", manifest: guarded(claims + "- assign: {p: {of: \"${who}\"}}\n- assign: {q: \"${p.of.banned}\"}"), ask: []string{with}, status: 500},
		{name: "a claim by let", manifest: guarded(claims + "- assign: {q: \"${let w = who; w.banned}\"}"), ask: []string{with}, status: 500},
		{name: "a claim by a list", manifest: guarded(claims + "- assign: {q: \"${map([who], .banned)}\"}"), ask: []string{with}, status: 500},
		{name: "a claim by a choice", manifest: guarded(claims + "- assign: {q: \"${(params.x == 1 ? params : who).banned}\"}"), ask: []string{with}, status: 500},
		{name: "a claim under the name claims", manifest: guarded("- verify_token: user\n  as: claims\n- require: claims.banned != true"), ask: []string{with}, status: 403},
		{name: "a claim in a when", manifest: guarded(claims + "- assign: {a: 1}\n  when: who.banned != true"), ask: []string{with}, status: 500},
	})
}

// TestAttacksOnTypes: 'not-admin' is not admin, and '5' is not 5.
func TestAttacksOnTypes(t *testing.T) {
	runAttacks(t, []attack{
		{name: "has on a text", manifest: guarded("- require: has('not-admin', 'admin')"), load: "has takes a list or a map, this is text"},
		{name: "has on a text of a client", manifest: guarded("- require: has(params.roles, 'admin')"), ask: []string{"GET /x?roles=not-admin", "GET /x?roles=admin", "GET /x", "GET /x?roles[]=not-admin"}, status: 403, opens: "GET /x?roles[]=admin"},
		{name: "has on a claim that is a text", manifest: guarded("- verify_token: user\n  as: who\n- require: has(who.roles, 'admin')"), ask: []string{"GET /x Authorization: Bearer <claims:7>"}, status: 403},
		{name: "in a text", manifest: guarded("- require: \"'admin' in params.roles\""), ask: []string{"GET /x?roles=not-admin", "GET /x"}, status: 403, opens: "GET /x?roles[]=admin"},
		{name: "a text and a number", manifest: guarded("- require: params.id == 5"), ask: []string{"GET /x?id=5", "GET /x?id=6"}, status: 403},
		{name: "a text and a number, unequal", manifest: guarded("- require: params.id != 5"), ask: []string{"GET /x?id=5", "GET /x?id=6"}, status: 403},
		{name: "a number in texts", manifest: guarded("- require: 5 in ['5']"), load: "is never in a list or map of text"},
		{name: "a text in numbers", manifest: guarded("- require: params.id in [5, 6]"), ask: []string{"GET /x?id=5"}, status: 403},
		{name: "a text not in numbers", manifest: guarded("- require: params.id not in [5, 6]"), ask: []string{"GET /x?id=5", "GET /x?id=7"}, status: 403},
		{name: "numbers have a text", manifest: guarded("- require: not has([5, 6], params.id)"), ask: []string{"GET /x?id=5", "GET /x?id=7"}, status: 403},
		{name: "a map for a text", manifest: guarded("- require: params.role != 'banned'"), ask: []string{"GET /x?role[a]=banned", "GET /x?role[]=banned"}, status: 403},
		{name: "a list for a text", manifest: guarded("- require: params.role == 'admin'"), ask: []string{"GET /x?role[]=admin", "GET /x?role[0]=admin"}, status: 403, opens: "GET /x?role=admin"},
		{name: "a truth for a text", manifest: strings.Replace(guarded("- require: params.role == 'admin'"), "get: /x\n", "post: /x\n", 1), ask: []string{`POST /x {"role": true}`, `POST /x {"role": ["admin"]}`, `POST /x {"role": 1}`}, status: 403, opens: `POST /x {"role": "admin"}`},
		{name: "what is no boolean", manifest: guarded("- require: params.admin"), ask: []string{"GET /x?admin=true", "GET /x?admin=1", "GET /x"}, status: 403},
		{name: "a text as a condition", manifest: guarded("- require: request.method"), load: "a condition must be true or false"},
		{name: "an expression in a condition", manifest: guarded("- require: ${params.admin}"), load: "a condition is written bare"},
		{name: "a number too large to be exact", manifest: strings.Replace(guarded("- require: params.id == 9007199254740993"), "get: /x\n", "post: /x\n", 1), ask: []string{`POST /x {"id": 9007199254740992}`, `POST /x {"id": 9007199254740992.0}`}, status: 403, opens: `POST /x {"id": 9007199254740993}`},
		{name: "an address that a client claims", manifest: guarded("- require: request.ip == '10.0.0.1'"), ask: []string{"GET /x X-Forwarded-For: 10.0.0.1", "GET /x Forwarded: for=10.0.0.1", "GET /x X-Real-Ip: 10.0.0.1"}, status: 403},
		{name: "a param in place of that of the path", manifest: routed("- get: /own/:id\n  do:\n    - require: params.id == '1'\n    - text: mine\n"), ask: []string{"GET /own/2?id=1", "GET /own/2?id[]=1"}, status: 403, opens: "GET /own/1?id=2"},
		{name: "a cookie without protection", manifest: routed("- post: /x\n  do:\n    - require: request.cookies['k'] == 'v'\n    - text: inside\n"), load: "needs `protect_from_forgery`"},
	})
}

// TestAttacksOnTokens: only a token of the kind that is asked for, whole and in time.
func TestAttacksOnTokens(t *testing.T) {
	token := guarded("- verify_token: user\n  as: uid")
	in := func(places string) string {
		return guarded("- verify_token: {token: user, from: " + places + "}\n  as: uid")
	}
	runAttacks(t, []attack{
		{name: "none", manifest: token, ask: []string{"GET /x", "GET /x Authorization: Bearer ", "GET /x Authorization: Basic eDp5", "GET /x?token=<user:1>"}, status: 401, opens: "GET /x Authorization: Bearer <user:1>"},
		{name: "of another kind", manifest: token, ask: []string{"GET /x Authorization: Bearer <mail:1>", "GET /x Authorization: Bearer <short:1>"}, status: 401},
		{name: "tampered with", manifest: token, ask: []string{"GET /x Authorization: Bearer <user:1>x", "GET /x Authorization: Bearer x<user:1>", "GET /x Authorization: Bearer <user:1>.", "GET /x Authorization: Bearer SFMyNTY.g2gDYQFuBgAAAAAAAGIAAVGA.AAAA", "GET /x Authorization: Bearer ..", "GET /x Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."}, status: 401},
		{name: "in a place that is not asked", manifest: in("[{param: token}]"), ask: []string{"GET /x Authorization: Bearer <user:1>", "GET /x?other=<user:1>", "GET /x?token[]=<user:1>", "GET /x?token="}, status: 401, opens: "GET /x?token=<user:1>"},
		{name: "of more than 8 KB", manifest: in("[{param: token}]"), ask: []string{"GET /x?token=" + strings.Repeat("a", 8<<10)}, status: 401},
	})
}

// TestAttackWithAnOldToken: a token is no longer valid after its time, and not yet before it.
func TestAttackWithAnOldToken(t *testing.T) {
	x := newTarget(t)
	x.open(x.load(guarded("- verify_token: short\n  as: uid"), nil))
	line := "GET /x Authorization: Bearer " + x.signed("short", "1")
	for _, step := range []struct {
		at     int64
		status int
	}{{0, 200}, {59, 200}, {61, 401}, {-31, 401}, {86_400, 401}} {
		x.clock.Store(step.at)
		if got := x.line(line); got.status != step.status {
			t.Errorf("after %d s: %d %s, want %d", step.at, got.status, got.body, step.status)
		}
	}
}
