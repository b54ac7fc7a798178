package resource_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// who is the caller in these tests: what a token would say, from the header x-user.
const manifest = `version: 1
name: posts
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  user:
    table: users
    fields: {email: {type: string, required: true, unique: true}, secret: {type: string, hidden: true}}
  post:
    table: posts
    timestamps: true
    fields:
      title:   {type: string, required: true, length: {max: 20}}
      body:    {type: text}
      status:  {type: enum, values: [draft, published], default: draft}
      slug:    {type: string, immutable: true, unique: true}
      note:    {type: string, hidden: true}
      locked:  {type: boolean, default: false}
      user_id: {type: bigint}
  comment:
    table: comments
    fields:
      body:    {type: text, required: true}
      post_id: {references: post, on_delete: cascade}
  pair:
    table: pairs
    fields: {a_id: {references: user}, b_id: {references: user}, n: {type: integer}, price: {type: decimal}, data: {type: json}, at: {type: datetime}, tags: {type: array}}
  key:
    table: keys
    primary_key: uuid
    fields: {first: {type: string}, last: {type: string}, full: {type: string, set: "${first ?? '-'} ${last ?? '-'}"}}
pipelines:
  known:
    - assign: {me: "${request.headers['x-user'] ?? nil}"}
scopes:
  - path: /open
    routes:
      - resources: /posts
        schema: post
        public: true
        routes:
          - resources: /comments
            schema: comment
      - resources: /users
        schema: user
        public: true
      - resources: /pairs
        schema: pair
        public: true
      - resources: /keys
        schema: key
        public: true
        only: [create, show, update]
  - path: /mine
    pipe_through: known
    routes:
      - resources: /posts
        schema: post
        owner: {user_id: "${me}"}
        routes:
          - resources: /comments
            schema: comment
            except: [delete]
  - path: /ruled
    pipe_through: known
    routes:
      - resources: /posts
        schema: post
        except: [index]
        allow:
          show: record.status == 'published' or string(record.user_id) == me
          create: me != nil and (changes?.status ?? 'draft') == 'draft'
          update: string(record.user_id) == me and not record.locked
          delete: record.note == 'deletable'
  - path: /blind
    routes:
      - resources: /posts
        schema: post
        only: [delete]
        allow: {delete: record.locked}
`

// step is one request and what must come back. want is the whole body, or a part of it
// after "~".
type step struct {
	request string // METHOD path
	body    string
	headers []string
	status  int
	want    string
	header  string // "Name: value" that the answer must have
}

func TestResources(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			for _, tt := range stories() {
				t.Run(tt.name, func(t *testing.T) {
					run(t, apptest.Compile(t, manifest, db.URL(t)), tt.steps)
				})
			}
		})
	}
}

func run(t *testing.T, a *app.App, steps []step) {
	t.Helper()
	for i, s := range steps {
		method, path, _ := strings.Cut(s.request, " ")
		w := apptest.Request(a, method, path, s.body, s.headers...)
		where := fmt.Sprintf("step %d, %s %s", i+1, s.request, s.body)
		if w.Code != s.status {
			t.Fatalf("%s: status %d, want %d\n%s", where, w.Code, s.status, w.Body)
		}
		got := dense(w.Body.Bytes())
		if part, ok := strings.CutPrefix(s.want, "~"); ok {
			if !strings.Contains(got, part) {
				t.Errorf("%s: body %s, want %s in it", where, got, part)
			}
		} else if got != s.want {
			t.Errorf("%s: body %s, want %s", where, got, s.want)
		}
		if name, text, ok := strings.Cut(s.header, ": "); ok && w.Header().Get(name) != text {
			t.Errorf("%s: %s is %q, want %q", where, name, w.Header().Get(name), text)
		}
		if strings.HasPrefix(got, "{") && w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: content type of the error is %q", where, w.Header().Get("Content-Type"))
		}
	}
}

type story struct {
	name  string
	steps []step
}

const stamp = `"inserted_at":"2024-02-29T12:00:00.123456+00:00","updated_at":"2024-02-29T12:00:00.123456+00:00"}`

