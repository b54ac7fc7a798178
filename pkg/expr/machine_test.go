package expr

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"github.com/openmanifest/gateway/pkg/value"
)

// rewritten takes an expression to the tree that both ways of running start from.
func rewritten(e *env, src string, m Mode) (root ast.Node, ok bool) {
	tree, err := parser.ParseWithConfig(src, e.config)
	if err != nil {
		return nil, false
	}
	sc := &scout{src: src, env: e, uses: map[string]struct{}{}}
	if sc.walk(&tree.Node, false); len(sc.errs) > 0 {
		return nil, false
	}
	if _, err := checker.Check(tree, e.config); err != nil {
		return nil, false
	}
	rw := &rewriter{src: src, env: e, mode: m, nonNil: map[string]int{}, scout: sc}
	root = rw.node(tree.Node, false)
	return root, len(sc.errs) == 0
}

func environmentOf(s *Scope) *env {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	return s.environment()
}

// TestOpcodes pins what we rely on in the machine: names are loads from slots, every look
// into a value is a call of ours. An upgrade of expr-lang that changes it fails here.
func TestOpcodes(t *testing.T) {
	e := environmentOf(testScope())
	for src, want := range map[string][]vm.Opcode{
		`user`: {vm.OpLoadVar}, `claims.sub`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2}, `claims?.a.b`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2, vm.OpPush, vm.OpCall2, vm.OpCall1},
		`user.id == 1`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2, vm.OpPush, vm.OpCall2}, `nothing ?? 1`: {vm.OpLoadVar, vm.OpCall1, vm.OpJumpIfNotNil, vm.OpPop, vm.OpPush},
		`let a = 1; a`: {vm.OpPush, vm.OpStore, vm.OpLoadVar}, `not user.active`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2, vm.OpCall1, vm.OpNot}, `'a' in roles`: {vm.OpPush, vm.OpLoadVar, vm.OpCall2},
		`user.active and true`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2, vm.OpCall1, vm.OpJumpIfFalse, vm.OpPop, vm.OpTrue}, `lower(params.x)`: {vm.OpLoadVar, vm.OpPush, vm.OpCall2, vm.OpCall1}, `now()`: {vm.OpCall0},
		`[user]`: {vm.OpLoadVar, vm.OpPush, vm.OpArray}, `{a: user}`: {vm.OpPush, vm.OpLoadVar, vm.OpPush, vm.OpMap}, `nil`: {vm.OpNil},
		`any(roles, # == 1)`: {vm.OpLoadVar, vm.OpLoadVar, vm.OpCall2, vm.OpBegin, vm.OpJumpIfEnd, vm.OpPointer, vm.OpPush, vm.OpCall2, vm.OpJumpIfTrue, vm.OpPop, vm.OpIncrementIndex, vm.OpJumpBackward, vm.OpFalse, vm.OpEnd},
	} {
		root, ok := rewritten(e, src, Normal)
		if !ok {
			t.Fatalf("%s does not load", src)
		}
		p, err := e.assemble(src, root)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if !reflect.DeepEqual(p.Bytecode, want) {
			t.Errorf("%s: %v, want %v", src, p.Bytecode, want)
		}
	}
	root, _ := rewritten(e, `user`, Normal)
	if p, _ := e.assemble(`user`, root); p.Arguments[0] != slotUser {
		t.Errorf("user is in slot %d", p.Arguments[0])
	}
}

// generator makes random expressions and values.
type generator struct{ *rand.Rand }

func pick(g generator, of ...string) string { return of[g.Intn(len(of))] }

