package postgrest

import (
	"reflect"
	"testing"
)

func column(name string, path ...Step) Item { return Item{Kind: Column, Field: at(name, path...)} }

func at(name string, path ...Step) Field { return Field{Name: name, Path: path} }

func key(name string) Step { return Step{Key: name} }

func index(n int64) Step { return Step{IsIndex: true, Index: n} }

func text(s Step) Step {
	s.Text = true
	return s
}

func embed(e Embedded) Item {
	e.Limit = -1
	if e.Select == nil {
		e.Select = []Item{}
	}
	return Item{Kind: Embed, Embed: &e}
}

func as(alias string, it Item) Item {
	it.Alias = alias
	return it
}

func parsed(t *testing.T, query string, o Options) *Query {
	t.Helper()
	q, err := Parse(query, o)
	if err != nil {
		t.Fatalf("Parse(%q): %v", query, err)
	}
	return q
}

func TestSelect(t *testing.T) {
	a := column("a")
	tests := []struct {
		rule, query string
		want        []Item
	}{
		{"without it every column", "", nil},
		{"without a value every column", "select", nil},
		{"an empty one has every column", "select=", nil},
		{"the first one counts", "select=a&select=b", []Item{a}},
		{"columns", "select=a, b ,*", []Item{a, column("b"), {Kind: Star}}},
		{"dashes, dollars, digits, spaces and letters need no quotes", "select=a-b,$1,the+year,%E5%90%8D", []Item{column("a-b"), column("$1"), column("the year"), column("名")}},
		{"other characters need quotes", `select="a,b","say \"x\\"`, []Item{column("a,b"), column(`say "x\`)}},
		{"an alias", `select=b:a,"x y":a`, []Item{as("b", a), as("x y", a)}},
		{"a cast", "select=a::text,b:a::double precision", []Item{{Kind: Column, Field: at("a"), Cast: "text"}, {Kind: Column, Alias: "b", Field: at("a"), Cast: "double precision"}}},
		{"a path into JSON", `select=a->b->>c,a->0->>-1,a->"0"`, []Item{column("a", key("b"), text(key("c"))), column("a", index(0), text(index(-1))), column("a", key("0"))}},
		{"only whole numbers are indices", "select=a->0xy1->23-xy-45->1::int", []Item{{Kind: Column, Field: at("a", key("0xy1"), key("23-xy-45"), index(1)), Cast: "int"}}},
		{"keys of JSON may have most characters", "select=a->!@#$%^%26*_d->>e", []Item{column("a", key("!@#$%^&*_d"), text(key("e")))}},
		{"aggregates", "select=n.sum(),n.avg()::int,x:n::float.max()::text,n.min(),n.count()", []Item{
			{Kind: Column, Field: at("n"), Aggregate: "sum"}, {Kind: Column, Field: at("n"), Aggregate: "avg", AggCast: "int"},
			{Kind: Column, Alias: "x", Field: at("n"), Cast: "float", Aggregate: "max", AggCast: "text"},
			{Kind: Column, Field: at("n"), Aggregate: "min"}, {Kind: Column, Field: at("n"), Aggregate: "count"},
		}},
		{"a count of rows", "select=count(),c:count()::text", []Item{{Kind: CountRows}, {Kind: CountRows, Alias: "c", AggCast: "text"}}},
		{"a column may be named count", "select=count,a.count()", []Item{column("count"), {Kind: Column, Field: at("a"), Aggregate: "count"}}},
		{"an embedding", "select=a,r(a,*)", []Item{a, embed(Embedded{Name: "r", Read: Read{Select: []Item{a, {Kind: Star}}}})}},
		{"an embedding that answers nothing", "select=r()", []Item{embed(Embedded{Name: "r"})}},
		{"an embedding in another, with an alias", "select=x:r(s(a))", []Item{as("x", embed(Embedded{Name: "r", Read: Read{Select: []Item{embed(Embedded{Name: "s", Read: Read{Select: []Item{a}}})}}}))}},
		{"a hint", "select=r!h(),r!fk-1()", []Item{embed(Embedded{Name: "r", Hint: "h"}), embed(Embedded{Name: "r", Hint: "fk-1"})}},
		{"a join", "select=r!inner(),r!left()", []Item{embed(Embedded{Name: "r", Join: Inner}), embed(Embedded{Name: "r"})}},
		{"a hint and a join, either way round", "select=r!h!inner(),r!inner!h()", []Item{embed(Embedded{Name: "r", Hint: "h", Join: Inner}), embed(Embedded{Name: "r", Hint: "h", Join: Inner})}},
		{"a spread", "select=...r!h(a)", []Item{embed(Embedded{Name: "r", Hint: "h", Spread: true, Read: Read{Select: []Item{a}}})}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := parsed(t, tt.query, Options{}).Select; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse(%q)\n got %+v\nwant %+v", tt.query, got, tt.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	a, b := at("a"), at("b")
	is := func(f Field, value string) Cond { return Cond{Field: f, Op: Eq, Value: value} }
	tests := []struct {
		rule, query string
		want        []Cond
	}{
		{"a filter", "a=eq.1", []Cond{is(a, "1")}},
		{"its value is all that follows, with dots and commas", "a=eq.1.5,(x)", []Cond{is(a, "1.5,(x)")}},
		{"a plus is a space, a lone percent sign itself", "a=eq.x+y%2B%zz%", []Cond{is(a, "x y+%zz%")}},
		{"a column may repeat", "a=gt.1&a=lt.9", []Cond{{Field: a, Op: Gt, Value: "1"}, {Field: a, Op: Lt, Value: "9"}}},
		{"a parameter without = is left out", "a&a=eq.1", []Cond{is(a, "1")}},
		{"not", "a=not.eq.1", []Cond{{Not: true, Field: a, Op: Eq, Value: "1"}}},
		{"a path into JSON", "a->b->>-1=eq.1", []Cond{is(at("a", key("b"), text(index(-1))), "1")}},
		{"a reserved name in quotes is a column", `"select"=eq.1`, []Cond{is(at("select"), "1")}},
		{"a list", "a=in.(1, two ,3)", []Cond{{Field: a, Op: In, List: []string{"1", " two ", "3"}}}},
		{"quotes around a value of a list", `a=in.("x,y","(z)","q\"\\")`, []Cond{{Field: a, Op: In, List: []string{"x,y", "(z)", `q"\`}}}},
		{"quotes inside of a value are its own", `a=in.(d"e,"f"g)`, []Cond{{Field: a, Op: In, List: []string{`d"e`, `"f"g`}}}},
		{"a list of one empty value is empty", "a=in.( )&b=not.in.()", []Cond{{Field: a, Op: In, List: []string{}}, {Not: true, Field: b, Op: In, List: []string{}}}},
		{"an empty value among others stays", "a=in.(,1)", []Cond{{Field: a, Op: In, List: []string{"", "1"}}}},
		{"is, in letters of any case", "a=is.NULL&a=not.is.not_null&a=is.Unknown", []Cond{{Field: a, Op: Is, Value: "null"}, {Not: true, Field: a, Op: Is, Value: "not_null"}, {Field: a, Op: Is, Value: "unknown"}}},
		{"any", "a=like(any).{x*,\"y,z\"}", []Cond{{Field: a, Op: Like, Each: Any, Value: `{x*,"y,z"}`, List: []string{"x*", "y,z"}}}},
		{"all, with a null", "a=not.gt(all).{1, NULL ,{\"null\"}}", []Cond{{Not: true, Field: a, Op: Gt, Each: All, Value: `{1, NULL ,{"null"}}`, List: []string{"1", "null"}, Nulls: true}}},
		{"full-text search in a language", "a=fts(english).x&a=not.wfts.y", []Cond{{Field: a, Op: Fts, Lang: "english", Value: "x"}, {Not: true, Field: a, Op: Wfts, Value: "y"}}},
		{"or", "or=(a.eq.1,b.eq.2)", []Cond{{Kind: Or, Of: []Cond{is(a, "1"), is(b, "2")}}}},
		{"not of and", "not.and=(a.eq.1)", []Cond{{Kind: And, Not: true, Of: []Cond{is(a, "1")}}}},
		{"one in the other, with spaces", "or=( and ( a.eq.1 , b.eq.2) , not.or(b.not.eq.3) )", []Cond{{Kind: Or, Of: []Cond{
			{Kind: And, Of: []Cond{is(a, "1 "), is(b, "2")}},
			{Kind: Or, Not: true, Of: []Cond{{Not: true, Field: b, Op: Eq, Value: "3"}}},
		}}}},
		{"what follows it is left alone", "or=(a.eq.1))x&b=in.(1)x&b=is.nullx", []Cond{{Kind: Or, Of: []Cond{is(a, "1")}}, {Field: b, Op: In, List: []string{"1"}}, {Field: b, Op: Is, Value: "null"}}},
		{"quotes around a value in it", `or=(a.eq."x,y)",b.eq.d"e)`, []Cond{{Kind: Or, Of: []Cond{is(a, "x,y)"), is(b, `d"e`)}}}},
		{"lists and arrays in it", `and=(a.in.(1,"2,3"),b.cs.{x,y},b.cd.{})`, []Cond{{Kind: And, Of: []Cond{{Field: a, Op: In, List: []string{"1", "2,3"}}, {Field: b, Op: Cs, Value: "{x,y}"}, {Field: b, Op: Cd, Value: "{}"}}}}},
		{"paths and languages in it", "or=(a->>b.eq.1,b.plfts(german).Art Spass)", []Cond{{Kind: Or, Of: []Cond{is(at("a", text(key("b"))), "1"), {Field: b, Op: Plfts, Lang: "german", Value: "Art Spass"}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.rule, func(t *testing.T) {
			if got := parsed(t, tt.query, Options{}).Where; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Parse(%q)\n got %+v\nwant %+v", tt.query, got, tt.want)
			}
		})
	}
}

func TestEveryOperatorByItsName(t *testing.T) {
	names := []string{"eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "in", "is", "isdistinct",
		"fts", "plfts", "phfts", "wfts", "cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"}
	values := map[string]string{"in": "(1)", "is": "true"}
	for i, name := range names {
		value := values[name]
		if value == "" {
			value = "v"
		}
		want := Eq + Op(i)
		for _, query := range []string{"a=" + name + "." + value, "a=not." + name + "." + value} {
			if got := parsed(t, query, Options{}).Where[0].Op; got != want {
				t.Errorf("%s is operator %d, want %d", query, got, want)
			}
		}
		if got := parsed(t, "or=(a."+name+"."+value+")", Options{}).Where[0].Of[0].Op; got != want {
			t.Errorf("in or, %s is operator %d, want %d", name, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	tests := []struct {
		query string
		want  []Order
	}{
		{"order=a", []Order{{By: at("a")}}},
		{"order=a.asc,b.desc", []Order{{By: at("a")}, {By: at("b"), Descending: true}}},
		{"order=a.nullsfirst,b.desc.nullslast", []Order{{By: at("a"), Nulls: NullsFirst}, {By: at("b"), Descending: true, Nulls: NullsLast}}},
		{"order=a->b->>0.desc", []Order{{By: at("a", key("b"), text(index(0))), Descending: true}}},
		{"order=r(a).desc, b", []Order{{By: at("a"), Embed: "r", Descending: true}, {By: at("b")}}},
		{`order="a.b".desc`, []Order{{By: at("a.b"), Descending: true}}},
		{"order=a&order=b", []Order{{By: at("a")}}}, // the first counts
	}
	for _, tt := range tests {
		if got := parsed(t, tt.query, Options{}).Order; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q).Order = %+v, want %+v", tt.query, got, tt.want)
		}
	}
}

func TestParametersOfEmbeddings(t *testing.T) {
	q := parsed(t, "select=x:r(s(*),t(*)),r2()&x.a=eq.1&x.s.b=gt.2&r.t.or=(c.is.null)&x.not.and=(a.lt.3)&x.order=a.desc&x.limit=5&r.offset=2&r2.limit=0&x=not.is.null", Options{})
	r, r2 := q.Select[0].Embed, q.Select[1].Embed
	if want := []Cond{{Not: true, Field: at("x"), Op: Is, Value: "null"}}; !reflect.DeepEqual(q.Where, want) {
		t.Errorf("the top has %+v, want the filter on the embedding itself", q.Where)
	}
	if len(r.Where) != 2 || r.Where[0].Value != "1" || !r.Where[1].Not || r.Where[1].Kind != And {
		t.Errorf("r has conditions %+v", r.Where)
	}
	if s := r.Select[0].Embed; len(s.Where) != 1 || s.Where[0].Op != Gt {
		t.Errorf("s has conditions %+v", s.Where)
	}
	if s := r.Select[1].Embed; len(s.Where) != 1 || s.Where[0].Kind != Or {
		t.Errorf("t has conditions %+v", s.Where)
	}
	if len(r.Order) != 1 || r.Limit != 5 || r.Offset != 2 || r2.Limit != 0 || q.Limit != -1 || q.Paged {
		t.Errorf("r: %+v, limit of r2: %d, of the top: %d", r.Read, r2.Limit, q.Limit)
	}
}

func TestPage(t *testing.T) {
	tests := []struct {
		query         string
		limit, offset int64
		paged         bool
	}{
		{"", -1, 0, false},
		{"limit=0", 0, 0, true},
		{"limit=10&offset=20", 10, 20, true},
		{"limit=1&limit=2", 2, 0, true},
		{"limit=x&offset=y", -1, 0, true},
		{"offset=-3", -1, 0, true},
		{"limit=99999999999999999999", 1<<63 - 1, 0, true},
	}
	for _, tt := range tests {
		q := parsed(t, tt.query, Options{})
		if q.Limit != tt.limit || q.Offset != tt.offset || q.Paged != tt.paged {
			t.Errorf("Parse(%q) has limit %d, offset %d, paged %t", tt.query, q.Limit, q.Offset, q.Paged)
		}
	}
}

func TestParametersOfWrites(t *testing.T) {
	q := parsed(t, `columns=d,"a","b c",a&on_conflict=a, b&id=eq.1`, Options{})
	if want := []string{"a", "b c", "d"}; !reflect.DeepEqual(q.Columns, want) {
		t.Errorf("columns are %q, want %q", q.Columns, want)
	}
	if want := []string{"a", "b"}; !reflect.DeepEqual(q.OnConflict, want) {
		t.Errorf("on_conflict is %q, want %q", q.OnConflict, want)
	}
	if q := parsed(t, "id=eq.1", Options{}); q.Columns != nil || q.OnConflict != nil {
		t.Errorf("without them they are %v, %v, want nil", q.Columns, q.OnConflict)
	}
}

func TestAfterIsACursorAndNotAFilter(t *testing.T) {
	tests := []struct {
		query string
		o     Options
		after string
		where int
		args  int
	}{
		{"after=WzEsMl0", Options{}, "WzEsMl0", 0, 0},
		{"after=gt.3", Options{}, "", 1, 0}, // a column may have that name
		{"after=gt.3&after=xyz", Options{}, "xyz", 1, 0},
		{"after=x", Options{Function: true}, "x", 0, 0},
		{"after=x", Options{Function: true, Params: func(n string) bool { return n == "after" }}, "", 0, 1},
	}
	for _, tt := range tests {
		q := parsed(t, tt.query, tt.o)
		if q.After != tt.after || len(q.Where) != tt.where || len(q.Args) != tt.args {
			t.Errorf("Parse(%q) has cursor %q, conditions %v, arguments %v", tt.query, q.After, q.Where, q.Args)
		}
	}
}

func TestArgumentsOfFunctions(t *testing.T) {
	o := Options{Function: true, Params: func(name string) bool { return name == "state" }}
	q := parsed(t, "a=1&v=x&v=y&id=eq.2&state=in.transit&select=id&state=not.now", o)
	if want := []Arg{{"a", "1"}, {"v", "x"}, {"v", "y"}, {"state", "in.transit"}, {"state", "not.now"}}; !reflect.DeepEqual(q.Args, want) {
		t.Errorf("arguments are %v, want %v", q.Args, want)
	}
	if want := []Cond{{Field: at("id"), Op: Eq, Value: "2"}}; !reflect.DeepEqual(q.Where, want) {
		t.Errorf("conditions are %+v, want %+v", q.Where, want)
	}
	if q, err := Parse("other=in.transit", o); err == nil {
		t.Errorf("what begins as a filter, is none and names no parameter is %+v, want PostgREST's error", q)
	}
}

func TestAQueryOfThreeFiltersTakesLittleMemory(t *testing.T) {
	const query = "select=id,title,inserted_at&status=eq.published&author_id=in.(1,2,3)&title=ilike.*go*&order=inserted_at.desc&limit=20"
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := Parse(query, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 14 {
		t.Errorf("Parse took memory %v times, want at most 14", allocations)
	}
}

func BenchmarkParse(b *testing.B) {
	for name, query := range map[string]string{
		"key":     "id=eq.1",
		"filters": "select=id,title,inserted_at&status=eq.published&author_id=in.(1,2,3)&title=ilike.*go*&order=inserted_at.desc&limit=20",
		"embed":   "select=id,title,author:users!author_id(id,email),comments(id,body)&comments.order=id.desc&comments.limit=3&id=eq.1",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(query, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
