package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// TestBatches runs writes that waited together. Each has its own end, as if alone.
func TestBatches(t *testing.T) {
	const (
		fine     = "insert into a (n) values (?1) returning n"
		twice    = "insert into a (n) select 1 where ?1 > 0"
		deferred = "insert into b (a) values (?1)" // breaks at the commit
		vacuum   = "vacuum"
		wrong    = "insert into nowhere values (?1)"
		drop     = "update a set n = n where n > ?1"
	)
	for _, tt := range []struct {
		name    string
		writes  []string
		commits int
		failed  []int
	}{
		{"one", []string{fine}, 1, nil},
		{"all well", []string{fine, fine, drop, fine}, 1, nil},
		{"a constraint", []string{fine, twice, fine}, 1, []int{1}},
		{"a commit that fails", []string{fine, deferred, fine}, 2, []int{1}},
		{"one that runs alone", []string{fine, vacuum, fine}, 2, nil},
		{"a fault", []string{fine, wrong, fine}, 2, []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, sql := range []string{"create table a (n integer unique)", "insert into a values (1)",
				"create table b (a integer references a (n) deferrable initially deferred)"} {
				if _, err := s.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
					t.Fatal(err)
				}
			}
			commits := 0
			s.writer.conn.db.CommitHook(func() bool { commits++; return true })
			batch, outs := make([]*write, len(tt.writes)), make([]rowsOutput, len(tt.writes))
			for i, sql := range tt.writes {
				outs[i].limit = 1
				batch[i] = &write{st: &store.Statement{SQL: sql}, args: []any{int64(i + 100)}, out: &outs[i]}
				if sql == vacuum {
					batch[i].args = nil
				}
			}
			s.writer.runAll(batch)
			var failed []int
			for i, j := range batch {
				if j.err != nil {
					failed = append(failed, i)
				} else if tt.writes[i] == fine && fmt.Sprint(outs[i].result.Rows, outs[i].result.Affected) != fmt.Sprintf("[[%d]] 1", i+100) {
					t.Errorf("write %d gives %+v", i, outs[i].result)
				}
			}
			if fmt.Sprint(failed) != fmt.Sprint(tt.failed) || commits != tt.commits {
				t.Errorf("failed %v, want %v; %d commits, want %d", failed, tt.failed, commits, tt.commits)
			}
			kept, err := s.Query(t.Context(), &store.Statement{SQL: "select n from a where n >= 100 order by n"}, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, sql := range tt.writes {
				if sql == fine {
					want++
				}
			}
			if len(kept.Rows) != want {
				t.Errorf("kept %v, want %d rows", kept.Rows, want)
			}
		})
	}
}

// breaking is an output that panics, as the engine does without memory.
type breaking struct{ rowsOutput }

func (*breaking) row(*conn, *prepared) error { panic("no memory") }

func TestPanicInABatch(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Exec(t.Context(), &store.Statement{SQL: "create table a (n integer)"}, nil); err != nil {
		t.Fatal(err)
	}
	insert := &store.Statement{SQL: "insert into a values (1) returning n"}
	first := &write{st: insert, out: &rowsOutput{limit: 1}, done: make(chan struct{})}
	s.writer.queue <- first
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		t.Error(s.writer.run(t.Context(), &write{st: insert, out: &breaking{}}))
	}()
	select {
	case <-first.done:
	case <-time.After(time.Minute):
		t.Fatal("the other of the batch is not told")
	}
	var unavailable *store.Unavailable
	if !errors.As(first.err, &unavailable) || !unavailable.Unknown {
		t.Errorf("the other of the batch: %v, want Unavailable", first.err)
	}
	if _, err := s.Query(t.Context(), insert, nil, 1); err != nil {
		t.Error(err)
	}
	if got, err := s.Query(t.Context(), &store.Statement{SQL: "select count(*) from a"}, nil, 1); err != nil || got.Rows[0][0] != int64(1) {
		t.Errorf("after it: %v, %v, want the one row of the last write", got, err)
	}
}

func TestClassify(t *testing.T) {
	for name, want := range map[string]store.Conflict{
		"posts.age":       {Kind: store.Check, Table: "posts", Columns: []string{"age"}, Constraint: "posts.age"},
		"age > 0":         {Kind: store.Check, Constraint: "age > 0"},
		"length(a.b) > 1": {Kind: store.Check, Constraint: "length(a.b) > 1"},
	} {
		got, ok := check(&store.Conflict{Kind: store.Check}, name).(*store.Conflict)
		if !ok || fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Errorf("check %s: %+v, want %+v", name, got, want)
		}
	}
	var invalid *store.Invalid
	if err := check(&store.Conflict{}, "posts.age must be integer"); !errors.As(err, &invalid) || invalid.Column != "age" {
		t.Errorf("a type's check: %v", err)
	}
}
