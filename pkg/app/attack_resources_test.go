package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// strangers is a word that is in whatever a hostile client sends, and in no statement, but for
// the names that a client gives to members of an answer: those are quoted.
const strangers = "zqx"

// payloads are what stands where a client may write something.
func payloads() []string {
	return []string{
		"zqx", `zqx"; drop table notes; --`, `zqx' or '1'='1`, "zqx);select pg_sleep(9)--", `"zqx"`, `"zqx""; drop table notes; --"`, "zqx/**/union/**/select", "$1zqx", "?1zqx", "zqx\x00", "zqx\xff\xfe", "\xc0\xafzqx",
		"zqx\u202e\u0000", "zqx\r\nX-Zqx: 1", `zqx\`, `\zqx'`, "{zqx", "zqx}", "(zqx", "zqx)", "zqx,zqx", "zqx.zqx.zqx", "zqx->zqx->>zqx", "zqx:zqx::zqx", "zqx!zqx!inner", "zqx(zqx(zqx))", "...zqx", "*zqx", "zqx[0]", "%zqx%25", "zqx\xed\xa0\x80", "zqx😀",
		"pg_catalog.pg_user zqx", "vaults.zqx", strings.Repeat("zqx", 2000),
	}
}

// places are where a client may write something, %s in each.
func places() []string {
	const post = "POST /notes%s <- %s"
	list := []string{
		"GET /notes/%s", "GET /notes/3/remarks/%s", "GET /%s", "PATCH /notes/%s <- {\"title\":\"x\"}", "DELETE /folders/%s",
		`POST /notes <- {"title":"x","%s":1}`, `POST /notes <- {"title":"%s"}`, `POST /notes <- [{"title":"%s"},{"title":1}]`, `POST /notes <- {"title":"x","stars":"%s"}`, `POST /notes <- {"title":"x","at":"%s"}`,
		`POST /notes <- {"title":"x","info":{"%s":"%s"}}`, `POST /notes <- {"title":"x","key":"%s"}`, `POST /notes <- {"title":"x","remarks":[{"%s":1}]}`, `POST /notes <- {"title":"x","remarks":[{"text":"%s"}]}`, `PATCH /notes?id=eq.3 <- {"%s":1}`, `PATCH /notes?id=eq.3 <- {"price":"%s"}`,
		"POST /notes <- title,%s\nx,y | Content-Type: text/csv", "POST /notes <- title,stars\nx,%s | Content-Type: text/csv", "POST /notes <- title\n\"%s\" | Content-Type: text/csv", "POST /notes <- %s", "POST /notes <- {%s", `POST /batch <- [{"method":"%s","path":"/notes"}]`, `POST /batch <- [{"method":"GET","path":"%s"}]`, `POST /batch <- [{"method":"GET","path":"/notes?select=%s"}]`, `POST /batch <- [{"method":"GET","path":"/notes/%s"}]`, `POST /batch <- [{"method":"POST","path":"/notes","body":{"%s":"%s"}}]`, `POST /batch <- [{"method":"POST","path":"/notes","body":{"title":"%s"},"as":"%s"},{"method":"GET","path":"/notes/${%s.id}"}]`,
		`POST /batch <- [{"method":"POST","path":"/folders","body":{"name":"%s"},"as":"a"},{"method":"GET","path":"/folders?name=eq.${a.name}"},{"method":"GET","path":"/notes/${a.name}"},{"method":"POST","path":"/notes","body":{"title":"${a.name}"}}]`, `POST /batch <- [{"method":"GET","path":"/notes","headers":{"Prefer":"%s"}}]`, `POST /batch <- [{"%s":1}]`, "QUERY /notes <- %s=eq.1&select=%s | Content-Type: application/x-www-form-urlencoded",
	}
	for _, q := range []string{"select=%s", "select=id,x:%s", "select=%s:id", "select=id::%s", "select=id,folder!%s(id)", "select=id,%s(id)", "select=id,...%s(id)", "select=id,folder(%s)", "select=info->%s", "select=info->>%s", "select=info->'%s'", "select=x:info->>%s::%s", "select=%s.sum()",
		"select=stars.%s()", "select=stars.sum()::%s", "select=%s:stars.sum()", "order=%s", "order=id.%s", "order=id.asc.%s", "select=id,folder(id)&order=folder(%s)", "order=info->>%s", "%s=eq.1", "id=%s.1", "id=not.%s.1", "id=eq.%s", "title=eq.%s", "title=fts(%s).a", "title=fts.%s", "title=plfts.%s", "title=wfts.%s", "title=phfts(english).%s",
		"title=like(%s).x", "title=like(any).{%s}", "title=like.%s", "title=ilike.*%s*", "title=match.%s", "title=imatch.%s", "info->>%s=eq.1", "info->%s=eq.1", "info=cs.%s", "info=eq.%s", "id=in.(%s)", "id=in.%s", "title=in.(%s)", "title=in.(\"%s\")", "id=is.%s", "title=isdistinct.%s", "at=gt.%s", "day=eq.%s", "done=is.%s", "done=eq.%s", "key=eq.%s", "price=lt.%s", "ratio=lt.%s",
		"id=eq(any).{%s}", "title=eq(all).{%s}", "or=(%s)", "or=%s", "not.or=(%s)", "or=(%s.eq.1,id.eq.1)", "or=(id.%s.1,id.eq.2)", "or=(title.eq.%s,id.eq.1)", "and=(or(%s.eq.1),id.eq.1)", "select=id,folder(id)&folder.%s=eq.1", "%s.name=eq.1", "select=id,notes(id)&notes.order=%s", "select=id,notes(id)&notes.limit=%s", "select=id,notes(id)&notes.or=(%s)",
		"limit=%s", "offset=%s", "after=%s", "%s", "%s=%s", "apikey=%s", "columns=%s", "on_conflict=%s"} {
		list = append(list, "GET /notes?"+q, "DELETE /notes?id=eq.99&"+q, "PATCH /notes?id=eq.99&"+q+` <- {"stars":1} | Prefer: return=representation`)
	}
	for _, h := range []string{"Prefer: %s", "Prefer: return=%s", "Prefer: count=%s", "Prefer: timezone=%s", "Prefer: handling=strict, %s", "Prefer: max-affected=%s", "Prefer: handling=strict, timezone=%s", "Range: %s", "Range: 0-%s", "Range-Unit: %s", "Accept: %s", "Accept: application/%s", "Accept: application/json;%s=1", "Content-Type: %s",
		"Content-Type: application/json; charset=%s", "If-Match: %s", "If-Match: \"%s\"", "If-None-Match: %s", "Idempotency-Key: %s", "Accept-Profile: %s", "Content-Profile: %s", "X-HTTP-Method-Override: %s"} {
		list = append(list, "GET /notes | "+h, `POST /notes <- {"title":"x"} | `+h, `PATCH /notes/3 <- {"stars":1} | `+h, "DELETE /notes?id=eq.99 | "+h)
	}
	return append(list, fmt.Sprintf(post, "?columns=%s", `{"title":"x"}`), fmt.Sprintf(post, "?on_conflict=%s", `{"title":"x"} | Prefer: resolution=merge-duplicates`), fmt.Sprintf(post, "?select=%s", `{"title":"x"} | Prefer: return=representation`))
}

