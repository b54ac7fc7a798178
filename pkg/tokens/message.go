package tokens

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"
)

// A Sealer makes a text of a message that a stranger may hold and hand back, and reads it
// again. It is safe for concurrent use.
type Sealer interface {
	// Seal appends the text of a message to dst.
	Seal(dst, message []byte) []byte
	// Open appends the message of a text to dst. ok is false for any text that Seal did not
	// make with the same key.
	Open(dst []byte, text string) (message []byte, ok bool)
}

// Verifier signs messages as Plug.Crypto.MessageVerifier does: they can be read, not
// changed.
func (k *Keys) Verifier(secretKeyBase, salt string) (Sealer, error) {
	key, err := k.derive(secretKeyBase, salt)
	if err != nil {
		return nil, err
	}
	v := &verifier{base64: base64.RawURLEncoding.Strict()}
	v.works.New = func() any { return &work{mac: hmac.New(sha256.New, key)} }
	return v, nil
}

// Encryptor encrypts messages as Plug.Crypto.MessageEncryptor does since plug_crypto 2.0,
// by XChaCha20-Poly1305.
func (k *Keys) Encryptor(secretKeyBase, salt string) (Sealer, error) {
	key, err := k.derive(secretKeyBase, salt)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &encryptor{base64: base64.RawURLEncoding.Strict(), aead: aead}, nil
}

func (k *Keys) derive(secret, salt string) ([]byte, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the secret has %d bytes, at least %d are needed", len(secret), minSecret)
	}
	if salt == "" {
		return nil, errors.New("the salt is empty")
	}
	return k.key(secret, salt, Options{Iterations: defaultIterations, Length: defaultLength, Digest: defaultDigest})
}

type verifier struct {
	base64 *base64.Encoding
	works  sync.Pool // of *work
}

// Seal implements Sealer.
func (v *verifier) Seal(dst, message []byte) []byte {
	w := v.works.Get().(*work)
	defer v.works.Put(w)
	start := len(dst)
	dst = append(dst, headerSHA256...)
	dst = append(dst, '.')
	dst = v.base64.AppendEncode(dst, message)
	w.sign(v.base64, dst[start:])
	dst = append(dst, '.')
	return append(dst, w.signature...)
}

// Open implements Sealer.
func (v *verifier) Open(dst []byte, text string) ([]byte, bool) {
	if algorithmOf(text) != 0 {
		return dst, false
	}
	w := v.works.Get().(*work)
	defer v.works.Put(w)
	if !w.authentic(v.base64, text) {
		return dst, false
	}
	return append(dst, w.term...), true
}

// The text of an encrypted message: the prefix, then base64 of nonce, tag and ciphertext.
const (
	sealedPrefix = "XCP."
	sealedWith   = "A128GCM" // additional data; the name is that of an earlier cipher, and kept by Plug
	nonceSize    = chacha20poly1305.NonceSizeX
	tagSize      = chacha20poly1305.Overhead
)

type encryptor struct {
	base64 *base64.Encoding
	aead   cipher.AEAD
}

// Seal implements Sealer.
func (e *encryptor) Seal(dst, message []byte) []byte {
	nonce := make([]byte, nonceSize, nonceSize+len(message)+2*tagSize)
	_, _ = rand.Read(nonce) // never fails
	sealed := e.aead.Seal(nonce[nonceSize:nonceSize], nonce, message, []byte(sealedWith))
	tag := len(sealed) - tagSize
	// Go puts the tag behind, Plug before the ciphertext.
	parts := make([]byte, 0, nonceSize+len(sealed))
	parts = append(append(append(parts, nonce...), sealed[tag:]...), sealed[:tag]...)
	return e.base64.AppendEncode(append(dst, sealedPrefix...), parts)
}

// Open implements Sealer.
func (e *encryptor) Open(dst []byte, text string) ([]byte, bool) {
	body, ok := strings.CutPrefix(text, sealedPrefix)
	if !ok || len(text) > MaxToken || strings.ContainsAny(body, "\r\n") {
		return dst, false
	}
	parts, err := e.base64.DecodeString(body)
	if err != nil || len(parts) < nonceSize+tagSize {
		return dst, false
	}
	nonce, tag, rest := parts[:nonceSize], parts[nonceSize:nonceSize+tagSize], parts[nonceSize+tagSize:]
	sealed := append(append(make([]byte, 0, len(rest)+tagSize), rest...), tag...)
	message, err := e.aead.Open(sealed[:0], nonce, sealed, []byte(sealedWith))
	if err != nil {
		return dst, false
	}
	return append(dst, message...), true
}
