package expr

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

const (
	maxLength = 4096 // bytes of one expression
	maxNested = 64   // brackets within brackets
)

// program is a compiled expression. It never changes and may run in many frames at once.
type program struct {
	eval     evalFunc
	test     testFunc // nil when the value must be asked
	typ      Type
	constant any
	isConst  bool
	uses     []string
	paths    []PathRef
	fromEnv  []string
	name     string
	length   int    // of the source, in bytes
	blame    *blame // nil where nothing that the client sent is read
}

// Expr is an expression that was checked at load. It may run in many frames at once.
type Expr struct {
	*program
	base int // where it stands in the text that was given
}

// Value compiles a bare expression.
func (s *Scope) Value(src string, m Mode) (*Expr, []Error) {
	return s.compile(resultKey{src, m, false}, 0)
}

// Condition compiles a bare expression that must be true or false.
func (s *Scope) Condition(src string, m Mode) (*Expr, []Error) {
	return s.compile(resultKey{src, m, true}, 0)
}

func (s *Scope) compile(key resultKey, base int) (*Expr, []Error) {
	s.root.mu.Lock()
	defer s.root.mu.Unlock()
	e := s.environment()
	r, ok := e.results[key]
	if !ok {
		p, errs := e.compile(key, false)
		r = &result{p, errs}
		e.results[key] = r
	}
	if len(r.errs) > 0 {
		return nil, moved(r.errs, base)
	}
	return &Expr{r.program, base}, nil
}

func moved(errs []Error, base int) []Error {
	out := slices.Clone(errs)
	for i := range out {
		out[i].Start += base
		out[i].End += base
	}
	return out
}

// compile is the whole way of one expression. load allows only what is known at load.
func (e *env) compile(key resultKey, load bool) (p *program, errs []Error) {
	defer func() {
		// Whatever a text can make the parser do must not end the process.
		if r := recover(); r != nil {
			p, errs = nil, []Error{{0, len(key.src), "expression", "this expression cannot be understood", ""}}
		}
	}()
	if errs := limits(key); len(errs) > 0 {
		return nil, errs
	}
	tree, err := parser.ParseWithConfig(key.src, e.config)
	if err != nil {
		return nil, []Error{parseError(key.src, err)}
	}
	sc := &scout{src: key.src, env: e, load: load, uses: map[string]struct{}{}}
	if sc.walk(&tree.Node, false); len(sc.errs) > 0 {
		return nil, sc.errs
	}
	if _, err := checker.Check(tree, e.config); err != nil {
		return nil, []Error{checkError(e, key.src, tree.Node, err)}
	}
	typ := typeOf(*tree.Node.Nature())
	if err, bad := notBoolean(key, tree.Node, typ); bad {
		return nil, []Error{err}
	}
	rw := &rewriter{src: key.src, env: e, mode: key.mode, nonNil: map[string]int{}, scout: sc}
	name := ""
	if id, ok := tree.Node.(*ast.IdentifierNode); ok {
		name = id.Value
	}
	root := rw.node(tree.Node, false)
	if key.condition {
		root = rw.boolean(root)
	}
	if len(sc.errs) > 0 {
		return nil, sc.errs
	}
	p = &program{typ: typ, uses: slices.Sorted(maps.Keys(sc.uses)), paths: sc.paths, fromEnv: sc.fromEnv, name: name, length: len(key.src)}
	if err := e.build(p, key.src, root); err != nil {
		return nil, []Error{{0, len(key.src), "expression", err.Error(), ""}}
	}
	if p.blame = (&builder{key.src, e}).trace(root, p.uses); p.blame != nil && len(p.blame.whole.reads) > 0 && !p.blame.whole.mixed {
		p.typ = Sent(p.typ)
	}
	if sc.calls {
		p.eval = domainOnly(p.eval, span{0, len(key.src)})
	}
	if len(p.uses) == 0 && !sc.impure {
		p.fold()
	}
	return p, nil
}

// build takes the native way where it can, the machine otherwise.
func (e *env) build(p *program, src string, root ast.Node) error {
	b := &builder{src, e}
	p.test = b.test(root)
	if p.eval = b.value(root); p.eval != nil {
		return nil
	}
	machine, err := e.assemble(src, root)
	if err != nil {
		return err
	}
	p.eval = func(f *Frame) (any, error) {
		v, err := f.run(machine)
		if err != nil {
			return nil, machineFault(src, err)
		}
		return v, nil
	}
	return nil
}

// assemble compiles for the machine and turns name loads into loads from slots. Anything
// that would look into a value by itself is refused: the rewriting has left none.
func (e *env) assemble(src string, root ast.Node) (*vm.Program, error) {
	p, err := compiler.Compile(&parser.Tree{Node: root, Source: file.NewSource(src)}, e.config)
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("this expression cannot be compiled: %s", plainMachine(message))
	}
	for ip, op := range p.Bytecode {
		if op != vm.OpLoadFast {
			if !allowed(op) {
				return nil, fmt.Errorf("this expression needs operation %d of the machine, which is not allowed", op)
			}
			continue
		}
		name, _ := p.Constants[p.Arguments[ip]].(string)
		slot := e.names[name].Slot
		if name == budgetName {
			slot = workSlot
		}
		if slot == 0 {
			return nil, fmt.Errorf("there is no name %q here", name)
		}
		p.Bytecode[ip], p.Arguments[ip] = vm.OpLoadVar, slot
	}
	return p, nil
}

