package rpc_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

func TestWritesOfFunctions(t *testing.T) {
	judge(t, open(t), []fact{
		{"GET /rpc/add_project?id=10&name=x", "", 405, `~"code":"25006"`, ""},
		{"HEAD /rpc/add_project?id=10&name=x", "", 405, "~", ""},
		{"POST /rpc/add_project | Prefer: tx=rollback", `{"id":10,"name":"x"}`, 200, "~x", "Preference-Applied: tx=rollback"},
		{"POST /rpc/add_project", `{"id":10,"name":"x"}`, 200, `{"id":10,"name":"x","client_id":2}`, ""},
		{"POST /rpc/add_project", `{"id":10,"name":"x"}`, 409, `~"code":"23505"~already exists`, ""},
		{"POST /rpc/late", "", 409, `~"code":"23503"`, ""},
		{"POST /rpc/late | Prefer: tx=rollback", "", 409, `~"code":"23503"`, ""},
		{"POST /rpc/add_project", `{"id":11,"name":null}`, 400, `~"code":"23502"`, ""},
		{"POST /rpc/add_project?id=eq.99" + one, `{"id":12,"name":"gone"}`, 406, "~PGRST116", ""},
		{"POST /rpc/add_project", `{"id":12,"name":"y"}`, 200, "~y", ""},
		// However it is counted and cut, a function is called once.
		{"POST /rpc/counted?limit=1&offset=1" + exact, "", 206, "[2]", "Content-Range: 1-1/3"},
		{"POST /rpc/counted", "", 200, "[4,5,6]", ""},
	})
}

func TestRequestAndAnswerOfFunctions(t *testing.T) {
	judge(t, open(t), []fact{
		{"POST /rpc/setting", `{"name":"request.method"}`, 200, `"POST"`, ""},
		{"GET /rpc/setting?name=request.path", "", 200, `"/rpc/setting"`, ""},
		{"GET /rpc/header?name=host", "", 200, `"example.com"`, ""},
		{"GET /rpc/header?name=x-some | X-Some: a\"b", "", 200, `"a\"b"`, ""},
		{"GET /rpc/setting?name=request.cookies | Cookie: a=1; b=2", "", 200, `"{\"a\":\"1\",\"b\":\"2\"}"`, ""},
		{"POST /rpc/answers", `{"status":"203","headers":"[{\"X-A\":\"1\"},{\"X-A\":\"2\"}]"}`, 203, "1", "X-A: 1, 2"},
		{"POST /rpc/answers", `{"status":"abc","headers":""}`, 500, "~PGRST112", ""},
		{"POST /rpc/answers", `{"status":"","headers":"{\"X-A\":\"1\"}"}`, 500, "~PGRST111", ""},
		{"POST /rpc/answers", `{"status":"","headers":"[{\"X-A\":\"1\\r\\nX-B: 2\"}]"}`, 500, "~PGRST111", "X-B: -"},
		{"POST /rpc/answers", `{"status":"","headers":"[{\"Transfer-Encoding\":\"chunked\"}]"}`, 500, "~PGRST111", ""},
		{"POST /rpc/raises", `{"code":"P0001","message":"no","detail":"why"}`, 400, `~"code":"P0001","message":"no","details":"why","hint":"a hint"`, ""},
		{"POST /rpc/raises", `{"code":"PT402","message":"pay","detail":"why"}`, 402, `~"code":"PT402","message":"pay"`, "Proxy-Status: gateway; error=PT402"},
		{"POST /rpc/raises", `{"code":"PT40A","message":"pay","detail":"why"}`, 500, `~"code":"PT40A"`, ""},
		{"POST /rpc/raises", `{"code":"PGRST","message":"{\"code\":\"123\",\"message\":\"m\",\"hint\":\"h\"}","detail":"{\"status\":418,\"headers\":{\"X-Tea\":\"y\"}}"}`, 418, `~"code":"123","message":"m","details":null,"hint":"h"`, "X-Tea: y"},
		{"POST /rpc/raises", `{"code":"PGRST","message":"x","detail":"{}"}`, 500, `~PGRST121~Invalid JSON value for MESSAGE`, ""},
		{"POST /rpc/raises", `{"code":"PGRST","message":"{\"code\":\"a b\",\"message\":\"m\"}","detail":"{\"status\":332,\"headers\":{\"Transfer-Encoding\":\"x\",\"X-A\":\"1\\r\\nX-B: 2\"}}"}`, 332, `{"type":"about:blank","status":332,"code":"a b","message":"m","details":null,"hint":null}`, "Proxy-Status: -"},
		{"POST /rpc/raises", `{"code":"40001","message":"again","detail":"why"}`, 503, `~"code":"40001","message":"again","details":"why"`, "Retry-After: 1"},
		{"POST /rpc/raises", `{"code":"57014","message":"too long","detail":"why"}`, 500, `~"code":"57014","message":"too long"`, "Retry-After: -"},
		{"POST /rpc/raises", `{"code":"53400","message":"too much","detail":"why"}`, 500, `~"code":"53400","message":"too much"`, ""},
		{"POST /rpc/raises", `{"code":"53100","message":"inner word","detail":"d"}`, 503, `~"status":503`, "Retry-After: 1"},
		{"POST /rpc/raises", `{"code":"42501","message":"no","detail":"d"}`, 401, `~"code":"42501"`, ""},
		{"POST /rpc/raises", `{"code":"XX000","message":"inner word","detail":"d"}`, 500, `~"status":500`, ""},
		{"POST /rpc/asserts", "", 500, `~"code":"P0004"`, ""},
	})
}

