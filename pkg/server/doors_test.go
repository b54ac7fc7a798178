package server

import (
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// listening is a manifest with a `listen`, whose / answers what it knows of who asks.
func listening(listen string) string {
	return "version: 1\nendpoint: {listen: " + listen + ", trusted_proxies: unix}\nscopes:\n  - routes:\n      - {get: /, text: 'v ${request.ip} ${request.scheme}'}\n"
}

func overUnix(path string) *http.Client {
	return &http.Client{Timeout: await.Patience, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
}

func textOf(t *testing.T, r *http.Response, err error) string {
	t.Helper()
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAUnixSocket(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", listening("'unix:run/g.sock'"))
	path := f.path("run/g.sock")
	if err := os.MkdirAll(f.path("run"), 0o755); err != nil {
		t.Fatal(err)
	}
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close() // as a process leaves it that was killed
	t.Run("serves", func(t *testing.T) {
		s := start(t, f.dir, false)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o660 || info.Mode()&fs.ModeSocket == 0 {
			t.Errorf("the socket has mode %v", info.Mode())
		}
		client := overUnix(path)
		r, err := client.Get("http://a.example/")
		if got := textOf(t, r, err); got != "v unix http" {
			t.Errorf("a peer is seen as %q", got)
		}
		behind, err := http.NewRequest(http.MethodGet, "http://a.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		behind.Header.Set("X-Forwarded-For", "192.0.2.1")
		behind.Header.Set("X-Forwarded-Proto", "https")
		r, err = client.Do(behind)
		if got := textOf(t, r, err); got != "v 192.0.2.1 https" {
			t.Errorf("who comes through a trusted proxy is seen as %q", got)
		}
		if got := s.URLs(); len(got) != 1 || got[0] != "unix:run/g.sock" {
			t.Errorf("the URLs are %v", got)
		}
		if other, err := listenUnix(path); err == nil {
			other.Close()
			t.Error("another takes the socket of one that serves")
		}
	})
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is there after the end")
	}
}

func TestUnixSocketsThatCannotBe(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("file", "of somebody")
	tests := []struct{ name, path, want string }{
		{"a file of somebody", f.path("file"), "is no socket"},
		{"a path that is too long", f.path(strings.Repeat("x", maxSocket)), "at most"},
		{"a folder that is a file", f.path("file/g.sock"), "not a directory"},
	}
	for _, tt := range tests {
		if l, err := listenUnix(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			if err == nil {
				l.Close()
			}
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if text, err := os.ReadFile(f.path("file")); err != nil || string(text) != "of somebody" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

// A reload opens and closes addresses; the others and what is open on them stay.
func TestAddressesComeAndGo(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	const secure = ", tls: {cert: a.crt, key: a.key}"
	f.write("app.yaml", strings.Replace(listening("'127.0.0.1:0'"), ", trusted", secure+", trusted", 1))
	s := start(t, f.dir, false)
	first := s.URLs()[0]
	client := secureClient(t, "", "http/1.1")
	client.Transport.(*http.Transport).MaxConnsPerHost = 1
	answers := func(want string) string {
		t.Helper()
		r, err := client.Get(first)
		got := textOf(t, r, err)
		if got != want {
			t.Errorf("%s answers %q, want %q", first, got, want)
		}
		return got
	}
	answers("v 127.0.0.1 https")
	reload := func(listen, tls string) {
		t.Helper()
		f.write("app.yaml", strings.Replace(listening(listen), ", trusted", tls+", trusted", 1))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	reload("['127.0.0.1:0', {address: 'localhost:0', tls: false}, 'unix:g.sock']", secure)
	urls := s.URLs()
	if len(urls) != 3 || urls[0] != first || !strings.HasPrefix(urls[1], "http://127.0.0.1:") || urls[2] != "unix:g.sock" {
		t.Fatalf("the URLs are %v", urls)
	}
	answers("v 127.0.0.1 https")
	r, err := http.Get(urls[1])
	if got := textOf(t, r, err); got != "v 127.0.0.1 http" {
		t.Errorf("%s answers %q", urls[1], got)
	}
	r, err = overUnix(f.path("g.sock")).Get("http://a")
	if got := textOf(t, r, err); got != "v unix http" {
		t.Errorf("the socket answers %q", got)
	}
	reload("'127.0.0.1:0'", secure)
	answers("v 127.0.0.1 https")
	if _, err := os.Stat(f.path("g.sock")); err == nil {
		t.Error("the socket is there after it was given up")
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(urls[1], "http://")); err == nil {
		c.Close()
		t.Errorf("%s answers after it was given up", urls[1])
	}
	reload("'127.0.0.1:0'", "") // the same address without TLS
	if got := get(t, s, "/"); got != "v 127.0.0.1 http" || s.URLs()[0] != strings.Replace(first, "https", "http", 1) {
		t.Errorf("without TLS %v answers %q", s.URLs(), got)
	}
	answers("v 127.0.0.1 https") // the connection from before is open
}

func TestAnAddressThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	f := folder{t, t.TempDir()}
	f.write("app.yaml", listening("'127.0.0.1:0'"))
	s := start(t, f.dir, false)
	before := s.URLs()
	f.write("app.yaml", listening("['unix:g.sock', '"+taken.Addr().String()+"']"))
	if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("the reload gives %v", err)
	}
	if _, err := os.Stat(f.path("g.sock")); err == nil {
		t.Error("half of the addresses are open")
	}
	if got := get(t, s, "/"); got != "v 127.0.0.1 http" || len(s.URLs()) != 1 || s.URLs()[0] != before[0] {
		t.Errorf("%v answers %q, want what was before", s.URLs(), got)
	}
}
