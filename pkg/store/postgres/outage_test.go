package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
)

// line is a way to the server that can be cut.
type line struct {
	t      *testing.T
	server string
	addr   string

	mu     sync.Mutex
	l      net.Listener
	conns  []net.Conn
	silent atomic.Bool // what the server says gets lost
}

// lay starts to listen; the first time on any port, then on that one again.
func (ln *line) lay() {
	ln.t.Helper()
	l, err := net.Listen("tcp", ln.addr)
	if err != nil {
		ln.t.Fatal(err)
	}
	ln.mu.Lock()
	ln.l, ln.addr = l, l.Addr().String()
	ln.mu.Unlock()
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", ln.server)
			if err != nil {
				near.Close()
				continue
			}
			ln.mu.Lock()
			ln.conns = append(ln.conns, near, far)
			ln.mu.Unlock()
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(ear{near, &ln.silent}, far); near.Close() }()
		}
	}()
}

// ear hears nothing while the line is silent.
type ear struct {
	net.Conn
	silent *atomic.Bool
}

func (e ear) Write(b []byte) (int, error) {
	if e.silent.Load() {
		return len(b), nil
	}
	return e.Conn.Write(b)
}

func (ln *line) cut() {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	ln.l.Close()
	for _, c := range ln.conns {
		c.Close()
	}
	ln.conns = nil
}

func TestServerGoesAndComesBack(t *testing.T) {
	u, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	ln := &line{t: t, server: u.Host, addr: "127.0.0.1:0"}
	ln.lay()
	u.Host = ln.addr
	s := open(t, u.String(), store.Options{Pool: 3, Wait: patience})
	exec(t, s, "create table notes (a text)")
	insert := &store.Statement{SQL: "insert into notes values ($1)", Params: 1}

	err = s.Tx(t.Context(), func(tx store.Tx) error {
		exec(t, tx, "insert into notes values ('in a transaction that is cut')")
		ln.cut()
		_, err := tx.Exec(t.Context(), insert, []any{"x"})
		return err
	})
	var gone *store.Unavailable
	if !errors.As(err, &gone) {
		t.Errorf("cut within a transaction: %v, want Unavailable", err)
	}
	for range 4 {
		if _, err := s.Exec(t.Context(), insert, []any{"x"}); !errors.As(err, &gone) {
			t.Errorf("while cut: %v, want Unavailable", err)
		}
	}
	ln.lay()
	for i := range 4 {
		if _, err := s.Exec(t.Context(), insert, []any{"back"}); err != nil {
			t.Errorf("statement %d after the server is back: %v", i, err)
		}
	}
	if got := one(t, s, "select count(*) from notes where a = 'back'"); got != int64(4) {
		t.Errorf("%v rows, want 4", got)
	}
	if got := one(t, s, "select count(*) from notes"); got != int64(4) {
		t.Errorf("%v rows, want 4: the transaction was not rolled back", got)
	}
	ln.cut()
}

// TestServerFallsSilent: a network that swallows everything must not hold a caller, be he
// alone or in the company of others. Nobody knows what became of what was sent.
func TestServerFallsSilent(t *testing.T) {
	u, err := url.Parse(database(t))
	if err != nil {
		t.Fatal(err)
	}
	ln := &line{t: t, server: u.Host, addr: "127.0.0.1:0"}
	ln.lay()
	u.Host, u.RawQuery = ln.addr, "sslmode=disable&connect_timeout=5"
	s := open(t, u.String(), store.Options{Pool: 2, Wait: 5 * time.Second, Timeout: time.Second})
	exec(t, s, "create table t (a int)")
	const insert = "insert into t values ($1)"
	for _, st := range []*store.Statement{{SQL: insert, Params: 1}, {SQL: insert, Params: 1, Quick: true}} {
		if err := errors.Join(together(s, st, numbers(4)...)...); err != nil {
			t.Fatal(err)
		}
		ln.silent.Store(true)
		began := time.Now()
		told := 0
		for _, err := range together(s, st, numbers(8)...) {
			var gone *store.Unavailable
			if !errors.As(err, &gone) {
				t.Errorf("quick %v: %v, want Unavailable", st.Quick, err)
			} else if gone.Unknown {
				told++
			}
		}
		if took := time.Since(began); took > patience || told == 0 {
			t.Errorf("quick %v: %d are unknown, after %s", st.Quick, told, took)
		}
		ln.silent.Store(false)
		if err := within(patience, func() bool { return s.Ping(t.Context()) == nil }); err != nil {
			t.Errorf("quick %v: after the silence: %v", st.Quick, err)
		}
	}
	ln.cut()
}

