package compress

import "github.com/klauspost/compress/flate"

// AppendDeflated appends text as a message of permessage-deflate that refers to no other
// (RFC 7692, section 7.2.1). It keeps no state, where a pooled writer would hold hundreds of
// KB, and makes messages as short as the fastest level does.
func AppendDeflated(dst, text []byte) ([]byte, error) {
	out := appender(dst)
	if err := flate.StatelessDeflate(&out, text, false, nil); err != nil {
		return nil, err
	}
	const tail = 4 // 00 00 ff ff, which the receiver puts back
	return out[:len(out)-tail], nil
}

type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
