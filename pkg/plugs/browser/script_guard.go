package browser

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// A scriptWriter refuses to send JavaScript to a page that may be another site's: by a
// <script> tag such a page would run it, and read what it holds. It stands around the
// context's writer.
type scriptWriter struct {
	http.ResponseWriter
	begun   bool
	refused bool
}

// guardScript puts the guard around an answer that a <script> tag may have asked for: not
// where the request names itself XMLHttpRequest, a header that other sites cannot send, nor
// where the browser says that a page of this site asked.
func guardScript(c *pipeline.Context) {
	if slices.Contains(c.R.Header["X-Requested-With"], "XMLHttpRequest") {
		return
	}
	if sites := c.R.Header["Sec-Fetch-Site"]; len(sites) == 1 && (sites[0] == "same-origin" || sites[0] == "none") {
		return
	}
	c.W = &scriptWriter{ResponseWriter: c.W}
}

// Unwrap gives the writer inside, for http.ResponseController.
func (w *scriptWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *scriptWriter) WriteHeader(status int) {
	if w.begun || status >= 100 && status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.begun = true
	h := w.Header()
	if !isScript(h) {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	body := pipeline.ProblemJSON(nil, &pipeline.Refusal{Reason: "forbidden", Status: http.StatusForbidden,
		Message: "a page of another site may have asked for this script; send x-requested-with: XMLHttpRequest"})
	for _, name := range []string{"Content-Encoding", "Etag", "Last-Modified", "Cache-Control", "Accept-Ranges", "Content-Range"} {
		h.Del(name)
	}
	h["Content-Type"] = []string{"application/problem+json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.ResponseWriter.WriteHeader(http.StatusForbidden)
	_, _ = w.ResponseWriter.Write(body) // a client that went away is no fault of ours
}

// isScript tells the content types of Plug.CSRFProtection.
func isScript(h http.Header) bool {
	for _, kind := range h["Content-Type"] {
		kind = strings.ToLower(strings.TrimSpace(kind))
		if strings.HasPrefix(kind, "text/javascript") || strings.HasPrefix(kind, "application/javascript") {
			return true
		}
	}
	return false
}

// Write implements http.ResponseWriter.
func (w *scriptWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.refused {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// ReadFrom lets a file go out by sendfile.
func (w *scriptWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.refused {
		return 0, nil // what is not sent need not be read
	}
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, r)
}

// FlushError sends what is held back, for http.ResponseController.
func (w *scriptWriter) FlushError() error {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (w *scriptWriter) Flush() { _ = w.FlushError() }