func stories() []story {
	ann, bob := []string{"X-User: 1"}, []string{"X-User: 2"}
	whole := []string{"Prefer: count=exact, return=representation"}
	first := `{"id":1,"title":"One","body":null,"status":"draft","slug":null,"locked":false,"user_id":null,` + stamp
	problem := func(status int, code, message string) string {
		return fmt.Sprintf(`{"type":"about:blank","title":%q,"status":%d,"code":%q,"message":%q,"details":null,"hint":null`, http.StatusText(status), status, code, message)
	}
	notFound := problem(404, "not_found", "there is no such row") + "}"
	forbidden := problem(403, "42501", "this is not allowed") + "}"
	fields := func(list string) string {
		return problem(422, "invalid", "some fields are not valid") + `,"errors":` + list + "}"
	}
	return []story{
		{"create, show, update, delete", []step{
			{"GET /open/posts", "", nil, 200, "[]", "Content-Range: */*"},
			{"POST /open/posts", `{"title":"One","note":"n"}`, nil, 201, "", "Location: /open/posts/1"},
			{"GET /open/posts/1", "", nil, 200, first, jsonList},
			{"POST /open/posts", `{"title":"Two"}`, whole, 201, "~[{\"id\":2,", "Preference-Applied: return=representation, count=exact"},
			{"POST /open/posts", `{"title":"Three"}`, append(whole, "Accept: application/vnd.pgrst.object+json"), 201, "~{\"id\":3,", ""},
			{"PATCH /open/posts/1", `{"body":"b"}`, nil, 204, "", ""},
			{"PUT /open/posts/1", `{"status":"published"}`, whole, 200, "~\"body\":\"b\",\"status\":\"published\"", jsonList},
			{"PATCH /open/posts/1", `{}`, nil, 204, "", ""},
			{"PATCH /open/posts/1", `{}`, whole, 200, "~\"title\":\"One\"", ""},
			{"DELETE /open/posts/1", "", nil, 204, "", ""},
			{"DELETE /open/posts/1", "", nil, 404, notFound, ""},
			{"GET /open/posts/1", "", nil, 404, notFound, ""},
			{"PATCH /open/posts/1", `{"body":"b"}`, nil, 404, notFound, ""},
			{"PATCH /open/posts/1", `{}`, nil, 404, notFound, ""},
			{"HEAD /open/posts/2", "", nil, 200, "~", jsonList},
			{"POST /open/posts/2", `{}`, nil, 405, "~", "Allow: DELETE, GET, HEAD, OPTIONS, PATCH, PUT"},
		}},
		{"a page", []step{
			{"POST /open/users", `{"email":"a@x"}`, nil, 201, "", ""},
			{"POST /open/users", `{"email":"b@x","secret":"s"}`, nil, 201, "", ""},
			{"POST /open/users", `{"email":"c@x"}`, nil, 201, "", ""},
			{"GET /open/users", "", nil, 200, `[{"id":1,"email":"a@x"},{"id":2,"email":"b@x"},{"id":3,"email":"c@x"}]`, "Content-Range: 0-2/*"},
			{"GET /open/users?limit=1&offset=1", "", nil, 200, `[{"id":2,"email":"b@x"}]`, "Content-Range: 1-1/*"},
			{"GET /open/users?offset=9", "", nil, 200, `[]`, "Content-Range: */*"},
			{"GET /open/users?limit=0", "", nil, 200, `[]`, "Content-Range: */*"},
			{"GET /open/users?limit=99999999", "", nil, 200, "~c@x", "Content-Range: 0-2/*"},
			{"GET /open/users?limit=-1", "", nil, 416, `~"code":"PGRST103"`, ""},
			{"GET /open/users?limit=x", "", nil, 200, `~c@x`, ""},
			{"GET /open/users?email=eq.a@x", "", nil, 200, `[{"id":1,"email":"a@x"}]`, ""},
		}},
		{"what a body may be", []step{
			{"POST /open/users", `{"email":`, nil, 400, `~PGRST102`, ""},
			{"POST /open/users", "", nil, 400, `~PGRST102`, ""},
			{"POST /open/users", `{"email":"a"} {}`, nil, 400, `~PGRST102`, ""},
			{"POST /open/users", "<x/>", []string{"Content-Type: text/xml"}, 415, `~"code":"unsupported"`, ""},
			{"POST /open/users", "email=f%40x", []string{"Content-Type: application/x-www-form-urlencoded"}, 201, "", "Location: /open/users/1"},
			{"POST /open/users", `{"email":"a@x"}`, []string{"Content-Encoding: gzip"}, 415, `~unsupported`, ""},
		}},
		{"fields that are not valid", []step{
			{"POST /open/posts", `{}`, nil, 422, fields(`{"title":["can't be blank"]}`), ""},
			{"POST /open/posts", `{"title":"this is longer than twenty","status":"gone","nope":1}`, nil, 422,
				fields(`{"nope":["is not a field"],"status":["is invalid"],"title":["should be at most 20 character(s)"]}`), ""},
			{"POST /open/posts", `{"title":"a","id":7}`, nil, 422, fields(`{"id":["cannot be set"]}`), ""},
			{"POST /open/posts", `{"title":"a","slug":"s"}`, nil, 201, "", ""},
			{"POST /open/posts", `{"title":"b","slug":"s"}`, nil, 422, fields(`{"slug":["has already been taken"]}`), ""},
			{"PATCH /open/posts/1", `{"slug":"t"}`, nil, 422, fields(`{"slug":["cannot be changed"]}`), ""},
			{"PATCH /open/posts/1", `{"title":null}`, nil, 422, fields(`{"title":["can't be blank"]}`), ""},
			{"POST /open/users", `{"email":"a@x","secret":"hidden fields are written"}`, nil, 201, "", ""},
			{"PATCH /open/users/1", `{"email":"A"}`, nil, 204, "", ""},
			{"POST /open/pairs", `{"a_id":1}`, nil, 201, "", ""},
			{"POST /open/pairs", `{"a_id":1,"b_id":99}`, nil, 422, fields(`{"b_id":["does not exist"]}`), ""},
			{"POST /open/pairs", `{"n":2147483648}`, nil, 422, fields(`{"n":["is invalid"]}`), ""},
			{"DELETE /open/users/1", "", nil, 409, problem(409, "23503", "other rows refer to this one") + "}", ""},
			{"PATCH /open/pairs/1", `{"a_id":98}`, nil, 422, fields(`{"a_id":["does not exist"]}`), ""},
		}},
		{"types go in and come out", []step{
			{"POST /open/pairs", `{"n":"5","price":"10.5","data":{"a":[1,null,"x"]},"at":"2024-01-01 00:00","tags":["a","b"]}`, whole, 201,
				`[{"id":1,"a_id":null,"b_id":null,"n":5,"price":10.5,"data":{"a":[1,null,"x"]},"at":"2024-01-01T00:00:00+00:00","tags":["a","b"]}]`, ""},
			{"PATCH /open/pairs/1", `{"data":"text","tags":[],"at":null}`, whole, 200, `~"data":"text","at":null,"tags":[]`, ""},
			{"PATCH /open/pairs/1", `{"data":null}`, whole, 200, `~"data":null`, ""},
		}},
		{"ids that are none", []step{
			{"GET /open/posts/abc", "", nil, 404, notFound, ""},
			{"GET /open/posts/99999999999999999999", "", nil, 404, notFound, ""},
			{"GET /open/posts/1%27%20or%201=1", "", nil, 404, notFound, ""},
			{"GET /open/keys/1", "", nil, 404, notFound, ""},
			{"GET /open/keys/0190a0b0-1111-7222-8333-444455556666", "", nil, 404, notFound, ""},
			{"GET /open/keys", "", nil, 405, "~", "Allow: OPTIONS, PATCH, POST, PUT"},
		}},
		{"owner", []step{
			{"GET /mine/posts", "", nil, 403, forbidden, ""},
			{"POST /mine/posts", `{"title":"x"}`, nil, 403, forbidden, ""},
			{"GET /mine/posts", "", []string{"X-User: abc"}, 403, forbidden, ""},
			{"POST /mine/posts", `{"title":"Ann's"}`, append(whole, ann...), 201, `~"user_id":1`, "Location: /mine/posts/1"},
			{"POST /mine/posts", `{"title":"Bob's"}`, bob, 201, "", "Location: /mine/posts/2"},
			{"POST /mine/posts", `{"title":"x","user_id":2}`, ann, 422, fields(`{"user_id":["cannot be set"]}`), ""},
			{"PATCH /mine/posts/1", `{"user_id":2}`, ann, 422, fields(`{"user_id":["cannot be set"]}`), ""},
			{"GET /mine/posts", "", bob, 200, `~[{"id":2,"title":"Bob's"`, "Content-Range: 0-0/*"},
			{"GET /mine/posts/1", "", ann, 200, `~"title":"Ann's"`, ""},
			{"GET /mine/posts/1", "", bob, 404, notFound, ""},
			{"PATCH /mine/posts/1", `{"title":"Bob was here"}`, bob, 404, notFound, ""},
			{"DELETE /mine/posts/1", "", bob, 404, notFound, ""},
			{"PATCH /mine/posts/1", `{"title":"mine"}`, ann, 204, "", ""},
			{"GET /open/posts/1", "", nil, 200, `~"title":"mine"`, ""},
			{"DELETE /mine/posts/1", "", ann, 204, "", ""},
		}},
		{"nested", []step{
			{"POST /mine/posts", `{"title":"Ann's"}`, ann, 201, "", ""},
			{"POST /mine/posts", `{"title":"Bob's"}`, bob, 201, "", ""},
			{"POST /mine/posts/1/comments", `{"body":"hi"}`, append(whole, ann...), 201, `[{"id":1,"body":"hi","post_id":1}]`, "Location: /mine/posts/1/comments/1"},
			{"POST /mine/posts/1/comments", `{"body":"hi"}`, bob, 404, notFound, ""},
			{"POST /mine/posts/1/comments", `{"body":"hi","post_id":2}`, ann, 422, fields(`{"post_id":["cannot be set"]}`), ""},
			{"POST /mine/posts/9/comments", `{"body":"hi"}`, ann, 404, notFound, ""},
			{"POST /mine/posts/x/comments", `{"body":"hi"}`, ann, 404, notFound, ""},
			{"GET /mine/posts/1/comments", "", ann, 200, `[{"id":1,"body":"hi","post_id":1}]`, ""},
			{"GET /mine/posts/1/comments", "", bob, 404, notFound, ""},
			{"GET /mine/posts/2/comments", "", bob, 200, `[]`, ""},
			{"GET /mine/posts/2/comments/1", "", bob, 404, notFound, ""},
			{"GET /mine/posts/1/comments/1", "", ann, 200, `{"id":1,"body":"hi","post_id":1}`, ""},
			{"PATCH /mine/posts/2/comments/1", `{"body":"x"}`, bob, 404, notFound, ""},
			{"PATCH /mine/posts/1/comments/1", `{"post_id":2}`, ann, 422, fields(`{"post_id":["cannot be set"]}`), ""},
			{"PATCH /mine/posts/1/comments/1", `{"body":"x"}`, ann, 204, "", ""},
			{"DELETE /mine/posts/1/comments/1", "", ann, 405, "~", ""},
			{"DELETE /open/posts/1/comments/1", "", nil, 204, "", ""},
			{"POST /open/posts/1/comments", `{"body":"c"}`, nil, 201, "", ""},
			{"DELETE /open/posts/1", "", nil, 204, "", ""},
		}},
		{"allow", []step{
			{"POST /ruled/posts", `{"title":"x"}`, nil, 403, forbidden, ""},
			{"POST /ruled/posts", `{"title":"x","status":"published"}`, ann, 403, forbidden, ""},
			{"POST /ruled/posts", `{"title":"x","user_id":1}`, ann, 201, "", ""},
			{"GET /ruled/posts/1", "", ann, 200, `~"status":"draft"`, ""},
			{"GET /ruled/posts/1", "", bob, 404, notFound, ""},
			{"GET /ruled/posts/1", "", nil, 404, notFound, ""},
			{"PATCH /ruled/posts/1", `{"title":"y"}`, bob, 404, notFound, ""},
			{"PATCH /ruled/posts/1", `{"status":"published","locked":true}`, ann, 204, "", ""},
			{"GET /ruled/posts/1", "", bob, 200, `~"locked":true`, ""},
			{"PATCH /ruled/posts/1", `{"title":"y"}`, bob, 403, forbidden, ""},
			{"PATCH /ruled/posts/1", `{"title":"y"}`, ann, 403, forbidden, ""},
			{"PATCH /ruled/posts/9", `{"title":"y"}`, ann, 404, notFound, ""},
			{"DELETE /ruled/posts/1", "", ann, 403, forbidden, ""},
			{"PATCH /open/posts/1", `{"note":"deletable"}`, nil, 204, "", ""},
			{"DELETE /ruled/posts/1", "", ann, 204, "", ""},
			{"DELETE /ruled/posts/1", "", ann, 404, notFound, ""},
		}},
		{"nobody may read, so nobody is told", []step{
			{"POST /open/posts", `{"title":"x"}`, nil, 201, "", ""},
			{"DELETE /blind/posts/1", "", nil, 404, notFound, ""},
			{"PATCH /open/posts/1", `{"locked":true}`, nil, 204, "", ""},
			{"DELETE /blind/posts/1", "", nil, 204, "", ""},
		}},
	}
}

