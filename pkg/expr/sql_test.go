package expr

import (
	"strings"
	"testing"
)

func TestSQL(t *testing.T) {
	s := testScope()
	const pg, lite, both = 1, 2, 3
	for _, c := range []struct {
		dialects  int
		text      string
		want      string // of Postgres; "" is an error
		parameter int
	}{
		{both, "select * from users where email = ${lower(params.email)}", "select * from users where email = $1", 1},
		{both, "select '%' || ${params.x} || '%'", "select '%' || $1 || '%'", 1}, {both, "insert into t values (${params.a}, ${params.a})", "insert into t values ($1, $2)", 2},
		{both, "select '${params.x}'", "", 0}, {both, `select "${params.x}"`, "", 0}, {both, "-- ${params.x}\nselect 1", "", 0}, {both, "/* ${params.x} */ select 1", "", 0},
		{both, "select tbl_${params.x}", "", 0}, {both, "select ${params.a}${params.b}", "", 0}, {both, "select ${params.a}b", "", 0}, {both, "select 1${params.x}", "", 0}, {both, "select é${params.x}", "", 0},
		{both, "select '$${x}'", "select '${x}'", 0}, {both, "select 'it''s', ${params.x}", "select 'it''s', $1", 1}, {both, "select 'a", "", 0}, {both, "select /* a", "", 0}, {both, `select "a`, "", 0}, {both, "a\x00", "", 0},
		{both, "select ${ {\"k\": '}'}.k }", "select $1", 1}, {both, "select ${'}'}, 2", "select $1, 2", 1}, {both, "select ${params.x", "", 0}, {both, "limit ${params.n};", "limit $1;", 1}, {both, "select a$1, ${params.x}", "select a$1, $1", 1},
		{pg, "select $1", "", 0}, {pg, "select $", "", 0}, {pg, "select $$ ${params.x} $$", "", 0}, {pg, "select $f$ $${x} $f$, ${params.y}", "select $f$ ${x} $f$, $1", 1}, {pg, "select $f$ a", "", 0}, {pg, "select $a$ $b$ $a$, ${params.x}", "select $a$ $b$ $a$, $1", 1},
		{pg, `select E'it\'s ${params.x}'`, "", 0}, {pg, `select E'it\'s', ${params.x}`, `select E'it\'s', $1`, 1}, {pg, `select e'\\', ${params.x}`, `select e'\\', $1`, 1}, {pg, `select 0E'\'', ${params.x}`, "", 0}, {pg, "select 1$1", "", 0}, {pg, "select E'a'\n 'b', ${params.x}", "", 0}, {pg, "select 'a'\n 'b', ${params.x}", "select 'a'\n 'b', $1", 1}, {pg, `select typE'\', ${params.x}`, `select typE'\', $1`, 1},
		{pg, "/* a /* b */ ${params.x} */ select 1", "", 0}, {pg, "/* a /* b */ */ select ${params.x}", "/* a /* b */ */ select $1", 1}, {pg, "-- a\r select ${params.x}", "-- a\r select $1", 1},
		{pg, "select ${params.x}::int, a[1:2], j ? 'k', a[${params.i}]", "select $1::int, a[1:2], j ? 'k', a[$2]", 2}, {pg, "select `a ${params.x}`", "select `a $1`", 1},
		{lite, "select ?", "", 0}, {lite, "select :a", "", 0}, {lite, "select @a", "", 0}, {lite, "select $a", "", 0}, {lite, "select `a${params.x}`", "", 0}, {lite, "select [a${params.x}]", "", 0}, {lite, "/* /* */ select ${params.x}", "/* /* */ select ?1", 1},
		{lite, "-- a\r${params.x}", "", 0}, {lite, `select '\', ${params.x}`, `select '\', ?1`, 1},
	} {
		for _, d := range []Dialect{Postgres, SQLite} {
			if c.dialects&(1<<d) == 0 {
				continue
			}
			want := c.want
			if d == SQLite && c.dialects == both {
				want = strings.NewReplacer("$1", "?1", "$2", "?2").Replace(want)
				want = strings.ReplaceAll(want, "a?1", "a$1")
			}
			q, errs := s.SQL(c.text, d, Normal)
			if want == "" {
				if len(errs) == 0 {
					t.Errorf("%d: %s loads as %s", d, c.text, q.Text)
				}
				continue
			}
			if len(errs) > 0 || q.Text != want || len(q.Args) != c.parameter {
				t.Errorf("%d: %s: %v %+v, want %s", d, c.text, errs, q, want)
			}
		}
	}
}

func TestSQLPlaces(t *testing.T) {
	s := testScope()
	text := "select '$${', é from t where a = ${params.x} and b = ${user.id} limit x"
	q := must(s.SQL(text, Postgres, Normal))
	for _, word := range []string{"select", "from", "where", "and", "limit"} {
		if got := q.Source(strings.Index(q.Text, word)); got != strings.Index(text, word) {
			t.Errorf("%s is at %d, want %d", word, got, strings.Index(text, word))
		}
	}
	if got := q.Source(strings.Index(q.Text, "$2")); got != strings.Index(text, "user.id") {
		t.Errorf("$2 is at %d", got)
	}
	_, errs := s.SQL("select ${usr.id}, ${user.emial}", Postgres, Normal)
	if len(errs) != 2 || errs[1].Start != strings.Index("select ${usr.id}, ${user.emial}", "emial") {
		t.Errorf("errors %v", errs)
	}
}

