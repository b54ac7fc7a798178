package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "embed"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// Where pages ask what changed, and for how long.
const (
	liveReloadScript = "/gateway/live_reload.js"
	liveReloadEvents = "/gateway/live_reload"

	maxPages  = 64 // that listen at a time; more are refused
	pageQueue = 8  // events that wait for one page
	pagePing  = 15 * time.Second
)

//go:embed live_reload.js
var liveReloadJS []byte

// pages are the pages in browsers of a developer that reload when a file changes.
type pages struct {
	dev bool // the gateway runs with --dev
	on  atomic.Bool

	mu     sync.Mutex
	count  int // events so far: a page that was away sees that it missed some
	boot   string
	open   map[chan pageEvent]bool
	faults *app.Loaded // of the manifest; nil: it is well
	served string      // what pages are made from, of the manifest
	shut   chan struct{}
	ended  bool
}

// A pageEvent tells a page what to do.
type pageEvent struct {
	ID     string   `json:"id"` // of the process and of what it serves: another one is a page to be loaded anew
	Reload bool     `json:"reload,omitempty"`
	CSS    []string `json:"css,omitempty"` // names of files
	Faults []fault  `json:"faults"`

	broken *app.Loaded
}

// A fault is shown over the page. A page that is not on this machine sees no line of the
// manifest, which may hold a secret.
type fault struct {
	At      string `json:"at,omitempty"`
	Message string `json:"message"`
	Excerpt string `json:"excerpt,omitempty"`
}

func newPages(dev bool) *pages {
	return &pages{dev: dev, open: map[chan pageEvent]bool{}, shut: make(chan struct{}), boot: fmt.Sprint(time.Now().UnixNano())}
}

// applied tells pages that another manifest is served. Where only its sockets changed the
// pages stay: their channels have taken the new rules already. changed is nil where it is
// not known which files did.
func (p *pages) applied(next *app.App, changed []string) {
	p.on.Store(next.Manifest.ReloadsPages(p.dev))
	served := withoutSockets(next.Manifest)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
	if changed != nil && served == p.served && ofManifest(next.Manifest, changed) {
		p.send(pageEvent{})
		return
	}
	p.served = served
	p.count++
	p.send(pageEvent{Reload: true})
}

func withoutSockets(m *config.Manifest) string {
	root := *m.Document.Root
	root.Entries = slices.DeleteFunc(slices.Clone(root.Entries), func(e source.Entry) bool { return e.Key.Value == "sockets" })
	return string(source.AppendYAML(nil, &root))
}

// ofManifest tells whether the manifest and its includes are all that changed.
func ofManifest(m *config.Manifest, changed []string) bool {
	return !slices.ContainsFunc(changed, func(path string) bool {
		return !slices.ContainsFunc(m.Document.Files, func(f *source.File) bool { return f.Path == path })
	})
}

// refused shows faults of the manifest over the pages.
func (p *pages) refused(l *app.Loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = l
	p.send(pageEvent{})
}

// assets tells pages that files changed that are served as they are. Style sheets are
// changed in place.
func (p *pages) assets(changed []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	var css []string
	for _, path := range changed {
		if !strings.EqualFold(filepath.Ext(path), ".css") {
			p.send(pageEvent{Reload: true})
			return
		}
		css = append(css, filepath.Base(path))
	}
	p.send(pageEvent{CSS: css})
}

// send is called with the lock. A page that is too slow loses events: the next one it gets,
// or its next connection, tells it that it did.
func (p *pages) send(e pageEvent) {
	e.ID, e.broken = p.id(), p.faults
	for page := range p.open {
		select {
		case page <- e:
		default:
		}
	}
}

func (p *pages) id() string { return fmt.Sprintf("%s-%d", p.boot, p.count) }

// join lets a page listen; nil when there are too many, or the process ends.
func (p *pages) join() chan pageEvent {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.open) >= maxPages {
		return nil
	}
	page := make(chan pageEvent, pageQueue)
	p.open[page] = true
	page <- pageEvent{ID: p.id(), broken: p.faults}
	return page
}

func (p *pages) leave(page chan pageEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, page)
}

// close ends what pages listen to.
func (p *pages) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.ended = true
		close(p.shut)
	}
}

// wrap adds the script to pages, and answers what it asks. Where pages do not reload it is
// not there at all.
func (p *pages) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !p.on.Load():
			next.ServeHTTP(w, r)
		case r.URL.Path == liveReloadScript && r.Method == http.MethodGet:
			h := w.Header()
			h.Set("Content-Type", "text/javascript; charset=utf-8")
			h.Set("Cache-Control", "no-store")
			_, _ = w.Write(liveReloadJS) // a client that went away is no fault of ours
		case r.URL.Path == liveReloadEvents && r.Method == http.MethodGet:
			p.listen(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost:
			serveInjected(next, w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// listen sends events to a page until it leaves or the process ends.
func (p *pages) listen(w http.ResponseWriter, r *http.Request) {
	page := p.join()
	if page == nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too many pages listen", http.StatusServiceUnavailable)
		return
	}
	defer p.leave(page)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	here := loopbackPeer(r.RemoteAddr) && config.LoopbackHost(hostOnly(r.Host))
	control := http.NewResponseController(w)
	ping := time.NewTicker(pagePing)
	defer ping.Stop()
	for {
		line := ": here\n\n"
		select {
		case <-r.Context().Done():
			return
		case <-p.shut:
			return
		case e := <-page:
			line = e.line(here)
		case <-ping.C:
		}
		_ = control.SetWriteDeadline(time.Now().Add(pagePing)) // a writer without deadlines has none to set
		if _, err := w.Write([]byte(line)); err != nil || control.Flush() != nil {
			return
		}
	}
}

func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return host
}

// line is the event as it is sent. here tells a page of this machine.
func (e pageEvent) line(here bool) string {
	if e.broken != nil {
		e.Faults = faultsOf(e.broken, here)
	}
	text, err := json.Marshal(e)
	if err != nil {
		return ": \n\n"
	}
	return "data: " + string(text) + "\n\n"
}

func faultsOf(l *app.Loaded, here bool) []fault {
	if !here {
		return []fault{{Message: fmt.Sprintf("the manifest has %d problems: the log of the gateway tells them", len(l.Problems))}}
	}
	list := make([]fault, 0, len(l.Problems))
	for _, p := range l.Problems {
		var b strings.Builder
		diag.Text(&b, []*diag.Problem{p}, l.Source)
		_, excerpt, _ := strings.Cut(b.String(), "\n")
		list = append(list, fault{At: p.At.String(), Message: p.Message, Excerpt: strings.TrimRight(excerpt, "\n")})
	}
	return list
}
