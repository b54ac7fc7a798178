package expr

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		`user:${user.id}:${params.room ?? 'lobby'}`: {"user:", "=user.id", ":", "=params.room ?? 'lobby'"}, `${ {"a": {"b": "}"}}.a.b }`: {`= {"a": {"b": "}"}}.a.b `}, `${"}"}x`: {`="}"`, "x"}, "${`}`}": {"=`}`"},
		`$${not} $ ${1}$`: {"${not} $ ", "=1", "$"}, `${'it\'s }'}`: {`='it\'s }'`}, `${1 /* } */ + 2}`: {"=1 /* } */ + 2"}, `it's ${user.id}'s room`: {"it's ", "=user.id", "'s room"}, `${map(xs, {# + 1})}!`: {"=map(xs, {# + 1})", "!"},
		`$$${user.id}`: {"$${user.id}"}, `$$$${x}`: {"$$${x}"}, `héé ${"é"} "${user.id}`: {"héé ", `="é"`, ` "`, "=user.id"}, `${}`: {"="}, `\${x}`: {`\`, "=x"}, `$`: {"$"}, ``: nil, "${1 // }\n}": {"=1 // }\n"},
	} {
		pieces, err := split(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, p := range pieces {
			if p.expression {
				got = append(got, "="+p.src)
				if text[p.at:p.at+len(p.src)] != p.src {
					t.Errorf("%s: the offset of %s is wrong", text, p.src)
				}
				continue
			}
			got = append(got, p.literal)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{`${a`, `x ${"a}`, `${1 // }`, `${(`} {
		if _, err := split(text); err == nil || err.Code != "not-closed" || err.Start != strings.Index(text, "${") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTexts(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = value.Number("1.50")
	for text, want := range map[string]any{
		`user:${user.id}`: "user:7", `${user.id}`: int64(7), `${user.id} `: "7 ", `${payload.n}!`: "1!", `at ${now()}`: "at 2026-03-04T05:06:07Z", `${true}${1.5}`: "true1.5", `plain`: "plain", ``: "", `$${x}`: "${x}",
		`n=${nothing}`: "n=1.50", `${params.none ?? ''}.`: ".", `${params.none}`: nil, `a${1e21}`: "a1e+21", `${1e15}x`: "1000000000000000x",
	} {
		tx, errs := s.Text(text, Normal)
		if len(errs) > 0 {
			t.Errorf("%s: %v", text, errs)
			continue
		}
		if got, err := tx.Eval(f); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, %v; want %#v", text, got, err, want)
		}
	}
	for text, kind := range map[string]FaultKind{`user:${params.none}`: NilOperand, `a${roles}`: Failed, `a${user}`: Failed, `a${row}`: Failed, `a${payload}`: Failed, `é ${claims.org}`: Missing, `a${payload.none}`: NilOperand} {
		tx, errs := s.Text(text, Normal)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		_, err := tx.Append(nil, f)
		fault, ok := errors.AsType[*Fault](err)
		if !ok || fault.Kind != kind || fault.Start < strings.Index(text, "${")+2 || fault.End >= len(text)+1 {
			t.Errorf("%s: %v %+v", text, err, fault)
		}
	}
}

func TestTextTells(t *testing.T) {
	s, f := testScope(), testFrame()
	tx, _ := s.Text(`/u/${params.id}?x=${user.id}${path('/a')}`, Normal)
	if _, ok := tx.Constant(); ok || tx.Whole() != nil || len(tx.Parts()) != 5 || !slices.Equal(tx.Uses(), []string{"params", "user", "user.id"}) {
		t.Errorf("parts %v uses %v", tx.Parts(), tx.Uses())
	}
	if p := tx.Paths(); len(p) != 1 || p[0].Start != strings.Index(`/u/${params.id}?x=${user.id}${path('/a')}`, "'/a'") {
		t.Errorf("paths %v", p)
	}
	if c, ok := must(s.Text(`a${1 + 1}${env.PORT}`, Normal)).Constant(); !ok || c != "a24000" {
		t.Errorf("constant %q", c)
	}
	if w := must(s.Text(`${user}`, Normal)).Whole(); w == nil || w.Name() != "user" {
		t.Errorf("whole %v", w)
	}
	f.Slots[slotParams] = map[string]any{"id": "a/b"}
	got, err := must(s.Text(`/u/${params.id}/${user.id}`, Normal)).AppendWith(nil, f, EscapeSegment)
	if err != nil || string(got) != "/u/a%2Fb/7" {
		t.Errorf("escaped: %s, %v", got, err)
	}
	f.Slots[slotParams] = map[string]any{"id": ".."}
	if got, err := must(s.Text(`/u/${params.id}/${user.id}`, Normal)).AppendWith(nil, f, EscapeSegment); err == nil {
		t.Errorf("escaped: %s", got)
	}
}

func must[T any](v T, errs []Error) T {
	if len(errs) > 0 {
		panic(errs[0].Error())
	}
	return v
}

func testShape(s *Scope) Shape {
	text := func(x string) Shape { return Shape{Kind: ShapeText, Text: must(s.Text(x, Normal))} }
	return Shape{Kind: ShapeObject, Members: []Member{
		{"token", text(`${nothing}`)}, {"b\"", Shape{Const: "é<"}}, {"a", Shape{Kind: ShapeArray, Items: []Shape{text(`${user.id}`), {Const: int64(1)}, text(`n${1}`), text(`x ${params.id}`)}}},
		{"user", Shape{Kind: ShapeObject, Members: []Member{{"row", text(`${row}`)}, {"raw", text(`${payload}`)}, {"empty", Shape{Kind: ShapeObject}}, {"nil", Shape{}}}}},
	}}
}

func TestJSON(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = "a\"b"
	j := Compile(testShape(s))
	got, err := j.Append(nil, f)
	want := `{"token":"a\"b","b\"":"é<","a":[7,1,"n1","x u1"],"user":{"row":{"id":7,"email":"a@b"},"raw":{"n": 1.0,  "list": ["a", 9007199254740993], "none": null},"empty":{},"nil":null}}`
	if err != nil || string(got) != want || !json.Valid(got) {
		t.Errorf("got  %s\nwant %s, %v", got, want, err)
	}
	v, err := j.Eval(f)
	if m, ok := v.(map[string]any); err != nil || !ok || !reflect.DeepEqual(m["a"], []any{int64(7), int64(1), "n1", "x u1"}) {
		t.Errorf("value %v, %v", v, err)
	}
	if !slices.Equal(j.Uses(), []string{"nothing", "params", "payload", "row", "user", "user.id"}) {
		t.Errorf("uses %v", j.Uses())
	}
	if _, ok := j.Constant(); ok {
		t.Error("it is constant")
	}
	constant := Compile(Shape{Kind: ShapeArray, Items: []Shape{{Const: 1.5}, {Kind: ShapeText, Text: must(s.Text(`${1 + 1}`, Normal))}}})
	if b, ok := constant.Constant(); !ok || string(b) != "[1.5,2]" {
		t.Errorf("constant %s", b)
	}
	for _, bad := range []string{`${claims.org}`, `x${nothing.x}`, `${[duration('1h')]}`} {
		j := Compile(Shape{Kind: ShapeArray, Items: []Shape{{Kind: ShapeText, Text: must(s.Text(bad, Normal))}}})
		if got, err := j.Append(nil, f); err == nil {
			t.Errorf("%s: %s", bad, got)
		}
	}
}
