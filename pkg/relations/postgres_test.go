package relations

import (
	"net/url"
	"testing"
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
