package httpcache

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Recorder is the writer of an answer that may be kept. It passes everything on, and
// gives what is kept instead when its source has nothing new or fails.
type Recorder struct {
	Key    string
	By     uint64  // the fingerprint of the route that answers
	Flight *Flight // nil: nobody waits for this answer
	Stale  *Entry  // may stand in for an error; nil: none does

	to      http.ResponseWriter
	cache   *Cache
	o       *Options
	source  *http.Request // that goes on; what stands behind may change its headers
	request *http.Request // as it was when the cache was asked
	asked   *Entry        // what the source was asked about; nil: nothing
	before  http.Header   // what stood in the head when the cache was asked
	now     func() time.Time
	changes uint64 // of the key, when the cache was asked

	begun, keeping, failed bool
	answers                bool // the client's conditions were not passed on
	replaced               bool // what the source writes is not sent
	entry                  *Entry
}

// Record puts a recorder around w.
func (c *Cache) Record(w http.ResponseWriter, r *http.Request, key string, o *Options, now func() time.Time) *Recorder {
	before := make(http.Header, len(w.Header()))
	for name, values := range w.Header() {
		before[name] = values
	}
	asked := *r
	asked.Header = r.Header.Clone()
	return &Recorder{Key: key, to: w, cache: c, o: o, source: r, request: &asked, before: before, now: now, changes: c.changed(key)}
}

// Ask gives the request to be passed on for an answer to be kept: with the conditions under
// which the source can say that what is kept is still right, and without the client's own,
// which Record answers by itself.
func (rec *Recorder) Ask(e *Entry) *http.Request {
	own := rec.request.Header
	if e == nil && own["If-None-Match"] == nil && own["If-Modified-Since"] == nil {
		return rec.source
	}
	asking := *rec.request
	asking.Header = own.Clone()
	delete(asking.Header, "If-None-Match")
	delete(asking.Header, "If-Modified-Since")
	if e != nil && e.conditions(asking.Header) {
		rec.asked = e
	}
	rec.answers = true
	return &asking
}

// Header implements http.ResponseWriter.
func (rec *Recorder) Header() http.Header { return rec.to.Header() }

// Unwrap serves http.ResponseController.
func (rec *Recorder) Unwrap() http.ResponseWriter { return rec.to }

// WriteHeader implements http.ResponseWriter.
func (rec *Recorder) WriteHeader(status int) {
	switch {
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
		rec.to.WriteHeader(status)
		return
	case rec.begun:
		return
	}
	rec.begun = true
	now := rec.now()
	switch {
	case status == http.StatusNotModified && rec.asked != nil:
		rec.renew(now)
	case rec.Stale != nil && broken(status):
		rec.failed = true
		rec.restore()
		rec.give(rec.Stale, Gone, now)
	default:
		rec.failed = status >= http.StatusInternalServerError
		rec.entry, rec.keeping = rec.o.judge(rec.request, status, rec.to.Header(), now)
		if rec.keeping {
			rec.entry.Header, rec.entry.made = rec.own(now), rec.By
		} else {
			rec.giveUp()
		}
		rec.pass(status)
	}
}

// giveUp keeps nothing. Those that wait for the answer need not wait for its end, which may
// never come: it may be a stream of events.
func (rec *Recorder) giveUp() {
	rec.keeping, rec.entry = false, nil
	if rec.Flight == nil {
		return
	}
	if !rec.failed {
		rec.cache.noteUncacheable(rec.Key, rec.now())
	}
	rec.Flight.Land()
}

// current tells whether nothing was invalidated since the cache was asked: else the answer
// may be older than the change.
func (rec *Recorder) current() bool {
	if rec.Flight != nil {
		return rec.Flight.current()
	}
	return rec.cache.changed(rec.Key) == rec.changes
}

// pass sends the head, or 304 to a client that has just this.
func (rec *Recorder) pass(status int) {
	h := rec.to.Header()
	Tell(h, Miss, 0)
	if rec.keeping && rec.answers && status == http.StatusOK && unchanged(rec.request, h) {
		rec.replaced = true
		status = http.StatusNotModified
		withoutBody(h)
	}
	rec.to.WriteHeader(status)
}

