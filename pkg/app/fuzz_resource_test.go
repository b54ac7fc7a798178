package app_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// FuzzResource asks a resource on SQLite whatever a grammar of the dialect makes of random
// bytes, with a text of no grammar between, and requests as they are written. There is no
// fault of ours, no statement on other tables, and nothing of ada's in an answer to eve.
func FuzzResource(f *testing.F) { fuzzResource(f, "sqlite::memory:") }

// FuzzResourcePostgres is FuzzResource on Postgres.
func FuzzResourcePostgres(f *testing.F) { fuzzResource(f, apptest.Postgres(f)) }

func fuzzResource(f *testing.F, database string) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		rolls := make([]byte, 10+random.IntN(70))
		for i := range rolls {
			rolls[i] = byte(random.Uint32())
		}
		f.Add(rolls, payloads()[random.IntN(len(payloads())-1)], "")
	}
	for i, p := range append(reads(), writes()...) {
		if i%9 == 0 {
			f.Add([]byte{}, "", string(p))
		}
	}
	a, r := opened(quiet{f}, notebook, database, notes()...)
	before, asked := adasRows(quiet{f}, a), 0
	r.taken()
	f.Fuzz(func(t *testing.T, rolls []byte, wild, written string) {
		if len(rolls)+len(wild)+len(written) > 4096 || strings.Contains(wild, "adamark") || strings.Contains(written, "adamark") && !strings.HasPrefix(written, "GET ") {
			return // what eve writes is not ada's
		}
		p := probe(written)
		if written == "" {
			p = (&dice{rolls, wild}).request()
		}
		request := p.request()
		if request == nil {
			return
		}
		if asked++; asked%300 == 0 {
			renew(t, a, r)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, request)
		withstood(t, p, answer{w.Code, w.Header(), w.Body.String()}, r)
		if request.Method == http.MethodGet || request.Method == http.MethodHead {
			return
		}
		if after := adasRows(t, a); after != before {
			t.Errorf("%s: ada's rows are\n%s\nand were\n%s", p, after, before)
		}
		r.taken()
	})
}

// quiet keeps the log of an App out of a fuzz target, which it is not allowed in.
type quiet struct{ testing.TB }

func (quiet) Log(...any) {}

// renew puts back what is eve's.
func renew(t *testing.T, a *app.App, r *recorder) {
	t.Helper()
	const at = "'2024-01-01T00:00:00.000000Z'"
	for _, sql := range []string{
		"delete from taggings where note_id > 2", "delete from remarks where note_id > 2", "update notes set parent_id = null where id > 2", "delete from notes where id > 2", "delete from tags where id > 2", "delete from folders where id > 2", "delete from idempotency_keys",
		"insert into folders (id, name, owner_id) values (3, 'eve folder', 2), (4, 'eve other', 2)", "insert into tags (id, name, owner_id) values (3, 'eve tag', 2)",
		"insert into notes (id, title, slug, stars, info, owner_id, version, folder_id, inserted_at, updated_at) values (3, 'eve one', 'eve-1', 3, '{\"k\":[1]}', 2, 1, 3, " + at + ", " + at + "), (4, 'eve two', null, null, null, 2, 1, null, " + at + ", " + at + ")",
		"insert into taggings (note_id, tag_id) values (3, 3)", "insert into remarks (text, note_id) values ('eve remark', 3)",
	} {
		if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	r.taken()
}

// request is the probe as eve sends it; nil where no HTTP server would take it.
func (p probe) request() *http.Request {
	parts := strings.Split(string(p), " | ")
	line, body, _ := strings.Cut(parts[0], " <- ")
	method, target, _ := strings.Cut(line, " ")
	u, err := url.ParseRequestURI(target)
	if err != nil || !strings.HasPrefix(target, "/") || strings.ContainsFunc(target, unicode.IsSpace) {
		return nil
	}
	switch method {
	case "GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "QUERY", "OPTIONS":
	default:
		return nil
	}
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL, r.RequestURI = u, target
	if body == "" {
		r.Body = http.NoBody
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range parts[1:] {
		name, text, ok := strings.Cut(h, ": ")
		if !ok || strings.ContainsFunc(text, unicode.IsControl) || strings.EqualFold(name, "X-User") || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r != '-' && (r > 'z' || !unicode.IsLetter(r)) }) {
			return nil
		}
		r.Header.Set(name, text)
	}
	r.Header.Set("X-User", "2")
	return r
}

