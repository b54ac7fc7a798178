package expr

import "github.com/openmanifest/gateway/pkg/value"

// standing says how far a value is from one that can be computed with.
type standing uint8

const (
	missing  standing = iota // nil, or a member that cannot be read
	compound                 // a map, a list, an object
	plain
)

func standingOf(v any, err error) standing {
	if err != nil || isNil(v) {
		return missing
	}
	if v, err = opened(v); err != nil {
		return missing
	}
	switch v.(type) {
	case map[string]any, []any, value.Object, value.Claims:
		return compound
	}
	return plain
}

// sentRead is a place of what the client sent that an expression reads.
type sentRead struct {
	name    string // as written: params.to
	eval    evalFunc
	derived bool // a function or operator stands between it and the operand
	always  bool // it is a map whatever the client sends, as params are
}

// operand is what an operation works on, with what of it the client sent.
type operand struct {
	eval      evalFunc // nil where only the machine can
	reads     []sentRead
	mixed     bool // it may also be what is not the client's
	container bool // a map or list is right here
}

// blame tells at run time whose doing a fault is. It is made at load, for expressions that
// read what the client sent, and used only when one could not be computed.
type blame struct {
	whole operand
	at    map[span][]operand // of each operation, by its place
}

// of finds the worst operand: a missing one before a map or list, that before a plain value,
// and of equal ones the client's, a value before the map that holds it. It gives what to tell
// the client; "" when the worst one is not the client's.
func (b *blame) of(f *Frame, at span) string {
	worst, said, holds := plain+1, "", false
	for _, o := range b.at[at] {
		v, s := o.stands(f)
		if s > worst {
			continue
		}
		told := o.sentAs(f, v, s)
		if s == worst && said != "" && (told == "" || !holds) {
			continue
		}
		worst, said, holds = s, told, o.container
	}
	return said
}

func (o *operand) stands(f *Frame) (any, standing) {
	if o.eval == nil {
		s := plain
		for _, r := range o.reads {
			s = min(s, standingOf(r.eval(f)))
		}
		return nil, s
	}
	v, err := o.eval(f)
	s := standingOf(v, err)
	if s == compound && o.container {
		s = plain
	}
	return v, s
}

// sentAs tells the client what is wrong with the value v of the operand, where it is what
// the client sent.
func (o *operand) sentAs(f *Frame, v any, s standing) string {
	for _, r := range o.reads {
		sent, err := r.eval(f)
		at := standingOf(sent, err)
		switch {
		case r.always && o.container && !o.mixed:
			return r.name + " does not hold what is needed here"
		case r.always:
			continue
		case at == compound && o.container && !o.mixed:
		case r.derived && (at < plain || at == s), at == s && at < plain:
		case at == plain && s == plain && (o.eval == nil || sameText(v, sent)):
		default:
			continue
		}
		switch at {
		case missing:
			return r.name + " is missing"
		case compound:
			return r.name + " is " + describe(sent) + " and cannot stand here"
		}
		return r.name + " cannot stand here as it is"
	}
	return ""
}

func sameText(a, b any) bool {
	x, errA := value.AppendText(nil, a)
	y, errB := value.AppendText(nil, b)
	return errA == nil && errB == nil && string(x) == string(y)
}

// faulted is the fault in the offsets of the whole text.
func (e *Expr) faulted(f *Frame, err error) error { return shifted(e.blamed(f, err), e.base) }

// blamed notes in a fault of the expression what the client has to do with it. The failure
// of something outside is never the client's doing.
func (e *Expr) blamed(f *Frame, err error) error {
	found, ok := err.(*Fault)
	if e.blame == nil || !ok || found.cause != nil || found.Sent != "" {
		return err
	}
	if said := e.blame.of(f, span{found.Start, found.End}); said != "" {
		told := *found
		told.Sent = said
		return &told
	}
	return err
}

// Misfit is the fault that v, which Eval gave, cannot be used where it stands, for the
// reason err, which stays inside.
func (e *Expr) Misfit(f *Frame, v any, err error) *Fault {
	out := &Fault{Message: err.Error(), Start: e.base, End: e.base + e.length, placed: true, cause: err}
	if isNil(v) {
		out.Kind = NilOperand
	}
	if e.blame != nil {
		out.Sent = e.blame.whole.sentAs(f, v, standingOf(v, nil))
	}
	return out
}

// Misfit is that of the expression that fills the text; of a longer text it is err.
func (t *Text) Misfit(f *Frame, v any, err error) error {
	if whole := t.Whole(); whole != nil {
		return whole.Misfit(f, v, err)
	}
	return err
}

// Misfit is that of the expression that is the whole value; of other shapes it is err.
func (j *JSON) Misfit(f *Frame, v any, err error) error {
	if j.shape.Kind == ShapeText {
		return j.shape.Text.Misfit(f, v, err)
	}
	return err
}
