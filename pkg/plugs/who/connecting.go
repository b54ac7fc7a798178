package who

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// The members of `socket` that a token can stand in.
const (
	socketHeaders = "x_headers"
	socketSession = "session"
)

// connecting compiles a source for `connect`, where of the headers and the session only that
// is known which the socket lists.
func (s source) connecting(b *pipeline.Build, at diag.Pos) lookup {
	var hint string
	switch s.kind {
	case bearer: // no browser sends it by itself
		return fromBearer
	case param:
		return s.fromParams(b)
	case authToken:
		if ofSocket(b, authToken) {
			return fromSocket(authToken)
		}
		hint = "write `auth_token: true` at the socket"
	case header:
		if ofSocket(b, socketHeaders) && extension(s.name) {
			return inSocket(socketHeaders, strings.ToLower(s.name))
		}
		hint = pipeline.WithheldHeader
	case session:
		if ofSocket(b, socketSession) {
			return inSocket(socketSession, s.name)
		}
		hint = "list it at the socket: `connect_info: [session]`; it is given to a client that sends its `_csrf_token`"
	case cookie:
		hint = pipeline.WithheldCookie
	case payload:
		hint = "what a client sends when it connects is in its params: write `from: [{param: token}]`"
	}
	b.Problem(at, "misplaced-token", "in connect there is no %s to take a token from", s.kind).Suggest("%s", hint)
	return nil
}

// extension tells the headers that connect_info can list.
func extension(name string) bool { return len(name) > 2 && strings.EqualFold(name[:2], "x-") }

// ofSocket tells whether the socket that is compiled shows its rules this.
func ofSocket(b *pipeline.Build, member string) bool {
	names := b.Visible()
	i := slices.IndexFunc(names, func(n expr.Name) bool { return n.Name == "socket" })
	if i < 0 {
		return false
	}
	_, shown := names[i].Type.Member(member)
	return shown
}

func fromSocket(name string) lookup {
	return func(c *pipeline.Context) (string, bool) { return member(c.Slots[pipeline.SlotSocket], name) }
}

func inSocket(of, name string) lookup {
	return func(c *pipeline.Context) (string, bool) {
		return member(part(c.Slots[pipeline.SlotSocket], of), name)
	}
}
