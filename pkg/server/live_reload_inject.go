package server

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"regexp"
	"strings"
)

// serveInjected answers with the script in pages. The answer is asked for uncompressed.
func serveInjected(next http.Handler, w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Accept-Encoding")
	i := &injector{ResponseWriter: w, head: r.Method == http.MethodHead}
	next.ServeHTTP(i, r)
	i.finish()
}

// An injector puts the script before the end of the body of a page. What is no page passes
// as it is.
type injector struct {
	http.ResponseWriter
	head  bool
	began bool
	page  bool
	done  bool   // the script is in
	tail  []byte // held back: it may be the begin of </body>
}

var endOfBody = []byte("</body>")

// WriteHeader implements http.ResponseWriter.
func (i *injector) WriteHeader(status int) {
	if status >= http.StatusOK && !i.began {
		i.began = true
		h := i.Header()
		whole := status != http.StatusNoContent && status != http.StatusPartialContent && status != http.StatusNotModified
		i.page = whole && strings.HasPrefix(h.Get("Content-Type"), "text/html") && h.Get("Content-Encoding") == ""
		if i.page {
			h.Del("Content-Length")
			h.Del("Accept-Ranges")
			h.Del("Etag") // the page with the script is another one
		}
	}
	i.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (i *injector) Write(b []byte) (int, error) {
	if !i.began {
		if i.Header().Get("Content-Type") == "" {
			i.Header().Set("Content-Type", http.DetectContentType(b))
		}
		i.WriteHeader(http.StatusOK)
	}
	if i.page && i.head { // net/http would tell the length of the page without the script
		return len(b), nil
	}
	if !i.page || i.done {
		return i.ResponseWriter.Write(b)
	}
	text := append(i.tail, b...)
	i.tail = nil
	if at := lastIndexFold(text, endOfBody); at >= 0 {
		i.done = true
		text = bytes.Join([][]byte{text[:at], i.script(), text[at:]}, nil)
	} else if keep := min(len(endOfBody)-1, len(text)); keep > 0 {
		i.tail = bytes.Clone(text[len(text)-keep:])
		text = text[:len(text)-keep]
	}
	if _, err := i.ResponseWriter.Write(text); err != nil {
		return 0, err
	}
	return len(b), nil
}

// lastIndexFold finds a lower-case text in any case.
func lastIndexFold(text, lower []byte) int { return bytes.LastIndex(bytes.ToLower(text), lower) }

// finish sends what was held back. A page without an end of its body has the script behind.
func (i *injector) finish() {
	if !i.page || i.head {
		return
	}
	if !i.done {
		i.tail = append(i.tail, i.script()...)
	}
	if len(i.tail) > 0 {
		_, _ = i.ResponseWriter.Write(i.tail) // a client that went away is no fault of ours
	}
}

var nonces = regexp.MustCompile(`'nonce-([A-Za-z0-9+/_=-]+)'`)

// script is the tag, with the nonce of the page's policy if it has one.
func (i *injector) script() []byte {
	tag := `<script src="` + liveReloadScript + `" defer`
	for _, policy := range i.Header()["Content-Security-Policy"] {
		if nonce := nonces.FindStringSubmatch(policy); nonce != nil {
			tag += ` nonce="` + nonce[1] + `"`
			break
		}
	}
	return []byte(tag + "></script>")
}

// FlushError lets what was written go out, for http.ResponseController.
func (i *injector) FlushError() error { return http.NewResponseController(i.ResponseWriter).Flush() }

// Hijack implements http.Hijacker.
func (i *injector) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	i.page = false
	return http.NewResponseController(i.ResponseWriter).Hijack()
}

// Unwrap gives the server's writer, for http.ResponseController.
func (i *injector) Unwrap() http.ResponseWriter { return i.ResponseWriter }
