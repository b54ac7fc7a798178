package resource_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

func oneFacts() []fact {
	absent := wrong("404", "not_found", "there is no such row", "", "")
	return []fact{
		{"GET /books/5", 200, zen, jsonList + " | Content-Range: - | Vary: Accept, Prefer, Range"},
		{"GET /books/5?select=id,title", 200, `{"id":5,"title":"Zen"}`, jsonList},
		{"GET /books/1?select=id,author(name),reviews(stars)&reviews.order=stars", 200, `{"id":1,"author":{"name":"Ann"},"reviews":[{"stars":3},{"stars":5}]}`, ""},
		{"GET /books/5 | " + rowsAsked, 200, zen, "Content-Type: application/vnd.pgrst.object+json; charset=utf-8"},
		{"GET /books/3?select=id,pages | " + rowsAsked + ";nulls=stripped", 200, `{"id":3}`, ""},
		{"GET /books/3?select=id,pages | " + stripAsked, 200, `[{"id":3}]`, ""},
		{"GET /books/5?select=id,title | " + csvAsked, 200, "id,title\n5,Zen", "Content-Type: text/csv; charset=utf-8"},
		{"GET /books/5?title=eq.Zen&select=id", 200, `{"id":5}`, ""},
		{"GET /books/5?title=eq.Dune", 404, absent, "Content-Type: application/problem+json"},
		{"GET /books/9", 404, absent, ""},
		{"GET /books/9?select=id", 404, absent, ""},
		{"GET /books/abc", 404, absent, ""},
		{"GET /books/abc?select=id", 404, absent, ""},
		{"GET /books/5?select=secret", 400, `~"code":"42703"`, ""},
		{"GET /books/5?nope", 200, zen, ""},
		{"GET /books/5 | Accept: image/png", 406, `~"code":"PGRST107"`, ""},
		{"HEAD /books/5", 200, "~", jsonList},
		{"GET /books/1/reviews?select=id,stars&order=stars", 200, `[{"id":2,"stars":3},{"id":1,"stars":5}]`, "Content-Range: 0-1/*"},
		{"GET /books/1/reviews", 200, `[{"id":1,"stars":5,"text":"good","book_id":1},{"id":2,"stars":3,"text":"long","book_id":1}]`, "Content-Range: 0-1/*"},
		{"GET /books/1/reviews?id=eq.3", 200, `[]`, ""},
		{"GET /books/1/reviews?or=(id.eq.3,id.eq.1)&select=id", 200, `[{"id":1}]`, ""},
		{"GET /books/1/reviews?book_id=eq.4", 200, `[]`, ""},
		{"GET /books/1/reviews | " + exactly, 200, `~"id":2`, "Content-Range: 0-1/2"},
		{"GET /books/1/reviews?limit=1 | " + exactly, 206, `~"id":1`, "Content-Range: 0-0/2"},
		{"GET /books/9/reviews", 404, absent, ""},
		{"GET /books/9/reviews?select=id", 404, absent, ""},
		{"GET /books/1/reviews/3", 404, absent, ""},
		{"GET /books/4/reviews/3?select=stars", 200, `{"stars":4}`, ""},
	}
}

