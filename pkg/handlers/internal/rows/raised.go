package rows

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Raised is the answer that SQL has chosen by what it raised (PostgREST's documentation,
// Errors, RAISE errors with HTTP Status Codes); nil where it has chosen none. All of it are its
// author's words.
func Raised(c *pipeline.Context, err error) *Problem {
	p := said(err)
	switch {
	case p == nil:
		return nil
	case p.Code == "PGRST":
		p = ofJSON(p)
	case strings.HasPrefix(p.Code, "PT"):
		p.Status = http.StatusInternalServerError
		if n, err := strconv.Atoi(p.Code[2:]); err == nil && sendable(n) {
			p.Status = n
		}
	default:
		return nil
	}
	if p.raised = true; p.Status >= http.StatusInternalServerError {
		p.logged(c, err)
	}
	return p
}

func sendable(status int) bool { return status >= 200 && status <= 599 }

// ofJSON reads an answer that was raised as JSON: its body in the message, its status and
// headers in the details.
func ofJSON(p *Problem) *Problem {
	var body struct{ Code, Message, Details, Hint *string }
	var head struct {
		Status  *int
		Headers map[string]string
	}
	bad := &Problem{Status: http.StatusInternalServerError, Code: "PGRST121", Message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`}
	if json.Unmarshal([]byte(p.Message), &body) != nil || body.Code == nil || body.Message == nil {
		bad.Details = "Invalid JSON value for MESSAGE: '" + p.Message + "'"
		bad.Hint = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'."
		return bad
	}
	bad.Hint = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
	if p.Details == "" {
		bad.Details = "DETAIL is missing in the RAISE statement"
		return bad
	}
	if json.Unmarshal([]byte(p.Details), &head) != nil || head.Status == nil || head.Headers == nil || !sendable(*head.Status) {
		bad.Details = "Invalid JSON value for DETAIL: '" + p.Details + "'"
		return bad
	}
	out := &Problem{Status: *head.Status, Code: *body.Code, Message: *body.Message, Headers: http.Header{}}
	if body.Details != nil {
		out.Details = *body.Details
	}
	if body.Hint != nil {
		out.Hint = *body.Hint
	}
	for name, text := range head.Headers {
		if MaySet(name, text) {
			out.Headers.Set(name, text)
		}
	}
	return out
}

// MaySet tells whether SQL may set a header of the answer: some are the server's alone.
func MaySet(name, text string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", "Keep-Alive":
		return false
	}
	return pipeline.ValidHeaderName(name) && !strings.ContainsAny(text, "\r\n\x00")
}
