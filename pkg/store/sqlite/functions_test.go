package sqlite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestFunctions(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{})
	for sql, want := range map[string]any{
		"'abc' regexp '^a.c$'": int64(1), "'ABC' regexp 'b'": int64(0), "iregexp('é', 'CAFÉ')": int64(1), "'abc' not regexp 'b'": int64(0),
		"null regexp 'a'": nil, "'a' regexp null": nil, "15 regexp '^1'": int64(1), `'a.b' regexp '\.'`: int64(1),
		"moment('2025-01-01 00:05:00')": "2025-01-01T00:05:00+00:00", "moment('2025-01-01T00:05:00.120000Z')": "2025-01-01T00:05:00.12+00:00",
		"moment('soon')": "soon", "moment(5)": int64(5), "moment(null)": nil,
	} {
		if got := one(t, s, "select "+sql); got != want {
			t.Errorf("%s is %v, want %v", sql, got, want)
		}
	}
	match := &store.Statement{SQL: "select 'x' regexp ?1", Params: 1, Reads: true}
	for _, pattern := range []string{"(", "a{2000}", "(?=a)", strings.Repeat("a", 5000)} {
		_, err := s.Query(t.Context(), match, []any{pattern}, 1)
		var invalid *store.Invalid
		if !errors.As(err, &invalid) || !strings.HasPrefix(invalid.Message, "invalid regular expression: ") {
			t.Errorf("%.20s: %v, want Invalid", pattern, err)
		}
		if got := one(t, s, "select 'x' regexp ?1", "x"); got != int64(1) {
			t.Errorf("after %.20s: %v", pattern, got)
		}
	}
	exec(t, s, "create table a (v text check (v regexp '^[a-z]+$'))")
	_, err := s.Exec(t.Context(), &store.Statement{SQL: "insert into a values ('1')"}, nil)
	var conflict *store.Conflict
	if !errors.As(err, &conflict) || conflict.Kind != store.Check {
		t.Errorf("a check by pattern: %v", err)
	}
}
