package compress_test

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/openmanifest/gateway/pkg/compress"
)

type takenOver struct{ *httptest.ResponseRecorder }

func (takenOver) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

// Nothing is written to a connection that was taken over, and that is no error.
func TestTakenOver(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	rec := httptest.NewRecorder()
	w := compress.New(compress.Options{}).Wrap(takenOver{rec}, r, nil)
	w.Header().Set("Content-Type", "text/plain")
	_, written := io.WriteString(w, long)
	before := rec.Body.Len()
	_, _, err := w.Hijack()
	if closed := w.Close(); written != nil || err != nil || closed != nil || rec.Body.Len() > before {
		t.Errorf("written %v, taken over %v, closed %v, %d bytes more", written, err, closed, rec.Body.Len()-before)
	}
}
