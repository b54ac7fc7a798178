package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/openmanifest/gateway/internal/postgrestest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
)

// fate is what a caller was told of a row that he wanted to write.
type fate uint8

const (
	kept fate = iota + 1
	refused
	unknown
)

// load writes and reads all the time, and remembers what it was told.
type load struct {
	t      *testing.T
	s      *postgres.Store
	stop   chan struct{}
	wg     sync.WaitGroup
	next   atomic.Int64
	wrote  atomic.Int64 // answered
	read   atomic.Int64
	unread atomic.Int64 // reads that failed

	mu    sync.Mutex
	fates map[int64]fate
}

// newLoad makes the table and starts callers: some in the company of others, some alone,
// some in transactions.
func newLoad(t *testing.T, s *postgres.Store) *load {
	l := &load{t: t, s: s, stop: make(chan struct{}), fates: make(map[int64]fate)}
	exec(t, s, `create table written (id bigint)`)
	const insert = `insert into written values ($1) returning id`
	quick, alone := &store.Statement{SQL: insert, Params: 1, Quick: true}, &store.Statement{SQL: insert, Params: 1}
	for range 12 {
		l.writer(func(id int64) error {
			_, err := s.Encode(context.Background(), quick, []any{id}, 1, nil)
			return err
		})
	}
	for range 3 {
		l.writer(func(id int64) error {
			_, err := s.Exec(context.Background(), alone, []any{id})
			return err
		})
		l.writer(func(id int64) error {
			return s.Tx(context.Background(), func(tx store.Tx) error {
				_, err := tx.Exec(context.Background(), alone, []any{id})
				return err
			})
		})
		l.reader(&store.Statement{SQL: `select $1::bigint as id`, Params: 1, Quick: true, Reads: true})
		l.reader(&store.Statement{SQL: `select $1::bigint as id`, Params: 1, Reads: true})
	}
	return l
}

func (l *load) each(do func(id int64)) {
	l.wg.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			default:
				do(l.next.Add(1))
			}
		}
	})
}

func (l *load) writer(write func(id int64) error) {
	l.each(func(id int64) {
		f := l.fate(write(id))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.fates[id] = f
	})
}

func (l *load) fate(err error) fate {
	var gone *store.Unavailable
	switch {
	case err == nil:
		l.wrote.Add(1)
		return kept
	case !errors.As(err, &gone):
		l.t.Errorf("a write: %v, want Unavailable", err)
		return unknown
	case gone.Unknown:
		return unknown
	default:
		return refused
	}
}

func (l *load) reader(st *store.Statement) {
	l.each(func(id int64) {
		got, err := l.s.Encode(context.Background(), st, []any{id}, 1, nil)
		var gone *store.Unavailable
		switch {
		case err == nil && string(got.JSON) == fmt.Sprintf(`{"id":%d}`, id):
			l.read.Add(1)
		case errors.As(err, &gone) && !gone.Unknown:
			l.unread.Add(1)
		default:
			l.t.Errorf("a read of %d: %s, %v", id, got.JSON, err)
		}
	})
}

// more waits until n more writes and reads were answered.
func (l *load) more(n int64) {
	l.t.Helper()
	wrote, read := l.wrote.Load()+n, l.read.Load()+n
	if err := within(2*patience, func() bool { return l.wrote.Load() > wrote && l.read.Load() > read }); err != nil {
		l.t.Fatalf("%d writes and %d reads, want %d and %d: %v", l.wrote.Load(), l.read.Load(), wrote, read, err)
	}
}

// end stops the callers, and compares what they were told with what is there.
func (l *load) end() {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	result, err := l.s.Query(l.t.Context(), &store.Statement{SQL: `select id, count(*) from written group by id`}, nil, 1<<30)
	if err != nil {
		l.t.Fatal(err)
	}
	times := make(map[int64]int64)
	for _, row := range result.Rows {
		times[row[0].(int64)] = row[1].(int64)
	}
	count := map[fate]int{}
	for id, f := range l.fates {
		count[f]++
		n := times[id]
		if n > 1 || f == kept && n != 1 || f == refused && n != 0 {
			l.t.Errorf("%d is there %d times; its caller was told %s", id, n, [...]string{"", "it is kept", "it is not", "nothing"}[f])
		}
	}
	l.t.Logf("%d writes kept, %d refused, %d unknown; %d reads, %d failed", count[kept], count[refused], count[unknown], l.read.Load(), l.unread.Load())
}

// TestServerIsRestartedUnderLoad: whoever was told that his write is kept finds it, whoever
// was told that it is not does not, and none is there twice; the store finds its way back.
func TestServerIsRestartedUnderLoad(t *testing.T) {
	server := postgrestest.New(t)
	s := open(t, server.URL(), store.Options{Pool: 6, Wait: time.Second})
	l := newLoad(t, s)
	for _, mode := range []string{"fast", "immediate"} {
		l.more(200)
		server.Stop(mode)
		before := l.unread.Load()
		if err := within(2*patience, func() bool { return l.unread.Load() > before }); err != nil {
			t.Errorf("nothing failed while the server was down (%s)", mode)
		}
		server.Start()
		l.more(200)
	}
	l.end()
	atRest(t, s)
}

// TestConnectionsAreKilledUnderLoad: one connection after another is ended by the server.
// What reads runs again and is not noticed.
func TestConnectionsAreKilledUnderLoad(t *testing.T) {
	url := database(t)
	s := open(t, url, store.Options{Pool: 6})
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	l := newLoad(t, s)
	const kills = 30
	for range kills {
		l.more(20)
		_, err := admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() order by random() limit 1`)
		if err != nil {
			t.Fatal(err)
		}
	}
	l.more(100)
	l.end()
	if n := l.unread.Load(); n > kills/10 {
		t.Errorf("%d reads failed for %d connections", n, kills)
	}
}