// at writes a payload into a place, as the place needs it.
func at(place, payload string) (probe, bool) {
	request, rest, _ := strings.Cut(place, " | ")
	request, body, _ := strings.Cut(request, " <- ")
	request = strings.ReplaceAll(request, "%s", url.QueryEscape(payload))
	if path, _, query := strings.Cut(request, "?"); !query {
		request = strings.ReplaceAll(path, "+", "%20")
	}
	if strings.Contains(rest, "%s") && strings.ContainsFunc(payload, unicode.IsControl) {
		return "", false // no HTTP server passes such a header on
	}
	in := payload
	switch {
	case strings.Contains(rest, "x-www-form"):
		in = url.QueryEscape(payload)
	case strings.Contains(body, `"%s"`) && !strings.Contains(rest, "csv"):
		quoted, _ := json.Marshal(payload) // texts always can be
		in = strings.Trim(string(quoted), `"`)
	}
	p := request
	if body != "" {
		p += " <- " + strings.ReplaceAll(body, "%s", in)
	}
	if rest != "" {
		p += " | " + strings.ReplaceAll(rest, "%s", payload)
	}
	return probe(p), !strings.Contains(strings.ReplaceAll(body, "%s", in)+payload, " | ")
}

// TestInjection writes what is hostile wherever a client may write. No answer is a fault of
// ours, and no word of it comes into a statement.
func TestInjection(t *testing.T) {
	for _, db := range apptest.Databases() {
		for kind, manifest := range manifests() {
			t.Run(db.Name+"/"+kind, func(t *testing.T) {
				a, r := opened(t, manifest, db.URL(t), notes()...)
				before := adasRows(t, a)
				r.taken()
				every := 1
				if db.Name+kind != "sqliteschemas" {
					every = 5 // what differs between them is not the words
				}
				for i, place := range places() {
					for k, payload := range payloads() {
						if p, ok := at(place, payload); ok && (i+k)%every == 0 {
							withstood(t, p, p.send(a, eve), r)
						}
					}
				}
				if after := adasRows(t, a); after != before {
					t.Errorf("ada's rows are\n%s\nand were\n%s", after, before)
				}
			})
		}
	}
}

