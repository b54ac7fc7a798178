package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/tlscert"
)

// secureIn is a manifest whose / answers text over TLS, with the rest of `tls`.
func secureIn(tls, text string) string {
	return "version: 1\nendpoint: {listen: '127.0.0.1:0', tls: " + tls + "}\nscopes:\n  - routes:\n      - {get: /, text: " + text + "}\n" +
		"      - {post: /, json: {n: \"${len(params.a ?? '')}\", scheme: \"${request.scheme}\"}}\n"
}

// pair writes the files NAME.crt and NAME.key of a certificate for names.
func (f folder) pair(name string, names ...string) {
	f.t.Helper()
	cert, key, err := tlscert.SelfSigned(f.path("made-"+name+strings.Join(names, "-")), names, rand.Reader, time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	for from, to := range map[string]string{cert: name + ".crt", key: name + ".key"} {
		text, err := os.ReadFile(from)
		if err != nil {
			f.t.Fatal(err)
		}
		f.write(to, string(text))
	}
}

// secureClient believes anybody, and asks by a name; without protocols it speaks HTTP/2.
func secureClient(t *testing.T, name string, protocols ...string) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols}, ForceAttemptHTTP2: len(protocols) == 0}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: await.Patience}
}

// presented is the certificate that a new connection gets.
func presented(t *testing.T, s *Server, name string) *x509.Certificate {
	t.Helper()
	c, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

func TestHTTPSAnswers(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "one"))
	s := start(t, f.dir, false)
	if got := s.URLs(); len(got) != 1 || got[0] != "https://"+s.Addr().String() {
		t.Errorf("the URLs are %v", got)
	}
	for _, tt := range []struct{ protocol, want string }{{"", "HTTP/2.0"}, {"http/1.1", "HTTP/1.1"}} {
		client := secureClient(t, "a.example", strings.Fields(tt.protocol)...)
		for range 3 {
			r, err := client.Post("https://"+s.Addr().String()+"/", "application/json", io.MultiReader(strings.NewReader(`{"a": "four"}`))) // in chunks
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.Proto != tt.want || string(body) != `{"n":4,"scheme":"https"}` || r.Close {
				t.Errorf("%s %d %s, closed %v, %v, want %s", r.Proto, r.StatusCode, body, r.Close, err, tt.want)
			}
		}
	}
}

func TestWhatIsRefusedOverTLS(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key, min_version: 1.3}", "one"))
	s := start(t, f.dir, false)
	address := s.Addr().String()
	t.Run("an old version", func(t *testing.T) {
		if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
			c.Close()
			t.Error("TLS 1.2 is spoken")
		}
	})
	t.Run("a challenge that nobody asked for", func(t *testing.T) {
		if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"acme-tls/1"}, ServerName: "a.example"}); err == nil {
			c.Close()
			t.Error("acme-tls/1 is spoken")
		}
	})
	t.Run("plain HTTP", func(t *testing.T) {
		if status, closed := send(t, address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); status != "400 Bad Request" || !closed {
			t.Errorf("%q, closed %v", status, closed)
		}
	})
	t.Run("noise", func(t *testing.T) {
		if status, closed := send(t, address, "\x00\x01\x02\x03\x04\x05\x06"); status != "" || !closed {
			t.Errorf("%q, closed %v", status, closed)
		}
	})
	t.Run("two lengths", func(t *testing.T) {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(await.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%s, %v", answer, err)
		}
	})
	if r, err := secureClient(t, "").Get("https://" + address); err != nil || r.StatusCode != 200 {
		t.Errorf("after all that: %v, %v", r, err)
	}
}

// A client that says nothing keeps nobody else from the door.
func TestASilentHandshake(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "one"))
	s := start(t, f.dir, false)
	for range 50 {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if r, err := secureClient(t, "").Get("https://" + s.Addr().String()); err != nil || r.StatusCode != 200 {
		t.Errorf("%v, %v", r, err)
	}
} // the server ends at once, although 50 handshakes are under way: start would wait in vain

