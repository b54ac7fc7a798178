package app_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

const described = `
version: 1
name: shop
endpoint: {secret_key_base: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, url: {host: shop.example.org, scheme: https, port: 443}}
stores: {main: {url: 'sqlite::memory:'}}
tokens: {user: {salt: user auth}}
schemas:
  user: {table: users, timestamps: true, fields: {
    email: {type: string, required: true, format: email, length: {max: 200}},
    password: {type: string, virtual: true, required: true, length: {min: 12}, confirmation: true},
    password_hash: {type: string, hidden: true, set: "${hash_password(password)}"},
    verified_at: {type: datetime, writable: false}}}
  post: {table: posts, fields: {
    title: {type: string, required: true, length: {max: 200}},
    status: {type: enum, values: [draft, published], default: draft},
    price: {type: decimal, number: {min: 0, below: 100}},
    tags: {type: array, values: [a, b]},
    data: {type: json},
    slug: {type: string, format: {matches: '^[a-z]+$'}, immutable: true},
    user_id: {references: user, writable: false}}}
pipelines:
  api: [{rate_limit: {rate: 100/s}}]
  members:
    - verify_token: {token: user, from: [bearer, {param: token}]}
      as: user_id
  staff:
    - basic_auth: {users: {ann: "correct horse battery staple aaaaaaaaaa"}}
scopes:
  - path: /api
    pipe_through: api
    routes:
      - get: /openapi.json
        openapi: {under: /api, title: The shop, version: "2.1", description: What one can do here.}
      - get: /health
        text: OK
      - post: /signup
        do:
          - insert: {schema: user, values: "${params}"}
            as: user
          - json: {user: "${user}"}
      - get: /search
        do:
          - validate: {fields: {q: {type: string, required: true}, page: {type: integer, number: {min: 1}}}}
          - text: none
      - get: /me
        do:
          - verify_token: user
            as: who
            else: continue
          - json: {who: "${who}"}
      - resources: /users
        schema: user
        public: true
        only: [index, create]
      - batch: /batch
    scopes:
      - pipe_through: members
        routes:
          - resources: /posts
            schema: post
            owner: {user_id: "${user_id}"}
      - path: /staff
        pipe_through: staff
        routes:
          - any: /*rest
            text: staff
  - routes:
      - get: /
        html: home
      - get: /all.json
        openapi: {}
`

