package pipeline

import (
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Plug is one compiled step. It reads the context, and may give a result, answer, or
// refuse (*Refusal). Any other error is ours.
type Plug func(*Context) (any, error)

// A Reason is one way in which a plug refuses.
type Reason struct {
	Name   string
	Status int
}

// Traits is what is said of a plug beside its settings.
type Traits struct {
	Name, Group, Doc string

	Places  Place    // where it may stand
	Answers Place    // where it answers, and so ends the list
	Opens   Place    // where its answer lets the caller in, so that it cannot stand in an `else`
	Passes  bool     // it may also not answer and pass on: `static` in a list
	Guard   bool     // its expressions are read strictly and an error in them refuses
	Fails   []Reason // the first is used when a guard's expression cannot be computed
	Result  string   // what `as:` receives; "" when it has no result
	Binds   []string // names that it always binds
	Proxies bool     // it passes the body on unread
	Keeps   bool     // it may answer with what the plugs behind it answered before, so no guard stands behind it
	First   bool     // it runs before all others of its list, wherever it stands
	Waits   bool     // it waits for others, so it does not stand in a transaction

	// Pure marks a plug that only decides, binds what it computes, or pushes: what becomes of
	// it follows from the names that it reads, and it neither waits nor changes anything. In
	// handle_out a list of such plugs is run once for all members whose names are the same.
	Pure bool

	// Later marks a plug that is known and not available in this version.
	Later bool
}

// A Def describes one plug: from this value follow decoding, checking, the JSON Schema,
// the reference and `gateway plugs`.
type Def struct {
	Traits
	describe func(*Settings) func(*Build) Plug
}

// Define ties a plug's traits and settings to the function that builds it. settings binds
// variables of C as package flag does; build gets them filled in.
func Define[C any](t Traits, settings func(*Settings, *C), build func(C, *Build) Plug) *Def {
	return &Def{Traits: t, describe: func(s *Settings) func(*Build) Plug {
		c := new(C)
		settings(s, c)
		return func(b *Build) Plug { return build(*c, b) }
	}}
}

// Later describes a plug by its name and place alone. Using it is an error that says that
// this version does not have it; what it would bind counts as bound.
func Later(t Traits) *Def {
	t.Later = true
	return &Def{Traits: t, describe: func(s *Settings) func(*Build) Plug { return nil }}
}

// Fields describes the plug's settings, for the schema and the reference.
func (d *Def) Fields() *spec.Fields {
	s := &Settings{Fields: spec.NewFields("plug `" + d.Name + "`")}
	if !d.Later {
		d.describe(s)
	}
	return s.Fields
}

// CanFail tells whether the plug refuses.
func (d *Def) CanFail() bool { return len(d.Fails) > 0 }

// TakesStatus tells whether `status` and `headers` can stand on the plug in a place: it
// then sends an answer of HTTP.
func (d *Def) TakesStatus(at Place) bool {
	return d.Answers&at&(HTTP|Connect) != 0 || d.Later && at&HTTP != 0
}

// TakesAs tells whether `as` can stand on the plug.
func (d *Def) TakesAs() bool { return d.Result != "" || d.Later }

// TakesElse tells whether `else` can stand on the plug.
func (d *Def) TakesElse() bool { return d.CanFail() || d.Later }

// refusal is what the guard answers when its expression cannot be computed.
func (d *Def) refusal(err error) *Refusal {
	r := Reason{Name: "forbidden", Status: 403}
	if len(d.Fails) > 0 {
		r = d.Fails[0]
	}
	return &Refusal{Reason: r.Name, Status: r.Status, Message: "the rule could not be decided"}
}