func (g generator) value(depth int) string {
	switch k := g.Intn(12); {
	case k < 5 || depth <= 0:
		return pick(g, "claims", "params", "payload", "current_user_id", "roles", "nothing", "row", "user.id", "user.email", "claims.sub", "claims.org", "claims.a.b", "params.id", "params.x", "payload.n", "payload.list", "payload.list.a",
			"request.method", "user?.email", "claims?.org", "params?.x?.y", "nothing?.x", "nothing?.x.y", "claims?.a.b", "params.x.y", `params["id"]`, "row.id", "row?.a", "payload?.x.y", "nothing[0]", "params.list[1]", "nothing?.[0]")
	case k < 7:
		return pick(g, `nil`, `"a"`, `"u1"`, `""`, `1`, `1.0`, `true`, `false`, `7`, `9007199254740993`, `1.5`, `[1, "a"]`, `{a: 1}`, `-1`)
	case k < 9:
		return "(" + g.value(depth-1) + " ?? " + g.value(depth-1) + ")"
	case k < 10:
		return "(" + g.condition(depth-1) + " ? " + g.value(depth-1) + " : " + g.value(depth-1) + ")"
	case k < 11:
		return "(" + g.value(depth-1) + pick(g, " + ", " - ", " * ", " % ") + g.value(depth-1) + ")"
	}
	return pick(g, "[", "len(", "string(", "type(", "{k: ") + g.value(depth-1)
}

// closed adds the bracket that value may have left open.
func closed(s string) string {
	var open []byte
	inText := false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			inText = !inText
		case inText:
		case c == '(' || c == '[' || c == '{':
			open = append(open, c+1+(c>>6)) // ) is ( + 1; ] and } are two further
		case c == ')' || c == ']' || c == '}':
			if len(open) > 0 && open[len(open)-1] != c {
				s = s[:i] + string(open[len(open)-1]) + s[i:]
				return closed(s)
			}
			open = open[:max(0, len(open)-1)]
		}
	}
	for i := len(open) - 1; i >= 0; i-- {
		s += string(open[i])
	}
	return s
}

func (g generator) condition(depth int) string {
	if depth <= 0 {
		return g.value(0) + " == " + g.value(0)
	}
	switch g.Intn(9) {
	case 0:
		return "(" + g.condition(depth-1) + " and " + g.condition(depth-1) + ")"
	case 1:
		return "(" + g.condition(depth-1) + " or " + g.condition(depth-1) + ")"
	case 2:
		return "not (" + g.condition(depth-1) + ")"
	case 3:
		return g.value(depth-1) + " != " + g.value(depth-1)
	case 4:
		return g.value(depth-1) + " in [" + pick(g, `"a", "u1"`, `1, 2, 7`, `"a", 1`, `nil, "a"`, ``, `true`) + "]"
	case 5:
		return g.value(depth-1) + " in " + g.value(depth-1)
	case 6:
		return g.value(depth-1) + pick(g, " < ", " >= ", " contains ", " startsWith ") + g.value(depth-1)
	case 7:
		return "has(" + g.value(depth-1) + ", " + g.value(depth-1) + ")"
	}
	return g.value(depth-1) + " == " + g.value(depth-1)
}

func (g generator) data(depth int) any {
	switch k := g.Intn(18); k {
	case 0:
		return nil
	case 1, 2:
		return pick(g, "a", "u1", "")
	case 3:
		return 1.0
	case 4:
		return int64(7)
	case 5:
		return int64(1)
	case 6:
		return g.Intn(2) == 0
	case 7:
		return float64(9007199254740992)
	case 8:
		return int64(9007199254740993)
	case 9:
		return time.Unix(int64(g.Intn(2)), 0)
	case 10:
		return value.Number("7.00")
	case 11:
		return &value.Raw{Bytes: []byte(pick(g, `null`, `{"x": {"y": 1}, "n": null}`, `[1, "a"]`, `true`, `7`, `"a"`))}
	case 12:
		return testRow()
	case 13:
		if depth > 0 {
			return []any{g.data(depth - 1), g.data(depth - 1)}
		}
		return []any{}
	case 14:
		return map[string]any(nil)
	default:
		m := map[string]any{}
		for _, k := range []string{"id", "x", "y", "n", "list", "a", "b", "sub", "org"} {
			if depth > 0 && g.Intn(2) == 0 {
				m[k] = g.data(depth - 1)
			}
		}
		if k == 15 {
			return value.Claims(m)
		}
		return m
	}
}

