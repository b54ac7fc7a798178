package compress

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// What AppendDeflated wrote is read back as RFC 7692, section 7.2.2 says.
func TestAppendDeflated(t *testing.T) {
	noise := make([]byte, 100_000)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	tests := map[string][]byte{
		"nothing":                  {},
		"a byte":                   []byte("x"),
		"text":                     []byte(strings.Repeat(`{"user_id":7,"body":"hello, world"},`, 20)),
		"text of several blocks":   []byte(strings.Repeat(`{"user_id":7,"body":"hello, world"},`, 10_000)),
		"bytes that do not shrink": noise,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := AppendDeflated([]byte("head"), text)
			if err != nil || !bytes.HasPrefix(out, []byte("head")) {
				t.Fatalf("%.20q, %v", out, err)
			}
			stream := append(out[4:len(out):len(out)], 0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff)
			back, err := io.ReadAll(flate.NewReader(bytes.NewReader(stream)))
			if err != nil || !bytes.Equal(back, text) {
				t.Errorf("%d bytes came back of %d: %v", len(back), len(text), err)
			}
			if most := len(text) + len(text)/1000 + 16; len(out) > most {
				t.Errorf("%d bytes became %d, over %d", len(text), len(out), most)
			}
		})
	}
}