func ruleFacts() []fact {
	forbidden := wrong("403", "42501", "this is not allowed", "", "")
	absent := wrong("404", "not_found", "there is no such row", "", "")
	return []fact{
		{"GET /mine/books?select=id", 403, forbidden, ""},
		{"GET /mine/books", 403, forbidden, ""},
		{"GET /mine/books?select=id | X-User: 1", 200, `[{"id":1},{"id":2}]`, ""},
		{"GET /mine/books | X-User: 1", 200, `~"id":1~"id":2`, "Content-Range: 0-1/*"},
		{"GET /mine/books?limit=1&offset=1 | X-User: 2", 200, `~[{"id":4,`, "Content-Range: 1-1/*"},
		{"GET /mine/books?limit=1 | X-User: 1 | " + exactly, 206, `~"id":1`, "Content-Range: 0-0/2"},
		{"GET /mine/books?or=(id.eq.1,id.eq.3)&select=id | X-User: 1", 200, `[{"id":1}]`, ""},
		{"GET /mine/books?owner_id=eq.2&select=id | X-User: 1", 200, `[]`, ""},
		{"GET /mine/books/3 | X-User: 1", 404, absent, ""},
		{"GET /mine/books/3?select=id | X-User: 1", 404, absent, ""},
		{"GET /mine/books/1?select=id,author(name) | X-User: 1", 200, `{"id":1,"author":{"name":"Ann"}}`, ""},
		{"GET /mine/books/4/reviews | X-User: 1", 404, absent, ""},
		{"GET /mine/books/4/reviews?select=id | X-User: 2", 200, `[{"id":3}]`, ""},
		{"GET /mine/books/4/reviews | X-User: 2", 200, `[{"id":3,"stars":4,"text":null,"book_id":4}]`, ""},
		{"GET /ruled/books?select=id", 403, forbidden, ""},
		{"GET /ruled/books", 403, forbidden, ""},
		{"GET /ruled/books?select=id&limit=1 | X-User: librarian", 200, `[{"id":1}]`, ""},
		{"GET /ruled/books?limit=1 | X-User: librarian", 200, `~"id":1`, ""},
		{"GET /ruled/books/1", 200, `~"id":1`, ""},
		{"GET /ruled/books/1?select=id", 200, `{"id":1}`, ""},
		{"GET /ruled/books/2", 404, absent, ""},
		{"GET /ruled/books/2?select=id", 404, absent, ""},
		{"GET /ruled/cheap?select=id | X-User: 8", 200, `[{"id":2},{"id":4}]`, ""},
		{"GET /ruled/cheap | X-User: 6", 200, `~[{"id":2,`, "Content-Range: 0-0/*"},
		{"GET /ruled/cheap/1 | X-User: 6", 404, absent, ""},
		{"GET /ruled/cheap/2?select=id | X-User: 6", 200, `{"id":2}`, ""},
		{"GET /ruled/cheap?or=(id.eq.1,id.eq.2)&select=id | X-User: 6", 200, `[{"id":2}]`, ""},
	}
}

