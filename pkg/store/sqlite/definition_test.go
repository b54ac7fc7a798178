package sqlite

import (
	"strings"
	"testing"
)

func TestDefine(t *testing.T) {
	for _, tt := range []struct{ sql, want, tail string }{
		{"create table a (b integer, c text)", "b=b integer|c=c text", ""},
		{`CREATE TABLE "a ( b" ("c, d" text default 'x, )''(' check (length("c, d") > 1), [e] int, ` + "`f``g` int)", "c, d=\"c, d\" text default 'x, )''(' check (length(\"c, d\") > 1)|e=[e] int|f`g=`f``g` int", ""},
		{"create table a (b int, -- the b, of (all)\n c int /* ) */, primary key (b, c)) without rowid", "b=b int|c=c int|=primary key (b, c)", "without rowid"},
		{"create table a (b decimal(10, 2), constraint k unique (b), foreign key (b) references z (y)) STRICT", "b=b decimal(10, 2)|=constraint k unique (b)|=foreign key (b) references z (y)", "STRICT"},
		{`create table a ("primary" int, "check" text, constrained int)`, `primary="primary" int|check="check" text|constrained=constrained int`, ""},
	} {
		d, ok := define(tt.sql)
		var parts []string
		for _, p := range d.parts {
			parts = append(parts, p.column+"="+strings.Join(strings.Fields(p.text), " "))
		}
		if got := strings.Join(parts, "|"); !ok || got != tt.want || d.tail != tt.tail {
			t.Errorf("%s\ngives %v %s, %q, want %s, %q", tt.sql, ok, got, d.tail, tt.want, tt.tail)
		}
		again, ok := define(d.sql(`"new"`))
		if !ok || again.sql(`"new"`) != d.sql(`"new"`) {
			t.Errorf("%s\nwritten anew reads otherwise: %s", tt.sql, d.sql(`"new"`))
		}
	}
	for _, sql := range []string{"", "create table a", "create table a (b", "create table a (b 'c)", "create table a (b /* )"} {
		if d, ok := define(sql); ok {
			t.Errorf("%q gives %+v", sql, d)
		}
	}
}

func TestReferringRules(t *testing.T) {
	for _, tt := range []struct {
		text, column string
		want         bool
	}{
		{"foreign key (a) references b", "A", true}, {`constraint x foreign key ( "a" ) references b (c)`, "a", true},
		{"foreign key (a, b) references c", "a", false}, {"foreign key (b) references a", "a", false}, {"check (a > 1)", "a", false},
	} {
		p := partOf(tt.text)
		if got := p.referring(tt.column); got != tt.want {
			t.Errorf("%s refers by %s: %v, want %v", tt.text, tt.column, got, tt.want)
		}
	}
}

func FuzzDefine(f *testing.F) {
	f.Add("create table a (b text default ')', -- c\n d int)")
	f.Fuzz(func(t *testing.T, sql string) {
		d, ok := define(sql)
		if !ok {
			return
		}
		if again, _ := define(d.sql(`"t"`)); again.sql(`"t"`) != d.sql(`"t"`) {
			t.Errorf("%q: %q, then %q", sql, d.sql(`"t"`), again.sql(`"t"`))
		}
	})
}
