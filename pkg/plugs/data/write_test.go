package data_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

const writes = `version: 1
name: data
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  org: {table: orgs, fields: {name: {type: string, required: true, unique: true, messages: {unique: is known}}}}
  page:
    table: pages
    timestamps: true
    fields:
      org_id: {references: org, messages: {references: is no org}}
      slug: {type: string, required: true, format: {matches: '^[a-z]+$'}}
      starts: {type: integer}
      ends: {type: integer}
      length: {type: integer, set: "${ends == nil or starts == nil ? nil : ends - starts}"}
      state: {type: string, writable: false, default: new}
    unique: [[org_id, slug]]
    checks:
      - {check: ends > starts, field: ends, message: must be after the start}
scopes:
  - routes:
      - post: /orgs
        do:
          - insert: {schema: org, values: "${params}"}
            as: org
          - json: ${org}
      - put: /orgs/:id
        do:
          - update: {schema: org, id: "${params.id}", values: "${params}"}
            as: org
          - json: ${org}
      - delete: /orgs/:id
        do:
          - delete: {schema: org, id: "${params.id}"}
            as: org
          - json: ${org}
      - post: /pages
        do:
          - insert: {schema: page, values: "${params}"}
            as: page
          - json: {id: "${page.id}", length: "${page.length}"}
      - post: /many
        do:
          - insert: {schema: page, values: "${params.pages}"}
            as: pages
          - json: ${map(pages, .slug)}
      - put: /pages/:id
        do:
          - update: {schema: page, id: "${params.id}", values: "${params}"}
            as: page
          - json: {slug: "${page.slug}", length: "${page.length}", state: "${page.state}"}
      - put: /done/:org/:slug
        do:
          - update: {schema: page, where: {org_id: "${params.org}", slug: "${params.slug}"}, values: {state: done}}
            as: page
          - json: ${page.state}
      - put: /slug/:slug
        do:
          - update: {schema: page, where: {slug: "${params.slug}"}, values: {state: touched}}
            as: page
          - json: ${page.state}
      - delete: /slug/:slug
        do:
          - delete: {schema: page, where: {slug: "${params.slug}"}}
            as: page
            else:
              - json: {reason: "${failure.reason}"}
          - json: ${page.slug}
`

