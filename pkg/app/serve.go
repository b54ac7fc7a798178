package app

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
)

// ServeHTTP answers one request.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := a.Context()
	defer a.Done(c)
	c.Start(w, r)
	run, ctx := a.Env.Observe.Begin(r)
	c.SetContext(ctx)
	c.Match.Route, c.Match.Status = -1, 0 // those of the request before
	broken := true
	defer func() { a.observed(c, &run, broken) }()
	if trusted := a.Manifest.Endpoint.TrustedProxies; len(trusted) > 0 {
		c.Request.Trusted = trusted
		r.Host = c.Request.Host() // one place decides the host: routes and origins go by it too
	}
	if !a.preflight(c) && a.ran(c, a.before(c)) && !c.Halted() {
		a.routed(c)
	}
	if err := c.Finish(); err != nil {
		a.failed(c, err)
	}
	broken = false
}

// before runs endpoint.plugs.
func (a *App) before(c *pipeline.Context) error {
	c.Place = pipeline.Endpoint
	return a.endpoint.Run(c)
}

// preflight answers a CORS preflight (Fetch, section 3.2.2): the plugs that run first, of
// the endpoint and of the route that the real request would take. It tells whether one of
// them did; a path or method that no route takes is answered as any other OPTIONS request.
func (a *App) preflight(c *pipeline.Context) bool {
	asked := c.R.Header["Access-Control-Request-Method"]
	if c.Method != http.MethodOptions || len(asked) != 1 || c.R.Header["Origin"] == nil {
		return false
	}
	m := &c.Match
	a.Table.Lookup(asked[0], c.R.Host, c.R.URL.EscapedPath(), m)
	if m.Status != http.StatusOK || a.Routes[m.Route].socket != nil {
		return false
	}
	c.Preflight = true
	c.Place = pipeline.Endpoint
	answered := !a.ran(c, a.endpointFirst.Run(c)) || c.Halted()
	if !answered {
		c.Place = pipeline.Route
		answered = !a.ran(c, a.Routes[m.Route].first.Run(c)) || c.Halted()
	}
	c.Preflight = false
	return answered
}

// routed finds the route and runs it.
func (a *App) routed(c *pipeline.Context) {
	m := &c.Match
	a.Table.Lookup(c.Method, c.R.Host, c.R.URL.EscapedPath(), m)
	if m.Status != http.StatusOK && !a.isSocketBySlashes(c) {
		a.unmatched(c, m)
		return
	}
	r := &a.Routes[m.Route]
	if r.socket != nil {
		a.upgrade(c, r)
		return
	}
	c.Place, c.Fingerprint = pipeline.Route, r.Fingerprint
	if r.usesParams {
		if err := c.SetParams(r.names, m.Params); err != nil {
			a.ran(c, err)
			return
		}
	}
	if a.ran(c, r.Steps.Run(c)) && !c.Answered() {
		a.answerError(c, &pipeline.Refusal{Status: http.StatusNotFound, Reason: "not_found"})
	}
}

// unmatched answers what no route takes.
func (a *App) unmatched(c *pipeline.Context, m *routes.Match) {
	if (m.Status == http.StatusMethodNotAllowed || m.Status == http.StatusNoContent) && a.isWebsocket(c.R) {
		a.answerError(c, &pipeline.Refusal{Status: http.StatusBadRequest, Reason: "malformed", Message: "a websocket opens with GET"})
		return
	}
	h := c.W.Header()
	if m.Allow != "" {
		h["Allow"] = []string{m.Allow}
	}
	switch m.Status {
	case http.StatusNoContent:
		c.W.WriteHeader(http.StatusNoContent)
	case http.StatusMovedPermanently, http.StatusPermanentRedirect:
		to := m.Location
		if q := c.R.URL.RawQuery; q != "" {
			to += "?" + q
		}
		h.Set("Location", to)
		c.W.WriteHeader(m.Status)
	case http.StatusMethodNotAllowed:
		a.answerError(c, a.notAllowed(c, m.Allow))
	case http.StatusBadRequest:
		a.answerError(c, &pipeline.Refusal{Status: m.Status, Reason: "malformed", Message: "the path cannot be read"})
	default:
		a.answerError(c, a.missing(c))
	}
}

// isWebsocket tells whether a GET of the path asks for a websocket. Phoenix answers any other
// method there with 400.
func (a *App) isWebsocket(r *http.Request) bool {
	var m routes.Match
	a.Table.Lookup(http.MethodGet, r.Host, r.URL.EscapedPath(), &m)
	return m.Status == http.StatusOK && a.Routes[m.Route].socket != nil
}

// ran answers what a list could not: a refusal without `else`, or an error of ours. It
// tells whether the list ran without one.
func (a *App) ran(c *pipeline.Context, err error) bool {
	if err == nil {
		return true
	}
	var refusal *pipeline.Refusal
	if errors.As(err, &refusal) {
		a.answerError(c, refusal)
		return false
	}
	a.failed(c, err)
	return false
}

// failed logs an error of ours and tells the client no more than that there was one. An
// answer that was begun is broken off: cut short it would look whole.
func (a *App) failed(c *pipeline.Context, err error) {
	overdue := c.Overdue()
	if c.R.Context().Err() != nil && !overdue {
		a.log.Debug("the client left", "method", c.R.Method, "path", a.shownPath(c), "error", err)
		panic(http.ErrAbortHandler) // it may only have closed its side: no answer, rather than an empty 200
	}
	observe.Failed(c.Context(), err)
	a.log.Error("request failed", "method", c.R.Method, "path", a.shownPath(c), "request_id", c.Request.ID, "error", err)
	if c.Answered() {
		panic(http.ErrAbortHandler)
	}
	refusal := &pipeline.Refusal{Status: http.StatusInternalServerError, Reason: "internal"}
	switch {
	case overdue:
		refusal.Status, refusal.Reason = http.StatusServiceUnavailable, "timeout"
	case unavailable(err):
		refusal = away(err)
	}
	a.answerError(c, refusal)
}

// answerError sends the default answer of a refusal or error: a page to a browser,
// problem+json to everything else.
func (a *App) answerError(c *pipeline.Context, r *pipeline.Refusal) {
	h := c.W.Header()
	for name, values := range r.Headers {
		h[name] = values
	}
	h.Del("Content-Length")
	var body []byte
	if r.Body != nil {
		body = append(c.Scratch(), r.Body...)
	} else if wantsHTML(c) {
		h["Content-Type"] = pipeline.HTMLType
		body = a.page(c, c.Scratch(), r)
	} else {
		h["Content-Type"], body = a.errorJSON(c, c.Scratch(), r)
	}
	c.Begin()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.W.WriteHeader(r.Status)
	if c.R.Method != http.MethodHead {
		_, _ = c.W.Write(body) // a client that went away is no fault of ours
	}
	c.Lend(body)
}

var problemType = []string{"application/problem+json"}

// wantsHTML goes by `format` where accepts set it, else by whether the client names HTML.
func wantsHTML(c *pipeline.Context) bool {
	if format, ok := c.Slots[pipeline.SlotFormat].(string); ok {
		return format == "html"
	}
	accept := c.R.Header.Get("Accept")
	html := strings.Index(accept, "text/html")
	json := strings.Index(accept, "json")
	return html >= 0 && (json < 0 || html < json)
}
