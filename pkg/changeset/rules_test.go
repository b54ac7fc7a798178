package changeset

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/value"
)

// A change is what a client sends, and the errors by field; none: it is taken.
type change struct {
	name  string
	given map[string]any
	want  map[string][]string
}

type errs = map[string][]string

// changed casts and computes as a write does.
func changed(set *Set, mode Mode, keys Keys, given map[string]any, record value.Object) error {
	c, err := set.Cast(Input{Mode: mode, Keys: keys, Given: given})
	if err != nil {
		return err
	}
	return set.Compute(mode, c, record)
}

func wantErrors(t *testing.T, err error, want errs) {
	t.Helper()
	var bad *Invalid
	switch {
	case errors.As(err, &bad):
		if !reflect.DeepEqual(bad.Errors, want) {
			t.Errorf("errors %v, want %v", bad.Errors, want)
		}
	case err != nil:
		t.Fatal(err)
	case want != nil:
		t.Errorf("nothing is wrong, want %v", want)
	}
}

func TestRules(t *testing.T) {
	set := mustCompile(t, `
code: {type: string, length: {is: 3}}
slug: {type: string, format: {matches: '^[a-z]+$'}, except: [admin, root]}
rating: {type: integer, values: [1, 3, 5]}
rate: {type: decimal, values: ["1.50"], number: {above: 1, below: 2.5}}
days: {type: array, values: [mon, tue]}
day: {type: date, except: ["2024-02-29"]}
`)
	for _, tt := range []change{
		{"exactly as long", map[string]any{"code": "äöü"}, nil},
		{"too short", map[string]any{"code": "ab"}, errs{"code": {"should be 3 character(s)"}}},
		{"too long", map[string]any{"code": "abcd"}, errs{"code": {"should be 3 character(s)"}}},
		{"matches", map[string]any{"slug": "news"}, nil},
		{"does not match", map[string]any{"slug": "News"}, errs{"slug": {"has invalid format"}}},
		{"a line more does not match", map[string]any{"slug": "news\nx"}, errs{"slug": {"has invalid format"}}},
		{"not let through", map[string]any{"slug": "admin"}, errs{"slug": {"is reserved"}}},
		{"one of the values, as text", map[string]any{"rating": "3"}, nil},
		{"none of the values", map[string]any{"rating": int64(2)}, errs{"rating": {"is invalid"}}},
		{"a number is its value", map[string]any{"rate": "1.5"}, nil},
		{"not above", map[string]any{"rate": "1"}, errs{"rate": {"must be greater than 1"}}},
		{"not below", map[string]any{"rate": "2.50"}, errs{"rate": {"must be less than 2.5"}}},
		{"all items are values", map[string]any{"days": []any{"tue", "mon"}}, nil},
		{"an item is none", map[string]any{"days": []any{"mon", "sun"}}, errs{"days": {"has an invalid entry"}}},
		{"a date not let through", map[string]any{"day": "2024-02-29"}, errs{"day": {"is reserved"}}},
		{"nothing is asked of nil", map[string]any{"code": nil, "slug": "", "rating": nil, "days": nil}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { wantErrors(t, changed(set, Create, Strict, tt.given, nil), tt.want) })
	}
}

func TestConfirmationAndAcceptance(t *testing.T) {
	set := mustCompile(t, `
password: {type: string, virtual: true, confirmation: true, length: {min: 3}}
pin: {type: integer, confirmation: true}
terms: {type: boolean, virtual: true, acceptance: true}
`)
	for _, tt := range []struct {
		change
		mode Mode
		keys Keys
	}{
		{change{"confirmed", map[string]any{"password": "abc", "password_confirmation": "abc", "terms": "true"}, nil}, Create, Strict},
		{change{"another", map[string]any{"password": "abc", "password_confirmation": "abd", "terms": true}, errs{"password_confirmation": {"does not match confirmation"}}}, Create, Strict},
		{change{"not repeated", map[string]any{"password": "abc", "terms": true}, errs{"password_confirmation": {"does not match confirmation"}}}, Create, Loose},
		{change{"repeated as text", map[string]any{"pin": int64(12), "pin_confirmation": "12", "terms": true}, nil}, Create, Loose},
		{change{"the manifest repeats nothing", map[string]any{"password": "abc", "terms": true}, nil}, Create, Trusted},
		{change{"one fault is told once", map[string]any{"password": "a", "terms": true}, errs{"password": {"should be at least 3 character(s)"}}}, Create, Strict},
		{change{"a repeat of nothing", map[string]any{"password_confirmation": "abc", "terms": true}, nil}, Create, Strict},
		{change{"a repeat hides no stranger", map[string]any{"password_confirmation": "abc", "terms": true, "x": 1}, errs{"x": {"is not a field"}}}, Create, Strict},
		{change{"not accepted", map[string]any{"terms": false}, errs{"terms": {"must be accepted"}}}, Create, Strict},
		{change{"not sent", nil, errs{"terms": {"must be accepted"}}}, Create, Strict},
		{change{"nil", map[string]any{"terms": nil}, errs{"terms": {"must be accepted"}}}, Update, Strict},
		{change{"an update of something else", map[string]any{"pin": "1", "pin_confirmation": "1"}, nil}, Update, Strict},
	} {
		t.Run(tt.name, func(t *testing.T) { wantErrors(t, changed(set, tt.mode, tt.keys, tt.given, nil), tt.want) })
	}
}

