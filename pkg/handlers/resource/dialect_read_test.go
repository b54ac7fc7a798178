package resource_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// library is what the tests of reading read: five books of two authors, with their reviews
// and shelves.
const library = `version: 1
name: library
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  author: {table: authors, fields: {name: {type: string, required: true}, email: {type: string, hidden: true}, born: {type: date}}}
  book:
    table: books
    fields:
      title:     {type: string, required: true}
      pages:     {type: integer}
      price:     {type: decimal}
      lent:      {type: boolean}
      at:        {type: datetime}
      info:      {type: json}
      secret:    {type: string, hidden: true}
      author_id: {references: author}
      owner_id:  {type: bigint}
  review:
    table: reviews
    fields: {stars: {type: integer}, text: {type: text}, book_id: {references: book}}
  shelf: {table: shelves, fields: {name: {type: string}}}
  placing: {table: placings, fields: {book_id: {references: book}, shelf_id: {references: shelf}}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - routes:
      - resources: /books
        schema: book
        public: true
        aggregates: true
        embed: [author, reviews, shelves]
        routes:
          - resources: /reviews
            schema: review
      - resources: /authors
        schema: author
        public: true
        embed: [books]
      - resources: /shelves
        schema: shelf
        public: true
      - resources: /placings
        schema: placing
        public: true
      - resources: /few
        schema: book
        public: true
        max_rows: 2
      - resources: /wrapped
        schema: book
        public: true
        wrap: data
  - path: /mine
    pipe_through: known
    routes:
      - resources: /books
        schema: book
        owner: {owner_id: "${me}"}
        embed: [{author: {public: true}}]
        routes:
          - resources: /reviews
            schema: review
  - path: /ruled
    pipe_through: known
    routes:
      - resources: /books
        schema: book
        only: [index, show]
        allow: {index: me == 'librarian', show: record.lent == true}
      - resources: /cheap
        schema: book
        where: price < ${me}
        only: [index, show]
`

// fill writes the library.
func fill(t testing.TB, a *app.App) {
	t.Helper()
	for _, row := range []string{
		`authors {"name":"Ann","email":"a@x","born":"1920-10-08"}`, `authors {"name":"Bob","email":"b@x"}`,
		`books {"title":"Dune","pages":412,"price":"9.99","lent":true,"at":"2024-01-01T10:00:00Z","info":{"lang":"en","n":[1,2]},"author_id":1,"owner_id":1,"secret":"s1"}`,
		`books {"title":"Emma","pages":300,"price":"5.5","lent":false,"at":"2024-02-01T10:00:00.25Z","info":{"lang":"de"},"author_id":2,"owner_id":1}`,
		`books {"title":"a, \"b\"","owner_id":2}`,
		`books {"title":"Kim","pages":250,"price":"7.25","lent":true,"author_id":2,"owner_id":2}`,
		`books {"title":"Zen","pages":250,"price":"12","lent":false,"info":{"lang":"en"},"author_id":1,"owner_id":2}`,
		`books/1/reviews {"stars":5,"text":"good"}`, `books/1/reviews {"stars":3,"text":"long"}`, `books/4/reviews {"stars":4}`,
		`shelves {"name":"hall"}`, `shelves {"name":"attic"}`,
		`placings {"book_id":1,"shelf_id":1}`, `placings {"book_id":1,"shelf_id":2}`, `placings {"book_id":2,"shelf_id":1}`,
	} {
		path, body, _ := strings.Cut(row, " ")
		if w := apptest.Request(a, "POST", "/"+path, body); w.Code != 201 {
			t.Fatalf("POST %s: %d %s", row, w.Code, w.Body)
		}
	}
}

// A fact is one request and what must come back.
type fact struct {
	request string // METHOD URL, and headers behind it, each after " | "
	status  int
	want    string // the whole body; a part of it after "~"; several parts with "~" between
	header  string // headers that the answer has, "Name: value" with " | " between; "Name: -" is one it has not
}

