package batch_test

import (
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const manifest = `version: 1
name: batches
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  post: {table: posts, fields: {title: {type: string, required: true, unique: true}, votes: {type: integer}, info: {type: json}, owner_id: {type: bigint}}}
  comment: {table: comments, fields: {body: {type: text, required: true}, post_id: {references: post}}}
  note: {table: notes, fields: {text: {type: text}, locked: {type: boolean, default: false}}}
pipelines:
  known:
    - assign: {me: "${int(request.headers['x-user'] ?? '0')}"}
scopes:
  - path: /api/:tenant
    pipe_through: known
    routes:
      - batch: /batch
      - resources: /posts
        schema: post
        owner: {owner_id: "${me}"}
        only: [index, show, create, update, delete]
        routes:
          - resources: /comments
            schema: comment
      - resources: /notes
        schema: note
        allow: {read: 'true', create: 'true', update: record.locked == false, delete: me == 1}
  - path: /open
    routes:
      - batch: /all
      - resources: /notes
        schema: note
        public: true
        wrap: data
`

const (
	ann = "X-User: 1"
	bob = "X-User: 2"
)

// A fact is one batch and what must come back.
type fact struct {
	body   string
	header string // of the request
	status int
	want   string // the whole body; parts of it after "~", with "~" between
}

func judge(t *testing.T, a *app.App, path string, facts []fact) {
	t.Helper()
	for _, f := range facts {
		headers := []string{ann}
		if f.header != "" {
			headers = append(headers, f.header)
		}
		w := apptest.Request(a, "POST", path, f.body, headers...)
		got := strings.NewReplacer(`": `, `":`, `, "`, `,"`).Replace(w.Body.String()) // as jsonb is written
		if w.Code != f.status {
			t.Errorf("%s: status %d, want %d: %s", f.body, w.Code, f.status, got)
		}
		if rest, ok := strings.CutPrefix(f.want, "~"); ok {
			for _, part := range strings.Split(rest, "~") {
				if !strings.Contains(got, part) {
					t.Errorf("%s: %s\nlacks %s", f.body, got, part)
				}
			}
		} else if got != f.want {
			t.Errorf("%s: %s\nwant %s", f.body, got, f.want)
		}
	}
}

func TestBatch(t *testing.T) {
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			a := apptest.Compile(t, manifest, db.URL(t))
			judge(t, a, "/api/x/batch", []fact{
				// What is written is kept together, and later steps see it.
				{`[{"method":"POST","path":"/posts","body":{"title":"A","votes":3},"as":"post"},
				   {"method":"post","path":"/posts/${post.id}/comments","body":{"body":"on ${post.title}: ${post.votes}"}},
				   {"method":"GET","path":"/posts?select=id,title&title=eq.${post.title}"}]`, "", 200,
					`[{"status":201,"body":{"id":1,"title":"A","votes":3,"info":null,"owner_id":1}},{"status":201,"body":{"id":1,"body":"on A: 3","post_id":1}},{"status":200,"body":[{"id":1,"title":"A"}]}]`},
				// A whole value keeps its type, also within the body; a list counts from 0.
				{`[{"method":"GET","path":"/posts?select=id,votes","as":"all"},{"method":"POST","path":"/posts","body":{"title":"B","votes":"${all.0.votes}","info":{"from":["${all.0}"],"text":"$${all}"}}}]`, "", 200,
					`~"votes":3,"info":{"from":[{"id":1,"votes":3}],"text":"${all}"}`},
				{`[{"method":"POST","path":"/posts","body":[{"title":"C"},{"title":"D"}],"as":"two"},{"method":"PATCH","path":"/posts/${two.1.id}","body":{"votes":9}}]`, "", 200, `~[{"status":201,"body":[{~"title":"D","votes":9`},
				{`[{"method":"POST","path":"/posts","body":{"title":"E"},"prefer":"return=minimal"},{"method":"DELETE","path":"/posts?title=eq.E","prefer":"return=minimal"}]`, "", 200, `[{"status":201,"body":null},{"status":204,"body":null}]`},
				// The first refusal answers, and nothing is kept.
				{`[{"method":"POST","path":"/posts","body":{"title":"F"},"as":"f"},{"method":"POST","path":"/posts/${f.id}/comments","body":{}}]`, "", 422, `~"errors":{"body":["can't be blank"]}~"step":1}`},
				{`[{"method":"GET","path":"/posts?title=eq.F"}]`, "", 200, `[{"status":200,"body":[]}]`},
				{`[{"method":"POST","path":"/posts","body":{"title":"G"}},{"method":"POST","path":"/posts","body":{"title":"A"}}]`, "", 422, `~has already been taken~"step":1}`},
				{`[{"method":"DELETE","path":"/posts/1/comments/1"},{"method":"GET","path":"/posts/99"}]`, "", 404, `~"step":1}`},
				{`[{"method":"GET","path":"/posts/1/comments"}]`, "", 200, `~on A: 3`},
				{`[{"method":"POST","path":"/posts","body":{"title":"H"}}]`, "Prefer: tx=rollback", 200, `~"title":"H"`},
				{`[{"method":"GET","path":"/posts?title=in.(G,H)"}]`, "", 200, `[{"status":200,"body":[]}]`},
				// Each step keeps to the rules of its resource.
				{`[{"method":"GET","path":"/posts?select=title"}]`, bob, 200, `[{"status":200,"body":[]}]`},
				{`[{"method":"PATCH","path":"/posts/1","body":{"title":"mine"}}]`, bob, 404, `~"step":0}`},
				{`[{"method":"POST","path":"/posts","body":{"title":"I","owner_id":2}}]`, "", 422, `~owner_id`},
				{`[{"method":"POST","path":"/notes","body":{"text":"a"},"as":"n"},{"method":"PATCH","path":"/notes/${n.id}","body":{"locked":true}},{"method":"PATCH","path":"/notes/${n.id}","body":{"text":"b"}}]`, "", 403, `~"step":2}`},
				{`[{"method":"POST","path":"/notes","body":{"text":"a"},"as":"n"},{"method":"DELETE","path":"/notes/${n.id}"}]`, bob, 403, `~"step":1}`},
				{`[{"method":"PATCH","path":"/posts","body":{"votes":1}}]`, "", 400, `~WHERE~"step":0}`},
			})
		})
	}
}

