package pipeline

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Bounds on what an urlencoded text may make.
const (
	maxFormFields = 10_000
	maxFormDepth  = 32
)

// decodeForm reads a=1&b[c]=2&d[]=3 into out, as Plug.Conn.Query does: the last value of
// a name counts, b[c] makes a map, d[] a list.
func decodeForm(out map[string]any, text string) error {
	count := 0
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		if count++; count > maxFormFields {
			return Refuse(http.StatusBadRequest, "malformed", "more than %d fields", maxFormFields)
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(rawKey)
		val, err2 := url.QueryUnescape(rawValue)
		if err1 != nil || err2 != nil || !utf8.ValidString(key) || !utf8.ValidString(val) {
			return Refuse(http.StatusBadRequest, "malformed", "the query or form is not valid urlencoded UTF-8")
		}
		if err := putField(out, key, val); err != nil {
			return err
		}
	}
	return nil
}

// putField stores one field under its path of names. A path that does not fit what is
// there already replaces it: the last one counts.
func putField(out map[string]any, key string, val any) error {
	name, rest := key, ""
	if i := strings.IndexByte(key, '['); i > 0 && strings.HasSuffix(key, "]") {
		name, rest = key[:i], key[i:]
	}
	if rest == "" {
		out[name] = val
		return nil
	}
	path := strings.Split(rest[1:len(rest)-1], "][")
	if len(path) > maxFormDepth {
		return Refuse(http.StatusBadRequest, "malformed", "a field is nested more than %d deep", maxFormDepth)
	}
	out[name] = putPath(out[name], path, val)
	return nil
}

func putPath(at any, path []string, val any) any {
	if len(path) == 0 {
		return val
	}
	if path[0] == "" {
		list, _ := at.([]any)
		return append(list, putPath(nil, path[1:], val))
	}
	m, ok := at.(map[string]any)
	if !ok {
		m = map[string]any{}
	}
	m[path[0]] = putPath(m[path[0]], path[1:], val)
	return m
}
