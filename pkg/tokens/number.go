package tokens

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/value"
)

// maxBigBytes bounds an integer: some 2,400 digits.
const maxBigBytes = 1024

func (d *decoder) float() (float64, error) {
	b := d.take(8)
	if b == nil {
		return 0, errShort
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(b))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, badTerm("a float that is no number")
	}
	return f, nil
}

// integer reads a whole number: n, or large in decimal when 64 bits do not hold it.
func (d *decoder) integer(tag byte) (n int64, large value.Number, err error) {
	switch tag {
	case tagSmallInt:
		n = int64(d.byte())
	case tagInt:
		n = int64(int32(d.uint32()))
	case tagSmallBig:
		return d.big(uint32(d.byte()))
	case tagLargeBig:
		return d.big(d.uint32())
	default:
		return 0, "", badTerm("not an integer")
	}
	if d.short {
		return 0, "", errShort
	}
	return n, "", nil
}

// big reads a sign and the size bytes of a magnitude, the lowest first.
func (d *decoder) big(size uint32) (int64, value.Number, error) {
	if size > maxBigBytes {
		return 0, "", badTerm("an integer of too many digits")
	}
	sign := d.byte()
	magnitude := d.take(int(size))
	if d.short {
		return 0, "", errShort
	}
	if sign > 1 {
		return 0, "", badTerm("an integer with a strange sign")
	}
	for len(magnitude) > 0 && magnitude[len(magnitude)-1] == 0 {
		magnitude = magnitude[:len(magnitude)-1]
	}
	if len(magnitude) <= 8 {
		var u uint64
		for i, b := range magnitude {
			u |= uint64(b) << (8 * i)
		}
		switch {
		case sign == 0 && u <= math.MaxInt64:
			return int64(u), "", nil
		case sign == 1 && u <= 1<<63:
			return -int64(u), "", nil // 1<<63 becomes itself, the smallest
		}
	}
	turned := slices.Clone(magnitude)
	slices.Reverse(turned)
	x := new(big.Int).SetBytes(turned)
	if sign == 1 {
		x.Neg(x)
	}
	return 0, value.Number(x.String()), nil
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		return append(dst, tagSmallInt, byte(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		dst = append(dst, tagInt)
		return binary.BigEndian.AppendUint32(dst, uint32(int32(n)))
	}
	magnitude, sign := uint64(n), byte(0)
	if n < 0 {
		magnitude, sign = -magnitude, 1
	}
	start := len(dst)
	dst = append(dst, tagSmallBig, 0, sign)
	for ; magnitude > 0; magnitude >>= 8 {
		dst = append(dst, byte(magnitude))
	}
	dst[start+1] = byte(len(dst) - start - 3)
	return dst
}

func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, errors.New("a token cannot carry a float that is no number")
	}
	dst = append(dst, tagFloat)
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
}

// appendNumber writes a number as an integer of any size or, where that says the same, as
// a float. A fraction with more digits than a float keeps is an error, not rounded.
func appendNumber(dst []byte, text string) ([]byte, error) {
	if len(text) > MaxToken {
		return dst, errors.New("a number of too many digits")
	}
	if !strings.ContainsAny(text, ".eE") {
		return appendBig(dst, text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || (f == 0) != isZero(text) {
		return dst, fmt.Errorf("a token cannot carry the number %s exactly", text)
	}
	if f != 0 { // a Rat of an exponent that a float has is of bearable size
		exact, ok := new(big.Rat).SetString(text)
		shortest, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'e', -1, 64))
		if !ok || exact.Cmp(shortest) != 0 {
			return dst, fmt.Errorf("a token cannot carry the number %s exactly", text)
		}
	}
	return appendFloat(dst, f)
}

// isZero tells a number that is zero as it is written from one that underflows to it.
func isZero(text string) bool {
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	return !strings.ContainsAny(digits, "123456789")
}

func appendBig(dst []byte, text string) ([]byte, error) {
	x, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return dst, fmt.Errorf("%q is not a number", text)
	}
	if x.IsInt64() {
		return appendInt(dst, x.Int64()), nil
	}
	magnitude := x.Bytes()
	slices.Reverse(magnitude)
	switch n := len(magnitude); {
	case n > maxBigBytes:
		return dst, errors.New("a number of too many digits")
	case n <= math.MaxUint8:
		dst = append(dst, tagSmallBig, byte(n))
	default:
		dst = append(dst, tagLargeBig)
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	sign := byte(0)
	if x.Sign() < 0 {
		sign = 1
	}
	return append(append(dst, sign), magnitude...), nil
}
