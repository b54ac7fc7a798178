package postgres

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/openmanifest/gateway/pkg/value"
)

// kind is how values of a Postgres type are written and read.
type kind struct {
	base   base
	array  bool     // of base
	fields *[]field // of a composite type
}

type base uint8

// The bases. Types not named here are read as the text that the server makes of them.
const (
	asText base = iota
	asBytes
	asBool
	asInt2
	asInt4
	asInt8
	asFloat4
	asFloat8
	asNumeric
	asDate
	asTime
	asTimestamp // without time zone; taken as UTC
	asInstant   // timestamptz
	asUUID
	asJSON
	asJSONB
	asRecord // a composite type, as text
	asBox    // as text; its arrays have another delimiter
	asOther  // text, of which we know nothing
)

// format is 1 for types read in binary. What has no base of its own comes as text, and
// so do arrays of it.
func (k kind) format() int16 {
	if k.base >= asRecord || k.base == asText && !k.array {
		return 0
	}
	return 1
}

// kindOf tells the kind of a type, asking the database for what is not usual. It runs when
// a statement is prepared.
func (s *session) kindOf(oid uint32) (kind, error) {
	if k, ok := builtin(oid); ok {
		return k, nil
	}
	if k, ok := s.store.types.Load(oid); ok {
		return k.(kind), nil
	}
	k, err := s.lookUp(oid)
	if err == nil {
		s.store.types.Store(oid, k)
	}
	return k, err
}

// lookUp follows domains to their base and arrays to their element.
func (s *session) lookUp(oid uint32) (kind, error) {
	const sql = `select typtype::text, typbasetype::text, typelem::text, typcategory::text, typrelid::text from pg_catalog.pg_type where oid = $1`
	rows, err := s.ask(sql, oid)
	if err != nil || len(rows) == 0 {
		return kind{base: asOther}, err
	}
	row := rows[0]
	number := func(i int) uint32 { return oidOf(row[i]) }
	switch {
	case string(row[0]) == "d":
		return s.kindOf(number(1))
	case string(row[0]) == "e":
		return kind{base: asText}, nil
	case string(row[3]) == "A" && number(2) != 0:
		element, err := s.kindOf(number(2))
		return kind{base: element.base, array: true, fields: element.fields}, err
	case string(row[0]) == "c":
		return s.lookUpFields(number(4))
	default:
		return kind{base: asOther}, nil
	}
}

// lookUpFields knows a composite type by its relation.
func (s *session) lookUpFields(relation uint32) (kind, error) {
	const sql = `select attname::text, atttypid::text from pg_catalog.pg_attribute
where attrelid = $1 and attnum > 0 and not attisdropped order by attnum`
	rows, err := s.ask(sql, relation)
	if err != nil {
		return kind{base: asOther}, err
	}
	fields := make([]field, len(rows))
	for i, row := range rows {
		fields[i].key = append(value.AppendJSONString(nil, row[0]), ':')
		if fields[i].kind, err = s.kindOf(oidOf(row[1])); err != nil {
			return kind{base: asOther}, err
		}
	}
	return kind{base: asRecord, fields: &fields}, nil
}

// ask asks the catalog for what belongs to an oid.
func (s *session) ask(sql string, oid uint32) ([][][]byte, error) {
	args := [][]byte{strconv.AppendUint(nil, uint64(oid), 10)}
	answer := s.conn.ExecParams(context.Background(), sql, args, nil, nil, nil).Read()
	return answer.Rows, answer.Err
}

func oidOf(text []byte) uint32 {
	n, _ := strconv.ParseUint(string(text), 10, 32)
	return uint32(n)
}

// builtin knows the usual types of every Postgres.
func builtin(oid uint32) (kind, bool) {
	if b, ok := scalar(oid); ok {
		return kind{base: b}, true
	}
	b, ok := scalar(elementOf(oid))
	return kind{base: b, array: ok}, ok
}

func scalar(oid uint32) (base, bool) {
	switch oid {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID, pgtype.QCharOID, pgtype.UnknownOID:
		return asText, true
	case pgtype.ByteaOID:
		return asBytes, true
	case pgtype.BoolOID:
		return asBool, true
	case pgtype.Int2OID:
		return asInt2, true
	case pgtype.Int4OID:
		return asInt4, true
	case pgtype.Int8OID:
		return asInt8, true
	case pgtype.Float4OID:
		return asFloat4, true
	case pgtype.Float8OID:
		return asFloat8, true
	case pgtype.NumericOID:
		return asNumeric, true
	case pgtype.DateOID:
		return asDate, true
	case pgtype.TimeOID:
		return asTime, true
	case pgtype.TimestampOID:
		return asTimestamp, true
	case pgtype.TimestamptzOID:
		return asInstant, true
	case pgtype.UUIDOID:
		return asUUID, true
	case pgtype.JSONOID:
		return asJSON, true
	case pgtype.JSONBOID:
		return asJSONB, true
	case pgtype.BoxOID:
		return asBox, true
	}
	return asOther, false
}

// elementOf tells what an array of a builtin type holds, 0 for what is no such array.
func elementOf(oid uint32) uint32 {
	switch oid {
	case pgtype.TextArrayOID, pgtype.VarcharArrayOID, pgtype.BPCharArrayOID, pgtype.NameArrayOID:
		return pgtype.TextOID
	case pgtype.ByteaArrayOID:
		return pgtype.ByteaOID
	case pgtype.BoolArrayOID:
		return pgtype.BoolOID
	case pgtype.Int2ArrayOID:
		return pgtype.Int2OID
	case pgtype.Int4ArrayOID:
		return pgtype.Int4OID
	case pgtype.Int8ArrayOID:
		return pgtype.Int8OID
	case pgtype.Float4ArrayOID:
		return pgtype.Float4OID
	case pgtype.Float8ArrayOID:
		return pgtype.Float8OID
	case pgtype.NumericArrayOID:
		return pgtype.NumericOID
	case pgtype.DateArrayOID:
		return pgtype.DateOID
	case pgtype.TimeArrayOID:
		return pgtype.TimeOID
	case pgtype.TimestampArrayOID:
		return pgtype.TimestampOID
	case pgtype.TimestamptzArrayOID:
		return pgtype.TimestamptzOID
	case pgtype.UUIDArrayOID:
		return pgtype.UUIDOID
	case pgtype.JSONArrayOID:
		return pgtype.JSONOID
	case pgtype.JSONBArrayOID:
		return pgtype.JSONBOID
	}
	return 0
}
