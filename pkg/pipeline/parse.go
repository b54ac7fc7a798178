package pipeline

import (
	"fmt"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// entry of a list, as written.
type entry struct {
	name    string // of the plug, or pipe_through
	at      diag.Pos
	options *source.Node

	when, as, orElse, status, headers, do *source.Node
	asAt, elseAt, statusAt, headersAt     diag.Pos
}

// Modifiers lists the keys that may stand beside a plug.
func Modifiers() []string { return []string{"when", "as", "else", "status", "headers"} }

func (l *list) parse(n *source.Node) (*entry, bool) {
	switch {
	case n.Kind == source.List:
		l.ps.Add(n.At, "not-a-plug", "a list inside a list of plugs").Suggest("write its entries one below the other")
		return nil, false
	case n.Kind == source.Scalar && n.Value == "":
		l.ps.Add(n.At, "not-a-plug", "expected a plug, found nothing")
		return nil, false
	case n.Kind == source.Scalar:
		name, ok := l.known(n.Value, n.At)
		return &entry{name: name, at: n.At, options: source.NewScalar(n.At, "")}, ok
	}
	return l.parseMap(n)
}

func (l *list) parseMap(n *source.Node) (*entry, bool) {
	e := &entry{}
	var plugs []source.Entry
	for _, x := range l.corrected(n) {
		switch {
		case x.Key.Value == "do":
			e.do, e.at = x.Value, x.Key.At
		case !e.modify(x):
			plugs = append(plugs, x)
		}
	}
	if e.do != nil {
		return e, l.isBranch(e, n, plugs)
	}
	if len(plugs) == 0 {
		l.ps.Add(n.At, "not-a-plug", "this entry names no plug").Suggest("an entry is a plug's name and its settings, and beside it: %s", diag.OneOf(Modifiers()))
		return nil, false
	}
	if len(plugs) > 1 {
		return nil, l.severalPlugs(plugs)
	}
	name, ok := l.known(plugs[0].Key.Value, plugs[0].Key.At)
	e.name, e.at, e.options = name, plugs[0].Key.At, plugs[0].Value
	l.takeOut(e)
	return e, ok
}

// modify takes a modifier, and gives false for any other key.
func (e *entry) modify(x source.Entry) bool {
	switch x.Key.Value {
	case "when":
		e.when = x.Value
	case "as":
		e.as, e.asAt = x.Value, x.Key.At
	case "else":
		e.orElse, e.elseAt = x.Value, x.Key.At
	case "status":
		e.status, e.statusAt = x.Value, x.Key.At
	case "headers":
		e.headers, e.headersAt = x.Value, x.Key.At
	default:
		return false
	}
	return true
}

// takes tells whether a key is a modifier that can stand on a plug here.
func (l *list) takes(d *Def, key string) bool {
	switch key {
	case "when":
		return true
	case "as":
		return d.TakesAs()
	case "else":
		return d.TakesElse()
	case "status", "headers":
		return d.TakesStatus(l.place)
	}
	return false
}

// takeOut reports modifiers that stand among the settings of the plug, and reads them as if
// they stood beside it, so that what follows from the slip is not told as well.
func (l *list) takeOut(e *entry) {
	d := l.defs[e.name]
	if d == nil || d.Later || e.options.Kind != source.Map {
		return
	}
	fields := d.Fields()
	if fields.WholeField() != nil {
		return
	}
	inside := *e.options
	inside.Entries = nil
	for _, x := range e.options.Entries {
		key := x.Key.Value
		if slices.Contains(fields.Names(), key) || !l.takes(d, key) {
			inside.Entries = append(inside.Entries, x)
			continue
		}
		l.ps.Add(x.Key.At, "misplaced-modifier", "`%s` is no setting of `%s`", key, e.name).Suggest("it stands beside the plug: a line of its own, as far to the left as `%s`", e.name)
		e.modify(x)
	}
	e.options = &inside
}

// corrected gives the keys of an entry, with those that were meant as modifiers reported and
// put right, so that what follows from the slip is not told as well.
func (l *list) corrected(n *source.Node) []source.Entry {
	if !slices.ContainsFunc(n.Entries, func(x source.Entry) bool { return !l.isPlug(x.Key.Value) && !isModifier(x.Key.Value) }) {
		return n.Entries
	}
	words := append(Modifiers(), "do")
	whole := slices.ContainsFunc(n.Entries, func(x source.Entry) bool { return x.Key.Value == "do" || l.isPlug(x.Key.Value) })
	out := make([]source.Entry, 0, len(n.Entries))
	for _, x := range n.Entries {
		key := x.Key.Value
		if slices.Contains(words, key) || l.isPlug(key) {
			out = append(out, x)
			continue
		}
		near := diag.Nearest(key, words)
		if near == "" || n.Get(near) != nil || !whole && diag.Nearest(key, l.namesHere()) != "" {
			out = append(out, x)
			continue
		}
		l.ps.Add(x.Key.At, "unknown-key", "unknown key %q beside the plug", key).Hint = diag.DidYouMean(key, words)
		meant := *x.Key
		meant.Value = near
		out = append(out, source.Entry{Key: &meant, Value: x.Value})
	}
	return out
}

// isModifier tells a key that is no plug: a modifier, or the list of a branch.
func isModifier(key string) bool {
	switch key {
	case "when", "as", "else", "status", "headers", "do":
		return true
	}
	return false
}

// Known tells whether there is a plug of this name.
func (c *Compiler) Known(name string) bool { return c.defs[name] != nil }

func (l *list) isPlug(name string) bool { return name == "pipe_through" || l.defs[name] != nil }

func (l *list) isBranch(e *entry, n *source.Node, plugs []source.Entry) bool {
	ok := true
	for _, p := range plugs {
		l.ps.Add(p.Key.At, "unknown-key", "%q cannot stand on a branch", p.Key.Value).Suggest("a branch is `when:` and `do:`, and may have `else:`; put the plug into `do:`")
		ok = false
	}
	for _, m := range []struct {
		n    *source.Node
		at   diag.Pos
		name string
	}{{e.as, e.asAt, "as"}, {e.status, e.statusAt, "status"}, {e.headers, e.headersAt, "headers"}} {
		if m.n != nil {
			l.ps.Add(m.at, "misplaced-modifier", "`%s` cannot stand on a branch", m.name).Suggest("put it on a plug inside")
			ok = false
		}
	}
	if e.when == nil {
		l.ps.Add(e.at, "missing-key", "`do` needs `when`").Suggest("a branch is `when: CONDITION` and `do: PLUGS`")
		ok = false
	}
	return ok
}

// severalPlugs reports an entry with more than one key that is no modifier.
func (l *list) severalPlugs(plugs []source.Entry) bool {
	var unknown []source.Entry
	for _, p := range plugs {
		if !l.isPlug(p.Key.Value) {
			unknown = append(unknown, p)
		}
	}
	if len(unknown) == len(plugs) { // the plug is misspelt too
		l.known(unknown[0].Key.Value, unknown[0].Key.At)
		unknown = unknown[1:]
	} else if len(unknown) == 0 {
		p := l.ps.Add(plugs[1].Key.At, "several-plugs", "an entry has exactly one plug; this one names %s and %s", plugs[0].Key.Value, plugs[1].Key.Value)
		p.Suggest("begin a new entry with `- %s:`", plugs[1].Key.Value)
		return false
	}
	for _, u := range unknown {
		p := l.ps.Add(u.Key.At, "unknown-key", "unknown key %q beside the plug", u.Key.Value)
		if p.Hint = l.insideHint(plugs, u.Key.Value); p.Hint != "" {
			continue
		}
		if p.Hint = diag.DidYouMean(u.Key.Value, append(Modifiers(), "do")); p.Hint == "" {
			p.Suggest("beside a plug stand %s; its settings stand inside it", diag.OneOf(Modifiers()))
		}
	}
	return false
}

// insideHint says where a setting belongs that stands beside its plug.
func (l *list) insideHint(plugs []source.Entry, key string) string {
	for _, p := range plugs {
		d := l.defs[p.Key.Value]
		if d == nil || d.Later {
			continue
		}
		f := d.Fields()
		if !slices.Contains(f.Names(), key) {
			continue
		}
		short := ""
		if main := f.MainField(); main != nil && p.Value.Kind == source.Scalar && !p.Value.Null() && main.Name != key {
			short = main.Name + ": …, "
		}
		return fmt.Sprintf("it is a setting of `%s` and stands inside it: `%s: {%s%s: …}`", d.Name, d.Name, short, key)
	}
	return ""
}

// known reports a name that is no plug, or none that may stand here. It gives the plug, or
// the one that a misspelt name was meant for: its list is compiled as if it were right, so
// that what follows from the slip is not told as well.
func (l *list) known(name string, at diag.Pos) (plug string, ok bool) {
	if name == "pipe_through" {
		return name, true
	}
	d := l.defs[name]
	if d == nil {
		return l.unknownPlug(name, at)
	}
	if d.Places&l.place == 0 {
		l.ps.Add(at, "misplaced-plug", "`%s` cannot stand in %s", name, l.place).Suggest("%sit stands in %s", l.instead(d), d.Places)
		return "", false
	}
	return name, true
}

// instead names what answers here, in place of a plug that answers elsewhere.
func (l *list) instead(d *Def) string {
	switch {
	case d.Answers&HTTP != 0 && l.place&(Join|In) != 0:
		return "answer with `reply` or `reply_error`; "
	case d.Answers&HTTP != 0 && l.place == Connect:
		return "answer with `send_resp`; "
	case d.Answers&Channel != 0 && l.place&HTTP != 0:
		return "answer with `json`, `text` or another answer of HTTP; "
	}
	return ""
}

func (l *list) unknownPlug(name string, at diag.Pos) (plug string, ok bool) {
	p := l.ps.Add(at, "unknown-plug", "unknown plug %q", name)
	if l.Env.Manifest.Pipeline(name) != nil {
		p.Suggest("to run the pipeline %s here, write `pipe_through: %s`", name, name)
		return "", false
	}
	p.Hint = diag.DidYouMean(name, l.namesHere())
	near := diag.Nearest(name, l.namesHere())
	if near == "" {
		p.Suggest("`gateway plugs` lists them all")
	}
	return near, near != ""
}

func (l *list) namesHere() []string {
	names := []string{"pipe_through"}
	for name, d := range l.defs {
		if d.Places&l.place != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
