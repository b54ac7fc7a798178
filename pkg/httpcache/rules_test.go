package httpcache

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// head reads lines such as "Cache-Control: public".
func head(lines string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(lines, "|") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			h.Add(name, value)
		}
	}
	return h
}

func request(method, lines string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.Header = head(lines)
	return r
}

// Each row is a rule of RFC 9111: its section, an answer, and whether it is kept and for
// how long it is fresh.
func TestWhatIsKept(t *testing.T) {
	const not = -1 * time.Second
	const minute = "Cache-Control: max-age=60"
	tests := []struct {
		name, method, asked string
		status              int
		said                string
		o                   Options
		fresh               time.Duration // not: it is not kept
	}{
		{"4.2.1: max-age", "GET", "", 200, minute, Options{}, time.Minute},
		{"4.2.1: s-maxage wins", "GET", "", 200, "Cache-Control: max-age=60, s-maxage=5", Options{}, 5 * time.Second},
		{"4.2.1: max-age wins over Expires", "GET", "", 200, minute + "|Expires: Sat, 28 Nov 2026 13:00:00 GMT", Options{}, time.Minute},
		{"4.2.1: Expires", "GET", "", 200, "Expires: Sat, 28 Nov 2026 12:00:10 GMT", Options{}, 10 * time.Second},
		{"4.2.1: Expires less Date", "GET", "", 200, "Date: Sat, 28 Nov 2026 12:00:05 GMT|Expires: Sat, 28 Nov 2026 12:00:10 GMT", Options{}, 5 * time.Second},
		{"5.3: Expires of 0 is the past", "GET", "", 200, "Expires: 0", Options{}, not},
		{"5.3: a past that can be asked about again", "GET", "", 200, "Expires: 0|Etag: \"a\"", Options{}, 0},
		{"4.2.1: Expires twice", "GET", "", 200, "Expires: Sat, 28 Nov 2026 12:00:10 GMT|Expires: Sat, 28 Nov 2026 12:00:20 GMT", Options{}, not},
		{"1.2.2: too great a number", "GET", "", 200, "Cache-Control: max-age=99999999999999999999", Options{}, maxSeconds * time.Second},
		{"4.2.1: no number", "GET", "", 200, "Cache-Control: max-age=soon", Options{TTL: time.Hour}, not},
		{"4.2.1: below zero", "GET", "", 200, "Cache-Control: max-age=-1", Options{TTL: time.Hour}, not},
		{"5.2: quoted", "GET", "", 200, `Cache-Control: max-age="60"`, Options{}, time.Minute},
		{"5.2: capitals", "GET", "", 200, "Cache-Control: Max-Age=60", Options{}, time.Minute},
		{"5.2: the first of two counts", "GET", "", 200, "Cache-Control: max-age=60, max-age=10", Options{}, time.Minute},
		{"5.2: over two lines", "GET", "", 200, "Cache-Control: public|Cache-Control: max-age=60", Options{}, time.Minute},
		{"5.2: unknown directives are passed over", "GET", "", 200, "Cache-Control: a=\"no-store, b\", max-age=60", Options{}, time.Minute},
		{"4.2.2: nothing is guessed", "GET", "", 200, "Last-Modified: Sat, 28 Nov 2020 12:00:00 GMT", Options{}, not},
		{"the owner's time", "GET", "", 200, "", Options{TTL: time.Hour}, time.Hour},
		{"the owner's time is not for a stream of events", "GET", "", 200, "Content-Type: Text/Event-Stream; charset=utf-8", Options{TTL: time.Hour}, not},
		{"what the answer says wins", "GET", "", 200, minute, Options{TTL: time.Hour}, time.Minute},
		{"max-age=0 wins too", "GET", "", 200, "Cache-Control: max-age=0", Options{TTL: time.Hour}, not},
		{"the owner's time, without a body", "GET", "", 204, "", Options{TTL: time.Hour}, time.Hour},
		{"the owner's time, moved", "GET", "", 301, "", Options{TTL: time.Hour}, time.Hour},
		{"the owner's time is not for found", "GET", "", 302, "", Options{TTL: time.Hour}, not},
		{"nor for missing", "GET", "", 404, "", Options{TTL: time.Hour}, not},
		{"nor for errors", "GET", "", 500, "", Options{TTL: time.Hour}, not},
		{"3: missing, when it says so", "GET", "", 404, minute, Options{}, time.Minute},
		{"3: found, when it says so", "GET", "", 302, minute, Options{}, time.Minute},
		{"3: an error is not understood", "GET", "", 500, minute, Options{}, not},
		{"3: a status nobody knows", "GET", "", 299, minute, Options{}, not},
		{"3: parts are not kept", "GET", "", 206, minute + "|Content-Range: bytes 0-1/3", Options{}, not},
		{"3: POST", "POST", "", 200, minute, Options{}, not},
		{"3: HEAD has no body to keep", "HEAD", "", 200, minute, Options{}, not},
		{"5.2.2.5: no-store", "GET", "", 200, "Cache-Control: no-store, max-age=60", Options{TTL: time.Hour}, not},
		{"5.2.1.5: the request says no-store", "GET", "Cache-Control: no-store", 200, minute, Options{}, not},
		{"5.2.2.7: private", "GET", "", 200, "Cache-Control: private, max-age=60", Options{TTL: time.Hour}, not},
		{"5.2.2.7: private for a field", "GET", "", 200, `Cache-Control: private="x-a", max-age=60`, Options{TTL: time.Hour}, not},
		{"5.2.2.4: no-cache", "GET", "", 200, "Cache-Control: no-cache, max-age=60", Options{TTL: time.Hour}, not},
		{"private, though the key tells callers apart", "GET", "", 200, "Cache-Control: private, max-age=60", Options{Covered: true}, not},
		{"4.1: Vary on everything", "GET", "", 200, minute + "|Vary: accept, *", Options{}, not},
		{"what follows the body is not kept, so neither is the body", "GET", "", 200, minute + "|Trailer: Grpc-Status", Options{}, not},
		{"Set-Cookie", "GET", "", 200, minute + "|Set-Cookie: a=b", Options{}, not},
		{"Set-Cookie, though public", "GET", "", 200, "Cache-Control: public, max-age=60|Set-Cookie: a=b", Options{Covered: true}, not},
		{"3.5: Authorization", "GET", "Authorization: x", 200, minute, Options{TTL: time.Hour}, not},
		{"3.5: Authorization, public", "GET", "Authorization: x", 200, "Cache-Control: public, max-age=60", Options{}, time.Minute},
		{"3.5: Authorization, s-maxage", "GET", "Authorization: x", 200, "Cache-Control: s-maxage=60", Options{}, time.Minute},
		{"3.5: Authorization, must-revalidate", "GET", "Authorization: x", 200, "Cache-Control: must-revalidate, max-age=60", Options{}, time.Minute},
		{"Authorization, covered by the key", "GET", "Authorization: x", 200, minute, Options{Covered: true}, time.Minute},
		{"a cookie", "GET", "Cookie: a=b", 200, minute, Options{TTL: time.Hour}, not},
		{"a cookie, must-revalidate", "GET", "Cookie: a=b", 200, "Cache-Control: must-revalidate, max-age=60", Options{}, not},
		{"a cookie, public", "GET", "Cookie: a=b", 200, "Cache-Control: public, max-age=60", Options{}, time.Minute},
		{"a cookie, covered by the key", "GET", "Cookie: a=b", 200, minute, Options{Covered: true}, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := tt.o.judge(request(tt.method, tt.asked), tt.status, head(tt.said), noon)
			switch {
			case ok != (tt.fresh != not):
				t.Errorf("kept: %v", ok)
			case ok && e.fresh != tt.fresh:
				t.Errorf("fresh for %s, want %s", e.fresh, tt.fresh)
			}
		})
	}
}

