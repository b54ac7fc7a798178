package pipeline

import (
	"regexp"
	"slices"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
)

// memberOf finds the name whose member begins where the text ends.
var memberOf = regexp.MustCompile(`\b(request|socket)\s*(?:\?\.|\.)?\s*(?:\[\s*['"]?)?$`)

// withheld is the way to what the rules of a socket see only when the socket lists it.
func (b *Build) withheld(n *source.Node, e expr.Error) string {
	if e.Code != "unknown-member" || b.Place&(Connect|Channel) == 0 {
		return ""
	}
	of := memberOf.FindStringSubmatch(n.Value[:e.Start])
	if of == nil {
		return ""
	}
	member := wordAt.FindString(n.Value[e.Start:])
	switch name := of[1] + "." + member; {
	case name == "request.headers":
		return WithheldHeader
	case name == "request.cookies":
		return WithheldCookie
	case name == "request.body":
		return "who connects sends no body; what it sends is in `params`"
	case name == "socket.id" && b.Place == Connect:
		return "the socket's `id` is computed after `connect`"
	case name == "socket.auth_token" && b.Place == Connect:
		return "write `auth_token: true` at the socket"
	case name == "socket.auth_token":
		return "the token is known in `connect` of a socket with `auth_token: true`; verify it there, and bind what channels need"
	case of[1] == "socket" && slices.Contains(config.ConnectInfo(), member):
		return "list it at the socket: `connect_info: [" + member + "]`"
	}
	return ""
}

var wordAt = regexp.MustCompile(`\w+`)

// The ways to what connect does not see of its request.
const (
	WithheldHeader = "connect sees no headers; one that begins with x- is in socket.x_headers once the socket lists `connect_info: [x_headers]`"
	WithheldCookie = "connect sees no cookies: a page of any site can connect with them; the session is in socket.session once the socket lists `connect_info: [session]`, and is given to a client that sends its `_csrf_token`"
)
