package tlscert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Settings of an ACME are all that it depends on.
type Settings struct {
	Domains           []string
	Email, Directory  string
	CARoot            string        // file; "": the system's roots
	Storage           string        // folder
	Host              string        // that is listened on; "": every one
	HTTPPort, TLSPort int           // that are listened on, for the two challenges; 0: none
	CheckEvery        time.Duration // whether a certificate must be renewed; 0: 10 minutes
}

// Key tells two settings apart.
func (s Settings) Key() string { return fmt.Sprintf("acme %#v", s) }

// obtainTimeout bounds one attempt to have a certificate issued.
const obtainTimeout = 5 * time.Minute

// ACME has certificates issued and renews them, until Close.
type ACME struct {
	domains []string
	config  *certmagic.Config
	cache   *certmagic.Cache
	issuer  *certmagic.ACMEIssuer
	storage *storage
	cancel  context.CancelFunc
}

// NewACME begins to have certificates issued for the domains that lack one. It does not
// wait for the CA: until it has answered there is no certificate.
func NewACME(s Settings, log *slog.Logger) (*ACME, error) {
	roots, err := readRoots(s.CARoot)
	if err != nil {
		return nil, err
	}
	if err := KeepFolder(s.Storage); err != nil {
		return nil, fmt.Errorf("keep certificates: %w", err)
	}
	a := &ACME{domains: s.Domains, storage: &storage{Storage: &certmagic.FileStorage{Path: s.Storage}}, cancel: func() {}}
	library := zap.New(bridge{log})
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		Logger:           library, RenewCheckInterval: s.CheckEvery,
	})
	a.config = certmagic.New(a.cache, certmagic.Config{
		Storage: a.storage, Logger: library, DefaultServerName: s.Domains[0],
		OnEvent: func(_ context.Context, event string, data map[string]any) error { tell(log, event, data); return nil },
	})
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: s.Directory, Email: s.Email, Agreed: true, TrustedRoots: roots, Logger: library, CertObtainTimeout: obtainTimeout, ListenHost: s.Host,
		DisableHTTPChallenge: s.HTTPPort == 0, AltHTTPPort: s.HTTPPort, DisableTLSALPNChallenge: s.TLSPort == 0, AltTLSALPNPort: s.TLSPort,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	if err := a.config.ManageAsync(ctx, s.Domains); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// closeTimeout bounds how long Close waits for a look at certificates that is under way.
const closeTimeout = 5 * time.Second

// Close ends what runs beside.
func (a *ACME) Close() {
	a.cancel()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		a.cache.Stop() // ends with the answer of the CA that it waits for
		a.storage.close()
	}()
	select {
	case <-stopped:
	case <-time.After(closeTimeout):
	}
}

func readRoots(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", name)
	}
	return pool, nil
}

// tell puts into the log what an operator waits for.
func tell(log *slog.Logger, event string, data map[string]any) {
	domain := slog.Any("domain", data["identifier"])
	switch event {
	case "cert_obtaining":
		log.Info("asking the CA for a certificate", domain, "renewal", data["renewal"])
	case "cert_obtained":
		log.Info("the CA has issued a certificate", domain, "renewal", data["renewal"])
	case "cert_failed":
		log.Error("the CA has issued no certificate; it is asked again later", domain, "renewal", data["renewal"], "error", data["error"])
	}
}

func (a *ACME) has(name string) bool {
	return slices.ContainsFunc(a.domains, func(d string) bool { return strings.EqualFold(d, name) })
}

func (a *ACME) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.config.GetCertificate(hello)
}
