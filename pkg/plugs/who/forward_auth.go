package who

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	yaml "github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/outbound"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type forwardAuth struct {
	to      *url.URL
	ref     string // the name of an upstream
	path    string
	send    names
	copied  names
	given   names
	timeout time.Duration
}

// maxDecision bounds the answer of the service: a page to log in at, at most.
const maxDecision = 1 << 20

// ForwardAuth asks a service whether the request may pass, as Traefik's ForwardAuth and
// nginx's auth_request do: 2xx lets it pass, any other answer is the caller's.
func ForwardAuth() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "forward_auth", Group: group, Places: pipeline.HTTP | pipeline.Connect, Guard: true, Waits: true,
		Doc:    "Asks a service whether the request may pass: 2xx lets it pass, any other answer is passed on.",
		Result: "the `headers` of the service's answer, and its `json`; as `claims`, the JSON alone, in which a missing member is an error",
		Fails: []pipeline.Reason{
			{Name: outbound.Status, Status: http.StatusUnauthorized},
			{Name: outbound.Refused, Status: http.StatusBadGateway},
			{Name: outbound.Timeout, Status: http.StatusGatewayTimeout},
		},
	}, forwardAuthSettings, buildForwardAuth)
}

func forwardAuthSettings(s *pipeline.Settings, o *forwardAuth) {
	var pathAt diag.Pos
	s.Main(s.Add("to", "upstream or URL", "Whom to ask: the name of an upstream, or a URL.", spec.Schema{"type": "string"}, func(d *spec.Decoder, n *yaml.Node) {
		o.to, o.ref = readService(d, n)
	}).Require())
	s.String(&o.path, "path", "", "The path to ask for. Default: that of the URL, or /.").Observe(func(n *yaml.Node) { pathAt = n.At })
	o.send.setting(s.Fields, "send_headers", "Headers of the request that are sent along. Default: all that do not concern the connection or the body; in `connect` no cookies, unless `cookie` is listed.")
	o.copied.setting(s.Fields, "copy_headers", "Headers of the answer that are set on the request, such as [remote-user, x-auth-*]; what the client sent under these names is dropped.")
	o.given.setting(s.Fields, "answer_headers", "Headers of the answer that are set on ours, such as [set-cookie].")
	s.Duration(&o.timeout, "timeout", "5s", "How long to wait for the answer.")
	s.After(func(d *spec.Decoder, _ *yaml.Node) {
		switch {
		case o.path == "":
		case !strings.HasPrefix(o.path, "/") || strings.ContainsAny(o.path, "#\r\n\t "):
			d.Problems.Add(pathAt, "wrong-value", "a path begins with /")
		case o.to != nil && strings.Trim(o.to.Path, "/") != "":
			d.Problems.Add(pathAt, "wrong-value", "`to` has a path already").Suggest("leave one of the two out")
		}
	})
}

func readService(d *spec.Decoder, n *yaml.Node) (*url.URL, string) {
	v, from, ok := d.Scalar(n, "an upstream or URL")
	if !ok {
		return nil, ""
	}
	text, _ := v.(string)
	if !strings.Contains(text, "://") {
		if text == "" {
			d.Wrong(n, from, v, "an upstream or URL")
		}
		return nil, text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		d.Problems.Add(n.At, "wrong-value", "this is no URL of a service").Suggest("write http:// or https://, a host and a path, without credentials")
		return nil, ""
	}
	return u, ""
}

// service gives the URL to ask. It is nil when a problem was reported.
func (o *forwardAuth) service(b *pipeline.Build) *url.URL {
	if o.to == nil {
		declared := spec.Find(b.Env.Manifest.Upstreams, o.ref)
		if declared == nil {
			known := pipeline.UpstreamNames(b.Env)
			p := b.Problem(b.At, "unknown-upstream", "there is no upstream %q", o.ref)
			if p.Hint = diag.DidYouMean(o.ref, known); p.Hint == "" {
				p.Suggest("declare it under `upstreams`, or write a URL")
			}
			return nil
		}
		if declared.Target == nil {
			return nil // reported where it is declared
		}
		o.to = &url.URL{Scheme: declared.Target.Scheme, Host: declared.Target.Host}
	}
	to := *o.to
	if o.path != "" {
		path, query, _ := strings.Cut(o.path, "?")
		to.Path, to.RawPath, to.RawQuery = path, "", query
		if plain, err := url.PathUnescape(path); err == nil && plain != path {
			to.Path, to.RawPath = plain, path
		}
	}
	if to.Path == "" {
		to.Path = "/"
	}
	return &to
}

func buildForwardAuth(o forwardAuth, b *pipeline.Build) pipeline.Plug {
	to := o.service(b)
	if to == nil {
		return nil
	}
	if o.send.has("Cookie") {
		b.Reads("request.cookies")
	}
	asClaims := b.Named() == "claims"
	b.Result(expr.Record(map[string]expr.Type{"headers": expr.OpenMap(), "json": expr.Any}))
	if asClaims {
		b.Result(expr.Claims)
	}
	var client *outbound.Client
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		client, err = pipeline.Get(l, "outbound", outbound.Open)
		return err
	})
	return func(c *pipeline.Context) (any, error) {
		question := o.question(c)
		o.copied.drop(c.R.Header) // whatever comes of it, also where an `else: continue` goes on
		answer, err := client.Do(c.Context(), &outbound.Request{Method: http.MethodGet, URL: to, Header: question, Timeout: o.timeout, MaxBody: maxDecision})
		if err != nil {
			return nil, noDecision(c, to.Host, err)
		}
		if answer.Status < 200 || answer.Status > 299 {
			return nil, passOn(c, to.Host, answer)
		}
		result, err := o.result(answer, asClaims)
		if err == nil {
			o.take(c, answer.Header)
		}
		return result, err
	}
}

