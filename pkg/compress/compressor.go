package compress

import (
	"net/http"
	"slices"
	"strings"
)

// Options say what is encoded.
type Options struct {
	Codings []string // by preference; nil: all
	Level   Level
	MinSize int64    // bytes of a body that is worth it
	Types   []string // content types, without parameters; "text/*" is all of a kind. nil: those of Types
}

// Types lists the content types that shrink. An event stream is not among them: its events
// must not wait.
func Types() []string {
	return []string{"text/*", "application/json", "application/javascript", "application/xml", "application/wasm", "application/manifest+json",
		"application/yaml", "application/x-ndjson", "application/graphql", "*+json", "*+xml", "font/ttf", "font/otf", "image/x-icon", "image/bmp"}
}

// A Compressor wraps the writers of answers. Safe for concurrent use.
type Compressor struct {
	o     Options
	pools []*pool
}

// New makes a compressor.
func New(o Options) *Compressor {
	if o.Codings == nil {
		o.Codings = Codings()
	}
	if o.Types == nil {
		o.Types = Types()
	}
	c := &Compressor{o: o}
	for _, coding := range o.Codings {
		c.pools = append(c.pools, &pool{coding: coding, header: []string{coding}, level: o.Level})
	}
	return c
}

// Wrap puts a writer around w for the answer to r. begun, if any, is told when the head of
// the answer is decided, which may be before it is sent. Close must be called when the
// answer is whole, and not when it broke off.
func (c *Compressor) Wrap(w http.ResponseWriter, r *http.Request, begun func()) *Writer {
	return &Writer{to: w, c: c, accept: r.Header["Accept-Encoding"], head: r.Method == http.MethodHead, begun: begun}
}

// shrinks tells a content type that is to be encoded.
func (c *Compressor) shrinks(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "text/event-stream" {
		return slices.Contains(c.o.Types, kind)
	}
	return slices.ContainsFunc(c.o.Types, func(pattern string) bool {
		if before, after, ok := strings.Cut(pattern, "*"); ok {
			return len(kind) >= len(before)+len(after) && strings.HasPrefix(kind, before) && strings.HasSuffix(kind, after)
		}
		return kind == pattern
	})
}

// could tells an answer that would be encoded for a client that takes it.
func (c *Compressor) could(status int, h http.Header) bool {
	switch {
	case status < 200, status == http.StatusNoContent, status == http.StatusPartialContent, status == http.StatusNotModified:
		return false
	case h["Content-Encoding"] != nil, h["Content-Range"] != nil:
		return false
	case hasToken(h["Cache-Control"], "no-transform"):
		return false
	}
	return c.shrinks(h.Get("Content-Type"))
}

// choose gives the pool of the coding that the client wants; nil when it wants none.
func (c *Compressor) choose(accept []string) *pool {
	chosen := Choose(accept, c.o.Codings)
	for _, p := range c.pools {
		if p.coding == chosen {
			return p
		}
	}
	return nil
}

// hasToken tells whether a list has a token, whatever its case and parameters.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(one, "=")
			if strings.EqualFold(strings.TrimSpace(name), token) {
				return true
			}
		}
	}
	return false
}

// varies says that the answer depends on Accept-Encoding.
func varies(h http.Header) {
	if before := h["Vary"]; !hasToken(before, "accept-encoding") && !hasToken(before, "*") {
		h["Vary"] = append(before[:len(before):len(before)], "Accept-Encoding")
	}
}

// weaken marks the tag of an answer whose bytes are no longer those that it names.
func weaken(h http.Header) {
	if tag := h.Get("Etag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		h["Etag"] = []string{"W/" + tag}
	}
}
