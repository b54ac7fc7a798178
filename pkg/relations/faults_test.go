package relations

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// natives are types of Postgres with a value of each.
func natives() [][2]string {
	return [][2]string{
		{"smallint", "1"}, {"integer", "1"}, {"bigint", "1"}, {"real", "1.5"}, {"double precision", "1.5"}, {"numeric(6,2)", "1.50"},
		{"money", "1"}, {"oid", "1"}, {"text", "a"}, {"character varying(20)", "a"}, {"character(3)", "a"}, {"name", "a"},
		{"boolean", "true"}, {"json", "{}"}, {"jsonb", `{"a":[1]}`}, {"timestamp without time zone", "2020-01-01"},
		{"timestamp(3) with time zone", "2020-01-01"}, {"time without time zone", "10:00"}, {"time with time zone", "10:00"},
		{"date", "2020-01-01"}, {"interval", "1 day"}, {"uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}, {"bytea", "a"},
		{"inet", "10.0.0.1"}, {"cidr", "10.0.0.0/8"}, {"macaddr", "08:00:2b:01:02:03"}, {"bit(3)", "101"}, {"bit varying(5)", "101"},
		{"tsvector", "cat dog"}, {"xml", "<a/>"}, {"point", "(1,2)"}, {"box", "((0,0),(1,1))"}, {"circle", "<(0,0),1>"},
		{"polygon", "((0,0),(1,1),(1,0))"}, {"line", "{1,2,3}"}, {"lseg", "((0,0),(1,1))"}, {"path", "((0,0),(1,1))"},
		{"int4range", "[1,5)"}, {"daterange", "[2020-01-01,2020-02-01)"}, {"int8multirange", "{[1,5)}"}, {"tsquery", "a"}, {"pg_lsn", "0/1"},
		{"integer[]", "{1}"}, {"text[]", "{a}"}, {"json[]", "{}"}, {"jsonb[]", "{}"}, {"timestamp with time zone[]", "{}"},
		{"inet[]", "{}"}, {"xml[]", "{}"}, {"int4range[]", "{}"}, {"mood", "happy"}, {"mood[]", "{happy}"}, {"positive", "1"},
	}
}

// typed adds a table with a column of every type of Postgres.
func (k *kit) typed(t testing.TB) *Relation {
	t.Helper()
	r := &Relation{Name: "typed", Table: "typed", Aggregates: true}
	var columns, values []string
	for i, n := range natives() {
		c := Column{Name: fmt.Sprintf("c%d", i), Native: n[0], Nullable: true}
		if known, ok := named(n[0]); ok {
			c.Type = known.kind
		}
		switch n[0] {
		case "mood":
			c.Type = store.Enum
		case "mood[]":
			c.Type = store.Array
		case "positive":
			c.Type = store.Integer
		}
		r.Columns = append(r.Columns, c)
		columns, values = append(columns, c.Name+" "+n[0]), append(values, "'"+n[1]+"'")
	}
	for _, sql := range []string{"create type mood as enum ('happy', 'sad')", "create domain positive as integer check (value > 0)",
		"create table typed (" + strings.Join(columns, ", ") + ")", "insert into typed values (" + strings.Join(values, ", ") + ")"} {
		if _, err := k.Exec(t.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// harmless runs what a stranger asks: whatever it is, the statement is no fault of ours.
func (k *kit) harmless(t testing.TB, r *Relation, query string) {
	t.Helper()
	k.harmlessAs(t, Select, r, query)
	k.harmlessAs(t, Count, r, query)
}

func (k *kit) harmlessAs(t testing.TB, plan func(*Relation, *postgrest.Read, Options) (*Plan, error), r *Relation, query string) {
	t.Helper()
	q, err := postgrest.Parse(query, postgrest.Options{})
	if err != nil {
		return
	}
	began := time.Now()
	p, err := plan(r, &q.Read, k.options())
	if err == nil {
		_, _, err = k.rows(t, p)
	} else if codeOf(err) == "" {
		t.Errorf("?%s: %v", query, err)
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("%s ?%s took %s: %v", k.Dialect(), query, took, err)
	}
	var fault *store.Fault
	if errors.As(err, &fault) && !errors.Is(err, store.ErrTooManyRows) && fault.Told.Code != noConfiguration {
		t.Errorf("%s ?%s: %v\n%s\n%v", k.Dialect(), query, err, p.SQL, p.Args)
	}
}

// noConfiguration is said of names that only the database knows: text search configurations.
const noConfiguration = "42704"

func operands() []string {
	var all []string
	values := []string{"1", "a", "", "true", "{1,2}", "{a}", "{", `{"a":1}`, "[1,5)", "2020-01-01", "*a%", `\`, "(", "a & b", "a <-> (b | !c)", "a b", "null", "1.5e400", "'", "10.0.0.0/8"}
	for _, op := range []string{"eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct",
		"fts", "plfts", "phfts", "wfts", "fts(english)", "plfts(nolanguage)", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"} {
		for _, v := range values {
			all = append(all, op+"."+v)
		}
	}
	for _, op := range []string{"eq(any)", "gt(all)", "like(any)", "ilike(all)", "match(any)"} {
		for _, v := range []string{"{1,2}", "{}", "{a}", "{null}", "x"} {
			all = append(all, op+"."+v)
		}
	}
	return append(all, "in.(1,2)", "in.()", "in.(a)", `in.("a,b",{x})`, "is.null", "is.not_null", "is.true", "is.unknown", "not.is.false")
}

// Every operator on every type, every cast and every aggregate: a value, a refusal, never a
// fault.
func TestNoFaults(t *testing.T) {
	for _, k := range kits(t) {
		r := k.relations["projects"]
		if k.Dialect() == store.Postgres {
			r = k.typed(t)
		}
		t.Run(k.Dialect().String(), func(t *testing.T) {
			for _, c := range r.Columns {
				var conds []string
				for _, o := range operands() {
					conds = append(conds, c.Name+"="+url.QueryEscape(o))
				}
				conds = append(conds, c.Name+"->a=eq.1", c.Name+"->>a=eq.1", c.Name+"->1->>x=like.a", c.Name+"->-1=is.null", c.Name+"->99999999999=is.null",
					"order="+c.Name, "order="+c.Name+"->a.desc", "select="+c.Name+",n:count()", "select=x:"+c.Name+",n:count()&order="+c.Name,
					"select="+c.Name+"->a,n:count()")
				for _, agg := range []string{"sum", "avg", "min", "max", "count"} {
					conds = append(conds, "select="+c.Name+"."+agg+"()", "select="+c.Name+"->a."+agg+"()", "select="+c.Name+"->>a."+agg+"()")
				}
				for _, n := range natives() {
					conds = append(conds, "select="+c.Name+"::"+url.QueryEscape(n[0]), "select="+c.Name+"->>a::"+url.QueryEscape(n[0]))
				}
				for _, q := range conds {
					plan := Count
					if strings.Contains(q, "select=") || strings.HasPrefix(q, "order=") {
						plan = Select
					}
					k.harmlessAs(t, plan, r, q)
				}
			}
		})
	}
}

// Whatever a body holds, it is written or refused.
func TestNoFaultsOfBodies(t *testing.T) {
	values := []string{`1`, `"a"`, `null`, `true`, `{}`, `[1,"b",null]`, `{"a":[{"b":1}]}`, `1e400`, `1.5`, `-9223372036854775809`, `"2020-01-01"`, `""`,
		`"\u0000"`, `"{a,b}"`, `"\\x"`, `[[1],[2]]`, `"99:99"`}
	for _, k := range kits(t) {
		r := k.relations["projects"]
		next := 1000
		run := func(what string, w *Write, err error) {
			if _, err = k.answered(t, w, err); err == nil {
				return
			}
			var fault *store.Fault
			if errors.As(err, &fault) {
				t.Errorf("%s %s: %v", k.Dialect(), what, err)
			}
		}
		for _, c := range r.Columns {
			for _, v := range values {
				next++
				columns := []string{"id", "name", c.Name}
				body := fmt.Sprintf(`[{"id":%d,"name":"n",%q:%s}]`, next, c.Name, v)
				if c.Name == "id" || c.Name == "name" {
					columns, body = columns[:2], fmt.Sprintf(`[{"id":%d,"name":"n",%q:%s}]`, next, c.Name, v)
				}
				for _, defaults := range []bool{false, true} {
					change := natively(r, &Change{Columns: columns, JSON: []byte(body), Defaults: defaults})
					w, err := Insert(r, &postgrest.Read{Select: nil}, change, true, k.options())
					run("insert "+body, w, err)
				}
				change := natively(r, &Change{Columns: []string{c.Name}, JSON: []byte(fmt.Sprintf(`[{%q:%s}]`, c.Name, v))})
				w, err := Update(r, &parse(t, "id=eq.1").Read, change, true, k.options())
				run("update "+c.Name+" "+v, w, err)
			}
		}
		for _, body := range []string{`[]`, `[1]`, `[null]`, `[[]]`, `{}`, `[{}]`, `[{"id":5000,"name":"x"},{}]`, `nope`, ``} {
			w, err := Insert(r, &postgrest.Read{}, natively(r, &Change{Columns: []string{"id", "name"}, JSON: []byte(body)}), true, k.options())
			run("insert "+body, w, err)
		}
	}
}
