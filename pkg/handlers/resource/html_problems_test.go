package resource_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app/apptest"
)

func TestProblemsOfPages(t *testing.T) {
	const head = `version: 1
endpoint: {secret_key_base: 0123456789012345678901234567890123456789012345678901234567890123, plugs: PLUGS}
stores: {main: {url: "${env.DATABASE_URL}"}}
schemas:
  post: {table: posts, fields: {title: {type: string}, note: {type: string, hidden: true}, n: {type: integer}, set: {type: string, writable: false}}}
  comment: {table: comments, fields: {post_id: {references: post}}}
pipelines: {browser: [PIPELINE]}
scopes:
  - pipe_through: browser
    routes:
      - resources: /posts
        public: true
        schema: post
`
	const plugs, pipeline = "[parsers, method_override]", "fetch_session, fetch_flash, protect_from_forgery"
	tests := []struct {
		plugs, pipeline, entry string
		want                   []string // each a part of a problem, in order
	}{
		{"", "", "templates: posts", nil},
		{"", "", "templates: {index: posts/index.html, show: posts/show.html, new: posts/new.html, edit: posts/edit.html}", nil},
		{"", "", "templates: posts\nonly: [index]", nil},
		{"", "", "templates: posts\nexcept: [new, edit]", nil},
		{"", "fetch_session, protect_from_forgery", "templates: posts\nflash: false", nil},
		{"[parsers]", "fetch_session", "templates: posts\nonly: [index, show, new]", nil},

		{"", "", "templates: other", []string{
			`there is no template "other/edit.html"`, `there is no template "other/index.html"`, `there is no template "other/new.html"`, `there is no template "other/show.html"`}},
		{"", "", "templates: {index: posts/index.html}", []string{
			"14:20: `templates` has no file for `edit`, which `update` shows again", "`templates` has no file for `new`, which `create` shows again", "`templates` has no file for `show`"}},
		{"", "", "templates: {idnex: posts/index.html}\nonly: [index]", []string{`there is no action "idnex" (did you mean "index"?)`}},
		{"", "", "templates: ../posts", []string{"is not inside the folder templates"}},
		{"", "", "templates: {index: /etc/passwd}\nonly: [index]", []string{"is not inside the folder templates"}},
		{"", "", "templates: \"${params.x}\"", []string{"the name of a template cannot be computed"}},
		{"", "", "templates: [posts]", []string{"`templates` takes a folder, or a map of pages to files"}},
		{"", "", "templates: posts/bad\nonly: [show]", []string{`bad/show.html:1:`}},
		{"", "", "templates: posts/hidden\nonly: [show]", []string{`hidden/show.html:1:`}},
		{"", "", "templates: posts/wrong\nonly: [index]", []string{`there is no name "pots" here (did you mean "posts"?)`}},

		{"", "fetch_session, fetch_flash", "templates: posts", []string{"needs `protect_from_forgery` before that"}},
		{"", "fetch_session, protect_from_forgery", "templates: posts", []string{"11:9: pages tell what was done by the flash, which needs `fetch_flash` before it"}},
		{"[parsers]", "", "templates: posts", []string{"14:20: forms that update and delete need `method_override`"}},
		{"", "", "flash: {created: Hi}", []string{"`flash` tells on pages what was done, and this resource has none"}},
		{"", "", "templates: posts\nflash: {craeted: Hi}", []string{`15:17: the flash does not tell of "craeted" (did you mean "created"?)`}},
		{"", "", "templates: posts\nflash: Hi", []string{"`flash` takes texts for created, updated and deleted, or false"}},
		{"", "", "templates: posts\nflash: {created: [a]}", []string{"expected a text, or false"}},
		{"", "", "templates: posts\nflash: {created: \"${record.titel}\"}", []string{"titel"}},
		{"", "", "templates: posts\nflash: {created: \"${record.note}\"}", []string{"note"}},
		{"", "", "templates: posts\nexcept: [show]", []string{"no GET route answers /posts/${...}"}},
		{"", "", "templates: posts\nonly: [delete]", []string{"no GET route answers /posts"}},

		{"", "", "uploads: {cover: {to: uploads, types: any}}", []string{`14:19: "cover" is not a field of the schema post`}},
		{"", "", "uploads: {n: {to: uploads, types: any}}", []string{`"n" cannot hold the name of a file`}},
		{"", "", "uploads: {set: {to: uploads, types: any}}", []string{`"set" cannot hold the name of a file`}},
		{"", "", "uploads: {title: {to: uploads}}", []string{"types"}},
		{"", "", "uploads: {title: {to: uploads, types: image/pgn}}", []string{`"image/pgn" is no type`}},
		{"", "", "uploads: {title: {from: \"${params.x}\", to: uploads, types: any}}", []string{"the file comes from the field \"title\" of the form"}},
		{"", "", "uploads: {title: uploads}", []string{"`title` takes the settings of save_upload"}},
		{"", "", "templates: posts\nroutes:\n  - {resources: /comments, schema: comment, templates: posts, only: [new, create]}", nil},
	}
	pages := map[string]string{"templates/posts/bad/show.html": "{{.post.titel}}", "templates/posts/hidden/show.html": "{{.post.note}}", "templates/posts/wrong/index.html": "{{range .pots}}{{end}}"}
	for _, page := range []string{"index", "show", "new", "edit"} {
		pages["templates/posts/"+page+".html"] = page
	}
	for _, tt := range tests {
		t.Run(tt.plugs+tt.pipeline+tt.entry, func(t *testing.T) {
			if tt.plugs == "" {
				tt.plugs = plugs
			}
			if tt.pipeline == "" {
				tt.pipeline = pipeline
			}
			var yaml strings.Builder
			yaml.WriteString(strings.NewReplacer("PLUGS", tt.plugs, "PIPELINE", tt.pipeline).Replace(head))
			for line := range strings.Lines(tt.entry) {
				yaml.WriteString("        " + line)
			}
			got := apptest.ProblemsIn(t, apptest.Folder(t, pages), yaml.String()+"\n")
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("problems:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
