package httpcache

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// directives are those of Cache-Control, by their lower-case names (RFC 9111 section 5.2).
type directives map[string]string

// directivesOf reads the header. Of a directive that stands twice the first counts.
func directivesOf(h http.Header) directives {
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		return nil
	}
	d := directives{}
	for _, line := range lines {
		for line != "" {
			var one string
			one, line = cutDirective(line)
			name, value, _ := strings.Cut(one, "=")
			name = strings.ToLower(textproto.TrimString(name))
			if _, twice := d[name]; name != "" && !twice {
				d[name] = strings.Trim(textproto.TrimString(value), `"`)
			}
		}
	}
	return d
}

// cutDirective cuts at the next comma that stands in no quotes.
func cutDirective(s string) (one, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func (d directives) has(name string) bool {
	_, ok := d[name]
	return ok
}

// seconds reads a number of seconds. One that cannot be read is 0: a lifetime that nobody
// can tell is none (section 4.2.1).
func (d directives) seconds(name string) (time.Duration, bool) {
	text, ok := d[name]
	if !ok {
		return 0, false
	}
	return seconds(text), true
}

// maxSeconds is what a greater number of seconds counts as (section 1.2.2).
const maxSeconds = 1 << 31

func seconds(text string) time.Duration {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil && strings.Trim(text, "0123456789") != "" || text == "" {
		return 0
	}
	return time.Duration(min(n, maxSeconds)) * time.Second
}
