// Package housetest keeps the rules of the house that a compiler does not: who imports
// whom, and what no file holds.
package housetest

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

const module = "github.com/openmanifest/gateway/"

// layers go from the ground up: a package imports only packages of layers below its own.
// A name that ends in / is a folder of packages.
func layers() [][]string {
	return [][]string{
		{"pkg/config/diag", "pkg/value", "pkg/redact", "pkg/hostname", "pkg/postgrest", "pkg/bus"},
		{"pkg/config/source", "pkg/expr", "pkg/routes", "pkg/store", "pkg/tokens", "pkg/password", "pkg/ratelimit", "pkg/outbound", "pkg/presence", "pkg/tlscert", "pkg/bytecache", "pkg/compress", "pkg/bus/nats"},
		{"pkg/config/spec", "pkg/channels", "pkg/httpcache", "pkg/observe", "pkg/jsonschema", "pkg/migrate", "pkg/store/internal/form", "pkg/store/internal/lru", "pkg/store/internal/views", "pkg/relations"},
		{"pkg/config", "pkg/store/internal/ddl"},
		{"pkg/changeset", "pkg/store/postgres", "pkg/store/sqlite", "pkg/store/drift"},
		{"pkg/pipeline"},
		{"pkg/session", "pkg/changeset/records", "pkg/plugs/internal/", "pkg/handlers/internal/"},
		{"pkg/handlers/render", "pkg/handlers/openapi"},
		{"pkg/handlers/resource"},
		{"pkg/handlers/", "pkg/plugs/values"},
		{"pkg/plugs/"},
		{"pkg/app"},
		{"pkg/reference", "pkg/server"},
		{"cmd/gateway"},
	}
}

// kits help tests and measurements, and are imported by nothing else. They may import
// anything.
func kits() []string {
	return []string{"internal/", "bench/", "pkg/store/storetest", "pkg/pipeline/pipetest", "pkg/app/apptest", "pkg/bus/bustest"}
}

// drivers are the modules behind which another may stand one day: each is known to one
// package.
func drivers() map[string]string {
	return map[string]string{
		"github.com/jackc/pgx/":                "pkg/store/postgres",
		"github.com/ncruces/":                  "pkg/store/sqlite",
		"github.com/gorilla/websocket":         "pkg/channels",
		"github.com/julienschmidt/httprouter":  "pkg/routes",
		"github.com/fsnotify/fsnotify":         "pkg/server",
		"gopkg.in/yaml.v3":                     "pkg/config/source",
		"github.com/goccy/go-yaml":             "pkg/config/source",
		"github.com/expr-lang/expr":            "pkg/expr",
		"github.com/spf13/cobra":               "cmd/gateway",
		"golang.org/x/crypto/argon2":           "pkg/password",
		"golang.org/x/crypto/bcrypt":           "pkg/password",
		"golang.org/x/crypto/chacha20poly1305": "pkg/tokens",
		"github.com/go-jose/":                  "pkg/tokens",
		"go.opentelemetry.io/":                 "pkg/observe",
		"github.com/klauspost/compress/":       "pkg/compress",
		"github.com/andybalholm/brotli":        "pkg/compress",
		"github.com/santhosh-tekuri/":          "pkg/jsonschema",
		"github.com/caddyserver/certmagic":     "pkg/tlscert",
		"github.com/nats-io/nats.go":           "pkg/bus/nats",
		"go.uber.org/zap":                      "pkg/tlscert",
		"github.com/rogpeppe/go-internal/test": "", // tests alone
	}
}

type goPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string // without those of tests
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
	list.Dir = gatewaytest.Root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

// named tells whether a package is the one called name, or in the folder of that name.
func named(pkg, name string) bool {
	return pkg == name || strings.HasSuffix(name, "/") && strings.HasPrefix(pkg, name)
}

func isKit(pkg string) bool {
	return slices.ContainsFunc(kits(), func(name string) bool { return named(pkg, name) })
}

// layerOf gives the height of a package, or -1. An exact name wins over a folder.
func layerOf(pkg string) int {
	folder := -1
	for height, names := range layers() {
		for _, name := range names {
			switch {
			case pkg == name:
				return height
			case named(pkg, name) && folder < 0:
				folder = height
			}
		}
	}
	return folder
}

func TestArrowsGoDown(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		if isKit(from) {
			continue
		}
		height := layerOf(from)
		if height < 0 {
			t.Errorf("%s stands in no layer: give it one in layers()", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			switch {
			case !ours:
			case isKit(to):
				t.Errorf("%s imports %s, which is for tests alone", from, to)
			case layerOf(to) >= height:
				t.Errorf("%s imports %s, which is not in a layer below", from, to)
			}
		}
	}
}

func TestDriversHaveOneImporter(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		if isKit(from) {
			continue
		}
		for _, imported := range p.Imports {
			for driver, only := range drivers() {
				if strings.HasPrefix(imported, driver) && from != only {
					t.Errorf("%s imports %s, which is for %q alone", from, imported, only)
				}
			}
		}
	}
}

// Every module that is required directly is a driver of the list above: none comes in
// unnoticed.
func TestModulesAreKnown(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(first, ".") || strings.HasPrefix(imported, module) {
				continue
			}
			known := false
			for driver := range drivers() {
				known = known || strings.HasPrefix(imported, driver)
			}
			if !known {
				t.Errorf("%s imports %s: add it to drivers() and to docs/dependencies.md", p.ImportPath, imported)
			}
		}
	}
}
