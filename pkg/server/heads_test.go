package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestHeadsAreFollowed(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := []struct{ name, stream, want string }{
		{"nothing", "", ""},
		{"a head", get, "-"},
		{"half a head", "GET / HTTP/1.1\r\nHost: a\r\n", ""},
		{"two in one piece", get + get, "- -"},
		{"line ends without CR", "GET / HTTP/1.1\nHost: a\n\n" + get, "- -"},
		{"line ends between", get + "\r\n\r\n" + get, "- -"},
		{"a body that looks like a head", "POST / HTTP/1.1\r\nContent-Length: 27\r\n\r\n" + get + get, "length -"},
		{"chunks", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" + get, "coding -"},
		{"a chunk that looks like a head", "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n1b;x\r\n" + get + "\r\n0\r\n\r\n" + get, "coding -"},
		{"trailers", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n" + get, "coding -"},
		{"a header longer than what is kept", "GET / HTTP/1.1\r\nCookie: " + strings.Repeat("c", 500) + "\r\n\r\n" + get, "- -"},
		{"a URL longer than what is kept", "GET /" + strings.Repeat("c", 500) + " HTTP/1.1\r\n\r\n" + get, "- -"},
		{"both", "POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + get, "length+coding lost"},
		{"two lengths", "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok" + get, "length lost"},
		{"no number", "POST / HTTP/1.1\r\nContent-Length: +2\r\n\r\nok" + get, "length lost"},
		{"a number that is too large", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nok" + get, "length lost"},
		{"another coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + get, "coding lost"},
		{"a folded line", "POST / HTTP/1.1\r\nX: a\r\n Content-Length: 5\r\n\r\n" + get, "- lost"},
		{"an upgrade", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n" + get, "- lost"},
		{"a chunk without a size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n;\r\n", "coding lost"},
		{"an empty line for a size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "coding lost"},
		{"a size that is no number", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "coding lost"},
		{"a size without CR", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", "coding lost"},
		{"a chunk that is longer than it says", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\noks\r\n0\r\n\r\n", "coding lost"},
		{"more than are kept", strings.Repeat(get, maxWaiting+1), strings.TrimSpace(strings.Repeat("- ", maxWaiting)) + " lost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{len(tt.stream) + 1, 7, 1} {
				if got := told(tt.stream, func() int { return step }); got != tt.want {
					t.Errorf("in pieces of %d: %q, want %q", step, got, tt.want)
				}
			}
		})
	}
}

// told follows a stream in pieces and writes down what heads were seen.
func told(stream string, piece func() int) string {
	h := newHeads()
	for rest := stream; rest != ""; {
		n := min(piece(), len(rest))
		h.follow([]byte(rest[:n]))
		rest = rest[n:]
	}
	var out []string
	for {
		x, known := h.next()
		switch {
		case !known:
			if h.lost {
				out = append(out, "lost")
			}
			return strings.Join(out, " ")
		case x.length && x.coding:
			out = append(out, "length+coding")
		case x.length:
			out = append(out, "length")
		case x.coding:
			out = append(out, "coding")
		default:
			out = append(out, "-")
		}
	}
}

// Whatever bodies are sent, in whatever pieces, each head is seen and none is made up.
func TestHeadsOfManyRequests(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var stream strings.Builder
		var want []string
		for range 1 + r.IntN(20) {
			body := strings.Repeat("GET / HTTP/1.1\r\n\r\n", r.IntN(10))[:]
			switch r.IntN(3) {
			case 0:
				stream.WriteString("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				want = append(want, "-")
			case 1:
				fmt.Fprintf(&stream, "PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				want = append(want, "length")
			case 2:
				stream.WriteString("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
				for body != "" {
					n := 1 + r.IntN(len(body))
					fmt.Fprintf(&stream, "%x\r\n%s\r\n", n, body[:n])
					body = body[n:]
				}
				stream.WriteString("0\r\n\r\n")
				want = append(want, "coding")
			}
		}
		if got := told(stream.String(), func() int { return 1 + r.IntN(200) }); got != strings.Join(want, " ") {
			t.Fatalf("%q gives %q, want %q", stream.String(), got, want)
		}
	}
}
