package presence

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// refLength is the length of a phx_ref as Phoenix makes them: 12 bytes in base64url.
const refLength = 16

// Refs makes the opaque strings that tell one meta from every other in the cluster: six
// random bytes for this process, then six of a counter that starts at the time.
type Refs struct {
	process [6]byte
	next    atomic.Uint64
}

// NewRefs reads six bytes of random. now keeps apart two starts with the same bytes.
func NewRefs(random io.Reader, now time.Time) (*Refs, error) {
	r := &Refs{}
	if _, err := io.ReadFull(random, r.process[:]); err != nil {
		return nil, fmt.Errorf("read random bytes for presence: %w", err)
	}
	r.next.Store(uint64(now.UnixMicro()))
	return r, nil
}

// Next gives a string that was not given before.
func (r *Refs) Next() string {
	var raw [12]byte
	binary.BigEndian.PutUint64(raw[4:], r.next.Add(1)) // its two high bytes are overwritten
	copy(raw[:6], r.process[:])
	var text [refLength]byte
	base64.RawURLEncoding.Encode(text[:], raw[:])
	return string(text[:])
}