func judge(t *testing.T, a *app.App, f fact) {
	t.Helper()
	parts := strings.Split(f.request, " | ")
	method, url, _ := strings.Cut(parts[0], " ")
	url, body, _ := strings.Cut(url, " <- ")
	w := apptest.Request(a, method, strings.ReplaceAll(url, " ", "%20"), body, parts[1:]...)
	got := dense(w.Body.Bytes())
	if w.Code != f.status {
		t.Errorf("status %d, want %d: %s", w.Code, f.status, got)
	}
	if rest, ok := strings.CutPrefix(f.want, "~"); ok {
		for part := range strings.SplitSeq(rest, "~") {
			if !strings.Contains(got, part) {
				t.Errorf("body %s\nwant in it %s", got, part)
			}
		}
	} else if got != f.want {
		t.Errorf("body\n%s\nwant\n%s", got, f.want)
	}
	if f.header == "" {
		return
	}
	for h := range strings.SplitSeq(f.header, " | ") {
		name, text, _ := strings.Cut(h, ": ")
		if text == "-" {
			text = ""
		}
		if w.Header().Get(name) != text {
			t.Errorf("%s is %q, want %q", name, w.Header().Get(name), text)
		}
	}
}

// dense is a body without the spaces of JSON, in which engines differ.
func dense(body []byte) string {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return string(body)
	}
	return out.String()
}

// TestReading holds reading to PostgREST's dialect, on both engines.
func TestReading(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, library, db.URL(t))
			fill(t, a)
			for _, f := range readFacts() {
				t.Run(f.request, func(t *testing.T) { judge(t, a, f) })
			}
		})
	}
}

const (
	jsonList   = "Content-Type: application/json; charset=utf-8"
	rowsAsked  = "Accept: application/vnd.pgrst.object+json"
	stripAsked = "Accept: application/vnd.pgrst.array+json;nulls=stripped"
	csvAsked   = "Accept: text/csv"
	exactly    = "Prefer: count=exact"
	zen        = `{"id":5,"title":"Zen","pages":250,"price":12,"lent":false,"at":null,"info":{"lang":"en"},"author_id":1,"owner_id":2}`
)

func wrong(status, code, message, details, hint string) string {
	part := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	return `~"code":"` + code + `","message":` + part(message) + `,"details":` + part(details) + `,"hint":` + part(hint) + "~" + status
}

func readFacts() []fact {
	var all []fact
	for _, list := range [][]fact{pageFacts(), rangeFacts(), countFacts(), mediaFacts(), selectFacts(), filterFacts(), embedFacts(), oneFacts(), ruleFacts(), cursorFacts(), tagFacts(), queryFacts()} {
		all = append(all, list...)
	}
	return all
}