func TestOpenAPI(t *testing.T) {
	a := apptest.Compile(t, described, "sqlite::memory:")
	answer := apptest.Request(a, "GET", "/api/openapi.json", "")
	tag := answer.Header().Get("Etag")
	if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != "application/json" || tag == "" {
		t.Fatalf("%d %v", answer.Code, answer.Header())
	}
	for _, problem := range gatewaytest.OpenAPIProblems(t, answer.Body.Bytes()) {
		t.Error(problem)
	}
	for condition, want := range map[string]int{tag: 304, `"x", W/` + tag: 304, "*": 304, `"x"`: 200} {
		if again := apptest.Request(a, "GET", "/api/openapi.json", "", "If-None-Match: "+condition); again.Code != want || again.Code == 304 && again.Body.Len() > 0 {
			t.Errorf("if not %s: %d, want %d", condition, again.Code, want)
		}
	}
	var doc struct {
		Info       map[string]string
		Servers    []map[string]string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if want := (map[string]string{"title": "The shop", "version": "2.1", "description": "What one can do here."}); !reflect.DeepEqual(doc.Info, want) {
		t.Errorf("info %v", doc.Info)
	}
	if doc.Servers[0]["url"] != "https://shop.example.org" {
		t.Errorf("servers %v", doc.Servers)
	}
	if doc.Paths["/"] != nil || doc.Paths["/all.json"] != nil || len(doc.Paths) != 10 {
		t.Errorf("paths %v", keysOf(doc.Paths))
	}
	for path, want := range map[string]string{
		"/api/health get":          `[{}]`,
		"/api/me get":              `[{},{"bearer":[]}]`,
		"/api/posts get":           `[{"bearer":[]},{"query_token":[]}]`,
		"/api/posts/{id} patch":    `[{"bearer":[]},{"query_token":[]}]`,
		"/api/staff/{rest} delete": `[{"basic":[]}]`,
		"/api/users post":          `[{}]`,
		"/api/batch post":          `[{}]`,
	} {
		path, method, _ := strings.Cut(path, " ")
		operation, _ := doc.Paths[path][method].(map[string]any)
		if got := encoded(t, operation["security"]); got != want {
			t.Errorf("%s %s asks for %s, want %s", method, path, got, want)
		}
		if responses, _ := operation["responses"].(map[string]any); responses["429"] == nil {
			t.Errorf("%s %s is limited in rate: %v", method, path, responses)
		}
	}
	signup, _ := doc.Paths["/api/signup"]["post"].(map[string]any)
	if got := encoded(t, signup["requestBody"]); strings.Count(got, `"required":["email","password"]`) != 3 {
		t.Errorf("the body of a route that inserts: %s", got)
	}
	search, _ := doc.Paths["/api/search"]["get"].(map[string]any)
	if got, want := encoded(t, search["parameters"]), `[{"in":"query","name":"q","required":true,"schema":{"minLength":1,"type":"string"}},`+
		`{"in":"query","name":"page","required":false,"schema":{"format":"int32","minimum":1,"type":["integer","null"]}}]`; got != want {
		t.Errorf("the parameters of a route that validates: %s", got)
	}
	for name, want := range map[string]string{
		"user": `{"properties":{"email":{"format":"email","maxLength":200,"minLength":1,"type":"string"},"id":{"format":"int64","readOnly":true,"type":"integer"},` +
			`"inserted_at":{"format":"date-time","readOnly":true,"type":"string"},"updated_at":{"format":"date-time","readOnly":true,"type":"string"},` +
			`"verified_at":{"format":"date-time","readOnly":true,"type":["string","null"]}},"type":"object"}`,
		"user_create": `{"additionalProperties":false,"properties":{"email":{"format":"email","maxLength":200,"minLength":1,"type":"string"},` +
			`"password":{"minLength":12,"type":"string","writeOnly":true},"password_confirmation":{"minLength":12,"type":"string","writeOnly":true}},"required":["email","password"],"type":"object"}`,
		"post_update": `{"additionalProperties":false,"properties":{"data":{},"price":{"exclusiveMaximum":100,"minimum":0,"type":["number","null"]},` +
			`"status":{"default":"draft","enum":["draft","published",null],"type":["string","null"]},"tags":{"items":{"enum":["a","b"],"type":"string"},"type":["array","null"]},` +
			`"title":{"maxLength":200,"minLength":1,"type":"string"}},"type":"object"}`,
		"user_create_in_batch": `{"additionalProperties":false,"properties":{"email":{"anyOf":[{"format":"email","maxLength":200,"minLength":1,"type":"string"},{"$ref":"#/components/schemas/batch_reference"}]},` +
			`"password":{"anyOf":[{"minLength":12,"type":"string"},{"$ref":"#/components/schemas/batch_reference"}],"writeOnly":true},` +
			`"password_confirmation":{"anyOf":[{"minLength":12,"type":"string"},{"$ref":"#/components/schemas/batch_reference"}],"writeOnly":true}},"required":["email","password"],"type":"object"}`,
	} {
		if got := encoded(t, doc.Components.Schemas[name]); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
	if body := answer.Body.String(); strings.Contains(body, "password_hash") || strings.Contains(body, "aaaaaaaa") {
		t.Error("the document tells what is hidden")
	}
}

func TestOpenAPIOfAll(t *testing.T) {
	a := apptest.Compile(t, described, "sqlite::memory:")
	answer := apptest.Request(a, "GET", "/all.json", "")
	for _, problem := range gatewaytest.OpenAPIProblems(t, answer.Body.Bytes()) {
		t.Error(problem)
	}
	if body := answer.Body.String(); !strings.Contains(body, `"title": "shop"`) || !strings.Contains(body, `"/all.json"`) || !strings.Contains(body, `"/api/posts"`) {
		t.Errorf("not all is told: %s", body)
	}
}

func keysOf[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Of a table that is in the database the columns are told that are served.
func TestOpenAPIOfTables(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	s, err := sqlite.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, sql := range []string{"create table people (id integer primary key, name text not null, born date, twice as (id * 2), secret text)",
		"create view seen as select id, name from people"} {
		if _, err := s.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatal(err)
		}
	}
	a := apptest.Compile(t, `
version: 1
stores: {main: {url: "${env.DATABASE_URL}"}}
scopes:
  - routes:
      - get: /openapi.json
        openapi: {}
      - resources: /people
        table: people
        fields: [id, name, born, twice]
        public: true
      - resources: /seen
        table: seen
        fields: [name]
        public: true
        only: index
`, url)
	answer := apptest.Request(a, "GET", "/openapi.json", "")
	for _, problem := range gatewaytest.OpenAPIProblems(t, answer.Body.Bytes()) {
		t.Error(problem)
	}
	if body := answer.Body.String(); strings.Contains(body, "secret") || !strings.Contains(body, `"people.twice"`) || !strings.Contains(body, `"url": "/"`) || strings.Contains(body, `"seen.id"`) {
		t.Errorf("not what is served: %s", body)
	}
}
