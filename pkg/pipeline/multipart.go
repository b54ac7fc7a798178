package pipeline

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"
)

// Parts bounds a multipart body. What is 0 is not bounded by itself.
type Parts struct {
	Max      int64 // bytes of the whole body; 0: as other bodies
	MaxPart  int64 // bytes of one file
	MaxFiles int
}

// Bounds on multipart bodies that nothing changes.
const (
	maxPartHeader = 64_000 // bytes, as Plug.Parsers.MULTIPART has it
	maxBoundary   = 70     // characters (RFC 2046 section 5.1.1)
	maxFilename   = 255    // bytes: what a file system takes
)

// parseMultipart reads the body as it comes: texts into params, files into a temporary file.
func (c *Context) parseMultipart(boundary string) error {
	if boundary == "" || len(boundary) > maxBoundary {
		return malformed("a multipart body needs a boundary of 1 to %d characters", maxBoundary)
	}
	p := c.Parser
	limit := c.bodyLimit(p.Parts.Max)
	if c.R.ContentLength > limit {
		return tooLarge(limit)
	}
	var pace *patient
	var from io.Reader = bytes.NewReader(c.body.raw)
	if !c.body.read {
		pace = c.patient()
		from, c.body.streamed = pace, true
	}
	from, err := c.plain(from, limit)
	if err != nil {
		return err
	}
	texts := c.bodyLimit(p.MaxForm)
	m := &form{limits: p.Parts, texts: texts, maxTexts: texts, fields: map[string]any{}, spool: c.newSpool}
	if err := m.read(from, boundary); err != nil {
		return err
	}
	if pace != nil {
		pace.lift()
	}
	c.mergeParams(m.fields)
	return nil
}

// plain is the stream of a body, without its encoding and bounded.
func (c *Context) plain(from io.Reader, limit int64) (io.Reader, error) {
	encoded, err := c.encoded()
	if err != nil {
		return nil, err
	}
	if encoded {
		return newGunzip(from, limit), nil
	}
	return newBounded(from, limit), nil
}

// newSpool makes the temporary file of the request, which goes when the run is over,
// however it ends.
func (c *Context) newSpool() (*spool, error) {
	s, err := newSpool()
	if err == nil {
		c.Defer(s.close)
	}
	return s, err
}

// form is a multipart body being read.
type form struct {
	limits Parts
	texts  int64 // bytes that texts may still take, of maxTexts: they are in memory
	fields map[string]any
	spool  func() (*spool, error)

	maxTexts     int64
	kept         *spool
	parts, files int
}

// read reads all parts, and what stands behind the last one.
func (f *form) read(from io.Reader, boundary string) error {
	head := &headGuard{from: from}
	parts := multipart.NewReader(head, boundary)
	for {
		head.begin()
		part, err := parts.NextRawPart()
		head.on = false
		if err == io.EOF { // alone: one that is wrapped is a body that broke off
			break
		}
		if err != nil && head.err != nil {
			err = head.err // the reader of parts takes a line that broke off for a whole one
		}
		if err != nil {
			return partError(err)
		}
		if f.parts++; f.parts > maxFormFields {
			return malformed("more than %d parts", maxFormFields)
		}
		if err := f.part(part); err != nil {
			return partError(err)
		}
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return partError(err)
	}
	return nil
}

// partError tells bytes that are no multipart from a body that broke off, came too slowly or
// could not be kept.
func partError(err error) error {
	var reading readError
	if errors.As(err, &reading) {
		err = reading.error
	}
	if errors.Is(err, errHead) {
		return malformed("the header of a part is longer than %d bytes", maxPartHeader)
	}
	return bodyError(err, "the body is not sound multipart")
}

// part takes one part. One without a name is passed over, as Plug does, and so is the field
// of a file that was not chosen.
func (f *form) part(p *multipart.Part) error {
	lines := p.Header["Content-Disposition"]
	if len(lines) == 0 {
		return drain(p)
	}
	kind, params, err := mime.ParseMediaType(lines[0])
	switch {
	case err != nil || len(lines) > 1:
		return malformed("the content-disposition of a part cannot be read")
	case !plainEncoding(p.Header.Get("Content-Transfer-Encoding")):
		return malformed("the parts of a form are not encoded")
	case kind != "form-data" || params["name"] == "":
		return drain(p)
	case !utf8.ValidString(params["name"]):
		return malformed("the name of a part is not valid UTF-8")
	}
	filename, isFile := params["filename"]
	if !isFile {
		return f.text(params["name"], p)
	}
	if filename == "" {
		return drain(p)
	}
	return f.file(params["name"], filename, p)
}

func drain(from io.Reader) error {
	_, err := io.Copy(io.Discard, from)
	return err
}

// plainEncoding tells the encodings that change nothing (RFC 7578 section 4.7 has no others).
func plainEncoding(s string) bool {
	switch strings.ToLower(s) {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}

func (f *form) text(name string, from io.Reader) error {
	raw, err := io.ReadAll(&bounded{from, f.texts, f.maxTexts})
	if err != nil {
		return err
	}
	f.texts -= int64(len(raw))
	if !utf8.Valid(raw) {
		return malformed("a field of the form is not valid UTF-8")
	}
	return putField(f.fields, name, string(raw))
}

func (f *form) file(name, filename string, p *multipart.Part) error {
	filename, err := baseName(filename)
	if err != nil {
		return err
	}
	if f.files++; f.limits.MaxFiles > 0 && f.files > f.limits.MaxFiles {
		return Refuse(http.StatusRequestEntityTooLarge, "too_large", "more than %d files", f.limits.MaxFiles)
	}
	if f.kept == nil {
		if f.kept, err = f.spool(); err != nil {
			return err
		}
	}
	var from io.Reader = p
	if f.limits.MaxPart > 0 {
		from = newBounded(p, f.limits.MaxPart)
	}
	u := &Upload{Filename: filename, ContentType: mediaType(p.Header.Get("Content-Type")), spool: f.kept}
	u.offset, u.Size, err = f.kept.keep(from)
	var reading readError
	if err != nil && !errors.As(err, &reading) {
		return &Unavailable{What: "temporary file", Err: err}
	}
	if err != nil {
		return err
	}
	return putField(f.fields, name, u)
}

// baseName cuts the folders off that some browsers send, and refuses what can name no file.
func baseName(name string) (string, error) {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if !utf8.ValidString(name) || name == "" || name == "." || name == ".." || len(name) > maxFilename {
		return "", malformed("the name of a file is not valid, or longer than %d bytes", maxFilename)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return "", malformed("the name of a file holds a control character")
		}
	}
	return name, nil
}

// mediaType is the type that the client says a file has, without parameters.
func mediaType(header string) string {
	kind, _, err := mime.ParseMediaType(header)
	if err != nil || !strings.Contains(kind, "/") || len(kind) > maxFilename {
		return "application/octet-stream"
	}
	return kind
}

// headGuard bounds what is read of a part's header. What the reader of parts has in its own
// buffer, a few KB, is not counted.
type headGuard struct {
	from io.Reader
	on   bool
	left int
	err  error // why there is no more to read, but for the end
}

var errHead = errors.New("the header of a part is too long")

func (g *headGuard) begin() { g.on, g.left = true, maxPartHeader }

// Read implements io.Reader.
func (g *headGuard) Read(b []byte) (n int, err error) {
	switch {
	case !g.on:
		n, err = g.from.Read(b)
	case g.left <= 0:
		err = errHead
	default:
		n, err = g.from.Read(b[:min(len(b), g.left)])
		g.left -= n
	}
	if err != nil && err != io.EOF {
		g.err = err
	}
	return n, err
}
