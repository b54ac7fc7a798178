package postgrest

import (
	"reflect"
	"strings"
	"testing"
)

// The texts are those of PostgREST: of the examples in its parser
// (PostgREST.ApiRequest.QueryParams) and of its tests (test/spec/Feature/Query).
func TestWhatDoesNotParseIsToldAsPostgRESTDoes(t *testing.T) {
	tests := []struct{ query, message, details string }{
		{"id=val", `"failed to parse filter (val)" (line 1, column 1)`, `unexpected "v" expecting "not" or operator (eq, gt, ...)`},
		{"a=0", `"failed to parse filter (0)" (line 1, column 1)`, `unexpected "0" expecting "not" or operator (eq, gt, ...)`},
		{"a.b=noop.0", `"failed to parse filter (noop.0)" (line 1, column 1)`, `unexpected "o" expecting "not" or operator (eq, gt, ...)`},
		{"id=", `"failed to parse filter ()" (line 1, column 1)`, `unexpected end of input expecting "not" or operator (eq, gt, ...)`},
		{"id=eq().value", `"failed to parse filter (eq().value)" (line 1, column 4)`, `unexpected ")" expecting operator (eq, gt, ...)`},
		{"id=fts().value", `"failed to parse filter (fts().value)" (line 1, column 5)`, `unexpected ")" expecting operator (eq, gt, ...)`},
		{"id=is().value", `"failed to parse filter (is().value)" (line 1, column 3)`, `unexpected "(" expecting operator (eq, gt, ...)`},
		{"id=in().value", `"failed to parse filter (in().value)" (line 1, column 3)`, `unexpected "(" expecting operator (eq, gt, ...)`},
		{"id=is.nil", `"failed to parse filter (is.nil)" (line 1, column 5)`, `unexpected "i" expecting isVal: (null, not_null, true, false, unknown)`},
		{"id=in.(1,2", `"failed to parse filter (in.(1,2)" (line 1, column 8)`, `unexpected end of input expecting "," or ")"`},
		{"=eq.1", `"failed to parse tree path ()" (line 1, column 1)`, `unexpected end of input expecting field name (* or [a..z0..9_$])`},
		{"select=id,clients(name[])", `"failed to parse select parameter (id,clients(name[]))" (line 1, column 16)`,
			`unexpected '[' expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input`},
		{"select=name!hint", `"failed to parse select parameter (name!hint)" (line 1, column 5)`,
			`unexpected '!' expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input`},
		{"!.offset=1", `"failed to parse tree path (!.offset)" (line 1, column 1)`, `unexpected "!" expecting field name (* or [a..z0..9_$])`},
		{"!.limit=1", `"failed to parse tree path (!.limit)" (line 1, column 1)`, `unexpected "!" expecting field name (* or [a..z0..9_$])`},
		{"!.or=(a.eq.1)", `"failed to parse logic path (!.or)" (line 1, column 1)`, `unexpected "!" expecting field name (* or [a..z0..9_$])`},
		{"select=a,,b", `"failed to parse select parameter (a,,b)" (line 1, column 3)`,
			`unexpected "," expecting "...", field name (* or [a..z0..9_$]), "*" or "count()"`},
		{"select=count(*)", `"failed to parse select parameter (count(*))" (line 1, column 6)`,
			`unexpected '(' expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input`},
		{"select=id,rel(id", `"failed to parse select parameter (id,rel(id)" (line 1, column 10)`,
			`unexpected end of input expecting letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input`},
		{"select=name::", `"failed to parse select parameter (name::)" (line 1, column 7)`, `unexpected end of input expecting letter or digit`},
		{"select=data->>-78xy", `"failed to parse select parameter (data->>-78xy)" (line 1, column 11)`,
			`unexpected 'x' expecting digit, "->", "::", ".", "," or end of input`},
		{"select=data->>--34", `"failed to parse select parameter (data->>--34)" (line 1, column 9)`, `unexpected "-" expecting digit`},
		{"select=data->(!@$%^%26*_d->>e::integer", `"failed to parse select parameter (data->(!@$%^&*_d->>e::integer)" (line 1, column 7)`,
			`unexpected "(" expecting "-", digit or any non reserved character different from: .,>()`},
		{"order=id.ac", `"failed to parse order (id.ac)" (line 1, column 4)`, `unexpected "c" expecting "asc", "desc", "nullsfirst" or "nullslast"`},
		{"order=id.descc", `"failed to parse order (id.descc)" (line 1, column 8)`, `unexpected 'c' expecting delimiter (.), "," or end of input`},
		{"order=id.nulsfist", `"failed to parse order (id.nulsfist)" (line 1, column 4)`, `unexpected "n" expecting "asc", "desc", "nullsfirst" or "nullslast"`},
		{"order=id.asc.nlsfst", `"failed to parse order (id.asc.nlsfst)" (line 1, column 8)`, `unexpected "l" expecting "nullsfirst" or "nullslast"`},
		{"order=id.asc.nullslasttt", `"failed to parse order (id.asc.nullslasttt)" (line 1, column 17)`, `unexpected 't' expecting "," or end of input`},
		{"order=clients(name,id)", `"failed to parse order (clients(name,id))" (line 1, column 8)`,
			`unexpected '(' expecting letter, digit, "-", "->>", "->", delimiter (.), "," or end of input`},
		{"or=()", `"failed to parse logic tree (())" (line 1, column 4)`,
			`unexpected ")" expecting field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)`},
		{"or=)(", `"failed to parse logic tree ()()" (line 1, column 3)`, `unexpected ")" expecting "("`},
		{"or=(id.in.1,2,id.eq.3)", `"failed to parse logic tree ((id.in.1,2,id.eq.3))" (line 1, column 10)`, `unexpected "1" expecting "("`},
		{"and=(ord(id.eq.1,id.eq.1),id.eq.2)", `"failed to parse logic tree ((ord(id.eq.1,id.eq.1),id.eq.2))" (line 1, column 7)`, `unexpected "d" expecting "("`},
		{"or=(id.eq.1,not.xor(id.eq.2,id.eq.3))", `"failed to parse logic tree ((id.eq.1,not.xor(id.eq.2,id.eq.3)))" (line 1, column 16)`,
			`unexpected "x" expecting logic operator (and, or)`},
		{"or=(r.user_id.eq.1)", `"failed to parse logic tree ((r.user_id.eq.1))" (line 1, column 6)`, `unexpected "u" expecting "not" or operator (eq, gt, ...)`},
		{"order=r.reg_number", `"failed to parse order (r.reg_number)" (line 1, column 3)`, `unexpected "r" expecting "asc", "desc", "nullsfirst" or "nullslast"`},
		{"columns=a,", `"failed to parse columns parameter (a,)" (line 1, column 3)`, `unexpected end of input expecting field name (* or [a..z0..9_$])`},
		{"on_conflict=,a", `"failed to parse on_conflict parameter (,a)" (line 1, column 1)`, `unexpected "," expecting field name (* or [a..z0..9_$])`},
		// Characters are counted, not bytes, and shown as Haskell shows them.
		{"order=%C3%A9.%E2%82%AC", "\"failed to parse order (é.€)\" (line 1, column 3)", `unexpected "\8364" expecting "asc", "desc", "nullsfirst" or "nullslast"`},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			refused(t, tt.query, Error{Status: 400, Code: "PGRST100", Message: tt.message, Details: tt.details})
		})
	}
}