func TestWhenItIsGiven(t *testing.T) {
	tests := []struct {
		name, said, asked string
		after             time.Duration
		want              State
	}{
		{"fresh", "Cache-Control: max-age=60", "", 59 * time.Second, Fresh},
		{"no longer", "Cache-Control: max-age=60", "", 60 * time.Second, None},
		{"it was old when it came", "Cache-Control: max-age=60|Age: 50", "", 10 * time.Second, None},
		{"its date is old", "Cache-Control: max-age=60|Date: Sat, 28 Nov 2026 11:59:10 GMT", "", 10 * time.Second, None},
		{"an age that is none", "Cache-Control: max-age=60|Age: x", "", 10 * time.Second, Fresh},
		{"while another asks", "Cache-Control: max-age=60, stale-while-revalidate=30", "", 80 * time.Second, Stale},
		{"not that long", "Cache-Control: max-age=60, stale-while-revalidate=30", "", 90 * time.Second, None},
		{"in place of an error", "Cache-Control: max-age=60, stale-if-error=30", "", 80 * time.Second, Broken},
		{"both", "Cache-Control: max-age=60, stale-while-revalidate=10, stale-if-error=30", "", 80 * time.Second, Broken},
		{"must-revalidate forbids", "Cache-Control: max-age=60, stale-while-revalidate=30, stale-if-error=30, must-revalidate", "", 80 * time.Second, None},
		{"proxy-revalidate forbids", "Cache-Control: max-age=60, stale-if-error=30, proxy-revalidate", "", 80 * time.Second, None},
		{"s-maxage forbids", "Cache-Control: s-maxage=60, stale-if-error=30", "", 80 * time.Second, None},
		{"the client wants it anew", "Cache-Control: max-age=60", "Cache-Control: no-cache", 0, None},
		{"the client wants it anew, in the old way", "Cache-Control: max-age=60", "Pragma: no-cache", 0, None},
		{"Cache-Control wins over Pragma", "Cache-Control: max-age=60", "Pragma: no-cache|Cache-Control: max-age=100", 0, Fresh},
		{"the client wants it younger", "Cache-Control: max-age=60", "Cache-Control: max-age=10", 20 * time.Second, None},
		{"it is young enough", "Cache-Control: max-age=60", "Cache-Control: max-age=20", 20 * time.Second, Fresh},
		{"reload", "Cache-Control: max-age=60", "Cache-Control: max-age=0", time.Second, None},
		{"fresh for a while", "Cache-Control: max-age=60", "Cache-Control: min-fresh=30", 40 * time.Second, None},
		{"fresh for long enough", "Cache-Control: max-age=60", "Cache-Control: min-fresh=20", 40 * time.Second, Fresh},
		{"however stale", "Cache-Control: max-age=60", "Cache-Control: max-stale", time.Hour, Fresh},
		{"a little stale", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 65 * time.Second, Fresh},
		{"too stale", "Cache-Control: max-age=60", "Cache-Control: max-stale=10", 75 * time.Second, None},
		{"must-revalidate wins over the client", "Cache-Control: max-age=60, must-revalidate", "Cache-Control: max-stale", 65 * time.Second, None},
		{"anew, but better than an error", "Cache-Control: max-age=60, stale-if-error=30", "Cache-Control: no-cache", 0, Broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := (&Options{}).judge(request("GET", ""), 200, head(tt.said), noon)
			if !ok {
				t.Fatal("not kept")
			}
			if got := e.State(request("GET", tt.asked), noon.Add(tt.after)); got != tt.want {
				t.Errorf("State = %d, want %d", got, tt.want)
			}
		})
	}
}