// scanNaive reads a statement anew, to find the placeholders that a database would see.
func scanNaive(s string, d Dialect) (parameters int, closed bool) {
	for i := 0; i < len(s); {
		rest := s[i:]
		switch {
		case rest[0] == '\'':
			back := d == Postgres && i > 0 && s[i-1]|0x20 == 'e' && startsWord(s, i-1)
			n := naiveQuote(rest, '\'', back, true)
			if n < 0 {
				return 0, false
			}
			i += n
		case rest[0] == '"', d == SQLite && rest[0] == '`':
			n := naiveQuote(rest, rest[0], false, true)
			if n < 0 {
				return 0, false
			}
			i += n
		case d == SQLite && rest[0] == '[':
			n := naiveQuote(rest, ']', false, false)
			if n < 0 {
				return 0, false
			}
			i += n
		case strings.HasPrefix(rest, "--"):
			for i < len(s) && s[i] != '\n' && (d == SQLite || s[i] != '\r') {
				i++
			}
		case strings.HasPrefix(rest, "/*"):
			n := naiveComment(rest, d == Postgres)
			if n < 0 {
				return 0, false
			}
			i += n
		case wordByte(rest[0]):
			for i < len(s) && (wordByte(s[i]) || s[i] == '$') {
				i++
			}
		case d == Postgres && rest[0] == '$':
			n, isParameter := naiveDollar(rest)
			if n < 0 {
				return 0, false
			}
			if isParameter {
				parameters++
			}
			i += n
		case d == SQLite && rest[0] == '?':
			parameters++
			i++
		default:
			i++
		}
	}
	return parameters, true
}

// startsWord tells whether the byte at i begins a word.
func startsWord(s string, i int) bool {
	start := 0
	for k := 0; k < len(s); {
		if !wordByte(s[k]) {
			k++
			continue
		}
		start = k
		for k < len(s) && (wordByte(s[k]) || s[k] == '$') {
			k++
		}
		if i >= start && i < k {
			return i == start
		}
	}
	return false
}

func naiveQuote(s string, end byte, back, doubled bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case back && s[i] == '\\':
			i++
		case s[i] == end && doubled && i+1 < len(s) && s[i+1] == end:
			i++
		case s[i] == end:
			return i + 1
		}
	}
	return -1
}

func naiveComment(s string, nests bool) int {
	depth := 0
	for i := 0; i+1 < len(s); {
		switch {
		case s[i:i+2] == "/*" && (nests || depth == 0):
			depth++
			i += 2
		case s[i:i+2] == "*/":
			i += 2
			if depth--; depth == 0 {
				return i
			}
		default:
			i++
		}
	}
	return -1
}

func naiveDollar(s string) (n int, parameter bool) {
	j := 1
	for j < len(s) && wordByte(s[j]) {
		j++
	}
	if j > 1 && s[1] >= '0' && s[1] <= '9' {
		return j, true
	}
	if j >= len(s) || s[j] != '$' {
		return -1, false
	}
	tag := s[:j+1]
	k := strings.Index(s[j+1:], tag)
	if k < 0 {
		return -1, false
	}
	return j + 1 + k + len(tag), false
}

func FuzzSQL(f *testing.F) {
	for _, x := range []string{"select ${x}", "'${x}'", "$$ $$ ${x}", "$a$ $${ $a$", "-- \n ${x}", "/* /* */ */ ${'}'}", "E'\\'' ${x}", "a$b$ ${x}", "\"a\"\"\" ${x}", "[a] `b` ${x}", "é${x}", "'$${'", "$é$ $é$", "/**/${x}/* */", "e'' '\\' ${x}", "-- a\r ${x}", "$$$$$0", "0E'\\'", "typE'\\'${x}"} {
		f.Add(x, true)
		f.Add(x, false)
	}
	f.Fuzz(func(t *testing.T, text string, postgres bool) {
		d := SQLite
		if postgres {
			d = Postgres
		}
		sc := &sqlScanner{src: text, dialect: d, wordEnd: -1}
		if err := sc.scan(); err != nil {
			if err.Start < 0 || err.End > len(text) || err.Start > err.End {
				t.Fatalf("%q: the place is %d-%d", text, err.Start, err.End)
			}
			return
		}
		out := sc.out.String()
		n, closed := scanNaive(out, d)
		if !closed || n != len(sc.args) {
			t.Fatalf("%q -> %q: %d placeholders for %d arguments, closed %v", text, out, n, len(sc.args), closed)
		}
		for _, a := range sc.args {
			if text[a.at-2:a.at+len(a.src)+1] != "${"+a.src+"}" {
				t.Fatalf("%q: an argument is not at %d", text, a.at)
			}
		}
	})
}
