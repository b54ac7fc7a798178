package expr

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
)

// maxToken bounds random_token, in bytes.
const maxToken = 1024

func cryptoRows(f *Functions) []function {
	rows := []function{
		pure("sha256", "sha256(text)", "the SHA-256 of the text, in hexadecimal", texts("sha256", func(s []string) any {
			sum := sha256.Sum256([]byte(s[0]))
			return hex.EncodeToString(sum[:])
		}), of[func(string) string]()),
		pure("hmac_sha256", "hmac_sha256(key, text)", "the HMAC-SHA-256 of the text, in hexadecimal", texts("hmac_sha256", func(s []string) any {
			mac := hmac.New(sha256.New, []byte(s[0]))
			io.WriteString(mac, s[1])
			return hex.EncodeToString(mac.Sum(nil))
		}), of[func(string, string) string]()),
		pure("secure_compare", "secure_compare(a, b)", "true when the texts are equal, in a time that does not tell where they differ", texts("secure_compare", func(s []string) any {
			return subtle.ConstantTimeCompare([]byte(s[0]), []byte(s[1])) == 1
		}), of[func(string, string) bool]()),
		impure("uuid", "uuid()", "a random UUID (version 4)", nil, of[func() string]()),
		impure("random_token", "random_token(bytes)", "so many random bytes as URL-safe text", nil, of[func(int64) string]()),
		reaching("hash_password", "hash_password(text)", "the hash of a password, for verify_password", nil, of[func(string) string]()),
	}
	if f.Random != nil {
		rows[3].call = func(...any) (any, error) { return newUUID(f.Random) }
		rows[4].call = func(args ...any) (any, error) { return randomToken(f.Random, args[0]) }
	}
	if f.HashPassword != nil {
		rows[5].call = func(args ...any) (any, error) {
			s, err := needText("hash_password", args[0])
			if err != nil {
				return nil, err
			}
			return f.HashPassword(s)
		}
	}
	return rows
}

// newUUID makes a version 4 UUID (RFC 9562 section 5.4).
func newUUID(random io.Reader) (any, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

func randomToken(random io.Reader, size any) (any, error) {
	n, err := needInt("random_token", size)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > maxToken {
		return nil, fault("random_token makes 1 to %d bytes", maxToken)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(random, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
