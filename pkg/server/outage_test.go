package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/postgrestest"
)

// outageManifest serves rows in the ways that take different roads to the database.
const outageManifest = `version: 1
endpoint: {listen: '127.0.0.1:0'}
stores:
  main: {url: '%[1]s', pool: 6}
  admin: {url: '%[1]s', pool: 1}
schemas:
  note: {table: notes, fields: {ref: {type: bigint, required: true}}}
pipelines: {api: [parsers]}
scopes:
  - pipe_through: api
    routes:
      - {resources: /notes, schema: note, public: true, max_rows: 1000000, returning: representation, idempotency: 24h}
      - post: /kill
        do:
          - query_one:
              sql: >-
                select pg_terminate_backend(pid) as ended from pg_stat_activity
                where backend_type = 'client backend' and pid <> pg_backend_pid() order by random() limit 1
              store: admin
          - send_resp: 204
`

// fate is what a client was told of a row that it wanted to write.
type fate uint8

const (
	unknown fate = iota
	kept
	refused
)

// clients ask a server all the time, and remember what they were told.
type clients struct {
	t    *testing.T
	url  string
	http *http.Client
	stop chan struct{}
	done sync.WaitGroup

	next                      atomic.Int64
	wrote, read, unread, lost atomic.Int64 // lost: reads and writes that were 503

	mu    sync.Mutex
	fates map[int64]fate
}

