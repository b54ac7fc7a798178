// Package redact knows what looks like a secret, for all that is shown: lines of the log,
// traces, the manifest. Where it errs, it hides too much.
package redact

import (
	"net/url"
	"regexp"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "[redacted]"

// Name tells the name of something whose value is not to be shown: of a parameter, header or
// setting.
func Name(name string) bool {
	flat := strings.Map(flatten, name)
	for _, part := range [...]string{"token", "secret", "passw", "passphrase", "signature", "session", "credential", "authorization", "cookie", "jwt", "csrf", "apikey", "privatekey", "accesskey", "signingkey"} {
		if strings.Contains(flat, part) {
			return true
		}
	}
	switch flat {
	case "key", "sig", "code", "pin", "otp", "auth", "pwd", "pass", "state", "nonce", "ticket", "sid", "hash", "hmac", "assertion", "samlresponse":
		return true
	}
	return false
}

// flatten makes one name of api_key, api-key and apiKey.
func flatten(r rune) rune {
	switch {
	case strings.ContainsRune("_-.[] ", r):
		return -1
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	}
	return r
}

// longest is how long a text without a break may be before it is taken for a token.
const longest = 40

// Text tells a text that looks like a credential whatever its name.
func Text(text string) bool {
	for _, begin := range [...]string{"SFMyNTY.", "XCP.", "eyJ", "Bearer ", "Basic ", "sk_", "ghp_", "xox"} {
		if len(text) > len(begin) && strings.HasPrefix(text, begin) {
			return true
		}
	}
	return strings.Contains(text, "PRIVATE KEY-----") || len(text) >= longest && opaque(text, "-_.=+~")
}

// opaque tells letters and digits alone, and marks.
func opaque(text, marks string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return true
}

// Query gives a query without the values that may be secret. The rest stays as sent.
func Query(query string) string {
	hides := false
	for pair := range strings.SplitSeq(query, "&") {
		name, value, given := strings.Cut(pair, "=")
		hides = hides || shownName(name) != name || given && shownValue(name, value) != value
	}
	if !hides {
		return query
	}
	var b strings.Builder
	for i, pair := range strings.Split(query, "&") {
		if i > 0 {
			b.WriteByte('&')
		}
		name, value, given := strings.Cut(pair, "=")
		b.WriteString(shownName(name))
		if given {
			b.WriteByte('=')
			b.WriteString(shownValue(name, value))
		}
	}
	return b.String()
}

// shownName hides a token that stands where a name should.
func shownName(name string) string {
	if n, err := url.QueryUnescape(name); err != nil || Text(n) {
		return Hidden
	}
	return name
}

// shownValue hides what may be secret; what cannot be read may be.
func shownValue(name, value string) string {
	n, err := url.QueryUnescape(name)
	if err != nil || Name(n) {
		return Hidden
	}
	v, err := url.QueryUnescape(value)
	if err != nil || Text(v) || len(v) >= longest && opaque(v, "-_.=+~/") {
		return Hidden
	}
	return value
}

// Where URLs hold secrets: behind the user's name, and in the query.
var (
	userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^/?#\s:@'"]*):[^\s'"]*@`)
	pairs    = regexp.MustCompile(`([?&])([^=&?\s'"]+)=([^&\s'"#]*)`)
)

// URLs gives a text in which URLs have no password.
func URLs(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	text = userinfo.ReplaceAllString(text, "${1}:"+Hidden+"@")
	return pairs.ReplaceAllStringFunc(text, func(pair string) string {
		name, value, _ := strings.Cut(pair[1:], "=")
		if strings.Contains(value, "${") {
			return pair
		}
		return pair[:1] + name + "=" + shownValue(name, value)
	})
}
