package httpcache

import (
	"net/http"
	"strconv"
	"time"
)

// An Entry is an answer that is kept. It is not changed once it is stored.
type Entry struct {
	Status int
	Header http.Header
	Body   []byte

	born                       time.Time // when it was made, as far as one knows
	fresh                      time.Duration
	whileRevalidating, ifError time.Duration // beyond that
	strict                     bool          // never to be given stale
	openToCookies              bool
	openToCredentials          bool
	vary                       []field
	made                       uint64 // the fingerprint of the route that made it
	uncacheable                bool   // not an answer: a note that there is none to be kept
}

// A field is a header of a request.
type field struct{ name, value string }

// A State says what an entry is good for.
type State int

// The states.
const (
	None   State = iota // for nothing
	Fresh               // to be given
	Stale               // to be given while another request fetches it anew
	Broken              // to be given when fetching it anew fails
)

// Age is how old the answer is.
func (e *Entry) Age(now time.Time) time.Duration { return max(0, now.Sub(e.born)) }

// openTo tells whether the answer said itself that a request with cookies or credentials
// may be given it: section 3.5.
func (e *Entry) openTo(r *http.Request) bool {
	return (e.openToCookies || r.Header["Cookie"] == nil) && (e.openToCredentials || r.Header["Authorization"] == nil)
}

// matches tells whether the entry answers requests with these headers: section 4.1.
func (e *Entry) matches(r *http.Request) bool {
	for _, f := range e.vary {
		if normal(r.Header[f.name]) != f.value {
			return false
		}
	}
	return true
}

// State says what the entry is good for, as it is and as the request asks: sections 4.2
// and 5.2.1.
func (e *Entry) State(r *http.Request, now time.Time) State {
	age := e.Age(now)
	left := e.fresh - age
	asked := directivesOf(r.Header)
	if asked.has("no-cache") || asked == nil && r.Header.Get("Pragma") == "no-cache" {
		return e.inNeed(left)
	}
	if most, ok := asked.seconds("max-age"); ok && age > most {
		return e.inNeed(left)
	}
	if least, ok := asked.seconds("min-fresh"); ok && left < least {
		return e.inNeed(left)
	}
	if left > 0 {
		return Fresh
	}
	if asked.has("max-stale") && !e.strict {
		if most, _ := asked.seconds("max-stale"); asked["max-stale"] == "" || -left <= most {
			return Fresh
		}
	}
	if !e.strict && -left < e.whileRevalidating {
		return Stale
	}
	return e.inNeed(left)
}

// inNeed tells whether the entry may stand in for an error.
func (e *Entry) inNeed(left time.Duration) State {
	if !e.strict && e.ifError > 0 && -left < e.ifError {
		return Broken
	}
	return None
}

// StandsIn tells whether the entry may be given in place of an error (RFC 5861 section 4).
func (e *Entry) StandsIn(now time.Time) bool { return e.inNeed(e.fresh-e.Age(now)) == Broken }

// conditions puts into a request those under which the source says that nothing changed.
func (e *Entry) conditions(h http.Header) bool {
	tag, modified := e.Header["Etag"], e.Header["Last-Modified"]
	if tag == nil && modified == nil {
		return false
	}
	delete(h, "If-Match")
	delete(h, "If-Unmodified-Since")
	delete(h, "If-None-Match")
	delete(h, "If-Modified-Since")
	if tag != nil {
		h["If-None-Match"] = tag
	}
	if modified != nil {
		h["If-Modified-Since"] = modified
	}
	return true
}

// freshened gives the entry with what a 304 says of it: section 3.2.
func (e *Entry) freshened(o *Options, r *http.Request, said http.Header, now time.Time) (*Entry, bool) {
	h := e.Header.Clone()
	delete(h, "Age")
	for name, values := range said {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Content-Range":
			// of an answer without a body
		default:
			h[name] = values
		}
	}
	if said["Date"] == nil {
		delete(h, "Date")
	}
	next, ok := o.judge(r, e.Status, h, now)
	if !ok {
		return &Entry{Status: e.Status, Header: h, Body: e.Body, born: now}, false
	}
	next.Header, next.Body = h, e.Body
	return next, true
}

// size is what keeping the entry costs.
func (e *Entry) size() int64 {
	n := int64(len(e.Body)) + 200
	for name, values := range e.Header {
		n += int64(len(name)) + 48
		for _, v := range values {
			n += int64(len(v)) + 16
		}
	}
	for _, f := range e.vary {
		n += int64(len(f.name)+len(f.value)) + 32
	}
	return n
}

func wholeSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
