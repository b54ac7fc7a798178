package messages

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/hostname"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// A part of a URL says how a value is escaped there.
type part uint8

const (
	atStart part = iota
	inHost
	inPath
	inQuery
	asWritten // a constant, such as a variable of the environment
)

// A target is the URL to ask, in which no value of a stranger chooses the host: it is
// written out, or compared with those that are listed.
type target struct {
	base  string         // of an upstream: scheme and host
	url   *pipeline.Text // nil: base alone
	parts []part         // of its expressions, in order
	hosts []string
	fixed bool // the host is written out
}

// target compiles `url`, or `to` and `path`. It is nil when a problem was reported.
func (o *httpSettings) target(b *pipeline.Build) *target {
	if o.to.Name == "" {
		return newTarget(o.url, o.hosts, o.hostsAt, b)
	}
	declared := spec.Find(b.Env.Manifest.Upstreams, o.to.Name)
	if declared.Target == nil {
		return nil // reported where it is declared
	}
	x := &target{base: declared.Target.Scheme + "://" + declared.Target.Host, url: o.path, fixed: true}
	if o.path != nil {
		if prefix, _ := x.walk(); !strings.HasPrefix(prefix, "/") {
			b.Problem(o.path.Node.At, "wrong-value", "`path` begins with a slash")
			return nil
		}
	}
	return x
}

// newTarget compiles a URL. It is nil when a problem was reported.
func newTarget(t *pipeline.Text, hosts []string, hostsAt *source.Node, b *pipeline.Build) *target {
	x := &target{url: t}
	for _, h := range hosts {
		h = strings.ToLower(h)
		if !isHost(h) {
			b.Problem(hostsAt.At, "wrong-value", "%q is no host", h).Suggest("such as api.example.com, *.example.com or 10.0.0.1:8080, without scheme and path")
			return nil
		}
		x.hosts = append(x.hosts, h)
	}
	const form = "write http:// or https:// and a host"
	prefix, whole := x.walk()
	lower := strings.ToLower(prefix)
	if (prefix != "" || whole) && !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
		b.Problem(t.Node.At, "wrong-value", "this is no URL to ask").Suggest(form)
		return nil
	}
	if whole || endsHost(prefix) {
		u, err := url.Parse(prefix)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			p := b.Problem(t.Node.At, "wrong-value", "this is no URL to ask").Suggest(form)
			if err == nil && u.User != nil {
				p.Suggest("put credentials into `headers`")
			}
			return nil
		}
		x.fixed = true
		return x
	}
	if len(hosts) == 0 {
		b.Problem(t.Node.At, "computed-host", "the host of `url` is computed, so that a caller could choose whom to ask").
			Suggest("write the host out, or list those that may be asked in `hosts`")
		return nil
	}
	return x
}

// walk finds in which part of the URL each value stands. prefix is what is written before
// the first that is computed; whole tells that nothing is.
func (x *target) walk() (prefix string, whole bool) {
	at, whole := atStart, true
	if x.base != "" {
		at = inPath
	}
	for _, p := range x.url.Parts() {
		text, constant := p.Lit, true
		if p.Expr != nil {
			var v any
			v, constant = p.Expr.Constant()
			if b, err := value.AppendText(nil, v); constant && err == nil {
				text = string(b)
			}
			place := at
			if constant {
				place = asWritten
			}
			x.parts = append(x.parts, place)
		}
		if !constant {
			whole = false
			if at == atStart {
				at = inPath // behind a value that is a URL
			}
			continue
		}
		if whole {
			prefix += text
		}
		at = at.after(text)
	}
	return prefix, whole
}

func (at part) after(text string) part {
	if at == atStart {
		if _, rest, ok := strings.Cut(text, "://"); ok {
			at, text = inHost, rest
		}
	}
	if at == inHost && strings.ContainsAny(text, "/?#") {
		at = inPath
	}
	if at == inPath && strings.Contains(text, "?") {
		at = inQuery
	}
	return at
}

// endsHost tells a URL in which more text cannot change the host.
func endsHost(prefix string) bool {
	_, rest, ok := strings.Cut(prefix, "://")
	return ok && strings.ContainsAny(rest, "/?#")
}

// of computes the URL. What cannot stand in it is its sender's doing.
func (x *target) of(c *pipeline.Context) (*url.URL, error) {
	if x.url == nil {
		return url.Parse(x.base + "/")
	}
	next := 0
	text, err := x.url.AppendWith(append(c.Scratch(), x.base...), c.Frame, func(dst []byte, text string) ([]byte, error) {
		at := x.parts[next]
		next++
		return at.escape(dst, text)
	})
	u, parseErr := url.Parse(string(text))
	c.Lend(text)
	switch {
	case err != nil:
		return nil, err
	case parseErr != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil:
		return nil, invalid("the URL to ask is none")
	case !x.fixed && !x.allows(u):
		return nil, invalid("the host of the URL is not one of those that may be asked")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func (at part) escape(dst []byte, text string) ([]byte, error) {
	switch at {
	case atStart, asWritten:
		return append(dst, text...), nil
	case inHost:
		if !hostname.Labels(strings.ToLower(text)) {
			return dst, errors.New("a value cannot stand in the host of the URL to ask")
		}
		return append(dst, text...), nil
	case inPath:
		return expr.EscapeSegment(dst, text)
	}
	return append(dst, url.QueryEscape(text)...), nil
}

// allows tells a host that is listed. A port that is not the scheme's own has to be listed
// with it: other things listen there.
func (x *target) allows(u *url.URL) bool {
	host := strings.ToLower(u.Host)
	if port := u.Port(); port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	for _, h := range x.hosts {
		if hostname.Matches(h, host) {
			return true
		}
	}
	return false
}

func isHost(h string) bool {
	u, err := url.Parse("//" + h)
	if err != nil || u.Host != h || u.Hostname() == "" {
		return false
	}
	name := strings.TrimPrefix(u.Hostname(), "*.")
	_, err = netip.ParseAddr(name)
	return err == nil || hostname.Labels(name)
}
