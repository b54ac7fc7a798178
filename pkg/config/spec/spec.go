// Package spec describes the settings of a block of the manifest once. From the
// description follow decoding with places, suggestions, the JSON Schema and the
// reference pages.
//
// Settings are bound the way package flag does it: the pointer gives the type, the call
// is the documentation.
package spec

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// Fields lists the settings that one block accepts.
type Fields struct {
	what  string // how problems call the block: `plug "rate_limit"`
	list  []*Field
	main  *Field
	whole *Field
	free  func(key string) bool // keys that are allowed and not read
	after []func(d *Decoder, n *source.Node)
	rules []any           // of the schema, on the settings together
	given map[*Field]bool // in the block read last: written, or misspelt
}

// NewFields starts the description of a block; what names it in problems.
func NewFields(what string) *Fields { return &Fields{what: what} }

// A Field is one setting.
type Field struct {
	Name, Doc string
	Type      string // for the reference: "duration", "text", "list of plugs"
	Default   string // as one would write it; "" when there is none
	Schema    Schema
	Required  bool
	Later     bool // known, and not available in this version
	set       func(d *Decoder, n *source.Node)
}

// Add describes a setting that no other method fits. set reads its value.
func (f *Fields) Add(name, typ, doc string, schema Schema, set func(d *Decoder, n *source.Node)) *Field {
	x := &Field{Name: name, Type: typ, Doc: doc, Schema: schema, set: set}
	f.list = append(f.list, x)
	return x
}

// Later names settings of the language that this version does not have. Using one is an
// error that says so; the schema takes it with any value.
func (f *Fields) Later(names ...string) {
	for _, n := range names {
		f.list = append(f.list, &Field{Name: n, Later: true, Type: "any", Doc: "Not available in this version.", Schema: Schema{}})
	}
}

// Free allows keys that nobody reads, such as `x-*`.
func (f *Fields) Free(allowed func(key string) bool) { f.free = allowed }

// After runs check once the settings are read, for what they must be together.
func (f *Fields) After(check func(d *Decoder, n *source.Node)) { f.after = append(f.after, check) }

// Rule adds to the schema what settings must be together, where a check of After has its
// likeness in JSON Schema.
func (f *Fields) Rule(s Schema) { f.rules = append(f.rules, s) }

// Require marks a setting that must be given.
func (x *Field) Require() *Field { x.Required = true; return x }

// Main marks the setting that the short form gives: `query: select 1` for
// `query: {sql: select 1}`.
func (f *Fields) Main(x *Field) *Field { f.main = x; return x }

// Whole marks a setting that is all there is: the value of the block itself, as in
// `assign: {a: 1}`. It has no long form.
func (f *Fields) Whole(x *Field) *Field { f.whole = x; return x }

// List gives the settings in the order described.
func (f *Fields) List() []*Field { return f.list }

// MainField is the setting of the short form, or nil.
func (f *Fields) MainField() *Field { return f.main }

// WholeField is the setting that is the block's value, or nil.
func (f *Fields) WholeField() *Field { return f.whole }

// Given tells a check whether a setting was written in the block, or something that was
// reported as a misspelling of it: what it then lacks is a consequence.
func (f *Fields) Given(name string) bool { return f.given[f.find(name)] }

// Names lists the settings that can be written.
func (f *Fields) Names() []string {
	var names []string
	for _, x := range f.list {
		names = append(names, x.Name)
	}
	return names
}

// A Decoder carries what reading a block needs.
type Decoder struct {
	Problems *diag.Problems
	Load     Loader
}

// A Loader computes the ${...} of a value that must be known at load.
type Loader interface {
	// LoadTime computes n, which holds ${...}. from lists the variables and files it came
	// from, whose text is never shown. ok is false when a problem was reported.
	LoadTime(n *source.Node, ps *diag.Problems) (v any, from []string, ok bool)
}