// bothWays runs an expression natively and on the machine with random values.
func bothWays(t *testing.T, e *env, f *Frame, g generator, src string, m Mode) (ran bool) {
	root, ok := rewritten(e, src, m)
	if !ok {
		return false
	}
	b := &builder{src, e}
	native, test := b.value(root), b.test(root)
	machine, err := e.assemble(src, root)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	if native == nil {
		return false
	}
	for range 4 {
		for _, slot := range []int{slotPayload, slotID, slotNothing, slotClaims, slotParams, slotUser, slotRow} {
			f.Slots[slot] = g.data(2)
		}
		want, wantErr := f.run(machine)
		if wantErr != nil {
			wantErr = machineFault(src, wantErr)
		}
		got, gotErr := native(f)
		if describeOutcome(got, gotErr) != describeOutcome(want, wantErr) {
			t.Fatalf("%s (mode %d)\nnative  %s\nmachine %s", src, m, describeOutcome(got, gotErr), describeOutcome(want, wantErr))
		}
		if test == nil || !(&rewriter{env: e}).isBoolean(root) {
			continue
		}
		if yes, err := test(f); describeOutcome(yes, err) != describeOutcome(want, wantErr) {
			t.Fatalf("%s (mode %d)\ntest    %v, %v\nmachine %s", src, m, yes, err, describeOutcome(want, wantErr))
		}
	}
	return true
}

// describeOutcome tells value or fault with its place and kind.
func describeOutcome(v any, err error) string {
	if err != nil {
		f := err.(*Fault)
		return fmt.Sprintf("fault %d at %d-%d: %s", f.Kind, f.Start, f.End, f.Message)
	}
	if isNil(v) {
		return "nil"
	}
	return fmt.Sprintf("%T %#v", v, v)
}

func FuzzNativeAgainstVM(f *testing.F) {
	for i := range int64(300) {
		f.Add(i)
	}
	e, frame := environmentOf(testScope()), testFrame()
	f.Fuzz(func(t *testing.T, seed int64) {
		g := generator{rand.New(rand.NewSource(seed))}
		for range 20 {
			src := closed(g.condition(3))
			if g.Intn(3) == 0 {
				src = closed(g.value(3))
			}
			bothWays(t, e, frame, g, src, Mode(g.Intn(2)))
		}
	})
}

// TestGeneratorLoads sees to it that the fuzzing does not fuzz nothing.
func TestGeneratorLoads(t *testing.T) {
	e, frame, ran := environmentOf(testScope()), testFrame(), 0
	g := generator{rand.New(rand.NewSource(1))}
	for range 2000 {
		if bothWays(t, e, frame, g, closed(g.condition(3)), Mode(g.Intn(2))) {
			ran++
		}
	}
	if ran < 700 {
		t.Errorf("only %d of 2000 random expressions run", ran)
	}
}

func FuzzLoad(f *testing.F) {
	for _, x := range []string{`user.id == 1`, `${user.id}`, `a${`, `map(posts, {let x = #; x.id})`, `'\u{7d}'`, `b'x'`, `1 ?. 2`, `#`, `let a = 1; a`, `::get(1)`, `a | b`, `{a: 1}.a`, `[1:2]`, `user?.[0]?.x.y(1)`, `$env`, `env.PORT`, "`a`", `1..2`, `not not true`, `"\xff"`, `if a {1} else {2}`, `path('/:a', {})`, `user.email matches '['`, `now().Year()`} {
		f.Add(x)
	}
	s, frame := testScope(), testFrame()
	f.Fuzz(func(t *testing.T, src string) {
		for _, m := range []Mode{Normal, Guard} {
			e, errs := s.Value(src, m)
			wellPlaced(t, src, errs)
			if len(errs) == 0 {
				if _, err := e.Eval(frame); err != nil && strings.Contains(err.Error(), "goroutine") {
					t.Fatalf("%q: %v", src, err)
				}
				e.Test(frame)
			}
			c, errs := s.Condition(src, m)
			wellPlaced(t, src, errs)
			if len(errs) == 0 {
				c.Test(frame)
			}
			_, errs = s.Text(src, m)
			wellPlaced(t, src, errs)
		}
		_, _, errs := s.Load(src)
		wellPlaced(t, src, errs)
	})
}

func wellPlaced(t *testing.T, src string, errs []Error) {
	t.Helper()
	for _, e := range errs {
		if e.Start < 0 || e.End > len(src) || e.Start > e.End || e.Message == "" || e.Code == "" {
			t.Fatalf("%q: %+v", src, e)
		}
	}
}
