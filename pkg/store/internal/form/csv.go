package form

import "bytes"

// AppendCSV writes a value of a line of CSV as Postgres writes it in a record, since that is
// what PostgREST's CSV is made of (utils/adt/rowtypes.c: record_out): values that are empty
// or have spaces, brackets or backslashes are quoted too, and a backslash is doubled.
func AppendCSV(dst, text []byte) []byte {
	if len(text) > 0 && !bytes.ContainsAny(text, "\",\\() \t\r\n\v\f") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}
