package server

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// drained is a server whose /slow waits for an upstream that answers when it is let.
type drained struct {
	*Server
	arrived, let chan struct{}
	cancel       context.CancelFunc
	done         chan error
}

func startDrained(t *testing.T, drain string) *drained {
	t.Helper()
	d := &drained{arrived: make(chan struct{}, 9), let: make(chan struct{}), done: make(chan error, 1)}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.arrived <- struct{}{}
		select {
		case <-d.let:
		case <-r.Context().Done():
		}
		fmt.Fprint(w, "slow")
	}))
	t.Cleanup(upstream.Close)
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", "version: 1\nendpoint: {listen: ['127.0.0.1:0', {address: 'localhost:0', tls: false}], tls: {cert: a.crt, key: a.key}, drain: "+drain+"}\n"+
		"upstreams: {slow: {targets: '"+upstream.URL+"'}}\nscopes: [{routes: [{get: /, text: fast}, {get: /slow, proxy: slow}]}]\n")
	s, err := New(Options{
		Path: f.path("app.yaml"), Environment: "test", Log: slog.New(slog.DiscardHandler),
		Getenv: func(string) (string, bool) { return "", false }, Random: rand.Reader, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err == nil {
		t.Error("it is ready before it has started")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("it has started and is not ready: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d.Server, d.cancel = s, cancel
	go func() { d.done <- s.Run(ctx) }()
	return d
}

func (d *drained) ended(t *testing.T) error {
	t.Helper()
	return await.From(t, "the end of the server", d.done)
}

func TestRequestsFinishBeforeTheEnd(t *testing.T) {
	d := startDrained(t, "2m")
	urls := d.URLs()
	idle, err := net.Dial("tcp", strings.TrimPrefix(urls[1], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if err := idle.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	keptOpen := bufio.NewReader(idle)
	first, err := http.ReadResponse(keptOpen, nil)
	if got := textOf(t, first, err); got != "fast" || first.Close {
		t.Fatalf("the connection to be idle got %q", got)
	}

	answers := make(chan string, 3)
	clients := []*http.Client{secureClient(t, ""), secureClient(t, "", "http/1.1"), {Timeout: await.Patience}}
	for i, client := range clients {
		go func() {
			r, err := client.Get(urls[i/2] + "/slow")
			if err != nil {
				answers <- err.Error()
				return
			}
			text, err := io.ReadAll(r.Body)
			r.Body.Close()
			answers <- fmt.Sprint(r.StatusCode, " ", string(text), " ", err)
		}()
	}
	for range clients {
		await.From(t, "a request at the upstream", d.arrived)
	}
	d.cancel()
	if _, err := keptOpen.ReadByte(); err != io.EOF {
		t.Errorf("an idle connection ends with %v", err)
	}
	if err := d.Ready(); err == nil {
		t.Error("it is ready while it stops")
	}
	for _, url := range urls {
		_, address, _ := strings.Cut(url, "://")
		await.Until(t, url+" takes no more connections", func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err != nil
		})
	}
	close(d.let)
	for range clients {
		if got := await.From(t, "an answer", answers); got != "200 slow <nil>" {
			t.Errorf("a request under way ends with %q", got)
		}
	}
	if err := d.ended(t); err != nil {
		t.Errorf("the server ends with %v", err)
	}
	if err := d.Reload(); err == nil {
		t.Error("it reads the manifest again after its end")
	}
}

func TestWhatDoesNotFinishIsCutOff(t *testing.T) {
	d := startDrained(t, "50ms")
	failed := make(chan error, 1)
	go func() {
		r, err := http.Get(d.URLs()[1] + "/slow")
		if err == nil {
			r.Body.Close()
		}
		failed <- err
	}()
	await.From(t, "the request at the upstream", d.arrived)
	d.cancel()
	if err := d.ended(t); err == nil || !strings.Contains(err.Error(), "within 50ms were cut off") {
		t.Errorf("the server ends with %v", err)
	}
	if err := await.From(t, "the end of the request", failed); err == nil {
		t.Error("the request was answered")
	}
}
