// Package hostname tells whether a text is a host name, and whether one is meant by a
// pattern such as *.example.com: one rule for whom we ask, redirect to and let call.
package hostname

import "strings"

// Labels tells a host name in lower case, or whole labels of one: letters, digits, - and _
// between dots. Nothing in it ends the host and begins something else.
func Labels(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for i := range len(label) {
			b := label[i]
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
				return false
			}
		}
	}
	return true
}

// Matches tells whether a host in lower case is the one of pattern, or below it where
// pattern begins with "*.".
func Matches(pattern, host string) bool {
	suffix, wild := strings.CutPrefix(pattern, "*")
	if !wild {
		return host == pattern
	}
	rest, below := strings.CutSuffix(host, suffix)
	return below && Labels(rest)
}
