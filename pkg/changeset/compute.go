package changeset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/value"
)

// computed is a value of the manifest: a constant, or an expression over fields.
type computed struct {
	constant bool
	value    any // of a constant, cast
	text     *expr.Text
	reads    []int
}

// compute compiles `default`, `set` and `check` of all fields, and the checks of a schema.
func (s *Set) compute(fields []spec.Named[config.Field], checks []config.Check, o Options) {
	if len(checks) == 0 && !slices.ContainsFunc(fields, func(n spec.Named[config.Field]) bool {
		return n.Value.Default != nil || n.Value.Set != nil || n.Value.Check != nil
	}) {
		return
	}
	functions := expr.NewScope(s.functions)
	record := functions
	for i := range s.Fields {
		record = record.With(expr.Name{Name: s.Fields[i].Name, Slot: expr.FirstSlot + i, Type: s.Fields[i].ExprType()})
	}
	slots := expr.FirstSlot + len(s.Fields)
	s.frames.New = func() any { return expr.NewFrame(slots) }
	for i := range s.Fields {
		f := &s.Fields[i]
		if n := fields[i].Value.Default; n != nil {
			f.absent = s.compile(f, n, functions, o)
		}
		if n := fields[i].Value.Set; n != nil {
			f.set = s.compile(f, n, record, o)
			s.needsRow = s.needsRow || f.set != nil && len(f.set.reads) > 1
		}
		if n := fields[i].Value.Check; n != nil {
			s.check(n, i, f.Says(config.RuleCheck, IsInvalid), record, o)
		}
	}
	for _, x := range checks {
		if i := s.Index(x.Field.Name); i >= 0 {
			s.check(x.Condition, i, cmp.Or(x.Message, IsInvalid), record, o)
		}
	}
	s.sort(o)
}

func (s *Set) compile(f *Field, n *source.Node, scope *expr.Scope, o Options) *computed {
	if n.Kind != source.Scalar || !strings.Contains(n.Value, "${") {
		return s.constant(f, n, o)
	}
	text, errs := scope.Text(n.Value, expr.Normal)
	for _, e := range errs {
		config.Report(o.Problems, n, e, o.Lenient)
	}
	if len(errs) > 0 {
		return nil
	}
	return &computed{text: text, reads: s.reads(text.Uses())}
}

// reads gives the places of the fields that an expression uses.
func (s *Set) reads(uses []string) (list []int) {
	for _, name := range uses {
		name, _, _ = strings.Cut(name, ".")
		if i := s.Index(name); i >= 0 && !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}

func (s *Set) constant(f *Field, n *source.Node, o Options) *computed {
	v, ok := f.Cast(plain(n))
	if !ok {
		o.Problems.Add(n.At, "wrong-value", "this is no value for a field of type %s", f.Type)
		return nil
	}
	if v != nil {
		if message := f.broken(v); message != "" {
			o.Problems.Add(n.At, "wrong-value", "this value breaks the field's own rules: it %s", message)
			return nil
		}
	}
	return &computed{constant: true, value: v}
}

// plain gives a node as data.
func plain(n *source.Node) any {
	switch n.Kind {
	case source.Map:
		m := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			m[e.Key.Value] = plain(e.Value)
		}
		return m
	case source.List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = plain(item)
		}
		return list
	}
	return n.Scalar()
}

// sort orders the computed fields so that each comes after those that it reads, and
// reports those that read each other in a ring.
func (s *Set) sort(o Options) {
	const open, done = 1, 2
	state := make([]uint8, len(s.Fields))
	var visit func(i int, chain []string)
	visit = func(i int, chain []string) {
		f := &s.Fields[i]
		if f.set == nil || state[i] == done {
			return
		}
		chain = append(chain, f.Name)
		if state[i] == open {
			o.Problems.Add(f.at, "set-cycle", "the values of `set` need each other: %s", strings.Join(chain, " → "))
			return
		}
		state[i] = open
		for _, k := range f.set.reads {
			visit(k, chain)
		}
		state[i] = done
		s.order = append(s.order, i)
	}
	for i := range s.Fields {
		visit(i, nil)
	}
}