func allowed(op vm.Opcode) bool {
	switch op {
	case vm.OpPush, vm.OpInt, vm.OpPop, vm.OpStore, vm.OpLoadVar, vm.OpLoadFunc, vm.OpTrue, vm.OpFalse, vm.OpNil, vm.OpNot,
		vm.OpJump, vm.OpJumpIfTrue, vm.OpJumpIfFalse, vm.OpJumpIfNil, vm.OpJumpIfNotNil, vm.OpJumpIfEnd, vm.OpJumpBackward,
		vm.OpCall0, vm.OpCall1, vm.OpCall2, vm.OpCall3, vm.OpCallN, vm.OpArray, vm.OpMap,
		vm.OpIncrementIndex, vm.OpDecrementIndex, vm.OpIncrementCount, vm.OpGetIndex, vm.OpGetCount, vm.OpGetLen, vm.OpGetAcc,
		vm.OpSetAcc, vm.OpSetIndex, vm.OpPointer, vm.OpThrow, vm.OpCreate, vm.OpGroupBy, vm.OpSortBy, vm.OpSort, vm.OpBegin, vm.OpEnd,
		vm.OpSubtract, vm.OpMoreOrEqual, vm.OpEqual: // the last three in loops, on the machine's own integers
		return true
	}
	return false
}

// domainOnly keeps what is no value (a duration, a time zone) inside expressions.
func domainOnly(eval evalFunc, at span) evalFunc {
	return func(f *Frame) (any, error) {
		v, err := eval(f)
		if err != nil {
			return nil, err
		}
		switch v.(type) {
		case time.Duration:
			return nil, place(fault("a duration is no value; add it to a time, or take .Seconds()"), at)
		case *time.Location:
			return nil, place(fault("a time zone is no value; use it as in t.In(zone)"), at)
		}
		return v, nil
	}
}

// fold computes what cannot change. Lists and maps stay as they are: whoever receives
// one may write into it.
func (p *program) fold() {
	v, err := p.eval(NewFrame(FirstSlot))
	if err != nil {
		return
	}
	switch v.(type) {
	case []any, map[string]any:
		return
	}
	p.constant, p.isConst = v, true
	p.eval = func(*Frame) (any, error) { return v, nil }
	if b, ok := v.(bool); ok {
		p.test = func(*Frame) (bool, error) { return b, nil }
	}
}

// machineFault takes our own error out of the machine's, and words what is the machine's.
func machineFault(src string, err error) error {
	fe, ok := errors.AsType[*file.Error](err)
	if !ok {
		return fault("%s", plainMachine(err.Error()))
	}
	at := spanOf(src, fe.From, fe.To)
	if fe.Prev != nil {
		if own, ok := errors.AsType[*Fault](fe.Prev); ok {
			return place(own, at)
		}
		if !isMachine(fe.Prev) {
			return place(fe.Prev, at)
		}
	}
	return place(fault("%s", plainMachine(fe.Message)), at)
}

func isMachine(err error) bool {
	_, ok := err.(interface{ RuntimeError() })
	return ok
}

// Eval computes the value. Errors are a *Fault.
func (e *Expr) Eval(f *Frame) (any, error) {
	v, err := e.eval(f)
	if err != nil {
		return nil, e.faulted(f, err)
	}
	return v, nil
}

// Test computes a condition: it is an error unless the value is exactly true or false.
func (e *Expr) Test(f *Frame) (bool, error) {
	if e.test != nil {
		v, err := e.test(f)
		if err != nil {
			return false, e.faulted(f, err)
		}
		return v, nil
	}
	v, err := e.eval(f)
	if err != nil {
		return false, e.faulted(f, err)
	}
	b, err := truth(v)
	if err != nil {
		return false, shifted(place(err, span{0, e.length}), e.base)
	}
	return b, nil
}

// Type is what is known of the value.
func (e *Expr) Type() Type { return e.typ }

// Constant gives the value of an expression that is the same always; lists and maps are
// not given as constants.
func (e *Expr) Constant() (any, bool) { return e.constant, e.isConst }

// Uses lists the names that are read, sorted. Of a Record name also "name.member" for
// members read by a constant key, and "name.*" where all of it may be read.
func (e *Expr) Uses() []string { return e.uses }

// Paths lists the patterns given to path() and url().
func (e *Expr) Paths() []PathRef { return movedPaths(e.paths, e.base) }

func movedPaths(paths []PathRef, base int) []PathRef {
	if base == 0 {
		return paths
	}
	out := slices.Clone(paths)
	for i := range out {
		out[i].Start += base
		out[i].End += base
	}
	return out
}

// Name is the name, when the expression is nothing but one; else "".
func (e *Expr) Name() string { return e.name }