// TestAnswersAreLost: the server does what it is told, and the connection breaks before it
// can say so. Nobody is told that nothing was done, and nothing is done again.
func TestAnswersAreLost(t *testing.T) {
	direct := database(t)
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	server := open(t, direct, store.Options{Pool: 1})
	exec(t, server, "create table t (a int)")
	alone := &store.Statement{SQL: "insert into t values ($1) returning a", Params: 1}
	quick := *alone
	quick.Quick = true
	insert := func(st *store.Statement) func(*postgres.Store, *line, int64) error {
		return func(s *postgres.Store, ln *line, a int64) error {
			ln.silent.Store(a > 1)
			_, err := s.Query(context.Background(), st, []any{a}, 1)
			return err
		}
	}
	for name, write := range map[string]func(*postgres.Store, *line, int64) error{
		"alone": insert(alone), "in company": insert(&quick),
		"at the end of a transaction": func(s *postgres.Store, ln *line, a int64) error {
			return s.Tx(context.Background(), func(tx store.Tx) error {
				_, err := tx.Query(context.Background(), alone, []any{a}, 1)
				ln.silent.Store(a > 1)
				return err
			})
		},
	} {
		exec(t, server, "truncate t")
		ln := &line{t: t, server: u.Host, addr: "127.0.0.1:0"}
		ln.lay()
		through := *u
		through.Host, through.RawQuery = ln.addr, "sslmode=disable"
		s := open(t, through.String(), store.Options{Pool: 1, Wait: patience})
		if err := write(s, ln, 1); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- write(s, ln, 2) }()
		rows := func() any { return one(t, server, "select count(*) from t where a = 2") }
		if err := within(patience, func() bool { return rows() == int64(1) }); err != nil {
			t.Errorf("%s: the row: %v", name, err)
		}
		ln.cut()
		ln.silent.Store(false)
		ln.lay()
		var gone *store.Unavailable
		if err := await.From(t, "what becomes of the write", done); !errors.As(err, &gone) || !gone.Unknown {
			t.Errorf("%s: %v, want Unavailable, and unknown", name, err)
		}
		if got := rows(); got != int64(1) {
			t.Errorf("%s: the row is there %v times", name, got)
		}
		ln.cut()
	}
}

// TestBackendsAreEnded is a restart of the server as its clients see it.
func TestBackendsAreEnded(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 2})
	exec(t, s, "create table notes (a text)")
	err := s.Tx(t.Context(), func(tx store.Tx) error {
		exec(t, s, "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
		_, err := tx.Exec(t.Context(), &store.Statement{SQL: "insert into notes values ('x')"}, nil)
		return err
	})
	var gone *store.Unavailable
	if !errors.As(err, &gone) {
		t.Errorf("%v, want Unavailable", err)
	}
	for range 3 {
		exec(t, s, "insert into notes values ('after')")
	}
}

func TestForgottenStatements(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1})
	st := &store.Statement{SQL: "select 1"}
	for range 2 {
		if _, err := s.Query(t.Context(), st, nil, 1); err != nil {
			t.Fatal(err)
		}
		exec(t, s, "deallocate all")
	}
}

func TestErrorsKeepThePassword(t *testing.T) {
	const secret = "sec/r3t%zz"
	for _, tt := range []string{
		"postgres://u:" + secret + "@127.0.0.1:1/db", "postgres://u:sec%2Fr3t@127.0.0.1:1/db", "postgres://u:sec r3t@127.0.0.1:x/db",
		"host=127.0.0.1 port=1 password=sec_r3t", "host=127.0.0.1 password='sec_r3t port=z", "postgres://u:sec_r3t@127.0.0.1:1/db?sslmode=wrong",
	} {
		s, err := postgres.Open(t.Context(), tt, store.Options{Wait: time.Second})
		if err == nil {
			err = s.Ping(t.Context())
			s.Close()
		}
		if err == nil || strings.Contains(err.Error(), "r3t") || strings.Contains(err.Error(), "sec") {
			t.Errorf("%s: %v", tt, err)
		}
	}
}

func TestWholeTables(t *testing.T) {
	s := open(t, database(t), store.Options{})
	exec(t, s, `create type mood as enum ('happy', 'so so')`)
	exec(t, s, `create table a (id serial primary key, m mood not null, tags text[], x int references a on delete set default)`)
	exec(t, s, `create unique index on a (m)`)
	exec(t, s, `create schema other`)
	exec(t, s, `create table other.b (id int)`)
	tables, err := s.Tables(t.Context())
	if err != nil || len(tables) != 1 || len(tables[0].Columns) != 4 {
		t.Fatalf("tables %+v, %v", tables, err)
	}
	c := tables[0].Columns
	if !c[0].Generated || !c[0].Primary || c[1].Type != store.Enum || len(c[1].Values) != 2 || c[1].Values[1] != "so so" || !c[1].Unique ||
		c[2].Type != store.Array || *c[3].References != (store.Reference{Table: "a", Column: "id", OnDelete: store.SetDefault}) {
		t.Errorf("columns %+v", c)
	}
}
