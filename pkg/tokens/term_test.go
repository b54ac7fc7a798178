package tokens

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestDecodeTerm(t *testing.T) {
	for _, c := range []struct {
		name string
		hex  string
		want any
	}{
		{"small int", "6100", int64(0)},
		{"small int high", "61ff", int64(255)},
		{"int", "627fffffff", int64(math.MaxInt32)},
		{"int lowest", "6280000000", int64(math.MinInt32)},
		{"small big", "6e0400ffffffff", int64(math.MaxUint32)},
		{"small big highest", "6e0800ffffffffffffff7f", int64(math.MaxInt64)},
		{"small big lowest", "6e08010000000000000080", int64(math.MinInt64)},
		{"one beyond", "6e08000000000000000080", value.Number("9223372036854775808")},
		{"one below", "6e08010100000000000080", value.Number("-9223372036854775809")},
		{"high zeroes", "6e0a00050000000000000000" + "00", int64(5)},
		{"no magnitude", "6e0001", int64(0)},
		{"large big", "6f0000000101" + "07", int64(-7)},
		{"large big, large", "6f0000000900" + "000000000000000001", value.Number("18446744073709551616")},
		{"binary", "6d00000003616263", "abc"},
		{"empty binary", "6d00000000", ""},
		{"binary of any bytes", "6d00000002ff00", "\xff\x00"},
		{"atom Latin-1", "640003e46162", "äab"},
		{"small atom Latin-1", "7301e4", "ä"},
		{"atom UTF-8", "760002c3a4", "ä"},
		{"small atom UTF-8", "7702c3a4", "ä"},
		{"true in each form", "6804" + "640004" + "74727565" + "7304" + "74727565" + "760004" + "74727565" + "7704" + "74727565", []any{true, true, true, true}},
		{"false", "770566616c7365", false},
		{"nil", "77036e696c", nil},
		{"undefined", "7709756e646566696e6564", "undefined"},
		{"empty tuple", "6800", []any{}},
		{"tuple", "680261016102", []any{int64(1), int64(2)}},
		{"large tuple", "69000000016101", []any{int64(1)}},
		{"empty list", "6a", []any{}},
		{"empty list, long", "6c000000006a", []any{}},
		{"list", "6c0000000161016a", []any{int64(1)}},
		{"list of lists", "6c000000026a6b000101" + "6a", []any{[]any{}, []any{int64(1)}}},
		{"string", "6b000300ff41", []any{int64(0), int64(255), int64(65)}},
		{"empty string", "6b0000", []any{}},
		{"float", "463ff8000000000000", 1.5},
		{"float -0.0", "468000000000000000", math.Copysign(0, -1)},
		{"empty map", "7400000000", value.Claims{}},
		{"map of each key", "7400000003" + "6d0000000161" + "6101" + "770162" + "6102" + "6109" + "6103", value.Claims{"a": int64(1), "b": int64(2), "9": int64(3)}},
		{"map with a large key", "7400000001" + "6e0900000000000000000001" + "6101", value.Claims{"18446744073709551616": int64(1)}},
		{"map in map", "7400000001" + "6d0000000161" + "7400000000", value.Claims{"a": value.Claims{}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString("83" + c.hex)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeTerm(raw)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, %v", got, err)
			}
			for n := range raw {
				if got, err := decodeTerm(raw[:n]); err == nil {
					t.Errorf("cut to %x gave %v", raw[:n], got)
				}
			}
			if got, err := decodeTerm(append(raw, 0)); err == nil {
				t.Errorf("with a byte behind gave %v", got)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	known := string([]byte{tagFloat, tagSmallInt, tagInt, tagAtom, tagSmallTuple, tagLargeTuple, tagNil, tagString, tagList,
		tagBinary, tagSmallBig, tagLargeBig, tagSmallAtom, tagMap, tagAtomUTF8, tagSmallAtomUTF8, tagCompressed})
	for tag := range 256 {
		if strings.IndexByte(known, byte(tag)) >= 0 {
			continue
		}
		for _, n := range []int{0, 4, 40} {
			if v, err := decodeTerm(append([]byte{tagVersion, byte(tag)}, make([]byte, n)...)); err == nil {
				t.Errorf("tag %d gave %v", tag, v)
			}
		}
	}
	for _, c := range []struct{ name, hex, fault string }{
		{"improper list", "6c0000000161016102", "a list that does not end in a list"},
		{"NaN", "467ff8000000000000", "a float that is no number"},
		{"infinite", "467ff0000000000000", "a float that is no number"},
		{"strange sign", "6e010201", "an integer with a strange sign"},
		{"huge integer", "6f0000040100" + strings.Repeat("ff", 1025), "an integer of too many digits"},
		{"huge integer by word", "6fffffffff00", "an integer of too many digits"},
		{"huge binary", "6dffffffff00", "the term ends early"},
		{"huge tuple", "69ffffffff6100", "the term ends early"},
		{"huge list", "6cffffffff6100", "the term ends early"},
		{"huge map", "74ffffffff6100", "the term ends early"},
		{"sizes that add up to too much", "6803" + "68046a6a6a6a" + "68046a6a6a6a" + "680c" + strings.Repeat("6a", 6), "the term ends early"},
		{"atom of broken UTF-8", "7701ff", "an atom that Erlang does not have"},
		{"atom too long", "760100" + strings.Repeat("61", 256), "an atom that Erlang does not have"},
		{"two keys of one name", "7400000002" + "6d0000000161" + "6101" + "770161" + "6102", "a map with two keys of one name"},
		{"the same key twice", "7400000002" + "6d0000000161" + "6101" + "6d0000000161" + "6102", "a map with two keys of one name"},
		{"a list as key", "74000000016a6101", "not an integer"},
		{"compressed inside", "68015000000002789c", "a term of a kind that a token may not carry"},
		{"version inside", "6801836a", "a term of a kind that a token may not carry"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := hex.DecodeString("83" + c.hex)
			if err != nil {
				t.Fatal(err)
			}
			if v, err := decodeTerm(raw); textOf(err) != c.fault {
				t.Errorf("got %v, %v", v, err)
			}
		})
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte {
		return append(append([]byte{tagVersion}, bytes.Repeat([]byte{tagSmallTuple, 1}, n)...), tagNil)
	}
	if _, err := decodeTerm(nested(maxDepth)); err != nil {
		t.Error(err)
	}
	for _, n := range []int{maxDepth + 1, 3000} {
		if _, err := decodeTerm(nested(n)); textOf(err) != "too deep" {
			t.Errorf("%d deep: %v", n, err)
		}
	}
	var v any = "x"
	for range maxDepth {
		v = []any{v}
	}
	if _, err := appendTerm(nil, v, 0); err != nil {
		t.Error(err)
	}
	if _, err := appendTerm(nil, []any{v}, 0); textOf(err) != "the data is more than 64 levels deep" {
		t.Error(err)
	}
}

// deflated makes a compressed term that says it has size bytes.
func deflated(t *testing.T, term []byte, size int) []byte {
	t.Helper()
	out := bytes.NewBuffer(binary.BigEndian.AppendUint32([]byte{tagVersion, tagCompressed}, uint32(size)))
	z := zlib.NewWriter(out)
	if _, err := z.Write(term); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCompressed(t *testing.T) {
	text := strings.Repeat("a", 5000)
	term := appendBinary(nil, text)
	largest := appendBinary(nil, strings.Repeat("a", maxInflated-5))
	good := deflated(t, term, len(term))
	broken := bytes.Clone(good)
	broken[len(broken)-1] ^= 1
	for _, c := range []struct {
		name string
		raw  []byte
		ok   bool
	}{
		{"good", good, true},
		{"as large as may be", deflated(t, largest, len(largest)), true},
		{"larger", deflated(t, append(largest, 'a'), maxInflated+1), false},
		{"a bomb that says so", deflated(t, make([]byte, 1<<24), 1<<24), false},
		{"a bomb that lies", deflated(t, make([]byte, 1<<24), 10), false},
		{"size too large", deflated(t, term, len(term)+1), false},
		{"size too small", deflated(t, term, len(term)-1), false},
		{"checksum", broken, false},
		{"cut", good[:len(good)-1], false},
		{"no data", good[:6], false},
		{"no size", good[:5], false},
		{"bytes behind", append(bytes.Clone(good), 0), false},
		{"bytes behind, inside", deflated(t, append(bytes.Clone(term), 0), len(term)+1), false},
		{"compressed twice", deflated(t, good[1:], len(good)-1), false},
		{"with a version inside", deflated(t, append([]byte{tagVersion}, term...), len(term)+1), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := decodeTerm(c.raw); (err == nil) != c.ok {
				t.Errorf("got %.20v, %v", v, err)
			}
		})
	}
	whole, err := signer(t, Options{}).appendEnvelope(nil, text, signedAt().UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	got, err := signer(t, Options{}).Verify(sealTerm(t, deflated(t, whole[1:], len(whole)-1)), signedAt())
	if err != nil || got != text {
		t.Errorf("a compressed token gave %.20v, %v", got, err)
	}
}