// Compute runs the `set` of fields of which something that they read has changed, and then
// the checks. A field of which all that changed is nil is left alone: no password, no hash.
// record is the row before an update, nil on a create. The error is an *Invalid, a
// *password.Busy, or ours.
func (s *Set) Compute(mode Mode, c *Changes, record value.Object) error {
	if len(s.order) == 0 && len(s.checks) == 0 {
		return nil
	}
	frame := s.frame(c, record)
	defer s.done(frame)
	var bad Invalid
	for _, i := range s.order {
		if err := s.computeField(i, mode, c, frame, &bad); err != nil {
			return err
		}
	}
	if err := bad.orNil(); err != nil {
		return err
	}
	return s.test(mode, c, frame, func(*check) bool { return true })
}

// frame lays out the values that the fields will have.
func (s *Set) frame(c *Changes, record value.Object) *expr.Frame {
	frame := s.frames.Get().(*expr.Frame)
	for i := range s.Fields {
		frame.Slots[expr.FirstSlot+i] = current(c, i, record)
	}
	return frame
}

func (s *Set) done(frame *expr.Frame) {
	frame.Reset()
	s.frames.Put(frame)
}

// current is the value that a field will have.
func current(c *Changes, i int, record value.Object) any {
	if v, ok := c.Get(i); ok || record == nil {
		return v
	}
	v, _ := record.Member(c.set.Fields[i].Name) // a virtual field is in no row
	return v
}

func (s *Set) computeField(i int, mode Mode, c *Changes, frame *expr.Frame, bad *Invalid) error {
	f := &s.Fields[i]
	if c.given.has(i) { // the manifest wrote it out
		return nil
	}
	if f.set.due(mode, c) {
		v, err := f.set.eval(frame)
		if err != nil {
			return s.computeError(f, c, frame, err, bad)
		}
		cast, ok := f.Cast(v)
		if !ok && s.blame(f, frame, bad) {
			return nil
		}
		if !ok {
			return fmt.Errorf("set of %s gives %s, which is no value of type %s", f.Name, value.Describe(v), f.Type)
		}
		c.Put(i, cast)
		frame.Slots[expr.FirstSlot+i] = cast
		if cast != nil {
			if message := f.broken(cast); message != "" {
				bad.Add(f.Name, message)
			}
		}
	}
	if v, given := c.Get(i); f.Required && v == nil && (given || mode == Create) {
		bad.Add(f.Name, f.missing())
	}
	return nil
}

// due tells whether something that the field reads has come. One that reads nothing is
// computed on create.
func (x *computed) due(mode Mode, c *Changes) bool {
	if len(x.reads) == 0 {
		return mode == Create
	}
	return slices.ContainsFunc(x.reads, func(i int) bool { return c.given.has(i) && c.values[i] != nil })
}

func (x *computed) eval(frame *expr.Frame) (any, error) {
	if x.constant {
		return x.value, nil
	}
	return x.text.Eval(frame)
}

// computeError tells what the sender can mend, such as a password that is too long, from
// faults of ours.
func (s *Set) computeError(f *Field, c *Changes, frame *expr.Frame, err error, bad *Invalid) error {
	var long *password.TooLong
	var fault *expr.Fault
	switch {
	case errors.As(err, &long):
		for _, i := range f.set.reads {
			if c.given.has(i) {
				bad.Add(s.Fields[i].Name, fmt.Sprintf("should be at most %d byte(s)", long.Limit))
			}
		}
		return nil
	case errors.As(err, &fault) && fault.Unwrap() == nil && s.blame(f, frame, bad):
		return nil
	}
	return fmt.Errorf("set of %s: %w", f.Name, err)
}

// blame says of the fields that a client may write that nothing can be computed from them:
// of those that have no value, else of all. It tells whether there are any.
func (s *Set) blame(f *Field, frame *expr.Frame, bad *Invalid) bool {
	var missing, unfit []*Field
	for _, i := range f.set.reads {
		switch read := &s.Fields[i]; {
		case !read.Writable:
		case frame.Slots[expr.FirstSlot+i] == nil:
			missing = append(missing, read)
		default:
			unfit = append(unfit, read)
		}
	}
	for _, read := range missing {
		bad.Add(read.Name, read.Says(config.RuleRequired, CantBeBlank))
	}
	if len(missing) == 0 {
		for _, read := range unfit {
			bad.Add(read.Name, read.Says(config.RuleType, IsInvalid))
		}
	}
	return len(missing)+len(unfit) > 0
}
