// Package tlscert gives certificates to TLS: from files that may be swapped, from a CA that
// speaks ACME, and self-signed ones for the machine of a developer. It alone knows certmagic.
package tlscert

import (
	"crypto/tls"
	"errors"
	"net/http"
)

// A Source picks the certificate for a connection.
type Source struct {
	Pairs []*Pair // the first is for who asks for no name, or for one that nobody has
	ACME  *ACME   // nil: none
}

// errNone is what a client's name finds that has no certificate.
var errNone = errors.New("there is no certificate for this name")

// challengeProtocol is what a CA speaks that tests a domain by TLS-ALPN-01 (RFC 8737).
const challengeProtocol = "acme-tls/1"

// Certificate implements tls.Config.GetCertificate.
func (s *Source) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == challengeProtocol {
		if s.ACME == nil {
			return nil, errNone
		}
		return s.ACME.certificate(hello)
	}
	var first *tls.Certificate
	for i, p := range s.Pairs {
		c := p.Current()
		if i == 0 {
			first = c
		}
		if hello.ServerName != "" && hello.SupportsCertificate(c) == nil {
			return c, nil
		}
	}
	if s.ACME != nil && (first == nil || s.ACME.has(hello.ServerName)) {
		return s.ACME.certificate(hello)
	}
	if first == nil {
		return nil, errNone
	}
	return first, nil
}

// Challenge answers a CA that tests a domain by HTTP-01 (RFC 8555 section 8.3), and tells
// whether it did.
func (s *Source) Challenge(w http.ResponseWriter, r *http.Request) bool {
	return s.ACME != nil && s.ACME.issuer.HandleHTTPChallenge(w, r)
}

// Protocols lists what is spoken over a connection.
func (s *Source) Protocols() []string {
	protocols := []string{"h2", "http/1.1"}
	if s.ACME != nil {
		protocols = append(protocols, challengeProtocol)
	}
	return protocols
}

// IsChallenge tells a connection that was opened for a challenge, which ends with the
// handshake.
func IsChallenge(state tls.ConnectionState) bool {
	return state.NegotiatedProtocol == challengeProtocol
}
