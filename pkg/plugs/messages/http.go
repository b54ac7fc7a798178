package messages

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/outbound"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type httpSettings struct {
	url     *pipeline.Text
	to      spec.Ref // an upstream, in place of url
	path    *pipeline.Text
	method  string
	query   []spec.Named[*pipeline.Value]
	headers []spec.Named[*pipeline.Text]

	json *pipeline.Value
	form []spec.Named[*pipeline.Value]
	body *pipeline.Text

	hosts    []string
	hostsAt  *source.Node
	timeout  time.Duration
	max      int64
	retry    retry
	follow   int
	accepted acceptedStatus
}

// HTTP asks another service and gives its answer as a result.
func HTTP() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "http", Group: group, Places: pipeline.Anywhere, Waits: true,
		Doc:    "Asks another service; its result is the answer. A status other than 2xx is a failure.",
		Result: "the answer: `status`, `headers`, `body`, and `json`, which is nil where the answer is no JSON",
		Fails: []pipeline.Reason{
			{Name: outbound.Refused, Status: http.StatusBadGateway},
			{Name: outbound.Timeout, Status: http.StatusGatewayTimeout},
			{Name: outbound.Status, Status: http.StatusBadGateway},
			{Name: "invalid", Status: http.StatusBadRequest},
		},
	}, describeHTTP, buildHTTP)
}

const (
	defaultMax   = "1MB"
	maxRedirects = 10
)

