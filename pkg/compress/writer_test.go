package compress_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/openmanifest/gateway/pkg/compress"
)

// decoded gives the body as the client reads it.
func decoded(t *testing.T, coding string, body io.Reader) string {
	t.Helper()
	var r io.Reader
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(body)
	case "br":
		r = brotli.NewReader(body)
	case "zstd":
		r, err = zstd.NewReader(body)
	default:
		r = body
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return string(out)
}

var long = strings.Repeat("All work and no play. ", 200)

func TestWhatIsEncoded(t *testing.T) {
	const json = "Content-Type: application/json"
	tests := []struct {
		name, method, accept, fields string
		status                       int
		body                         string
		sized                        bool // Content-Length is said
		coding, vary                 string
	}{
		{"JSON", "GET", "gzip", json, 200, long, true, "gzip", "Accept-Encoding"},
		{"without a length", "GET", "gzip", json, 200, long, false, "gzip", "Accept-Encoding"},
		{"br", "GET", "br", json, 200, long, false, "br", "Accept-Encoding"},
		{"zstd", "GET", "gzip, br, zstd", json, 200, long, false, "zstd", "Accept-Encoding"},
		{"an error page too", "GET", "gzip", "Content-Type: text/html", 500, long, true, "gzip", "Accept-Encoding"},
		{"a type guessed", "GET", "gzip", "", 200, "<html>" + long, false, "gzip", "Accept-Encoding"},
		{"a suffix", "GET", "gzip", "Content-Type: application/vnd.api+json; v=1", 200, long, false, "gzip", "Accept-Encoding"},
		{"capitals", "GET", "gzip", "Content-Type: Text/HTML; charset=utf-8", 200, long, false, "gzip", "Accept-Encoding"},
		{"vary is added to", "GET", "gzip", json + "|Vary: Origin", 200, long, false, "gzip", "Origin, Accept-Encoding"},
		{"vary says so already", "GET", "gzip", json + "|Vary: accept-encoding", 200, long, false, "gzip", "accept-encoding"},
		{"vary on everything", "GET", "gzip", json + "|Vary: *", 200, long, false, "gzip", "*"},
		{"HEAD", "HEAD", "gzip", json, 200, long, true, "gzip", "Accept-Encoding"},
		{"HEAD without a length", "HEAD", "gzip", json, 200, long, false, "gzip", "Accept-Encoding"},
		{"a client that takes none", "GET", "", json, 200, long, true, "", "Accept-Encoding"},
		{"a client that refuses", "GET", "gzip;q=0", json, 200, long, true, "", "Accept-Encoding"},
		{"short", "GET", "gzip", json, 200, "short", true, "", ""},
		{"short, without a length", "GET", "gzip", json, 200, "short", false, "", "Accept-Encoding"},
		{"a picture", "GET", "gzip", "Content-Type: image/png", 200, long, true, "", ""},
		{"encoded already", "GET", "gzip", json + "|Content-Encoding: br", 200, long, true, "br?", ""},
		{"no-transform", "GET", "gzip", json + "|Cache-Control: public, no-transform", 200, long, true, "", ""},
		{"a part", "GET", "gzip", json + "|Content-Range: bytes 0-1/3", 206, long, true, "", ""},
		{"events", "GET", "gzip", "Content-Type: text/event-stream", 200, long, false, "", ""},
		{"not modified", "GET", "gzip", "", 304, "", false, "", "Accept-Encoding"},
		{"no content", "GET", "gzip", "", 204, "", false, "", ""},
		{"nothing", "GET", "gzip", json, 200, "", false, "", "Accept-Encoding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := compress.New(compress.Options{MinSize: 1000})
			r := httptest.NewRequest(tt.method, "/", nil)
			if tt.accept != "" {
				r.Header.Set("Accept-Encoding", tt.accept)
			}
			rec := httptest.NewRecorder()
			begun := 0
			w := c.Wrap(rec, r, func() { begun++ })
			for line := range strings.SplitSeq(tt.fields, "|") {
				if name, value, ok := strings.Cut(line, ": "); ok {
					w.Header().Set(name, value)
				}
			}
			w.Header().Set("Etag", `"a"`)
			w.Header().Set("Accept-Ranges", "bytes")
			if tt.sized {
				w.Header().Set("Content-Length", strconv.Itoa(len(tt.body)))
			}
			if tt.status != 200 || tt.sized || tt.body == "" {
				w.WriteHeader(tt.status)
			}
			if tt.body != "" {
				if _, err := io.WriteString(w, tt.body); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			h := rec.Header()
			coding := h.Get("Content-Encoding")
			if strings.TrimSuffix(tt.coding, "?") != coding || strings.Join(h["Vary"], ", ") != tt.vary || rec.Code != tt.status || begun != 1 {
				t.Errorf("%d %v begun %d times, want %d %q vary %q", rec.Code, h, begun, tt.status, tt.coding, tt.vary)
			}
			ours := tt.coding != "" && !strings.HasSuffix(tt.coding, "?")
			wantTag, wantLength, wantRanges := `"a"`, "", "bytes"
			if tt.sized {
				wantLength = strconv.Itoa(len(tt.body))
			}
			if ours {
				wantTag, wantLength, wantRanges = `W/"a"`, "", ""
			}
			if h.Get("Etag") != wantTag || h.Get("Content-Length") != wantLength || h.Get("Accept-Ranges") != wantRanges {
				t.Errorf("%v, want %s, length %q, ranges %q", h, wantTag, wantLength, wantRanges)
			}
			if tt.method == "HEAD" {
				return
			}
			if ours {
				if got := decoded(t, tt.coding, rec.Body); got != tt.body {
					t.Errorf("%.40q, want %.40q", got, tt.body)
				}
			} else if rec.Body.String() != tt.body {
				t.Errorf("%.40q, want %.40q", rec.Body, tt.body)
			}
		})
	}
}

