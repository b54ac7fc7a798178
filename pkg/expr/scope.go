package expr

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"
)

// Functions is what functions of the language reach outside. A nil member makes its
// functions an error at load.
type Functions struct {
	Now           func() time.Time
	Random        io.Reader
	HashPassword  func(string) (string, error)
	BaseURL       string // for url(), without a slash at the end
	PresenceList  func(topic string) any
	PresenceCount func(topic string) int
	Env           func(name string) (string, bool)  // read at load only
	File          func(path string) (string, error) // read at load only
}

// Name is a name in reach of an expression.
type Name struct {
	Name string
	Slot int // at least FirstSlot
	Type Type
	// MaybeNil says that the name is bound in a branch or after a plug that can be skipped:
	// a guard must then read it with ?., ?? or behind `!= nil`.
	MaybeNil bool
}

// Mode says how strict an expression is.
type Mode uint8

// Normal is for values, Guard for what decides who may do something.
const (
	Normal Mode = iota
	Guard
)

// Scope is a set of names. It never changes, is cheap to extend, and may be used by many
// goroutines; compiling goes one at a time.
type Scope struct {
	root *root
	up   *Scope
	name Name

	identity sync.Once
	key      string
	names    []string
	env      *env // guarded by root.mu
}

// root is what all scopes of an application share.
type root struct {
	functions *Functions
	table     map[string]*function
	natives   natives
	callable  conf.FunctionsTable
	disabled  map[string]bool

	mu      sync.Mutex // guards what follows, and all compiling
	envs    map[string]*env
	natures map[string]nature.Nature // of records and lists, by identity
}

// env is a distinct set of names as the checker wants it, with what was compiled in it.
type env struct {
	root    *root
	config  *conf.Config
	names   map[string]Name
	results map[resultKey]*result
}

type resultKey struct {
	src       string
	mode      Mode
	condition bool
}

type result struct {
	program *program
	errs    []Error
}

// maxNodes bounds the tree of one expression.
const maxNodes = 500

// NewScope makes an empty scope.
func NewScope(f *Functions) *Scope {
	if f == nil {
		f = &Functions{}
	}
	r := &root{functions: f, table: map[string]*function{}, callable: conf.FunctionsTable{}, disabled: map[string]bool{}, envs: map[string]*env{}, natures: map[string]nature.Nature{}}
	for _, row := range functionTable(f) {
		r.table[row.Name] = &row
		if row.call != nil {
			r.callable[row.Name] = &builtin.Function{Name: row.Name, Func: row.call, Types: row.types, Validate: row.validate}
		}
	}
	r.natives = newNatives()
	for name, call := range r.natives.all() {
		r.callable[name] = &builtin.Function{Name: name, Func: call}
	}
	for _, b := range builtin.Builtins {
		if !b.Predicate {
			r.disabled[b.Name] = true
		}
	}
	return &Scope{root: r}
}

// With gives the scope extended by n, which hides an earlier name like it.
func (s *Scope) With(n Name) *Scope {
	if n.Slot < FirstSlot {
		panic("expr: the slot of " + n.Name + " is below FirstSlot")
	}
	return &Scope{root: s.root, up: s, name: n}
}

// Lookup finds a name.
func (s *Scope) Lookup(name string) (Name, bool) {
	for ; s != nil && s.up != nil; s = s.up {
		if s.name.Name == name {
			return s.name, true
		}
	}
	return Name{}, false
}

// Names lists all names, sorted.
func (s *Scope) Names() []string {
	s.identify()
	return slices.Clone(s.names)
}

// Key is the identity of the scope: equal for scopes with the same names, types and slots.
func (s *Scope) Key() string {
	s.identify()
	return s.key
}

func (s *Scope) all() map[string]Name {
	names := map[string]Name{}
	for ; s.up != nil; s = s.up {
		if _, hidden := names[s.name.Name]; !hidden {
			names[s.name.Name] = s.name
		}
	}
	return names
}

func (s *Scope) identify() {
	s.identity.Do(func() {
		names := s.all()
		s.names = slices.Sorted(maps.Keys(names))
		var b strings.Builder
		for _, k := range s.names {
			n := names[k]
			b.WriteString(k)
			b.WriteByte('=')
			b.WriteString(strconv.Itoa(n.Slot))
			b.WriteString(n.Type.identity())
			if n.MaybeNil {
				b.WriteByte('~')
			}
			b.WriteByte(';')
		}
		s.key = b.String()
	})
}

// nature describes a type for the checker, which writes into what it gets: records are
// shared within this root only.
func (r *root) nature(t Type) nature.Nature {
	if t.kind != recordKind && t.kind != listKind {
		return t.nature()
	}
	n, ok := r.natures[t.identity()]
	if !ok {
		n = t.nature()
		r.natures[t.identity()] = n
	}
	return n
}

// environment finds or makes what the checker needs. The caller holds root.mu.
func (s *Scope) environment() *env {
	if s.env != nil {
		return s.env
	}
	key := s.Key()
	if e, ok := s.root.envs[key]; ok {
		s.env = e
		return e
	}
	e := &env{root: s.root, names: s.all(), results: map[resultKey]*result{}}
	fields := make(map[string]nature.Nature, len(e.names))
	for k, n := range e.names {
		fields[k] = s.root.nature(n.Type)
	}
	n := nature.NatureOf(map[string]any{})
	n.TypeData = &nature.TypeData{Fields: fields}
	n.Strict = true
	e.config = &conf.Config{
		Env: n, Strict: true, ShortCircuit: true, MaxNodes: maxNodes,
		Functions: s.root.callable, Builtins: conf.FunctionsTable{}, Disabled: s.root.disabled,
	}
	s.root.envs[key] = e
	s.env = e
	return e
}
