package session

import (
	"maps"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// Members that are kept for the gateway itself. The names are Plug's and Phoenix's.
const (
	tokenKey = "_csrf_token"
	flashKey = "phoenix_flash"
)

// Reserved tells names that the manifest may not set.
func Reserved(name string) bool { return name == tokenKey || name == flashKey || name == writtenAt }

// A Session is the session of one request. Its cookie is read when something is first asked
// of it, and written when something was changed. In expressions it is `session`.
type Session struct {
	c      *pipeline.Context
	cookie *Cookie

	read    bool
	sent    bool // the request had a cookie of this name, good or not
	values  map[string]any
	at      int64 // when the cookie that was read was written
	changed bool
	rewrite bool // it was sealed with an earlier secret

	ready string // the Set-Cookie header, where nothing changed since it was made

	masked string // the CSRF token as this request shows it
	flash  flash
}

// Fetch makes the request's session. A second time it does nothing.
func Fetch(c *pipeline.Context, cookie *Cookie) {
	if Of(c) != nil {
		return
	}
	c.Slots[pipeline.SlotSession] = &Session{c: c, cookie: cookie}
	c.BeforeSend(write)
}

// Of gives the session of a request; nil when it was not fetched.
func Of(c *pipeline.Context) *Session {
	s, _ := c.Slots[pipeline.SlotSession].(*Session)
	return s
}

// private is Plug's default for all answers. Here it stands on those that may hold what is
// one visitor's alone, so that no cache on the way gives them to another.
const private = "max-age=0, private, must-revalidate"

// load reads the cookie. One that is not good is an empty session.
func (s *Session) load() {
	if s.read {
		return
	}
	s.read = true
	if h := s.c.W.Header(); h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{private}
	}
	found, err := s.c.R.Cookie(s.cookie.key)
	if err != nil {
		return // there is none
	}
	s.sent = true
	o, why := s.cookie.open(found.Value, s.now())
	if why != "" {
		if s.c.Log != nil {
			s.c.Log.Debug("the session cookie is not taken", "cookie", s.cookie.key, "reason", string(why))
		}
		return
	}
	s.values, s.at, s.rewrite = o.values, o.at, o.earlier
}

func (s *Session) now() time.Time {
	if s.c.Now == nil {
		return time.Now()
	}
	return s.c.Now()
}

// Member implements value.Object.
func (s *Session) Member(name string) (any, bool) {
	s.load()
	v, ok := s.values[name]
	return v, ok
}

// Names lists what goes into an answer that shows the session whole: not what the gateway
// keeps there for itself.
func (s *Session) Names() []string {
	s.load()
	names := make([]string, 0, len(s.values))
	for name := range s.values {
		if !Reserved(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Put sets members. It fails, and then changes nothing, when no cookie could carry them.
func (s *Session) Put(members map[string]any) error {
	s.load()
	before := s.values
	s.values = maps.Clone(before)
	if s.values == nil {
		s.values = make(map[string]any, len(members)+2)
	}
	for name, v := range members {
		s.values[name] = plain(value.Plain(v))
	}
	header, err := s.header()
	if err != nil {
		s.values = before
		return err
	}
	s.changed, s.ready = true, header
	if len(s.flash.messages) > 0 {
		s.ready = "" // whether they stay is not known yet
	}
	return nil
}

// plain gives a value as the next request will see it. v is a copy and is changed.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for name, member := range x {
			x[name] = plain(member)
		}
	case []any:
		for i, item := range x {
			x[i] = plain(item)
		}
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case []byte:
		return string(x)
	case int:
		return int64(x)
	}
	return v
}

// Delete removes members.
func (s *Session) Delete(names ...string) {
	s.load()
	for _, name := range names {
		if _, there := s.values[name]; there {
			delete(s.values, name)
			s.changed, s.ready = true, ""
		}
	}
}

// Clear removes all there is, the CSRF token too.
func (s *Session) Clear() {
	s.load()
	s.changed = s.changed || s.sent || len(s.values) > 0
	s.values, s.masked, s.ready = nil, "", ""
}

// Renew gives the session a new CSRF token, so that none that was seen before a login is
// good after it, and writes it anew. The values stay.
func (s *Session) Renew() {
	s.load()
	delete(s.values, tokenKey)
	s.masked, s.changed, s.ready = "", true, ""
}

// header makes the Set-Cookie header of the session as it is now, with the messages that a
// redirect would leave in it: it fails where no cookie could carry them.
func (s *Session) header() (string, error) {
	values := s.values
	if len(s.flash.messages) > 0 {
		values = make(map[string]any, len(s.values)+2)
		maps.Copy(values, s.values)
		values[flashKey] = s.flash.messages
	}
	return s.cookie.set(values, s.now().Unix(), s.https())
}

func (s *Session) https() bool { return s.c.Request.Scheme() == "https" }

// write sets the cookie just before the header of the answer goes out.
func write(c *pipeline.Context, _ int) {
	s := Of(c)
	if s == nil || !s.changed && !s.rewrite {
		return
	}
	h := c.W.Header()
	if len(s.values) == 0 {
		if s.sent {
			h["Set-Cookie"] = append(h["Set-Cookie"], s.cookie.remove(s.https()))
		}
		return
	}
	text := s.ready
	if text == "" {
		at := s.now().Unix()
		if !s.changed {
			at = s.at // another seal is no longer life
		}
		var err error
		if text, err = s.cookie.set(s.values, at, s.https()); err != nil { // what is put is checked when it is put
			c.Log.Error("the session could not be written", "cookie", s.cookie.key, "error", err)
			return
		}
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], text)
}
