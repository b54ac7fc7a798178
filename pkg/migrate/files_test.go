package migrate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/migrate"
	"github.com/openmanifest/gateway/pkg/store"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct{ name, files, want string }{
		{"none", "", ""},
		{"in order", "10_b.up.sql 9_a.up.sql 9_a.down.sql", ""},
		{"leading zeros", "000001_a.up.sql", ""},
		{"what is no migration", "notes.md seed.sql.bak", ""},
		{"no name", "1.up.sql", "1.up.sql: a migration is named VERSION_NAME.up.sql or VERSION_NAME.down.sql, such as 20250131120000_add_users.up.sql"},
		{"no direction", "1_a.sql", "1_a.sql: a migration is named"},
		{"down alone", "1_a.down.sql", "1_a.down.sql: there is no up.sql beside it"},
		{"a version twice", "1_a.up.sql 1_b.up.sql", "1_b.up.sql: version 1 is also 1_a"},
		{"a number twice", "1_a.up.sql 01_a.up.sql", "1_a.up.sql: version 1 has two files like this"},
		{"a version too long", "1234567890123456789_a.up.sql", "a migration is named"},
	} {
		dir := t.TempDir()
		for name := range strings.FieldsSeq(tt.files) {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list, faults := migrate.Read(dir)
		got := strings.ReplaceAll(errString(errors.Join(faults...)), dir+string(filepath.Separator), "")
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		for i := 1; i < len(list); i++ {
			if list[i-1].Version >= list[i].Version {
				t.Errorf("%s: %v is not in order", tt.name, list)
			}
		}
	}
	if list, faults := migrate.Read(filepath.Join(t.TempDir(), "away")); list != nil || faults != nil {
		t.Errorf("a folder that is not there: %v, %v", list, faults)
	}
}

func errString(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDirectives(t *testing.T) {
	for _, tt := range []struct {
		text                string
		noTx, noKeys, fault bool
	}{
		{"select 1", false, false, false},
		{"-- gateway: no transaction\nselect 1", true, false, false},
		{"\ufeff-- a comment\n\n--   more\n-- gateway: no foreign keys\r\n-- gateway:no transaction\nselect 1", true, true, false},
		{"select 1;\n-- gateway: no transaction", false, false, false},
		{"-- gateway: no transactions\nselect 1", false, false, true},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "1_a.up.sql"), []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, faults := migrate.Read(dir)
		f := list[0].Up
		if f.NoTransaction != tt.noTx || f.NoForeignKeys != tt.noKeys || (len(faults) > 0) != tt.fault {
			t.Errorf("%q: %+v, %v", tt.text, f, faults)
		}
	}
}

func TestNextVersion(t *testing.T) {
	now := time.Date(2025, 1, 31, 12, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct{ last, want int64 }{{0, 20250131110000}, {7, 20250131110000}, {20250131110000, 20250131110001}, {20260101000000, 20260101000001}} {
		if got := migrate.NextVersion([]migrate.Migration{{Version: tt.last}}, now); got != tt.want {
			t.Errorf("after %d comes %d, want %d", tt.last, got, tt.want)
		}
	}
}

func TestWrite(t *testing.T) {
	up, down := migrate.Write(&store.Changes{
		NoForeignKeys: true,
		Steps:         []store.Step{{Note: "First.", Up: []string{"a", "b"}, Down: []string{"undo b", "undo a"}}, {Up: []string{"c"}, Down: []string{"undo c"}}},
		Notes:         []string{"table x\n; drop is in the database alone"},
	})
	const head = "-- Made from the declared schemas. Read it before it runs.\n-- gateway: no foreign keys\n"
	if want := head + "\n-- First.\na;\nb;\n\nc;\n\n-- Left alone:\n--   table x\n-- ; drop is in the database alone\n"; up != want {
		t.Errorf("up\n%s\nwant\n%s", up, want)
	}
	if want := head + "\nundo c;\n\nundo b;\nundo a;\n"; down != want {
		t.Errorf("down\n%s\nwant\n%s", down, want)
	}
}