func TestVary(t *testing.T) {
	tests := []struct {
		name, vary  string
		own         []string
		first, then string
		same        bool
	}{
		{"no Vary", "", nil, "Accept: a", "Accept: b", true},
		{"the same", "Accept", nil, "Accept: a", "Accept: a", true},
		{"another", "Accept", nil, "Accept: a", "Accept: b", false},
		{"none is another", "Accept", nil, "Accept: a", "", false},
		{"none is not empty", "Accept", nil, "", "Accept: ", false},
		{"neither", "Accept", nil, "", "", true},
		{"blanks mean nothing", "Accept", nil, "Accept: a, b", "Accept: a,b ", true},
		{"lines mean nothing", "Accept", nil, "Accept: a, b", "Accept: a|Accept: b", true},
		{"the order means something", "Accept", nil, "Accept: a, b", "Accept: b, a", false},
		{"several", "Accept, X-A", nil, "Accept: a|X-A: 1", "Accept: a|X-A: 2", false},
		{"in lower case", "accept", nil, "Accept: a", "Accept: b", false},
		{"the owner's", "", []string{"x-a"}, "X-A: 1", "X-A: 2", false},
		{"the owner's, the same", "", []string{"x-a"}, "X-A: 1", "X-A: 1", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &Options{TTL: time.Hour, Vary: tt.own}
			c := New(1 << 20)
			said := http.Header{}
			if tt.vary != "" {
				said.Set("Vary", tt.vary)
			}
			first := request("GET", tt.first)
			e, ok := o.judge(first, 200, said, noon)
			if !ok {
				t.Fatal("not kept")
			}
			c.Store("k", first, e)
			if got := c.Lookup("k", 0, request("GET", tt.then), o) != nil; got != tt.same {
				t.Errorf("given: %v, want %v", got, tt.same)
			}
		})
	}
}