// withstood judges the answer to a hostile request, and the statements that it led to.
func withstood(t *testing.T, p probe, a answer, r *recorder) {
	t.Helper()
	whole := a.whole()
	for _, marker := range []string{"adamark", "never-leaves", "goroutine ", "pkg/"} {
		if strings.Contains(whole, marker) && !strings.Contains(string(p), marker) {
			t.Errorf("%.300s: %d, with %q in it: %.600s", p, a.status, marker, whole)
		}
	}
	if a.status >= 500 {
		t.Errorf("%.300s: %d %.600s", p, a.status, whole)
	}
	if a.status >= 400 && !strings.HasPrefix(string(p), "HEAD ") && !inDialect(a) {
		t.Errorf("%.300s: %d is no error of the dialect: %.300s", p, a.status, whole)
	}
	if a.header.Get("X-Zqx") != "" {
		t.Errorf("%.300s: a header of the client's: %.300s", p, whole)
	}
	for _, sql := range r.taken() {
		if strings.Contains(quotedNames.ReplaceAllString(sql, ""), strangers) {
			t.Errorf("%.300s: its words are in the statement %.600s", p, sql)
		}
		if name := foreign(sql); name != "" {
			t.Errorf("%.300s: the statement reads %s: %.600s", p, name, sql)
		}
	}
}

// inDialect tells an error in PostgREST's shape, or one that no resource gave.
func inDialect(a answer) bool {
	var members map[string]any
	if json.Unmarshal([]byte(a.body), &members) != nil {
		return false
	}
	_, code := members["code"].(string)
	message, _ := members["message"].(string)
	_, details := members["details"]
	_, hint := members["hint"]
	_, reason := members["reason"]
	return code && message != "" && details && hint || reason
}

var quotedNames = regexp.MustCompile(`"(?:[^"]|"")*"`)

var relationNames = regexp.MustCompile(`(?i)\b(?:from|join|into|update)\s+("[^"]+"|[a-z_.]+)`)

// foreign finds a relation in a statement that the manifest does not serve.
func foreign(sql string) string {
	for _, m := range relationNames.FindAllStringSubmatch(sql, -1) {
		switch name := strings.Trim(m[1], `"`); name {
		case "notes", "folders", "tags", "taggings", "remarks", "idempotency_keys", "json_each", "json_to_recordset", "gateway written", "lateral", "set":
		default:
			return name
		}
	}
	return ""
}

