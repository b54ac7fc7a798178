package proxy

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

func TestNewUpstreamRefuses(t *testing.T) {
	tests := []struct{ target, want string }{
		{"http://a.example:8080/base", ""},
		{"https://a.example", ""},
		{"ftp://a.example", "neither http nor https"},
		{"a.example:80", "neither http nor https"},
		{"http:///x", "no host"},
		{"http://:80", "no host"},
		{"http://me:secret@a.example", "no credentials"},
		{"http://a.example/?q=1", "no credentials, query"},
		{"http://a.example/?", "no credentials, query"},
		{"http://a.example/#x", "no credentials, query or fragment"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			target, err := url.Parse(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			u, err := NewUpstream("a", target, Options{})
			switch {
			case tt.want == "" && (err != nil || u.Host() != target.Host || u.Name() != "a"):
				t.Errorf("NewUpstream(%q) = %v, %v", tt.target, u, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("NewUpstream(%q) = %v, want %q", tt.target, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if _, err := NewUpstream("a", &url.URL{Scheme: "http", Host: "a"}, Options{Idle: -1}); err == nil {
		t.Error("a limit below zero is taken")
	}
}

func TestRequestLine(t *testing.T) {
	tests := []struct {
		base, target string
		q            Request
		want         string
	}{
		{"", "/", Request{}, "/"},
		{"", "/a%2Fb", Request{}, "/a%2Fb"},
		{"", "/a%2fb%20c%41", Request{}, "/a%2fb%20c%41"},
		{"", "/a;v=1/b:c@d!$&'()*+,", Request{}, "/a;v=1/b:c@d!$&'()*+,"},
		{"", "//double//slash/", Request{}, "//double//slash/"},
		{"", "//a%2Fb.example/x", Request{}, "//a%2Fb.example/x"},
		{"", "/p?", Request{}, "/p?"},
		{"", "/p??", Request{}, "/p??"},
		{"", "/p?a=b&&c", Request{}, "/p?a=b&&c"},
		{"", "/p?a=%2f+%20;b=\"<|>&%zz", Request{}, "/p?a=%2f+%20;b=\"<|>&%zz"},
		{"", "/p?a=b#c", Request{}, "/p?a=b%23c"},
		{"", "/p#c", Request{}, "/p%23c"},
		{"", "http://elsewhere.example/x%2F?y", Request{}, "/x%2F?y"},
		{"", "/api", Request{StripPrefix: "/api"}, "/"},
		{"", "/api/", Request{StripPrefix: "/api"}, "/"},
		{"", "/api/x%2Fy?z", Request{StripPrefix: "/api"}, "/x%2Fy?z"},
		{"", "/api/x", Request{StripPrefix: "/api/"}, "/x"},
		{"", "/apix", Request{StripPrefix: "/api"}, "/apix"},
		{"", "/api%2Fx", Request{StripPrefix: "/api"}, "/api%2Fx"},
		{"", "/other", Request{StripPrefix: "/api"}, "/other"},
		{"", "/api//x", Request{StripPrefix: "/api"}, "//x"},
		{"", "/x", Request{AddPrefix: "/v1/"}, "/v1/x"},
		{"", "/api/x", Request{StripPrefix: "/api", AddPrefix: "/v1"}, "/v1/x"},
		{"/base/", "/api/x?q", Request{StripPrefix: "/api", AddPrefix: "/v1"}, "/base/v1/x?q"},
		{"/base", "/", Request{}, "/base/"},
		{"/base", "/x?q=1", Request{Path: "/other%2Fone", StripPrefix: "/x"}, "/base/other%2Fone?q=1"},
		{"", "/x", Request{Path: "a b?c#d\r\nX: y/é%zz%41"}, "/a%20b%3Fc%23d%0D%0AX:%20y/%C3%A9%25zz%41"},
		{"", "/x", Request{Path: "/a..b/...c"}, "/a..b/...c"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			target, seen := recorder(t)
			target.Path = tt.base
			address := front(t, newUpstream(t, target, Options{}), tt.q)
			answer, body, _ := ask(t, address, "GET "+tt.target+" HTTP/1.1\r\nHost: a.example\r\n\r\n")
			if answer.StatusCode != 200 {
				t.Fatalf("answer %d %q", answer.StatusCode, body)
			}
			got, _, _ := strings.Cut(await.From(t, "the request", seen), "\r\n")
			if want := "GET " + tt.want + " HTTP/1.1"; got != want {
				t.Errorf("%q with %+v went out as %q, want %q", tt.target, tt.q, got, want)
			}
		})
	}
}

func TestRefusedBeforeSending(t *testing.T) {
	tests := []struct {
		method string
		q      Request
		status int
	}{
		{"CONNECT", Request{}, 405},
		{"TRACE", Request{}, 405},
		{"GET", Request{Path: "/a/../b"}, 400},
		{"GET", Request{Path: "/a/.%2E"}, 400},
		{"GET", Request{Path: "/%2e/b"}, 400},
		{"GET", Request{Path: ".."}, 400},
	}
	u := newUpstream(t, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Options{})
	for _, tt := range tests {
		err := u.Serve(httptest.NewRecorder(), httptest.NewRequest(tt.method, "http://a.example/x", nil), tt.q)
		var f *Failure
		if !errors.As(err, &f) || f.Status != tt.status || f.Reason != Malformed {
			t.Errorf("%s with %+v = %v, want status %d", tt.method, tt.q, err, tt.status)
		}
	}
}

// The X-Forwarded-For of a raw test client.
const ours = "X-Forwarded-For: 127.0.0.1\nX-Forwarded-Host: a.example\nX-Forwarded-Proto: http\n"

func TestRequestHeader(t *testing.T) {
	tests := []struct{ name, fields, want string }{
		{"nothing is made up", "", ours},
		{"as it came", "Accept: */*\r\nAccept-Encoding: br\r\nUser-Agent: x\r\nX-A: 1\r\nX-A: 2\r\nX-Empty:\r\n",
			"Accept: */*\nAccept-Encoding: br\nUser-Agent: x\nX-A: 1\nX-A: 2\nX-Empty: \n" + ours},
		{"hop by hop", "Keep-Alive: 5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: gzip\r\nTrailer: X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n", ours},
		{"listed in Connection", "Connection: close, X-A,,x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n", "X-C: 3\n" + ours},
		{"ours cannot be listed away", "Connection: X-Forwarded-For, X-Forwarded-Proto\r\n", ours},
		{"a stranger's claims", "Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\n" +
			"X-Forwarded-Port: 1\r\nX-Forwarded-Prefix: /x\r\nX-Real-IP: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\nX-Forwarded_Host: evil\r\nx_real_ip: 1.2.3.4\r\n", ours},
		{"trailers are understood", "TE: gzip, trailers\r\n", "Te: trailers\n" + ours},
		{"an idempotency key", "Idempotency-Key: k\r\n", "idempotency-key: k\n" + ours},
		{"credentials", "Authorization: Bearer x\r\nCookie: a=b\r\n", "Authorization: Bearer x\nCookie: a=b\n" + ours},
	}
	target, seen := recorder(t)
	address := front(t, newUpstream(t, target, Options{}), Request{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask(t, address, "GET / HTTP/1.1\r\nHost: a.example\r\n"+tt.fields+"\r\n")
			got := sortHead(await.From(t, "the request", seen))
			want := sortHead(strings.ReplaceAll("GET / HTTP/1.1\nHost: a.example\n"+tt.want, "\n", "\r\n") + "\r\n")
			if got != want {
				t.Errorf("went out as\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestHostAndClient(t *testing.T) {
	believed := Client{IP: "2001:db8::1", Scheme: "https", Host: "public.example"}
	tests := []struct {
		q    Request
		want []string
	}{
		{Request{}, []string{"Host: a.example", "X-Forwarded-Host: a.example", "X-Forwarded-For: 127.0.0.1"}},
		{Request{Host: "up.example"}, []string{"Host: up.example", "X-Forwarded-Host: a.example"}},
		{Request{Client: believed}, []string{"Host: a.example", "X-Forwarded-For: 2001:db8::1", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example"}},
	}
	for _, tt := range tests {
		target, seen := recorder(t)
		ask(t, front(t, newUpstream(t, target, Options{}), tt.q), "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
		got := await.From(t, "the request", seen)
		for _, want := range tt.want {
			if !strings.Contains(got, "\r\n"+want+"\r\n") {
				t.Errorf("%+v sends\n%s\nwithout %s", tt.q, got, want)
			}
		}
	}
}

func TestHTTPSUpstreamGetsItsOwnHost(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Host", r.Host)
	}))
	defer s.Close()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u := newUpstream(t, target, Options{})
	u.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	answer, _, _ := ask(t, front(t, u, Request{}), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	if got := answer.Header.Get("X-Host"); got != target.Host {
		t.Errorf("Host was %q, want %q", got, target.Host)
	}
}

func TestRequestFraming(t *testing.T) {
	tests := []struct{ name, method, fields, body, want string }{
		{"length kept", "POST", "Content-Length: 5\r\n", "hello", "Content-Length: 5\r\n\r\nhello"},
		{"length kept on GET", "GET", "Content-Length: 2\r\n", "hi", "Content-Length: 2\r\n\r\nhi"},
		{"empty", "POST", "Content-Length: 0\r\n", "", "Content-Length: 0\r\n\r\n"},
		{"empty DELETE", "DELETE", "", "", "\r\n\r\n"},
		{"chunked", "PUT", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		{"chunked GET", "GET", "Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
		{"empty chunked", "POST", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{"chunk extensions end here", "POST", "Transfer-Encoding: chunked\r\n", "2;x=y\r\nhi\r\n0\r\n\r\n", "\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
		{"trailers", "POST", "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n", "2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n", "\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"},
		{"chunked wins over a length", "POST", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n", "\r\n\r\n2\r\nhi\r\n0\r\n\r\n"},
	}
	target, seen := recorder(t)
	address := front(t, newUpstream(t, target, Options{}), Request{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask(t, address, tt.method+" / HTTP/1.1\r\nHost: a.example\r\n"+tt.fields+"\r\n"+tt.body)
			got := await.From(t, "the request", seen)
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			wantField, wantBody, _ := strings.Cut(tt.want, "\r\n\r\n")
			if !strings.Contains(head, wantField) || body != wantBody {
				t.Errorf("went out as\n%s\nwant %q", got, tt.want)
			}
			if strings.Contains(head, "Content-Length") && strings.Contains(head, "Transfer-Encoding") {
				t.Errorf("framed twice:\n%s", got)
			}
			if tt.name == "trailers" && !strings.Contains(head, "Trailer: X-Sum") {
				t.Errorf("trailers not announced:\n%s", got)
			}
		})
	}
}

// What could be read as two requests by one side and as one by the other never gets out.
func TestSmuggling(t *testing.T) {
	tests := []struct {
		fields string
		status int
	}{
		{"Content-Length: 5\r\nContent-Length: 6\r\n", 400},
		{"Content-Length: +5\r\n", 400},
		{"Content-Length: 5, 5\r\n", 400},
		{"Content-Length: -1\r\n", 400},
		{"Transfer-Encoding : chunked\r\n", 400},
		{"Transfer-Encoding: xchunked\r\n", 501},
		{"Transfer-Encoding: gzip, chunked\r\n", 501},
		{"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 501},
		{" X: folded\r\n", 400},
		{"X-A: b\rc\r\n", 400},
		{"X-A: b\x00c\r\n", 400},
	}
	target, seen := recorder(t)
	address := front(t, newUpstream(t, target, Options{}), Request{})
	for _, tt := range tests {
		t.Run(tt.fields, func(t *testing.T) {
			answer, _, _ := ask(t, address, "POST / HTTP/1.1\r\nHost: a.example\r\n"+tt.fields+"\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n")
			if answer.StatusCode != tt.status {
				t.Errorf("%q is %d, want %d", tt.fields, answer.StatusCode, tt.status)
			}
			if len(seen) > 0 {
				t.Errorf("went out: %s", <-seen)
			}
		})
	}
}
