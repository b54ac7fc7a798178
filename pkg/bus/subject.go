package bus

// MaxSubject bounds a subject, in bytes: engines hold control lines of a few KiB.
const MaxSubject = 512

// IsSubject tells a text of tokens with dots between them, at most MaxSubject bytes long. A
// token is letters, digits, `_` and `-`, at least one.
func IsSubject(s string) bool {
	if len(s) > MaxSubject {
		return false
	}
	token := 0
	for i := range len(s) {
		switch c := s[i]; {
		case letter(c):
			token++
		case c != '.' || token == 0:
			return false
		default:
			token = 0
		}
	}
	return token > 0
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}
