// Package httpcache keeps answers of HTTP and says when they may be given again: the rules
// of a shared cache of RFC 9111, with the two ways of being stale of RFC 5861.
package httpcache

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Options are what the owner of a cache says beyond the answers themselves.
type Options struct {
	TTL                  time.Duration // how long an answer is fresh that does not say so itself; 0: it is not kept
	StaleWhileRevalidate time.Duration // of an answer that does not say
	StaleIfError         time.Duration // of an answer that does not say
	Vary                 []string      // headers of the request that tell answers apart, beside those that the answer names
	MaxEntry             int64         // bytes of a body that is kept
	// Covered says that the key tells callers apart, or that all get the same: answers to
	// requests with cookies or credentials are kept as others are.
	Covered bool
}

// Personal tells a request whose answer may be for its sender alone.
func Personal(r *http.Request) bool {
	return r.Header["Cookie"] != nil || r.Header["Authorization"] != nil
}

// Cacheable tells a request that a cache may answer: not a part of something, nor the
// beginning of another protocol, nor one that depends on what the source has by now. A body
// is no part of the key: a source that reads one would answer its sender alone.
func Cacheable(r *http.Request) bool {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead, r.ContentLength != 0:
		return false
	}
	return r.Header["Range"] == nil && r.Header["Upgrade"] == nil && r.Header["If-Match"] == nil && r.Header["If-Unmodified-Since"] == nil
}

// OnlyIfCached tells a request that wants nothing but what is kept.
func OnlyIfCached(r *http.Request) bool { return directivesOf(r.Header).has("only-if-cached") }

// judge says whether and for how long an answer may be kept: section 3.
func (o *Options) judge(r *http.Request, status int, h http.Header, now time.Time) (*Entry, bool) {
	asked, said := directivesOf(r.Header), directivesOf(h)
	switch {
	case r.Method != http.MethodGet, asked.has("no-store"):
		return nil, false
	case said.has("no-store"), said.has("private"), said.has("no-cache"):
		return nil, false
	case h["Set-Cookie"] != nil, h["Content-Range"] != nil, h["Trailer"] != nil, varies(h, "*"):
		return nil, false
	}
	e := &Entry{Status: status, born: now.Add(-ageOf(h, now))}
	e.openToCookies = said.has("public") || said.has("s-maxage")
	e.openToCredentials = e.openToCookies || said.has("must-revalidate")
	if !o.Covered && !e.openTo(r) {
		return nil, false
	}
	fresh, explicit := lifetime(said, h, now)
	switch {
	case explicit && understood(status):
	case !explicit && o.TTL > 0 && byDefault(status) && !isEventStream(h):
		fresh = o.TTL
	default:
		return nil, false
	}
	e.fresh = fresh
	e.allowStale(said, o)
	e.vary = o.varyOf(r, h)
	return e, e.fresh > 0 || e.whileRevalidating > 0 || e.ifError > 0 || validators(h)
}

func validators(h http.Header) bool { return h["Etag"] != nil || h["Last-Modified"] != nil }

// lifetime is what the answer itself says of how long it is fresh: section 4.2.1.
func lifetime(said directives, h http.Header, now time.Time) (fresh time.Duration, explicit bool) {
	if d, ok := said.seconds("s-maxage"); ok {
		return d, true
	}
	if d, ok := said.seconds("max-age"); ok {
		return d, true
	}
	if expires := h["Expires"]; len(expires) > 0 {
		until, err := http.ParseTime(expires[0])
		if err != nil || len(expires) > 1 {
			return 0, true // what cannot be read is in the past
		}
		return max(0, until.Sub(dateOf(h, now))), true
	}
	return 0, false
}

func dateOf(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

// ageOf is how old an answer is when it arrives: section 4.2.3.
func ageOf(h http.Header, now time.Time) time.Duration {
	age := max(0, now.Sub(dateOf(h, now)))
	if text := h.Get("Age"); text != "" {
		age = max(age, seconds(text))
	}
	return age
}

// understood lists the statuses that are kept when the answer says for how long.
func understood(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// byDefault lists those that are kept when only the owner says for how long. A thing that
// is not there yet is not among them.
func byDefault(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308:
		return true
	}
	return false
}

// isEventStream tells what happens for one client while it listens, and has no end to wait
// for.
func isEventStream(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// allowStale sets for how long the answer may be given when it is no longer fresh.
func (e *Entry) allowStale(said directives, o *Options) {
	if said.has("must-revalidate") || said.has("proxy-revalidate") || said.has("s-maxage") {
		e.strict = true
		return // sections 5.2.2.2, 5.2.2.8, 5.2.2.10
	}
	e.whileRevalidating, e.ifError = o.StaleWhileRevalidate, o.StaleIfError
	if d, ok := said.seconds("stale-while-revalidate"); ok {
		e.whileRevalidating = d
	}
	if d, ok := said.seconds("stale-if-error"); ok {
		e.ifError = d
	}
}

// varyOf notes what the request had of the headers that tell answers apart.
func (o *Options) varyOf(r *http.Request, h http.Header) []field {
	var out []field
	add := func(name string) {
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		known := slices.ContainsFunc(out, func(f field) bool { return f.name == name })
		if name != "" && !known {
			out = append(out, field{name, normal(r.Header[name])})
		}
	}
	for _, name := range o.Vary {
		add(name)
	}
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			add(name)
		}
	}
	return out
}

func varies(h http.Header, by string) bool {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(name) == by {
				return true
			}
		}
	}
	return false
}

// normal joins the lines of a header and drops the blanks that mean nothing (section 4.1).
func normal(lines []string) string {
	if len(lines) == 0 {
		return "\x00" // not there, which is not the same as empty
	}
	var b strings.Builder
	for i, line := range lines {
		for j, one := 0, line; one != "" || j == 0; j++ {
			var item string
			item, one, _ = strings.Cut(one, ",")
			if i+j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strings.TrimSpace(item))
		}
	}
	return b.String()
}
