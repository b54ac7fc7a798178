package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
)

// What a caller of the admin pages may take.
const (
	adminWrite       = time.Minute // a reload takes a while
	adminHeaderBytes = 16 << 10
)

// admin is the listener for operators.
type admin struct {
	server *Server
	http   *http.Server
	cross  *http.CrossOriginProtection

	mu       sync.Mutex
	address  string // as written; "" when it is off
	listener net.Listener
}

func newAdmin(s *Server) *admin {
	a := &admin{server: s, cross: http.NewCrossOriginProtection()}
	a.http = &http.Server{
		Handler: a.guard(a.pages()), ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: adminWrite, IdleTimeout: idleTimeout,
		MaxHeaderBytes: adminHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	return a
}

// prepare listens on address, which may be "", where that is another than now. take goes
// over to it, drop does not.
func (a *admin) prepare(address string) (take, drop func(), err error) {
	a.mu.Lock()
	same := address == a.address
	a.mu.Unlock()
	if same {
		return func() {}, func() {}, nil
	}
	if address == "" {
		return func() { a.move("", nil) }, func() {}, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("admin: listen on %s: %w", address, err)
	}
	return func() { a.move(address, l) }, func() { l.Close() }, nil
}

// move serves on l. Requests under way on the old listener end there.
func (a *admin) move(address string, l net.Listener) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.listener
	a.address, a.listener = address, l
	if l != nil {
		a.server.log.Info("admin pages", "url", "http://"+l.Addr().String())
		go func() {
			if err := a.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				a.server.log.Error("admin pages ended", "error", err)
			}
		}()
	}
	if old != nil {
		old.Close()
	}
}

// close ends the admin pages.
func (a *admin) close() { a.http.Close() }

// addr is where the admin pages are; nil when they are off.
func (a *admin) addr() net.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// guard lets in who may see the pages. Without a token only this machine can come, and then
// the name it came by must be one that no DNS server decides: else a page of the web could
// have its own name point here. With a token, nothing but that counts.
func (a *admin) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		settings := &a.server.App().Manifest.Endpoint.Admin
		token := string(settings.Token)
		switch {
		case settings.Listen == "": // a reload has turned them off, and this connection was open
			h.Set("Connection", "close")
			http.NotFound(w, r)
		case token == "" && !a.ownName(r.Host):
			http.Error(w, "the admin pages are answered to localhost and the address that they listen on", http.StatusMisdirectedRequest)
		case token == "" && !loopbackPeer(r.RemoteAddr):
			http.Error(w, "the admin pages are for this machine", http.StatusForbidden)
		case token != "" && !bare(r.URL.Path) && !holds(r, token):
			h.Set("WWW-Authenticate", "Bearer")
			http.Error(w, "send the admin token: Authorization: Bearer TOKEN", http.StatusUnauthorized)
		case a.cross.Check(r) != nil:
			http.Error(w, "not from another site", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// ownName tells a Host that cannot have been made to point here.
func (a *admin) ownName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	return config.LoopbackHost(name)
}

func loopbackPeer(address string) bool { return config.LoopbackAddress(address) }

// bare tells the pages that a probe without a token may ask: they answer with one word.
func bare(path string) bool { return path == "/livez" || path == "/readyz" }

// holds compares without telling by its time how much was right.
func holds(r *http.Request, token string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}
