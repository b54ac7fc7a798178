package static

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/compress"
)

const (
	atOnce = 2 << 10   // bytes; surely fits the buffers of net/http, so that writing waits for nobody
	piece  = 1 << 20   // bytes sent under one deadline: each costs a call of the kernel
	paced  = 256 << 10 // bytes for which a client may take Options.WriteIdle
)

// A coding is a way of compressing beforehand: the sibling file has its ending.
type coding struct {
	name, ending string
	header       []string
}

// codings lists those that a client takes, the better first as in Plug.Static.
func codings(accept []string) []coding {
	if len(accept) == 0 {
		return nil
	}
	out := make([]coding, 0, 2)
	for _, c := range [...]coding{{"br", ".br", nil}, {"gzip", ".gz", nil}} {
		if compress.Quality(accept, c.name) > 0 {
			c.header = []string{c.name}
			out = append(out, c)
		}
	}
	return out
}

// send answers with a file, a part of it, or the news that nothing has changed.
func (f *Files) send(w http.ResponseWriter, r *http.Request, name string, encoding []string, e found, ask *Ask) error {
	h := w.Header()
	tag := f.validators(h, r, e, ask)
	if f.options.Precompressed {
		addVary(h)
	}
	if ask.Status == 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if status := precondition(r, tag, e.modified); status != 0 {
			w.WriteHeader(status)
			return nil
		}
	}
	part, status, length := byteRange{0, e.size}, max(ask.Status, http.StatusOK), e.length
	if ask.Status == 0 && encoding == nil && !ask.WithoutRange {
		if wanted, ok := wantedRange(r, tag, e.modified, e.size); ok {
			values := []string{contentRange(wanted, e.size), strconv.FormatInt(wanted.length, 10)}
			h["Content-Range"], length = values[0:1:1], values[1:2:2]
			part, status = wanted, http.StatusPartialContent
		}
	}
	f.kind(h, name, encoding, e, ask)
	h["Content-Length"] = length
	w.WriteHeader(status)
	if r.Method == http.MethodHead || part.length == 0 {
		return nil
	}
	if err := f.write(w, e, part); err != nil {
		return fmt.Errorf("serve %s from byte %d: %w", name, part.start, err)
	}
	return nil
}

// validators sets what caches go by, and gives the tag; "" for a URL with a version.
func (f *Files) validators(h http.Header, r *http.Request, e found, ask *Ask) string {
	switch {
	case ask.CacheControl != "":
		h["Cache-Control"] = []string{ask.CacheControl}
	case isVersioned(r):
		h["Cache-Control"] = f.fixed.versioned
		return ""
	default:
		h["Cache-Control"] = f.fixed.cacheControl
	}
	h["Etag"], h["Last-Modified"] = e.tag, e.lastModified
	return e.tag[0]
}

// kind sets what the content is.
func (f *Files) kind(h http.Header, name string, encoding []string, e found, ask *Ask) {
	switch {
	case ask.Type != "":
		h["Content-Type"] = []string{ask.Type}
	case encoding != nil:
		h["Content-Type"] = []string{f.contentType(name)}
	default:
		h["Content-Type"] = e.contentType
	}
	h["X-Content-Type-Options"] = f.fixed.nosniff
	if encoding != nil {
		h["Content-Encoding"] = encoding
	} else if !ask.WithoutRange {
		h["Accept-Ranges"] = f.fixed.acceptRanges
	}
	if ask.Disposition != "" {
		h["Content-Disposition"] = []string{ask.Disposition}
	}
}

func addVary(h http.Header) {
	h["Vary"] = append(h["Vary"][:len(h["Vary"]):len(h["Vary"])], "Accept-Encoding")
}

// write sends a part of a file: a small one from memory, a large one by the kernel
// (sendfile), if w passes ReadFrom on to net/http.
func (f *Files) write(w http.ResponseWriter, e found, part byteRange) error {
	if e.file == nil {
		if part.length > atOnce {
			f.extend(w, part.length)
		}
		_, err := w.Write(e.body[part.start : part.start+part.length])
		return err
	}
	if part.start > 0 {
		if _, err := e.file.Seek(part.start, io.SeekStart); err != nil {
			return err
		}
	}
	return f.copy(w, e.file, part.length)
}

// extend gives the client time to take the next bytes. A writer without deadlines has no
// wait to bound.
func (f *Files) extend(w http.ResponseWriter, bytes int64) {
	patience := f.options.WriteIdle * time.Duration((bytes+paced-1)/paced)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience))
}

func (f *Files) copy(w http.ResponseWriter, file *os.File, length int64) error {
	for length > 0 {
		next := min(length, piece)
		f.extend(w, next)
		n, err := io.CopyN(w, file, next)
		if err != nil {
			return err
		}
		length -= n
	}
	return nil
}
