package tlscert

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// made writes a certificate for names into a folder of its own.
func made(t *testing.T, dir string, names ...string) (cert, key string) {
	t.Helper()
	cert, key, err := SelfSigned(dir, names, rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func opened(t *testing.T, cert, key string, log *slog.Logger) *Pair {
	t.Helper()
	p, err := Open(cert, key, log, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func copied(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheNameDecides(t *testing.T) {
	dir := t.TempDir()
	quiet := slog.New(slog.DiscardHandler)
	pair := func(names ...string) *Pair {
		cert, key := made(t, filepath.Join(dir, names[0]), names...)
		return opened(t, cert, key, quiet)
	}
	s := &Source{Pairs: []*Pair{pair("a.example"), pair("b.example", "c.example")}}
	tests := []struct{ name, want string }{
		{"a.example", "a.example"},
		{"b.example", "b.example"},
		{"c.example", "b.example"},
		{"C.Example", "b.example"},
		{"other.example", "a.example"},
		{"", "a.example"},
	}
	for _, tt := range tests {
		hello := &tls.ClientHelloInfo{
			ServerName: tt.name, SupportedVersions: []uint16{tls.VersionTLS13}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256},
			SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.X25519},
		}
		c, err := s.Certificate(hello)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Leaf.DNSNames[0]; got != tt.want {
			t.Errorf("who asks for %q gets %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWhatNobodyHas(t *testing.T) {
	none := &Source{}
	for _, hello := range []*tls.ClientHelloInfo{{ServerName: "a.example"}, {ServerName: "a.example", SupportedProtos: []string{challengeProtocol}}} {
		if c, err := none.Certificate(hello); err == nil {
			t.Errorf("%v gives %v, want an error", hello.SupportedProtos, c)
		}
	}
	if none.Challenge(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/.well-known/acme-challenge/x", nil)) {
		t.Error("a challenge is answered where nobody asked for one")
	}
}

// What is on disk is what the next connection gets, unless it is of no use.
func TestAPairFollowsItsFiles(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, cert, key, otherCert, otherKey string)
		want   string // of the certificate after
		log    string
	}{
		{"nothing", func(*testing.T, string, string, string, string) {}, "old", ""},
		{"both in place", func(t *testing.T, cert, key, otherCert, otherKey string) {
			copied(t, otherCert, cert)
			copied(t, otherKey, key)
		}, "new", "a changed certificate is used"},
		{"both renamed over", func(t *testing.T, cert, key, otherCert, otherKey string) {
			for from, to := range map[string]string{otherCert: cert, otherKey: key} {
				if err := os.Rename(from, to); err != nil {
					t.Fatal(err)
				}
			}
		}, "new", "a changed certificate is used"},
		{"the certificate alone", func(t *testing.T, cert, _, otherCert, _ string) { copied(t, otherCert, cert) }, "old", "private key does not match public key"},
		{"half a file", func(t *testing.T, cert, _, _, _ string) {
			if err := os.WriteFile(cert, []byte("-----BEGIN CERTIFICATE-----\nMII"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "old", "a changed certificate is not used"},
		{"a file that is gone", func(t *testing.T, _, key, _, _ string) {
			if err := os.Remove(key); err != nil {
				t.Fatal(err)
			}
		}, "old", "a changed certificate is not used"},
		{"a file without end", func(t *testing.T, cert, _, _, _ string) {
			if err := os.WriteFile(cert, bytes.Repeat([]byte("x"), maxPEM+1), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "old", "is larger than"},
	}
	for _, tt := range tests {
		for _, late := range []bool{false, true} { // changed at once, or long after
			t.Run(tt.name, func(t *testing.T) {
				dir := t.TempDir()
				cert, key := made(t, filepath.Join(dir, "1"), "old")
				otherCert, otherKey := made(t, filepath.Join(dir, "2"), "new")
				var logged bytes.Buffer
				p := opened(t, cert, key, slog.New(slog.NewTextHandler(&logged, nil)))
				if late {
					p.now = func() time.Time { return time.Now().Add(time.Minute) }
					past := time.Now().Add(-time.Hour)
					for _, name := range []string{cert, key} {
						if err := os.Chtimes(name, past, past); err != nil {
							t.Fatal(err)
						}
					}
					p.Current()
					logged.Reset()
				}
				tt.change(t, cert, key, otherCert, otherKey)
				for range 3 {
					if got := p.Current().Leaf.DNSNames[0]; got != tt.want {
						t.Fatalf("late %v: the certificate is %s, want %s", late, got, tt.want)
					}
				}
				if n := strings.Count(logged.String(), "\n"); !strings.Contains(logged.String(), tt.log) || n > 1 {
					t.Errorf("late %v: logged %q, want one line with %q", late, logged.String(), tt.log)
				}
			})
		}
	}
}

func TestAPairThatIsRepaired(t *testing.T) {
	dir := t.TempDir()
	cert, key := made(t, filepath.Join(dir, "1"), "old")
	otherCert, otherKey := made(t, filepath.Join(dir, "2"), "new")
	p := opened(t, cert, key, slog.New(slog.DiscardHandler))
	copied(t, otherCert, cert)
	if got := p.Current().Leaf.DNSNames[0]; got != "old" {
		t.Fatalf("half of a new pair is used: %s", got)
	}
	copied(t, otherKey, key)
	if got := p.Current().Leaf.DNSNames[0]; got != "new" {
		t.Errorf("the whole of it is not: %s", got)
	}
}

func TestAnExpiredCertificateIsTold(t *testing.T) {
	cert, key := made(t, t.TempDir(), "a.example")
	var logged bytes.Buffer
	later := func() time.Time { return time.Now().Add(2 * selfSignedFor) }
	if _, err := Open(cert, key, slog.New(slog.NewTextHandler(&logged, nil)), later); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(logged.String(), "expired") {
		t.Errorf("logged %q", logged.String())
	}
}

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), ".gateway")
	now := time.Now()
	serial := func(now time.Time, names ...string) string {
		t.Helper()
		cert, key, err := SelfSigned(dir, names, rand.Reader, now)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}
	first := serial(now, "localhost", "127.0.0.1")
	if again := serial(now, "localhost"); again != first {
		t.Error("one that will do is made anew")
	}
	if wider := serial(now, "localhost", "a.example"); wider == first {
		t.Error("one that lacks a name is kept")
	}
	second := serial(now, "localhost", "127.0.0.1")
	if old := serial(now.Add(selfSignedFor), "localhost"); old == second {
		t.Error("one that has expired is kept")
	}
	key, err := os.Stat(filepath.Join(dir, "self_signed.key"))
	if err != nil {
		t.Fatal(err)
	}
	if key.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v", key.Mode())
	}
	if ignored, err := os.ReadFile(filepath.Join(dir, ".gitignore")); err != nil || string(ignored) != "*\n" {
		t.Errorf("git is told %q, %v", ignored, err)
	}
}

func TestACMESettings(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "none.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{filepath.Join(dir, "missing.pem"), file} {
		s := Settings{Domains: []string{"a.example"}, Directory: "https://127.0.0.1:1/dir", CARoot: root, Storage: filepath.Join(dir, "acme")}
		if a, err := NewACME(s, slog.New(slog.DiscardHandler)); err == nil {
			a.Close()
			t.Errorf("roots of %s are taken", root)
		}
	}
	a, b := Settings{Domains: []string{"a", "b"}}, Settings{Domains: []string{"a b"}}
	if a.Key() == b.Key() || a.Key() != (Settings{Domains: []string{"a", "b"}}).Key() {
		t.Errorf("settings are told apart by %s and %s", a.Key(), b.Key())
	}
}

// A CA that does not answer holds up neither the start nor the end.
func TestACAThatIsAway(t *testing.T) {
	s := Settings{Domains: []string{"a.example"}, Directory: "https://127.0.0.1:1/dir", Storage: filepath.Join(t.TempDir(), "acme"), HTTPPort: 1}
	log := &logLines{lines: make(chan string, 100)}
	began := time.Now()
	a, err := NewACME(s, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	log.wait(t, "asking the CA")
	client, conn := net.Pipe()
	defer client.Close()
	defer conn.Close()
	if _, err := a.certificate(&tls.ClientHelloInfo{ServerName: "a.example", Conn: conn}); err == nil {
		t.Error("there is a certificate")
	}
	a.Close()
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// logLines gives the lines of a log to who waits for one.
type logLines struct{ lines chan string }

func (l *logLines) Write(b []byte) (int, error) {
	select {
	case l.lines <- string(b):
	default:
	}
	return len(b), nil
}

func (l *logLines) wait(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case line := <-l.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			t.Fatalf("waited in vain for %q in the log", text)
		}
	}
}