func TestOwnMessages(t *testing.T) {
	set := mustCompile(t, `
name: {type: string, required: true, length: {min: 2}, format: {matches: '^[a-z]'}, except: [root], messages: {required: "who?", length: too short, format: begin small, except: taken by us, unique: known}}
age: {type: integer, number: {min: 18}, check: age != 50, messages: {type: a number please, number: too young, check: not fifty}}
kind: {type: enum, values: [a], messages: {values: a alone}}
ok: {type: boolean, acceptance: true, confirmation: true, messages: {acceptance: say yes, confirmation: say it twice}}
`)
	good := map[string]any{"name": "ann", "ok": true, "ok_confirmation": true}
	for key, tt := range map[string]change{
		"name": {given: map[string]any{"": nil, "a": "too short", "Ann": "begin small", "root": "taken by us"}},
		"age":  {given: map[string]any{"x": "a number please", "17": "too young", "50": "not fifty"}},
		"kind": {given: map[string]any{"b": "a alone"}},
		"ok":   {given: map[string]any{"false": "say yes"}},
	} {
		for sent, message := range tt.given {
			if message == nil {
				message = "who?"
			}
			with := map[string]any{key: sent}
			for k, v := range good {
				if with[k] == nil && k != key {
					with[k] = v
				}
			}
			wantErrors(t, changed(set, Create, Strict, with, nil), errs{key: {message.(string)}})
		}
	}
	wantErrors(t, changed(set, Create, Strict, map[string]any{"name": "ann", "ok": true}, nil), errs{"ok_confirmation": {"say it twice"}})
	if got := set.Fields[set.Index("name")].Says(9, Taken); got != "known" {
		t.Errorf("the database's error is told as %q", got)
	}
}

const checked = `
starts_at: {type: datetime}
ends_at: {type: datetime, check: ends_at > starts_at, messages: {check: must be after the start}}
email: {type: string, check: email != nil or phone != nil, messages: {check: or the phone must be given}}
phone: {type: string}
data: {type: json, check: data.size < 10}
total: {type: integer, set: "${(count ?? 0) * 2}"}
count: {type: integer, check: total == nil or total < 100}
`

