package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/gatewaytest"
)

const killedManifest = `version: 1
endpoint: {listen: '127.0.0.1:0'}
stores: {main: {url: 'sqlite:notes.db'}}
schemas:
  note: {table: notes, fields: {ref: {type: bigint, required: true}}}
pipelines: {api: [parsers]}
scopes:
  - pipe_through: api
    routes:
      - {resources: /notes, schema: note, public: true, max_rows: 1000000, idempotency: 24h}
      - get: /sound
        do: [{query_one: select integrity_check as said from pragma_integrity_check, as: check}, {text: "${check.said}"}]
`

// ways are the headers of writes that take different roads to the file.
func ways() []http.Header {
	return []http.Header{{}, {"Prefer": {"return=representation"}}, {"Accept": {"application/vnd.pgrst.object+json"}}, {"Idempotency-Key": {""}}}
}

// insert sends a row, and tells whether it is kept. No answer is a connection that broke.
func insert(t *testing.T, client *http.Client, url string, ref int, way http.Header) (kept bool) {
	r, err := http.NewRequest("POST", url+"/notes", strings.NewReader(fmt.Sprintf(`{"ref":%d}`, ref)))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header = way.Clone()
	r.Header.Set("Content-Type", "application/json")
	if way["Idempotency-Key"] != nil {
		r.Header.Set("Idempotency-Key", fmt.Sprint(ref))
	}
	w, err := client.Do(r)
	if err != nil {
		return false
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if w.StatusCode != http.StatusCreated {
		t.Errorf("%d is answered with %d %s", ref, w.StatusCode, text)
	}
	return err == nil && w.StatusCode == http.StatusCreated
}

const killedWriters = 8

// insertUntilKilled writes from several clients, and kills the gateway in the middle of it.
// It gives the rows that were answered, and those that were sent with a key and were not.
func insertUntilKilled(t *testing.T, p *gatewaytest.Process, round int) (answered, repeated []int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	enough := make(chan struct{})
	for k := range killedWriters {
		way := ways()[k%len(ways())]
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for i := 0; ; i++ {
				ref := (round*killedWriters+k)*1_000_000 + i + 1
				kept := insert(t, client, "http://127.0.0.1:"+p.Port, ref, way)
				mu.Lock()
				switch {
				case kept:
					if answered = append(answered, ref); len(answered) == 20+round*37%200 {
						close(enough)
					}
				case way["Idempotency-Key"] != nil:
					repeated = append(repeated, ref)
				}
				mu.Unlock()
				if !kept {
					return // it was killed
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-enough:
	case <-ended:
		t.Fatalf("round %d: only %d rows were written", round, len(answered))
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	await.From(t, "the end of all clients", ended)
	return answered, repeated
}

// The gateway is killed while it writes to SQLite, again and again: what was answered is in
// the file, once, and what was sent with a key may be sent again.
func TestKilledWhileItWrites(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.write("app.yaml", killedManifest)
	binary := gatewaytest.Build(t)
	serve := func() *gatewaytest.Process {
		cmd := exec.CommandContext(t.Context(), binary, "serve", "app.yaml", "--dev", "--watch=false")
		cmd.Dir = f.dir
		return gatewaytest.Start(t, cmd)
	}
	answered := make(map[int]bool)
	kills := 20
	if raceEnabled {
		kills = 3 // the gateway is another process, which the detector does not see
	}
	for round := range kills {
		told, again := insertUntilKilled(t, serve(), round)
		p := serve()
		url := "http://127.0.0.1:" + p.Port
		for _, ref := range again {
			if !insert(t, http.DefaultClient, url, ref, ways()[3]) {
				t.Errorf("round %d: %d is not kept when it is sent again", round, ref)
			}
		}
		for _, ref := range append(told, again...) {
			answered[ref] = true
		}
		keeps(t, url, answered, killedWriters*(round+1))
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d rows were answered", len(answered))
}

// keeps compares what was answered with what is there.
func keeps(t *testing.T, url string, answered map[int]bool, more int) {
	t.Helper()
	w, err := http.Get(url + "/sound")
	if got := textOf(t, w, err); got != "ok" {
		t.Errorf("the file is not sound: %s", got)
	}
	var rows []struct{ Ref int }
	w, err = http.Get(url + "/notes?select=ref")
	if text := textOf(t, w, err); json.Unmarshal([]byte(text), &rows) != nil {
		t.Fatalf("the rows: %s", text)
	}
	times := make(map[int]int)
	for _, row := range rows {
		if times[row.Ref]++; times[row.Ref] > 1 {
			t.Errorf("%d is there twice", row.Ref)
		}
	}
	for ref := range answered {
		if times[ref] == 0 {
			t.Errorf("%d was answered and is lost", ref)
		}
	}
	if extra := len(times) - len(answered); extra > more {
		t.Errorf("%d rows are there that nobody was told of", extra)
	}
}
