package postgres_test

import (
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// Which writes may have an answer that SQL chooses is known before: all others pay nothing.
func TestCatalogOfWhatChoosesAnswers(t *testing.T) {
	s := open(t, database(t), store.Options{})
	for _, sql := range []string{
		`create table plain (id int primary key)`,
		`create table own (id int primary key)`,
		`create table calm (id int primary key)`,
		`create table other (id int references own)`, // has triggers of the system alone
		`create view above as select id from own`,
		`create view aloft as select id as name from above`,
		`create view beside as select id from plain`,
		`create function touch() returns trigger language plpgsql as $$ begin return new; end $$`,
		`create trigger touch before insert on own for each row execute function touch()`,
		`create trigger touch before insert on calm for each row execute function touch()`,
		`alter table calm disable trigger touch`,
	} {
		exec(t, s, sql)
	}
	choosing := func() (names []string) {
		t.Helper()
		catalog, err := s.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range catalog.Relations {
			if r.Chooses {
				names = append(names, r.Name)
			}
		}
		return names
	}
	if got := choosing(); got != nil {
		t.Errorf("where no function speaks of the answer, %q may choose it", got)
	}
	exec(t, s, `create function say() returns text begin atomic select set_config('Response.Status', '202', true); end`)
	if got, want := choosing(), []string{"above", "aloft", "own"}; !slices.Equal(got, want) {
		t.Errorf("%q may choose the answer, want %q", got, want)
	}
}
