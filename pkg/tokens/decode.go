package tokens

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// The tags of Erlang's external term format that are read. Functions, processes, ports,
// references, bit strings and floats as text (before OTP 15) are not.
const (
	tagVersion       = 131
	tagCompressed    = 80
	tagFloat         = 70
	tagSmallInt      = 97
	tagInt           = 98
	tagAtom          = 100 // Latin-1, up to OTP 25
	tagSmallTuple    = 104
	tagLargeTuple    = 105
	tagNil           = 106
	tagString        = 107 // a list of bytes
	tagList          = 108
	tagBinary        = 109
	tagSmallBig      = 110
	tagLargeBig      = 111
	tagSmallAtom     = 115 // Latin-1
	tagMap           = 116
	tagAtomUTF8      = 118
	tagSmallAtomUTF8 = 119
)

const (
	maxDepth = 64  // containers inside containers, as for JSON
	maxAtom  = 255 // characters, as in Erlang
)

// badTerm says why bytes are not a term that we take. It never reaches a caller: the
// token is invalid.
type badTerm string

func (b badTerm) Error() string { return string(b) }

const errShort badTerm = "the term ends early"

// A decoder reads terms from rest. Reading beyond the end gives zeroes and sets short, so
// that only what loops or allocates has to look.
type decoder struct {
	rest  []byte
	short bool
	// budget counts down with each member of a container. Every member takes a byte at
	// least, so sizes that add up to more than the input are a lie.
	budget int
}

func newDecoder(b []byte) decoder { return decoder{rest: b, budget: len(b)} }

// decodeTerm reads one term with its version byte, and nothing behind it.
func decodeTerm(b []byte) (any, error) {
	d, err := open(b)
	if err != nil {
		return nil, err
	}
	v, err := d.term(0)
	if err != nil {
		return nil, err
	}
	return v, d.end()
}

func (d *decoder) end() error {
	if d.short {
		return errShort
	}
	if len(d.rest) > 0 {
		return badTerm("bytes behind the term")
	}
	return nil
}

// term reads one term; depth counts the containers it is in.
func (d *decoder) term(depth int) (any, error) {
	tag := d.byte()
	if d.short {
		return nil, errShort
	}
	switch tag {
	case tagBinary:
		return d.binary()
	case tagSmallInt, tagInt, tagSmallBig, tagLargeBig:
		n, large, err := d.integer(tag)
		if large != "" {
			return large, err
		}
		return n, err
	case tagFloat:
		return d.float()
	case tagAtom, tagSmallAtom, tagAtomUTF8, tagSmallAtomUTF8:
		return d.atomValue(tag)
	case tagNil:
		return []any{}, nil
	}
	if depth >= maxDepth {
		return nil, badTerm("too deep")
	}
	switch tag {
	case tagSmallTuple:
		return d.list(uint32(d.byte()), depth+1)
	case tagLargeTuple:
		return d.list(d.uint32(), depth+1)
	case tagList:
		v, err := d.list(d.uint32(), depth+1)
		if err == nil && d.byte() != tagNil {
			err = badTerm("a list that does not end in a list")
		}
		return v, err
	case tagString:
		return d.bytesList()
	case tagMap:
		return d.object(d.uint32(), depth+1)
	}
	return nil, badTerm("a term of a kind that a token may not carry")
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.short, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// binary reads bytes as a string, UTF-8 or not: Erlang does not tell the two apart.
func (d *decoder) binary() (any, error) {
	n := d.uint32()
	if uint64(n) > uint64(len(d.rest)) {
		return nil, errShort
	}
	return string(d.take(int(n))), nil
}

func (d *decoder) atomValue(tag byte) (any, error) {
	name, err := d.atom(tag)
	switch {
	case err != nil:
		return nil, err
	case name == "true":
		return true, nil
	case name == "false":
		return false, nil
	case name == "nil":
		return nil, nil
	}
	return name, nil
}

func (d *decoder) atom(tag byte) (string, error) {
	var size int
	switch tag {
	case tagAtom, tagAtomUTF8:
		size = int(d.uint16())
	case tagSmallAtom, tagSmallAtomUTF8:
		size = int(d.byte())
	default:
		return "", badTerm("not an atom")
	}
	b := d.take(size)
	if d.short {
		return "", errShort
	}
	name := ""
	if tag == tagAtom || tag == tagSmallAtom {
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		name = string(runes)
	} else {
		name = string(b)
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxAtom {
		return "", badTerm("an atom that Erlang does not have")
	}
	return name, nil
}

// spend books n members of a container before they are made room for.
func (d *decoder) spend(n uint64) error {
	if n > uint64(d.budget) || n > uint64(len(d.rest)) {
		return errShort
	}
	d.budget -= int(n)
	return nil
}

func (d *decoder) list(n uint32, depth int) (any, error) {
	if err := d.spend(uint64(n)); err != nil {
		return nil, err
	}
	items := make([]any, n)
	for i := range items {
		var err error
		if items[i], err = d.term(depth); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (d *decoder) bytesList() (any, error) {
	n := d.uint16()
	if err := d.spend(uint64(n)); err != nil {
		return nil, err
	}
	items := make([]any, n)
	for i, b := range d.take(int(n)) {
		items[i] = int64(b)
	}
	return items, nil
}

// object reads a map. Two keys of one name (the atom a and the binary "a") are refused:
// which of them rules would be a matter of luck.
func (d *decoder) object(n uint32, depth int) (any, error) {
	if err := d.spend(2 * uint64(n)); err != nil {
		return nil, err
	}
	members := make(value.Claims, n)
	for range n {
		name, err := d.key()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, badTerm("a map with two keys of one name")
		}
		if members[name], err = d.term(depth); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// key reads the key of a map as the text that it would have in JSON: of a binary, an
// atom or an integer. Other keys have none.
func (d *decoder) key() (string, error) {
	switch tag := d.byte(); tag {
	case tagBinary:
		v, err := d.binary()
		if err != nil {
			return "", err
		}
		return v.(string), nil
	case tagAtom, tagSmallAtom, tagAtomUTF8, tagSmallAtomUTF8:
		return d.atom(tag)
	default:
		n, large, err := d.integer(tag)
		if large != "" {
			return string(large), err
		}
		return strconv.FormatInt(n, 10), err
	}
}