func TestWrites(t *testing.T) {
	org := step{"POST /orgs", `{"name":"a"}`, 200, `{"id":1,"name":"a"}`}
	tests := []struct {
		name  string
		steps []step
	}{
		{"update", []step{
			org,
			{"PUT /orgs/1", `{"name":"b","id":7}`, 200, `{"id":1,"name":"b"}`},
			{"PUT /orgs/1", `{}`, 200, `{"id":1,"name":"b"}`},
			{"PUT /orgs/1", `{"name":""}`, 422, `~"errors":{"name":["can't be blank"]}`},
			{"PUT /orgs/2", `{"name":"c"}`, 404, `~"reason":"not_found"`},
			{"PUT /orgs/x", `{"name":"c"}`, 404, `~"reason":"not_found"`},
			{"POST /orgs", `{"name":"c"}`, 200, `{"id":2,"name":"c"}`},
			{"PUT /orgs/2", `{"name":"b"}`, 422, `~"errors":{"name":["is known"]}`},
		}},
		{"update with rules that read the row", []step{
			org,
			{"POST /pages", `{"org_id":1,"slug":"x","starts":1,"ends":5}`, 200, `{"id":1,"length":4}`},
			{"PUT /pages/1", `{"ends":9,"state":"mine"}`, 200, `{"slug":"x","length":8,"state":"new"}`},
			{"PUT /pages/1", `{"starts":10}`, 422, `~"errors":{"ends":["must be after the start"]}`},
			{"PUT /pages/1", `{"starts":null}`, 200, `{"slug":"x","length":8,"state":"new"}`},
			{"PUT /pages/1", `{"starts":"x"}`, 422, `~"errors":{"starts":["is invalid"]}`},
			{"PUT /pages/2", `{"starts":1}`, 404, `~"reason":"not_found"`},
		}},
		{"update by columns", []step{
			org,
			{"POST /pages", `{"org_id":1,"slug":"x"}`, 200, `~"id":1`},
			{"POST /pages", `{"slug":"x"}`, 200, `~"id":2`},
			{"PUT /done/1/x", "", 200, `"done"`},
			{"PUT /done/1/y", "", 404, `~"reason":"not_found"`},
			{"PUT /done/y/x", "", 404, `~"reason":"not_found"`},
			{"PUT /slug/x", "", 409, `~"reason":"conflict","detail":"several rows fit, and one is meant"`},
			{"DELETE /slug/x", "", 409, `{"reason":"conflict"}`},
			{"POST /pages", `{"slug":"y"}`, 200, `~"id":3`},
			{"PUT /slug/y", "", 200, `"touched"`},
			{"DELETE /slug/y", "", 200, `"y"`},
			{"DELETE /slug/y", "", 404, `{"reason":"not_found"}`},
		}},
		{"delete", []step{
			org,
			{"DELETE /orgs/1", "", 200, `{"id":1,"name":"a"}`},
			{"DELETE /orgs/1", "", 404, `~"reason":"not_found"`},
			{"POST /orgs", `{"name":"b"}`, 200, `{"id":2,"name":"b"}`},
			{"POST /pages", `{"org_id":2,"slug":"x"}`, 200, `~"id":1`},
			{"DELETE /orgs/2", "", 409, `~"reason":"conflict","detail":"other rows still refer to this one"`},
		}},
		{"fields that are unique together", []step{
			org,
			{"POST /pages", `{"org_id":1,"slug":"x"}`, 200, `~"id":1`},
			{"POST /pages", `{"org_id":1,"slug":"y"}`, 200, `~"id":`},
			{"POST /pages", `{"org_id":1,"slug":"x"}`, 422, `~"errors":{"org_id":["has already been taken"]}`},
			{"POST /pages", `{"org_id":9,"slug":"x"}`, 422, `~"errors":{"org_id":["is no org"]}`},
		}},
		{"a list of rows", []step{
			org,
			{"POST /many", `{"pages":[{"slug":"a"},{"slug":"b","org_id":1},{"slug":"c","org_id":1}]}`, 200, `["a","b","c"]`},
			{"POST /many", `{"pages":[{"slug":"a"},{"slug":"B"},{},7]}`, 422, `~"errors":{"1.slug":["has invalid format"],"2.slug":["can't be blank"],"3":["is invalid"]}`},
			{"POST /many", `{"pages":[{"slug":"d"},{"slug":"e","org_id":1},{"slug":"f","org_id":9}]}`, 422, `~is no org`},
			{"POST /many", `{"pages":[{"slug":"d"},{"slug":"b","org_id":1}]}`, 422, `~"errors":{"org_id":["has already been taken"]}`},
			{"POST /many", `{"pages":[]}`, 200, `[]`},
			{"DELETE /slug/d", "", 404, `{"reason":"not_found"}`}, // nothing of a list that fails is kept
		}},
	}
	for _, db := range apptest.Databases() {
		for _, tt := range tests {
			t.Run(db.Name+"/"+tt.name, func(t *testing.T) {
				run(t, apptest.Compile(t, writes, db.URL(t)), tt.steps)
			})
		}
	}
}

func TestManyRowsInOneInsert(t *testing.T) {
	rows := strings.Repeat(`{"slug":"a"},`, 1000)
	for _, db := range apptest.Databases() {
		t.Run(db.Name, func(t *testing.T) {
			run(t, apptest.Compile(t, writes, db.URL(t)), []step{
				{"POST /many", `{"pages":[` + rows[:len(rows)-1] + `]}`, 200, `~"a","a"`},
				{"POST /many", `{"pages":[` + rows + `{"slug":"a"}]}`, 422, `~more than 1000 rows`},
			})
		})
	}
}

func TestWriteProblems(t *testing.T) {
	route := func(list string) string {
		return head + "      - get: /x\n        do:\n" + list + "          - text: ok\n"
	}
	for _, tt := range []struct {
		list string
		want []string
	}{
		{"update: {schema: user, values: {email: x}}", []string{"which row is meant?"}},
		{"update: {schema: user, id: 1}", []string{`needs "values"`}},
		{"update: {schema: user, id: 1, values: [{email: x}]}", []string{"those of one row"}},
		{"update: {schema: user, id: 1, values: {emial: x}}", []string{`"emial" is not a field of the schema (did you mean "email"?)`}},
		{"update: {schema: user, where: {emial: x}, values: {age: 1}}", []string{`"emial" is not a field of the schema (did you mean "email"?)`}},
		{"update: {schema: user, where: {password: x}, values: {age: 1}}", []string{`the field "password" is virtual`}},
		{"update: {schema: user, id: 1, where: {id: 2}, values: {age: 1}}", []string{"`id` and `where` both name id"}},
		{"update: {schema: user, where: {}, values: {age: 1}}", []string{"which row is meant?"}},
		{"delete: {schema: user}", []string{"which row is meant?"}},
		{"delete: {schema: usr, id: 1}", []string{`there is no schema "usr"`}},
		{"delete: {schema: user, id: 1, store: mian}", []string{`there is no store "mian"`}},
		{"delete: {schema: user, id: 1}", nil},
	} {
		t.Run(tt.list, func(t *testing.T) {
			got := apptest.Problems(t, route("          - "+tt.list+"\n"))
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
