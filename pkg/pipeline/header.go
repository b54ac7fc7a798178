package pipeline

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// CheckHeader reports a name and a constant text that cannot stand in an answer. text is
// nil where it did not compile.
func CheckHeader(ps *diag.Problems, at diag.Pos, name string, text *Text) {
	switch lower := strings.ToLower(name); {
	case !validHeaderName(name):
		ps.Add(at, "bad-header", "%q is not the name of a header", name)
	case framing(lower):
		ps.Add(at, "bad-header", "%q frames the answer and cannot be set", lower).Suggest("leave it out: it is set as the body needs it")
	}
	if text == nil {
		return
	}
	if constant, ok := text.Constant(); ok && strings.ContainsAny(constant, "\r\n\x00") {
		ps.Add(text.Node.At, "bad-header", "a header cannot hold a line break")
	}
}

// framing lists the headers that say where an answer ends or what becomes of its
// connection (RFC 9112).
func framing(lower string) bool {
	switch lower {
	case "content-length", "transfer-encoding", "connection", "keep-alive", "trailer", "upgrade":
		return true
	}
	return false
}
