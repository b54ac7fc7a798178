package config

import (
	"net/mail"
	"net/netip"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// TLS says which certificates the endpoint has.
type TLS struct {
	At           diag.Pos
	Certificates []Certificate
	SelfSigned   bool
	ACME         *ACME // nil: none
	MinVersion   string
}

// A Certificate is a pair of files, as written. The first of several is used where none
// fits the name that a client asks for.
type Certificate struct {
	Cert, Key     string
	CertAt, KeyAt diag.Pos
}

// ACME has certificates issued and renewed.
type ACME struct {
	Domains   []string
	Email     string
	Directory string // URL of the CA
	CARoot    string // file with the roots that the CA's own certificate is checked by; "": the system's
	Storage   string // folder
}

// Files lists the files that certificates are read from, as written.
func (t *TLS) Files() []string {
	if t == nil {
		return nil
	}
	var files []string
	for _, c := range t.Certificates {
		files = append(files, c.Cert, c.Key)
	}
	if t.ACME != nil && t.ACME.CARoot != "" {
		files = append(files, t.ACME.CARoot)
	}
	return files
}

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

func (e *Endpoint) describeTLS(f *spec.Fields) {
	block, pair := spec.NewFields("`tls`"), spec.NewFields("a certificate")
	(&TLS{}).describe(block)
	describeCertificate(pair, &Certificate{})
	schema := spec.Schema{"anyOf": []any{
		spec.Schema{"const": "self_signed"}, spec.Schema{"const": false}, spec.Schema{"type": "null"},
		spec.Schema{"type": "array", "items": pair.Schema(), "minItems": 1}, block.Schema(),
	}}
	f.Add("tls", "certificate, list of certificates, or self_signed", "Serve HTTPS: `{cert: FILE, key: FILE}`, a list of them, `{acme: ...}`, or with --dev `self_signed`. Default: no TLS.", schema, e.readTLS)
	f.After(func(d *spec.Decoder, _ *source.Node) { e.together(d) })
}

func (t *TLS) describe(f *spec.Fields) {
	var single Certificate
	f.Add("cert", "file", "Certificate with its chain, PEM, relative to the manifest. A changed file is used by the next connection.", fileSchema(), single.readCert)
	f.Add("key", "file", "Its private key, PEM.", fileSchema(), single.readKey)
	spec.Blocks(f, &t.Certificates, "certificates", "certificate", "Several: the name that a client asks for decides; the first is used where none fits.", pairSchema(), describeCertificate)
	f.Bool(&t.SelfSigned, "self_signed", false, "With --dev: make a certificate and keep it.")
	var acme ACME
	f.Block("acme", "Have certificates issued and renewed by a CA that speaks ACME, such as Let's Encrypt.", acme.describe)
	version := f.Enum(&t.MinVersion, "min_version", "1.2", "The oldest version of TLS that is spoken.", "1.2", "1.3")
	version.Schema = spec.OrExpression(spec.Schema{"enum": []any{"1.2", "1.3", 1.2, 1.3}})
	f.After(func(d *spec.Decoder, n *source.Node) {
		if f.Given("cert") || f.Given("key") {
			single.whole(d, n)
			t.Certificates = append([]Certificate{single}, t.Certificates...)
		}
		if f.Given("acme") {
			t.ACME = &acme
		}
		list := n.Get("certificates") // of one with a fault that is told
		if len(t.Certificates) == 0 && !t.SelfSigned && t.ACME == nil && (list == nil || list.Null() || list.Kind == source.List && len(list.Items) == 0) {
			d.Problems.Add(n.At, "missing-key", "`tls` has no certificate").Suggest("give `cert` and `key`, or `acme`; with --dev `tls: self_signed` makes one")
		}
	})
}

func fileSchema() spec.Schema { return spec.Schema{"type": "string", "minLength": 1} }

func pairSchema() spec.Schema {
	f := spec.NewFields("a certificate")
	describeCertificate(f, &Certificate{})
	return f.Schema()
}

func describeCertificate(f *spec.Fields, c *Certificate) {
	f.Add("cert", "file", "Certificate with its chain, PEM.", fileSchema(), c.readCert).Require()
	f.Add("key", "file", "Its private key, PEM.", fileSchema(), c.readKey).Require()
}

func (c *Certificate) readCert(d *spec.Decoder, n *source.Node) {
	c.Cert, c.CertAt = readFileName(d, n)
}
func (c *Certificate) readKey(d *spec.Decoder, n *source.Node) { c.Key, c.KeyAt = readFileName(d, n) }

func readFileName(d *spec.Decoder, n *source.Node) (string, diag.Pos) {
	v, from, ok := d.Scalar(n, "a file")
	if !ok {
		return "", n.At
	}
	name, _ := v.(string)
	if name == "" {
		d.Wrong(n, from, v, "a file")
	} else if strings.HasPrefix(name, "-----BEGIN") {
		d.Problems.Add(n.At, "wrong-value", "this is the text of a certificate or key, not the name of a file").Suggest("write it into a file: one that is swapped is then used by the next connection")
		name = ""
	}
	return name, n.At
}

// whole tells a pair that lacks one half.
func (c *Certificate) whole(d *spec.Decoder, n *source.Node) {
	switch {
	case c.CertAt.IsZero():
		d.Problems.Add(n.At, "missing-key", "`key` needs `cert` beside it")
	case c.KeyAt.IsZero():
		d.Problems.Add(n.At, "missing-key", "`cert` needs `key` beside it")
	}
}

func (a *ACME) describe(f *spec.Fields) {
	f.Strings(&a.Domains, "domains", "Names to have certificates for.").Require()
	f.String(&a.Email, "email", "", "Where the CA writes to when something is wrong.")
	f.String(&a.Directory, "directory", letsEncrypt, "URL of the CA's directory.")
	f.Add("ca_root", "file", "Roots, PEM, that the CA's own certificate is checked by. Default: those of the system.", fileSchema(), func(d *spec.Decoder, n *source.Node) { a.CARoot, _ = readFileName(d, n) })
	f.String(&a.Storage, "storage", ".gateway/acme", "Folder for keys and certificates, relative to the manifest. It must outlive a restart.")
	f.After(a.check)
}

func (a *ACME) check(d *spec.Decoder, n *source.Node) {
	at := func(key string) diag.Pos {
		if x := n.Get(key); x != nil {
			return x.At
		}
		return n.At
	}
	if x := n.Get("domains"); x != nil && x.Kind == source.List && len(x.Items) == 0 {
		d.Problems.Add(x.At, "wrong-value", "`domains` is empty")
	}
	for _, domain := range a.Domains {
		if strings.Contains(domain, "*") {
			d.Problems.Add(at("domains"), "acme-wildcard", "%q needs a DNS challenge, which this version has not", domain).Suggest("name each host, or give `cert` and `key`")
		} else if domain == "" || strings.ContainsAny(domain, "/:@ \t") || strings.HasPrefix(domain, ".") {
			d.Problems.Add(at("domains"), "wrong-value", "%q is not a host name", domain).Suggest("write the name alone: example.com")
		} else if a.Directory == letsEncrypt && !public(domain) {
			d.Problems.Add(at("domains"), "acme-private", "no public CA issues a certificate for %q", domain).
				Suggest("name a domain of the public DNS, name your own CA by `directory`, or with --dev use `tls: self_signed`")
		}
	}
	if u, err := url.Parse(a.Directory); a.Directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		d.Problems.Add(at("directory"), "wrong-value", "`directory` is an https URL").Suggest("such as %s", letsEncrypt)
	}
	if _, err := mail.ParseAddress(a.Email); a.Email != "" && err != nil {
		d.Problems.Add(at("email"), "wrong-value", "`email` is not an address")
	}
}

