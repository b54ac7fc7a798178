package resource_test

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const ruled = `version: 1
name: ruled
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  author: {table: authors, fields: {name: {type: string, required: true}}}
  book:
    table: books
    fields:
      title:   {type: string, required: true, length: {max: 20}}
      isbn:    {type: string, unique: true}
      state:   {type: enum, values: [draft, out, old], default: draft}
      code:    {type: string, immutable: true}
      note:    {type: string, hidden: true}
      upper:   {type: string, writable: false}
      version: {type: bigint, writable: false}
      gone:    {type: datetime, writable: false}
      who:     {type: bigint}
      author_id: {references: author}
  word:
    table: words
    fields: {first: {type: string}, last: {type: string}, full: {type: string, set: "${first ?? '-'} ${last ?? '-'}"}}
  page:
    table: pages
    fields: {n: {type: integer, required: true}, book_id: {references: book, on_delete: cascade}}
  line:
    table: lines
    fields: {text: {type: string, required: true, length: {max: 5}}, page_id: {references: page, on_delete: cascade}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - pipe_through: known
    routes:
      - resources: /books
        schema: book
        public: true
        embed: [author, pages]
        whole_table: [update, delete]
        routes:
          - resources: /pages
            schema: page
            routes:
              - resources: /lines
                schema: line
      - resources: /authors
        schema: author
        public: true
      - resources: /words
        schema: word
        public: true
        whole_table: update
      - resources: /mine
        schema: book
        owner: {who: "${me}"}
      - resources: /drafts
        schema: book
        where: state = 'draft'
      - resources: /judged
        schema: book
        allow:
          read: (record.note ?? '') != 'secret'
          create: me != nil and (changes?.state ?? 'draft') == 'draft'
          update: record.state != 'out' and (changes?.title ?? '') != 'no'
          delete: record.state == 'old'
        except: [index]
      - resources: /creates
        schema: book
        only: create
        allow: {create: true}
      - resources: /set
        schema: book
        public: true
        set: {upper: "${me ?? 'nobody'}"}
        returning: representation
      - resources: /counted
        schema: book
        public: true
        version: version
        whole_table: update
      - resources: /marked
        schema: book
        public: true
        version: version
        soft_delete: gone
        embed: [author]
      - resources: /once
        schema: book
        owner: {who: "${me}"}
        idempotency: 24h
      - resources: /wrapped
        schema: author
        public: true
        wrap: data
`

func openRuled(t *testing.T, db apptest.Database) (*app.App, func()) {
	a := apptest.Compile(t, ruled, db.URL(t))
	return a, func() { emptied(t, a, db.Name, "idempotency_keys", "lines", "pages", "books", "authors", "words") }
}

func TestWriteRules(t *testing.T) { tried(t, ruledGroups(), openRuled) }

const (
	ann = "X-User: 1"
	bob = "X-User: 2"
)

func fields(list string) string { return `~"errors":` + list }

