// Package tokens makes and reads the signed tokens of Phoenix.Token, so that a Phoenix
// application and a gateway that know one secret accept each other's tokens.
//
// The rules are those of plug_crypto 2.1.1 (Plug.Crypto, Plug.Crypto.MessageVerifier),
// made stricter where it lets something pass that nobody needs: base64 has one spelling,
// and a token from the future is refused.
package tokens

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxToken is the length in bytes up to which a token is made or looked at.
const MaxToken = 8000

// Reason tells why a token is not accepted. The words are Phoenix's.
type Reason string

// The reasons. Phoenix refuses a connection for each of them alike.
const (
	Missing Reason = "missing" // there is no token
	Invalid Reason = "invalid" // not a token, not ours, changed on the way, or from the future
	Expired Reason = "expired" // ours, and too old
)

// Refused is the answer to a token that is not accepted: the caller's doing.
type Refused struct{ Reason Reason }

func (r *Refused) Error() string { return "the token is " + string(r.Reason) }

// Options of a Signer. The zero value has Phoenix's defaults.
type Options struct {
	Iterations int    // of PBKDF2; 0 is 1000
	Length     int    // of the derived key, in bytes; 0 is 32
	Digest     string // of PBKDF2: sha256 (the default), sha384, sha512. The signature is always HMAC-SHA256.

	// MaxAge, in whole seconds, is written into tokens and, when it is set, goes before
	// what a token says of itself. At 0 one day is written, and a token's own age counts.
	MaxAge time.Duration
	// Infinity is a MaxAge without end.
	Infinity bool

	// Skew is how far in the future a token may be signed, for machines whose clocks
	// differ. 0 is 30 s.
	Skew time.Duration
}

// Phoenix's defaults, and our bounds on what a manifest may ask for.
const (
	defaultIterations = 1000
	defaultLength     = 32
	defaultDigest     = "sha256"
	defaultMaxAge     = 24 * time.Hour
	defaultSkew       = 30 * time.Second

	minSecret     = 20 // bytes; Plug.Crypto.KeyGenerator asks for as many
	minLength     = 16
	maxLength     = 1024
	maxIterations = 10_000_000
)

// A Signer signs and verifies with one key. It is immutable and safe for concurrent use.
type Signer struct {
	base64   *base64.Encoding
	macs     [3]sync.Pool // of *work, in the order of algorithms
	ageMS    int64        // 0: the token's own counts
	infinity bool
	skewMS   int64
}

// The headers of tokens are base64 of the names in RFC 7518 section 3.1. We sign with the
// first.
const (
	headerSHA256 = "SFMyNTY"
	headerSHA384 = "SFMzODQ"
	headerSHA512 = "SFM1MTI"
	headerLength = len(headerSHA256)
)

type algorithm struct {
	header string
	hash   func() hash.Hash
}

func algorithms() [3]algorithm {
	return [...]algorithm{{headerSHA256, sha256.New}, {headerSHA384, sha512.New384}, {headerSHA512, sha512.New}}
}

// work is what one signing or verifying needs; it is used again and again.
type work struct {
	mac       hash.Hash
	token     []byte
	term      []byte
	sum       []byte
	signature []byte
}

// NewSigner derives the key from the secret (at least 20 bytes) and the salt, such as
// "user socket". The error says what is wrong with the secret, the salt or the options.
func NewSigner(secretKeyBase, salt string, o Options) (*Signer, error) {
	return new(Keys).NewSigner(secretKeyBase, salt, o)
}

func newSigner(key []byte, o Options) *Signer {
	s := &Signer{
		base64:   base64.RawURLEncoding.Strict(),
		ageMS:    o.MaxAge.Milliseconds(),
		infinity: o.Infinity,
		skewMS:   o.Skew.Milliseconds(),
	}
	for i, a := range algorithms() {
		s.macs[i].New = func() any { return &work{mac: hmac.New(a.hash, key)} }
	}
	return s
}

