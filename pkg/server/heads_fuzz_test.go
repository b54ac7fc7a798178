package server

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

// FuzzHeads holds what is followed against net/http's own reading of the same bytes: each
// request that it takes is seen as it is, or the follower says that it is lost.
func FuzzHeads(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\n\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nb\r\n0\r\nX: y\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\r\nUpgrade: x\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\r\nX: a\r\n b\r\n\r\nGET / HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(seed), 5)
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		whole, pieces := newHeads(), newHeads()
		whole.follow(stream)
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+max(0, piece)%100)
			pieces.follow(rest[:n])
			rest = rest[n:]
		}
		r := bytes.NewReader(stream)
		br := bufio.NewReader(r)
		at := func() int { return len(stream) - r.Len() - br.Buffered() }
		for {
			start := at()
			request, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			raw := string(stream[start:at()])
			got, known := whole.next()
			again, knownAgain := pieces.next()
			if got != again || known != knownAgain {
				t.Fatalf("whole %v %v, in pieces %v %v", got, known, again, knownAgain)
			}
			if !known {
				if !whole.lost {
					t.Fatalf("a request was not seen: %q", raw)
				}
				return
			}
			if got.length != named(raw, "content-length") || got.coding != named(raw, "transfer-encoding") {
				t.Fatalf("%q is seen as %+v", raw, got)
			}
			if got.coding && got.length { // it is refused, and the connection closes
				return
			}
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				return
			}
		}
	})
}

func named(head, name string) bool {
	for line := range strings.Lines(head) {
		if n, _, found := strings.Cut(line, ":"); found && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