func TestChecks(t *testing.T) {
	set := mustCompile(t, checked)
	if !set.NeedsRow() {
		t.Error("NeedsRow() = false, want true: a check reads two fields")
	}
	const early, late = "2024-02-29T12:00:00Z", "2024-03-01T12:00:00Z"
	at, _ := (&Field{Type: typeOf("datetime")}).Cast(late)
	columns := value.NewColumns([]string{"starts_at", "ends_at", "email", "phone"}, nil)
	row := &value.Row{Columns: columns, Values: []any{at, nil, nil, "1"}}
	after, or := errs{"ends_at": {"must be after the start"}}, errs{"email": {"or the phone must be given"}}
	for _, tt := range []struct {
		change
		mode Mode
	}{
		{change{"in order", map[string]any{"starts_at": early, "ends_at": late, "email": "a"}, nil}, Create},
		{change{"not in order", map[string]any{"starts_at": late, "ends_at": early, "email": "a"}, after}, Create},
		{change{"a nil decides nothing", map[string]any{"ends_at": early, "email": "a"}, nil}, Create},
		{change{"a condition may ask for nil", map[string]any{"ends_at": early}, or}, Create},
		{change{"the other one", map[string]any{"phone": "1"}, nil}, Create},
		{change{"all of a create are told", map[string]any{"starts_at": late, "ends_at": early}, errs{"ends_at": after["ends_at"], "email": or["email"]}}, Create},
		{change{"an update against the row", map[string]any{"ends_at": early}, after}, Update},
		{change{"an update that the row fits", map[string]any{"email": nil}, nil}, Update},
		{change{"an update of both", map[string]any{"phone": nil, "email": "b"}, nil}, Update},
		{change{"an update that leaves neither", map[string]any{"phone": nil}, or}, Update},
		{change{"an update of what no check reads", map[string]any{"count": nil}, nil}, Update},
		{change{"what was sent does not fit the condition", map[string]any{"phone": "1", "data": map[string]any{"size": "big"}}, errs{"data": {"is invalid"}}}, Create},
		{change{"what is computed is seen", map[string]any{"phone": "1", "count": int64(50)}, errs{"count": {"is invalid"}}}, Create},
		{change{"fields are valid before", map[string]any{"phone": int64(1)}, errs{"phone": {"is invalid"}}}, Create},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var record value.Object
			if tt.mode == Update {
				record = row
			}
			wantErrors(t, changed(set, tt.mode, Strict, tt.given, record), tt.want)
		})
	}
}

// Check leaves aside what only a write computes.
func TestCheckWithoutComputing(t *testing.T) {
	set := mustCompile(t, checked)
	for _, tt := range []change{
		{"a check of what was given", map[string]any{"count": int64(50)}, errs{"email": {"or the phone must be given"}}},
		{"a check of what is computed", map[string]any{"count": int64(50), "phone": "1"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := set.Cast(Input{Given: tt.given})
			if err != nil {
				t.Fatal(err)
			}
			wantErrors(t, set.Check(Create, c), tt.want)
		})
	}
}

// What cannot be computed from what was sent is told of it; what is not the sender's doing is
// an error of ours.
func TestWhatCannotBeComputed(t *testing.T) {
	set := mustCompile(t, `
a: {type: integer}
b: {type: integer}
sum: {type: integer, set: "${a + b}"}
data: {type: json}
size: {type: integer, set: "${data.size * 2}"}
role: {type: string, writable: false}
rank: {type: integer, set: "${int(role)}"}
text: {type: string}
number: {type: integer, set: "${int(text)}"}
`)
	for _, tt := range []change{
		{"a part is missing", map[string]any{"a": int64(1)}, errs{"b": {"can't be blank"}}},
		{"the result does not fit", map[string]any{"a": int64(1) << 30, "b": int64(1) << 30}, errs{"a": {"is invalid"}, "b": {"is invalid"}}},
		{"a part has another form", map[string]any{"data": map[string]any{"size": "big"}}, errs{"data": {"is invalid"}}},
		{"a function cannot take it", map[string]any{"text": "x"}, errs{"text": {"is invalid"}}},
		{"nothing to compute from", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { wantErrors(t, changed(set, Create, Strict, tt.given, nil), tt.want) })
	}
	var bad *Invalid
	if err := changed(set, Create, Trusted, map[string]any{"role": "x"}, nil); err == nil || errors.As(err, &bad) {
		t.Errorf("what the manifest wrote gave %v, want an error of ours", err)
	}
}

func TestRulesAgainstRules(t *testing.T) {
	for _, tt := range []struct{ yaml, want string }{
		{`n: {type: integer, values: [1, x]}`, `"x" is no value for a field of type integer`},
		{`n: {type: date, except: [today]}`, `"today" is no value for a field of type date`},
		{`n: {type: integer, check: m > 1}`, `"m"`},
		{`n: {type: integer, check: n + 1}`, "true or false"},
		{`n: {type: integer, check: {a: b}}`, "expected a condition, found a map or list"},
		{`n: {type: string, values: [a], default: b}`, "it is invalid"},
	} {
		t.Run(tt.yaml, func(t *testing.T) {
			var ps diag.Problems
			compile(t, tt.yaml+"\n", &ps)
			if len(ps.All()) != 1 || !strings.Contains(ps.All()[0].Error(), tt.want) {
				t.Errorf("problems %v, want one with %q", ps.All(), tt.want)
			}
		})
	}
}
