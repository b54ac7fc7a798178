package tokens

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"
)

// Keys remembers derived keys, so that many signers of one secret and salt derive once.
// The zero value is ready to use. It is safe for concurrent use.
type Keys struct {
	mu      sync.Mutex
	derived map[derivation][]byte
}

// maxKeys bounds what is remembered over many reloads with changing secrets. Beyond it
// all are forgotten, and derived again when asked for.
const maxKeys = 1024

// derivation is all that a key depends on. The secret stands in it as a digest, to be in
// memory in one place less.
type derivation struct {
	secret             [sha256.Size]byte
	salt, digest       string
	iterations, length int
}

// NewSigner is the package's NewSigner with a memory. PBKDF2 is slow on purpose: the
// first call for a secret and salt takes about a millisecond, later ones do not.
func (k *Keys) NewSigner(secretKeyBase, salt string, o Options) (*Signer, error) {
	if len(secretKeyBase) < minSecret {
		return nil, fmt.Errorf("the secret has %d bytes, at least %d are needed", len(secretKeyBase), minSecret)
	}
	if salt == "" {
		return nil, errors.New("the salt is empty")
	}
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	key, err := k.key(secretKeyBase, salt, o)
	if err != nil {
		return nil, err
	}
	return newSigner(key, o), nil
}

func (k *Keys) key(secret, salt string, o Options) ([]byte, error) {
	d := derivation{sha256.Sum256([]byte(secret)), salt, o.Digest, o.Iterations, o.Length}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.derived[d]; ok {
		return key, nil
	}
	key, err := pbkdf2.Key(digestOf(o.Digest), secret, []byte(salt), o.Iterations, o.Length)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	if k.derived == nil || len(k.derived) >= maxKeys {
		k.derived = make(map[derivation][]byte)
	}
	k.derived[d] = key
	return key, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Iterations == 0 {
		o.Iterations = defaultIterations
	}
	if o.Length == 0 {
		o.Length = defaultLength
	}
	if o.Digest == "" {
		o.Digest = defaultDigest
	}
	if o.Skew == 0 {
		o.Skew = defaultSkew
	}
	switch {
	case o.Iterations < 1 || o.Iterations > maxIterations:
		return o, fmt.Errorf("%d iterations: between 1 and %d are possible", o.Iterations, maxIterations)
	case o.Length < minLength || o.Length > maxLength:
		return o, fmt.Errorf("a key of %d bytes: between %d and %d are possible", o.Length, minLength, maxLength)
	case digestOf(o.Digest) == nil:
		return o, fmt.Errorf("unknown digest %q: sha256, sha384 and sha512 are known", o.Digest)
	case o.MaxAge < 0 || o.MaxAge%time.Second != 0:
		return o, fmt.Errorf("max age %s: it is counted in whole seconds", o.MaxAge)
	case o.MaxAge > 0 && o.Infinity:
		return o, errors.New("both a max age and infinity are set")
	case o.Skew < 0:
		return o, fmt.Errorf("skew %s is negative", o.Skew)
	}
	return o, nil
}

func digestOf(name string) func() hash.Hash {
	switch name {
	case "sha256":
		return sha256.New
	case "sha384":
		return sha512.New384
	case "sha512":
		return sha512.New
	}
	return nil
}
