package bench

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/value"
)

// BenchmarkExpressions evaluates what manifests write most. Each is compiled to closures;
// `any` with a predicate is the machine's.
func BenchmarkExpressions(b *testing.B) {
	scope, frame := names()
	for _, text := range []string{
		`current_user_id`,
		`"GET"`,
		`params.id`,
		`claims.sub`,
		`user?.email`,
		`request.method == "GET"`,
		`user != nil`,
		`params.page ?? 1`,
		`claims.sub == params.id`,
		`"admin" in claims.roles`,
		`user.id == current_user_id and not (user.status == "x")`,
		`any(claims.roles, # == "editor")`,
	} {
		e, errs := scope.Value(text, expr.Normal)
		if len(errs) > 0 {
			b.Fatalf("%s: %v", text, errs[0])
		}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Eval(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// names are what the expressions read, with values.
func names() (*expr.Scope, *expr.Frame) {
	user := expr.Record(map[string]expr.Type{"id": expr.Int, "email": expr.Nullable(expr.String), "status": expr.String})
	request := expr.Record(map[string]expr.Type{"method": expr.String})
	scope := expr.NewScope(&expr.Functions{})
	frame := expr.NewFrame(expr.FirstSlot + 5)
	for i, n := range []struct {
		name string
		typ  expr.Type
		v    any
	}{
		{"current_user_id", expr.Any, int64(7)},
		{"params", expr.OpenMap(), map[string]any{"id": "u1", "room": "lobby"}},
		{"claims", expr.Claims, value.Claims{"sub": "u1", "roles": []any{"admin", "editor"}}},
		{"user", user, map[string]any{"id": int64(7), "email": "a@b.example", "status": "active"}},
		{"request", request, map[string]any{"method": "GET"}},
	} {
		scope = scope.With(expr.Name{Name: n.name, Slot: expr.FirstSlot + i, Type: n.typ})
		frame.Slots[expr.FirstSlot+i] = n.v
	}
	return scope, frame
}
