package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// Postgres counts time from here (2000-01-01, timestamp.h: POSTGRES_EPOCH_JDATE).
const (
	epochSeconds = 946684800
	epochDays    = epochSeconds / 86400
)

var errShort = errors.New("the server sent a value of a wrong length")

// width is the number of bytes that a base has in binary; 0 where it varies.
func (b base) width() int {
	switch b {
	case asBool:
		return 1
	case asInt2:
		return 2
	case asInt4, asFloat4, asDate:
		return 4
	case asInt8, asFloat8, asTime, asTimestamp, asInstant:
		return 8
	case asUUID:
		return 16
	default:
		return 0
	}
}

// decode reads one value that is not NULL, in the format that the kind asks for. raw
// belongs to the driver.
func (k kind) decode(raw []byte) (any, error) {
	if k.array && k.format() == 1 {
		return k.decodeArray(raw)
	}
	return k.base.decode(raw)
}

func (b base) decode(raw []byte) (any, error) {
	if w := b.width(); w > 0 && len(raw) != w {
		return nil, errShort
	}
	switch b {
	case asBool:
		return raw[0] != 0, nil
	case asInt2:
		return int64(int16(binary.BigEndian.Uint16(raw))), nil
	case asInt4:
		return int64(int32(binary.BigEndian.Uint32(raw))), nil
	case asInt8:
		return int64(binary.BigEndian.Uint64(raw)), nil
	case asFloat4:
		return narrow(math.Float32frombits(binary.BigEndian.Uint32(raw))), nil
	case asFloat8:
		return real(math.Float64frombits(binary.BigEndian.Uint64(raw))), nil
	case asNumeric:
		return decodeNumeric(raw)
	case asDate:
		return string(appendDate(nil, int32(binary.BigEndian.Uint32(raw)))), nil
	case asTime:
		return string(appendClock(nil, int64(binary.BigEndian.Uint64(raw)))), nil
	case asTimestamp, asInstant:
		return decodeInstant(int64(binary.BigEndian.Uint64(raw))), nil
	case asUUID:
		return string(appendUUID(make([]byte, 0, 36), raw)), nil
	case asJSON:
		return form.JSON(raw), nil
	case asJSONB:
		if len(raw) == 0 || raw[0] != 1 {
			return nil, errVersion
		}
		return form.JSON(raw[1:]), nil
	case asBytes:
		return append([]byte{}, raw...), nil
	default:
		return string(raw), nil
	}
}

// narrow gives a float4 the digits that Postgres shows: 0.1, not 0.10000000149011612.
func narrow(f float32) any {
	wide, err := strconv.ParseFloat(strconv.FormatFloat(float64(f), 'g', -1, 32), 64)
	if err != nil {
		wide = float64(f)
	}
	return real(wide)
}

func real(f float64) any {
	if word := form.Unreal(f); word != "" {
		return word
	}
	return f
}

func decodeInstant(micros int64) any {
	if word := endless(micros); word != "" {
		return word
	}
	return time.Unix(epochSeconds+micros/1e6, micros%1e6*1e3).UTC()
}

// appendUUID writes 16 bytes as 8-4-4-4-12 digits.
func appendUUID(dst, raw []byte) []byte {
	for i, end := range [...]int{4, 6, 8, 10, 16} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, raw[[...]int{0, 4, 6, 8, 10}[i]:end])
	}
	return dst
}

func decodeNumeric(raw []byte) (any, error) {
	word, err := unrealNumeric(raw)
	switch {
	case err != nil:
		return nil, err
	case word != "":
		return word, nil
	default:
		return value.Number(appendNumeric(make([]byte, 0, 24), raw)), nil
	}
}

// unrealNumeric names a numeric that is no number, "" for all others. On the wire a
// numeric is a count of groups, the weight of the first, sign and scale, then groups of
// four decimal digits (numeric_send in utils/adt/numeric.c).
func unrealNumeric(raw []byte) (word string, err error) {
	if len(raw) < 8 || len(raw) != 8+2*int(binary.BigEndian.Uint16(raw)) {
		return "", errShort
	}
	switch binary.BigEndian.Uint16(raw[4:]) {
	case 0xC000:
		return "NaN", nil
	case 0xD000:
		return "Infinity", nil
	case 0xF000:
		return "-Infinity", nil
	}
	return "", nil
}

// appendNumeric writes the digits of a numeric with its scale.
func appendNumeric(dst, raw []byte) []byte {
	count := int(binary.BigEndian.Uint16(raw))
	weight := int(int16(binary.BigEndian.Uint16(raw[2:])))
	scale := int(binary.BigEndian.Uint16(raw[6:]))
	group := func(i int) uint64 {
		if i < 0 || i >= count {
			return 0
		}
		return uint64(binary.BigEndian.Uint16(raw[8+2*i:]))
	}
	if binary.BigEndian.Uint16(raw[4:]) == 0x4000 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, group(0)*boolInt(weight >= 0), 10)
	for i := 1; i <= weight; i++ {
		dst = appendGroup(dst, group(i))
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	end := len(dst) + scale
	for i := weight + 1; len(dst) < end; i++ {
		dst = appendGroup(dst, group(i))
	}
	return dst[:end]
}

func boolInt(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func appendGroup(dst []byte, g uint64) []byte {
	return append(dst, byte('0'+g/1000%10), byte('0'+g/100%10), byte('0'+g/10%10), byte('0'+g%10))
}

// decodeArray reads dimensions, then the elements in row-major order (array_send in
// utils/adt/arrayfuncs.c).
func (k kind) decodeArray(raw []byte) (any, error) {
	r := reader{raw: raw}
	lengths, err := r.dimensions()
	if err != nil {
		return nil, err
	}
	if len(lengths) == 0 {
		return []any{}, nil
	}
	return k.elements(&r, lengths)
}

// dimensions reads what an array begins with, and gives the length of each dimension.
func (r *reader) dimensions() ([]int, error) {
	n := r.int32()
	r.int32() // whether there are NULLs
	r.int32() // the element's type
	if r.failed || n < 0 || n > 6 {
		return nil, errShort
	}
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = r.int32()
		r.int32() // the lower bound
	}
	return lengths, nil
}

func (k kind) elements(r *reader, lengths []int) (any, error) {
	if r.failed || lengths[0] < 0 || lengths[0] > len(r.raw) {
		return nil, errShort
	}
	list := make([]any, lengths[0])
	for i := range list {
		var err error
		if len(lengths) > 1 {
			list[i], err = k.elements(r, lengths[1:])
		} else if n := r.int32(); n >= 0 {
			list[i], err = k.base.decode(r.bytes(n))
		}
		if r.failed {
			err = errShort
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// reader takes numbers and bytes off a value, and remembers when there are too few.
type reader struct {
	raw    []byte
	failed bool
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.raw) {
		r.failed = true
		return nil
	}
	taken := r.raw[:n]
	r.raw = r.raw[n:]
	return taken
}

func (r *reader) int32() int {
	if b := r.bytes(4); b != nil {
		return int(int32(binary.BigEndian.Uint32(b)))
	}
	return 0
}
