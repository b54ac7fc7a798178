// Package static answers with the files of a folder, as Plug.Static does: GET and HEAD,
// what is not there falls through to the next plug. Dotfiles, links out of the folder,
// listings, and all that is not a regular file count as not there.
package static

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Defaults of Options.
const (
	DefaultCacheControl = "public"         // as Plug.Static has it, for files with an ETag
	DefaultWriteIdle    = 30 * time.Second // see Options.WriteIdle
)

// vsnCacheControl is for URLs that say a version (?vsn=), whose file never changes:
// lib/plug/static.ex.
const vsnCacheControl = "public, max-age=31536000, immutable"

// Options say what is served. Dir is required.
type Options struct {
	Dir          string
	Only         []string      // first segments that may be asked for, exactly; one that is listed may begin with a dot
	OnlyMatching []string      // beginnings of such; neither list: everything
	Index        string        // the file for a path that is empty or ends in a slash; "": none, as in Plug
	CacheControl string        // for files asked for without ?vsn=
	WriteIdle    time.Duration // a client may take for each 256 KB
}

// Files are those of one folder. Safe for concurrent use.
type Files struct {
	options Options
	fixed   fixedFields
	folder  folder
	buffers wholeBuffers
}

// fixedFields are values that every answer shares.
type fixedFields struct{ cacheControl, immutable, nosniff, acceptRanges []string }

// A Refusal is an answer for the caller's doing: no file can have such a name.
type Refusal struct {
	Status int
	Reason string
}

func (r *Refusal) Error() string { return r.Reason }

// ErrMissing says that the folder is not there (yet).
var ErrMissing = errors.New("no such folder")

// New opens a folder. One that is missing gives an error that is ErrMissing together with
// Files that work as soon as the folder appears; any other error comes without.
func New(o Options) (*Files, error) {
	if o.Dir == "" {
		return nil, errors.New("serve files: no folder is named")
	}
	if strings.ContainsAny(o.Index, `/\`) {
		return nil, fmt.Errorf("serve files of %s: index %q is not a file name", o.Dir, o.Index)
	}
	o.CacheControl = cmp.Or(o.CacheControl, DefaultCacheControl)
	o.WriteIdle = cmp.Or(o.WriteIdle, DefaultWriteIdle)
	f := &Files{options: o, folder: folder{dir: o.Dir}, fixed: fixedFields{
		cacheControl: []string{o.CacheControl},
		immutable:    []string{vsnCacheControl},
		nosniff:      []string{"nosniff"},
		acceptRanges: []string{"bytes"},
	}}
	if err := f.folder.refresh(); errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("serve files of %s: %w", o.Dir, ErrMissing)
	} else if err != nil {
		return nil, fmt.Errorf("serve files: %w", err)
	}
	return f, nil
}

// Close lets go of the folder. Answers on their way are finished.
func (f *Files) Close() { f.folder.close() }

// Serve answers with the file rel, a decoded path below the mount, with or without a slash
// before it. It returns false when there is no such file. The error is a *Refusal or our
// failure; with true it tells of an answer that was begun and broke off.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, rel string) (bool, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false, nil
	}
	name := strings.TrimPrefix(rel, "/")
	if name == "" || name[len(name)-1] == '/' {
		if f.options.Index == "" {
			return false, nil
		}
		name += f.options.Index
	}
	if !f.allowed(name) || hasEscapedSlash(r.URL.RawPath) {
		return false, nil
	}
	if ok, err := f.check(name); !ok || err != nil {
		return false, err
	}
	file, err := f.folder.open(name)
	if err != nil {
		return false, ownFailure(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("serve %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	return true, f.send(w, r, name, file, info)
}

// allowed applies Only and OnlyMatching to the first segment.
func (f *Files) allowed(name string) bool {
	if len(f.options.Only) == 0 && len(f.options.OnlyMatching) == 0 {
		return true
	}
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(f.options.Only, first) ||
		slices.ContainsFunc(f.options.OnlyMatching, func(p string) bool { return strings.HasPrefix(first, p) })
}

// check tells the names that may be looked up. Dot segments, backslashes and NUL are a
// refusal: whoever sends them means harm. An empty segment or a colon (a drive or a
// stream, to some systems) is merely never a file, since the next route may want it.
func (f *Files) check(name string) (bool, error) {
	if strings.ContainsAny(name, "\\\x00") {
		return false, &Refusal{http.StatusBadRequest, "the path has a backslash or NUL"}
	}
	ok := strings.IndexByte(name, ':') < 0
	rest, first := name, true
	for more := true; more; first = false {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch {
		case segment == "." || segment == "..":
			return false, &Refusal{http.StatusBadRequest, "the path has dot segments"}
		case segment == "":
			ok = false
		case segment[0] == '.':
			ok = ok && first && slices.Contains(f.options.Only, segment)
		}
	}
	return ok, nil
}

// hasEscapedSlash tells a slash that is part of a name, as no file has it.
func hasEscapedSlash(raw string) bool {
	for i := 0; i+2 < len(raw); i++ {
		if raw[i] == '%' && raw[i+1] == '2' && (raw[i+2] == 'F' || raw[i+2] == 'f') {
			return true
		}
	}
	return false
}

// ownFailure keeps the errors that say nothing about the file but all about us. Any other
// (missing, forbidden, a link that leads out, a file taken for a folder) is "not there".
func ownFailure(err error) error {
	for _, own := range [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, own) {
			return fmt.Errorf("serve a file: %w", err)
		}
	}
	return nil
}
