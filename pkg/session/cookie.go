// Package session keeps a session in a cookie, as Plug.Session does with its cookie store:
// the same text for the same secret and salts, so that a Phoenix application and a gateway
// can share sessions. Nothing is kept here: whoever holds a cookie holds the session until
// it expires.
package session

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/tokens"
)

// MaxCookie is the length in bytes up to which browsers keep a cookie with its attributes.
const MaxCookie = 4096

// A Cookie reads and writes session cookies. It is safe for concurrent use.
type Cookie struct {
	key     string
	sealers []tokens.Sealer // the first writes, all read
	maxAge  time.Duration   // 0: none
	secure  secure

	attributes, gone [2]string // behind the value of the cookie: without Secure and with it
}

// secure tells when the cookie goes by https alone.
type secure uint8

const (
	secureAsRequested secure = iota // when the request came by https
	secureAlways
	secureNever
)

// NewCookie derives the keys. secrets are secret_key_base and its earlier values. key is the
// cookie's name.
func NewCookie(secrets []string, key string, s *config.Session) (*Cookie, error) {
	c := &Cookie{key: key, maxAge: s.MaxAge}
	switch {
	case s.SecureGiven && !s.Secure:
		c.secure = secureNever
	case s.Secure || s.SameSite == "None":
		c.secure = secureAlways
	}
	for _, secret := range secrets {
		sealer, err := sealerOf(secret, key, s)
		if err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		c.sealers = append(c.sealers, sealer)
	}
	for i, withSecure := range []bool{false, true} {
		set := &http.Cookie{Name: "k", Path: s.Path, Domain: s.Domain, Secure: withSecure, HttpOnly: s.HTTPOnly, MaxAge: int(s.MaxAge / time.Second), SameSite: sameSite(s.SameSite)}
		c.attributes[i] = strings.TrimPrefix(set.String(), "k=")
		set.MaxAge, set.Expires = -1, time.Unix(0, 0)
		c.gone[i] = strings.TrimPrefix(set.String(), "k=")
	}
	return c, nil
}

// sealerOf makes keys that are the cookie's own: of two applications that share a secret and
// do not share their salts neither takes the other's sessions.
func sealerOf(secret, key string, s *config.Session) (tokens.Sealer, error) {
	keys, salt := new(tokens.Keys), s.SigningSalt
	if s.Encrypt {
		if salt = s.EncryptionSalt; salt == "" {
			salt = "session encryption " + key
		}
		return keys.Encryptor(secret, salt)
	}
	if salt == "" {
		salt = "session signing " + key
	}
	return keys.Verifier(secret, salt)
}

func sameSite(name string) http.SameSite {
	switch name {
	case "Strict":
		return http.SameSiteStrictMode
	case "None":
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// writtenAt is the member of the term that tells when the cookie was written, in seconds. It
// is there when the session has a max_age; without one the term is exactly Plug's.
const writtenAt = "_gateway_at"

// skew is how far in the future a cookie may be written, for machines whose clocks differ.
const skew = 30 * time.Second

// opened is what a cookie holds.
type opened struct {
	values  map[string]any
	at      int64 // when it was written, in seconds; 0 when it does not say
	earlier bool  // sealed with an earlier secret
}

// fault tells why a cookie is not taken. Only the log is told.
type fault string

const (
	faultSeal    fault = "it is not ours, or was changed"
	faultTerm    fault = "it does not hold a session"
	faultNoTime  fault = "it does not say when it was written"
	faultExpired fault = "it has expired"
	faultFuture  fault = "it was written in the future"
)

// open reads the text of a cookie.
func (c *Cookie) open(text string, now time.Time) (opened, fault) {
	if len(text) > MaxCookie {
		return opened{}, faultSeal
	}
	for i, sealer := range c.sealers {
		if term, ok := sealer.Open(nil, text); ok {
			o, why := c.read(term, now)
			o.earlier = i > 0
			return o, why
		}
	}
	return opened{}, faultSeal
}

func (c *Cookie) read(term []byte, now time.Time) (opened, fault) {
	v, err := tokens.DecodeTerm(term)
	values, isMap := v.(map[string]any)
	if err != nil || !isMap {
		return opened{}, faultTerm
	}
	at, _ := values[writtenAt].(int64)
	delete(values, writtenAt)
	if c.maxAge > 0 {
		// Counted in whole numbers of seconds that cannot overflow: at is a stranger's only
		// when the secret is known.
		age := now.Unix() - at
		switch {
		case at <= 0:
			return opened{}, faultNoTime
		case age < -int64(skew/time.Second):
			return opened{}, faultFuture
		case age >= int64(c.maxAge/time.Second):
			return opened{}, faultExpired
		}
	}
	return opened{values: values, at: at}, ""
}

// seal makes the text of a cookie. at is when it was written.
func (c *Cookie) seal(values map[string]any, at int64) (string, error) {
	if c.maxAge > 0 {
		values[writtenAt] = at
		defer delete(values, writtenAt)
	}
	term, err := tokens.AppendTerm(make([]byte, 0, 256), values)
	if err != nil {
		return "", err
	}
	return string(c.sealers[0].Seal(make([]byte, 0, 512), term)), nil
}

// TooLarge is the error of a session that no cookie can carry.
type TooLarge struct {
	Key   string
	Bytes int
}

// Error implements error.
func (e *TooLarge) Error() string {
	return "the session is too large for its cookie " + e.Key + ": " + strconv.Itoa(e.Bytes) + " bytes, at most " + strconv.Itoa(MaxCookie) +
		" are kept by browsers; keep the data in a store, and only its id in the session"
}

// set makes the Set-Cookie header of a session.
func (c *Cookie) set(values map[string]any, at int64, https bool) (string, error) {
	text, err := c.seal(values, at)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	header := c.key + "=" + text + c.attributes[c.pick(https)]
	if len(header) > MaxCookie {
		return "", &TooLarge{Key: c.key, Bytes: len(header)}
	}
	return header, nil
}

// remove makes the Set-Cookie header that takes the cookie away.
func (c *Cookie) remove(https bool) string { return c.key + "=" + c.gone[c.pick(https)] }

func (c *Cookie) pick(https bool) int {
	if c.secure == secureAlways || c.secure == secureAsRequested && https {
		return 1
	}
	return 0
}
