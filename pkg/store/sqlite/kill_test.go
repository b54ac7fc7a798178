package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	process "os/exec"
	"path/filepath"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

// TestMain lets this binary be the process that TestKilled kills.
func TestMain(m *testing.M) {
	file, round := flag.String("write-to", "", "write to this file until killed"), flag.Int("round", 0, "a part of what is written")
	flag.Parse()
	if *file == "" {
		m.Run()
		return
	}
	if err := writeUntilKilled(*file, *round); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

const (
	kills   = 20
	writers = 8
)

// writeUntilKilled inserts from several goroutines, in every way there is, and tells each
// row that was answered.
func writeUntilKilled(file string, round int) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, "sqlite:"+file, store.Options{})
	if err != nil {
		return err
	}
	if _, err := s.Exec(ctx, &store.Statement{SQL: "create table if not exists a (id text primary key, filling text)"}, nil); err != nil {
		return err
	}
	insert := &store.Statement{SQL: "insert into a values (?1, hex(randomblob(300))) returning id", Params: 1}
	ways := []func(id string) error{
		func(id string) error { _, err := s.Exec(ctx, insert, []any{id}); return err },
		func(id string) error { _, err := s.Query(ctx, insert, []any{id}, 1); return err },
		func(id string) error { _, err := s.Encode(ctx, insert, []any{id}, 1, nil); return err },
		func(id string) error {
			return s.Tx(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, insert, []any{id}); return err })
		},
	}
	failed := make(chan error)
	for w := range writers {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", round, w, i)
				err := ways[w%len(ways)](id)
				if err == nil {
					_, err = fmt.Println(id) // one call, which is whole or not at all
				}
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// TestKilled kills a process that writes, again and again on one file: what was answered is
// kept, once, and the file is good without help.
func TestKilled(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	answered := make(map[string]bool)
	for round := range kills {
		for _, id := range writtenBeforeKill(t, file, round) {
			answered[id] = true
		}
		s, err := sqlite.Open(t.Context(), "sqlite:"+file, store.Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got := one(t, s, "pragma integrity_check"); got != "ok" {
			t.Errorf("round %d: %v", round, got)
		}
		rows, err := s.Query(t.Context(), &store.Statement{SQL: "select id from a"}, nil, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		kept := make(map[string]bool)
		for _, row := range rows.Rows {
			kept[row[0].(string)] = true
		}
		for id := range answered {
			if !kept[id] {
				t.Fatalf("round %d: %s was answered and is lost", round, id)
			}
		}
		if extra := len(kept) - len(answered); extra > writers*(round+1) {
			t.Errorf("round %d: %d rows that nobody was told of", round, extra)
		}
	}
}

// writtenBeforeKill starts a process that writes, kills it in the middle of that, and gives
// the rows that it told.
func writtenBeforeKill(t *testing.T, file string, round int) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := process.CommandContext(t.Context(), self, "-write-to", file, "-round", fmt.Sprint(round))
	var complaints bytes.Buffer
	child.Stderr = &complaints
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if ids = append(ids, lines.Text()); len(ids) == 20+round*37%200 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it says that it was killed
	if len(ids) < 20 {
		t.Fatalf("round %d: only %d rows were written: %s", round, len(ids), complaints.String())
	}
	return ids
}
