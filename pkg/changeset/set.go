package changeset

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Set is the compiled fields of a schema or of `validate`. It never changes after
// Compile and is safe for concurrent use.
type Set struct {
	Fields []Field

	index     map[string]int
	functions *expr.Functions
	order     []int // fields with `set`, each after those that it reads
	checks    []check
	uniques   [][]int
	confirms  []string // keys that are no fields and repeat one
	needsRow  bool
	frames    sync.Pool
}

// Index gives the place of a field, -1 when there is none of that name.
func (s *Set) Index(name string) int {
	if i, ok := s.index[name]; ok {
		return i
	}
	return -1
}

// Uniques lists the fields of which no two rows have the same values: places of fields
// that are unique alone, and of those that are together.
func (s *Set) Uniques() [][]int {
	var list [][]int
	for i := range s.Fields {
		if f := &s.Fields[i]; f.Unique || f.own() && f.Name == ID {
			list = append(list, []int{i})
		}
	}
	return append(list, s.uniques...)
}

// NeedsRow tells whether an update must know the row as it was: some `set` or `check` reads
// several fields, of which an update may bring one.
func (s *Set) NeedsRow() bool { return s.needsRow }

// Mode tells what the values are for.
type Mode uint8

// A create needs every required field; an update checks the fields that it has.
const (
	Create Mode = iota
	Update
)

// Keys tells what becomes of a key that its sender may not set.
type Keys uint8

// The ways with keys.
const (
	Strict  Keys = iota // it is an error by field: a client wrote it
	Loose               // it is left out, as Phoenix's cast does: it came in a whole map
	Trusted             // any field may be set: the manifest wrote it
)

// An Input is what Cast reads.
type Input struct {
	Mode  Mode
	Keys  Keys
	Given map[string]any
	Fixed []Fixed // what the manifest says itself; no client can name these
}

// Fixed is a value of a field by its place.
type Fixed struct {
	Field int
	Value any
}

// Invalid is what the sender did wrong, by field.
type Invalid struct{ Errors map[string][]string }

// Error lists the fields.
func (e *Invalid) Error() string {
	return "not valid: " + strings.Join(slices.Sorted(maps.Keys(e.Errors)), ", ")
}

// Add adds a message to a field.
func (e *Invalid) Add(field, message string) {
	if e.Errors == nil {
		e.Errors = map[string][]string{}
	}
	e.Errors[field] = append(e.Errors[field], message)
}

// InRow names a field of one row of a list, counted from 0.
func InRow(row int, field string) string { return strconv.Itoa(row) + "." + field }

// AddRow adds the messages of one row of a list.
func (e *Invalid) AddRow(row int, of *Invalid) {
	for field, messages := range of.Errors {
		for _, m := range messages {
			e.Add(InRow(row, field), m)
		}
	}
}

// orNil is the error, nil when there are no messages.
func (e *Invalid) orNil() error {
	if len(e.Errors) == 0 {
		return nil
	}
	return e
}

