package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// folder is where a test's manifest stands.
type folder struct {
	t   *testing.T
	dir string
}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f folder) write(name, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(f.path(name)), 0o755); err != nil {
		f.t.Fatal(err)
	}
	// Written beside and renamed, as editors do.
	if err := os.WriteFile(f.path(name)+".new", []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(f.path(name)+".new", f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

// answering is a manifest whose / answers text.
func answering(text string) string {
	return "version: 1\nendpoint: {listen: '127.0.0.1:0'}\nscopes:\n  - routes:\n      - get: /\n        text: " + text + "\n"
}

// start serves dir/app.yaml until the test ends.
func start(t *testing.T, dir string, watch bool, prepare ...func(*Server)) *Server {
	t.Helper()
	s, err := New(Options{
		Path: filepath.Join(dir, "app.yaml"), Environment: "test", Watch: watch, Log: slog.New(slog.DiscardHandler),
		Getenv: func(string) (string, bool) { return "", false }, Random: rand.Reader, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range prepare {
		f(s)
	}
	if err := s.Start(); err != nil {
		var invalid *Invalid
		if errors.As(err, &invalid) {
			t.Fatalf("not served: %v", invalid.Loaded.Problems[0])
		}
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := await.From(t, "the end of the server", done); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path string) string {
	t.Helper()
	r, err := http.Get("http://" + s.Addr().String() + path)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestReloadUnderLoadLosesNothing(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", answering("v0"))
	s := start(t, f.dir, false)
	l := startLoad(s.Addr().String())
	for i := 1; i <= 100; i++ {
		if i%10 == 5 {
			f.write("app.yaml", answering("v0\n      - gett: /x\n        text: x"))
			var invalid *Invalid
			if err := s.Reload(); !errors.As(err, &invalid) {
				t.Fatalf("a manifest with a fault gave %v", err)
			}
			if got, want := invalid.Loaded.Problems[0].Error(), f.path("app.yaml")+`:7:9: unknown kind of route "gett" (did you mean "get"?)`; got != want {
				t.Errorf("the fault is told as %s, want %s", got, want)
			}
		}
		f.write("app.yaml", answering(fmt.Sprintf("v%d", i)))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		if got, want := get(t, s, "/"), fmt.Sprintf("v%d", i); got != want {
			t.Fatalf("after reload %d / answers %q", i, got)
		}
	}
	l.end(t)
}

func TestReloadsLeakNothing(t *testing.T) {
	reloads := 1000
	if raceEnabled {
		reloads = 200 // each costs ten times as much
	}
	f := folder{t, t.TempDir()}
	manifest := `version: 1
endpoint: {listen: '127.0.0.1:0', secret_key_base: %s}
stores: {main: {url: "sqlite:data.db"}}
tokens: {user: {salt: user}}
schemas: {post: {table: posts, fields: {title: {type: string}}}}
upstreams: {other: {targets: "http://127.0.0.1:9"}}
pipelines: {api: [{rate_limit: {rate: 1000/s}}]}
scopes:
  - pipe_through: api
    routes:
      - {get: /, text: v%d}
      - {any: /other/*rest, proxy: other}
      - {get: /posts, do: [{query: select 1 as one, as: rows}, {json: "${rows}"}]}
sockets:
  - {path: /socket, connect: [], channels: [{topic: "room:*", join: []}]}
`
	secret := strings.Repeat("s", 64)
	f.write("app.yaml", fmt.Sprintf(manifest, secret, 0))
	s := start(t, f.dir, false)
	reload := func(i int) {
		f.write("app.yaml", fmt.Sprintf(manifest, secret, i))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		reload(i)
	}
	goroutines, heap, shared := runtime.NumGoroutine(), heapInUse(), s.shared.Len()
	for i := range reloads {
		reload(i)
	}
	await.Until(t, "goroutines are as many as before", func() bool { return runtime.NumGoroutine() <= goroutines+2 })
	if got := s.shared.Len(); got != shared {
		t.Errorf("%d shared things are open, %d were", got, shared)
	}
	await.Until(t, fmt.Sprintf("the heap is as large as before, %d bytes", heap), func() bool { return heapInUse() <= heap+heap/4+2<<20 })
	t.Logf("%d reloads: goroutines %d then %d, heap %d KB then %d KB", reloads, goroutines, runtime.NumGoroutine(), heap>>10, heapInUse()>>10)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestFilesAreWatched(t *testing.T) {
	const main = "version: 1\nendpoint: {listen: '127.0.0.1:0'}\ninclude: routes/*.yaml\nscopes:\n  - routes:\n      - {get: /, text: one}\n      - {get: /page, render: page.html}\n"
	f := folder{t, t.TempDir()}
	f.write("app.yaml", main)
	f.write("templates/page.html", "old page")
	s := start(t, f.dir, true)
	answers := func(path, want string) func() bool {
		return func() bool { return get(t, s, path) == want }
	}
	await.Until(t, "the first manifest answers", answers("/", "one"))

	f.write("app.yaml", strings.Replace(main, "text: one", "text: two", 1))
	await.Until(t, "an edit of the manifest is seen", answers("/", "two"))

	f.write("templates/page.html", "new page")
	await.Until(t, "an edit of a template is seen", answers("/page", "new page"))

	f.write("routes/more.yaml", "scopes:\n  - routes:\n      - {get: /more, text: three}\n")
	await.Until(t, "a new file of a glob is seen", answers("/more", "three"))

	f.write("app.yaml", "version: 1\nscopes: [")
	generation := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.generation }
	before := generation()
	f.write("routes/more.yaml", "scopes:\n  - routes:\n      - {get: /more, text: four}\n")
	if got := get(t, s, "/"); got != "two" || generation() != before {
		t.Errorf("a manifest that cannot be read changed the answer to %q", got)
	}

	f.write("app.yaml", strings.Replace(main, "text: one", "text: five", 1))
	await.Until(t, "a repaired manifest is seen", answers("/", "five"))
	await.Until(t, "and the include with it", answers("/more", "four"))
}

// Kubernetes mounts a folder whose files are links through ..data, and swaps that link.
func TestASwappedLinkIsSeen(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("v1/app.yaml", answering("v1"))
	f.write("v2/app.yaml", answering("v2"))
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, f.path(name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.path(name+".new"), f.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/app.yaml", "app.yaml")
	s := start(t, f.dir, true)
	await.Until(t, "the first version answers", func() bool { return get(t, s, "/") == "v1" })
	link("v2", "..data")
	await.Until(t, "the second version answers", func() bool { return get(t, s, "/") == "v2" })
}

func TestAnotherAddressIsListenedOn(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", answering("v1"))
	s := start(t, f.dir, false)
	old := s.Addr().String()
	f.write("app.yaml", strings.Replace(answering("v2"), "127.0.0.1:0", "localhost:0", 1))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "/"); s.Addr().String() == old || got != "v2" {
		t.Errorf("%s answers %q, want v2 at another address than %s", s.Addr(), got, old)
	}
	if c, err := net.Dial("tcp", old); err == nil {
		c.Close()
		t.Error("the old address still takes connections")
	}
}

func TestTheLogTellsWhatAReloadChanged(t *testing.T) {
	const main = "version: 1\nendpoint: {listen: '127.0.0.1:0'}\npipelines: {p: [{put_resp_header: {x-a: one}}]}\nscopes:\n" +
		"  - routes:\n      - {get: /same, text: same}\n      - {get: /edited, text: one}\n      - {get: /gone, text: gone}\n" +
		"  - pipe_through: p\n    routes: [{get: /piped, text: piped}]\n"
	var logged bytes.Buffer
	f := folder{t, t.TempDir()}
	f.write("app.yaml", main)
	s := start(t, f.dir, false)
	s.log = slog.New(slog.NewTextHandler(&logged, nil))
	f.write("app.yaml", strings.NewReplacer("text: one", "text: two", "get: /gone", "get: /new", "x-a: one", "x-a: two").Replace(main))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if want := `routes="4 (+1 -1 ~2)"`; !strings.Contains(logged.String(), want) {
		t.Errorf("the log says %s, want %s in it", logged.String(), want)
	}
}
