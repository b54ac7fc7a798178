package postgrest

import (
	"net/http"
	"strconv"
	"strings"
)

// A Range is what the header Range asks: rows by their numbers. The zero value asks all.
type Range struct {
	First, Last int64
	Bounded     bool // whether Last counts
}

// ParseRange reads the header Range of a GET: 0-9, or 10-. Any other form asks all, as in
// PostgREST. A last row before the first is PGRST103 (416).
func ParseRange(header string) (Range, error) {
	first, last, ok := strings.Cut(header, "-")
	if !ok {
		return Range{}, nil
	}
	var r Range
	if r.First, ok = integer(first); !ok || strings.TrimSpace(first) != first {
		return Range{}, nil
	}
	if last == "" {
		return r, nil
	}
	if r.Last, ok = integer(last); !ok || r.Last < 0 || strings.TrimSpace(last) != last || last[0] == '-' {
		return Range{}, nil
	}
	r.Bounded = true
	if r.Last < r.First {
		return Range{}, notSatisfiable("The lower boundary must be lower than or equal to the upper boundary in the Range header.")
	}
	return r, nil
}

// Within narrows the page of the query to what the header asks too. Where no row is in both
// it is PGRST103 (416). limit=0 stands by itself.
func (q *Query) Within(r Range) error {
	if q.Limit == 0 {
		return nil
	}
	first := max(q.Offset, r.First)
	end := int64(-1) // behind the last row
	if q.Limit > 0 && q.Offset+q.Limit > q.Offset {
		end = q.Offset + q.Limit
	}
	if r.Bounded && (end < 0 || r.Last < end-1) {
		end = r.Last + 1
	}
	q.Offset = first
	if end < 0 {
		return nil
	}
	if end <= first {
		return negativeLimit()
	}
	q.Limit = end - first
	return nil
}

func negativeLimit() *Error { return notSatisfiable("Limit should be greater than or equal to zero.") }

// BeyondEnd refuses an offset behind the last of total rows.
func BeyondEnd(offset, total int64) *Error {
	return notSatisfiable("An offset of " + strconv.FormatInt(offset, 10) + " was requested, but there are only " +
		strconv.FormatInt(total, 10) + " rows.")
}

func notSatisfiable(details string) *Error {
	return &Error{
		Status:  http.StatusRequestedRangeNotSatisfiable,
		Code:    "PGRST103",
		Message: "Requested range not satisfiable",
		Details: details,
	}
}

// AppendContentRange appends the value of Content-Range for rows that begin at offset. The
// total is -1 where it was not counted.
func AppendContentRange(dst []byte, offset, rows, total int64) []byte {
	if rows > 0 && total != 0 {
		dst = strconv.AppendInt(dst, offset, 10)
		dst = append(dst, '-')
		dst = strconv.AppendInt(dst, offset+rows-1, 10)
	} else {
		dst = append(dst, '*')
	}
	if total < 0 {
		return append(dst, "/*"...)
	}
	return strconv.AppendInt(append(dst, '/'), total, 10)
}

// RangeStatus is the status of an answer with rows of total that begin at offset: 200, 206
// if it is a part, 416 if it begins behind the end (see BeyondEnd).
func RangeStatus(offset, rows, total int64) int {
	switch {
	case total >= 0 && offset > total:
		return http.StatusRequestedRangeNotSatisfiable
	case total >= 0 && rows < total:
		return http.StatusPartialContent
	}
	return http.StatusOK
}
