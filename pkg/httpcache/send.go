package httpcache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Verdict is what became of a request, for Cache-Status (RFC 9211) and x-cache.
type Verdict string

// The verdicts.
const (
	Hit    Verdict = "hit"
	Miss   Verdict = "miss"
	Gone   Verdict = "stale" // given though it is no longer fresh
	Passed Verdict = "pass"  // the cache has no part in it
)

// Tell says in the head of an answer what became of the request. left is for how long what
// is kept is fresh.
func Tell(h http.Header, v Verdict, left time.Duration) {
	status := "gateway; "
	switch v {
	case Hit, Gone:
		status += "hit; ttl=" + wholeSeconds(left)
	case Miss:
		status += "fwd=miss"
	default:
		status += "fwd=bypass"
	}
	h["X-Cache"] = []string{string(v)}
	h["Cache-Status"] = append(h["Cache-Status"][:len(h["Cache-Status"]):len(h["Cache-Status"])], status)
}

// piece and pieceTime bound how slowly a client may read what is kept.
const (
	piece     = 64 << 10
	pieceTime = 30 * time.Second
)

// Send answers with an entry: 304 where the request has what is kept (section 4.3.2).
func Send(w http.ResponseWriter, r *http.Request, e *Entry, v Verdict, now time.Time) {
	h := w.Header()
	for name, values := range e.Header {
		if name == "Vary" {
			values = merged(h["Vary"], values)
		}
		h[name] = values
	}
	age := e.Age(now)
	h["Age"] = []string{wholeSeconds(age)}
	Tell(h, v, e.fresh-age)
	if e.Status == http.StatusOK && unchanged(r, e.Header) {
		withoutBody(h)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if e.Status != http.StatusNoContent {
		h["Content-Length"] = []string{strconv.Itoa(len(e.Body))}
	}
	w.WriteHeader(e.Status)
	if r.Method == http.MethodHead || len(e.Body) == 0 {
		return
	}
	control := http.NewResponseController(w)
	for part := range slices.Chunk(e.Body, piece) {
		if len(e.Body) > piece {
			_ = control.SetWriteDeadline(time.Now().Add(pieceTime)) // a writer without deadlines has none to set
		}
		if _, err := w.Write(part); err != nil {
			return // the client went away
		}
	}
}

// withoutBody takes out of a head what belongs to a body (section 15.4.5 of RFC 9110).
func withoutBody(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding"} {
		delete(h, name)
	}
}

// merged gives the lines of both.
func merged(before, after []string) []string {
	if len(before) == 0 || slices.Equal(before, after) {
		return after
	}
	out := slices.Clip(after)
	for _, line := range before {
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// unchanged tells whether the client has the answer already.
func unchanged(r *http.Request, kept http.Header) bool {
	if none := r.Header["If-None-Match"]; none != nil {
		tag := strings.TrimPrefix(kept.Get("Etag"), "W/")
		for _, line := range none {
			for one := range strings.SplitSeq(line, ",") {
				one = strings.TrimPrefix(textproto.TrimString(one), "W/")
				if one == "*" || tag != "" && one == tag {
					return true
				}
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(kept.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}
