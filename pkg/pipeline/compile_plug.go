package pipeline

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// plug compiles one plug with its modifiers.
func (l *list) plug(e *entry, path string, f *flow, steps *Steps) {
	d := l.defs[e.name]
	b := l.build(e, f)
	b.def, b.Path, b.guard = d, path, d.Guard
	if e.as != nil {
		b.named = e.as.Value
	}
	st := step{def: d, at: e.at, from: l.pipeline, strict: d.Guard}
	l.misplaced(e, d)
	l.outside(e, d)
	before := *f
	if d.First && (e.when != nil || l.conditional) {
		l.ps.Add(e.at, "runs-first", "`%s` runs before all other plugs, so it cannot depend on a condition", d.Name).Suggest("write it without `when:`, outside of branches")
	}
	if e.when != nil {
		st.when, st.condition = b.Condition(e.when), e.when.Value
		st.asks = l.readsOf(b, f)
	}
	st.goOn = e.orElse != nil && e.orElse.Kind == source.Scalar && e.orElse.Value == "continue"
	f.maybe = e.when != nil || st.goOn
	st.run = l.settings(b, d, e)
	st.modified = l.modifiers(e, b)
	st.needs, st.reads, st.sets = l.needsOf(b, f, e.at), b.uses, b.sets
	l.noteCookie(b, e, f)
	f.maybe = false
	known := *f // to its else
	if b.inner != nil {
		st.do, st.needs = b.inner, st.needs|b.inner.allNeeds()
		known = l.undone(before, f, e.when != nil)
	}
	if e.orElse != nil && !st.goOn {
		st.orElse = l.elseOf(e, path, known)
	}
	l.bindResult(e, d, b, f, &st)
	if d.Name == "protect_from_forgery" && e.when == nil {
		f.forgery = true
	}
	if d.Answers&l.place != 0 && !d.Passes && e.when == nil && l.tx == nil {
		f.ended, f.endedAt = true, e.at
	}
	steps.add(st)
}

// settings decodes and builds the plug. It is nil when there was a problem.
func (l *list) settings(b *Build, d *Def, e *entry) Plug {
	if d.Later {
		spec.Unavailable(l.ps, e.at, d.Name)
		for _, name := range d.Binds {
			b.flow.give(name, expr.Any)
		}
		return nil
	}
	before := l.ps.Len()
	s := &Settings{Fields: spec.NewFields("`" + d.Name + "`"), b: b}
	build := d.describe(s)
	s.Decode(&spec.Decoder{Problems: l.ps, Load: l.load}, e.options, e.at)
	if l.ps.Len() > before || *b.broken {
		for _, name := range d.Binds {
			b.flow.give(name, expr.Any)
		}
		if d.Name == "assign" {
			b.assignBroken(e.options)
		}
		return nil
	}
	return build(b)
}

// assignBroken makes the names visible that an assign with a fault would have set, so that
// what follows is judged as if it had.
func (b *Build) assignBroken(options *source.Node) {
	for _, x := range options.Entries {
		b.Assign(x.Key.Value, x.Key.At, expr.Any)
	}
}

// give makes a name of the language visible, such as `format` after accepts.
func (f *flow) give(name string, t expr.Type) int {
	slot := languageSlot(name)
	if n, ok := f.scope.Lookup(name); ok && slot == 0 {
		return n.Slot
	}
	f.scope = f.scope.With(expr.Name{Name: name, Slot: slot, Type: t, MaybeNil: f.maybe})
	return slot
}

// Give makes a name of the language visible to what follows, and returns its slot.
func (b *Build) Give(name string, t expr.Type) int { return b.flow.give(name, t) }

func languageSlot(name string) int {
	switch name {
	case "format":
		return SlotFormat
	case "session":
		return SlotSession
	case "flash":
		return SlotFlash
	case "csrf_token":
		return SlotCSRFToken
	case "csp_nonce":
		return SlotCSPNonce
	}
	return 0
}

// misplaced reports modifiers that cannot stand on this plug.
func (l *list) misplaced(e *entry, d *Def) {
	switch {
	case e.orElse != nil && e.when != nil:
		l.ps.Add(e.elseAt, "when-and-else", "`when` and `else` together stand only on a branch").
			Suggest("write `when: …`, `do: [%s: …]`, `else: …`: a reader could not tell which of the two `else` means", d.Name)
	case e.orElse != nil && !d.TakesElse():
		l.ps.Add(e.elseAt, "cannot-fail", "`%s` cannot fail, so `else` would never run", d.Name)
	case e.orElse != nil && e.orElse.Kind == source.Scalar && e.orElse.Value == "continue" && d.Result == "":
		l.ps.Add(e.orElse.At, "guard-continues", "`else: continue` is only for plugs with a result; `%s` would guard nothing", d.Name).
			Suggest("remove the plug, or answer in its `else`")
	}
	if e.as != nil && !d.TakesAs() {
		l.ps.Add(e.asAt, "no-result", "`%s` has no result to bind", d.Name)
	}
	if !d.TakesStatus(l.place) {
		if e.status != nil {
			l.ps.Add(e.statusAt, "misplaced-modifier", "`status` stands on answers, and `%s` is none here", d.Name)
		}
		if e.headers != nil {
			l.ps.Add(e.headersAt, "misplaced-modifier", "`headers` stands on answers, and `%s` is none here", d.Name)
		}
	}
	if l.inElse && d.Opens&l.place != 0 {
		l.ps.Add(e.at, "else-opens", "`%s` in an `else` of %s would let the caller in", d.Name, l.place).Suggest("end it with %s", closers(l.place))
	}
}