func describeHTTP(s *pipeline.Settings, o *httpSettings) {
	s.Main(s.Text(&o.url, "url", "Where to ask. Its host is written out; values in path and query are escaped."))
	s.Declared(&o.to, "to", "upstream", "In place of `url`: the upstream to ask, at `path`.", pipeline.UpstreamNames)
	s.Text(&o.path, "path", "Path and query at the upstream; values are escaped. Default: /.").Default = ""
	s.Rule(spec.Schema{"anyOf": []spec.Schema{{"required": []string{"url"}}, {"required": []string{"to"}}}})
	s.Enum(&o.method, "method", "", "How to ask. Default: GET, and POST with a body.", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE").Default = ""
	s.Values(&o.query, "query", "What is added to the query; nil is left out, a list is repeated.")
	s.Texts(&o.headers, "headers", "Headers to send.")
	s.Value(&o.json, "json", "A body as JSON.")
	s.Values(&o.form, "form", "A body as a form; nil is left out, a list is repeated.")
	s.Text(&o.body, "body", "A body as it is.")
	s.Strings(&o.hosts, "hosts", "Hosts that a computed `url` and redirects may lead to: `api.example.com`, `*.example.com`, `10.0.0.1:8080`.").
		Observe(func(n *source.Node) { o.hostsAt = n })
	s.Duration(&o.timeout, "timeout", "10s", "For one attempt, to the end of the answer.")
	s.Size(&o.max, "max", defaultMax, "How large an answer may be.")
	describeRetry(s.Fields, &o.retry)
	s.Int(&o.follow, "redirects", 0, 0, maxRedirects, "How many redirects are followed, to the host of `url` and to `hosts`.")
	o.accepted.describe(s.Fields)
	s.After(func(d *spec.Decoder, n *source.Node) { o.check(d, n, s) })
}

// check reports settings that do not go together.
func (o *httpSettings) check(d *spec.Decoder, n *source.Node, s *pipeline.Settings) {
	var bodies []string
	for _, name := range []string{"json", "form", "body"} {
		if s.Given(name) {
			bodies = append(bodies, name)
		}
	}
	switch {
	case !s.Given("url") && !s.Given("to"):
		d.Problems.Add(n.At, "missing-key", "`http` needs `url` or `to`").Suggest("such as `http: https://api.example.com/users`, or `to:` an upstream and its `path`")
	case s.Given("url") && s.Given("to"):
		d.Problems.Add(n.At, "wrong-value", "`url` and `to` cannot stand together").Suggest("a path at the upstream is `path`")
	case s.Given("path") && !s.Given("to"):
		d.Problems.Add(n.At, "wrong-value", "`path` stands beside `to`").Suggest("write it into `url`")
	}
	switch {
	case len(bodies) > 1:
		d.Problems.Add(n.At, "wrong-value", "`%s` and `%s` cannot stand together: there is one body", bodies[0], bodies[1])
	case len(bodies) == 1 && (o.method == http.MethodGet || o.method == http.MethodHead):
		d.Problems.Add(n.At, "wrong-value", "a %s has no body", o.method).Suggest("leave `method` out for a POST, or put the values into `query`")
	}
	if o.method == "" {
		if o.method = http.MethodGet; len(bodies) > 0 {
			o.method = http.MethodPost
		}
	}
	for _, h := range o.headers {
		pipeline.CheckHeader(d.Problems, h.At, h.Name, h.Value)
		if strings.EqualFold(h.Name, "host") {
			d.Problems.Add(h.At, "bad-header", "the host is the one of `url`")
		}
	}
	o.retry.check(d, o.method)
}

func buildHTTP(o httpSettings, b *pipeline.Build) pipeline.Plug {
	target := o.target(b)
	if target == nil {
		return nil
	}
	b.Result(expr.Record(map[string]expr.Type{"status": expr.Int, "headers": expr.OpenMap(), "body": expr.String, "json": expr.Any}))
	var client *outbound.Client
	b.Env.OnOpen(func(l *pipeline.Lease) (err error) {
		client, err = pipeline.Get(l, "outbound", outbound.Open)
		return err
	})
	names := make([]string, len(o.headers))
	for i, h := range o.headers {
		names[i] = http.CanonicalHeaderKey(h.Name)
	}
	return func(c *pipeline.Context) (any, error) {
		r, err := o.request(c, target, names)
		if err != nil {
			return nil, err
		}
		answer, err := o.retry.do(c.Context(), func() (*outbound.Answer, error) { return client.Do(c.Context(), r) })
		if err != nil {
			return nil, refusal(c.Log, r.URL.Host, err)
		}
		return o.result(answer)
	}
}

func (o *httpSettings) request(c *pipeline.Context, t *target, names []string) (*outbound.Request, error) {
	to, err := t.of(c)
	if err != nil {
		return nil, err
	}
	if len(o.query) > 0 {
		more, err := encodeForm(o.query, c)
		if err != nil {
			return nil, err
		}
		if to.RawQuery != "" && more != "" {
			more = "&" + more
		}
		to.RawQuery += more
	}
	r := &outbound.Request{
		Method: o.method, URL: to, Header: http.Header{"User-Agent": {"openmanifest-gateway"}},
		Timeout: o.timeout, MaxBody: o.max, Redirects: o.follow, Allow: func(u *url.URL) bool { return t.allows(u) || u.Scheme == to.Scheme && u.Host == to.Host },
	}
	if err := o.payload(c, r); err != nil {
		return nil, err
	}
	for i, h := range o.headers {
		text, err := h.Value.String(c)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(text, "\r\n\x00") {
			return nil, invalid("a header cannot hold a line break")
		}
		r.Header[names[i]] = []string{text}
	}
	observe.Inject(c.Context(), r.Header)
	return r, nil
}

func (o *httpSettings) payload(c *pipeline.Context, r *outbound.Request) (err error) {
	switch {
	case o.json != nil:
		r.Header["Content-Type"] = pipeline.JSONType
		r.Body, err = o.json.Append(nil, c.Frame)
	case o.form != nil:
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		var text string
		text, err = encodeForm(o.form, c)
		r.Body = []byte(text)
	case o.body != nil:
		var text string
		text, err = o.body.String(c)
		r.Header["Content-Type"] = pipeline.TextType
		r.Body = []byte(text)
	}
	return err
}

// encodeForm writes values as a form.
func encodeForm(values []spec.Named[*pipeline.Value], c *pipeline.Context) (string, error) {
	form := make([]byte, 0, 128)
	add := func(name string, v any) error {
		text, err := value.AppendText(nil, v)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(form) > 0 {
			form = append(form, '&')
		}
		form = append(append(append(form, url.QueryEscape(name)...), '='), url.QueryEscape(string(text))...)
		return nil
	}
	for _, x := range values {
		v, err := x.Value.Eval(c.Frame)
		if err != nil {
			return "", err
		}
		list, many := v.([]any)
		switch {
		case v == nil:
			continue
		case !many:
			list = []any{v}
		}
		for _, e := range list {
			if err := add(x.Name, e); err != nil {
				return "", x.Value.Misfit(c.Frame, v, err)
			}
		}
	}
	return string(form), nil
}

// refusal tells the caller no more than what kind of fault it was; the log is told where.
func refusal(log *slog.Logger, host string, err error) error {
	var failure *outbound.Failure
	if !errors.As(err, &failure) {
		return err
	}
	log.Warn("no answer from a service", "host", host, "reason", failure.Reason, "error", failure.Err)
	switch failure.Reason {
	case outbound.Timeout:
		return pipeline.Refuse(http.StatusGatewayTimeout, failure.Reason, "the service did not answer in time")
	case outbound.Status:
		return pipeline.Refuse(http.StatusBadGateway, failure.Reason, "the service gave an answer that cannot be used")
	}
	return pipeline.Refuse(http.StatusBadGateway, failure.Reason, "the service cannot be reached")
}

func invalid(format string, args ...any) *pipeline.Refusal {
	return pipeline.Refuse(http.StatusBadRequest, "invalid", format, args...)
}
