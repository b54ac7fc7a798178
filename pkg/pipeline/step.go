package pipeline

import (
	"errors"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/expr"
)

// Steps is a compiled list of plugs: flat, immutable, shared by all that run it.
type Steps struct{ list []step }

// Empty tells whether there is nothing to do.
func (s *Steps) Empty() bool { return s == nil || len(s.list) == 0 }

type step struct {
	def  *Def // nil for a branch
	at   diag.Pos
	from string // the pipeline that it comes from; "" when written in the list itself

	when      *expr.Expr
	strict    bool   // an error in `when` refuses
	condition string // the text of when, for listings

	run  Plug
	slot int // where the result goes; 0: nowhere

	orElse   *Steps
	goOn     bool // else: continue
	modified *modifiers
	asks     needs // of when
	needs    needs
	reads    map[string]bool // names that the step's settings read
	sets     bool            // it may set a name that was bound before

	do, otherwise *Steps // of a branch
}

// modifiers are `status:` and `headers:` of an answer.
type modifiers struct {
	status  *Value
	headers []header
}

type header struct {
	name string
	text *Text
}

// needs is what a step reads that is made only when first needed.
type needs uint8

const (
	needBody   needs = 1 << iota // request.body
	needParams                   // the body's fields in params
	needToken                    // csrf_token
	needNonce                    // csp_nonce
)

// Run runs the list until it ends, a plug answers, or one fails without `else`. The error
// is a *Refusal where the caller is to be refused, and otherwise a *Failure.
func (s *Steps) Run(c *Context) error {
	for i := range s.list {
		if c.late() {
			return s.list[i].place(overdue{})
		}
		if err := s.list[i].runOne(c); err != nil {
			return err
		}
		if c.halted {
			return nil
		}
	}
	return nil
}

func (s *step) runOne(c *Context) error {
	if s.when != nil {
		if err := c.need(s.asks); err != nil {
			return s.place(err)
		}
		ok, err := s.when.Test(c.Frame)
		if err != nil {
			return s.failed(c, s.ruled(err))
		}
		if !ok {
			return s.otherwise.maybe(c)
		}
	}
	if s.def == nil {
		return s.do.maybe(c)
	}
	if s.needs != 0 {
		if err := c.need(s.needs); err != nil {
			return s.place(err)
		}
	}
	c.modified = s.modified
	v, err := s.run(c)
	if err != nil {
		return s.failed(c, s.ruled(err))
	}
	if s.slot > 0 {
		c.Slots[s.slot] = v
	}
	return nil
}

// maybe runs a list that may be missing.
func (s *Steps) maybe(c *Context) error {
	if s == nil {
		return nil
	}
	return s.Run(c)
}

// ruled turns the error of an expression into a refusal: in a guard, where what cannot be
// decided closes, and where what the client sent is to blame.
func (s *step) ruled(err error) error {
	if !s.strict {
		return RefuseSent(err)
	}
	var fault *expr.Fault
	if asRefusal(err) != nil || !errors.As(err, &fault) {
		return err
	}
	refusal := &Refusal{Reason: "forbidden", Status: 403, Message: "the rule could not be decided"}
	if s.def != nil {
		refusal = s.def.refusal(err)
	}
	return &explained{refusal: refusal, cause: err, why: "a rule could not be decided, so it refused"}
}

func (s *step) failed(c *Context, err error) error {
	var e *explained
	if errors.As(err, &e) {
		c.Log.Info(e.why, "plug", s.name(), "at", s.at.String(), "error", e.cause)
	}
	refusal, orElse := asRefusal(err), s.orElse
	var inside *undone
	if errors.As(err, &inside) {
		orElse = inside.orElse
	}
	switch {
	case refusal == nil:
		return s.place(err)
	case s.goOn:
		if s.slot > 0 {
			c.Slots[s.slot] = nil
		}
		return nil
	case orElse == nil:
		return refusal
	case c.tx != nil:
		return &undone{refusal: refusal, orElse: orElse}
	}
	c.Slots[SlotFailure] = refusal
	c.failure = refusal
	err = orElse.Run(c)
	c.halted = true
	return err
}

func (s *step) name() string {
	if s.def == nil {
		return "when"
	}
	return s.def.Name
}

// place adds the step to an error of ours.
func (s *step) place(err error) error {
	var f *Failure
	if errors.As(err, &f) || asRefusal(err) != nil {
		return err
	}
	return &Failure{Plug: s.name(), At: s.at, Err: err}
}

// runFirst moves the plugs that run before all others to the front.
func (s *Steps) runFirst() *Steps {
	slices.SortStableFunc(s.list, func(a, b step) int { return a.rank() - b.rank() })
	return s
}

func (s *step) rank() int {
	if s.def != nil && s.def.First {
		return 0
	}
	return 1
}

// First gives the steps that run before all others.
func (s *Steps) First() *Steps {
	n := 0
	for n < len(s.list) && s.list[n].rank() == 0 {
		n++
	}
	return &Steps{list: s.list[:n:n]}
}

// Reads tells whether any step reads a name.
func (s *Steps) Reads(name string) bool {
	if s == nil {
		return false
	}
	for i := range s.list {
		st := &s.list[i]
		if st.reads[name] || st.do.Reads(name) || st.otherwise.Reads(name) || st.orElse.Reads(name) {
			return true
		}
	}
	return false
}

// A Listed is one step, as `gateway routes --match` shows it.
type Listed struct {
	Depth    int
	Arm      string // "else" where the step runs instead of the one above; "" otherwise
	Plug     string
	Note     string // "when …"
	GoesOn   bool   // when it fails: else: continue
	Pipeline string
	At       diag.Pos
}

// List lists the steps and what is inside them.
func (s *Steps) List() []Listed { return s.listed(nil, 0, "") }

// listed appends the steps at a depth; arm is "else" for those that run when another does
// not or has failed.
func (s *Steps) listed(out []Listed, depth int, arm string) []Listed {
	if s == nil {
		return out
	}
	for i := range s.list {
		st := &s.list[i]
		note := ""
		if st.when != nil {
			note = "when " + st.condition
		}
		out = append(out, Listed{Depth: depth, Arm: arm, Plug: st.name(), Note: note, GoesOn: st.goOn, Pipeline: st.from, At: st.at})
		out = st.do.listed(out, depth+1, "")
		out = st.otherwise.listed(out, depth+1, "else")
		out = st.orElse.listed(out, depth+1, "else")
	}
	return out
}
