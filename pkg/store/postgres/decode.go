package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
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
	if k.array && k.base != asOther {
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
		return decodeDate(int32(binary.BigEndian.Uint32(raw))), nil
	case asTime:
		return decodeTime(int64(binary.BigEndian.Uint64(raw))), nil
	case asTimestamp, asInstant:
		return decodeInstant(int64(binary.BigEndian.Uint64(raw))), nil
	case asUUID:
		return decodeUUID(raw), nil
	case asJSON:
		return form.JSON(raw), nil
	case asJSONB:
		if len(raw) == 0 || raw[0] != 1 {
			return nil, errors.New("the server sent jsonb of an unknown version")
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

func decodeDate(days int32) string {
	switch days {
	case math.MaxInt32:
		return "infinity"
	case math.MinInt32:
		return "-infinity"
	}
	return time.Unix((int64(days)+epochDays)*86400, 0).UTC().Format(time.DateOnly)
}

// decodeTime writes a time of day; 24:00:00 is one, too.
func decodeTime(micros int64) string {
	seconds, fraction := micros/1e6, micros%1e6
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60)
	if fraction == 0 {
		return text
	}
	digits := fmt.Sprintf(".%06d", fraction)
	for digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return text + digits
}

func decodeInstant(micros int64) any {
	switch micros {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	return time.Unix(epochSeconds+micros/1e6, micros%1e6*1e3).UTC()
}

func decodeUUID(raw []byte) string {
	var text [36]byte
	hex.Encode(text[0:], raw[0:4])
	hex.Encode(text[9:], raw[4:6])
	hex.Encode(text[14:], raw[6:8])
	hex.Encode(text[19:], raw[8:10])
	hex.Encode(text[24:], raw[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// decodeNumeric writes the digits of a numeric with its scale. On the wire it is a
// count of groups, the weight of the first, sign and scale, then groups of four
// decimal digits (numeric_send in utils/adt/numeric.c).
func decodeNumeric(raw []byte) (any, error) {
	if len(raw) < 8 {
		return nil, errShort
	}
	count := int(binary.BigEndian.Uint16(raw))
	weight := int(int16(binary.BigEndian.Uint16(raw[2:])))
	sign, scale := binary.BigEndian.Uint16(raw[4:]), int(binary.BigEndian.Uint16(raw[6:]))
	if len(raw) != 8+2*count {
		return nil, errShort
	}
	switch sign {
	case 0xC000:
		return "NaN", nil
	case 0xD000:
		return "Infinity", nil
	case 0xF000:
		return "-Infinity", nil
	}
	group := func(i int) uint64 {
		if i < 0 || i >= count {
			return 0
		}
		return uint64(binary.BigEndian.Uint16(raw[8+2*i:]))
	}
	text := make([]byte, 0, 8+4*max(weight, 0)+scale)
	if sign == 0x4000 {
		text = append(text, '-')
	}
	text = strconv.AppendUint(text, group(0)*boolInt(weight >= 0), 10)
	for i := 1; i <= weight; i++ {
		text = appendGroup(text, group(i))
	}
	if scale == 0 {
		return value.Number(text), nil
	}
	text = append(text, '.')
	end := len(text) + scale
	for i := weight + 1; len(text) < end; i++ {
		text = appendGroup(text, group(i))
	}
	return value.Number(text[:end]), nil
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
	dimensions := r.int32()
	r.int32() // whether there are NULLs
	r.int32() // the element's type
	if r.failed || dimensions < 0 || dimensions > 6 {
		return nil, errShort
	}
	lengths := make([]int, dimensions)
	for i := range lengths {
		lengths[i] = r.int32()
		r.int32() // the lower bound
	}
	if dimensions == 0 {
		return []any{}, nil
	}
	return k.elements(&r, lengths)
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