func startClients(t *testing.T, s *Server) *clients {
	c := &clients{t: t, url: "http://" + s.Addr().String(), stop: make(chan struct{}), fates: make(map[int64]fate),
		http: &http.Client{Timeout: await.Patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	for range 8 { // one statement, in the company of others
		c.writer("")
	}
	for range 3 { // a transaction
		c.writer("Accept: application/vnd.pgrst.object+json")
		c.again()
	}
	for _, path := range []string{"/notes/1", "/notes?limit=1", "/notes?id=eq.1&select=id,ref", "/notes?limit=1&select=*&order=id"} {
		c.reader(path, "")
		c.reader(path, "Prefer: count=exact")
	}
	return c
}

// each runs do with ever new numbers until the clients end.
func (c *clients) each(do func(ref int64)) {
	c.done.Go(func() {
		for {
			select {
			case <-c.stop:
				return
			default:
				do(c.next.Add(1))
			}
		}
	})
}

// ask sends a request. Whatever happens to the store, the gateway answers.
func (c *clients) ask(method, path, body string, headers ...string) (*http.Response, string) {
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return &http.Response{}, ""
	}
	r.Header.Set("Content-Type", "application/json")
	for _, h := range headers {
		if name, text, ok := strings.Cut(h, ": "); ok {
			r.Header.Set(name, text)
		}
	}
	w, err := c.http.Do(r)
	if err != nil {
		c.t.Errorf("%s %s is not answered: %v", method, path, err)
		return &http.Response{}, ""
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return w, string(text)
}

// told is what the answer to a write says. An answer that says nothing is a fault.
func (c *clients) told(w *http.Response, body string) fate {
	var problem struct{ Code string }
	retry := w.Header.Get("Retry-After")
	switch {
	case w.StatusCode == http.StatusCreated:
		c.wrote.Add(1)
		return kept
	case w.StatusCode == http.StatusServiceUnavailable && json.Unmarshal([]byte(body), &problem) == nil &&
		(problem.Code == "unavailable" && retry != "" || problem.Code == "unknown_outcome" && retry == ""):
		c.lost.Add(1)
		if retry != "" {
			return refused
		}
		return unknown
	}
	c.t.Errorf("a write is answered with %d, Retry-After %q, %s", w.StatusCode, retry, body)
	return unknown
}

func (c *clients) remember(ref int64, f fate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fates[ref] = f
}

// writer sends each row once.
func (c *clients) writer(header string) {
	c.each(func(ref int64) {
		w, body := c.ask("POST", "/notes", fmt.Sprintf(`{"ref":%d}`, ref), header)
		c.remember(ref, c.told(w, body))
	})
}

// again sends each row with a key until it is told that it is kept.
func (c *clients) again() {
	c.each(func(ref int64) {
		key, end, asked := fmt.Sprintf("Idempotency-Key: %d", ref), time.Now().Add(3*await.Patience), 0
		for time.Now().Before(end) {
			w, body := c.ask("POST", "/notes", fmt.Sprintf(`{"ref":%d}`, ref), key)
			if asked++; asked > 1 && w.StatusCode == http.StatusConflict && strings.Contains(body, "under way") {
				continue // the database has not noticed yet that the first was cut off
			}
			if c.told(w, body) == kept {
				if !strings.Contains(body, fmt.Sprintf(`"ref":%d}`, ref)) {
					c.t.Errorf("%d: sent %d times, and told %s", ref, asked, body)
				}
				c.remember(ref, kept)
				return
			}
		}
		c.t.Errorf("%d: sent %d times in vain", ref, asked)
	})
}

func (c *clients) reader(path, header string) {
	c.each(func(int64) {
		w, body := c.ask("GET", path, "", header)
		switch {
		case (w.StatusCode == http.StatusOK || w.StatusCode == http.StatusPartialContent) && strings.Contains(body, `{"id":1,"ref":0}`):
			c.read.Add(1)
		case w.StatusCode == http.StatusServiceUnavailable && w.Header.Get("Retry-After") != "":
			c.unread.Add(1)
		default:
			c.t.Errorf("GET %s: %d %s", path, w.StatusCode, body)
		}
	})
}

// more waits until n more writes and reads were answered as they should.
func (c *clients) more(n int64) {
	c.t.Helper()
	wrote, read := c.wrote.Load()+n, c.read.Load()+n
	await.Until(c.t, "requests are answered", func() bool { return c.wrote.Load() > wrote && c.read.Load() > read })
}

// end stops the clients, and compares what they were told with what is there.
func (c *clients) end() {
	c.t.Helper()
	close(c.stop)
	c.done.Wait()
	var rows []struct{ Ref int64 }
	if _, body := c.ask("GET", "/notes?select=ref&ref=gt.0", ""); json.Unmarshal([]byte(body), &rows) != nil {
		c.t.Fatalf("the rows: %s", body)
	}
	times := make(map[int64]int)
	for _, row := range rows {
		times[row.Ref]++
	}
	count := map[fate]int{}
	for ref, f := range c.fates {
		count[f]++
		if n := times[ref]; n > 1 || f == kept && n != 1 || f == refused && n != 0 {
			c.t.Errorf("%d is there %d times; its client was told %s", ref, n, [...]string{"nothing", "it is kept", "it is not"}[f])
		}
	}
	c.t.Logf("%d writes kept, %d refused, %d unknown; %d reads, %d were 503", count[kept], count[refused], count[unknown], c.read.Load(), c.unread.Load())
}

// served starts a gateway on a database, with one row.
func served(t *testing.T, url string) *Server {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", fmt.Sprintf(outageManifest, url))
	s := start(t, f.dir, false, func(s *Server) { s.deps.Dev = true })
	w, err := http.Post("http://"+s.Addr().String()+"/notes", "application/json", strings.NewReader(`{"ref":0}`))
	if got := textOf(t, w, err); got != `[{"id":1,"ref":0}]` {
		t.Fatalf("the first row: %s", got)
	}
	return s
}

// A server of a database that goes and comes back: each request is answered, what is told
// is true, and nothing has to be started again.
func TestTheDatabaseIsRestartedUnderLoad(t *testing.T) {
	database := postgrestest.New(t)
	c := startClients(t, served(t, database.URL()))
	for _, mode := range []string{"fast", "immediate"} {
		c.more(100)
		database.Stop(mode)
		reads, writes := c.unread.Load(), c.lost.Load()
		await.Until(t, "requests fail", func() bool { return c.unread.Load() > reads && c.lost.Load() > writes })
		database.Start()
		c.more(100)
	}
	c.end()
}

// Connections that the database ends one after the other: reads are not to notice.
func TestConnectionsAreEndedUnderLoad(t *testing.T) {
	c := startClients(t, served(t, postgrestest.New(t).URL()))
	const kills = 20
	for range kills {
		c.more(200)
		if w, body := c.ask("POST", "/kill", ""); w.StatusCode != http.StatusNoContent {
			t.Errorf("no connection is ended: %d %s", w.StatusCode, body)
		}
	}
	c.more(100)
	c.end()
	if n := c.unread.Load(); n > kills/4 {
		t.Errorf("%d reads failed for %d connections", n, kills)
	}
}
