package server

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// pageManifest answers / with a page, and has a folder of assets.
func pageManifest(text, liveReload string) string {
	return `version: 1
endpoint:
  listen: 127.0.0.1:0
` + liveReload + `  plugs: [static: {at: /, from: public}, request_id, parsers]
scopes:
  - routes:
      - get: /
        html: "<html><body><p>` + text + `</p></body></html>"
`
}

// swap replaces a file by one from outside: one that is written beside it is an asset as well,
// for as long as it is there.
func (f folder) swap(name, text string) {
	f.t.Helper()
	f.write("swapped", text)
	if err := os.Rename(f.path("swapped"), f.path(name)); err != nil {
		f.t.Fatal(err)
	}
}

func inDev(s *Server) {
	s.options.Dev, s.options.Environment, s.operations.pages.dev = true, "dev", true
}

// events listens as a page does; next gives one event.
func events(t *testing.T, s *Server, headers ...string) (next func() pageEvent) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr().String()+liveReloadEvents, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		r.Host = strings.TrimPrefix(h, "Host: ")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s, want events", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	found := make(chan pageEvent)
	go func() {
		defer close(found)
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			text, ok := strings.CutPrefix(lines.Text(), "data: ")
			var e pageEvent
			if ok && json.Unmarshal([]byte(text), &e) == nil {
				select {
				case found <- e:
				case <-r.Context().Done():
					return
				}
			}
		}
	}()
	return func() pageEvent {
		t.Helper()
		select {
		case e, ok := <-found:
			if !ok {
				t.Fatal("the events ended")
			}
			return e
		case <-time.After(await.Patience):
			t.Fatal("no event came")
		}
		return pageEvent{}
	}
}

func TestPagesReload(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", pageManifest("one", ""))
	f.write("public/app.css", "p {}")
	f.write("public/app.js", "1")
	s := start(t, f.dir, true, inDev)
	if got := get(t, s, "/"); got != `<html><body><p>one</p><script src="/gateway/live_reload.js" defer></script></body></html>` {
		t.Errorf("the page is %s", got)
	}
	if got := get(t, s, liveReloadScript); !strings.Contains(got, "EventSource") {
		t.Errorf("the script is %s", got)
	}
	if got := get(t, s, "/app.js"); got != "1" {
		t.Errorf("what is no page is %s", got)
	}
	next := events(t, s)
	first := next()
	if first.Reload || first.ID == "" || len(first.Faults) != 0 {
		t.Errorf("the first event is %+v", first)
	}
	f.swap("public/app.css", "p {color: red}")
	if e := next(); !slices.Equal(e.CSS, []string{"app.css"}) || e.Reload {
		t.Errorf("a style sheet changed: %+v", e)
	}
	f.swap("public/app.js", "2 + 2")
	if e := next(); !e.Reload {
		t.Errorf("a script changed: %+v", e)
	}
	f.write("app.yaml", strings.Replace(pageManifest("two", ""), "html:", "htlm:", 1))
	e := next()
	if e.Reload || len(e.Faults) != 1 || !strings.Contains(e.Faults[0].Message, `unknown plug "htlm"`) || !strings.Contains(e.Faults[0].Excerpt, "^^^^ did you mean") {
		t.Errorf("the manifest has a fault: %+v", e)
	}
	if late := events(t, s)(); len(late.Faults) != 1 {
		t.Errorf("a page that comes now sees %+v", late)
	}
	if other := events(t, s, "Host: evil.example")(); len(other.Faults) != 1 || other.Faults[0].Excerpt != "" || strings.Contains(other.Faults[0].Message, "htlm") {
		t.Errorf("a name of the web that points here sees %+v", other)
	}
	f.write("app.yaml", pageManifest("three", ""))
	if e := next(); !e.Reload || e.ID == first.ID {
		t.Errorf("the fault is mended: %+v", e)
	}
	if got := get(t, s, "/"); !strings.Contains(got, "three") {
		t.Errorf("the page is %s", got)
	}
	const socket = "sockets:\n  - {path: /socket, connect: [], channels: [{topic: 'room:*', join: []}]}\n"
	f.write("app.yaml", pageManifest("three", "")+socket)
	if e := next(); e.Reload || len(e.Faults) != 0 {
		t.Errorf("only a socket changed: %+v", e)
	}
	f.write("app.yaml", pageManifest("four", "")+socket)
	if e := next(); !e.Reload {
		t.Errorf("a route changed: %+v", e)
	}
}

