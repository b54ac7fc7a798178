package outbound

import (
	"net/textproto"
	"strings"
)

// HopByHop tells the fields that concern one connection only: those of RFC 9110 section
// 7.6.1, and those older clients and servers use in the same way.
func HopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// Claimed tells the fields in which a proxy says who asked. A stranger's are dropped, in
// the spelling with underscores too, which CGI-like servers take for the same.
func Claimed(name string) bool {
	if len(name) < len("Forwarded") || name[0] != 'X' && name[0] != 'F' {
		return false
	}
	if strings.IndexByte(name, '_') >= 0 {
		name = textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
	}
	return name == "Forwarded" || name == "X-Real-Ip" || name == "X-Forwarded" || strings.HasPrefix(name, "X-Forwarded-")
}

// Listed calls each for the fields Connection names besides the usual words.
func Listed(connection []string, each func(name string)) {
	for _, line := range connection {
		for word := range strings.SplitSeq(line, ",") {
			word = textproto.TrimString(word)
			if word == "" || strings.EqualFold(word, "keep-alive") || strings.EqualFold(word, "close") {
				continue
			}
			each(textproto.CanonicalMIMEHeaderKey(word))
		}
	}
}