func TestASwappedCertificateIsUsedByTheNextConnection(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "old.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "v"))
	s := start(t, f.dir, false) // nothing is watched
	url := "https://" + s.Addr().String() + "/"
	stop, clients := make(chan struct{}), sync.WaitGroup{}
	var mu sync.Mutex
	asked, faults := 0, []string{}
	for i := range 8 {
		client := secureClient(t, "", [][]string{nil, {"http/1.1"}}[i%2]...)
		client.Transport.(*http.Transport).DisableKeepAlives = i%4 < 2 // half of them connect anew each time
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := client.Get(url)
				mu.Lock()
				if asked++; err != nil {
					faults = append(faults, err.Error())
				} else if r.StatusCode != 200 {
					faults = append(faults, r.Status)
				}
				mu.Unlock()
				if err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
			}
		})
	}
	for i := range 20 {
		name := fmt.Sprintf("n%d.example", i)
		f.pair("a", name)
		if got := presented(t, s, "").DNSNames[0]; got != name {
			t.Fatalf("after swap %d a new connection gets %s", i, got)
		}
		f.write("a.crt", "broken")
		if got := presented(t, s, "").DNSNames[0]; got != name {
			t.Fatalf("a broken file is answered by %s, want %s", got, name)
		}
	}
	close(stop)
	clients.Wait()
	if len(faults) > 0 || asked == 0 {
		t.Errorf("%d of %d requests failed: %v", len(faults), asked, faults[:min(3, len(faults))])
	}
	t.Logf("%d requests", asked)
}

func TestReloadsWithTLSLoseNothing(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.pair("b", "b.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "v0"))
	s := start(t, f.dir, false)
	address := s.Addr().String()
	stop, clients := make(chan struct{}), sync.WaitGroup{}
	l := &load{stop: stop}
	for i := range 16 {
		client := secureClient(t, "", [][]string{nil, {"http/1.1"}}[i%2]...)
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					l.ask(client, "https://"+address+"/")
				}
			}
		})
	}
	for i := 1; i <= 100; i++ {
		name := []string{"a", "b"}[i%2]
		version := []string{"1.2", "1.3"}[i%3%2]
		f.write("app.yaml", secureIn(fmt.Sprintf("{cert: %s.crt, key: %s.key, min_version: '%s'}", name, name, version), fmt.Sprintf("v%d", i)))
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			if got := presented(t, s, "").DNSNames[0]; got != name+".example" {
				t.Fatalf("after reload %d a new connection gets %s", i, got)
			}
		}
	}
	close(stop)
	clients.Wait()
	if n := l.failed.Load(); n > 0 || l.requests.Load() == 0 {
		t.Errorf("%d of %d requests failed, the first: %v", n, l.requests.Load(), l.firstFault.Load())
	}
	if s.shared.Len() > 1 {
		t.Errorf("%d things are open, want the one certificate", s.shared.Len())
	}
}

// Sessions of TLS are resumed after a reload too: the handshake of a client that was here
// before stays short.
func TestSessionsAreResumedAfterAReload(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "one"))
	s := start(t, f.dir, false)
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "a.example", ClientSessionCache: tls.NewLRUClientSessionCache(1), NextProtos: []string{"http/1.1"}}
	resumed := func() bool {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: config.Clone(), DisableKeepAlives: true}
		r, err := (&http.Client{Transport: transport}).Get("https://" + s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		_, _ = io.Copy(io.Discard, r.Body)
		return r.TLS.DidResume
	}
	if resumed() {
		t.Fatal("the first handshake resumes")
	}
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "two"))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if !resumed() {
		t.Error("the handshake after a reload begins anew")
	}
}

func TestABrokenCertificateRefusesAReload(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", secureIn("{cert: a.crt, key: a.key}", "one"))
	s := start(t, f.dir, false)
	f.write("app.yaml", secureIn("{cert: missing.crt, key: a.key}", "two"))
	if err := s.Reload(); err == nil {
		t.Error("a certificate that is missing is served")
	}
	if got := presented(t, s, "").DNSNames[0]; got != "a.example" {
		t.Errorf("a new connection gets %s", got)
	}
}

func TestSelfSignedIsForDevelopers(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", secureIn("self_signed", "one"))
	serving := func(environment string, dev bool) (*Server, error) {
		s, err := New(Options{
			Path: f.path("app.yaml"), Environment: environment, Dev: dev, Log: slog.New(slog.DiscardHandler),
			Getenv: func(string) (string, bool) { return "", false }, Random: rand.Reader, Now: time.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		return s, s.Start()
	}
	for _, environment := range []string{"prod", "dev"} {
		if _, err := serving(environment, false); err == nil {
			t.Errorf("%s serves it without --dev", environment)
		}
	}
	var before []byte
	for range 2 {
		s, err := serving("dev", true)
		if err != nil {
			t.Fatal(err)
		}
		c := presented(t, s, "localhost")
		if err := c.VerifyHostname("127.0.0.1"); err != nil {
			t.Error(err)
		}
		if before != nil && !bytes.Equal(before, c.Raw) {
			t.Error("it is another one after a restart")
		}
		before = c.Raw
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(f.dir, ".gateway", ".gitignore")); err != nil {
		t.Error(err)
	}
}