func TestEveryLevel(t *testing.T) {
	for _, level := range []compress.Level{compress.Fast, compress.Default, compress.Best} {
		c := compress.New(compress.Options{MinSize: 10, Level: level})
		for _, coding := range compress.Codings() {
			for range 3 { // the second and third with an encoder that was used
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Accept-Encoding", coding)
				rec := httptest.NewRecorder()
				w := c.Wrap(rec, r, nil)
				w.Header().Set("Content-Type", "text/plain")
				for i := 0; i < len(long); i += 100 {
					if _, err := io.WriteString(w, long[i:min(i+100, len(long))]); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if rec.Body.Len() > len(long)/4 {
					t.Errorf("%s: %d bytes of %d", coding, rec.Body.Len(), len(long))
				}
				if got := decoded(t, coding, rec.Body); got != long {
					t.Errorf("%s at level %d: %.40q", coding, level, got)
				}
			}
		}
	}
}

// A stream is encoded from its first piece on, and each flush can be read at once.
func TestFlush(t *testing.T) {
	for _, coding := range compress.Codings() {
		t.Run(coding, func(t *testing.T) {
			c := compress.New(compress.Options{MinSize: 1000})
			read := make(chan bool)
			s := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
				w := c.Wrap(to, r, nil)
				w.Header().Set("Content-Type", "application/x-ndjson")
				for _, line := range []string{"one\n", "two\n"} {
					_, err := io.WriteString(w, line)
					if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
						t.Error(err)
					}
					<-read
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}))
			defer s.Close()
			defer close(read) // who was not read to the end would be waited for
			r, err := http.NewRequest("GET", s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Accept-Encoding", coding)
			answer, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body := decodes(t, coding, answer.Body)
			for _, want := range []string{"one\n", "two\n"} {
				line := make([]byte, 4)
				if _, err := io.ReadFull(body, line); err != nil || string(line) != want {
					t.Fatalf("%q, %v, want %q", line, err, want)
				}
				read <- true
			}
			if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v at the end", rest, err)
			}
		})
	}
}

func decodes(t *testing.T, coding string, body io.Reader) io.Reader {
	t.Helper()
	var r io.Reader = brotli.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(body)
	case "zstd":
		r, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// An answer that broke off does not get the end of a whole one.
func TestBrokenOff(t *testing.T) {
	c := compress.New(compress.Options{MinSize: 10})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	rec := httptest.NewRecorder()
	w := c.Wrap(rec, r, nil)
	w.Header().Set("Content-Type", "text/plain")
	if _, err := io.WriteString(w, long); err != nil {
		t.Fatal(err)
	}
	// no Close
	if reader, err := gzip.NewReader(bytes.NewReader(rec.Body.Bytes())); err == nil {
		if out, err := io.ReadAll(reader); err == nil {
			t.Errorf("%d bytes that look whole", len(out))
		}
	}
}

type refuses struct{ *httptest.ResponseRecorder }

var errGone = errors.New("gone")

func (refuses) Write([]byte) (int, error) { return 0, errGone }

// What could not be written is an error at the end too, for the answer looks whole.
func TestClientGone(t *testing.T) {
	c := compress.New(compress.Options{MinSize: 10})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := c.Wrap(refuses{httptest.NewRecorder()}, r, nil)
	w.Header().Set("Content-Type", "text/plain")
	_, err := io.WriteString(w, long)
	if closed := w.Close(); err == nil && closed == nil || closed == nil {
		t.Errorf("written with %v, closed with %v", err, closed)
	}
}

type counts struct {
	*httptest.ResponseRecorder
	from int64
}

func (c *counts) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.Body, r)
	c.from += n
	return n, err
}

func TestFilesStillGoByTheKernel(t *testing.T) {
	c := compress.New(compress.Options{MinSize: 10})
	for kind, want := range map[string]int64{"image/png": int64(len(long)), "text/plain": 0} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		rec := &counts{ResponseRecorder: httptest.NewRecorder()}
		w := c.Wrap(rec, r, nil)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(200)
		if _, err := io.Copy(w, io.LimitReader(strings.NewReader(long), int64(len(long)))); err != nil {
			t.Fatal(err)
		}
		if rec.from != want {
			t.Errorf("%s: %d bytes by ReadFrom, want %d", kind, rec.from, want)
		}
	}
}

func TestOtherTypes(t *testing.T) {
	c := compress.New(compress.Options{MinSize: 10, Types: []string{"application/x"}, Codings: []string{"gzip"}})
	for kind, want := range map[string]string{"application/x": "gzip", "text/plain": "", "application/xy": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", "br, gzip")
		rec := httptest.NewRecorder()
		w := c.Wrap(rec, r, nil)
		w.Header().Set("Content-Type", kind)
		if _, err := io.WriteString(w, long); err != nil {
			t.Fatal(err)
		}
		if got := rec.Header().Get("Content-Encoding"); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	c := compress.New(compress.Options{MinSize: 1000})
	for _, coding := range compress.Codings() {
		b.Run(coding, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", coding)
			to := &nowhere{header: http.Header{}}
			b.SetBytes(int64(len(long)))
			b.ReportAllocs()
			for b.Loop() {
				clear(to.header)
				w := c.Wrap(to, r, nil)
				to.header["Content-Type"] = []string{"text/plain"}
				_, err := io.WriteString(w, long)
				if err = errors.Join(err, w.Close()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}
