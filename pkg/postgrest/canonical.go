package postgrest

import (
	"slices"
	"strings"
)

// Canonical writes a raw query as PostgREST does in Content-Location: parameters sorted by
// name, those of one name joined by commas, and everything escaped but letters, digits and
// -_.~ (qsCanonical of PostgREST.ApiRequest.QueryParams, Network.HTTP.Base.urlEncodeVars).
func Canonical(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" {
			key, value, _ := strings.Cut(pair, "=")
			pairs = append(pairs, [2]string{decoded(key), decoded(value)})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	dst := make([]byte, 0, len(raw)+16)
	for i, p := range pairs {
		switch {
		case i > 0 && pairs[i-1][0] == p[0]:
			dst = append(dst, ',')
		case i > 0:
			dst = append(dst, '&')
			fallthrough
		default:
			dst = append(appendEscaped(dst, p[0]), '=')
		}
		dst = appendEscaped(dst, p[1])
	}
	return string(dst)
}

func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~", c) >= 0:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&0xf])
		}
	}
	return dst
}
