package batch

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/routes"
	"github.com/openmanifest/gateway/pkg/value"
)

// A run is one batch on its way.
type run struct {
	*batch
	c       *pipeline.Context
	base    string         // the escaped path of the scope
	results map[string]any // of the steps that have a name
	answer  []byte
	match   routes.Match

	filledIn int    // the bytes that references brought in
	measure  []byte // is used to count them
}

// maxAnswer bounds what all steps answer together, in bytes.
const maxAnswer = 8 << 20

// step does one request and keeps what it answers.
func (r *run) step(i int, s step) error {
	req, raw, err := r.request(s)
	if err != nil {
		return at(i, err)
	}
	plug, err := r.find(req)
	if err != nil {
		return at(i, err)
	}
	got, err := r.c.Record(req, raw, func() error {
		own := r.c.Match
		r.c.Match = r.match
		_, err := plug(r.c)
		r.match, r.c.Match = r.c.Match, own
		return err
	})
	var refusal *pipeline.Refusal
	switch {
	case errors.As(err, &refusal):
		return at(i, refusal)
	case err != nil:
		return err
	case got.Status >= http.StatusBadRequest, got.Header().Get("Content-Type") == rows.ProblemType: // SQL may raise any status
		return &refused{step: i, status: got.Status, header: got.Header(), body: got.Body}
	}
	return r.keep(i, s, got)
}

// request makes the request of a step: as the caller of the batch, for the rules go by who
// that is.
func (r *run) request(s step) (*http.Request, []byte, error) {
	path, err := r.path(s.path)
	if err != nil {
		return nil, nil, err
	}
	u, err := url.ParseRequestURI(r.base + path)
	if err != nil {
		return nil, nil, malformed("`path` cannot be read", "")
	}
	req := r.c.R.WithContext(r.c.Context())
	req.Method, req.URL, req.RequestURI, req.Body, req.ContentLength = s.method, u, u.RequestURI(), http.NoBody, 0
	req.Header = r.c.R.Header.Clone()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Accept", "Accept-Profile", "Content-Profile", "Prefer", "Range", "If-Match", "If-None-Match", "X-Http-Method-Override"} {
		req.Header.Del(name)
	}
	prefer := "return=representation"
	if s.prefer != "" {
		prefer = s.prefer
	}
	req.Header.Set("Prefer", prefer)
	if s.match != "" {
		req.Header.Set("If-Match", s.match)
	}
	if !s.given {
		return req, nil, nil
	}
	body, err := r.filled(s.body)
	if err != nil {
		return nil, nil, err
	}
	raw, err := value.AppendJSON(nil, body)
	req.ContentLength = int64(len(raw))
	req.Header.Set("Content-Type", "application/json")
	return req, raw, err
}

// find finds the route of a step.
func (r *run) find(req *http.Request) (pipeline.Plug, error) {
	path := strings.TrimPrefix(req.URL.EscapedPath(), r.base)
	r.table.Lookup(req.Method, "", path, &r.match)
	switch r.match.Status {
	case http.StatusOK:
		return r.plugs[r.match.Route], nil
	case http.StatusMethodNotAllowed:
		return nil, &rows.Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Message: "the path does not take this method", Details: "it takes " + r.match.Allow}
	case http.StatusBadRequest:
		return nil, malformed("`path` cannot be read", "")
	}
	return nil, &rows.Problem{Status: http.StatusNotFound, Code: "not_found", Message: "no resource beside the batch has this path"}
}

// keep adds what a step answered, and remembers it under its name.
func (r *run) keep(i int, s step, got *pipeline.Recorded) error {
	body := got.Body
	if len(body) == 0 {
		body = []byte("null")
	} else if _, one := s.body.(map[string]any); one && s.method == http.MethodPost && body[0] == '[' {
		body = only(body)
	}
	if len(r.answer)+len(body) > maxAnswer {
		return at(i, pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "the answers are larger than %d bytes", maxAnswer))
	}
	if i > 0 {
		r.answer = append(r.answer, ',')
	}
	r.answer = strconv.AppendInt(append(r.answer, `{"status":`...), int64(got.Status), 10)
	r.answer = append(append(append(r.answer, `,"body":`...), body...), '}')
	if s.as == "" {
		return nil
	}
	v, err := value.DecodeJSON(body)
	r.results[s.as] = v
	return err
}

// only is the row of a list that has one, else null: of an object that was sent.
func only(body []byte) []byte {
	if body = body[1 : len(body)-1]; len(body) == 0 {
		return []byte("null")
	}
	return body
}
