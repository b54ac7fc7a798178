// Package acme_test has certificates issued to a gateway by Pebble, a CA for tests.
package acme_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
	"github.com/openmanifest/gateway/test/conformance/kit"
)

const (
	domain = "gateway.test"
	within = time.Minute // that a CA on this machine does what it is asked
)

// A pebble is a CA. Its address is known before the ports on which it tests domains are:
// until settle it lets who asks wait.
type pebble struct {
	*httptest.Server
	ready   chan struct{}
	handler http.Handler
	issued  *x509.CertPool
	dns     string
}

func startPebble(t *testing.T) *pebble {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	p := &pebble{ready: make(chan struct{}), dns: startDNS(t)}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-p.ready:
			p.handler.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// settle makes the CA: it tests domains on these ports, and certificates live this long.
func (p *pebble) settle(httpPort, tlsPort int, lifetime time.Duration) {
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: uint64(lifetime.Seconds())}})
	p.issued = x509.NewCertPool()
	p.issued.AddCert(authority.GetRootCert(0).Cert)
	validator := va.New(quiet, httpPort, tlsPort, true, p.dns, store)
	front := wfe.New(quiet, store, validator, authority, []string{"pebble.test"}, true, false, 1, 1)
	p.handler = front.Handler()
	close(p.ready)
}

// root writes the certificate by which the CA's own address is believed.
func (p *pebble) root(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), pemOf(p.Certificate()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startDNS answers each question by this machine.
func startDNS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
		}
		_ = w.WriteMsg(answer)
	})}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = s.Shutdown()
		<-done
	})
	return l.Addr().String()
}

// manifest has a plain address too where HTTP-01 is to be used.
func manifest(p *pebble, plain bool, text string) string {
	listen := "'127.0.0.1:0'"
	if plain {
		listen = "['127.0.0.1:0', {address: 'localhost:0', tls: false}]"
	}
	return fmt.Sprintf("version: 1\nendpoint:\n  listen: %s\n  tls: {acme: {domains: [%s], email: admin@gateway.test, directory: '%s/dir', ca_root: ca.pem, storage: acme}}\n"+
		"scopes: [{routes: [{get: /, text: %s}]}]\n", listen, domain, p.URL, text)
}

// presented is the certificate of a new connection, checked by the CA's root; nil where
// there is none.
func presented(p *pebble, address string) *x509.Certificate {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", address, &tls.Config{ServerName: domain, RootCAs: p.issued})
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0]
}

func until(t *testing.T, what string, g *kit.Gateway, ok func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s:\n%s", what, g.Log)
		case <-tick.C:
		}
	}
}

func TestACertificateIsIssuedKeptAndRenewed(t *testing.T) {
	p := startPebble(t)
	dir := t.TempDir()
	p.root(t, dir)
	began := time.Now()
	g := kit.Start(t, dir, manifest(p, false, "one"))
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("a CA that does not answer holds up the start for %v", took)
	}
	if presented(p, g.Addr().String()) != nil {
		t.Error("there is a certificate before the CA has answered")
	}
	p.settle(1, kit.Port(t, g.Addr()), 30*time.Second) // nothing answers by HTTP-01
	g.Log.Wait(t, "the CA has issued a certificate", 1, within)
	address := g.Addr().String()
	until(t, "the certificate is used", g, func() bool { return presented(p, address) != nil })
	first := presented(p, address)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: domain, RootCAs: p.issued}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	r, err := client.Get("https://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(r.Body); err != nil || string(text) != "one" {
		t.Errorf("it answers %q, %v", text, err)
	}
	r.Body.Close()

	if err := os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(manifest(p, false, "two")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(); err != nil {
		t.Fatal(err)
	}
	if c := presented(p, address); c == nil {
		t.Error("a reload loses the certificate")
	}
	g.Log.Wait(t, "the CA has issued a certificate", 2, within) // well before its end
	until(t, "the renewed certificate is used", g, func() bool {
		c := presented(p, address)
		return c != nil && c.SerialNumber.Cmp(first.SerialNumber) != 0
	})
	g.Stop()
	if strings.Contains(g.Log.String(), "PRIVATE KEY") {
		t.Error("the log holds a key")
	}
}

func TestAStoredCertificateIsUsedAfterARestart(t *testing.T) {
	p := startPebble(t)
	dir := t.TempDir()
	p.root(t, dir)
	g := kit.Start(t, dir, manifest(p, false, "one"))
	p.settle(1, kit.Port(t, g.Addr()), 24*time.Hour)
	until(t, "the certificate is used", g, func() bool { return presented(p, g.Addr().String()) != nil })
	first := presented(p, g.Addr().String())
	g.Stop()
	p.Close() // the CA is away

	again := kit.Start(t, dir, manifest(p, false, "one"))
	until(t, "the stored certificate is used", again, func() bool { return presented(p, again.Addr().String()) != nil })
	if c := presented(p, again.Addr().String()); c.SerialNumber.Cmp(first.SerialNumber) != 0 {
		t.Error("it is another one after a restart")
	}
	if info, err := os.Stat(filepath.Join(dir, "acme")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

func TestADomainIsTestedOverPlainHTTP(t *testing.T) {
	p := startPebble(t)
	dir := t.TempDir()
	p.root(t, dir)
	g := kit.Start(t, dir, manifest(p, true, "one"))
	_, plain, _ := strings.Cut(g.URLs()[1], "://")
	_, port, err := net.SplitHostPort(plain)
	if err != nil {
		t.Fatal(err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	p.settle(number, 1, 24*time.Hour) // nothing answers by TLS-ALPN-01
	until(t, "the certificate is used", g, func() bool { return presented(p, g.Addr().String()) != nil })
	if c := presented(p, g.Addr().String()); !slices.Equal(c.DNSNames, []string{domain}) {
		t.Errorf("the certificate is for %v", c.DNSNames)
	}
	r, err := http.Get("http://" + plain + "/.well-known/acme-challenge/made-up")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("a challenge that nobody asked for gives %s", r.Status)
	}
}