func TestTheFirstErrorIsThatOfTheTextThatPostgRESTReadsFirst(t *testing.T) {
	tests := []struct{ query, first string }{
		{"id=x&select=a::&columns=,&or=x&order=.&rel.id=eq.1&on_conflict=,", "order"},
		{"id=x&select=a::&columns=,&or=x", "logic tree"},
		{"id=x&select=a::&columns=,", "columns"},
		{"id=x&select=a::", "select"},
		{"on_conflict=,&id=x", "filter"},
		{"on_conflict=,&rel.id=eq.1", "on_conflict"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.query, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), `PGRST100: "failed to parse `+tt.first) {
			t.Errorf("Parse(%q) = %v, want what is wrong with %s", tt.query, err, tt.first)
		}
	}
}

func TestOtherRefusals(t *testing.T) {
	notEmbedded := Error{Status: 400, Code: "PGRST108", Message: "'rel' is not an embedded resource in this request",
		Hint: "Verify that 'rel' is included in the 'select' query parameter."}
	tests := []struct {
		name, query string
		want        Error
	}{
		{"a filter of what is not embedded", "rel.id=eq.1", notEmbedded},
		{"an order of what is not embedded", "select=other()&rel.order=id", notEmbedded},
		{"a page of what is not embedded", "rel.limit=1", notEmbedded},
		{"and/or of what is not embedded", "select=a(rel())&rel.or=(a.eq.1)", notEmbedded},
		{"a negative limit", "limit=-1", Error{Status: 416, Code: "PGRST103", Message: "Requested range not satisfiable",
			Details: "Limit should be greater than or equal to zero."}},
		{"a negative limit of an embedding", "select=r()&r.limit=-1", Error{Status: 400, Code: "2201W", Message: "LIMIT must not be negative"}},
		{"a negative offset of an embedding", "select=r()&r.offset=-1", Error{Status: 400, Code: "2201X", Message: "OFFSET must not be negative"}},
		{"an index beyond an integer", "select=a->99999999999", Error{Status: 400, Code: "22003",
			Message: `value "99999999999" is out of range for type integer`}},
		{"any of what is no array", "a=eq(any).1,2", Error{Status: 400, Code: "22P02", Message: `malformed array literal: "1,2"`,
			Details: `Array value must start with "{" or dimension information.`}},
		{"any of an array that does not end", "a=like(all).{a,b", Error{Status: 400, Code: "22P02", Message: `malformed array literal: "{a,b"`,
			Details: "Unexpected end of input."}},
		{"what is not UTF-8", "a=eq.%ff", Error{Status: 400, Code: "PGRST100", Message: "the query is not UTF-8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.query, tt.want) })
	}
}

func TestAQueryIsBounded(t *testing.T) {
	few := Limits{Length: 100, Depth: 3, Items: 3, Conditions: 3, Values: 3}
	tests := []struct{ allowed, refused, details string }{
		{"a=eq." + strings.Repeat("x", 95), "a=eq." + strings.Repeat("x", 96), "more than 100 bytes"},
		{"select=a(b(c))", "select=a(b(c(d)))", "more than 3 levels"},
		{"select=a->b->c->d", "select=a->b->c->d->e", "more than 3 levels"},
		{"or=(and(or(a.eq.1)))", "or=(and(or(and(a.eq.1))))", "more than 3 levels"},
		{"select=a,b&order=a", "select=a,b&order=a,b", "more than 3 items"},
		{"columns=a,b,c", "columns=a,b,c,d", "more than 3 items"},
		{"a=eq.1&or=(b.eq.1,c.eq.1)", "a=eq.1&or=(b.eq.1,c.eq.1,d.eq.1)", "more than 3 conditions"},
		{"a=in.(1,2)&b=in.(1)", "a=in.(1,2)&b=in.(1,2)", "more than 3 values in lists"},
		{"a=eq(any).{1,2,3}", "a=eq(any).{1,2,3,4}", "more than 3 values in lists"},
	}
	for _, tt := range tests {
		if _, err := Parse(tt.allowed, Options{Limits: few}); err != nil {
			t.Errorf("Parse(%q): %v, want it allowed", tt.allowed, err)
		}
		_, err := Parse(tt.refused, Options{Limits: few})
		if e, ok := err.(*Error); !ok || e.Details != tt.details || e.Status != 400 && e.Status != 414 {
			t.Errorf("Parse(%q) = %#v, want details %q", tt.refused, err, tt.details)
		}
	}
}

// What a stranger sends is read in a time that grows with its length only, also where it
// ends in an error: a parser that doubles its work anywhere would not end.
func TestHostileQueries(t *testing.T) {
	parts := []string{"(", ")", "a(", "a,", "a->", "->", `"`, `\"`, `"a\`, "not.", "not.and(", "and(", "a.eq.1,", "a.in.(1,", "{", "a:", "a!b",
		"...a(", "a-", "- ", "a::b", "'", "é", `a.in.("`, "eq.", "in.(,", "a.not.in.(1),", "x.like(any).{a,b},", ".", "a.", "a.asc,", "a(b).desc,"}
	before := []string{"select=", "or=(", "r.not.and=(", "a=", "a=in.(", "a=eq(any).{", "order=", "columns=", ""}
	for _, part := range parts {
		for _, start := range before {
			raw := start + strings.Repeat(part, 20_000/len(part))
			if start == "" {
				raw += "=eq.1"
			}
			if _, err := Parse(raw, Options{}); err == nil && start == "or=(" {
				t.Errorf("Parse(%q and so on) gave no error", raw[:40])
			}
		}
	}
}

func refused(t *testing.T, query string, want Error) {
	t.Helper()
	q, err := Parse(query, Options{})
	got, ok := err.(*Error)
	if !ok {
		t.Fatalf("Parse(%q) = %+v, %v, want %+v", query, q, err, want)
	}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("Parse(%q)\n got %+v\nwant %+v", query, *got, want)
	}
}
