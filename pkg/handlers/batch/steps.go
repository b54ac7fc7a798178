package batch

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// maxSteps bounds the requests of one batch.
const maxSteps = 100

// A step is one request of a batch, as the client wrote it.
type step struct {
	method, path string
	as           string // the name of its result; "": none
	prefer       string // "": the row that was written is answered
	match        string // If-Match; "": none
	body         any
	given        bool // there is a body
}

// prefers reads the preferences of the batch as a whole: whether it is undone at the end.
func prefers(c *pipeline.Context) (rollback bool, err error) {
	if err := rows.NoKeys(c); err != nil {
		return false, err
	}
	for _, line := range c.R.Header["Prefer"] {
		for one := range strings.SplitSeq(line, ",") {
			rollback = rollback || strings.TrimSpace(one) == "tx=rollback"
		}
	}
	return rollback, nil
}

// read reads the list of steps.
func read(c *pipeline.Context, raw []byte) ([]step, error) {
	if kind, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &rows.Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported", Message: "a batch is a body of the type application/json"}
	}
	v, err := value.DecodeJSON(raw)
	if err != nil {
		return nil, malformed("the body is not JSON", err.Error())
	}
	list, ok := v.([]any)
	switch {
	case !ok:
		return nil, malformed("a batch is a list of steps", "it is "+value.Describe(v))
	case len(list) == 0:
		return nil, malformed("a batch has one step at least", "")
	case len(list) > maxSteps:
		return nil, malformed(fmt.Sprintf("a batch has %d steps at most", maxSteps), fmt.Sprintf("it has %d", len(list)))
	}
	steps := make([]step, len(list))
	names := map[string]bool{}
	for i, item := range list {
		if steps[i], err = readStep(item, names); err != nil {
			return nil, at(i, err)
		}
	}
	return steps, nil
}

func malformed(message, details string) *rows.Problem {
	return &rows.Problem{Status: http.StatusBadRequest, Code: "PGRST102", Message: message, Details: details}
}

// at says which step a refusal is of.
func at(i int, err error) error {
	p := rows.Of(err)
	if p == nil {
		return err
	}
	body, err := p.Append(nil)
	if err != nil {
		return err
	}
	out := &refused{step: i, status: p.Status, header: http.Header{}, body: body}
	p.Head(out.header)
	return out
}

func methods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}
}

func readStep(item any, names map[string]bool) (s step, err error) {
	fields, ok := item.(map[string]any)
	if !ok {
		return s, malformed("a step is an object", "it is "+value.Describe(item))
	}
	text := func(name string, into *string) {
		if v, given := fields[name]; given && err == nil {
			if *into, ok = v.(string); !ok {
				err = malformed("`"+name+"` is not a text", "it is "+value.Describe(v))
			}
		}
		delete(fields, name)
	}
	text("method", &s.method)
	text("path", &s.path)
	text("as", &s.as)
	text("prefer", &s.prefer)
	text("if_match", &s.match)
	s.body, s.given = fields["body"]
	delete(fields, "body")
	switch s.method = strings.ToUpper(s.method); {
	case err != nil:
		return s, err
	case len(fields) > 0:
		for name := range fields {
			return s, malformed("unknown key of a step: "+rows.Clip(name), "a step has `method`, `path`, `body`, `as`, `prefer` and `if_match`")
		}
	case !slices.Contains(methods(), s.method):
		return s, malformed("`method` is none of "+strings.Join(methods(), ", "), "")
	case !strings.HasPrefix(s.path, "/"):
		return s, malformed("`path` does not begin with /", "it is that of a resource, below the scope of the batch")
	case s.as != "" && !spec.IsName(s.as):
		return s, malformed("`as` is no name", "")
	case names[s.as]:
		return s, malformed("two steps are called "+rows.Clip(s.as), "")
	}
	if s.as != "" {
		names[s.as] = true
	}
	return s, nil
}
