package resource

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/value"
)

// maxCursor bounds the text of a cursor in bytes. A page whose last row has longer values
// has no link to the next one.
const maxCursor = 2048

// appendCursor writes the values by which the next page is found: JSON, in the alphabet of
// URLs. False: they cannot be told. A cursor is no secret and needs no signature: the rules
// hold for whatever rows it leads to.
func appendCursor(dst []byte, values []any) ([]byte, bool) {
	list := make([]byte, 0, 64)
	for i, v := range values {
		between := byte(',')
		if i == 0 {
			between = '['
		}
		var ok bool
		if list, ok = appendPlace(append(list, between), v); !ok {
			return dst, false
		}
	}
	if len(values) == 0 || base64.RawURLEncoding.EncodedLen(len(list)+1) > maxCursor {
		return dst, false
	}
	return base64.RawURLEncoding.AppendEncode(dst, append(list, ']')), true
}

func appendPlace(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case time.Time:
		return append(v.UTC().AppendFormat(append(dst, '"'), "2006-01-02T15:04:05.999999Z07:00"), '"'), true
	case []byte:
		return append(hex.AppendEncode(append(dst, `"\\x`...), v), '"'), true
	case nil, bool, int64, float64, string, value.Number:
		dst, err := value.AppendJSON(dst, v)
		return dst, err == nil
	}
	return dst, false
}

// placesOf reads a cursor.
func placesOf(cursor string) ([]any, error) {
	bad := &postgrest.Error{Status: http.StatusBadRequest, Code: badParameter, Message: "the cursor cannot be read",
		Hint: "Take `after` from the Link header of the page before."}
	if len(cursor) > maxCursor {
		return nil, bad
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, bad
	}
	v, err := value.DecodeJSON(text)
	list, ok := v.([]any)
	if err != nil || !ok {
		return nil, bad
	}
	for _, v := range list {
		switch v.(type) {
		case map[string]any, []any:
			return nil, bad
		}
	}
	return list, nil
}

// behind gives the values of a cursor, where rows have an order that it can go on in.
func (x *rules) behind(cursor string) ([]any, error) {
	if !x.ready.keyShown {
		return nil, &postgrest.Error{Status: http.StatusBadRequest, Code: badParameter, Message: "these rows have no key to go on behind", Hint: "Use limit and offset."}
	}
	return placesOf(cursor)
}

// appendNext writes the Link to the page behind the values (RFC 8288): the query of this
// page with another place to begin.
func appendNext(dst []byte, path, query string, values []any) ([]byte, bool) {
	dst = append(append(dst, '<'), path...)
	between := byte('?')
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if name, _, _ := strings.Cut(pair, "="); pair == "" || name == "after" || name == "offset" {
			continue
		}
		dst = appendLinked(append(dst, between), pair)
		between = '&'
	}
	dst, ok := appendCursor(append(append(dst, between), "after="...), values)
	return append(dst, `>; rel="next"`...), ok
}

// appendLinked writes a piece of a query so that it does not end the link.
func appendLinked(dst []byte, s string) []byte {
	const hexes = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`<>"\`, c) >= 0 {
			dst = append(dst, '%', hexes[c>>4], hexes[c&0xf])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