// A uuid is made by the database, and what is computed follows its parts.
func TestComputedFields(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, manifest, db.URL(t))
			at := apptest.Request(a, "POST", "/open/keys", `{"first":"Ann","last":"Lee"}`).Header().Get("Location")
			if len(at) != len("/open/keys/")+36 {
				t.Fatalf("Location is %q, want a uuid", at)
			}
			id := strings.TrimPrefix(at, "/open/keys/")
			run(t, a, []step{
				{"GET " + at, "", nil, 200, fmt.Sprintf(`{"id":%q,"first":"Ann","last":"Lee","full":"Ann Lee"}`, id), ""},
				{"PATCH " + at, `{"last":"Fox"}`, nil, 204, "", ""},
				{"GET " + at, "", nil, 200, `~"full":"Ann Fox"`, ""},
				{"PATCH " + at, `{"full":"x"}`, nil, 422, `~"full":["cannot be set"]`, ""},
				{"PATCH /open/keys/0190a0b0-1111-7222-8333-444455556666", `{"last":"Fox"}`, nil, 404, "~not_found", ""},
			})
		})
	}
}

// What only the database knows keeps the dialect's status, with the fields beside.
func TestRulesOfTheDatabaseAlone(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, manifest, db.URL(t))
			execute(t, a, "create unique index alone on posts (title)")
			run(t, a, []step{
				{"POST /open/posts", `{"title":"One"}`, nil, 201, "", ""},
				{"POST /open/posts", `{"title":"One"}`, nil, 409, `~"code":"23505","message":"a row with these values is there already","details":null,"hint":null,"errors":{"title":["has already been taken"]}`, ""},
			})
		})
	}
	a := apptest.Compile(t, manifest, apptest.Postgres(t))
	execute(t, a, "alter table posts alter body set not null")
	execute(t, a, "alter table posts add check (length(title) > 2)")
	run(t, a, []step{
		{"POST /open/posts", `{"title":"One"}`, nil, 400, `~"code":"23502","message":"a value is missing","details":null,"hint":null,"errors":{"body":["can't be blank"]}`, ""},
		{"POST /open/posts", `{"title":"O","body":""}`, nil, 400, `~"code":"23502"`, ""},
		{"POST /open/posts", `{"title":"O","body":"b"}`, nil, 400, `~"code":"23514"`, ""},
	})
}

func execute(t *testing.T, a *app.App, sql string) {
	t.Helper()
	if _, err := a.Env.Store("").Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
		t.Fatal(err)
	}
}

// Writers that depend on the row as it was wait for each other: one of two who lock it
// finds it locked.
func TestRowIsKeptWhileARuleReadsIt(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, manifest, db.URL(t))
			run(t, a, []step{{"POST /ruled/posts", `{"title":"x","user_id":1}`, []string{"X-User: 1"}, 201, "", ""}})
			const writers = 8
			codes := make(chan int, writers)
			for range writers {
				go func() {
					codes <- apptest.Request(a, "PATCH", "/ruled/posts/1", `{"locked":true}`, "X-User: 1").Code
				}()
			}
			count := map[int]int{}
			for range writers {
				count[<-codes]++
			}
			if count[204] != 1 || count[403] != writers-1 {
				t.Errorf("statuses %v, want one 204 and %d 403", count, writers-1)
			}
		})
	}
}
