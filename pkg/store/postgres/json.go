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

var errVersion = errors.New("the server sent jsonb of an unknown version")

// appendJSON writes a value that is not NULL, in the format that the kind asks for, as
// to_json does (utils/adt/json.c: datum_to_json). A moment is told in zone.
func (k kind) appendJSON(dst, raw []byte, zone *time.Location) ([]byte, error) {
	switch {
	case k.format() == 0:
		return k.appendTextJSON(dst, raw), nil
	case k.array:
		return k.appendArrayJSON(dst, raw, zone)
	default:
		return k.base.appendJSON(dst, raw, zone)
	}
}

func (b base) appendJSON(dst, raw []byte, zone *time.Location) ([]byte, error) {
	if w := b.width(); w > 0 && len(raw) != w {
		return dst, errShort
	}
	switch b {
	case asBool:
		return strconv.AppendBool(dst, raw[0] != 0), nil
	case asInt2:
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(raw))), 10), nil
	case asInt4:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(raw))), 10), nil
	case asInt8:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(raw)), 10), nil
	case asFloat4:
		f := math.Float32frombits(binary.BigEndian.Uint32(raw))
		return appendFloat(dst, float64(f), 32, 1e6), nil
	case asFloat8:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(raw)), 64, 1e15), nil
	case asNumeric:
		return appendNumericJSON(dst, raw)
	case asJSON:
		return append(dst, raw...), nil
	case asJSONB:
		if len(raw) == 0 || raw[0] != 1 {
			return dst, errVersion
		}
		return append(dst, raw[1:]...), nil
	case asText, asOther, asRecord, asBox:
		return value.AppendJSONString(dst, raw), nil
	default:
		return append(b.appendPlain(append(dst, '"'), raw, zone), '"'), nil
	}
}

// appendPlain writes what needs no escapes between the quotes of a JSON string.
func (b base) appendPlain(dst, raw []byte, zone *time.Location) []byte {
	switch b {
	case asDate:
		return appendDate(dst, int32(binary.BigEndian.Uint32(raw)))
	case asTime:
		return appendClock(dst, int64(binary.BigEndian.Uint64(raw)))
	case asTimestamp:
		return appendTimestamp(dst, int64(binary.BigEndian.Uint64(raw)))
	case asInstant:
		return appendInstant(dst, int64(binary.BigEndian.Uint64(raw)), zone)
	case asUUID:
		return appendUUID(dst, raw)
	default: // asBytes
		return hex.AppendEncode(append(dst, `\\x`...), raw)
	}
}

// appendFloat writes the shortest text that reads as f again: with an exponent below 1e-4
// and from most on (common/d2s.c, f2s.c).
func appendFloat(dst []byte, f float64, bits int, most float64) []byte {
	if word := form.Unreal(f); word != "" {
		return append(append(append(dst, '"'), word...), '"')
	}
	least := 1e-4
	if bits == 32 {
		least = float64(float32(1e-4))
	}
	if a := math.Abs(f); a != 0 && (a < least || a >= most) {
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

func appendNumericJSON(dst, raw []byte) ([]byte, error) {
	word, err := unrealNumeric(raw)
	switch {
	case err != nil:
		return dst, err
	case word != "":
		return append(append(append(dst, '"'), word...), '"'), nil
	default:
		return appendNumeric(dst, raw), nil
	}
}

// appendArrayJSON writes lists within lists, as many deep as the array has dimensions.
func (k kind) appendArrayJSON(dst, raw []byte, zone *time.Location) ([]byte, error) {
	r := reader{raw: raw}
	lengths, err := r.dimensions()
	if err != nil {
		return dst, err
	}
	if len(lengths) == 0 {
		return append(dst, "[]"...), nil
	}
	return k.appendElementsJSON(dst, &r, lengths, zone)
}

func (k kind) appendElementsJSON(dst []byte, r *reader, lengths []int, zone *time.Location) ([]byte, error) {
	if r.failed || lengths[0] < 0 || lengths[0] > len(r.raw) {
		return dst, errShort
	}
	dst = append(dst, '[')
	for i := range lengths[0] {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if len(lengths) > 1 {
			dst, err = k.appendElementsJSON(dst, r, lengths[1:], zone)
		} else if n := r.int32(); n >= 0 {
			raw := r.bytes(n)
			if r.failed {
				return dst, errShort
			}
			dst, err = k.base.appendJSON(dst, raw, zone)
		} else {
			dst = append(dst, "null"...)
		}
		if err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}