func closers(p Place) string {
	if p == Connect {
		return "`send_resp`"
	}
	return "`reply_error` or `stop`"
}

func (l *list) modifiers(e *entry, b *Build) *modifiers {
	if e.status == nil && e.headers == nil {
		return nil
	}
	m := &modifiers{}
	if e.status != nil {
		m.status = b.Value(e.status)
		if m.status != nil {
			b.checkStatus(m.status)
		}
	}
	if e.headers != nil {
		if e.headers.Kind != source.Map {
			l.ps.Add(e.headers.At, "not-a-map", "`headers` is a map of names to texts")
			return m
		}
		for _, h := range e.headers.Entries {
			text := b.Text(h.Value)
			CheckHeader(l.ps, h.Key.At, h.Key.Value, text)
			m.headers = append(m.headers, header{name: h.Key.Value, text: text})
		}
	}
	return m
}

func (b *Build) checkStatus(v *Value) {
	if v.Node.Kind != source.Scalar {
		b.Problem(v.Node.At, "wrong-type", "`status` is a number")
		return
	}
	if _, constant := v.Constant(); !constant {
		return
	}
	if n, ok := v.Node.Scalar().(int64); !ok || n < 200 || n > 599 {
		b.Problem(v.Node.At, "wrong-value", "`status` is a number from 200 to 599")
	}
}

// elseOf compiles what answers a failure. Nothing of it is visible afterwards.
func (l *list) elseOf(e *entry, path string, f flow) *Steps {
	inner := *l
	inner.inElse, inner.tx = true, nil // of a transaction it runs when that is undone
	inner.path = path + "/else"
	f.scope = f.scope.With(expr.Name{Name: "failure", Slot: SlotFailure, Type: FailureType()})
	steps := inner.compile(e.orElse, &f)
	if !f.ended && l.place&(HTTP|Connect|Join) != 0 && !f.loose {
		hint := "end it with an answer, such as `json:` or `text:`, without `when:`"
		if l.place&HTTP == 0 {
			hint = "end it with " + closers(l.place) + ", without `when:`"
		}
		l.ps.Add(e.elseAt, "no-answer", "this `else` must end in an answer on every path").Suggest("%s", hint)
	}
	return steps
}

func (l *list) bindResult(e *entry, d *Def, b *Build, f *flow, st *step) {
	if e.as == nil {
		return
	}
	if e.as.Kind != source.Scalar {
		l.ps.Add(e.as.At, "wrong-type", "`as` is a name")
		return
	}
	name := e.as.Value
	f.maybe = e.when != nil || st.goOn
	defer func() { f.maybe = false }()
	if name == "claims" && slices.Contains([]string{"verify_token", "forward_auth"}, d.Name) {
		slot := f.next
		f.next++
		f.scope = f.scope.With(expr.Name{Name: name, Slot: slot, Type: b.result, MaybeNil: f.maybe})
		f.bound = withBound(f.bound, name)
		st.slot = slot
		return
	}
	st.slot = f.bind(l.ps, "as", name, e.as.At, b.result)
}

func withBound(bound map[string]string, name string) map[string]string {
	out := map[string]string{name: "as"}
	for k, v := range bound {
		out[k] = v
	}
	return out
}

// FailureType is what an `else` sees as `failure`.
func FailureType() expr.Type {
	return expr.Record(map[string]expr.Type{"reason": expr.String, "message": expr.String, "status": expr.Int, "errors": expr.OpenMap()})
}

// through compiles pipe_through inside a list.
func (l *list) through(e *entry, f *flow, steps *Steps) {
	for _, m := range []struct {
		n    *source.Node
		at   diag.Pos
		name string
	}{{e.as, e.asAt, "as"}, {e.orElse, e.elseAt, "else"}, {e.status, e.statusAt, "status"}, {e.headers, e.headersAt, "headers"}} {
		if m.n != nil {
			l.ps.Add(m.at, "misplaced-modifier", "`%s` cannot stand on pipe_through", m.name).Suggest("put it on a plug of the pipeline")
		}
	}
	target := steps
	before := *f
	st := step{at: e.at, from: l.pipeline}
	if e.when != nil {
		b := l.build(e, f)
		b.guard = true // a pipeline may guard
		st.when, st.condition, st.strict = b.Condition(e.when), e.when.Value, true
		st.asks, st.reads = l.needsOf(b, f, e.at), b.uses
		st.do = &Steps{}
		target = st.do
	}
	inner := *l
	inner.conditional = l.conditional || e.when != nil
	for _, item := range spec.Items(e.options) {
		if item.Kind != source.Scalar || item.Value == "" {
			l.ps.Add(item.At, "wrong-type", "`pipe_through` takes the name of a pipeline, or a list of names")
			continue
		}
		target.list = append(target.list, inner.runPipeline(item.Value, item.At, f).list...)
	}
	if e.when != nil {
		*f = merge(before, *f, before)
		steps.add(st)
	}
}
