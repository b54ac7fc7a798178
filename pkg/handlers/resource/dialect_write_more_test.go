package resource_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// Many rows are written, by several statements where one takes no more values, all or none.
func TestWriteManyRows(t *testing.T) {
	const rows = 9000
	list := func(last string) string {
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, `{"title":"t%d","isbn":"i%d","code":"c","state":"out","author_id":null},`, i, i)
		}
		return "[" + b.String() + last + "]"
	}
	last := func(isbn string) string {
		return `{"title":"last","isbn":"` + isbn + `","code":"c","state":"out","author_id":null}`
	}
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a, _ := openRuled(t, db)
			for i, s := range []step{
				{"POST /books", list(last("i1")), nil, 422, "~taken", ""},
				{"GET /books?limit=1", "", prefer("count=exact"), 200, "[]", "Content-Range: */0"},
				{"POST /books", list(last("last")), prefer("count=exact"), 201, "", "Content-Range: */9001"},
				{"GET /books?select=isbn&order=id.desc&limit=1", "", nil, 200, `[{"isbn":"last"}]`, ""},
				{"DELETE /books?id=gt.0", "", nil, 204, "", ""},
				{"POST /books?select=title", list(last("last")), prefer(rep), 201, `~{"title":"t0"},{"title":"t1"},`, ""},
				{"POST /books", "[" + strings.Repeat("{},", 10_000) + "{}]", nil, 413, "~more than 10000 rows", ""},
			} {
				s.body = strings.TrimSpace(s.body)
				s.try(t, a, i)
			}
		})
	}
}

// Of requests with one key that come at once, one writes; the others get its answer, or are
// told that it is under way.
func TestOneKeyAtOnce(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a, _ := openRuled(t, db)
			const callers = 12
			var all sync.WaitGroup
			codes := make(chan int, callers)
			for range callers {
				all.Go(func() {
					w := apptest.Request(a, "POST", "/once", `{"title":"A"}`, ann, "Idempotency-Key: k")
					if w.Code == http.StatusCreated && w.Header().Get("Location") != "/once/1" {
						t.Errorf("Location is %q", w.Header().Get("Location"))
					}
					codes <- w.Code
				})
			}
			all.Wait()
			close(codes)
			for code := range codes {
				if code != http.StatusCreated && code != http.StatusConflict {
					t.Errorf("status %d, want 201 or 409", code)
				}
			}
			step{"GET /books?select=id", "", nil, 200, `[{"id":1}]`, ""}.try(t, a, 0)
		})
	}
}

// A write that was sent and whose answer never came has a code of its own.
func TestUnknownOutcome(t *testing.T) {
	db := apptest.Databases()[1]
	a, _ := openRuled(t, db)
	execute(t, a, `create function die() returns trigger language plpgsql as $$ begin
		if new.title = 'die' then perform pg_terminate_backend(pg_backend_pid()); end if; return new; end $$`)
	execute(t, a, `create trigger die before insert or update on books for each row execute function die()`)
	for i, s := range []step{
		{"POST /books", `{"title":"A"}`, nil, 201, "", ""},
		{"POST /books", `{"title":"die"}`, nil, 503, `~"code":"unknown_outcome"`, "Retry-After:\nContent-Type: application/problem+json"},
		{"PATCH /books/1", `{"title":"die"}`, nil, 503, `~"code":"unknown_outcome"`, "Retry-After:"},
		{"PATCH /books?id=eq.1", `{"title":"die"}`, prefer("tx=rollback"), 503, `~"code":"un`, ""},
		{"POST /books?select=id", `[{"title":"die"}]`, prefer(rep), 503, `~"code":"unknown_outcome"`, ""},
		{"GET /books?select=title", "", nil, 200, `[{"title":"A"}]`, ""},
	} {
		s.try(t, a, i)
	}
}

