package resource_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

func TestProblems(t *testing.T) {
	const head = `version: 1
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  user: {table: users, fields: {email: {type: string}, secret: {type: string, virtual: true}}}
  post: {table: posts, fields: {title: {type: string}, user_id: {references: user}}}
  like: {table: likes, fields: {a_id: {references: post}, b_id: {references: post}}}
scopes:
  - routes:
      - resources: /posts
`
	tests := []struct {
		entry string
		want  []string // each a part of a problem, in order
	}{
		{"schema: post\npublic: true", nil},
		{"schema: post", []string{"9:9: this resource does not say who may use it (write `owner"}},
		{"schema: post\nrow_security: {role: web}", []string{"write `public: true` beside `row_security`"}},
		{"schema: post\npublic: false", []string{"does not say who may use it"}},
		{"schema: pst\npublic: true", []string{`10:17: there is no schema "pst" (did you mean "post"?)`}},
		{"public: true", []string{"`resources` needs \"schema\""}},
		{"schema: post\nowner: {usr_id: 1}", []string{`11:17: "usr_id" is not a field of the schema post (did you mean "user_id"?)`}},
		{"schema: user\nowner: {secret: 1}", []string{`"secret" is virtual`}},
		{"schema: post\nowner: {user_id: \"${me}\"}", []string{`"me"`}},
		{"schema: post\nallow: {read: true}", []string{"`allow` does not say who may create, update or delete"}},
		{"schema: post\nallow: {read: true, write: true}", nil},
		{"schema: post\nallow: {read: true, write: false, create: true}", nil},
		{"schema: post\nonly: [index]\nallow: {read: true}", nil},
		{"schema: post\nonly: [index]\nallow: {read: true, delete: true}", []string{"`delete` is not served here"}},
		{"schema: post\nonly: [index]\nallow: {index: true, write: true}", []string{"`write` is not served here"}},
		{"schema: post\nallow: {read: true, wirte: true}", []string{`there is no action "wirte" (did you mean "write"?)`}},
		{"schema: post\npublic: true\nonly: [idnex]", []string{`there is no action "idnex" (did you mean "index"?)`}},
		{"schema: post\npublic: true\nonly: [new]", []string{"`new` is a page, and this resource has none"}},
		{"schema: post\npublic: true\nonly: [index]\nexcept: [show]", []string{"`only` and `except` exclude each other"}},
		{"schema: post\nallow: {read: record.title == 'a', write: true}", []string{"there is no `record` in index"}},
		{"schema: post\nonly: [create]\nallow: {create: record.title == 'a'}", []string{"there is no `record` in create"}},
		{"schema: post\nonly: [delete]\nallow: {delete: changes.title == 'a'}", []string{"there are no `changes` in delete"}},
		{"schema: post\nonly: [show]\nallow: {show: record.titel == 'a'}", []string{"titel"}},
		{"schema: post\nonly: [show]\nallow: {show: record.title}", []string{"true or false"}},
		{"schema: post\npublic: true\nwere: x", []string{`unknown setting "were"`}},
		{"schema: post\npublic: true\nparam: \"a b\"", []string{`"a b" is no name for a parameter`}},
		{"schema: user\npublic: true\nroutes:\n  - resources: /posts\n    schema: post", nil},
		{"schema: post\npublic: true\nroutes:\n  - resources: /users\n    schema: user", []string{"13:13: the schema user has no field that references post"}},
		{"schema: post\npublic: true\nroutes:\n  - resources: /likes\n    schema: like", []string{"the schema like references post by a_id and b_id"}},
		{"schema: user\npublic: true\nroutes:\n  - get: /x\n    text: y", []string{"is not available in this version"}},
		{"schema: user\nonly: [create]\nallow: {create: true}\nroutes:\n  - resources: /posts\n    schema: post", []string{"the resource above allows nobody to read a row"}},
	}
	for _, tt := range tests {
		t.Run(tt.entry, func(t *testing.T) {
			var yaml strings.Builder
			yaml.WriteString(head)
			for line := range strings.Lines(tt.entry) {
				yaml.WriteString("        " + line)
			}
			got := apptest.Problems(t, yaml.String()+"\n")
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestNoStore(t *testing.T) {
	got := apptest.Problems(t, "version: 1\nschemas: {post: {table: posts, fields: {}}}\nscopes:\n  - routes:\n      - resources: /posts\n        schema: post\n        public: true\n")
	if len(got) != 1 || !strings.Contains(got[0], "6:17: no store is declared") {
		t.Errorf("problems %q", got)
	}
}
