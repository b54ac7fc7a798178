package proxy

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Request says how one request is passed on. The zero value passes it as it came.
type Request struct {
	Trace       context.Context // of the run, whose trace goes on in the upstream; may be nil
	StripPrefix string          // escaped, such as /api; cut off only where a segment ends; a path without it goes as it is
	AddPrefix   string          // escaped, stands before the path that is left
	Path        string          // escaped; replaces the path, prefixes included, but for the target's own; "" keeps it

	// Host is sent as Host. "" keeps the client's for an http target, so that links,
	// cookies and origin checks of the application behind are right, and sends the
	// target's own to https ones, where the certificate must agree with it.
	Host string

	Client Client
	Count  Counter // may be nil
}

// A Counter notes what became of a request: the head of an answer, or the reason of a Failure
// where there was none, and how long that took. It is called once, before the body goes on.
type Counter interface {
	Answered(status int, took time.Duration)
	Failed(reason string, took time.Duration)
}

// Client is who asks, as far as the gateway believes it; sent as X-Forwarded-For, -Proto
// and -Host. What is "" is taken from the connection and the Host field.
type Client struct{ IP, Scheme, Host string }

// outPath is the escaped path to send for a request that came with p.
func (u *Upstream) outPath(p *url.URL, q *Request) (string, error) {
	if q.Path != "" {
		path := escapeRest(q.Path)
		if path[0] != '/' {
			path = "/" + path
		}
		if hasDots(path) {
			return "", errDots
		}
		return u.base + path, nil
	}
	path := stripPrefix(p.EscapedPath(), strings.TrimRight(q.StripPrefix, "/"))
	if q.AddPrefix != "" {
		path = strings.TrimRight(q.AddPrefix, "/") + path
	}
	if u.base != "" {
		path = u.base + path
	}
	return path, nil
}

// stripPrefix cuts prefix off an escaped path where a segment ends: /api of /api/x and
// of /api, not of /apix.
func stripPrefix(path, prefix string) string {
	if prefix == "" {
		return path
	}
	rest, ok := strings.CutPrefix(path, prefix)
	switch {
	case !ok:
		return path
	case rest == "":
		return "/"
	case rest[0] != '/':
		return path
	}
	return rest
}

// hasDots tells whether a segment is . or .., however it is written.
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if len(segment) > len("%2e%2e") {
			continue
		}
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return true
		}
	}
	return false
}

// escapeRest escapes the bytes that cannot stand in a path, and leaves those that are
// escaped already: a path made from values cannot grow a query or end the request line.
func escapeRest(path string) string {
	const hex = "0123456789ABCDEF"
	var out []byte
	for i := range len(path) {
		c := path[i]
		if inPath(c) || c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			if out != nil {
				out = append(out, c)
			}
			continue
		}
		if out == nil {
			out = append(make([]byte, 0, len(path)+8), path[:i]...)
		}
		out = append(out, '%', hex[c>>4], hex[c&15])
	}
	if out == nil {
		return path
	}
	return string(out)
}

// inPath tells the bytes of pchar and the slash, RFC 3986 section 3.3.
func inPath(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// setTarget makes out the URL of a request for an escaped path. The path goes out as
// it is: Opaque is written to the request line untouched. A path that begins with two
// slashes would be read as a host there, and takes the other way.
func (u *Upstream) setTarget(out *url.URL, path string, in *url.URL) {
	out.Scheme, out.Host = u.target.Scheme, u.target.Host
	if strings.HasPrefix(path, "//") {
		out.RawPath = path
		if plain, err := url.PathUnescape(path); err == nil {
			out.Path = plain
		}
	} else {
		out.Opaque = path
	}
	out.RawQuery, out.ForceQuery = in.RawQuery, in.ForceQuery
	if strings.IndexByte(in.RawQuery, '#') >= 0 { // an upstream might stop reading there
		out.RawQuery = strings.ReplaceAll(in.RawQuery, "#", "%23")
	}
}
