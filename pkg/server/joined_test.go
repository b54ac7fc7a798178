package server

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// written notes each piece that is written.
type written struct {
	net.Conn
	pieces []string
	err    error
}

func (w *written) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	w.pieces = append(w.pieces, string(b))
	return len(b), nil
}

// headOf is the head of an answer of size bytes, so long that a body of inFirst bytes fills the buffer.
func headOf(size, inFirst int) string {
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: ", size)
	return head + strings.Repeat("x", httpBuffer-len(head)-inFirst-4) + "\r\n\r\n"
}

func TestPiecesAreJoined(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("b", n) }
	full := headOf(5000, 3000) + pad(3000)
	for _, tt := range []struct {
		name      string
		announced int
		pieces    []string
		sent      int // pieces
	}{
		{"the rest comes", 5000, []string{full, pad(2000)}, 1},
		{"the rest comes in two", 5000, []string{full, pad(1999), "b"}, 1},
		{"nothing is announced", 0, []string{full, pad(2000)}, 2},
		{"too large a body", maxJoined + 1, []string{headOf(maxJoined+1, 3000) + pad(3000), pad(maxJoined - 2999)}, 2},
		{"all in the first piece", 3000, []string{headOf(3000, 3000) + pad(3000)}, 1},
		{"another size than announced: compressed", 9000, []string{full, pad(2000)}, 2},
		{"no size: chunks", 5000, []string{strings.Replace(full, "Content-Length", "content-Length", 1), pad(2000)}, 2},
		{"a size that is no number", 5000, []string{strings.Replace(full, "5000", "5e03", 1), pad(2000)}, 2},
		{"a head alone", 5000, []string{"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", pad(5000)}, 2},
		{"a head that is longer than the buffer", 5000, []string{strings.Repeat("x", httpBuffer), "\r\n\r\n" + pad(5000)}, 2},
		{"an answer after another", 5000, []string{full, pad(2000), full, pad(2000)}, 3}, // announced once
	} {
		t.Run(tt.name, func(t *testing.T) {
			to, j := &written{}, joiner{pieces: newPieces()}
			j.Announce(tt.announced)
			for _, piece := range tt.pieces {
				if n, err := j.write(to, []byte(piece)); n != len(piece) || err != nil {
					t.Errorf("%d of %d bytes, %v", n, len(piece), err)
				}
			}
			if len(to.pieces) != tt.sent || strings.Join(to.pieces, "") != strings.Join(tt.pieces, "") {
				t.Errorf("%d pieces were sent, want %d", len(to.pieces), tt.sent)
			}
		})
	}
}

func TestJoinedPiecesFail(t *testing.T) {
	to, j := &written{err: errors.New("gone")}, joiner{pieces: newPieces()}
	j.Announce(5000)
	_, _ = j.write(to, []byte(headOf(5000, 3000)+strings.Repeat("b", 3000)))
	if _, err := j.write(to, make([]byte, 2000)); err != to.err {
		t.Errorf("the rest: %v", err)
	}
	if j.held != nil {
		t.Error("the pieces are held on to")
	}
}

// Answers of every size arrive whole, one behind the other on one connection.
func TestAnswersArriveWhole(t *testing.T) {
	s := httptest.NewUnstartedServer(framing{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, err := strconv.Atoi(r.FormValue("size"))
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Length", strconv.Itoa(size))
		w.WriteHeader(http.StatusOK)
		pipeline.AnnouncerOf(r.Context()).Announce(size)
		_, _ = w.Write(bytes.Repeat([]byte("b"), size))
	}), nil})
	s.Listener = watching{s.Listener}
	s.Config.ConnContext = withConn
	s.Start()
	t.Cleanup(s.Close)
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(c)
	for size := 0; size < maxJoined+httpBuffer; size += 37 {
		for _, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequest(method, fmt.Sprintf("http://a/?size=%d", size), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Write(c); err != nil {
				t.Fatal(err)
			}
			answer, err := http.ReadResponse(answers, r)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(answer.Body); err != nil || method == "GET" && len(body) != size {
				t.Fatalf("%s: %d bytes of %d, %v", method, len(body), size, err)
			}
		}
	}
}
