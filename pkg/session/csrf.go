package session

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
)

// The sizes of Plug.CSRFProtection: a token is 18 random bytes in base64; it is shown as
// token XOR mask in base64, then the mask.
const (
	tokenBytes  = 18
	tokenLength = tokenBytes / 3 * 4
	maskedHalf  = tokenLength / 3 * 4
	shownLength = maskedHalf + tokenLength
)

// CSRFToken gives the text that a form sends back. The session's token is made when there is
// none; the text hides it, so that what an attacker sees of compressed answers tells nothing
// of it. One request shows one text.
func (s *Session) CSRFToken() (string, error) {
	if s.masked != "" {
		return s.masked, nil
	}
	token := s.token()
	if token == "" {
		token = randomToken()
		if err := s.Put(map[string]any{tokenKey: token}); err != nil {
			return "", err
		}
	}
	s.masked = mask(token, randomToken())
	return s.masked, nil
}

// token gives the session's CSRF token; "" when there is none.
func (s *Session) token() string {
	s.load()
	return tokenIn(s.values)
}

func tokenIn(values map[string]any) string {
	if t, ok := values[tokenKey].(string); ok && len(t) == tokenLength {
		return t
	}
	return ""
}

// ValidToken tells whether a text shows the CSRF token of this session.
func (s *Session) ValidToken(shown string) bool { return shows(shown, s.token()) }

// shows tells whether a text shows a token; no text shows "".
func shows(shown, token string) bool {
	if token == "" || len(shown) != shownLength {
		return false
	}
	// Plug also takes the plain alphabet, of tokens that its older versions made.
	mixed, err := base64.URLEncoding.Strict().DecodeString(shown[:maskedHalf])
	if err != nil {
		if mixed, err = base64.StdEncoding.Strict().DecodeString(shown[:maskedHalf]); err != nil {
			return false
		}
	}
	if len(mixed) != tokenLength {
		return false // line breaks, which the decoder skips
	}
	subtle.XORBytes(mixed, mixed, []byte(shown[maskedHalf:]))
	return subtle.ConstantTimeCompare(mixed, []byte(token)) == 1
}

func mask(token, with string) string {
	mixed := make([]byte, tokenLength)
	subtle.XORBytes(mixed, []byte(token), []byte(with))
	return base64.URLEncoding.EncodeToString(mixed) + with
}

func randomToken() string {
	var b [tokenBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.URLEncoding.EncodeToString(b[:])
}
