package static

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

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

// lastSegment is the last segment of a path, as a reference that is relative to it. The
// dot keeps a segment with a colon from being taken for a scheme.
func lastSegment(u *url.URL) string { return "./" + url.PathEscape(path.Base(u.Path)) }

func query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	return "?" + u.RawQuery
}