func TestVariantsAreBounded(t *testing.T) {
	o, c := &Options{TTL: time.Hour, Vary: []string{"X-A"}}, New(1<<20)
	for i := range 3 * maxVariants {
		r := request("GET", "X-A: "+strings.Repeat("x", i))
		e, _ := o.judge(r, 200, http.Header{}, noon)
		c.Store("k", r, e)
		if c.Lookup("k", 0, r, o) == nil {
			t.Fatalf("variant %d is not kept", i)
		}
	}
	if kept, _ := c.kept.Get("k"); len(kept) != maxVariants {
		t.Errorf("%d variants, want %d", len(kept), maxVariants)
	}
}

// The naive reference splits the header into characters and keeps a stack of one: inside
// quotes or not.
func FuzzDirectives(f *testing.F) {
	for _, s := range []string{"max-age=60, public", `a="b, c", d`, `a="\"", no-store`, `"`, `\`, ",,=,", `no-store="`, "MAX-AGE = 5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := directivesOf(http.Header{"Cache-Control": {line}})
		want := map[string]string{}
		quoted, escaped, one := false, false, ""
		end := func() {
			name, value, _ := strings.Cut(one, "=")
			name = strings.ToLower(strings.Trim(name, " \t\r\n"))
			if _, there := want[name]; name != "" && !there {
				want[name] = strings.Trim(strings.Trim(value, " \t\r\n"), `"`)
			}
			one = ""
		}
		for _, b := range []byte(line) {
			switch {
			case escaped:
				escaped = false
			case quoted && b == '\\':
				escaped = true
			case b == '"':
				quoted = !quoted
			case b == ',' && !quoted:
				end()
				continue
			}
			one += string([]byte{b})
		}
		end()
		if len(got) != len(want) {
			t.Fatalf("%q: %q, want %q", line, got, want)
		}
		for name, value := range want {
			if got[name] != value {
				t.Fatalf("%q: %q, want %q", line, got, want)
			}
		}
		if d, _ := got.seconds("max-age"); d < 0 || d > maxSeconds*time.Second {
			t.Fatalf("%q: max-age %s", line, d)
		}
	})
}
