package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/reference"
)

// What `make generate` writes is committed, and follows from the code as it is.
func TestGeneratedFilesAreFresh(t *testing.T) {
	root := gatewaytest.Root(t)
	schema, err := reference.SchemaText()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"schema/gateway.schema.json": string(schema)}
	for name, text := range reference.Pages() {
		want["docs/reference/"+name] = text
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != text {
			t.Errorf("%s is stale, run `make generate` (%v)", name, err)
		}
	}
	pages, err := os.ReadDir(filepath.Join(root, "docs", "reference"))
	if err != nil || len(pages) != len(reference.Pages()) {
		t.Errorf("docs/reference holds %d files, want the %d generated ones (%v)", len(pages), len(reference.Pages()), err)
	}
}
