package server

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/password"
)

// Pages reload for what a developer edits, and not for what the application writes itself.
func TestAssetFolders(t *testing.T) {
	const resource = "  - resources: /posts\n        schema: post\n        public: true\n        uploads: {cover: {to: covers, types: any}}\n"
	const head = "version: 1\nstores: {main: {url: 'sqlite:x.db'}}\nschemas: {post: {table: posts, fields: {cover: {type: string}}}}\n"
	const static = "endpoint: {plugs: [static: {at: /a, from: public}, static: {at: /b, from: covers}, parsers]}\n"
	tests := []struct {
		name, manifest string
		want           []string
	}{
		{"static alone", head + static + "scopes: [{routes: [{get: /, text: A}]}]\n", []string{"public", "covers"}},
		{"what a resource keeps", head + static + "scopes:\n  - routes:\n    " + resource, []string{"public"}},
		{"what save_upload keeps", head + static + "scopes: [{routes: [{post: /, do: [{save_upload: {from: \"${params.f}\", to: covers, types: any}}, {text: A}]}]}]\n", []string{"public"}},
		{"another folder", head + "endpoint: {plugs: [static: {at: /b, from: other}]}\nscopes:\n  - routes:\n    " + resource, []string{"other"}},
		{"none", "version: 1\nscopes: [{routes: [{get: /, text: A}]}]\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := folder{t, t.TempDir()}
			f.write("app.yaml", tt.manifest)
			l := app.Load(filepath.Join(f.dir, "app.yaml"), "dev", app.Deps{
				Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Hub: app.NoHub{}, Hasher: password.NewHasher(1), Dev: true,
				Getenv: func(string) (string, bool) { return "", false },
			})
			if l.App == nil {
				t.Fatalf("the manifest has faults: %v", l.Problems)
			}
			got := assetFolders(l)
			for i := range got {
				got[i] = filepath.Base(got[i])
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("folders %q, want %q", got, tt.want)
			}
		})
	}
}
