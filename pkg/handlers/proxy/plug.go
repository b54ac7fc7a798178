package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/internal/late"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Plug()} }

type settings struct {
	to         spec.Ref
	strip, add string
	path       *pipeline.Text
}

// Plug passes a request on to an upstream. Where there is no answer from it, the plug
// refuses, so that an `else` can answer.
func Plug() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "proxy", Group: "answer", Places: pipeline.Route, Answers: pipeline.Route, Proxies: true,
		Doc: "Passes the request on to an upstream, and its answer back, both as streams.",
		Fails: []pipeline.Reason{
			{Name: Refused, Status: http.StatusBadGateway},
			{Name: Timeout, Status: http.StatusGatewayTimeout},
			{Name: BadStatus, Status: http.StatusBadGateway},
			{Name: Malformed, Status: http.StatusBadRequest},
			{Name: TooLarge, Status: http.StatusRequestEntityTooLarge},
			{Name: Slow, Status: http.StatusRequestTimeout},
		},
	}, describe, build)
}

func describe(s *pipeline.Settings, o *settings) {
	bindUpstream(s, o)
	prefix(s, &o.strip, "strip_prefix", "What is cut off the beginning of the path, where a segment ends.")
	prefix(s, &o.add, "add_prefix", "What is put before the path that is left.")
	s.Text(&o.path, "path", "A path in place of the one that came; computed values are escaped. The query goes along as it came.")
	s.Later("sticky", "mirror")
	s.After(func(d *spec.Decoder, n *source.Node) {
		if o.path == nil {
			return
		}
		if first := o.path.Parts(); len(first) == 0 || first[0].Expr == nil && !strings.HasPrefix(first[0].Lit, "/") {
			d.Problems.Add(o.path.Node.At, "wrong-value", "a path begins with /")
		}
		for _, p := range o.path.Parts() {
			if strings.ContainsAny(p.Lit, "?#") {
				d.Problems.Add(o.path.Node.At, "wrong-value", "`path` is a path without query").Suggest("the query goes along as it came")
			}
		}
		if o.strip != "" || o.add != "" {
			d.Problems.Add(o.path.Node.At, "wrong-value", "`path` replaces the whole path, so that no prefix is cut off or added").Suggest("use either `path`, or `strip_prefix` and `add_prefix`")
		}
	})
}

// bindUpstream describes `to`: the name of an upstream. Several by weight or in order of
// failing are of a later version.
func bindUpstream(s *pipeline.Settings, o *settings) {
	inner := *s
	inner.Fields = spec.NewFields("`to`")
	one := inner.Declared(&o.to, "to", "upstream", "", pipeline.UpstreamNames)
	inner.Main(one)
	s.Main(s.Add("to", one.Type, "Which upstream.", spec.Schema{"type": spec.Types("string", "object", "array")}, func(d *spec.Decoder, n *source.Node) {
		switch n.Kind {
		case source.Map:
			spec.Unavailable(d.Problems, n.At, "to: with weights")
		case source.List:
			spec.Unavailable(d.Problems, n.At, "to: with several upstreams")
		default:
			inner.Decode(d, n, n.At)
		}
	}).Require())
}

func prefix(s *pipeline.Settings, p *string, name, doc string) {
	var at diag.Pos
	s.String(p, name, "", doc).Observe(func(n *source.Node) { at = n.At })
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if *p != "" && ((*p)[0] != '/' || strings.ContainsAny(*p, "?# ")) {
			d.Problems.Add(at, "wrong-value", "this is not the beginning of a path").Suggest("such as /api")
		}
	})
}

func build(o settings, b *pipeline.Build) pipeline.Plug {
	declared := spec.Find(b.Env.Manifest.Upstreams, o.to.Name)
	if declared == nil || declared.Target == nil {
		return nil // reported where it is declared
	}
	var up *Upstream
	var counted *observe.Upstream
	log := b.Env.Log
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		counted = b.Env.Observe.Upstream(o.to.Name)
		up, err = open(l, o.to.Name, declared, log)
		return err
	})
	return func(c *pipeline.Context) (any, error) {
		q := Request{StripPrefix: o.strip, AddPrefix: o.add, Client: Client{IP: c.Request.IP(), Scheme: c.Request.Scheme(), Host: c.Request.Host()}, Count: counted}
		if o.path != nil {
			path, err := o.path.AppendWith(nil, c.Frame, expr.EscapeSegment)
			if err != nil {
				return nil, err
			}
			q.Path = string(path)
		}
		r, err := outgoing(c)
		if err != nil {
			return nil, err
		}
		return nil, pass(up, c, r, q)
	}
}

func open(l *pipeline.Lease, name string, u *config.Upstream, log *slog.Logger) (*Upstream, error) {
	key := fmt.Sprintf("upstream|%s|%s|%s|%s|%s", name, u.Target, u.Connect, u.FirstByte, u.Idle)
	return pipeline.Get(l, key, func() (*Upstream, func(), error) {
		up, err := NewUpstream(name, u.Target, Options{Connect: u.Connect, FirstByte: u.FirstByte, Idle: u.Idle, Cut: func(r *http.Request, err error) {
			log.Warn("an answer broke off", "upstream", name, "method", r.Method, "path", r.URL.Path, "error", err)
		}})
		if err != nil {
			return nil, nil, fmt.Errorf("open %w", err)
		}
		return up, up.Close, nil
	})
}

// outgoing is the request as routed: with the method that method_override gave it, and
// with its body, also where a plug has read that.
func outgoing(c *pipeline.Context) (*http.Request, error) {
	r := c.R
	if c.Method != r.Method {
		r = r.WithContext(r.Context())
		r.Method = c.Method
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	unread := c.R.Body
	raw, read, err := c.PeekBody(-1) // takes nothing of a body that nobody has read
	c.R.Body = unread
	if err != nil || !read {
		return r, err
	}
	if r == c.R {
		r = r.WithContext(r.Context())
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(raw)), int64(len(raw)), nil
	return r, nil
}

func pass(up *Upstream, c *pipeline.Context, r *http.Request, q Request) error {
	w := late.New(c)
	q.Trace = c.Context()
	err := up.Serve(w, r, q)
	if w.Err() != nil {
		return w.Err()
	}
	var failure *Failure
	switch {
	case err == nil:
		c.Begin()
	case errors.As(err, &failure):
		level := slog.LevelWarn
		if failure.Reason != Refused && failure.Reason != Timeout && failure.Reason != BadStatus {
			level = slog.LevelDebug // the client's doing, which says nothing of the upstream
		}
		c.Log.Log(c.Context(), level, "no answer from an upstream", "upstream", failure.Upstream, "reason", failure.Reason, "error", failure.Err)
		return pipeline.Refuse(failure.Status, failure.Reason, "%s", messageOf(failure.Reason))
	}
	return err
}

// messageOf says what a stranger may know: nothing of the upstream's address.
func messageOf(reason string) string {
	switch reason {
	case Refused:
		return "the service behind cannot be reached"
	case Timeout:
		return "the service behind did not answer in time"
	case BadStatus:
		return "the service behind gave an answer that cannot be passed on"
	case TooLarge:
		return "the body is too large"
	case Slow:
		return "the body did not arrive in time"
	case Gone:
		return "the client left"
	}
	return "the request cannot be passed on"
}
