package pipeline

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
)

// A Build is given to a plug while it is built: the names in reach, what the application
// has, and where to report problems.
type Build struct {
	Env      *Env
	Problems *diag.Problems
	Place    Place
	At       diag.Pos // of the plug's name
	Path     string   // the plug's place as a path of keys and names: outlives edits elsewhere
	Options  *source.Node
	Rest     string // the name under which params has the rest of the route's path; "" without one

	def    *Def
	flow   *flow
	uses   map[string]bool
	sets   bool // it assigns
	result expr.Type
	named  string // what `as:` says; "" when it is not there
	guard  bool
	broken *bool  // a value did not compile, whether or not that was worth a problem
	list   *list  // that the plug stands in
	inner  *Steps // of `transaction`
}

func (b *Build) scope() *expr.Scope { return b.flow.scope }

func (b *Build) mode() expr.Mode {
	if b.guard {
		return expr.Guard
	}
	return expr.Normal
}

// Problem reports a fault of the plug's settings.
func (b *Build) Problem(at diag.Pos, code, format string, args ...any) *diag.Problem {
	return b.Problems.Add(at, code, format, args...)
}

// Result says what is known of the plug's result.
func (b *Build) Result(t expr.Type) { b.result = t }

// Named is the name that `as:` gives the result; "" without `as:`.
func (b *Build) Named() string { return b.named }

// Assign gives the slot of a name that the plug sets by itself, and makes it visible to
// what follows. A name that another plug bound with `as:` cannot be set.
func (b *Build) Assign(name string, at diag.Pos, t expr.Type) int {
	b.sets = true
	return b.flow.assign(b.Problems, name, at, t)
}

// Nested compiles text and values of the plug with one more name in reach, such as a
// resource's `record`.
func (b *Build) Nested(guard bool, names ...expr.Name) *Build {
	inner := *b
	next := *b.flow
	for _, n := range names {
		next.scope = next.scope.With(n)
	}
	inner.flow = &next
	inner.guard = guard
	return &inner
}

// VerifyPath remembers a path that must be answered by a declared GET route. Segments
// that are computed stand as `:_`.
func (b *Build) VerifyPath(pattern string, at diag.Pos) {
	b.Env.Paths.Add(PathCheck{Pattern: pattern, At: at})
}

// Reads notes that the step reads a name without an expression: "params" for the body.
func (b *Build) Reads(name string) { b.uses[name] = true }

// Visible lists the names in reach.
func (b *Build) Visible() []expr.Name {
	var out []expr.Name
	for _, name := range b.flow.scope.Names() {
		if n, _ := b.flow.scope.Lookup(name); !hidden(name) {
			out = append(out, n)
		}
	}
	return out
}

// Uses tells whether the plug's settings, compiled so far, read a name.
func (b *Build) Uses(name string) bool { return b.uses[name] }

// Loose tells that a fault which is reported hides names: unknown ones follow from it.
func (b *Build) Loose() bool { return b.flow.loose }