// Hostile bodies and filters are refused: never a 500.
func TestHostileWrites(t *testing.T) {
	hostile := []struct{ request, body, kind string }{
		{"POST /items", `{"name":"a\u0000b"}`, ""},
		{"POST /items", "{\"name\":\"\xff\"}", ""},
		{"POST /items", strings.Repeat("[", 20000), ""},
		{"POST /items", `{"data":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, ""},
		{"POST /items", `{"id":1e400}`, ""},
		{"POST /items", `{"id":99999999999999999999}`, ""},
		{"POST /items", `{"id":{"a":1}}`, ""},
		{"POST /items", `{"id":[1]}`, ""},
		{"POST /items", `{"n\" = 1; --":1}`, ""},
		{"POST /items?columns=\"id\",\"n\\\"\"", `{"id":1}`, ""},
		{"POST /items?select=id;drop", `{"id":1}`, ""},
		{"POST /items?on_conflict=id\"", `{"id":1}`, ""},
		{"POST /loose", "a,b\n\"x", "text/csv"},
		{"POST /loose", "a,b\nx\x00,\xff", "text/csv"},
		{"POST /loose", "a,a\nx,y", "text/csv"},
		{"POST /loose", "nope\nx", "text/csv"},
		{"PATCH /items?id=eq.abc", `{"n":1}`, ""},
		{"PATCH /items?id=in.(1,x)", `{"n":1}`, ""},
		{"PATCH /items?name=match.[", `{"n":1}`, ""},
		{"PATCH /items?name=fts(nolang).x", `{"n":1}`, ""},
		{"PATCH /items?id=eq.1", `{"n":"x"}`, ""},
		{"PATCH /items/1", `{"n":{"a":1}}`, ""},
		{"PATCH /items/1", `{"data":"a\u0000"}`, ""},
		{"PATCH /items/1", `[]`, ""},
		{"DELETE /items?id=eq.abc", "", ""},
		{"DELETE /items?data->>x=eq.1", "", ""},
		{"DELETE /items?or=(id.eq.1,", "", ""},
		{"PUT /langs?name=eq.%00", `{"name":"\u0000"}`, ""},
		{"PUT /items?id=eq.abc", `{"id":"abc"}`, ""},
	}
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a, _ := openFound(t, db)
			for _, h := range hostile {
				method, path, _ := strings.Cut(h.request, " ")
				headers := []string{"Content-Type: application/json"}
				if h.kind != "" {
					headers[0] = "Content-Type: " + h.kind
				}
				path = strings.NewReplacer(`"`, "%22", `\`, "%5C", " ", "%20", ";", "%3B", "[", "%5B", ">", "%3E").Replace(path)
				if w := apptest.Request(a, method, path, h.body, headers...); w.Code >= http.StatusInternalServerError {
					t.Errorf("%s %.60q: status %d\n%s", h.request, h.body, w.Code, w.Body)
				}
			}
		})
	}
}

const guarded = `version: 1
name: guarded
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  folder: {table: folders, fields: {name: {type: string}, owner_id: {type: bigint}, folder_id: {references: folder}}}
  note: {table: notes, fields: {text: {type: string}, folder_id: {references: folder}, owner_id: {type: bigint}}}
  line: {table: lines, fields: {text: {type: string}, note_id: {references: note}, folder_id: {references: folder}}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - pipe_through: known
    routes:
      - resources: /folders
        schema: folder
        owner: {owner_id: "${me}"}
      - resources: /notes
        schema: note
        owner: {owner_id: "${me}"}
        routes:
          - resources: /lines
            schema: line
`

// A row that is out of reach cannot be referred to, and is not told apart from one that is
// not there.
func TestReferencesStayInReach(t *testing.T) {
	const missing = `~"errors":{"folder_id":["does not exist"]}`
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, guarded, db.URL(t))
			for i, s := range []step{
				{"POST /folders", `{"name":"ann's"}`, []string{ann}, 201, "", ""},
				{"POST /folders", `{"name":"bob's"}`, []string{bob}, 201, "", ""},
				{"POST /notes", `{"text":"a","folder_id":1}`, []string{ann}, 201, "", ""},
				{"POST /notes", `{"text":"a","folder_id":2}`, []string{ann}, 422, missing, ""},
				{"POST /notes", `{"text":"a","folder_id":77}`, []string{ann}, 422, missing, ""},
				{"POST /notes", `{"text":"a","folder_id":null}`, []string{ann}, 201, "", ""},
				{"POST /notes", `[{"text":"a","folder_id":1},{"text":"b","folder_id":2}]`, []string{ann}, 422, `~"errors":{"1.folder_id":["does not exist"]}`, ""},
				{"PATCH /notes/1", `{"folder_id":2}`, []string{ann}, 422, missing, ""},
				{"PATCH /notes/1", `{"folder_id":77}`, []string{ann}, 422, missing, ""},
				{"PATCH /notes?id=gt.0", `{"folder_id":2}`, []string{ann}, 422, missing, ""},
				{"PATCH /notes?id=gt.0", `{"folder_id":1}`, []string{ann}, 204, "", ""},
				{"POST /notes", `{"id":1,"text":"x","folder_id":2}`, append(prefer(merge), ann), 422, missing, ""},
				{"POST /folders", `{"name":"below","folder_id":2}`, []string{ann}, 422, missing, ""},
				{"POST /folders", `{"name":"below","folder_id":1}`, []string{ann}, 201, "", ""},
				{"POST /notes", `{"text":"l","lines":[{"text":"x","folder_id":2}]}`, []string{ann}, 422, `~"lines.0.folder_id":["does not exist"]`, ""},
				{"POST /notes/1/lines", `{"text":"x","folder_id":2}`, []string{ann}, 422, missing, ""},
				{"DELETE /folders/2", "", []string{bob}, 204, "", ""},
			} {
				s.try(t, a, i)
			}
		})
	}
}