func cursorFacts() []fact {
	next := func(rest string) string { return "Link: </books?" + rest + `>; rel="next"` }
	bad := wrong("400", "PGRST100", "the cursor cannot be read", "", "Take `after` from the Link header of the page before.")
	return []fact{
		{"GET /books?select=id&limit=2", 200, `[{"id":1},{"id":2}]`, next("select=id&limit=2&after=WzJd")},
		{"GET /books?select=id&limit=2&after=WzJd", 200, `[{"id":3},{"id":4}]`, next("select=id&limit=2&after=WzRd")},
		{"GET /books?select=id&limit=2&after=WzRd", 200, `[{"id":5}]`, "Link: -"},
		{"GET /books?limit=2", 200, `~"id":1`, next("limit=2&after=WzJd")},
		{"GET /books?limit=2&offset=2", 200, `~"id":3`, next("limit=2&after=WzRd")},
		{"GET /books?limit=1&order=id.desc", 200, "[" + zen + "]", next("limit=1&order=id.desc&after=WzVd")},
		{"GET /books?limit=1&order=id.desc&after=WzVd&select=id", 200, `[{"id":4}]`, next("limit=1&order=id.desc&select=id&after=WzRd")},
		{"GET /books?select=id&order=pages.desc.nullslast&limit=2", 200, `[{"id":1},{"id":2}]`, next("select=id&order=pages.desc.nullslast&limit=2&after=WzMwMCwyXQ")},
		{"GET /books?select=id&order=pages.desc.nullslast&limit=2&after=WzMwMCwyXQ", 200, `[{"id":4},{"id":5}]`, next("select=id&order=pages.desc.nullslast&limit=2&after=WzI1MCw1XQ")},
		{"GET /books?select=id&order=pages.desc.nullslast&limit=2&after=WzI1MCw1XQ", 200, `[{"id":3}]`, "Link: -"},
		{"GET /books?select=id&order=title&limit=2", 200, `[{"id":1},{"id":2}]`, next("select=id&order=title&limit=2&after=WyJFbW1hIiwyXQ")},
		{"GET /books?select=id&limit=2&after=WzJd | " + exactly, 206, `[{"id":3},{"id":4}]`, "Content-Range: 0-1/5"},
		{"GET /few?select=id", 200, `[{"id":1},{"id":2}]`, `Link: </few?select=id&after=WzJd>; rel="next"`},
		{"GET /few", 200, `~"id":2`, `Link: </few?after=WzJd>; rel="next"`},
		{"GET /books?select=id,title&limit=1 | " + csvAsked, 200, "id,title\n1,Dune", next("select=id,title&limit=1&after=WzFd")},
		{"GET /books?limit=1 | " + rowsAsked, 200, `~{"id":1`, "Link: -"},
		{"GET /books?select=id&order=author(name),id&limit=1", 400, `~PGRST108`, ""},
		{"GET /books?select=id,author(name)&order=author(name)&limit=1", 200, `~"id":1`, "Link: -"},
		{"GET /books?select=pages,count()&limit=1&order=pages", 200, `~"count":2`, "Link: -"},
		{"GET /books?limit=0", 200, `[]`, "Link: -"},
		{"GET /books?after=!!", 400, bad, ""},
		{"GET /books?after=e30", 400, bad, ""},
		{"GET /books?after=W1sxXV0", 400, bad, ""},
		{"GET /books?after=" + strings.Repeat("A", 4000), 400, bad, ""},
		{"GET /books?after=WzEsMl0", 400, `~the cursor is not one of this order`, ""},
		{"GET /mine/books?after=WzBd&select=id | X-User: 1", 200, `[{"id":1},{"id":2}]`, ""},
	}
}

func queryFacts() []fact {
	const form = " | Content-Type: application/x-www-form-urlencoded"
	long := "select=id&id=in.(1,5" + strings.Repeat(",99", 20_000/2) + ")"
	return []fact{
		{"QUERY /books <- select=id&id=eq.1" + form, 200, `[{"id":1}]`, jsonList + " | Content-Location: -"},
		{"QUERY /books?limit=1 <- select=id&id=gt.1" + form, 200, `[{"id":2}]`, `Link: </books?limit=1&after=WzJd>; rel="next"`},
		{"QUERY /books?limit=1&after=WzJd <- select=id&id=gt.1" + form, 200, `[{"id":3}]`, ""},
		{"QUERY /books <- " + long[:20_000] + ")" + form, 200, `[{"id":1},{"id":5}]`, ""},
		{"QUERY /books <- " + "select=id&limit=1" + form + " | " + exactly, 206, `[{"id":1}]`, "Content-Range: 0-0/5"},
		{"QUERY /books <- secret=eq.1" + form, 400, `~"code":"42703"`, ""},
		{"QUERY /books <- {}", 415, `~"code":"unsupported"`, "Accept-Query: application/x-www-form-urlencoded"},
		{"QUERY /books", 415, `~"code":"unsupported"`, ""},
		{"QUERY /books/1 <- select=id" + form, 405, "~", ""},
		{"QUERY /mine/books <- select=id" + form + " | X-User: 2", 200, `[{"id":3},{"id":4},{"id":5}]`, ""},
		{"QUERY /mine/books <- select=id" + form, 403, `~"code":"42501"`, ""},
		{"QUERY /books/1/reviews <- select=id" + form, 200, `[{"id":1},{"id":2}]`, ""},
		{"OPTIONS /shelves", 204, "", "Allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY"},
	}
}