func TestWherePagesReload(t *testing.T) {
	tests := []struct {
		name, setting string
		dev           bool
		environment   string
		want          bool
	}{
		{"with --dev", "", true, "dev", true},
		{"with --dev, turned off", "  live_reload: false\n", true, "dev", false},
		{"in dev without --dev", "", false, "dev", false},
		{"in dev, turned on", "  live_reload: true\n", false, "dev", true},
		{"in prod", "", false, "prod", false},
		{"in prod with --dev", "", true, "prod", false},
		{"in test", "", false, "test", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := folder{t, t.TempDir()}
			f.write("app.yaml", pageManifest("one", tt.setting))
			s := start(t, f.dir, false, func(s *Server) {
				s.options.Dev, s.options.Environment, s.operations.pages.dev = tt.dev, tt.environment, tt.dev
			})
			if got := strings.Contains(get(t, s, "/"), "live_reload"); got != tt.want {
				t.Errorf("the script is there: %v, want %v", got, tt.want)
			}
			r, err := http.Get("http://" + s.Addr().String() + liveReloadScript)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if got := r.StatusCode == 200; got != tt.want {
				t.Errorf("the script is answered: %d, want %v", r.StatusCode, tt.want)
			}
		})
	}
}

func TestInjecting(t *testing.T) {
	const script = `<script src="/gateway/live_reload.js" defer></script>`
	tests := []struct {
		name    string
		method  string
		status  int
		headers []string
		writes  []string
		want    string
	}{
		{"before the end", "GET", 200, nil, []string{"<body>a</body></html>"}, "<body>a" + script + "</body></html>"},
		{"in capitals", "GET", 200, nil, []string{"<BODY>a</BODY>"}, "<BODY>a" + script + "</BODY>"},
		{"in two pieces", "GET", 200, nil, []string{"<body>a</bo", "dy>"}, "<body>a" + script + "</body>"},
		{"byte by byte", "GET", 200, nil, strings.Split("<body>a</body>\n", ""), "<body>a" + script + "</body>\n"},
		{"without an end", "GET", 200, nil, []string{"<p>a"}, "<p>a" + script},
		{"an error page", "GET", 500, nil, []string{"<body></body>"}, "<body>" + script + "</body>"},
		{"with the nonce of the policy", "GET", 200, []string{"Content-Security-Policy: script-src 'nonce-r4nd0m+/='"}, []string{"<body></body>"},
			`<body><script src="/gateway/live_reload.js" defer nonce="r4nd0m+/="></script></body>`},
		{"a policy without one", "GET", 200, []string{"Content-Security-Policy: default-src 'self'"}, []string{"<body></body>"}, "<body>" + script + "</body>"},
		{"what is no page", "GET", 200, []string{"Content-Type: application/json"}, []string{`"</body>"`}, `"</body>"`},
		{"what is compressed", "GET", 200, []string{"Content-Encoding: gzip"}, []string{"</body>"}, "</body>"},
		{"a part of a page", "GET", 206, nil, []string{"</body>"}, "</body>"},
		{"no body", "GET", 304, nil, nil, ""},
		{"HEAD", "HEAD", 200, nil, nil, ""},
		{"HEAD of what writes a page, whose length would be told", "HEAD", 200, nil, []string{"<body></body>"}, ""},
		{"HEAD of what is no page", "HEAD", 200, []string{"Content-Type: text/plain"}, []string{"hi"}, "hi"},
		{"an empty page", "GET", 200, nil, []string{""}, script},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPages(true)
			p.on.Store(true)
			asked := ""
			h := p.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Get("Accept-Encoding")
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Length", "7")
				for _, h := range tt.headers {
					name, value, _ := strings.Cut(h, ": ")
					w.Header().Set(name, value)
				}
				w.WriteHeader(tt.status)
				for _, text := range tt.writes {
					if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
						t.Errorf("wrote %d, %v", n, err)
					}
				}
			}))
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Header.Set("Accept-Encoding", "gzip, br")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Body.String() != tt.want || w.Code != tt.status || asked != "" {
				t.Errorf("%d %s (asked for %q), want %s", w.Code, w.Body.String(), asked, tt.want)
			}
			if strings.Contains(tt.want, "script") && w.Header().Get("Content-Length") != "" {
				t.Error("Content-Length is that of the page without the script")
			}
		})
	}
}

func TestPagesAreBounded(t *testing.T) {
	p := newPages(true)
	list := make([]chan pageEvent, 0, maxPages)
	for range maxPages {
		list = append(list, p.join())
	}
	if p.join() != nil || slices.Contains(list, nil) {
		t.Errorf("%d pages listen, want %d and no more", len(list)+1, maxPages)
	}
	p.leave(list[0])
	if p.join() == nil {
		t.Error("a page that left makes no room")
	}
	for range 10 * pageQueue {
		p.assets([]string{"a.js"}) // none of them reads
	}
	p.close()
	p.close()
	if p.join() != nil {
		t.Error("a page joins while the process ends")
	}
}

// The end of the process does not wait for pages that listen.
func TestListeningPagesDoNotHoldTheEnd(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", pageManifest("one", ""))
	began := time.Now()
	t.Run("serve", func(t *testing.T) {
		s := start(t, f.dir, false, inDev)
		events(t, s)()
		began = time.Now()
	})
	if took := time.Since(began); took > 25*time.Second { // of the 30 that are given to what finishes
		t.Errorf("it took %s", took)
	}
}
