package tokens

import (
	"fmt"
	"time"
)

// Encrypt makes a token that only who has the key can read, as Plug.Crypto.encrypt does:
// what Sign signs, sealed by an Encryptor.
func (s *Signer) Encrypt(by Sealer, data any, now time.Time) (string, error) {
	term, err := s.appendEnvelope(nil, data, now.UnixMilli())
	if err != nil {
		return "", fmt.Errorf("encrypt token: %w", err)
	}
	token := by.Seal(nil, term)
	if n := len(token); n > MaxToken {
		return "", fmt.Errorf("encrypt token: it would have %d bytes, at most %d are allowed", n, MaxToken)
	}
	return string(token), nil
}

// Decrypt gives what a token of Encrypt carries, as Verify does. Every error is a *Refused.
func (s *Signer) Decrypt(by Sealer, token string, now time.Time) (any, error) {
	if token == "" {
		return nil, &Refused{Missing}
	}
	term, ok := by.Open(nil, token)
	if !ok {
		return nil, &Refused{Invalid}
	}
	e, err := decodeEnvelope(term)
	if err != nil {
		return nil, &Refused{Invalid}
	}
	if reason := s.judge(&e, now.UnixMilli()); reason != "" {
		return nil, &Refused{reason}
	}
	return e.data, nil
}