// question makes the headers to send. The body stays here, and so does what speaks of it,
// of a part of the answer, or of an answer that the client has already. What the service is
// to say of the client, the client does not say; its credentials it does.
func (o *forwardAuth) question(c *pipeline.Context) http.Header {
	h := make(http.Header, len(c.R.Header)+5)
	for name, values := range c.R.Header {
		if !outbound.HopByHop(name) && !outbound.Claimed(name) && !aboutBody(name) && (o.send == nil || o.send.has(name)) &&
			(!o.copied.has(name) || name == "Authorization" || name == "Cookie") {
			h[name] = values
		}
	}
	if c.Place == pipeline.Connect && !o.send.has("Cookie") {
		delete(h, "Cookie") // not by mistake: a browser sends them for the pages of any site
	}
	outbound.Listed(c.R.Header["Connection"], func(name string) { delete(h, name) })
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // or net/http sends its own
	}
	h["X-Forwarded-Method"] = []string{c.Method}
	h["X-Forwarded-Proto"] = []string{c.Request.Scheme()}
	h["X-Forwarded-Host"] = []string{c.Request.Host()}
	h["X-Forwarded-Uri"] = []string{c.R.URL.RequestURI()}
	h["X-Forwarded-For"] = []string{c.Request.IP()}
	return h
}

func aboutBody(name string) bool {
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-") || name == "Range" || name == "Expect" || name == "Accept-Encoding"
}

// take puts headers of the answer on the request and on ours.
func (o *forwardAuth) take(c *pipeline.Context, answer http.Header) {
	for name, values := range answer {
		if outbound.HopByHop(name) || framing(name) {
			continue
		}
		if o.copied.has(name) {
			c.R.Header[name] = values
		}
		if c.W == nil || !o.given.has(name) {
			continue
		}
		if h := c.W.Header(); name == "Set-Cookie" {
			h[name] = append(h[name][:len(h[name]):len(h[name])], values...)
		} else {
			h[name] = values
		}
	}
}

func framing(name string) bool { return name == "Content-Length" || name == "Date" }

func (o *forwardAuth) result(answer *outbound.Answer, asClaims bool) (any, error) {
	var json any
	if kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); strings.HasSuffix(strings.ToLower(strings.TrimSpace(kind)), "json") && len(answer.Body) > 0 {
		var err error
		if json, err = value.DecodeJSON(answer.Body); err != nil {
			return nil, pipeline.Refuse(http.StatusBadGateway, outbound.Refused, "the service that decides gave an answer that is not the JSON it claims to be")
		}
	}
	if !asClaims {
		return &decision{pipeline.Headers{Header: answer.Header}, json}, nil
	}
	claims, ok := json.(map[string]any)
	if !ok {
		return nil, pipeline.Refuse(http.StatusBadGateway, outbound.Refused, "the service that decides gave no claims")
	}
	return value.Claims(claims), nil
}

// A decision is the result of forward_auth.
type decision struct {
	headers pipeline.Headers
	json    any
}

// Member implements value.Object.
func (d *decision) Member(name string) (any, bool) {
	switch name {
	case "headers":
		return d.headers, true
	case "json":
		return d.json, true
	}
	return nil, false
}

// Names lists what goes into an answer that shows this one whole: headers may hold cookies.
func (d *decision) Names() []string { return []string{"json"} }

// passOn makes the service's answer the default one of the refusal. A 304 was not asked
// for, and would show what a cache holds.
func passOn(c *pipeline.Context, host string, answer *outbound.Answer) error {
	if answer.Status == http.StatusNotModified || answer.Status < 300 {
		return noDecision(c, host, &outbound.Failure{Reason: outbound.Refused, Err: errors.New("an answer that decides nothing: " + http.StatusText(answer.Status))})
	}
	headers := http.Header{"Content-Type": nil} // or net/http guesses one
	for name, values := range answer.Header {
		if !outbound.HopByHop(name) && !framing(name) {
			headers[name] = values
		}
	}
	outbound.Listed(answer.Header["Connection"], func(name string) { delete(headers, name) })
	return &pipeline.Refusal{Status: answer.Status, Reason: outbound.Status, Message: "the service that decides refused", Headers: headers, Body: append([]byte{}, answer.Body...)}
}

// noDecision closes: without an answer nothing passes.
func noDecision(c *pipeline.Context, host string, err error) error {
	var failure *outbound.Failure
	if !errors.As(err, &failure) {
		return err
	}
	c.Log.Warn("no answer from the service that decides", "host", host, "reason", failure.Reason, "error", failure.Err)
	if failure.Reason == outbound.Timeout {
		return pipeline.Refuse(http.StatusGatewayTimeout, outbound.Timeout, "the service that decides did not answer in time")
	}
	return pipeline.Refuse(http.StatusBadGateway, outbound.Refused, "the service that decides cannot be reached")
}