// dice choose by bytes, and know one text that follows no grammar.
type dice struct {
	rolls []byte
	wild  string
}

// roll gives a number below n; 0 when no bytes are left.
func (d *dice) roll(n int) int {
	if len(d.rolls) == 0 {
		return 0
	}
	b := d.rolls[0]
	d.rolls = d.rolls[1:]
	return int(b) % n
}

func (d *dice) of(list ...string) string { return list[d.roll(len(list))] }

// maybe gives s in one of n.
func (d *dice) maybe(n int, s string) string {
	if d.roll(n) == 1 {
		return s
	}
	return ""
}

func (d *dice) column() string {
	return d.of("id", "title", "stars", "price", "ratio", "at", "day", "info", "done", "key", "owner_id", "secret", "folder_id", "parent_id", "version", "gone", "name", "text", "info->k", "info->>k", "info->k->0", "info->-1", d.wild, `"`+d.wild+`"`)
}

func (d *dice) value() string {
	return d.of("1", "3", "null", "true", "*a*", "(1,3)", "{1,3}", "(Adamark-1,eve-1)", "2024-01-01", "1.5", "-1", "9223372036854775808", "1e400", "NaN", "Adamark-1", "[1,2)", `{"k":1}`, `"`, "", d.wild, d.wild)
}

func (d *dice) operator() string {
	return d.maybe(4, "not.") + d.of("eq", "neq", "gt", "lt", "gte", "lte", "in", "is", "like", "ilike", "match", "imatch", "isdistinct", "cs", "cd", "ov", "sl", "adj", "fts", "plfts", "wfts(english)", "eq(any)", "like(all)", "ilike(any)", "fts("+d.wild+")", d.wild)
}

func (d *dice) relation() string {
	return d.of("folder", "parent", "notes", "remarks", "tags", "note", "tag", "folders", "folder!inner", "tags!left", "notes!parent_id", "taggings", "vaults", d.wild)
}

func (d *dice) tree(depth int) string {
	if depth == 0 || d.roll(3) > 0 {
		return d.column() + "." + d.operator() + "." + d.value()
	}
	return d.maybe(3, "not.") + d.of("and", "or") + "(" + d.tree(depth-1) + "," + d.tree(depth-1) + ")"
}

func (d *dice) selects(depth int) string {
	var items []string
	for range 1 + d.roll(3) {
		switch kind := d.roll(7); {
		case kind == 0:
			items = append(items, "*")
		case kind < 3 && depth > 0:
			items = append(items, d.maybe(4, d.of("x:", d.wild+":"))+d.maybe(4, "...")+d.relation()+"("+d.selects(depth-1)+")")
		case kind == 3:
			items = append(items, d.of("count()", d.column()+"."+d.of("sum", "avg", "min", "max", "count", d.wild)+"()"+d.maybe(4, "::text")))
		default:
			items = append(items, d.maybe(5, d.of("y:", d.wild+":"))+d.column()+d.maybe(5, "::"+d.of("text", "int", "json", "date", "numeric", d.wild)))
		}
	}
	return strings.Join(items, ",")
}

func (d *dice) parameter() string {
	pair := func(k, v string) string { return url.QueryEscape(k) + "=" + url.QueryEscape(v) }
	switch d.roll(11) {
	case 0, 1:
		return pair(d.column(), d.operator()+"."+d.value())
	case 2, 3:
		return pair("select", d.selects(3))
	case 4:
		return pair(d.maybe(3, d.relation()+".")+"order", d.of(d.column(), d.relation()+"("+d.column()+")")+d.of("", ".desc", ".asc.nullslast", "."+d.wild))
	case 5:
		return pair(d.maybe(3, d.relation()+".")+d.maybe(3, "not.")+d.of("or", "and"), "("+d.tree(3)+","+d.tree(2)+")")
	case 6:
		return pair(d.relation()+"."+d.column(), d.operator()+"."+d.value())
	case 7:
		return pair(d.relation(), d.of("is.null", "not.is.null"))
	case 8:
		return pair(d.maybe(3, d.relation()+".")+d.of("limit", "offset"), d.value())
	case 9:
		return pair(d.of("after", "on_conflict", "columns"), d.of("WzBd", "slug", "id", "title,stars", d.column(), d.wild))
	}
	return d.of(d.wild, url.QueryEscape(d.wild)+"="+d.wild)
}

