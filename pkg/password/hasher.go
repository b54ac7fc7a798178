// Package password turns passwords into argon2id hashes and checks them, a bounded number
// at a time. It also checks the bcrypt hashes of an application that moved here.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
)

// MaxLength is how long a password may be, in bytes.
const MaxLength = 4096

// What Hash asks of argon2id: the first choice of OWASP's password storage cheat sheet.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	saltBytes = 16
	tagBytes  = 32
)

// The queue in front of the hashes. A hash takes some 30 ms, so one slot works off its
// part of the queue in about the time that the last of it is willing to wait.
const (
	maxWait           = 5 * time.Second
	maxWaitingPerSlot = 128
)

// Busy is the refusal to wait longer for a turn: too many passwords at once, or the time
// of the request is over. In the second case it wraps the error of the context.
type Busy struct{ cause error }

func (b *Busy) Error() string {
	if b.cause == nil {
		return "too many passwords are being checked"
	}
	return "no turn to check a password: " + b.cause.Error()
}

// Unwrap gives the error of the context, if that was the reason.
func (b *Busy) Unwrap() error { return b.cause }

// TooLong is the refusal of a password of more than Limit bytes.
type TooLong struct{ Limit int }

func (t *TooLong) Error() string {
	return fmt.Sprintf("a password has at most %d bytes", t.Limit)
}

// A Hasher bounds how many hashes are computed at a time: each takes a core and 19 MiB.
// It is safe for concurrent use.
type Hasher struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	nobody     hash // checked against where there is no hash
}

// NewHasher computes at most parallel hashes at a time; below 1 it is one per core.
func NewHasher(parallel int) *Hasher {
	if parallel < 1 {
		parallel = runtime.GOMAXPROCS(0)
	}
	return &Hasher{
		slots:      make(chan struct{}, parallel),
		maxWaiting: int64(parallel) * maxWaitingPerSlot,
		nobody:     hash{memory: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes), tag: make([]byte, tagBytes)},
	}
}

// Hash gives the PHC string of a password with a new salt, 97 bytes in all. The error is
// *TooLong or *Busy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if len(password) > MaxLength {
		return "", &TooLong{MaxLength}
	}
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails
	tag := argon2.IDKey([]byte(password), salt, passes, memoryKiB, lanes, tagBytes)
	return hash{memoryKiB, passes, lanes, salt, tag}.String(), nil
}

// Verify tells whether the password is the one that was hashed. With hash "" (there is no
// such user) it takes as long as with a hash of ours and is false, so that the time does
// not tell who is registered. Hashes with other parameters, as an import brings them, take
// their own time.
//
// Refusals are *Busy and *TooLong. bcrypt reads 72 bytes and would accept anything behind
// them, so a longer password is *TooLong where the hash is bcrypt's. Answer that one like
// a wrong password: told to a stranger, it would say that the user exists. Any other error
// is about the stored hash and does not quote it.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (bool, error) {
	if len(password) > MaxLength {
		return false, &TooLong{MaxLength}
	}
	check, err := h.checkOf(hash)
	if err != nil {
		return false, fmt.Errorf("verify password: %w", err)
	}
	if err := h.acquire(ctx); err != nil {
		return false, err
	}
	defer h.release()
	return check(password)
}

// checkOf picks the way to check against a stored hash.
func (h *Hasher) checkOf(stored string) (func(password string) (bool, error), error) {
	switch {
	case stored == "":
		return h.checkNobody, nil
	case isBcrypt(stored):
		if err := checkBcryptForm(stored); err != nil {
			return nil, err
		}
		return func(password string) (bool, error) { return h.checkBcrypt(password, stored) }, nil
	}
	parsed, err := parse(stored)
	if err != nil {
		return nil, err
	}
	return func(password string) (bool, error) { return parsed.matches(password), nil }, nil
}

func (h *Hasher) checkNobody(password string) (bool, error) {
	h.nobody.matches(password)
	return false, nil
}

// matches compares in constant time.
func (h hash) matches(password string) bool {
	tag := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.tag)))
	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

// acquire waits for a slot, at most maxWait and as long as ctx lasts.
func (h *Hasher) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &Busy{err}
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > h.maxWaiting {
		h.waiting.Add(-1)
		return &Busy{}
	}
	defer h.waiting.Add(-1)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return &Busy{}
	case <-ctx.Done():
		return &Busy{ctx.Err()}
	}
}

func (h *Hasher) release() { <-h.slots }
