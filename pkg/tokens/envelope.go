package tokens

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"math"
	"time"
)

// An envelope is the term inside a token: {data, signed_at in ms, max_age in seconds}.
type envelope struct {
	data     any
	signedMS int64
	ageMS    int64
	infinity bool
}

// maxInflated bounds a compressed term after inflating. Erlang compresses when told to.
const maxInflated = 64 << 10

// maxAgeMS keeps sums with a clock inside int64.
const maxAgeMS = math.MaxInt64 / 4

func (s *Signer) appendEnvelope(dst []byte, data any, nowMS int64) ([]byte, error) {
	dst = append(dst, tagVersion, tagSmallTuple, 3)
	dst, err := appendTerm(dst, data, 0)
	if err != nil {
		return dst, err
	}
	dst = appendInt(dst, nowMS)
	switch {
	case s.infinity:
		return appendAtom(dst, "infinity"), nil
	case s.ageMS > 0:
		return appendInt(dst, s.ageMS/1000), nil
	}
	return appendInt(dst, int64(defaultMaxAge/time.Second)), nil
}

func decodeEnvelope(b []byte) (envelope, error) {
	d, err := open(b)
	if err != nil {
		return envelope{}, err
	}
	var e envelope
	switch tag := d.byte(); tag {
	case tagSmallTuple:
		err = d.envelopeTuple(&e)
	case tagMap:
		err = d.envelopeMap(&e)
	default:
		err = badTerm("a token holds a tuple or a map")
	}
	if err != nil {
		return envelope{}, err
	}
	return e, d.end()
}

// open reads the version byte, and inflates a compressed term.
func open(b []byte) (decoder, error) {
	if len(b) < 2 || b[0] != tagVersion {
		return decoder{}, badTerm("no external term")
	}
	if b[1] != tagCompressed {
		return newDecoder(b[1:]), nil
	}
	if len(b) < 6 {
		return decoder{}, errShort
	}
	size := binary.BigEndian.Uint32(b[2:])
	if size > maxInflated {
		return decoder{}, badTerm("too large when inflated")
	}
	from := bytes.NewReader(b[6:])
	z, err := zlib.NewReader(from)
	if err != nil {
		return decoder{}, badTerm("not compressed by zlib")
	}
	// One byte more than announced, so that a longer one shows, and the checksum is read.
	inflated, err := io.ReadAll(io.LimitReader(z, int64(size)+1))
	if err != nil || len(inflated) != int(size) || from.Len() != 0 {
		return decoder{}, badTerm("compressed data is broken or of another size")
	}
	return newDecoder(inflated), nil
}

// envelopeTuple reads {data, signed, max_age}, or {data, signed} of plug_crypto before 1.2.
func (d *decoder) envelopeTuple(e *envelope) (err error) {
	n := d.byte()
	if n != 2 && n != 3 {
		return badTerm("a tuple of another size")
	}
	if e.data, err = d.term(0); err != nil {
		return err
	}
	if e.signedMS, err = d.int64(); err != nil {
		return err
	}
	if n == 2 {
		e.ageMS = defaultMaxAge.Milliseconds()
		return nil
	}
	e.ageMS, e.infinity, err = d.age()
	return err
}

// envelopeMap reads the oldest form, %{data: data, signed: signed}.
func (d *decoder) envelopeMap(e *envelope) (err error) {
	if d.uint32() != 2 {
		return badTerm("a map of another size")
	}
	var hasData, hasSigned bool
	for range 2 {
		key, err := d.atom(d.byte())
		if err != nil {
			return err
		}
		switch {
		case key == "data" && !hasData:
			hasData = true
			e.data, err = d.term(0)
		case key == "signed" && !hasSigned:
			hasSigned = true
			e.signedMS, err = d.int64()
		default:
			err = badTerm("a map with other keys")
		}
		if err != nil {
			return err
		}
	}
	e.ageMS = defaultMaxAge.Milliseconds()
	return nil
}

// int64 reads an integer that has to be one of 64 bits.
func (d *decoder) int64() (int64, error) {
	n, big, err := d.integer(d.byte())
	if err != nil {
		return 0, err
	}
	if big != "" {
		return 0, badTerm("a number out of range")
	}
	return n, nil
}

// age reads seconds, whole or not, or the atom infinity. A binary "infinity" is neither.
func (d *decoder) age() (ms int64, infinity bool, err error) {
	switch tag := d.byte(); tag {
	case tagAtom, tagSmallAtom, tagAtomUTF8, tagSmallAtomUTF8:
		name, err := d.atom(tag)
		if err == nil && name != "infinity" {
			err = badTerm("an age that is no number")
		}
		return 0, true, err
	case tagFloat:
		f, err := d.float()
		return int64(max(-maxAgeMS, min(maxAgeMS, f*1000))), false, err
	default:
		n, big, err := d.integer(tag)
		if err == nil && big != "" {
			err = badTerm("an age out of range")
		}
		return max(-maxAgeMS/1000, min(maxAgeMS/1000, n)) * 1000, false, err
	}
}