func (d *dice) query() string {
	var list []string
	for range d.roll(5) {
		list = append(list, d.parameter())
	}
	return strings.Join(list, "&")
}

func (d *dice) json() string {
	text, _ := json.Marshal(d.value()) // texts always can be
	return d.of(string(text), string(text), "1", "null", "true", "2147483648", "1e400", `{"k":`+string(text)+"}", "[1]", `[{"text":`+string(text)+"}]", d.wild)
}

func (d *dice) object() string {
	pairs := []string{`"title":` + d.json()}
	for range d.roll(4) {
		key, _ := json.Marshal(d.of(d.column(), "remarks", "slug", d.wild))
		pairs = append(pairs, string(key)+":"+d.json())
	}
	return "{" + strings.Join(pairs[d.roll(2):], ",") + "}"
}

func (d *dice) path() string {
	return d.of("/notes", "/notes", "/notes", "/notes/3", "/notes/1", "/notes/1/remarks", "/notes/3/remarks", "/notes/3/remarks/"+d.of("1", "3"), "/folders", "/folders/1", "/tags", "/taggings", "/remarks", "/judged/notes/"+d.of("1", "3"), "/notes/"+url.PathEscape(d.wild))
}

// batch makes a few requests of one transaction, which know each other's answers.
func (d *dice) batch() probe {
	var steps []string
	for range 1 + d.roll(3) {
		path, _ := json.Marshal(d.of(d.path(), d.path()+"?"+d.query(), "/notes/${a.id}", "/notes?id=eq.${a.id}&"+d.query()))
		step := `{"method":"` + d.of("GET", "POST", "PATCH", "DELETE", "PUT") + `","path":` + string(path)
		steps = append(steps, step+d.of("", `,"as":"a"`, `,"as":`+d.json())+d.of("", `,"body":`+d.object(), `,"body":{"title":"${a.id} ${a.title}"}`, `,"body":[`+d.object()+`]`, `,"prefer":`+d.json(), `,"if_match":`+d.json())+"}")
	}
	return probe("POST /batch <- [" + strings.Join(steps, ",") + "]")
}

// request makes one of the dialect, more or less.
func (d *dice) request() probe {
	method := d.of("GET", "GET", "GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "QUERY")
	if d.roll(12) == 1 {
		return d.batch()
	}
	line, headers := method+" "+d.path()+"?"+d.query(), ""
	switch method {
	case "POST", "PATCH", "PUT":
		body := d.of(d.object(), d.object(), "["+d.object()+","+d.object()+"]", d.wild)
		if d.roll(6) == 1 {
			body, headers = d.column()+",title\n"+d.value()+","+d.value(), " | Content-Type: text/csv"
		}
		line += " <- " + body
	case "QUERY":
		line, headers = line+" <- "+d.query(), " | Content-Type: application/x-www-form-urlencoded"
	}
	for range d.roll(4) {
		headers += " | " + d.of("Prefer: return=representation", "Prefer: count="+d.of("exact", "planned", "estimated"), "Prefer: resolution="+d.of("merge", "ignore")+"-duplicates", "Prefer: resolution=merge-duplicates, return=representation, missing=default", "Prefer: handling=strict, max-affected="+d.value(), "Prefer: tx=rollback",
			"Accept: application/vnd.pgrst.object+json", "Accept: text/csv", "Accept: application/vnd.pgrst.array+json;nulls=stripped", "Range: 0-"+d.value(), "If-Match: *", `If-Match: "v1"`, "If-None-Match: *", "Idempotency-Key: k"+d.value(), "Prefer: "+d.wild, "Accept: "+d.wild, "Content-Type: "+d.wild)
	}
	return probe(line + headers)
}
