package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// checkTLS looks at what `tls` names: files belong to the machine, so where the manifest is
// only looked at their faults are warnings.
func (m *Manifest) checkTLS(o Options, ps *diag.Problems) {
	t := m.Endpoint.TLS
	if t == nil {
		return
	}
	// In tests nothing is listened on.
	if t.SelfSigned && o.DevSecret == nil && (m.Environment == "prod" || m.Environment == "dev" && !o.Lenient) {
		ps.Add(t.At, "self-signed", "`self_signed` is for the machine of a developer: no browser believes it").
			Suggest("serve with --dev, put it into `environments: {dev: {endpoint: {tls: self_signed}}}`, and give `cert` and `key`, or `acme`, elsewhere")
	}
	if o.ReadFile == nil {
		return
	}
	add := ps.Add
	if o.Lenient {
		add = ps.Warn
	}
	for _, c := range t.Certificates {
		checkPair(c, o.ReadFile, add)
	}
	if t.ACME != nil && t.ACME.CARoot != "" {
		text, err := o.ReadFile(t.ACME.CARoot)
		if err != nil {
			add(t.At, "missing-file", "`ca_root` cannot be read: %v", cause(err))
		} else if !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
			add(t.At, "bad-certificate", "%s holds no certificate", t.ACME.CARoot)
		}
	}
}

func checkPair(c Certificate, read func(string) (string, error), add func(diag.Pos, string, string, ...any) *diag.Problem) {
	if c.Cert == "" || c.Key == "" {
		return // told where it was read
	}
	cert, errCert := read(c.Cert)
	if errCert != nil {
		add(c.CertAt, "missing-file", "the certificate cannot be read: %v", cause(errCert))
	}
	key, errKey := read(c.Key)
	if errKey != nil {
		add(c.KeyAt, "missing-file", "the key cannot be read: %v", cause(errKey))
	}
	if errCert != nil || errKey != nil {
		return
	}
	if _, err := tls.X509KeyPair([]byte(cert), []byte(key)); err != nil {
		add(c.CertAt, "bad-certificate", "%s and %s are no certificate with its key: %v", c.Cert, c.Key, err).
			Suggest("both are PEM, and the first certificate of the file is the one that the key belongs to")
	}
}

// cause is what went wrong with a file, without the path that it has here.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}