// Decode reads the block at n. Settings that are left out keep their defaults. missing is
// where a required setting that is not there is reported; the zero Pos means n's place.
func (f *Fields) Decode(d *Decoder, n *source.Node, missing diag.Pos) {
	if missing.IsZero() {
		missing = n.At
	}
	f.given = map[*Field]bool{}
	switch {
	case f.whole != nil:
		f.whole.set(d, n)
	case n.Kind != source.Map:
		f.short(d, n, missing)
	default:
		f.keys(d, n, missing)
	}
	for _, check := range f.after {
		check(d, n)
	}
}

func (f *Fields) short(d *Decoder, n *source.Node, missing diag.Pos) {
	if f.main == nil {
		if n.Null() {
			f.keys(d, &source.Node{Kind: source.Map, At: n.At}, missing)
			return
		}
		d.Problems.Add(n.At, "not-a-map", "%s takes a map of settings", f.what).Suggest("its settings are %s", diag.OneOf(f.available()))
		return
	}
	if n.Null() {
		f.keys(d, &source.Node{Kind: source.Map, At: n.At}, missing)
		return
	}
	f.main.set(d, n)
	f.given[f.main] = true
	f.required(d, missing)
}

func (f *Fields) keys(d *Decoder, n *source.Node, missing diag.Pos) {
	for _, e := range n.Entries {
		x := f.find(e.Key.Value)
		switch {
		case x != nil && x.Later:
			Unavailable(d.Problems, e.Key.At, e.Key.Value)
		case x != nil:
			f.given[x] = true
			x.set(d, e.Value)
		case f.free != nil && f.free(e.Key.Value):
		default:
			f.unknown(d, n, e)
		}
	}
	f.required(d, missing)
}

// unknown reports a key that is no setting. It is then read as the one that it was meant
// for, so that what follows from the slip is not told as well.
func (f *Fields) unknown(d *Decoder, n *source.Node, e source.Entry) {
	p := d.Problems.Add(e.Key.At, "unknown-key", "unknown setting %q of %s", e.Key.Value, f.what)
	near := f.find(diag.Nearest(e.Key.Value, f.Names()))
	if near == nil {
		if known := f.available(); len(known) > 0 {
			p.Suggest("its settings are %s", diag.OneOf(known))
		} else {
			p.Suggest("it has none")
		}
		return
	}
	p.Hint = diag.DidYouMean(e.Key.Value, f.Names())
	if !near.Later && n.Get(near.Name) == nil && !f.given[near] {
		near.set(d, e.Value)
	}
	f.given[near] = true
}

// available lists the settings that this version has.
func (f *Fields) available() []string {
	var names []string
	for _, x := range f.list {
		if !x.Later {
			names = append(names, x.Name)
		}
	}
	return names
}

func (f *Fields) required(d *Decoder, at diag.Pos) {
	for _, x := range f.list {
		if x.Required && !f.given[x] {
			d.Problems.Add(at, "missing-key", "%s needs %q", f.what, x.Name).Suggest("%s", x.Doc)
		}
	}
}

func (f *Fields) find(name string) *Field {
	if i := slices.IndexFunc(f.list, func(x *Field) bool { return x.Name == name }); i >= 0 {
		return f.list[i]
	}
	return nil
}

// NotAvailable is the code of what the language has and this version does not.
const NotAvailable = "not-available"

// Unavailable reports something of the language that this version does not have.
func Unavailable(ps *diag.Problems, at diag.Pos, name string) {
	ps.Add(at, NotAvailable, "`%s` is not available in this version", name).Suggest("remove it, or use a version that has it")
}

// Observe calls see with the node of the setting, beside reading it.
func (x *Field) Observe(see func(n *source.Node)) {
	read := x.set
	x.set = func(d *Decoder, n *source.Node) {
		see(n)
		read(d, n)
	}
}

// Read reads the setting's value alone, where its name is not known when the block is
// described.
func (x *Field) Read(d *Decoder, n *source.Node) { x.set(d, n) }