func ruledGroups() []group {
	reps := prefer(rep)
	return []group{
		{"a schema checks every row", []step{
			{"POST /books", `[{"title":"One"},{"title":"Two"}]`, nil, 201, "", "Location:\nContent-Range: */*"},
			{"POST /books", `[{"title":"Three"},{"title":""}]`, nil, 422, fields(`{"1.title":["can't be blank"]}`), ""},
			{"POST /books", `[{"title":"x","state":"gone"},{"title":"this is longer than twenty","state":"out"}]`, nil, 422, fields(`{"0.state":["is invalid"],"1.title":["should be at most 20 character(s)"]}`), ""},
			{"POST /books", `{"title":"x","nope":1}`, nil, 422, fields(`{"nope":["is not a field"]}`), ""},
			{"POST /books?columns=title", `{"title":"x","nope":1}`, nil, 201, "", ""},
			{"POST /books?columns=title,nope", `{"title":"x","nope":1}`, nil, 400, "~PGRST204", ""},
			{"POST /books?columns=title,code&select=title,state", `[{"title":"y"},{"title":"z","code":"c"}]`, reps, 201, `[{"title":"y","state":"draft"},{"title":"z","state":"draft"}]`, ""},
			{"POST /books", `{"title":"x","upper":"u"}`, nil, 422, fields(`{"upper":["cannot be set"]}`), ""},
			{"POST /books", `[{"title":"a","isbn":"1"},{"title":"b","isbn":"1"}]`, nil, 422, "~has already been taken", ""},
			{"POST /books", `[{"title":"a","author_id":99}]`, nil, 422, "~does not exist", ""},
			{"GET /books?select=id&isbn=eq.1", "", nil, 200, "[]", ""},
			{"POST /authors", `{"name":"Ann"}`, nil, 201, "", "Location: /authors/1"},
			{"POST /books?select=title,author(name)", `{"title":"E","author_id":1}`, reps, 201, `[{"title":"E","author":{"name":"Ann"}}]`, ""},
			{"POST /books?select=note", `{"title":"x"}`, reps, 400, `~"code":"42703"`, ""},
			{"GET /books?title=eq.x&select=id", "", nil, 200, `[{"id":3}]`, ""},
			{"POST /books", "title,isbn\nCsv,7\nNone,NULL", []string{"Content-Type: text/csv", "Prefer: count=exact"}, 201, "", "Content-Range: */2"},
			{"PATCH /books?title=eq.Csv", `{"title":""}`, nil, 422, fields(`{"title":["can't be blank"]}`), ""},
			{"PATCH /books?title=eq.Csv", `{"code":"x"}`, nil, 422, fields(`{"code":["cannot be changed"]}`), ""},
			{"PATCH /books?title=eq.Csv", `{"nope":"x"}`, nil, 422, fields(`{"nope":["is not a field"]}`), ""},
			{"PATCH /books?title=eq.Csv&select=title,isbn", `{"isbn":"9"}`, reps, 200, `[{"title":"Csv","isbn":"9"}]`, ""},
			{"PATCH /books?title=eq.Csv&select=title,author(name)", `{"author_id":1}`, reps, 200, `[{"title":"Csv","author":{"name":"Ann"}}]`, ""},
			{"PATCH /books?select=id", `{"state":"old"}`, prefer("count=exact"), 204, "", "Content-Range: 0-7/8"},
			{"DELETE /books?select=title&title=eq.Csv", "", reps, 200, `[{"title":"Csv"}]`, ""},
			{"DELETE /books", "", prefer("count=exact"), 204, "", "Content-Range: */7"},
		}},
		{"computed for each", []step{
			{"POST /words", `[{"first":"A","last":"B"},{"first":"C","last":"D"}]`, nil, 201, "", ""},
			{"PATCH /words", `{"last":"Z"}`, reps, 200, `[{"id":1,"first":"A","last":"Z","full":"A Z"},{"id":2,"first":"C","last":"Z","full":"C Z"}]`, ""},
			{"PATCH /words?id=eq.2", `{"first":"Q"}`, nil, 204, "", "Content-Range: 0-0/*"},
			{"GET /words?select=full", "", nil, 200, `[{"full":"A Z"},{"full":"Q Z"}]`, ""},
		}},
		{"upserts of a schema", []step{
			{"POST /books?select=id,title,state", `{"title":"One","isbn":"1","state":"out","code":"c"}`, reps, 201, `[{"id":1,"title":"One","state":"out"}]`, ""},
			{"POST /books?on_conflict=isbn&select=id,title,state,code", `{"title":"Uno","isbn":"1","code":"d"}`, prefer(rep, merge), 200, `[{"id":1,"title":"Uno","state":"out","code":"c"}]`, ""},
			{"POST /books?select=id,title", `[{"id":1,"title":"Eins"},{"id":9,"title":"Neun"}]`, prefer(rep, merge), 201, `[{"id":1,"title":"Eins"},{"id":9,"title":"Neun"}]`, ""},
			{"POST /books?select=id,title", `[{"id":1,"title":"no"},{"id":8,"title":"Acht"}]`, prefer(rep, skip), 201, `[{"id":8,"title":"Acht"}]`, ""},
			{"POST /books", `[{"id":1,"title":""}]`, prefer(merge), 422, fields(`{"0.title":["can't be blank"]}`), ""},
			{"POST /books", `[{"id":"x","title":"y"}]`, prefer(merge), 422, "~is invalid", ""},
			{"PUT /books?id=eq.20&select=id,title", `{"id":20,"title":"Put"}`, reps, 201, `[{"id":20,"title":"Put"}]`, ""},
			{"PUT /books?id=eq.20&select=id,title", `{"id":20,"title":"Again"}`, reps, 200, `[{"id":20,"title":"Again"}]`, ""},
			{"PUT /books?id=eq.20", `{"id":20}`, nil, 422, "~can't be blank", ""},
		}},
		{"owner", []step{
			{"POST /mine", `[{"title":"A","isbn":"a"},{"title":"B","isbn":"b"}]`, []string{ann}, 201, "", ""},
			{"POST /mine?select=title,who", `{"title":"C","isbn":"c"}`, append(reps, bob), 201, `[{"title":"C","who":2}]`, ""},
			{"POST /mine", `[{"title":"D","who":2}]`, []string{ann}, 422, fields(`{"0.who":["cannot be set"]}`), ""},
			{"POST /mine", `[{"title":"D"}]`, nil, 403, "~42501", ""},
			{"PATCH /mine?title=eq.C", `{"title":"stolen"}`, append(reps, ann), 200, "[]", "Content-Range: */*"},
			{"PATCH /mine?id=gt.0&select=title", `{"state":"old"}`, append(prefer(rep, "count=exact"), ann), 200, `[{"title":"A"},{"title":"B"}]`, "Content-Range: 0-1/2"},
			{"PATCH /mine?id=gt.0", `{"who":2}`, []string{ann}, 422, fields(`{"who":["cannot be set"]}`), ""},
			{"DELETE /mine?title=eq.C", "", append(prefer("count=exact"), ann), 204, "", "Content-Range: */0"},
			{"POST /mine?on_conflict=isbn", `{"title":"X","isbn":"c"}`, append(prefer(merge), ann), 409, `~"code":"23505","message":"a row with these values is there already","details":null`, ""},
			{"POST /mine?on_conflict=isbn&select=title", `[{"title":"X","isbn":"c"},{"title":"N","isbn":"n"}]`, append(prefer(rep, skip), ann), 201, `[{"title":"N"}]`, ""},
			{"POST /mine?on_conflict=isbn&select=title", `[{"title":"A2","isbn":"a"},{"title":"X","isbn":"c"}]`, append(prefer(rep, merge), ann), 409, "~23505", ""},
			{"POST /mine?on_conflict=isbn&select=title", `[{"title":"A2","isbn":"a"}]`, append(prefer(rep, merge), ann), 200, `[{"title":"A2"}]`, ""},
			{"PUT /mine?id=eq.3", `{"id":3,"title":"X"}`, []string{ann}, 409, "~23505", ""},
			{"GET /books?select=title,who&order=id", "", nil, 200, `[{"title":"A2","who":1},{"title":"B","who":1},{"title":"C","who":2},{"title":"N","who":1}]`, ""},
			{"DELETE /mine?id=gt.0", "", append(prefer("count=exact"), ann), 204, "", "Content-Range: */3"},
		}},
		{"where", []step{
			{"POST /drafts?select=title,state", `{"title":"A"}`, reps, 201, `[{"title":"A","state":"draft"}]`, ""},
			{"POST /drafts", `{"title":"B","state":"out"}`, nil, 403, "~42501", ""},
			{"POST /drafts", `{"title":"B","state":"out"}`, reps, 403, "~42501", ""},
			{"POST /drafts", `[{"title":"B","state":"draft"},{"title":"C","state":"old"}]`, nil, 403, "~42501", ""},
			{"GET /books?select=title", "", nil, 200, `[{"title":"A"}]`, ""},
			{"POST /books", `{"title":"O","state":"out","isbn":"o"}`, nil, 201, "", ""},
			{"PATCH /drafts?id=gt.0", `{"isbn":"x"}`, prefer("count=exact"), 204, "", "Content-Range: 0-0/1"},
			{"DELETE /drafts?title=eq.O", "", prefer("count=exact"), 204, "", "Content-Range: */0"},
			{"POST /drafts?on_conflict=isbn", `{"title":"P","isbn":"o"}`, prefer(merge), 409, "~23505", ""},
			{"POST /drafts?on_conflict=isbn", `{"title":"P","isbn":"p","state":"out"}`, prefer(merge), 403, "~42501", ""},
			{"POST /drafts?on_conflict=isbn", `[{"title":"P","isbn":"p","state":"out"},{"title":"Q","isbn":"o","state":"draft"}]`, prefer(skip), 403, "~42501", ""},
			{"GET /books?select=title&order=id", "", nil, 200, `[{"title":"A"},{"title":"O"}]`, ""},
		}},
		{"allow", []step{
			{"POST /judged", `[{"title":"A"}]`, nil, 403, "~42501", ""},
			{"POST /judged", `[{"title":"A","state":"draft"},{"title":"B","state":"out"}]`, []string{ann}, 403, "~42501", ""},
			{"POST /judged", `[{"title":"A","note":""},{"title":"B","note":""},{"title":"S","note":"secret"}]`, []string{ann}, 201, "", ""},
			{"PATCH /books?title=eq.B", `{"state":"out"}`, nil, 204, "", ""},
			{"PATCH /judged?id=gt.0", `{"isbn":"1"}`, nil, 403, "~42501", ""},
			{"PATCH /judged?title=eq.A", `{"title":"no"}`, nil, 403, "~42501", ""},
			{"PATCH /judged?title=in.(A,S)&select=title", `{"code":null}`, nil, 422, "~cannot be changed", ""},
			{"PATCH /judged?title=in.(A,S)&select=title,isbn", `{"isbn":"7"}`, reps, 200, `[{"title":"A","isbn":"7"}]`, "Content-Range: 0-0/*"},
			{"DELETE /judged?id=gt.0", "", nil, 403, "~42501", ""},
			{"DELETE /judged?title=eq.S", "", prefer("count=exact"), 204, "", "Content-Range: */0"},
			{"PATCH /books?title=eq.A", `{"state":"old"}`, nil, 204, "", ""},
			{"DELETE /judged?title=in.(A,S)", "", append(prefer("count=exact"), one), 204, "", "Content-Range: */1"},
			{"GET /books?select=title&order=id", "", nil, 200, `[{"title":"B"},{"title":"S"}]`, ""},
			{"PATCH /books?title=eq.B", `{"isbn":"b"}`, nil, 204, "", ""},
			{"POST /judged?on_conflict=isbn", `{"title":"up","isbn":"b"}`, append(prefer(merge), ann), 403, "~42501", ""},
			{"POST /judged?on_conflict=isbn", `{"title":"up","isbn":"new"}`, append(prefer(merge), ann), 201, "", ""},
			{"POST /judged?on_conflict=isbn", `{"title":"no","isbn":"new"}`, append(prefer(merge), ann), 403, "~42501", ""},
			{"PUT /judged?id=eq.40", `{"id":40,"title":"p","state":"out"}`, []string{ann}, 403, "~42501", ""},
			{"PUT /judged?id=eq.40", `{"id":40,"title":"p"}`, []string{ann}, 204, "", ""},
			{"PUT /judged?id=eq.40", `{"id":40,"title":"no"}`, []string{ann}, 403, "~42501", ""},
			{"POST /creates", `{"title":"c","isbn":"new"}`, prefer(merge), 403, "~42501", ""},
			{"POST /creates", `{"title":"c"}`, nil, 201, "", ""},
		}},
		{"below a row", []step{
			{"POST /books", `[{"title":"A"},{"title":"B"}]`, nil, 201, "", ""},
			{"POST /books/1/pages", `[{"n":1},{"n":2}]`, nil, 201, "", ""},
			{"POST /books/2/pages?select=n,book_id", `{"n":9}`, reps, 201, `[{"n":9,"book_id":2}]`, ""},
			{"POST /books/2/pages", `[{"n":9,"book_id":1}]`, nil, 422, fields(`{"0.book_id":["cannot be set"]}`), ""},
			{"POST /books/7/pages", `[{"n":9}]`, nil, 404, "~not_found", ""},
			{"PATCH /books/1/pages?n=gt.0", `{"n":5}`, prefer("count=exact"), 204, "", "Content-Range: 0-1/2"},
			{"POST /books/2/pages", `{"id":1,"n":6}`, prefer(merge), 409, "~23505", ""},
			{"DELETE /books/2/pages?id=eq.1", "", prefer("count=exact"), 204, "", "Content-Range: */0"},
			{"DELETE /books/1/pages?n=eq.5", "", prefer("count=exact"), 204, "", "Content-Range: */2"},
		}},
		{"rows with rows below", []step{
			{"POST /books", `{"title":"A","pages":[{"n":1},{"n":2,"lines":[{"text":"a"},{"text":"b"}]}]}`, nil, 201, "", "Location: /books/1"},
			{"GET /books?select=title,pages(n)&pages.order=n", "", nil, 200, `[{"title":"A","pages":[{"n":1},{"n":2}]}]`, ""},
			{"GET /books/1/pages/2/lines?select=text&order=id", "", nil, 200, `[{"text":"a"},{"text":"b"}]`, ""},
			{"POST /books?select=title,pages(n)&pages.order=n", `[{"title":"B","pages":[{"n":4},{"n":3}]},{"title":"C","pages":[]}]`, reps, 201, `[{"title":"B","pages":[{"n":3},{"n":4}]},{"title":"C","pages":[]}]`, "Content-Range: */*"},
			{"POST /books", `{"title":"","pages":[{"n":1},{"n":"x","lines":[{"text":"too long"}]}]}`, nil, 422, fields(`{"pages.1.lines.0.text":["should be at most 5 character(s)"],"pages.1.n":["is invalid"],"title":["can't be blank"]}`), ""},
			{"POST /books", `[{"title":"x","pages":{"n":1}},{"title":"y","pages":[{"n":null}]}]`, nil, 422, fields(`{"1.pages.0.n":["can't be blank"]}`), ""},
			{"POST /books", `{"title":"x","pages":7}`, nil, 422, fields(`{"pages":["is invalid"]}`), ""},
			{"POST /books", `{"title":"x","pages":[7]}`, nil, 422, fields(`{"pages.0":["is invalid"]}`), ""},
			{"POST /books", `{"title":"x","pages":[{"n":1,"book_id":1}]}`, nil, 422, fields(`{"pages.0.book_id":["cannot be set"]}`), ""},
			{"POST /books", `{"title":"x","author":[{"name":"n"}]}`, nil, 422, "~is not a field", ""},
			{"POST /books", `{"id":1,"title":"x","pages":[{"n":1}]}`, prefer(merge), 400, "~with an upsert", ""},
			{"POST /books", `{"title":"R","pages":[{"n":1}]}`, prefer("tx=rollback"), 201, "", ""},
			{"POST /books", `[{"title":"I","isbn":"i","pages":[{"n":1}]},{"title":"J","isbn":"i","pages":[{"n":1}]}]`, nil, 422, "~taken", ""},
			{"GET /books?select=title&order=id", "", nil, 200, `[{"title":"A"},{"title":"B"},{"title":"C"}]`, ""},
			{"PATCH /books/1", `{"pages":[]}`, nil, 422, "~is not a field", ""},
		}},
		{"set and returning", []step{
			{"POST /set?select=title,upper", `{"title":"A"}`, []string{"X-User: u"}, 201, `[{"title":"A","upper":"u"}]`, "Preference-Applied:"},
			{"POST /set?select=title,upper", `[{"title":"B"}]`, nil, 201, `[{"title":"B","upper":"nobody"}]`, ""},
			{"POST /set", `[{"title":"B"}]`, prefer("return=minimal"), 201, "", "Preference-Applied: return=minimal"},
			{"PATCH /set?title=eq.A&select=title", `{"title":"AA"}`, nil, 200, `[{"title":"AA"}]`, ""},
			{"DELETE /set?title=eq.AA&select=title", "", nil, 200, `[{"title":"AA"}]`, ""},
			{"PATCH /set/2?select=id,title", `{"title":"BB"}`, nil, 200, `{"id":2,"title":"BB"}`, ""},
			{"POST /wrapped", `{"name":"W"}`, reps, 201, `{"data":{"id":1,"name":"W"}}`, "Location: /wrapped/1"},
			{"POST /wrapped", `{"name":"X"}`, nil, 201, `{"data":{"id":2,"name":"X"}}`, "Location: /wrapped/2"},
			{"POST /wrapped?select=name", `[{"name":"Y"},{"name":"Z"}]`, nil, 201, `{"data":[{"name":"Y"},{"name":"Z"}]}`, ""},
			{"POST /wrapped", `{"name":"M"}`, prefer("return=minimal"), 201, "", ""},
			{"PATCH /wrapped/1", `{"name":"WW"}`, reps, 200, `{"data":{"id":1,"name":"WW"}}`, ""},
		}},
		{"version", []step{
			{"POST /counted", `{"title":"A"}`, nil, 201, "", ""},
			{"GET /counted?select=version", "", nil, 200, `[{"version":1}]`, ""},
			{"GET /counted/1", "", nil, 200, `~"version":1`, "Etag: \"v1\""},
			{"PATCH /counted/1", `{"title":"B"}`, []string{`If-Match: "v1"`}, 204, "", ""},
			{"GET /counted/1", "", nil, 200, `~"version":2`, "Etag: \"v2\""},
			{"PATCH /counted/1", `{"title":"C"}`, []string{`If-Match: "v1"`}, 412, `~"code":"changed"`, ""},
			{"PATCH /counted/1", `{"title":"C"}`, []string{`If-Match: "v1", "v2"`}, 204, "", ""},
			{"PATCH /counted?id=eq.1", `{"title":"D"}`, nil, 204, "", ""},
			{"POST /counted", `{"id":1,"title":"E"}`, prefer(merge), 200, "", ""},
			{"GET /counted?select=version,title", "", nil, 200, `[{"version":5,"title":"E"}]`, ""},
			{"PATCH /counted/1", `{"version":9}`, nil, 422, "~cannot be set", ""},
			{"DELETE /counted/1", "", []string{`If-Match: "v4"`}, 412, "~changed", ""},
			{"GET /counted/1", "", []string{`If-None-Match: "v5"`}, 304, "", ""},
			{"DELETE /counted/1", "", []string{`If-Match: *`}, 204, "", ""},
			{"POST /books", `{"title":"F"}`, nil, 201, "", ""},
			{"DELETE /books?title=eq.F", "", []string{`If-Match: "x"`}, 412, "~If-Match", ""},
		}},
		{"idempotency keys", []step{
			{"POST /once", `{"title":"A"}`, []string{ann, "Idempotency-Key: k1"}, 201, "", "Location: /once/1"},
			{"POST /once", `{"title":"A"}`, []string{ann, "Idempotency-Key: k1"}, 201, "", "Location: /once/1\nContent-Range: */*"},
			{"POST /once", `{"title":"A"}`, []string{ann, `Idempotency-Key: "k1"`}, 201, "", "Location: /once/1"},
			{"POST /once", `{"title":"B"}`, []string{ann, "Idempotency-Key: k1"}, 422, `~"code":"idempotency_key"`, ""},
			{"POST /once", `{"title":"A"}`, []string{bob, "Idempotency-Key: k1"}, 201, "", "Location: /once/2"},
			{"POST /once?select=id,title", `[{"title":"C"},{"title":"D"}]`, []string{ann, "Idempotency-Key: k2", "Prefer: " + rep}, 201, `[{"id":3,"title":"C"},{"id":4,"title":"D"}]`, ""},
			{"POST /once?select=id,title", `[{"title":"C"},{"title":"D"}]`, []string{ann, "Idempotency-Key: k2", "Prefer: " + rep}, 201, `[{"id":3,"title":"C"},{"id":4,"title":"D"}]`, "Content-Type: application/json; charset=utf-8\nPreference-Applied: return=representation"},
			{"POST /once", `{"title":""}`, []string{ann, "Idempotency-Key: k3"}, 422, "~can't be blank", ""},
			{"POST /once", `{"title":"E"}`, []string{ann, "Idempotency-Key: k3"}, 201, "", "Location: /once/5"},
			{"POST /once", `{"title":"E","isbn":"i"}`, []string{ann, "Idempotency-Key: k4"}, 201, "", "Location: /once/6"},
			{"POST /once", `{"title":"F","isbn":"i"}`, []string{ann, "Idempotency-Key: k5"}, 422, "~taken", ""},
			{"POST /once", `{"title":"F","isbn":"j"}`, []string{ann, "Idempotency-Key: k5"}, 201, "", ""},
			{"POST /once", `{"title":"F"}`, []string{ann, "Idempotency-Key: "}, 400, "~idempotency_key", ""},
			{"POST /once", `{"title":"F"}`, []string{ann, "Idempotency-Key: ü"}, 400, "~idempotency_key", ""},
			{"POST /books", `{"title":"F"}`, []string{"Idempotency-Key: k9"}, 400, "~keeps no idempotency keys", ""},
			{"GET /books?select=title&order=id", "", prefer("count=exact"), 200, "~", "Content-Range: 0-6/7"},
		}},
		{"soft delete", []step{
			{"POST /authors", `{"name":"Ann"}`, nil, 201, "", ""},
			{"POST /marked", `[{"title":"A","isbn":"a","author_id":1},{"title":"B","isbn":null,"author_id":null},{"title":"C","isbn":null,"author_id":1}]`, nil, 201, "", ""},
			{"DELETE /marked/1", "", nil, 204, "", ""},
			{"GET /marked/1", "", nil, 404, "~not_found", ""},
			{"GET /marked?select=title", "", nil, 200, `[{"title":"B"},{"title":"C"}]`, ""},
			{"GET /marked?select=title", "", prefer("count=exact"), 200, `~B`, "Content-Range: 0-1/2"},
			{"PATCH /marked/1", `{"title":"x"}`, nil, 404, "~not_found", ""},
			{"DELETE /marked/1", "", nil, 404, "~not_found", ""},
			{"PATCH /marked?title=eq.A", `{"title":"x"}`, prefer("count=exact"), 204, "", "Content-Range: */0"},
			{"DELETE /marked?title=eq.B&select=title", "", reps, 200, `[{"title":"B"}]`, ""},
			{"DELETE /marked?title=eq.B", "", prefer("count=exact"), 204, "", "Content-Range: */0"},
			{"DELETE /marked/3", "", reps, 200, `~"title":"C"`, ""},
			{"GET /books?select=title&gone=is.null", "", nil, 200, `[]`, ""},
			{"GET /books?select=title,version", "", nil, 200, `[{"title":"A","version":2},{"title":"B","version":2},{"title":"C","version":2}]`, ""},
			{"POST /marked?on_conflict=isbn", `{"title":"Z","isbn":"a"}`, prefer(merge), 409, "~23505", ""},
		}},
	}
}
