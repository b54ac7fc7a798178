package server

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
)

// refusals is told of the requests that are refused before an App sees them: by which status
// and for what, in words of ours. It may be nil.
type refusals func(method string, status int, reason, peer string)

func (f refusals) note(method string, status int, reason, remote string) {
	if f == nil {
		return
	}
	if host, _, err := net.SplitHostPort(remote); err == nil {
		remote = host
	}
	f(method, status, reason, remote)
}

// refuse answers, and ends a connection of HTTP/1; one of HTTP/2 carries other requests.
func (f refusals) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	if r.ProtoMajor < 2 {
		w.Header()["Connection"] = []string{"close"}
	}
	http.Error(w, http.StatusText(status), status)
	f.note(r.Method, status, reason, r.RemoteAddr)
}

// What net/http answers by itself where no head can be read. No handler hears of it, so that
// it is known by its form: all that handlers answer has a Date.
const (
	ownStatus = "HTTP/1.1 "
	ownHeader = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	maxOwn    = 256 // bytes
)

// overhear finds among what is written to a connection what net/http refuses.
func (f refusals) overhear(b []byte, c net.Conn) {
	if len(b) > maxOwn || !bytes.HasPrefix(b, []byte(ownStatus)) {
		return
	}
	line, _, found := bytes.Cut(b[len(ownStatus):], []byte(ownHeader))
	if !found || len(line) < 3 {
		return
	}
	status, err := strconv.Atoi(string(line[:3]))
	if err != nil || status < http.StatusBadRequest {
		return
	}
	f.note("", status, ownReason(status, line), c.RemoteAddr().String())
}

// ownReason says why, by the status and the constant text that may stand behind it.
func ownReason(status int, line []byte) string {
	if _, text, found := bytes.Cut(line, []byte(": ")); found {
		return string(text)
	}
	switch status {
	case http.StatusRequestHeaderFieldsTooLarge:
		return "header too large"
	case http.StatusNotImplemented:
		return "unknown transfer coding"
	}
	return "no whole head of HTTP"
}
