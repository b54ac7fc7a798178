package expr

import (
	"errors"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

// sentScope has params and a request that a client sent, and a row that is ours.
func sentScope() (*Scope, *Frame) {
	s, f := NewScope(testFunctions()), NewFrame(slotsUsed)
	for _, n := range []Name{
		{Name: "params", Slot: slotParams, Type: Sent(OpenMap())},
		{Name: "payload", Slot: slotPayload, Type: Sent(Any)},
		{Name: "request", Slot: slotRequest, Type: Record(map[string]Type{"id": Nullable(String), "query": Sent(OpenMap())})},
		{Name: "row", Slot: slotRow, Type: Any},
		{Name: "claims", Slot: slotClaims, Type: Claims},
		{Name: "skipped", Slot: slotNothing, Type: Sent(Any), MaybeNil: true},
	} {
		s = s.With(n)
	}
	f.Slots[slotParams] = map[string]any{"text": "a", "n": "5", "empty": "", "up": "..", "blank": "  ", "map": map[string]any{"a": "b"}, "list": []any{"x"}, "null": nil}
	f.Slots[slotRequest] = map[string]any{"query": map[string]any{}}
	f.Slots[slotClaims] = value.Claims{"sub": "1"}
	f.Slots[slotRow] = map[string]any{"text": "b", "up": "..", "nick": nil, "tags": []any{"t"}, "n": int64(2)}
	return s, f
}

// TestWhoseDoing: where an expression cannot be computed or put into a text, the fault tells
// what the client sent wrongly, or nothing where it is ours.
func TestWhoseDoing(t *testing.T) {
	tests := []struct{ text, want string }{
		{"a ${params.none}", "params.none is missing"},
		{"a ${params.null}", "params.null is missing"},
		{"a ${params?.none}", "params.none is missing"},
		{"a ${params.map}", "params.map is a map and cannot stand here"},
		{"a ${params.list}", "params.list is a list and cannot stand here"},
		{"a ${params.none.x}", "params.none is missing"},
		{"a ${params.text.x}", "params.text cannot stand here as it is"},
		{"a ${params['no' + 'ne']}", "params[...] is missing"},
		{"a ${payload}", "payload is missing"},
		{"a ${payload.a}", "payload is missing"},
		{"a ${request.query.x}", "request.query.x is missing"},
		{"a ${params}", ""},
		{"a ${(row.n == 2 ? claims : params).none}", ""},
		{"a ${(row.n == 2 ? params.text : claims).none}", "params.text cannot stand here as it is"},
		{"a ${request.id}", ""},
		{"a ${request}", ""},
		{"a ${row.nick}", ""},
		{"a ${row.tags}", ""},
		{"a ${skipped}", ""},

		{"a ${params.map ?? '/'}", "params.map is a map and cannot stand here"},
		{"a ${params.map ?? row.tags}", "params.map is a map and cannot stand here"},
		{"a ${params.none ?? row.tags}", ""},
		{"a ${params.none ?? row.nick}", "params.none is missing"},
		{"a ${true ? params.none : row.text}", "params.none is missing"},
		{"a ${row.n == 2 ? row.tags : params.text}", ""},
		{"a ${let x = params.list; x}", "params.list is a list and cannot stand here"},

		{"a ${params.n + 1}", "params.n cannot stand here as it is"},
		{"a ${params.none + 1}", "params.none is missing"},
		{"a ${row.n * params.text}", "params.text cannot stand here as it is"},
		{"a ${params.text + row.nick}", ""},
		{"a ${(params.none ?? '') + row.nick}", ""},
		{"a ${row.text + params.list}", "params.list is a list and cannot stand here"},
		{"a ${row.tags + params.text}", ""},
		{"a ${int(params.text)}", "params.text cannot stand here as it is"},
		{"a ${lower(params.map)}", "params.map is a map and cannot stand here"},
		{"a ${lower(row.nick) + params.none}", ""},
		{"a ${first(params.list) + 1}", "params.list is a list and cannot stand here"},
		{"a ${split(params.text, ',')}", ""},
		{"a ${join(map(params.list, #.id), ',')}", "params.list is a list and cannot stand here"},
		{"a ${join(map(params.text, #), ',')}", "params.text cannot stand here as it is"},
		{"a ${join(map(row.tags, #.id), params.text)}", ""},

		{"a ${path('/u/:id', {id: params.none})}", "params.none is missing"},
		{"a ${path('/u/:id', {id: params.up})}", "params.up cannot stand here as it is"},
		{"a ${path('/u/:id', {id: params.text, q: params.map})}", "params.map is a map and cannot stand here"},
		{"a ${path('/u/:id', params)}", "params does not hold what is needed here"},
		{"a ${path('/u/:id', {id: row.up, q: params.text})}", "params.text cannot stand here as it is"},
		{"a ${path('/u/:id', {id: row.nick, q: params.text})}", ""},
		{"a ${path('/u/:id', {id: row.up})}", ""},
	}
	s, f := sentScope()
	for _, tt := range tests {
		_, err := must(s.Text(tt.text, Normal)).Append(nil, f)
		found, ok := errors.AsType[*Fault](err)
		if !ok || found.Sent != tt.want {
			t.Errorf("%s: %v, the client is told %q, want %q", tt.text, err, found.Sent, tt.want)
		}
	}
}

// TestWhoseSegment: a value that cannot be a segment of a path is the client's doing where
// the client sent it.
func TestWhoseSegment(t *testing.T) {
	tests := []struct{ text, want string }{
		{"/u/${params.empty}", "params.empty cannot stand here as it is"},
		{"/u/${params.up}", "params.up cannot stand here as it is"},
		{"/u/${params.empty ?? row.text}", "params.empty cannot stand here as it is"},
		{"/u/${trim(params.blank)}", "params.blank cannot stand here as it is"},
		{"/u/${params.none ?? row.up}", ""},
		{"/u/${row.up ?? params.text}", ""},
		{"/u/${row.up}", ""},
	}
	s, f := sentScope()
	for _, tt := range tests {
		_, err := must(s.Text(tt.text, Normal)).AppendWith(nil, f, EscapeSegment)
		found, ok := errors.AsType[*Fault](err)
		if !ok || found.Sent != tt.want {
			t.Errorf("%s: %v, the client is told %q, want %q", tt.text, err, found.Sent, tt.want)
		}
	}
}

// TestSentTypes: a name that is bound to what the client sent stays so.
func TestSentTypes(t *testing.T) {
	s, _ := sentScope()
	for src, want := range map[string]bool{
		"params.a": true, "params.a ?? 'x'": true, "request.query.a": true, "trim(params.a)": true, "payload": true,
		"row.a": false, "params.a ?? row.a": false, "request.id": false, "skipped": false, "'x'": false,
	} {
		if got := must(s.Value(src, Normal)).Type().sent; got != want {
			t.Errorf("%s: sent %v, want %v", src, got, want)
		}
	}
}

// TestOutsideFails: where a function fails for a reason outside, that is not the client's
// doing.
func TestOutsideFails(t *testing.T) {
	outside := errors.New("too busy")
	s := NewScope(&Functions{HashPassword: func(string) (string, error) { return "", outside }}).
		With(Name{Name: "params", Slot: slotParams, Type: Sent(OpenMap())})
	f := NewFrame(slotsUsed)
	f.Slots[slotParams] = map[string]any{"a": "b"}
	_, err := must(s.Value("hash_password(params.a)", Normal)).Eval(f)
	found, ok := errors.AsType[*Fault](err)
	if !ok || found.Sent != "" || !errors.Is(err, outside) {
		t.Errorf("%v, the client is told %q", err, found.Sent)
	}
}