// Sign makes a token that carries data. data is made of nil, bool, int64, float64,
// value.Number, string, []byte, time.Time (as RFC 3339), *value.Raw, lists, maps and
// value.Objects (what they hide stays out). The
// error tells of data that Erlang's terms cannot hold, or that is too long for a token.
func (s *Signer) Sign(data any, now time.Time) (string, error) {
	w := s.macs[0].Get().(*work)
	defer s.macs[0].Put(w)
	var err error
	if w.term, err = s.appendEnvelope(w.term[:0], data, now.UnixMilli()); err != nil {
		w.term = nil // it may have grown to any size
		return "", fmt.Errorf("sign token: %w", err)
	}
	w.token = append(w.token[:0], headerSHA256...)
	w.token = append(w.token, '.')
	w.token = s.base64.AppendEncode(w.token, w.term)
	w.sign(s.base64, w.token)
	w.token = append(w.token, '.')
	w.token = append(w.token, w.signature...)
	if n := len(w.token); n > MaxToken {
		w.token, w.term = nil, nil
		return "", fmt.Errorf("sign token: it would have %d bytes, at most %d are allowed", n, MaxToken)
	}
	return string(w.token), nil
}

// Verify gives what a token carries: objects as value.Claims, lists and tuples as []any,
// binaries and atoms as strings (but true, false and nil as such), numbers as int64,
// float64 or, beyond 64 bits, value.Number. Every error is a *Refused.
func (s *Signer) Verify(token string, now time.Time) (any, error) {
	if token == "" {
		return nil, &Refused{Missing}
	}
	i := algorithmOf(token)
	if i < 0 {
		return nil, &Refused{Invalid}
	}
	w := s.macs[i].Get().(*work)
	defer s.macs[i].Put(w)
	if !w.authentic(s.base64, token) {
		return nil, &Refused{Invalid}
	}
	e, err := decodeEnvelope(w.term)
	if err != nil {
		return nil, &Refused{Invalid}
	}
	if reason := s.judge(&e, now.UnixMilli()); reason != "" {
		return nil, &Refused{reason}
	}
	return e.data, nil
}

// judge looks at the age of a token, as Plug.Crypto.verify does.
func (s *Signer) judge(e *envelope, now int64) Reason {
	if e.signedMS > now+s.skewMS {
		return Invalid
	}
	age, infinite := e.ageMS, e.infinity
	if s.infinity || s.ageMS > 0 {
		age, infinite = s.ageMS, s.infinity
	}
	if !infinite && (age <= 0 || e.signedMS < now-age) {
		return Expired
	}
	return ""
}

// algorithmOf gives the place of a token's algorithm, -1 for what is no token of ours.
func algorithmOf(token string) int {
	if len(token) > MaxToken || len(token) <= headerLength || token[headerLength] != '.' {
		return -1
	}
	switch token[:headerLength] {
	case headerSHA256:
		return 0
	case headerSHA384:
		return 1
	case headerSHA512:
		return 2
	}
	return -1
}

// authentic checks the signature and leaves the term in w.term. The signatures are
// compared as text: a second spelling of the right bytes is a wrong signature.
func (w *work) authentic(b64 *base64.Encoding, token string) bool {
	dot := strings.LastIndexByte(token, '.')
	if dot <= headerLength {
		return false
	}
	w.token = append(w.token[:0], token...)
	w.sign(b64, w.token[:dot])
	if subtle.ConstantTimeCompare(w.signature, w.token[dot+1:]) != 1 {
		return false
	}
	body := w.token[headerLength+1 : dot]
	if slices.Contains(body, '\n') || slices.Contains(body, '\r') {
		return false // the decoder would skip them
	}
	var err error
	w.term, err = b64.AppendDecode(w.term[:0], body)
	return err == nil
}

// sign leaves the signature of text, in base64, in w.signature.
func (w *work) sign(b64 *base64.Encoding, text []byte) {
	w.mac.Reset()
	w.mac.Write(text)
	w.sum = w.mac.Sum(w.sum[:0])
	w.signature = b64.AppendEncode(w.signature[:0], w.sum)
}