// Cast reads and checks what was given. The error is an *Invalid, or ours: a default that
// cannot be computed.
func (s *Set) Cast(in Input) (*Changes, error) {
	c := &Changes{set: s, values: make([]any, len(s.Fields))}
	var bad Invalid
	for _, x := range in.Fixed {
		c.Put(x.Field, x.Value)
	}
	known := 0
	for _, key := range s.confirms {
		if _, given := in.Given[key]; given {
			known++
		}
	}
	for i := range s.Fields {
		f := &s.Fields[i]
		v, given := in.Given[f.Name]
		if given {
			known++
			given = s.allowed(i, in, c, &bad)
		}
		if given {
			if err := s.castField(i, v, c, &bad); err != nil {
				return nil, err
			}
			s.confirmed(i, in, c, &bad)
		}
	}
	if known < len(in.Given) && in.Keys != Loose {
		s.strangers(in.Given, &bad)
	}
	if err := s.complete(in.Mode, c, &bad); err != nil {
		return nil, err
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	return c, nil
}

// allowed tells whether the sender may set field i, and says otherwise where it was not
// left out knowingly.
func (s *Set) allowed(i int, in Input, c *Changes, bad *Invalid) bool {
	f := &s.Fields[i]
	message := ""
	switch {
	case c.given.has(i): // fixed
		message = NotSettable
	case in.Keys == Trusted:
	case !f.Writable:
		message = NotSettable
	case f.Immutable && in.Mode == Update:
		message = NotChangeable
	}
	if message != "" && in.Keys == Strict {
		bad.Add(f.Name, message)
	}
	return message == ""
}

func (s *Set) castField(i int, v any, c *Changes, bad *Invalid) error {
	f := &s.Fields[i]
	cast, ok := f.Cast(v)
	switch {
	case !ok:
		bad.Add(f.Name, f.Says(config.RuleType, f.misfit()))
		c.given.set(i) // so that it is not missed as well
		return nil
	case cast == nil && v != nil && f.absent != nil:
		return s.putDefault(i, c) // blank text is as good as nothing given
	case cast != nil:
		if message := f.broken(cast); message != "" {
			bad.Add(f.Name, message)
		}
	}
	c.Put(i, cast)
	return nil
}

// strangers reports keys that are no fields.
func (s *Set) strangers(given map[string]any, bad *Invalid) {
	for key := range given {
		if s.Index(key) < 0 && !slices.Contains(s.confirms, key) {
			bad.Add(key, NotAField)
		}
	}
}

// complete gives absent fields their defaults and misses what is required. A field that is
// computed is missed by Compute.
func (s *Set) complete(mode Mode, c *Changes, bad *Invalid) error {
	for i := range s.Fields {
		f := &s.Fields[i]
		if mode == Create && !c.given.has(i) && f.absent != nil {
			if err := s.putDefault(i, c); err != nil {
				return err
			}
		}
		if !f.Required && !f.acceptance {
			continue
		}
		given := c.given.has(i)
		blank := given && c.values[i] == nil && len(bad.Errors[f.Name]) == 0
		if blank || !given && mode == Create && f.set == nil {
			bad.Add(f.Name, f.missing())
		}
	}
	return nil
}

// missing is what is said of a field that must have a value and has none.
func (f *Field) missing() string {
	if f.acceptance {
		return f.Says(config.RuleAcceptance, MustBeAccepted)
	}
	return f.Says(config.RuleRequired, CantBeBlank)
}

func (s *Set) putDefault(i int, c *Changes) error {
	f := &s.Fields[i]
	if f.absent.constant {
		c.Put(i, f.absent.value)
		return nil
	}
	frame := s.frames.Get().(*expr.Frame)
	v, err := f.absent.text.Eval(frame)
	frame.Reset()
	s.frames.Put(frame)
	if err != nil {
		return fmt.Errorf("default of %s: %w", f.Name, err)
	}
	cast, ok := f.Cast(v)
	if !ok {
		return fmt.Errorf("default of %s gives %s, which is no value of type %s", f.Name, value.Describe(v), f.Type)
	}
	c.Put(i, cast)
	return nil
}

// Mask has a bit for each field.
type Mask [maxFields / 64]uint64

func (m *Mask) has(i int) bool { return m[i/64]&(1<<(i%64)) != 0 }

func (m *Mask) set(i int) { m[i/64] |= 1 << (i % 64) }

// Changes are the values of some fields of a set: those given, with defaults and computed
// ones. Expressions see them as `changes`.
type Changes struct {
	set    *Set
	values []any
	given  Mask
}

// Put sets the value of field i.
func (c *Changes) Put(i int, v any) {
	c.values[i] = v
	c.given.set(i)
}

// Get gives the value of field i; ok is false when it has none.
func (c *Changes) Get(i int) (v any, ok bool) { return c.values[i], c.given.has(i) }

// Given tells the fields that have a value.
func (c *Changes) Given() Mask { return c.given }

// Has tells whether a mask has field i.
func (m Mask) Has(i int) bool { return m.has(i) }

// Empty tells that no field has a value.
func (c *Changes) Empty() bool { return c.given == Mask{} }

// Member implements value.Object: only fields that have a value are there.
func (c *Changes) Member(name string) (any, bool) {
	i := c.set.Index(name)
	if i < 0 || !c.given.has(i) {
		return nil, false
	}
	return c.values[i], true
}

// Names implements value.Object: what is hidden stays here.
func (c *Changes) Names() []string {
	var names []string
	for i := range c.set.Fields {
		if f := &c.set.Fields[i]; c.given.has(i) && !f.Hidden && !f.Virtual {
			names = append(names, f.Name)
		}
	}
	return names
}

// Shows tells whether Map has field i: one that a client may write or that is computed.
func (s *Set) Shows(i int) bool { return s.Fields[i].Writable || s.Fields[i].set != nil }

// Map gives every field that a client may write and every computed one, nil where there is
// no value.
func (c *Changes) Map() map[string]any {
	out := make(map[string]any, len(c.set.Fields))
	for i := range c.set.Fields {
		if c.set.Shows(i) {
			out[c.set.Fields[i].Name] = c.values[i]
		}
	}
	return out
}

var _ value.Object = (*Changes)(nil)
