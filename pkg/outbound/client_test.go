package outbound

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func request(t *testing.T, target string) *Request {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return &Request{Method: http.MethodGet, URL: u, Timeout: 30 * time.Second, MaxBody: 1 << 20, Redirects: 3, Allow: func(*url.URL) bool { return true }}
}

func TestDo(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "plain") }))
	defer plain.Close()
	stuck := make(chan struct{})
	defer close(stuck)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/307":
			http.Redirect(w, r, plain.URL, http.StatusTemporaryRedirect)
		case "/user":
			w.Header().Set("Location", "https://u:p@"+r.Host+"/")
			w.WriteHeader(http.StatusFound)
		case "/nowhere":
			w.WriteHeader(http.StatusFound)
		case "/broken":
			w.Header().Set("Location", "http://[::1")
			w.WriteHeader(http.StatusFound)
		case "/headers":
			w.Header().Set("X-Large", strings.Repeat("x", maxAnswerHeader))
		case "/slow":
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			select {
			case <-stuck:
			case <-r.Context().Done():
			}
		default:
			io.WriteString(w, "hi")
		}
	}))
	defer s.Close()
	c := New()
	defer c.Close()
	c.transport.TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig
	tests := []struct{ name, path, reason, said string }{
		{"an answer", "/", "", "hi"},
		{"a redirect without a target is an answer", "/nowhere", "", ""},
		{"from https to http", "/down", Status, "from https to http"},
		{"in a circle", "/loop", Status, "too many redirects"},
		{"with a body from https to http", "/307", Status, "from https to http"},
		{"with credentials", "/user", Status, "no plain http or https URL"},
		{"to no URL", "/broken", Status, "what is no URL"},
		{"headers without end", "/headers", Refused, "headers exceeded"},
		{"an answer that stops", "/slow", Timeout, "deadline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(t, s.URL+tt.path+"?secret=1")
			if tt.path == "/slow" {
				r.Timeout = 50 * time.Millisecond
			}
			if tt.path == "/307" {
				r.Method, r.Body = http.MethodPost, []byte("x")
			}
			answer, err := c.Do(t.Context(), r)
			var failure *Failure
			switch {
			case tt.reason == "" && (err != nil || string(answer.Body) != tt.said):
				t.Errorf("%v, %v, want %q", answer, err, tt.said)
			case tt.reason != "" && (!errors.As(err, &failure) || failure.Reason != tt.reason || !strings.Contains(err.Error(), tt.said)):
				t.Errorf("%v, want %s: %s", err, tt.reason, tt.said)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("the error tells the query: %v", err)
			}
		})
	}
	t.Run("a certificate that nobody vouches for", func(t *testing.T) {
		stranger := New()
		defer stranger.Close()
		_, err := stranger.Do(t.Context(), request(t, s.URL))
		if failure, ok := errors.AsType[*Failure](err); !ok || failure.Reason != Refused {
			t.Errorf("%v, want %s", err, Refused)
		}
	})
	t.Run("a caller who left", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Do(ctx, request(t, s.URL)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
	})
	t.Run("a deadline of the caller", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := c.Do(ctx, request(t, s.URL+"/slow"))
		if failure, ok := errors.AsType[*Failure](err); !ok || failure.Reason != Timeout {
			t.Errorf("%v, want %s", err, Timeout)
		}
	})
}

func TestHeadersOfAConnection(t *testing.T) {
	for name, want := range map[string][2]bool{
		"Connection": {true, false}, "Upgrade": {true, false}, "Te": {true, false}, "Cookie": {false, false},
		"Forwarded": {false, true}, "X-Real-Ip": {false, true}, "X-Forwarded-User": {false, true}, "X_forwarded_user": {false, true}, "X-For": {false, false},
	} {
		if got := [2]bool{HopByHop(name), Claimed(name)}; got != want {
			t.Errorf("%s: of the connection and claimed %v, want %v", name, got, want)
		}
	}
	var listed []string
	Listed([]string{"close, X-a", "keep-alive,, x-b "}, func(name string) { listed = append(listed, name) })
	if strings.Join(listed, " ") != "X-A X-B" {
		t.Errorf("listed are %q", listed)
	}
}