func tagFacts() []fact {
	return []fact{
		{"GET /books/5 | If-None-Match: *", 304, "", "Content-Type: -"},
		{"GET /books | If-None-Match: *", 304, "", "Content-Range: -"},
		{`GET /books/5 | If-None-Match: "other"`, 200, zen, ""},
		{`GET /books/9 | If-None-Match: *`, 404, `~not_found`, "Etag: -"},
		{`GET /books?nope=eq.1 | If-None-Match: *`, 400, `~42703`, "Etag: -"},
	}
}

// An answer has a tag by which it is asked for again only when it changed.
func TestTags(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, library, db.URL(t))
			fill(t, a)
			for _, path := range []string{"/books/1", "/books/1?select=id,title", "/books", "/books?select=id,title"} {
				first := apptest.Request(a, "GET", path, "").Header().Get("ETag")
				if weak := strings.HasPrefix(first, "W/"); first == "" || weak != !strings.Contains(path, "/1") {
					t.Errorf("GET %s: ETag %q", path, first)
				}
				again := apptest.Request(a, "GET", path, "", "If-None-Match: \"x\", "+first)
				if again.Code != 304 || again.Body.Len() > 0 || again.Header().Get("ETag") != first || again.Header().Get("Vary") == "" {
					t.Errorf("GET %s again: %d %s, %v", path, again.Code, again.Body, again.Header())
				}
				if head := apptest.Request(a, "HEAD", path, ""); head.Header().Get("ETag") != first {
					t.Errorf("HEAD %s: ETag %q, want %q", path, head.Header().Get("ETag"), first)
				}
				apptest.Request(a, "PATCH", "/books/1", `{"title":"`+path+`"}`)
				if changed := apptest.Request(a, "GET", path, "", "If-None-Match: "+first); changed.Code != 200 || changed.Header().Get("ETag") == first {
					t.Errorf("GET %s after a change: %d, ETag %q", path, changed.Code, changed.Header().Get("ETag"))
				}
			}
		})
	}
}

// A row's tag is made of its version where it has one, and its rules hold.
func TestVersionTags(t *testing.T) {
	const manifest = `version: 1
name: versions
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  note: {table: notes, fields: {text: {type: string}, version: {type: bigint, writable: false}, gone_at: {type: datetime, writable: false}, owner_id: {type: bigint}}}
pipelines: {known: [{assign: {me: "${request.headers['x-user'] ?? nil}"}}]}
scopes:
  - pipe_through: known
    routes:
      - resources: /notes
        schema: note
        owner: {owner_id: "${me}"}
        version: version
        soft_delete: gone_at
`
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			versions := []string{"version"}
			if db.Name == "postgres" {
				versions = append(versions, "xmin")
			}
			for _, version := range versions {
				a := apptest.Compile(t, strings.Replace(manifest, "version: version\n", "version: "+version+"\n", 1), db.URL(t))
				for range 2 {
					apptest.Request(a, "POST", "/notes", `{"text":"a"}`, "X-User: 1")
				}
				first := apptest.Request(a, "GET", "/notes/1", "", "X-User: 1").Header().Get("ETag")
				if chosen := apptest.Request(a, "GET", "/notes/1?select=text", "", "X-User: 1").Header().Get("ETag"); !strings.HasPrefix(first, `"v`) || chosen != first {
					t.Errorf("%s: ETag %q, of chosen columns %q", version, first, chosen)
				}
				apptest.Request(a, "PATCH", "/notes/1", `{"text":"b"}`, "X-User: 1")
				judge(t, a, fact{"GET /notes/1 | X-User: 1 | If-None-Match: " + first, 200, `~"text":"b"`, ""})
				judge(t, a, fact{"DELETE /notes/1 | X-User: 1", 204, "", ""})
				for _, f := range []fact{
					{"GET /notes/1 | X-User: 1", 404, "~not_found", ""}, {"GET /notes/1?select=id | X-User: 1", 404, "~not_found", ""},
					{"GET /notes?select=id | X-User: 1 | " + exactly, 200, `[{"id":2}]`, "Content-Range: 0-0/1"},
					{"GET /notes?select=id&or=(id.eq.1,id.eq.2) | X-User: 1", 200, `[{"id":2}]`, ""}, {"GET /notes | X-User: 1", 200, `~[{"id":2,`, "Content-Range: 0-0/*"},
				} {
					judge(t, a, f)
				}
			}
		})
	}
}

