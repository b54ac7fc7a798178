package nats_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/logbook"
	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/bus/nats"
)

// open waits for the connection, for which Open itself has little time.
func open(t *testing.T, url string) *nats.Bus {
	t.Helper()
	b := openFor(t, url, "shop", slog.New(slog.DiscardHandler))
	await.Until(t, "the bus is up", b.Up)
	return b
}

func openFor(t *testing.T, url, name string, log *slog.Logger) *nats.Bus {
	t.Helper()
	b, err := nats.Open(t.Context(), nats.Options{URL: url, Name: name, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestContract(t *testing.T) {
	server := bustest.NewServer(t)
	bustest.Contract(t, func(t *testing.T) (a, b bus.Bus) { return open(t, server.URL()), open(t, server.URL()) })
}

func TestOutages(t *testing.T) {
	server := bustest.NewServer(t)
	bustest.Outages(t, func(t *testing.T) (a, b bus.Bus, cut, mend func()) {
		return open(t, server.URL()), open(t, server.URL()), server.Stop, server.Start
	})
}

// A server that hangs keeps its connections and answers nothing.
func TestOutagesOfAHangingServer(t *testing.T) {
	server := bustest.NewServer(t)
	bustest.Outages(t, func(t *testing.T) (a, b bus.Bus, cut, mend func()) {
		return open(t, server.URL()), open(t, server.URL()), server.Halt, server.Resume
	})
}

// crosses publishes until a message arrives.
func crosses(t *testing.T, a, b bus.Bus) {
	t.Helper()
	got := make(chan bool, 1)
	s, err := b.Subscribe("crosses", func([]byte) {
		select {
		case got <- true:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	await.Until(t, "a message crosses", func() bool {
		if b.Confirm(t.Context()) != nil || a.Publish("crosses", nil) != nil {
			return false
		}
		select {
		case <-got:
			return true
		case <-time.After(time.Second): // a may not have noticed yet that its server is gone
			return false
		}
	})
}

func TestServerComesLater(t *testing.T) {
	server := bustest.StoppedServer(t)
	var log logbook.Book
	url := strings.Replace(server.URL(), "://", "://me:hunter2@", 1)
	a, b := openFor(t, url, "shop", log.Logger()), openFor(t, url, "shop", log.Logger())
	told := make(chan bool, 1)
	a.Watch(func(up bool) { told <- up })
	got := make(chan string, 1)
	if _, err := b.Subscribe("x", func(data []byte) { got <- string(data) }); err != nil {
		t.Fatal(err)
	}
	if a.Up() || !errors.Is(a.Publish("x", nil), bus.ErrDown) {
		t.Error("up without a server")
	}
	await.Until(t, "the log tells", func() bool { return strings.Contains(log.String(), "no connection to the other nodes yet") })
	server.Start()
	if up := await.From(t, "word of the connection", told); !up {
		t.Error("told of a loss")
	}
	await.Until(t, "b is up", b.Up)
	if err := errors.Join(b.Confirm(t.Context()), a.Publish("x", []byte("1"))); err != nil {
		t.Fatal(err)
	}
	if g := await.From(t, "the message", got); g != "1" {
		t.Errorf("%q came", g)
	}
	if said := log.String(); strings.Contains(said, "hunter2") || !strings.Contains(said, "connected to the other nodes") {
		t.Errorf("the log says\n%s", said)
	}
}

func TestCredentials(t *testing.T) {
	withUser := bustest.NewServer(t, "--user", "me", "--pass", "hunter2")
	withToken := bustest.NewServer(t, "--auth", "s3cr3t")
	tests := []struct {
		name, url string
		up        bool
	}{
		{"user and password", "nats://me:hunter2@" + withUser.Address(), true},
		{"wrong password", "nats://me:hunter3@" + withUser.Address(), false},
		{"none", withUser.URL(), false},
		{"token", "nats://s3cr3t@" + withToken.Address(), true},
		{"wrong token", "nats://s3cr3d@" + withToken.Address(), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log logbook.Book
			b := openFor(t, tt.url, "shop", log.Logger())
			if tt.up {
				await.Until(t, "it is up", b.Up)
			} else { // it goes on trying, past the driver's own patience
				await.Until(t, "the log tells why", func() bool { return strings.Contains(log.String(), "Authorization Violation") })
				if b.Up() {
					t.Error("it is up")
				}
			}
			b.Close()
			for _, secret := range []string{"hunter", "s3cr3"} {
				if said := log.String(); strings.Contains(said, secret) {
					t.Errorf("the log says\n%s", said)
				}
			}
		})
	}
}

func TestTLS(t *testing.T) {
	cert, key := selfSigned(t)
	t.Setenv("SSL_CERT_FILE", cert)
	server := bustest.NewServer(t, "--tls", "--tlscert", cert, "--tlskey", key)
	url := "tls://localhost" + strings.TrimPrefix(server.Address(), "127.0.0.1")
	crosses(t, open(t, url), open(t, url))
}

// selfSigned writes a certificate of localhost, and its key. It is always the same one: a
// process reads the roots of the system once.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	pair, err := localhost()
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	if err := errors.Join(os.WriteFile(cert, pair[0], 0o600), os.WriteFile(key, pair[1], 0o600)); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

var localhost = sync.OnceValues(func() (pair [2][]byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair, err
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &private.PublicKey, private)
	if err != nil {
		return pair, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return pair, err
	}
	pair[0] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pair[1] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return pair, nil
})

func TestSeveralServers(t *testing.T) {
	first, second := bustest.NewServer(t), bustest.StoppedServer(t)
	url := first.URL() + ", " + second.URL()
	a, b := open(t, url), open(t, url)
	crosses(t, a, b)
	second.Start()
	first.Stop()
	await.Until(t, "both noticed", func() bool { return a.Publish("x", nil) != nil && b.Publish("x", nil) != nil || a.Up() && b.Up() })
	crosses(t, a, b)
}

func TestApplicationsDoNotMeet(t *testing.T) {
	server := bustest.NewServer(t)
	log := slog.New(slog.DiscardHandler)
	shop, other, blog := openFor(t, server.URL(), "shop", log), openFor(t, server.URL(), "shop", log), openFor(t, server.URL(), "blog", log)
	if _, err := blog.Subscribe("crosses", func([]byte) { t.Error("a message came to another application") }); err != nil {
		t.Fatal(err)
	}
	if _, err := blog.Answer("who", func(context.Context, []byte) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := blog.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	crosses(t, shop, other)
	if _, err := shop.Ask(t.Context(), "who", nil); !errors.Is(err, bus.ErrNobody) {
		t.Errorf("a question crossed into another application: %v", err)
	}
	if err := blog.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestServersPayload(t *testing.T) {
	config := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(config, []byte("max_payload: 1000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := bustest.NewServer(t, "-c", config)
	a, b := open(t, server.URL()), open(t, server.URL())
	if a.MaxBytes() != 999 {
		t.Errorf("MaxBytes is %d", a.MaxBytes())
	}
	if _, err := b.Answer("echo", func(_ context.Context, data []byte) []byte { return data }); err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Ask(t.Context(), "echo", make([]byte, 999)); err != nil || len(got) != 999 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// An application needs no rights beside those to its own subjects.
func TestRightsBySubject(t *testing.T) {
	config := filepath.Join(t.TempDir(), "nats.conf")
	rights := `authorization: {users: [{user: me, password: hunter2, permissions: {publish: "shop.>", subscribe: "shop.>"}}]}`
	if err := os.WriteFile(config, []byte(rights), 0o600); err != nil {
		t.Fatal(err)
	}
	url := "nats://me:hunter2@" + bustest.NewServer(t, "-c", config).Address()
	var log logbook.Book
	a, b := openFor(t, url, "shop", log.Logger()), openFor(t, url, "shop", log.Logger())
	if _, err := b.Answer("echo", func(_ context.Context, data []byte) []byte { return data }); err != nil {
		t.Fatal(err)
	}
	crosses(t, a, b)
	if got, err := a.Ask(t.Context(), "echo", []byte("x")); err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := a.Ask(t.Context(), "nobody", nil); !errors.Is(err, bus.ErrNobody) {
		t.Error(err)
	}
	if said := log.String(); strings.Contains(said, "ermission") {
		t.Errorf("the log says\n%s", said)
	}
	other := openFor(t, url, "blog", log.Logger())
	if err := errors.Join(other.Publish("x", nil), other.Confirm(t.Context())); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the log tells of rights that lack", func() bool { return strings.Contains(log.String(), "Permissions Violation") })
}

func TestOptionsThatAreWrong(t *testing.T) {
	tests := []struct{ url, name, want string }{
		{"http://me:hunter2@host", "shop", "open NATS: this is not a URL of a NATS server: write nats://host:4222 or tls://host:4222"},
		{"nats://me:hunter2@host:port", "shop", "open NATS: this is not a URL of a NATS server: write nats://host:4222 or tls://host:4222"},
		{"nats://a,", "shop", "open NATS: this is not a URL of a NATS server: write nats://host:4222 or tls://host:4222"},
		{"nats://:4222", "shop", "open NATS: this is not a URL of a NATS server: write nats://host:4222 or tls://host:4222"},
		{"nats://a", "my shop", `open NATS: the name "my shop": not a subject of messages between nodes`},
	}
	for _, tt := range tests {
		b, err := nats.Open(t.Context(), nats.Options{URL: tt.url, Name: tt.name, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			b.Close()
		}
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q for %q: %v", tt.url, tt.name, err)
		}
	}
	if _, err := nats.Open(t.Context(), nats.Options{URL: "nats://a", Name: "shop", Log: slog.New(slog.DiscardHandler), Random: strings.NewReader("short")}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source of randomness that ends: %v", err)
	}
}

// Close waits for no server: neither for one that hangs nor for one that is not there.
func TestCloseWithoutAServer(t *testing.T) {
	halted := bustest.NewServer(t)
	defer halted.Resume()
	tests := []struct {
		name    string
		url     string
		prepare func(b *nats.Bus)
	}{
		{"not there", bustest.StoppedServer(t).URL(), func(*nats.Bus) {}},
		{"hanging, and not known to", halted.URL(), func(b *nats.Bus) {
			halted.Halt()
			if err := b.Publish("x", nil); err != nil {
				t.Error(err)
			}
		}},
		{"hanging from the beginning", halted.URL(), func(*nats.Bus) {}},
	}
	for _, tt := range tests {
		b, err := nats.Open(t.Context(), nats.Options{URL: tt.url, Name: "shop", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		tt.prepare(b)
		start := time.Now()
		b.Close()
		if took := time.Since(start); took > 4*time.Second { // a write that hangs takes 5
			t.Errorf("%s: Close took %v", tt.name, took)
		}
	}
}

// A server that hangs while much is sent to it fills all that lies between. Who publishes does
// not wait for that, and it is noticed as soon.
func TestServerHangsUnderLoad(t *testing.T) {
	server := bustest.NewServer(t)
	defer server.Resume()
	a := open(t, server.URL())
	data := make([]byte, 500<<10)
	server.Halt()
	start, slowest, refused := time.Now(), time.Duration(0), 0
	for a.Up() {
		before := time.Now()
		err := a.Publish("x", data)
		slowest = max(slowest, time.Since(before))
		if err != nil {
			refused++
			<-time.After(time.Millisecond)
		}
		if time.Since(start) > await.Patience/2 {
			t.Fatal("the loss was not noticed")
		}
	}
	if slowest > 4*time.Second { // a write that hangs takes 5
		t.Errorf("Publish took %v", slowest)
	}
	if refused == 0 {
		t.Error("nothing was refused though nothing left")
	}
}

// Who handles too slowly loses messages, and is told once for a burst.
func TestMessagesAreLost(t *testing.T) {
	server := bustest.NewServer(t)
	var log logbook.Book
	a, b := open(t, server.URL()), openFor(t, server.URL(), "shop", log.Logger())
	told := make(chan bool, 10)
	b.Watch(func(up bool) { told <- up })
	begun, release := make(chan bool, 1), make(chan bool)
	var handled atomic.Int64
	if _, err := b.Subscribe("x", func([]byte) {
		if handled.Add(1) == 1 {
			begun <- true
			<-release
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	const sent = nats.MaxUnhandled + 500
	for range sent {
		if err := a.Publish("x", nil); err != nil {
			t.Fatal(err)
		}
	}
	await.From(t, "the first message", begun)
	if err := errors.Join(a.Confirm(t.Context()), b.Confirm(t.Context())); err != nil { // all has arrived
		t.Fatal(err)
	}
	// What is handled makes room again: nothing is, until most of the others were refused.
	await.Until(t, "all was taken or refused", func() bool { return b.Untaken() == 0 })
	close(release)
	if first, second := await.From(t, "word of the connection", told), await.From(t, "word of the connection", told); first || !second {
		t.Errorf("told %v, %v", first, second)
	}
	if !b.Up() {
		t.Error("the connection is lost")
	}
	crosses(t, a, b) // all before was handled
	said, lost := log.String(), 0
	if _, after, ok := strings.Cut(said, "were lost"); ok {
		_, after, _ = strings.Cut(after, "messages=")
		fmt.Sscan(after, &lost)
	}
	if n := int(handled.Load()); strings.Count(said, "were lost") != 1 || lost == 0 || n+lost != sent {
		t.Errorf("%d were handled of %d, and the log says\n%s", n, sent, said)
	}
	if len(told) > 0 {
		t.Error("told again")
	}
}

func BenchmarkPublish(b *testing.B) {
	server := bustest.NewServer(b)
	x, err := nats.Open(b.Context(), nats.Options{URL: server.URL(), Name: "shop", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	data := make([]byte, 200)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if err := x.Publish("topic.of.some.length", data); err != nil {
			b.Fatal(err)
		}
		if n%10_000 == 0 {
			if err := x.Confirm(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