// broken lists the statuses in whose place RFC 5861 has a stale answer given.
func broken(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// renew gives what is kept, which the source says is still right.
func (rec *Recorder) renew(now time.Time) {
	said := rec.own(now)
	next, keep := rec.asked.freshened(rec.o, rec.request, said, now)
	if keep && rec.current() {
		next.made = rec.By
		rec.cache.Store(rec.Key, rec.request, next)
	}
	rec.restore()
	rec.give(next, Hit, now)
}

// give answers with an entry; what the source writes is dropped.
func (rec *Recorder) give(e *Entry, v Verdict, now time.Time) {
	rec.replaced = true
	Send(rec.to, rec.request, e, v, now)
}

// restore takes what the source said out of the head.
func (rec *Recorder) restore() {
	h := rec.to.Header()
	for name := range h {
		if values, ok := rec.before[name]; ok {
			h[name] = values
		} else {
			delete(h, name)
		}
	}
}

// own gives the headers that the source set: those that stood there before belong to this
// request, such as its id.
func (rec *Recorder) own(now time.Time) http.Header {
	out := http.Header{}
	for name, values := range rec.to.Header() {
		if before, ok := rec.before[name]; ok && slices.Equal(before, values) || hopByHop(name) {
			continue
		}
		out[name] = slices.Clone(values)
	}
	for _, line := range rec.to.Header()["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			out.Del(strings.TrimSpace(name))
		}
	}
	if out["Date"] == nil {
		out["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	}
	return out
}

// hopByHop lists what is not part of an answer that is kept: section 3.1.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Set-Cookie", "Age", "X-Cache", "Cache-Status", "X-Request-Id":
		return true
	}
	return strings.HasPrefix(name, "Ratelimit-")
}

// Write implements http.ResponseWriter.
func (rec *Recorder) Write(p []byte) (int, error) {
	if !rec.begun {
		rec.begin(p)
	}
	n, err := len(p), error(nil)
	if !rec.replaced {
		n, err = rec.to.Write(p)
	}
	if rec.keeping {
		if int64(len(rec.entry.Body)+n) > rec.o.MaxEntry || err != nil {
			rec.failed = err != nil // of this client, which says nothing of the answer
			rec.giveUp()
		} else {
			rec.entry.Body = append(rec.entry.Body, p[:n]...)
		}
	}
	return n, err
}

// begin answers 200 when nothing else was said, with the type that net/http would guess.
func (rec *Recorder) begin(p []byte) {
	if h := rec.to.Header(); h["Content-Type"] == nil && h["Content-Encoding"] == nil && len(p) > 0 {
		h["Content-Type"] = []string{http.DetectContentType(p)}
	}
	rec.WriteHeader(http.StatusOK)
}

// ReadFrom keeps the kernel's way open (sendfile) for an answer that is not kept.
func (rec *Recorder) ReadFrom(r io.Reader) (int64, error) {
	if rec.begun && !rec.keeping && !rec.replaced {
		return io.Copy(rec.to, r)
	}
	return io.Copy(struct{ io.Writer }{rec}, r)
}

// FlushError serves http.ResponseController.
func (rec *Recorder) FlushError() error {
	if !rec.begun {
		rec.begin(nil)
	}
	return http.NewResponseController(rec.to).Flush()
}

// Flush implements http.Flusher.
func (rec *Recorder) Flush() { _ = rec.FlushError() }

// Hijack implements http.Hijacker.
func (rec *Recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	rec.giveUp()
	return http.NewResponseController(rec.to).Hijack()
}

// Drop says that the answer is not to be kept.
func (rec *Recorder) Drop() { rec.keeping = false }

// Finish keeps an answer that was made in full. The head as it was sent is looked at once
// more: what was added last may make it one caller's own.
func (rec *Recorder) Finish() {
	if !rec.begun || rec.replaced && !rec.keeping {
		return
	}
	sent := rec.to.Header()
	if !rec.keeping || sent["Set-Cookie"] != nil || hasNonce(sent) || !rec.whole() {
		rec.giveUp()
		return
	}
	if rec.current() {
		rec.cache.Store(rec.Key, rec.request, rec.entry)
	}
}

// whole tells whether as much was written as was said.
func (rec *Recorder) whole() bool {
	text := rec.entry.Header.Get("Content-Length")
	n, err := strconv.Atoi(text)
	return text == "" || err == nil && n == len(rec.entry.Body)
}

// hasNonce tells a page whose scripts are allowed by a number that is good for one answer.
func hasNonce(h http.Header) bool {
	for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
		for _, policy := range h[name] {
			if strings.Contains(policy, "'nonce-") {
				return true
			}
		}
	}
	return false
}