// The rule of a list holds where rows are embedded, also in rows of their own kind; and that
// of the table between two.
func TestRulesOfEmbedded(t *testing.T) {
	const manifest = `version: 1
name: embeds
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  node: {table: nodes, fields: {name: {type: string}, parent_id: {references: node}}}
  group: {table: groups, fields: {name: {type: string}}}
  member: {table: members, fields: {node_id: {references: node}, group_id: {references: group}}}
  friendship: {table: friendships, fields: {node_id: {references: node}, friend_id: {references: node}}}
pipelines: {known: [{assign: {me: "${request.headers['x-user'] ?? nil}"}}]}
scopes:
  - path: /all
    routes:
      - {resources: /nodes, schema: node, public: true}
      - {resources: /groups, schema: group, public: true}
      - {resources: /members, schema: member, public: true}
      - {resources: /friendships, schema: friendship, public: true}
  - pipe_through: known
    routes:
      - resources: /nodes
        schema: node
        allow: {index: me == 'boss', show: true, write: true}
        embed: [parent, groups, nodes, friend]
      - {resources: /groups, schema: group, public: true}
      - {resources: /members, schema: member, where: group_id <> 2}
      - {resources: /friendships, schema: friendship, public: true}
`
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, manifest, db.URL(t))
			for _, row := range []string{`nodes {"name":"a"}`, `nodes {"name":"b","parent_id":1}`, `groups {"name":"x"}`, `groups {"name":"y"}`, `members {"node_id":2,"group_id":1}`, `members {"node_id":2,"group_id":2}`, `friendships {"node_id":1,"friend_id":2}`} {
				path, body, _ := strings.Cut(row, " ")
				judge(t, a, fact{"POST /all/" + path + " <- " + body, 201, "", ""})
			}
			for _, f := range []fact{
				{"GET /nodes/2?select=name", 200, `{"name":"b"}`, ""},
				{"GET /nodes/2?select=name,parent(name)", 403, "~42501", ""},
				{"GET /nodes/2?select=name,parent(name) | X-User: boss", 200, `{"name":"b","parent":{"name":"a"}}`, ""},
				{"GET /nodes?select=name,parent(name) | X-User: boss", 200, `[{"name":"a","parent":null},{"name":"b","parent":{"name":"a"}}]`, ""},
				{"GET /nodes/1?select=name,nodes(name),friend(name) | X-User: boss", 200, `{"name":"a","nodes":[{"name":"b"}],"friend":[{"name":"b"}]}`, ""},
				{"GET /nodes/2?select=name,friend(name) | X-User: boss", 200, `{"name":"b","friend":[]}`, ""},
				{"GET /nodes/1?select=name,nodes(name)", 403, "~42501", ""},
				{"GET /nodes/1?select=name,nodes!parent_id(name) | X-User: boss", 200, `{"name":"a","nodes":[{"name":"b"}]}`, ""},
				{"PATCH /nodes/2?select=name,parent(name) <- {\"name\":\"c\"} | Prefer: return=representation", 403, "~42501", ""},
				{"GET /nodes/2?select=name", 200, `{"name":"b"}`, ""},
				{"GET /nodes/2?select=name,groups(name)", 200, `{"name":"b","groups":[{"name":"x"}]}`, ""},
				{"GET /nodes/2?select=name,groups!inner(name)&groups.name=eq.y", 404, "~not_found", ""},
			} {
				t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
			}
		})
	}
}
