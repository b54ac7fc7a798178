package who

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync/atomic"

	"github.com/openmanifest/gateway/pkg/password"
)

// A directory knows users and their passwords. It compares digests under a key that only
// this process has, in constant time, and takes as long for a name that it does not know.
type directory struct {
	key   [32]byte
	users map[digest]*user
	decoy user // for names that are not there, and after a password that is wrong
}

type digest [sha256.Size]byte

type user struct {
	plain digest // of the password, where it is not hashed
	hash  string
	// known is the digest of the password that the hash was last found to fit: a hash is
	// made to be slow, and with basic_auth the password comes with each request.
	known atomic.Pointer[digest]
}

func newDirectory(list []named) *directory {
	d := &directory{users: map[digest]*user{}}
	_, _ = rand.Read(d.key[:]) // it never fails: crypto/rand ends the process instead
	_, _ = rand.Read(d.decoy.plain[:])
	for _, x := range list {
		u := &user{}
		if secret := string(x.secret); isHash(secret) {
			u.hash = secret
			d.decoy.hash = secret // as slow as one of them
		} else {
			u.plain = d.digest('p', secret)
		}
		d.users[d.digest('u', x.name)] = u
	}
	return d
}

func (d *directory) digest(kind byte, text string) (sum digest) {
	mac := hmac.New(sha256.New, d.key[:])
	mac.Write([]byte{kind})
	mac.Write([]byte(text))
	mac.Sum(sum[:0])
	return sum
}

// check tells whether it is the user's password. Where some passwords are hashed, all that
// is wrong costs a hash, so that the time does not tell who is listed, or how.
func (d *directory) check(ctx context.Context, hasher *password.Hasher, name, typed string) (bool, error) {
	u := d.users[d.digest('u', name)]
	exists := u != nil
	if !exists {
		u = &d.decoy
	}
	given := d.digest('p', typed)
	if exists && u.hash == "" {
		if subtle.ConstantTimeCompare(given[:], u.plain[:]) == 1 {
			return true, nil
		}
		u, exists = &d.decoy, false
	}
	if u.hash == "" {
		subtle.ConstantTimeCompare(given[:], u.plain[:])
		return false, nil
	}
	if known := u.known.Load(); known != nil && subtle.ConstantTimeCompare(given[:], known[:]) == 1 {
		return exists, nil
	}
	ok, err := hasher.Verify(ctx, typed, u.hash)
	var long *password.TooLong
	if errors.As(err, &long) {
		return false, nil
	}
	if ok = ok && exists; ok {
		u.known.Store(&given)
	}
	return ok, err
}
