package expr

import (
	"slices"
	"testing"
)

func TestSQLPieces(t *testing.T) {
	s := NewScope(nil).With(Name{Name: "a", Slot: FirstSlot, Type: Int})
	tests := []struct {
		text string
		want []string
	}{
		{"published", []string{"published"}},
		{"x = ${a}", []string{"x = ", ""}},
		{"${a} < x and '$1' <> y or z = cast(${a} as int)", []string{"", " < x and '$1' <> y or z = cast(", " as int)"}},
	}
	for _, d := range []Dialect{Postgres, SQLite} {
		for _, tt := range tests {
			q, errs := s.SQL(tt.text, d, Guard)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if got := q.Pieces(); !slices.Equal(got, tt.want) || len(got) != len(q.Args)+1 {
				t.Errorf("%s: %q, want %q", tt.text, got, tt.want)
			}
		}
	}
}