// public tells a name that a CA which everybody believes may issue for.
func public(domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if _, err := netip.ParseAddr(domain); err == nil || !strings.Contains(domain, ".") {
		return false
	}
	for _, private := range []string{".localhost", ".local", ".internal", ".home.arpa"} {
		if strings.HasSuffix(domain, private) {
			return false
		}
	}
	return true
}

func (e *Endpoint) readTLS(d *spec.Decoder, n *source.Node) {
	e.TLS = nil
	if n.Null() {
		return
	}
	t := &TLS{At: n.At, MinVersion: "1.2"}
	switch n.Kind {
	case source.List:
		for _, item := range n.Items {
			var c Certificate
			f := spec.NewFields("a certificate")
			describeCertificate(f, &c)
			f.Decode(d, item, item.At)
			t.Certificates = append(t.Certificates, c)
		}
		if len(n.Items) == 0 {
			d.Problems.Add(n.At, "wrong-value", "`tls` is an empty list").Suggest("give `{cert: FILE, key: FILE}`, or leave `tls` out")
		}
	case source.Map:
		f := spec.NewFields("`tls`")
		t.describe(f)
		f.Decode(d, n, n.At)
	default:
		v, from, ok := d.Scalar(n, "a certificate")
		switch {
		case !ok:
			return
		case v == false:
			return
		case v == "self_signed":
			t.SelfSigned = true
		default:
			d.Wrong(n, from, v, "a certificate").Suggest("write `{cert: FILE, key: FILE}`, `{acme: {domains: [example.com]}}`, or with --dev `self_signed`")
			return
		}
	}
	e.TLS = t
}

// together checks what `listen`, `tls` and `url` are beside each other.
func (e *Endpoint) together(d *spec.Decoder) {
	secure, tcp := false, false
	for _, a := range e.Listen {
		_, unix := a.Unix()
		secure, tcp = secure || !a.Plain, tcp || !unix
	}
	switch {
	case e.TLS == nil || len(e.Listen) == 0:
	case e.TLS.ACME != nil && !tcp:
		d.Problems.Add(e.TLS.At, "acme-unreachable", "the CA of `acme` has to reach a TCP address, and `listen` has none").Suggest("listen on \":443\" too")
	case !secure:
		d.Problems.Add(e.TLS.At, "tls-unused", "no address of `listen` has TLS").Suggest("leave `tls: false` out of one")
	}
}

// Scheme is how clients reach the application: http or https.
func (e *Endpoint) Scheme() string {
	switch {
	case e.URL.Scheme != "":
		return e.URL.Scheme
	case e.TLS != nil:
		return "https"
	}
	return "http"
}
