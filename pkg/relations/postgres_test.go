package relations

import (
	"errors"
	"net/url"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// What Postgres alone has: its types and their operators. The table has one row, with one
// value of each type (see natives).
func TestPostgresTypes(t *testing.T) {
	k := openPostgres(t)
	r := k.typed(t)
	k.relations["typed"] = r
	named := func(native string) string {
		for _, c := range r.Columns {
			if c.Native == native {
				return c.Name
			}
		}
		t.Fatal(native)
		return ""
	}
	for _, tt := range []struct {
		native, cond string
		found        bool
	}{
		{"int4range", "cs.[2,3]", true}, {"int4range", "cs.[2,9]", false}, {"int4range", "cd.[0,9]", true}, {"int4range", "ov.[4,9]", true},
		{"int4range", "sl.[6,9]", true}, {"int4range", "sr.[6,9]", false}, {"int4range", "nxr.(1,9]", true}, {"int4range", "nxl.(4,9]", false}, {"int4range", "adj.[5,6]", true},
		{"int4range", "eq.[1,4]", true}, {"int8multirange", "cs.{[1,2]}", true}, {"daterange", "cs.[2020-01-02,2020-01-03]", true},
		{"integer[]", "cs.{1}", true}, {"integer[]", "cd.{1,2}", true}, {"integer[]", "ov.{2,1}", true}, {"integer[]", "eq.{1}", true}, {"integer[]", "in.({2},{1})", true},
		{"text[]", "cs.{a}", true}, {"mood[]", "cs.{happy}", true}, {"mood", "eq.happy", true}, {"mood", "in.(sad,happy)", true}, {"mood", "gt.happy", false},
		{"jsonb", `cs.{"a":[1]}`, true}, {"jsonb", `cd.{"a":[1],"b":2}`, true}, {"jsonb", `eq.{"a":[1]}`, true},
		{"tsvector", "fts.cat", true}, {"tsvector", "fts.cat & !dog", false}, {"tsvector", "plfts.cats dogs", true}, {"tsvector", "phfts.cat dog", false},
		{"tsvector", "wfts.cat or bird", true}, {"tsvector", "fts(english).dogs", true}, {"text", "plfts(simple).a", true}, {"jsonb", "fts.a", false},
		{"inet", "eq.10.0.0.1", true}, {"inet", "sl.10.0.0.0/8", true}, {"cidr", "ov.10.1.0.0/16", true}, {"positive", "eq.1", true}, {"positive", "in.(1,2)", true},
		{"interval", "eq.24:00", true}, {"uuid", "in.(A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11)", true}, {"numeric(6,2)", "eq.1.5", true}, {"money", "gt.0", true},
		{"character varying(20)", "match(any).{^b,^a}", true}, {"character varying(20)", "like(all).{a*,b*}", false}, {"bytea", `eq.\x61`, true},
		{"timestamp(3) with time zone", "gte.2020-01-01T00:00:00+00", true}, {"boolean", "is.true", true}, {"boolean", "isdistinct.false", true},
	} {
		got, err := k.get(t, "typed?select=n:count()&"+named(tt.native)+"="+url.QueryEscape(tt.cond))
		want := `[{"n":0}]`
		if tt.found {
			want = `[{"n":1}]`
		}
		if err != nil || got != want {
			t.Errorf("%s %s: %s, %v, want %s", tt.native, tt.cond, got, err, want)
		}
	}
}

// Functions that take a row of a table are as good as its columns and relations.
func TestFunctionsOfRows(t *testing.T) {
	k := openPostgres(t)
	for _, sql := range []string{
		"create function public.shout(clients) returns text language sql stable as $$ select upper($1.name) $$",
		"create function public.active_projects(clients) returns setof projects language sql stable as $$ select * from projects where client_id = $1.id and active $$",
		"create function public.owner(projects) returns setof clients rows 1 language sql stable as $$ select * from clients where id = $1.client_id $$",
	} {
		if _, err := k.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatal(err)
		}
	}
	clients, projects := k.relations["clients"], k.relations["projects"]
	clients.Columns = append(clients.Columns, Column{Name: "shout", Native: "text", Nullable: true, Call: `"public"."shout"`})
	clients.Links = append(clients.Links, &Link{Names: []string{"active_projects"}, To: projects, Many: true, Call: `"public"."active_projects"`})
	projects.Links = append(projects.Links, &Link{Names: []string{"owner"}, To: clients, Call: `"public"."owner"`})
	for path, want := range map[string]string{
		"clients?id=eq.1":                                                      `[{"id":1,"name":"Microsoft","country":"us"}]`,
		"clients?select=shout&order=shout":                                     `[{"shout":"APPLE"},{"shout":"MICROSOFT"}]`,
		"clients?select=id&shout=like.A*":                                      `[{"id":2}]`,
		"clients?select=id,active_projects(id)&active_projects.order=id":       `[{"id":1,"active_projects":[{"id":1},{"id":2}]},{"id":2,"active_projects":[{"id":4}]}]`,
		"clients?select=id,active_projects!inner(id)&active_projects.id=eq.4":  `[{"id":2,"active_projects":[{"id":4}]}]`,
		"clients?select=id,...active_projects(p:id)&id=eq.2":                   `[{"id":2,"p":[4]}]`,
		"projects?select=id,owner(name,shout)&id=in.(4,5)&order=id":            `[{"id":4,"owner":{"name":"Apple","shout":"APPLE"}},{"id":5,"owner":null}]`,
		"projects?select=id,...owner(client:name)&id=in.(4,5)&order=id":        `[{"id":4,"client":"Apple"},{"id":5,"client":null}]`,
		"projects?select=id,owner(id)&order=owner(name).nullsfirst,id&limit=2": `[{"id":5,"owner":null},{"id":3,"owner":{"id":2}}]`,
		"projects?select=id,owner()&owner=is.null":                             `[{"id":5}]`,
		"projects?select=...owner(name,n:count())&order=owner(name)":           `[{"name":"Apple","n":2},{"name":"Microsoft","n":2},{"name":null,"n":0}]`,
		"tasks?select=id,projects(owner(active_projects(id)))&id=eq.7":         `[{"id":7,"projects":{"owner":{"active_projects":[{"id":4}]}}}]`,
	} {
		if got, err := k.get(t, path); err != nil || !sameJSON(t, got, want) {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
}

// The rows that a function gives are no way around the limit of their table.
func TestFunctionsOfRowsAreLimited(t *testing.T) {
	k := openPostgres(t)
	sql := "create function public.all_projects(clients) returns setof projects language sql stable as $$ select * from projects $$"
	if _, err := k.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
		t.Fatal(err)
	}
	clients, projects := k.relations["clients"], k.relations["projects"]
	clients.Links = append(clients.Links, &Link{Names: []string{"all_projects"}, To: projects, Many: true, Call: `"public"."all_projects"`})
	o := k.options()
	o.Reach = func(r *Relation) (Limit, error) {
		switch r {
		case projects:
			return Limit{Pieces: []string{"id = ", ""}, Args: []any{int64(3)}}, nil
		case clients:
			return Limit{Pieces: []string{"id = ", ""}, Args: []any{int64(1)}}, nil
		}
		return Limit{}, errors.New("not asked for")
	}
	for _, kept := range [][]string{nil, {"xmin"}} {
		o.Kept = kept
		plan, err := Select(clients, &parse(t, "select=id,all_projects(id)").Read, o)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := k.rows(t, plan); err != nil || got != `[{"id":1,"all_projects":[{"id":3}]}]` {
			t.Errorf("%v: %s, %v", kept, got, err)
		}
	}
}

func TestPostgresCasts(t *testing.T) {
	k := openPostgres(t)
	k.relations["typed"] = k.typed(t)
	for native, to := range map[string]string{"oid": "bigint", "integer[]": "_int8", "text[]": "_int4"} {
		for _, c := range k.relations["typed"].Columns {
			if c.Native != native {
				continue
			}
			if _, err := k.get(t, "typed?select="+c.Name+"::"+to+"&"+c.Name+"=is.null"); err != nil {
				t.Errorf("%s to %s: %v", native, to, err)
			}
		}
	}
}
