package static

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// isVersioned tells the URLs Phoenix makes for digested assets.
func isVersioned(r *http.Request) bool { return strings.HasPrefix(r.URL.RawQuery, "vsn=") }

// precondition is the status that the request's conditions ask for, 0 when the file is to be
// sent: RFC 9110 section 13.2.2. tag is "" for a versioned URL, to which no condition applies.
func precondition(r *http.Request, tag string, modified time.Time) int {
	if tag == "" {
		return 0
	}
	h := r.Header
	if match := h["If-Match"]; match != nil {
		if !hasTag(match, tag, false) {
			return http.StatusPreconditionFailed
		}
	} else if since, ok := httpTime(h.Get("If-Unmodified-Since")); ok && seconds(modified).After(since) {
		return http.StatusPreconditionFailed
	}
	if none := h["If-None-Match"]; none != nil {
		if hasTag(none, tag, true) {
			return http.StatusNotModified
		}
	} else if since, ok := httpTime(h.Get("If-Modified-Since")); ok && !seconds(modified).After(since) {
		return http.StatusNotModified
	}
	return 0
}

// hasTag tells whether a list of entity tags has tag, or is a star. Our tags hold no comma.
func hasTag(lines []string, tag string, weak bool) bool {
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			one = textproto.TrimString(one)
			if weak {
				one = strings.TrimPrefix(one, "W/")
			}
			if one == tag || one == "*" {
				return true
			}
		}
	}
	return false
}

func httpTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(text)
	return t, err == nil
}

// seconds drops what HTTP dates do not tell.
func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// A byteRange is a part of a file, of at least one byte.
type byteRange struct{ start, length int64 }

// wantedRange is the one part the request asks for. What is not understood, lies outside of
// the file, or asks for several parts is ignored, which RFC 9110 section 14.2 allows: the
// whole file is sent.
func wantedRange(r *http.Request, tag string, modified time.Time, size int64) (byteRange, bool) {
	lines := r.Header["Range"]
	if len(lines) != 1 || r.Method != http.MethodGet || !rangeHolds(r.Header.Get("If-Range"), tag, modified) {
		return byteRange{}, false
	}
	unit, spec, _ := strings.Cut(lines[0], "=")
	if !strings.EqualFold(unit, "bytes") {
		return byteRange{}, false
	}
	return parseRange(textproto.TrimString(spec), size)
}

// rangeHolds tells whether If-Range, if any, names the file as it is now.
func rangeHolds(condition, tag string, modified time.Time) bool {
	if condition == "" {
		return true
	}
	if since, ok := httpTime(condition); ok {
		return seconds(modified).Equal(since)
	}
	return tag != "" && condition == tag
}

// parseRange reads "first-last", "first-" or "-count".
func parseRange(spec string, size int64) (byteRange, bool) {
	from, to, ok := strings.Cut(spec, "-")
	if !ok {
		return byteRange{}, false
	}
	if from == "" {
		count, ok := digits(to)
		if !ok || count == 0 || size == 0 {
			return byteRange{}, false
		}
		count = min(count, size)
		return byteRange{size - count, count}, true
	}
	first, ok := digits(from)
	last := size - 1
	if ok && to != "" {
		last, ok = digits(to)
	}
	if !ok || last < first || first >= size {
		return byteRange{}, false
	}
	return byteRange{first, min(last, size-1) - first + 1}, true
}

// digits reads a number without a sign.
func digits(text string) (int64, bool) {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

func contentRange(b byteRange, size int64) string {
	return "bytes " + strconv.FormatInt(b.start, 10) + "-" + strconv.FormatInt(b.start+b.length-1, 10) + "/" + strconv.FormatInt(size, 10)
}