func pageFacts() []fact {
	return []fact{
		{"GET /books?select=id", 200, `[{"id":1},{"id":2},{"id":3},{"id":4},{"id":5}]`, "Content-Range: 0-4/* | " + jsonList + " | Content-Location: /books?select=id"},
		{"GET /books", 200, `~[{"id":1,"title":"Dune","pages":412,"price":9.99,"lent":true,"at":"2024-01-01T10:00:00+00:00"~` + zen + `]`, "Content-Range: 0-4/* | Content-Location: /books | Vary: Accept, Prefer, Range | " + jsonList},
		{"GET /books?limit=1&offset=4", 200, "[" + zen + "]", "Content-Range: 4-4/* | Content-Location: /books?limit=1&offset=4"},
		{"GET /books?order=id.desc&limit=1", 200, "[" + zen + "]", "Content-Range: 0-0/*"},
		{"GET /books?order=id&offset=4", 200, "[" + zen + "]", "Content-Range: 4-4/*"},
		{"GET /books?order=id.asc&limit=1&offset=4", 200, "[" + zen + "]", "Content-Range: 4-4/*"},
		{"GET /books?offset=5", 200, "[]", "Content-Range: */*"},
		{"GET /books?offset=500", 200, "[]", "Content-Range: */*"},
		{"GET /books?limit=0", 200, "[]", "Content-Range: */*"},
		{"GET /books?select=id&limit=2", 200, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*"},
		{"GET /books?select=id&limit=2&limit=3", 200, `[{"id":1},{"id":2},{"id":3}]`, ""},
		{"GET /books?select=id&limit=x", 200, `~{"id":5}`, "Content-Range: 0-4/*"},
		{"GET /books?limit=-1", 416, wrong("416", "PGRST103", "Requested range not satisfiable", "Limit should be greater than or equal to zero.", ""), "Content-Type: application/problem+json"},
		{"GET /books?select=id&offset=-4", 200, `~{"id":1}`, "Content-Range: 0-4/*"},
		{"GET /books?select=id&limit=99999999999999999999", 200, `~{"id":5}`, "Content-Range: 0-4/*"},
		{"GET /books?b=eq.1&a=eq.1&select=id", 400, `~"code":"42703"`, ""},
		{"GET /books?title=eq.Zen&select=id", 200, `[{"id":5}]`, "Content-Location: /books?select=id&title=eq.Zen"},
		{"GET /few", 200, `~{"id":1,~{"id":2,`, "Content-Range: 0-1/*"},
		{"GET /few?limit=5&select=id", 200, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*"},
		{"GET /few?limit=1&select=id", 200, `[{"id":1}]`, "Content-Range: 0-0/*"},
		{"GET /few?select=id&offset=4", 200, `[{"id":5}]`, "Content-Range: 4-4/*"},
		{"GET /few?select=id | " + exactly, 206, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/5"},
		{"GET /wrapped?select=id&limit=2", 200, `{"data":[{"id":1},{"id":2}]}`, "Content-Range: 0-1/* | " + jsonList},
		{"GET /wrapped?limit=1&offset=4", 200, `{"data":[` + zen + `]}`, ""},
		{"GET /wrapped?offset=9", 200, `{"data":[]}`, ""},
		{"GET /wrapped/5", 200, `{"data":` + zen + `}`, ""},
		{"GET /wrapped/5?select=id", 200, `{"data":{"id":5}}`, ""},
		{"GET /wrapped?select=id&id=eq.5 | " + rowsAsked, 200, `{"id":5}`, ""},
		{"GET /wrapped?select=id&id=eq.5 | " + stripAsked, 200, `[{"id":5}]`, ""},
		{"GET /wrapped?select=id&id=eq.5 | Accept: application/vnd.pgrst.array+json", 200, `[{"id":5}]`, ""},
		{"GET /wrapped?select=id&id=eq.5 | " + csvAsked, 200, "id\n5", ""},
		{"GET /wrapped?nope=eq.1", 400, `~"code":"42703"`, ""},
	}
}

func rangeFacts() []fact {
	low := "The lower boundary must be lower than or equal to the upper boundary in the Range header."
	return []fact{
		{"GET /books?select=id | Range: 0-1", 200, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*"},
		{"GET /books?select=id | Range: 3-", 200, `[{"id":4},{"id":5}]`, "Content-Range: 3-4/*"},
		{"GET /books?select=id | Range: 0-0", 200, `[{"id":1}]`, "Content-Range: 0-0/*"},
		{"GET /books?select=id | Range: 3-100", 200, `[{"id":4},{"id":5}]`, "Content-Range: 3-4/*"},
		{"GET /books?select=id&limit=3 | Range: 0-1", 200, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/*"},
		{"GET /books | Range: 1-0", 416, wrong("416", "PGRST103", "Requested range not satisfiable", low, ""), ""},
		{"GET /books?select=id | Range: bytes=0-1", 200, `~{"id":5}`, "Content-Range: 0-4/*"},
		{"GET /books?select=id | Range: 0-1 | " + exactly, 206, `[{"id":1},{"id":2}]`, "Content-Range: 0-1/5 | Preference-Applied: count=exact"},
		{"GET /books?id=gt.9 | Range: 0-1", 200, `[]`, "Content-Range: */*"},
		{"GET /books?id=gt.9 | Range: 1-2 | " + exactly, 416, wrong("416", "PGRST103", "Requested range not satisfiable", "An offset of 1 was requested, but there are only 0 rows.", ""), "Content-Range: */0"},
		{"GET /books?offset=100 | " + exactly, 416, wrong("416", "PGRST103", "Requested range not satisfiable", "An offset of 100 was requested, but there are only 5 rows.", ""), "Content-Range: */5 | Preference-Applied: -"},
		{"HEAD /books?select=id&limit=3&offset=2", 200, "~", "Content-Range: 2-4/* | " + jsonList},
		{"HEAD /books?select=id | Range: 0-1", 200, "~", "Content-Range: 0-4/*"},
	}
}

func countFacts() []fact {
	return []fact{
		{"GET /books?select=id | " + exactly, 200, `~{"id":5}`, "Content-Range: 0-4/5 | Preference-Applied: count=exact"},
		{"HEAD /books | " + exactly, 200, "", "Content-Range: 0-4/5 | " + jsonList + " | Preference-Applied: count=exact"},
		{"HEAD /books?limit=2&offset=1 | " + exactly, 206, "", "Content-Range: 1-2/5"},
		{"HEAD /books?offset=5 | " + exactly, 206, "", "Content-Range: */5"},
		{"HEAD /books?offset=6 | " + exactly, 416, "~", "Content-Range: */5"},
		{"HEAD /books?id=gt.9 | " + exactly, 200, "", "Content-Range: */0"},
		{"HEAD /books | " + csvAsked + " | " + exactly, 200, "", "Content-Range: 0-4/5 | Content-Type: text/csv; charset=utf-8 | Vary: Accept, Prefer, Range"},
		{"HEAD /few | " + exactly, 206, "", "Content-Range: 0-1/5"},
		{"HEAD /books?select=nope | " + exactly, 400, "~42703", "Content-Range: -"},
		{"HEAD /books?select=count() | " + exactly, 206, "~", "Content-Range: 0-0/5"},
		{"GET /books?select=id&limit=2&offset=1 | " + exactly, 206, `[{"id":2},{"id":3}]`, "Content-Range: 1-2/5"},
		{"GET /books?limit=0 | " + exactly, 206, `[]`, "Content-Range: */5"},
		{"GET /books?id=gt.9 | " + exactly, 200, `[]`, "Content-Range: */0"},
		{"GET /books?select=id&offset=5 | " + exactly, 206, `[]`, "Content-Range: */5"},
		{"GET /books?select=id&id=gt.3&limit=1 | " + exactly, 206, `[{"id":4}]`, "Content-Range: 0-0/2"},
		{"GET /books?select=id | Prefer: count=estimated", 200, `~{"id":5}`, "Content-Range: 0-4/5 | Preference-Applied: count=estimated"},
		{"GET /books?select=id | Prefer: count=none", 200, `~{"id":5}`, "Content-Range: 0-4/* | Preference-Applied: -"},
		{"GET /books?select=id,reviews!inner(id)&limit=1 | " + exactly, 206, `[{"id":1,"reviews":[{"id":1},{"id":2}]}]`, "Content-Range: 0-0/2"},
		{"GET /books?select=count() | " + exactly, 206, `[{"count":5}]`, "Content-Range: 0-0/5"},
		{"GET /books?limit=1 | Prefer: count=exact, handling=strict | " + rowsAsked, 206, `~{"id":1,`, "Content-Range: 0-0/5 | Preference-Applied: count=exact, handling=strict"},
		{"GET /books?limit=1 | Prefer: handling=strict, anything", 400, wrong("400", "PGRST122", "Invalid preferences given with handling=strict", "Invalid preferences: anything", ""), ""},
		{"GET /books?limit=1 | Prefer: handling=lenient, anything", 200, `~"id":1`, "Preference-Applied: handling=lenient"},
		{"GET /books?limit=1 | Prefer: return=representation, resolution=merge-duplicates, max-affected=1, missing=default", 200, `~"id":1`, "Preference-Applied: -"},
	}
}

func mediaFacts() []fact {
	none := func(types string) string {
		return wrong("406", "PGRST107", "None of these media types are available: "+types, "", "")
	}
	return []fact{
		{"GET /books?id=eq.5 | " + rowsAsked, 200, zen, "Content-Type: application/vnd.pgrst.object+json; charset=utf-8 | Content-Range: 0-0/*"},
		{"GET /books?id=gt.3 | " + rowsAsked, 406, wrong("406", "PGRST116", "Cannot coerce the result to a single JSON object", "The result contains 2 rows", ""), "Content-Type: application/problem+json"},
		{"GET /books?id=eq.9 | " + rowsAsked, 406, wrong("406", "PGRST116", "Cannot coerce the result to a single JSON object", "The result contains 0 rows", ""), ""},
		{"GET /books?id=eq.3 | " + rowsAsked + ";nulls=stripped", 200, `{"id":3,"title":"a, \"b\"","owner_id":2}`, "Content-Type: application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"},
		{"GET /books?id=eq.3 | " + stripAsked, 200, `[{"id":3,"title":"a, \"b\"","owner_id":2}]`, "Content-Type: application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"},
		{"GET /books?id=eq.3&select=id,pages | Accept: application/vnd.pgrst.array+json", 200, `[{"id":3,"pages":null}]`, jsonList},
		{"GET /books?select=id,title,lent&id=lt.4&order=id | " + csvAsked, 200, "id,title,lent\n1,Dune,t\n2,Emma,f\n3,\"a, \"\"b\"\"\",", "Content-Type: text/csv; charset=utf-8 | Content-Range: 0-2/*"},
		{"GET /books?select=id,title&id=gt.9 | " + csvAsked, 200, "id,title\n", "Content-Range: */*"},
		{"GET /books?select=n:id&id=eq.1 | " + csvAsked, 200, "n\n1", ""},
		{"GET /books?id=eq.5&select=id | Accept: */*", 200, `[{"id":5}]`, jsonList},
		{"GET /books?id=eq.5&select=id | Accept: application/*", 200, `[{"id":5}]`, jsonList},
		{"GET /books?id=eq.5&select=id | Accept: text/html,application/xhtml+xml,*/*;q=0.8", 200, `[{"id":5}]`, jsonList},
		{"GET /books?id=eq.5&select=id | Accept: text/csv;q=0.5, application/json", 200, `[{"id":5}]`, jsonList},
		{"GET /books?id=eq.5&select=id | Accept: application/unknown, text/csv", 200, "id\n5", ""},
		{"GET /books | Accept: application/unknown", 406, none("application/unknown"), ""},
		{"GET /books | Accept: text/unknown, image/png", 406, none("text/unknown, image/png"), ""},
		{"GET /books | Accept: application/geo+json", 406, none("application/geo+json"), ""},
		{"GET /books?select=id&id=eq.5 | Accept-Profile: public", 200, `[{"id":5}]`, "Content-Profile: public"},
		{"GET /books | Accept-Profile: other", 406, wrong("406", "PGRST106", "Invalid schema: other", "", "Only the following schemas are exposed: public"), "Content-Profile: -"},
		{"GET /books/5 | Accept-Profile: other", 406, `~"code":"PGRST106"`, ""},
		{"GET /books | Accept: application/vnd.pgrst.plan", 406, `~"code":"PGRST107"`, ""},
	}
}
