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
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/bytecache"
)

// Defaults of Options.
const (
	DefaultCacheControl = "public" // as Plug.Static has it, for files with an ETag
	// DefaultVersionedCacheControl is for URLs that say a version (?vsn=), whose file never
	// changes: lib/plug/static.ex.
	DefaultVersionedCacheControl = "public, max-age=31536000, immutable"
	DefaultWriteIdle             = 30 * time.Second // see Options.WriteIdle
)

// Options say what is served. Dir is required.
type Options struct {
	Dir           string
	Only          []string          // first segments that may be asked for, exactly; one that is listed may begin with a dot
	OnlyMatching  []string          // beginnings of such; neither list: everything
	Index         string            // the file for a path that is empty or ends in a slash; "": none, as in Plug
	Precompressed bool              // name.br or name.gz is sent to a client that takes it
	CacheControl  string            // for files asked for without ?vsn=
	Versioned     string            // Cache-Control for files asked for with it
	Types         map[string]string // content types by ending (".foo") or name
	WriteIdle     time.Duration     // a client may take for each 256 KB
}

// Files are those of one folder. Safe for concurrent use.
type Files struct {
	options Options
	fixed   fixedFields
	folder  folder
	kept    *bytecache.Cache[*entity]
}

// fixedFields are values that every answer shares.
type fixedFields struct{ cacheControl, versioned, nosniff, acceptRanges []string }

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
	o.Versioned = cmp.Or(o.Versioned, DefaultVersionedCacheControl)
	o.WriteIdle = cmp.Or(o.WriteIdle, DefaultWriteIdle)
	f := &Files{options: o, folder: folder{dir: o.Dir}, kept: bytecache.New[*entity](maxKept), fixed: fixedFields{
		cacheControl: []string{o.CacheControl},
		versioned:    []string{o.Versioned},
		nosniff:      []string{"nosniff"},
		acceptRanges: []string{"bytes"},
	}}
	if err := f.folder.refresh(time.Now()); errors.Is(err, fs.ErrNotExist) {
		return f, fmt.Errorf("serve files of %s: %w", o.Dir, ErrMissing)
	} else if err != nil {
		return nil, fmt.Errorf("serve files: %w", err)
	}
	return f, nil
}

// Close lets go of the folder. Answers on their way are finished.
func (f *Files) Close() {
	f.folder.close()
	f.kept.Clear()
}

// An Ask is what is asked for, and how it is to be sent.
type Ask struct {
	Name         string // a decoded path below the mount, with or without a slash before it
	Status       int    // of an answer that stands for another, such as a page of an error; 0: that of a file
	Type         string // "": by the ending
	Disposition  string // "": none
	CacheControl string // "": that of the options
	WithoutRange bool   // always the whole file
	AnyMethod    bool   // not GET and HEAD alone
}

// Serve is Answer for what a path asks for.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, rel string) (bool, error) {
	return f.Answer(w, r, Ask{Name: rel})
}

// Answer sends a file. It returns false when there is no such file. The error is a
// *Refusal or our failure; with true it tells of an answer that was begun and broke off.
func (f *Files) Answer(w http.ResponseWriter, r *http.Request, ask Ask) (bool, error) {
	if ask.Status == 0 && !ask.AnyMethod && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false, nil
	}
	name := strings.TrimPrefix(ask.Name, "/")
	if name == "" || name[len(name)-1] == '/' {
		if f.options.Index == "" {
			return false, nil
		}
		name += f.options.Index
	}
	if !f.allowed(name) {
		return false, nil
	}
	if ok, err := f.check(name); !ok || err != nil {
		return false, err
	}
	if hasEscapedSlash(r.URL.RawPath) {
		return false, nil
	}
	return f.lookup(w, r, name, &ask)
}

// lookup finds the file, or the one that was compressed beforehand, or the folder's index.
func (f *Files) lookup(w http.ResponseWriter, r *http.Request, name string, ask *Ask) (bool, error) {
	if f.options.Precompressed && (r.Header["Range"] == nil || ask.WithoutRange) {
		for _, c := range codings(r.Header["Accept-Encoding"]) {
			found, err := f.find(name + c.ending)
			if err != nil {
				return false, err
			}
			if found.entity != nil {
				defer found.close()
				return true, f.send(w, r, name, c.header, found, ask)
			}
		}
	}
	found, err := f.find(name)
	if err != nil {
		return false, err
	}
	if found.entity == nil {
		return f.toIndex(w, r, name)
	}
	defer found.close()
	return true, f.send(w, r, name, nil, found, ask)
}

// toIndex redirects from a folder that has an index to its path with a slash, which the
// links of its page count on.
func (f *Files) toIndex(w http.ResponseWriter, r *http.Request, name string) (bool, error) {
	if f.options.Index == "" || strings.HasSuffix(r.URL.Path, "/") {
		return false, nil
	}
	found, err := f.find(name + "/" + f.options.Index)
	if found.entity == nil || err != nil {
		return false, err
	}
	found.close()
	w.Header()["Location"] = []string{lastSegment(r.URL) + "/" + query(r.URL)}
	w.WriteHeader(http.StatusMovedPermanently)
	return true, nil
}
