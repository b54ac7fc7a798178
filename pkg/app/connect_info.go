package app

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/plugs/browser"
	"github.com/openmanifest/gateway/pkg/session"
)

// connectInfo is what a socket shows its rules of the request that opens a connection.
type connectInfo struct {
	names   []string // of config.ConnectInfo()
	token   bool
	session func() *session.Cookie // nil: not listed
}

// authTokenMember is the member of `socket` that connect alone sees: a credential does not
// live as long as the connection.
const authTokenMember = "auth_token"

// csrfParam is the param that shows the session's CSRF token, as in Phoenix.
const csrfParam = "_csrf_token"

func (b *builder) connectInfo(n *config.Socket) connectInfo {
	info := connectInfo{token: n.AuthToken}
	for _, listed := range n.ConnectInfo {
		if slices.Contains(info.names, listed.Name) {
			continue
		}
		info.names = append(info.names, listed.Name)
		if listed.Name == "session" {
			info.session = browser.SessionCookie(&pipeline.Build{Env: b.app.Env, Problems: b.ps, At: listed.At})
		}
	}
	return info
}

// infoType is what is known of a member of `socket` at load.
func infoType(name string) expr.Type {
	text := expr.Nullable(expr.String)
	switch name {
	case "peer":
		return expr.Record(map[string]expr.Type{"address": expr.String, "port": expr.Nullable(expr.Int)})
	case "user_agent", authTokenMember:
		return expr.Sent(text)
	case "uri":
		return expr.Sent(expr.Record(map[string]expr.Type{"scheme": expr.String, "host": expr.String, "port": expr.Nullable(expr.Int), "path": expr.String, "query": expr.String}))
	case "trace":
		return expr.Sent(expr.Record(map[string]expr.Type{"traceparent": text, "tracestate": text}))
	}
	return expr.Sent(expr.Nullable(expr.OpenMap())) // x_headers; session: whether it is there is the client's doing
}

// connectType is what connect and id see as `socket`.
func (i *connectInfo) connectType() expr.Type {
	members := i.members()
	if i.token {
		members[authTokenMember] = infoType(authTokenMember)
	}
	return pipeline.ConnectSocketType(members)
}

// channelType is what channels see as `socket`.
func (i *connectInfo) channelType() expr.Type { return pipeline.SocketType(i.members()) }

func (i *connectInfo) members() map[string]expr.Type {
	members := make(map[string]expr.Type, len(i.names)+1)
	for _, name := range i.names {
		members[name] = infoType(name)
	}
	return members
}

// of reads the request that opens a connection. Nothing of it is the request's own: it may
// outlive that, and is never written to.
func (i *connectInfo) of(c *pipeline.Context, h *channels.Handshake) map[string]any {
	if len(i.names) == 0 && !i.token {
		return nil
	}
	info := make(map[string]any, len(i.names)+1)
	for _, name := range i.names {
		info[name] = i.read(name, c, h)
	}
	if i.token {
		info[authTokenMember] = nil
		if h.HasAuthToken {
			info[authTokenMember] = h.AuthToken
		}
	}
	return info
}

func (i *connectInfo) read(name string, c *pipeline.Context, h *channels.Handshake) any {
	switch header := h.Request.Header; name {
	case "peer":
		return peerOf(h.Request.RemoteAddr)
	case "user_agent":
		return headerLine(header, "User-Agent")
	case "x_headers":
		return extensionHeaders(header)
	case "uri":
		return uriOf(c)
	case "trace":
		return map[string]any{"traceparent": headerLine(header, "Traceparent"), "tracestate": headerLine(header, "Tracestate")}
	}
	shown, _ := h.Params[csrfParam].(string)
	if values := i.session().Proven(h.Request, shown, c.Now()); values != nil {
		return values
	}
	return nil
}

// peerOf is who is at the other end of the connection itself: behind a proxy, the proxy.
func peerOf(remote string) any {
	host, port, err := net.SplitHostPort(remote)
	if err != nil {
		return map[string]any{"address": remote, "port": nil} // a unix socket
	}
	n, _ := strconv.ParseInt(port, 10, 64) // the kernel's
	return map[string]any{"address": host, "port": n}
}

func headerLine(h http.Header, name string) any {
	if lines := h[name]; len(lines) > 0 {
		return strings.Join(lines, ", ")
	}
	return nil
}

// extensionHeaders gives the headers that begin with x-, without those by which a client of
// the long poll proves who it is.
func extensionHeaders(h http.Header) map[string]any {
	out := map[string]any{}
	for name, lines := range h {
		switch {
		case !strings.HasPrefix(name, "X-"), name == "X-Phoenix-Authtoken", name == "X-Phoenix-Longpoll-Token":
		default:
			out[strings.ToLower(name)] = strings.Join(lines, ", ")
		}
	}
	return out
}

func uriOf(c *pipeline.Context) any {
	uri := make(map[string]any, 5)
	for _, name := range []string{"scheme", "host", "port", "path"} {
		uri[name], _ = c.Request.Member(name)
	}
	uri["query"] = c.R.URL.RawQuery
	return uri
}