func TestBatchThatCannotBeRead(t *testing.T) {
	a := apptest.Compile(t, manifest, "sqlite::memory:")
	steps := func(n int) string {
		return "[" + strings.Repeat(`{"method":"GET","path":"/notes"},`, n-1) + `{"method":"GET","path":"/notes"}]`
	}
	judge(t, a, "/api/x/batch", []fact{
		{`{}`, "", 400, "~a batch is a list of steps"},
		{`[]`, "", 400, "~one step at least"},
		{`[{`, "", 400, "~is not JSON"},
		{`[1]`, "", 400, `~a step is an object~"step":0`},
		{`[{"method":"GET","path":"/notes"},{"method":"GET"}]`, "", 400, "~does not begin with /~\"step\":1"},
		{`[{"method":"TRACE","path":"/notes"}]`, "", 400, "~`method` is none of"},
		{`[{"method":"GET","path":1}]`, "", 400, "~`path` is not a text"},
		{`[{"method":"GET","path":"/notes","headers":{}}]`, "", 400, "~unknown key of a step: headers"},
		{`[{"method":"GET","path":"/notes","as":"a b"}]`, "", 400, "~`as` is no name"},
		{`[{"method":"GET","path":"/notes","as":"a"},{"method":"GET","path":"/notes","as":"a"}]`, "", 400, "~two steps are called a"},
		{`[{"method":"GET","path":"/notes/${n.id}"}]`, "", 400, "~no step called n"},
		{`[{"method":"GET","path":"/notes","as":"n"},{"method":"GET","path":"/notes/${n.5}"}]`, "", 400, "~is not in the answer of that step~\"step\":1"},
		{`[{"method":"POST","path":"/notes","body":{},"as":"n"},{"method":"GET","path":"/notes/${n.text}"}]`, "", 400, "~is null, which no text can hold"},
		{`[{"method":"POST","path":"/notes","body":{},"as":"n"},{"method":"GET","path":"/notes/${n}"}]`, "", 400, "~which no text can hold"},
		{`[{"method":"GET","path":"/notes/${n"}]`, "", 400, "~a reference does not end"},
		{`[{"method":"POST","path":"/notes","body":{"text":"../posts/1?x=/"},"as":"n"},{"method":"GET","path":"/notes/${n.text}"}]`, "", 400, `~"step":1`},
		{`[{"method":"GET","path":"/elsewhere"}]`, "", 404, "~no resource beside the batch has this path"},
		{`[{"method":"GET","path":"//example.com/notes"}]`, "", 404, `~"step":0`},
		{`[{"method":"POST","path":"/batch","body":[]}]`, "", 404, `~"step":0`},
		{`[{"method":"GET","path":"/../../open/notes"}]`, "", 400, `~"step":0`},
		{`[{"method":"POST","path":"/posts/1","body":{}}]`, "", 405, `~it takes`},
		{`[{"method":"POST","path":"/notes","body":{"text":"` + strings.Repeat("x", 1<<20) + `"},"as":"n"},{"method":"POST","path":"/notes","body":{"text":"` + strings.Repeat("${n.text}", 10) + `"}}]`, "", 413, `~"step":1`},
		{steps(100), "", 200, `~{"status":200,"body":[]}]`},
		{steps(101), "", 400, "~100 steps at most"},
		{steps(1), "Content-Type: text/plain", 415, "~unsupported"},
		{steps(1), "Idempotency-Key: a", 400, "~idempotency"},
	})
	judge(t, a, "/open/all", []fact{
		{`[{"method":"POST","path":"/notes","body":{"text":"x"},"as":"n"},{"method":"GET","path":"/notes/${n.data.id}"}]`, "", 200, `~{"status":200,"body":{"data":{~"text":"x"`},
	})
	if w := apptest.Request(a, "GET", "/api/x/batch", ""); w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestProblems(t *testing.T) {
	head := "version: 1\nname: x\nstores: {a: {url: 'sqlite::memory:'}, b: {url: 'sqlite::memory:'}}\nschemas: {note: {table: notes, fields: {text: {type: text}}}}\nscopes:\n  - routes:\n"
	for _, c := range []struct{ routes, want string }{
		{"      - batch: /batch\n", "no resources that a batch could use"},
		{"      - batch: /b/:x\n      - {resources: /notes, schema: note, public: true}\n", "has no names"},
		{"      - batch: /b\n      - {resources: /notes, schema: note, public: true}\n      - {resources: /more, schema: note, store: b, public: true}\n", "of one store, and the resources beside it have two"},
		{"      - {batch: /b, stor: a}\n      - {resources: /notes, schema: note, public: true}\n", `unknown setting "stor"`},
		{"      - {bach: /b}\n", `did you mean "batch"`},
	} {
		if got := strings.Join(apptest.Problems(t, head+c.routes), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nwant %s", c.routes, got, c.want)
		}
	}
}