// hostile is one request and the status that it must have.
type hostile struct {
	ask    probe
	status int
}

func withstand(t *testing.T, list func(db string) []hostile) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a, r := opened(t, notebook, db.URL(t), notes()...)
			for _, h := range list(db.Name) {
				got := h.ask.send(a, eve)
				withstood(t, h.ask, got, r)
				if got.status != h.status {
					t.Errorf("%.300s: %d %.600s, want %d", h.ask, got.status, got.body, h.status)
				}
			}
			alive(t, a)
		})
	}
}

// alive tells that the application still serves.
func alive(t *testing.T, a *app.App) {
	t.Helper()
	if got := probe("GET /folders?select=id&order=id").send(a, eve); got.body != `[{"id":3},{"id":4}]` {
		t.Errorf("afterwards: %d %s", got.status, got.body)
	}
}

// refused are requests that are wrong in a way of their own.
func refused(db string) []hostile {
	const csv = " | Content-Type: text/csv"
	deep := func(open, shut string, n int) string {
		return strings.Repeat(open, n) + "id.eq.1" + strings.Repeat(shut, n)
	}
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	post := func(body string) probe { return probe("POST /notes <- " + body) }
	wide := strings.Builder{}
	for i := range 10_000 {
		fmt.Fprintf(&wide, `"c%d":1,`, i)
	}
	list := []hostile{
		{"GET /notes?id=eq.99999999999999999999", 400}, {"GET /notes?stars=eq.2147483648", 400}, {"GET /notes?stars=eq.1.5", 400}, {"GET /notes?stars=eq.1e400", 400}, {"GET /notes?stars=in.(1,2147483648)", 400}, {"GET /notes?day=eq.2024-02-30", 400},
		{"GET /notes?at=gt.2024-13-01", 400}, {"GET /notes?at=gt.300000-01-01", 400}, {"GET /notes?done=eq.maybe", 400}, {"GET /notes?key=eq.1", 400}, {"GET /notes?id=eq.%00", 400}, {"GET /notes?title=eq.%00", 400}, {"GET /notes?title=eq.%ff", 400}, {"GET /notes?id=in.(%00)", 400},
		{"GET /notes?title=match.(", 400}, {"GET /notes?title=match.%5B", 400}, {"GET /notes?id=is.maybe", 400}, {"GET /notes?id=like.1", 404}, {"GET /notes?or=()", 400}, {"GET /notes?or=(", 400}, {"GET /notes?and=(id.eq.1", 400}, {"GET /notes?=eq.1", 400}, {"GET /notes?select=id,,title", 400}, {"GET /notes?order=,", 400},
		{"GET /notes?select=id::regclass", 400}, {"GET /notes?select=secret", 400}, {"GET /notes?secret=like.n*", 400}, {"GET /notes?order=secret", 400}, {"GET /notes?select=folder(secret)", 400}, {"GET /notes?select=parent(secret)", 400}, {"GET /notes?select=secret.max()", 400}, {"GET /notes?or=(secret.is.null,id.eq.1)", 400},
		{"GET /notes?select=notes(secret)", 400}, {"GET /notes?select=parent(id)&parent.secret=eq.1", 400}, {"GET /notes?select=parent(id)&order=parent(secret)", 400}, {"PATCH /notes?id=eq.3&select=secret <- {\"stars\":1} | Prefer: return=representation", 400}, {"DELETE /notes?id=eq.99&select=secret | Prefer: return=representation", 400}, {"POST /notes?columns=secret_ <- {\"title\":\"x\"}", 400},
		{"GET /notes?select=vaults(*)", 400}, {"GET /notes?select=sqlite_master(*)", 400}, {"GET /notes?select=pg_user(*)", 400}, {"GET /notes?vaults.pin=eq.1", 400}, {"GET /vaults", 404}, {"GET /idempotency_keys", 404}, {"GET /sqlite_master", 404}, {"GET /judged/notes", 405}, {"GET /rpc/pg_sleep", 404},
		{"GET /notes?limit=-1", 416}, {"GET /notes?after=WzFd.", 400}, {"GET /notes?after=W1sxXV0", 400}, {"GET /notes?order=id&after=WyJ4Il0", 400}, {"GET /notes?order=id&after=WzFlNDAwXQ", 400},
		{"GET /notes | Range: 5-1", 416}, {"GET /notes | Accept: image/png", 406}, {"GET /notes | Accept: application/vnd.pgrst.object+json", 406}, {"GET /notes | Accept: application/vnd.pgrst.plan", 406}, {"GET /notes | Prefer: handling=strict, nope=1", 400}, {"GET /notes | Accept-Profile: pg_catalog", 406}, {"POST /notes <- {\"title\":\"x\"} | Content-Profile: pg_catalog", 406},
		{probe("GET /notes?or=" + deep("(and(", "))", 40)), 400}, {probe("GET /notes?and=" + deep("(not.or(", "))", 200)), 400}, {probe("GET /notes?select=" + strings.Repeat("parent(", 60) + "id" + strings.Repeat(")", 60)), 400}, {probe("GET /notes?select=" + strings.Repeat("notes(parent(", 12) + "id" + strings.Repeat("))", 12)), 400}, {probe("GET /notes?select=" + many(3000, "id")), 400},
		{probe("GET /notes?select=" + many(400, "notes(id)")), 400}, {probe("GET /notes?order=" + many(2000, "id")), 400}, {probe("GET /notes?" + strings.ReplaceAll(many(3000, "id=gt.0"), ",", "&")), 400}, {probe("GET /notes?select=info" + strings.Repeat("->a", 500)), 400}, {probe("GET /notes?or=(" + many(3000, "id.eq.1") + ")"), 400},
		{post(`{`), 400}, {post(`{}x`), 400}, {post(`[`), 400}, {post(`[1]`), 400}, {post(`[[]]`), 400}, {post(`[{"title":"x"},1]`), 400}, {post(`{"title":"x","title":"y","title":null}`), 422}, {post(`{"title":"x","":1}`), 422}, {post("{\"title\":\"\xff\"}"), 400}, {post(`{"title":"a\u0000b"}`), 422},
		{post(`{"title":"x","stars":2147483648}`), 422}, {post(`{"title":"x","stars":-2147483649}`), 422}, {post(`{"title":"x","stars":1.5}`), 422}, {post(`{"title":"x","stars":1e400}`), 422}, {post(`{"title":"x","big":9223372036854775808}`), 422}, {post(`{"title":"x","big":1e400}`), 422}, {post(`{"title":"x","price":1e400000}`), 422}, {post(`{"title":"x","price":"NaN"}`), 422}, {post(`{"title":"x","ratio":1e400}`), 422},
		{post(`{"title":"x","ratio":NaN}`), 400}, {post(`{"title":"x","price":"Infinity"}`), 422}, {post(`{"title":"x","day":"2024-02-30"}`), 422}, {post(`{"title":"x","day":"300000-01-01"}`), 422}, {post(`{"title":"x","at":"2024-01-01T25:00:00Z"}`), 422}, {post(`{"title":"x","at":"99999-01-01T00:00:00Z"}`), 422}, {post(`{"title":"x","at":"infinity"}`), 422}, {post(`{"title":"x","key":"x"}`), 422},
		{post(`{"title":{}}`), 422}, {post(`{"title":[1]}`), 422}, {post(`{"title":true}`), 422}, {post(`{"title":"x","done":2}`), 422}, {post(`{"title":"x","stars":"1; drop"}`), 422}, {post(`{"title":"x","secret_":1}`), 422}, {post(`{"title":"x","id":1}`), 422}, {post(`{"title":"x","gone":null}`), 422}, {post(`{"title":"x","version":5}`), 422},
		{post(`{` + wide.String() + `"title":"x"}`), 422}, {post(strings.Repeat("[", 5000)), 400}, {post(`{"title":"x","info":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`), 400}, {post(`{"title":"` + strings.Repeat("x", 9_000_000) + `"}`), 413}, {post(`[` + many(20_000, `{"title":"x"}`) + `]`), 413},
		{"POST /notes <- title,nope\nx,1" + csv, 422}, {"POST /notes <- title\nx,1" + csv, 400}, {"POST /notes <- title\n\"x" + csv, 400}, {"POST /notes <- title,stars\nx,1e400" + csv, 422}, {"POST /notes <- title\n\x00" + csv, 422}, {"POST /notes <- x | Content-Type: text/plain", 415}, {"POST /notes <- {} | Content-Type: application/xml", 415},
		{"PATCH /notes?id=eq.3 <- {\"stars\":2147483648}", 422}, {"PATCH /notes/3 <- [1]", 400}, {"PUT /notes?id=eq.3 <- {\"id\":4,\"title\":\"x\"}", 400}, {"PUT /notes?id=gt.3 <- {\"id\":4,\"title\":\"x\"}", 405}, {"PUT /notes?id=eq.3&limit=1 <- {\"id\":3,\"title\":\"x\"}", 400},
		{"POST /notes?on_conflict=title <- {\"title\":\"x\"} | Prefer: resolution=merge-duplicates", 400}, {"POST /notes?on_conflict=nope <- {\"title\":\"x\"} | Prefer: resolution=merge-duplicates", 400}, {"POST /notes?on_conflict=secret <- {\"title\":\"x\"} | Prefer: resolution=merge-duplicates", 400}, {"POST /notes?columns=title,nope <- {\"title\":\"x\"}", 400},
		{"POST /notes?on_conflict=owner_id <- {\"title\":\"x\"} | Prefer: resolution=merge-duplicates", 400}, {"PATCH /notes?id=gt.0 <- {\"stars\":1} | Prefer: handling=strict, max-affected=0", 400}, {"DELETE /folders/3", 409}, {"TRACE /notes", 405}, {"POST /batch <- {}", 400}, {"POST /batch <- [1]", 400}, {"POST /batch <- [{}]", 400}, {probe("POST /batch <- [" + many(101, `{"method":"GET","path":"/notes"}`) + "]"), 400}, {`POST /batch <- [{"method":"POST","path":"/batch","body":[]}]`, 404}, {`POST /batch <- [{"method":"GET","path":"http://a/notes"}]`, 400}, {`POST /batch <- [{"method":"GET","path":"/vaults"}]`, 404}, {`POST /batch <- [{"method":"GET","path":"/notes/../vaults"}]`, 400},
		{`POST /batch <- [{"method":"GET","path":"/notes/${x.id}"}]`, 400}, {`POST /batch <- [{"method":"TRACE","path":"/notes"}]`, 400}, {`POST /batch <- [{"method":"PATCH","path":"/notes/3","body":{"stars":2147483648}}]`, 422}, {`POST /batch <- [{"method":"GET","path":"/notes","path":"/notes/1"}]`, 404}, {"QUERY /notes <- {}", 415},
	}
	twice := hostile{"POST /notes?on_conflict=slug <- [{\"title\":\"x\",\"slug\":\"same\"},{\"title\":\"y\",\"slug\":\"same\"}] | Prefer: resolution=merge-duplicates", 400}
	nul := hostile{post(`{"title":"x","info":{"a":"\u0000"}}`), 422}
	if db == "sqlite" {
		twice.status = 201 // the second one changes what the first one made
		nul.status = 201   // JSON has it, and so has SQLite's
	}
	return append(list, twice, nul)
}

// TestHostileRequests asks what no client should.
func TestHostileRequests(t *testing.T) { withstand(t, refused) }