func TestWhoMayCall(t *testing.T) {
	judge(t, open(t), []fact{
		{"GET /ruled/rpc/add_them?a=1&b=2", "", 403, `~"code":"42501"`, ""},
		{"GET /ruled/rpc/add_them?a=1&b=2 | X-User: ann", "", 200, "3", ""},
		{"GET /ruled/rpc/hello?name=x", "", 403, "~42501", ""},
		{"GET /ruled/rpc/hello?name=x | X-User: bob", "", 200, `"Hello, x"`, ""},
		{"GET /ruled/rpc/slow?n=1 | X-User: bob", "", 403, "~42501", ""},
		{"GET /ruled/rpc/nope", "", 404, "~PGRST202", ""},
		{"GET /one/rpc/add_them?a=1&b=2 | X-User: ann", "", 403, "~42501", ""},
		{"POST /one/rpc/add_them | X-User: ann", `{"a":1,"b":2}`, 200, "3", ""},
	})
}

// What a manifest may say wrongly of functions is told when it is loaded.
func TestProblems(t *testing.T) {
	url := apptest.Postgres(t)
	run(t, apptest.Compile(t, bare, url), database)
	head := "version: 1\nname: x\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes:\n  - routes:\n"
	for _, c := range []struct{ routes, want string }{
		{"      - {rpc: [helo], public: true}\n", `no function "helo" that can be called by name (did you mean "hello"?)`},
		{"      - {rpc: [hello]}\n", "does not say who may call the functions"},
		{"      - {rpc: [hello, hello], public: true}\n", "is served twice here"},
		{"      - {rpc: [hello, nil], allow: {hello: 'true'}}\n", `who may call nil`},
		{"      - {rpc: [hello], allow: {hell: 'true', call: 'true'}}\n", `names "hell"`},
		{"      - {rpc: [hello], public: true, allow: 'true'}\n", "exclude each other"},
		{"      - {rpc: [hello], publik: true}\n", `did you mean "public"`},
		{"      - {rpc: [hello], public: true}\n      - {rpc: [hello], public: true}\n", "has the shape of GET /rpc/hello"},
	} {
		l := apptest.Load(t, head+c.routes, url)
		var got []string
		for _, p := range l.Problems {
			got = append(got, p.Error())
		}
		if !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q\nwant %s", c.routes, got, c.want)
		}
	}
	sqlite := apptest.Problems(t, head+"      - {rpc: [hello], public: true}\n")
	if len(sqlite) != 1 || !strings.Contains(sqlite[0], "SQLite, which has no functions") {
		t.Errorf("on SQLite: %q", sqlite)
	}
}
