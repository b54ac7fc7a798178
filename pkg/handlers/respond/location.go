package respond

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A state says in which part of a URL one is while it is put together, and so how a value
// is escaped there.
type state uint8

const (
	startPath state = iota // nothing yet: a path of this application
	startURL               // nothing yet: an absolute URL
	inHost
	inPath
	inQuery
	inFragment
)

// after moves on over literal text.
func (s state) after(literal string) state {
	if s == startURL {
		if _, rest, ok := strings.Cut(literal, "://"); ok {
			s, literal = inHost, rest
		}
	}
	if s == inHost && strings.ContainsAny(literal, "/?#") || s == startPath {
		s = inPath
	}
	if s == inPath && strings.Contains(literal, "?") {
		s = inQuery
	}
	if s != inHost && s != startURL && strings.Contains(literal, "#") {
		s = inFragment
	}
	return s
}

// begins tells whether a target may begin with this literal.
func (s state) begins(literal string) bool {
	if s == startURL {
		return strings.HasPrefix(literal, "https://") || strings.HasPrefix(literal, "http://")
	}
	return strings.HasPrefix(literal, "/") && !strings.HasPrefix(literal, "//") && !strings.ContainsAny(literal, "\\\r\n\t ")
}

func (s state) form() string {
	if s == startURL {
		return "write http:// or https:// and a host"
	}
	return "a path begins with one / and has no backslash; write {external: URL} for another site"
}

func (s state) wrong() string {
	if s == startURL {
		return "this is no URL of another site"
	}
	return "this is no path of this application"
}

// escape writes a value for its part of the URL. At the very beginning it stands as it is:
// it is what path() or a parameter says, and is checked as a whole.
func (s state) escape(dst []byte, text string) ([]byte, error) {
	switch s {
	case startPath, startURL:
		return append(dst, text...), nil
	case inHost:
		if !isHost(text) {
			return dst, errors.New("this value cannot stand in the host of a URL")
		}
		return append(dst, text...), nil
	case inPath:
		return expr.EscapeSegment(dst, text)
	}
	return append(dst, url.QueryEscape(text)...), nil
}

func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// locate puts the target together and checks it as a whole. rest is the expression of the
// route's *rest, whose slashes stay.
func locate(t *pipeline.Text, c *pipeline.Context, start state, rest string) (string, error) {
	if text, constant := t.Constant(); constant {
		return text, nil // checked at load
	}
	walk := escaper{t.Parts(), start, 0, rest}
	b, err := t.AppendWith(c.Scratch(), c.Frame, walk.escape)
	location := string(b)
	c.Lend(b)
	if err != nil {
		return "", err
	}
	if err := checkLocation(location, start); err != nil {
		return "", refuseLocation(err)
	}
	return location, nil
}

// refuseLocation: a value that cannot stand in a location is its sender's doing.
func refuseLocation(err error) *pipeline.Refusal {
	return pipeline.Refuse(http.StatusBadRequest, "malformed", "%v", err)
}

// An escaper follows the literal text between the values.
type escaper struct {
	parts []expr.Part
	at    state
	next  int
	rest  string // the expression that stands for several segments; "" for none
}

func (e *escaper) escape(dst []byte, text string) ([]byte, error) {
	for e.next < len(e.parts) && e.parts[e.next].Expr == nil {
		e.at = e.at.after(e.parts[e.next].Lit)
		e.next++
	}
	src := ""
	if e.next < len(e.parts) {
		src = e.parts[e.next].Src
	}
	e.next++
	at := e.at
	if at == startPath || at == startURL {
		e.at = e.at.after(text)
	}
	escape := at.escape
	if at == inPath && e.rest != "" && strings.TrimSpace(src) == e.rest {
		escape = expr.EscapeRest
	}
	return escape(dst, text)
}

// checkLocation refuses what a browser could take for another site than the author meant.
func checkLocation(location string, start state) error {
	for i := range len(location) {
		if location[i] <= ' ' || location[i] == 0x7f || location[i] == '\\' {
			return errors.New("a redirect cannot hold a space, backslash or control character")
		}
	}
	if start == startURL {
		u, err := url.Parse(location)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return errors.New(start.wrong())
		}
		return nil
	}
	if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.Contains(location, "/%09") {
		return errors.New(start.wrong()) // browsers drop a tab, and "/<tab>/" would begin another host
	}
	return checkDots(location)
}

// checkDots refuses segments that a browser would resolve away (RFC 3986 section 5.2.4).
func checkDots(location string) error {
	path, _, _ := strings.Cut(location, "?")
	path, _, _ = strings.Cut(path, "#")
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".", "..":
			return errors.New("a redirect cannot hold `.` or `..` as a segment")
		}
	}
	return nil
}

// patternOf gives the path as a pattern, computed segments as `:_`, to be verified against
// the routes. ok is false for a text that is computed from its beginning.
func patternOf(t *pipeline.Text) (pattern string, ok bool) {
	const hole = "\x00"
	var b strings.Builder
	for i, p := range t.Parts() {
		switch {
		case p.Expr == nil:
			b.WriteString(p.Lit)
		case i == 0:
			return "", false
		default:
			b.WriteString(hole)
		}
	}
	pattern, _, _ = strings.Cut(b.String(), "?")
	pattern, _, _ = strings.Cut(pattern, "#")
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if strings.Contains(s, hole) {
			segments[i] = ":_"
		}
	}
	return strings.Join(segments, "/"), true
}
