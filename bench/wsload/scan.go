//go:build linux

package main

import "bytes"

// A frame of the Phoenix V2 JSON serializer is a five-element array:
//
//	[join_ref, ref, topic, event, payload]
//
// The load generator shares the machine with the server under test, so it
// reads these frames with a small allocation-free scanner instead of
// encoding/json. It checks structure only as far as it needs to step over
// values; refs, topics and events are compared as raw text (the generator
// never uses a character that would be escaped).

type envelope struct {
	ref, topic, event []byte // without quotes; nil for null
	payload           []byte // raw JSON
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index after the string that opens at b[i], or -1.
func skipString(b []byte, i int) int {
	for i++; i < len(b); {
		j := bytes.IndexByte(b[i:], '"')
		if j < 0 {
			return -1
		}
		j += i
		slashes := 0
		for k := j - 1; k >= i && b[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			return j + 1
		}
		i = j + 1
	}
	return -1
}

// skipValue returns the index after the JSON value that starts at b[i], or -1.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				if i = skipString(b, i); i < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return -1
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' ' {
		i++
	}
	return i
}

// unquote strips the quotes of a raw JSON string; anything else becomes nil.
func unquote(v []byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	return v[1 : len(v)-1]
}

func parseEnvelope(b []byte) (e envelope, ok bool) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '[' {
		return e, false
	}
	i++
	for n := 0; n < 5; n++ {
		i = skipSpace(b, i)
		end := skipValue(b, i)
		if end < 0 {
			return e, false
		}
		v := b[i:end]
		switch n {
		case 1:
			e.ref = unquote(v)
		case 2:
			e.topic = unquote(v)
		case 3:
			e.event = unquote(v)
		case 4:
			e.payload = v
		}
		i = skipSpace(b, end)
		want := byte(',')
		if n == 4 {
			want = ']'
		}
		if i >= len(b) || b[i] != want {
			return e, false
		}
		i++
	}
	return e, true
}

// eachKey calls fn for every member of a raw JSON object.
func eachKey(obj []byte, fn func(key, val []byte)) {
	i := skipSpace(obj, 0)
	if i >= len(obj) || obj[i] != '{' {
		return
	}
	for i++; ; i++ {
		i = skipSpace(obj, i)
		if i >= len(obj) || obj[i] != '"' {
			return
		}
		end := skipString(obj, i)
		if end < 0 {
			return
		}
		key := obj[i+1 : end-1]
		if i = skipSpace(obj, end); i >= len(obj) || obj[i] != ':' {
			return
		}
		i = skipSpace(obj, i+1)
		if end = skipValue(obj, i); end < 0 {
			return
		}
		fn(key, obj[i:end])
		if i = skipSpace(obj, end); i >= len(obj) || obj[i] != ',' {
			return
		}
	}
}

// member returns the raw value of one member of a JSON object, or nil.
func member(obj []byte, name string) (found []byte) {
	eachKey(obj, func(key, val []byte) {
		if found == nil && string(key) == name {
			found = val
		}
	})
	return found
}

// decimal parses the digits of a quoted or bare non-negative integer.
func decimal(v []byte) (n int64, ok bool) {
	if q := unquote(v); q != nil {
		v = q
	}
	if len(v) == 0 {
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
