package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Bounds on the parameters of a stored hash. Other applications' hashes come with more
// than we ask for (64 MiB is common); one of 100 GB is an attack or an accident.
const (
	maxMemoryKiB  = 256 * 1024
	maxPasses     = 16
	maxWork       = 1024 * 1024 // memory in KiB times passes: about two seconds
	maxLanes      = 16
	minSalt       = 8 // RFC 9106 section 3.1
	maxSalt       = 64
	minTag        = 16
	maxTag        = 64
	maxHash       = 256 // bytes of a PHC string
	maxBcryptCost = 15  // about two seconds
	maxBcrypt     = 72  // bytes of a password that bcrypt reads
	bcryptLength  = 60
)

// A hash is an argon2id hash with its parameters.
type hash struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
	salt   []byte
	tag    []byte
}

// String writes the PHC form, $argon2id$v=19$m=19456,t=2,p=1$SALT$TAG in base64 without
// padding.
func (h hash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.tag))
}

// parse reads the PHC form. Its errors do not quote the hash.
func parse(stored string) (hash, error) {
	if len(stored) > maxHash {
		return hash{}, errors.New("the stored hash is too long")
	}
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return hash{}, errors.New("the stored hash is neither argon2id nor bcrypt")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return hash{}, errors.New("the stored hash is of another version of argon2id")
	}
	h, err := parseParameters(parts[3])
	if err != nil {
		return hash{}, err
	}
	if h.salt, err = parseBytes(parts[4], minSalt, maxSalt); err != nil {
		return hash{}, fmt.Errorf("the salt of the stored hash: %w", err)
	}
	if h.tag, err = parseBytes(parts[5], minTag, maxTag); err != nil {
		return hash{}, fmt.Errorf("the tag of the stored hash: %w", err)
	}
	return h, nil
}

func parseParameters(text string) (hash, error) {
	var numbers [3]uint64
	fields := strings.Split(text, ",")
	if len(fields) != len(numbers) {
		return hash{}, errors.New("the parameters of the stored hash are not m, t and p")
	}
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(fields[i], name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits {
			return hash{}, errors.New("the parameters of the stored hash are not m, t and p")
		}
		numbers[i] = n
	}
	m, t, p := numbers[0], numbers[1], numbers[2]
	switch {
	case t < 1 || p < 1 || m < 8*p: // RFC 9106 section 3.1
		return hash{}, errors.New("the stored hash has parameters that argon2id does not know")
	case m > maxMemoryKiB || t > maxPasses || p > maxLanes || m*t > maxWork:
		return hash{}, fmt.Errorf("the stored hash asks for more than is allowed: m=%d, t=%d, p=%d", m, t, p)
	}
	return hash{memory: uint32(m), passes: uint32(t), lanes: uint8(p)}, nil
}

func parseBytes(text string, least, most int) ([]byte, error) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("not base64")
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%d bytes, not between %d and %d", len(b), least, most)
	}
	return b, nil
}

func isBcrypt(stored string) bool {
	return strings.HasPrefix(stored, "$2a$") || strings.HasPrefix(stored, "$2b$") || strings.HasPrefix(stored, "$2y$")
}

// checkBcryptForm keeps from the library what would take it days.
func checkBcryptForm(stored string) error {
	if len(stored) != bcryptLength || stored[6] != '$' {
		return errors.New("the stored hash is cut or has something behind it")
	}
	cost, err := bcrypt.Cost([]byte(stored))
	if err != nil {
		return errors.New("the stored hash has no valid cost")
	}
	if cost > maxBcryptCost {
		return fmt.Errorf("the stored hash asks for more than is allowed: cost %d", cost)
	}
	return nil
}

func (h *Hasher) checkBcrypt(password, stored string) (bool, error) {
	if len(password) > maxBcrypt {
		h.nobody.matches(password) // to take the time of an answer
		return false, &TooLong{maxBcrypt}
	}
	err := bcrypt.CompareHashAndPassword([]byte(stored), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	if err != nil {
		return false, errors.New("verify password: the stored hash is not bcrypt")
	}
	return true, nil
}
