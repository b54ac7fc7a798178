package changeset

import (
	"errors"
	"slices"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
)

// A check is a condition over the fields of a record.
type check struct {
	condition *expr.Expr
	field     int // that has the error
	message   string
	reads     []int
}

// check compiles a condition whose error is of field i.
func (s *Set) check(n *source.Node, i int, message string, record *expr.Scope, o Options) {
	if n == nil {
		return // it is missing, which is reported
	}
	if n.Kind != source.Scalar {
		o.Problems.Add(n.At, "wrong-type", "expected a condition, found a map or list").Suggest("put quotes around a condition that begins with [ or {, or stands inside { }")
		return
	}
	e, errs := record.Condition(n.Value, expr.Normal)
	for _, err := range errs {
		config.Report(o.Problems, n, err, o.Lenient)
	}
	if len(errs) > 0 {
		return
	}
	x := check{condition: e, field: i, message: message, reads: s.reads(e.Uses())}
	s.needsRow = s.needsRow || len(x.reads) > 1
	s.checks = append(s.checks, x)
}

// Check runs the checks that need no computed field: what `validate` does with the fields of
// a schema. The error is as of Compute.
func (s *Set) Check(mode Mode, c *Changes) error {
	if len(s.checks) == 0 {
		return nil
	}
	frame := s.frame(c, nil)
	defer s.done(frame)
	return s.test(mode, c, frame, func(x *check) bool {
		return !slices.ContainsFunc(x.reads, func(i int) bool { return s.Fields[i].set != nil && !c.given.has(i) })
	})
}

// test runs the checks of which a field that they read has come; a create runs all.
func (s *Set) test(mode Mode, c *Changes, frame *expr.Frame, which func(*check) bool) error {
	var bad Invalid
	for k := range s.checks {
		x := &s.checks[k]
		if mode == Update && !slices.ContainsFunc(x.reads, c.given.has) || !which(x) {
			continue
		}
		ok, err := x.condition.Test(frame)
		if err != nil {
			var fault *expr.Fault
			if !errors.As(err, &fault) || fault.Unwrap() != nil {
				return err
			}
			ok = x.unknown(frame)
		}
		if !ok {
			bad.Add(s.Fields[x.field].Name, x.message)
		}
	}
	return bad.orNil()
}

// unknown tells that a condition which could not be computed says nothing of the record: a
// field that it reads is nil, as in a CHECK of SQL. `required` is what asks for a value.
// Otherwise what was sent does not fit the condition, which closes.
func (x *check) unknown(frame *expr.Frame) bool {
	return slices.ContainsFunc(x.reads, func(i int) bool { return frame.Slots[expr.FirstSlot+i] == nil })
}
