package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/tlscert"
)

// security is how doors with TLS speak it.
type security struct {
	source *tlscert.Source
	config *tls.Config
	lease  *pipeline.Lease // on what outlives a reload
}

func (s *security) challenge(state tls.ConnectionState) bool { return tlscert.IsChallenge(state) }

// release lets go of what the next one does not use.
func (s *security) release() {
	if s != nil {
		s.lease.Release()
	}
}

// secure prepares the certificates of a manifest; nil where it has no TLS.
func (s *Server) secure(m *config.Manifest, change *doorChange) (*security, error) {
	t := m.Endpoint.TLS
	if t == nil {
		return nil, nil
	}
	next := &security{source: &tlscert.Source{}, lease: s.shared.Lease()}
	if err := s.openCertificates(next, m, change); err != nil {
		next.release()
		return nil, err
	}
	next.config = s.tlsConfig(t.MinVersion, next.source.Protocols())
	return next, nil
}

func (s *Server) openCertificates(next *security, m *config.Manifest, change *doorChange) error {
	t, path := m.Endpoint.TLS, resolver(m)
	files := make([][2]string, 0, len(t.Certificates)+1)
	for _, c := range t.Certificates {
		files = append(files, [2]string{path(c.Cert), path(c.Key)})
	}
	if t.SelfSigned {
		cert, key, err := tlscert.SelfSigned(path(app.DevDir), selfSignedNames(m), s.options.Random, s.options.Now())
		if err != nil {
			return err
		}
		files = append(files, [2]string{cert, key})
	}
	for _, f := range files {
		p, err := pipeline.Get(next.lease, "certificate "+f[0]+"\x00"+f[1], func() (*tlscert.Pair, func(), error) {
			p, err := tlscert.Open(f[0], f[1], s.log, s.options.Now)
			return p, nil, err
		})
		if err != nil {
			return fmt.Errorf("open a certificate: %w", err)
		}
		next.source.Pairs = append(next.source.Pairs, p)
	}
	return s.openACME(next, m, change)
}

func (s *Server) openACME(next *security, m *config.Manifest, change *doorChange) error {
	a := m.Endpoint.TLS.ACME
	if a == nil {
		return nil
	}
	path := resolver(m)
	plainHost, plain := change.tcp(false)
	host, secure := change.tcp(true)
	if secure == 0 {
		host = plainHost
	}
	settings := tlscert.Settings{
		Domains: a.Domains, Email: a.Email, Directory: a.Directory, Storage: path(a.Storage),
		Host: host, HTTPPort: plain, TLSPort: secure, CheckEvery: s.options.CheckCertificates,
	}
	if a.CARoot != "" {
		settings.CARoot = path(a.CARoot)
	}
	var err error
	next.source.ACME, err = pipeline.Get(next.lease, settings.Key(), func() (*tlscert.ACME, func(), error) {
		a, err := tlscert.NewACME(settings, s.log)
		if err != nil {
			return nil, nil, fmt.Errorf("prepare acme: %w", err)
		}
		return a, a.Close, nil
	})
	return err
}

// resolver makes paths of a manifest whole.
func resolver(m *config.Manifest) func(string) string {
	return func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(m.Document.Dir, path)
	}
}

func selfSignedNames(m *config.Manifest) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	add := func(host string) {
		if host != "" && !strings.Contains(strings.Join(names, " ")+" ", host+" ") {
			names = append(names, host)
		}
	}
	add(m.Endpoint.URL.Host)
	for _, a := range m.Endpoint.Listen {
		if host, _, err := net.SplitHostPort(a.Text); err == nil && host != "0.0.0.0" && host != "::" {
			add(host)
		}
	}
	return names
}

// tlsConfig gives one for the life of the process for each kind of settings: with it go the
// keys of tickets, so that sessions are resumed after a reload too.
func (s *Server) tlsConfig(version string, protocols []string) *tls.Config {
	key := version + " " + strings.Join(protocols, " ")
	if c := s.tlsConfigs[key]; c != nil {
		return c
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		return s.doors.secure.Load().source.Certificate(hello)
	}}
	if version == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	s.tlsConfigs[key] = c
	return c
}

// challenges answers a CA that tests a domain over plain HTTP, before any plug can send it
// elsewhere.
type challenges struct {
	doors *doors
	next  http.Handler
}

// ServeHTTP implements http.Handler.
func (c challenges) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil && strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
		if secure := c.doors.secure.Load(); secure != nil && secure.source.Challenge(w, r) {
			return
		}
	}
	c.next.ServeHTTP(w, r)
}
