package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// Options say how a manifest is read.
type Options struct {
	Environment string // dev, test or prod
	Getenv      func(name string) (string, bool)
	ReadFile    func(path string) (string, error) // for file('...'), relative to the manifest
	Lenient     bool                              // a missing variable is a warning: it belongs to the machine, not to the manifest
	DevSecret   func() (string, error)            // gives secret_key_base where the manifest has none; nil: none is made
}

// Load reads a manifest and everything it includes. Faults are added to ps; the manifest
// holds what could be read, and is nil when nothing could.
func Load(path string, o Options, ps *diag.Problems) *Manifest {
	doc := source.Load(path, ps)
	if doc == nil || doc.Root == nil {
		return nil
	}
	return decode(doc, o, ps)
}

func decode(doc *source.Document, o Options, ps *diag.Problems) *Manifest {
	m := &Manifest{Document: doc, Environment: o.Environment}
	root := m.overlay(doc.Root, ps)
	m.Root = root
	loader := NewLoader(&expr.Functions{Env: o.Getenv, File: o.ReadFile}, o.Lenient)
	loader.secret, loader.made = root.Get("endpoint").Get("secret_key_base"), o.DevSecret != nil
	d := &spec.Decoder{Problems: ps, Load: loader}
	fields := spec.NewFields("the manifest")
	Describe(fields, m)
	fields.Decode(d, root, diag.Pos{File: root.At.File, Line: 1, Column: 1})
	m.checkLiveReload(ps)
	m.checkTLS(o, ps)
	m.checkSecret(root.Get("endpoint").Get("secret_key_base"), o, ps)
	return m
}

// overlay lays environments.NAME over the rest, and reports what an environment may not
// change.
func (m *Manifest) overlay(root *source.Node, ps *diag.Problems) *source.Node {
	environments := root.Get("environments")
	if environments == nil || environments.Null() {
		return root
	}
	if environments.Kind != source.Map {
		ps.Add(environments.At, "not-a-map", "`environments` is a map of dev, test and prod")
		return root
	}
	for _, e := range environments.Entries {
		if !slices.Contains(Environments(), e.Key.Value) {
			ps.Add(e.Key.At, "unknown-key", "unknown environment %q", e.Key.Value).Hint = suggestOr(e.Key.Value, Environments(), "it is one of ")
			continue
		}
		over := allowed(e.Value, ps)
		if e.Key.Value == m.Environment {
			root = source.Overlay(root, over)
			continue
		}
		checkOther(over, ps)
	}
	return root
}

// Changeable lists the sections that an environment may change: what guards production is
// what was tested.
func Changeable() []string { return []string{"endpoint", "stores", "upstreams", "mailer", "pubsub"} }

func allowed(over *source.Node, ps *diag.Problems) *source.Node {
	if over.Kind != source.Map {
		if !over.Null() {
			ps.Add(over.At, "not-a-map", "an environment is a map of sections")
		}
		return source.NewMap(over.At)
	}
	kept := source.NewMap(over.At)
	for _, e := range over.Entries {
		key := e.Key.Value
		switch {
		case !slices.Contains(Changeable(), key):
			p := ps.Add(e.Key.At, "not-per-environment", "an environment cannot change %q", key)
			p.Hint = suggestOr(key, Changeable(), "it may change ")
			if slices.Contains(sections(), key) {
				p.Hint = "what guards production must be what was tested: it may change " + diag.OneOf(Changeable())
			}
			continue
		case key == "endpoint" && e.Value.Get("plugs") != nil:
			for _, x := range e.Value.Entries {
				if x.Key.Value == "plugs" {
					ps.Add(x.Key.At, "not-per-environment", "an environment cannot change endpoint.plugs").Suggest("what guards production must be what was tested")
				}
			}
		}
		kept.Entries = append(kept.Entries, e)
	}
	return kept
}

func suggestOr(word string, known []string, otherwise string) string {
	if near := diag.DidYouMean(word, known); near != "" {
		return near
	}
	return otherwise + diag.OneOf(known)
}

func sections() []string {
	f := spec.NewFields("")
	Describe(f, &Manifest{})
	return f.Names()
}

// checkOther decodes an environment that is not in use, for its faults alone. What is
// required may stand in the base, and variables of another machine are not missed here.
func checkOther(over *source.Node, ps *diag.Problems) {
	var found diag.Problems
	f := spec.NewFields("the environment")
	Describe(f, &Manifest{})
	f.Decode(&spec.Decoder{Problems: &found, Load: discard{}}, over, diag.Pos{})
	for _, p := range found.All() {
		if p.Code != "missing-key" {
			kept := ps.Add(p.At, p.Code, "%s", p.Message)
			kept.Hint, kept.Severity = p.Hint, p.Severity
		}
	}
}

type discard struct{}

func (discard) LoadTime(*source.Node, *diag.Problems) (any, []string, bool) { return nil, nil, false }

func (m *Manifest) checkSecret(n *source.Node, o Options, ps *diag.Problems) {
	secret := m.Endpoint.SecretKeyBase
	if secret == "" && o.DevSecret != nil {
		made, err := o.DevSecret()
		if err != nil {
			ps.Add(m.Document.Root.At, "dev-secret", "making a secret_key_base: %v", err)
			return
		}
		m.Endpoint.SecretKeyBase = spec.Secret(made)
		return
	}
	if n != nil && secret != "" && len(secret) < MinSecret {
		ps.Add(n.At, "short-secret", "`secret_key_base` has %d bytes and needs at least %d", len(secret), MinSecret).Suggest("make one: openssl rand -base64 48")
	}
}

// A Loader computes ${env.X} and ${file('p')}.
type Loader struct {
	scope   *expr.Scope
	lenient bool
	secret  *source.Node // secret_key_base
	made    bool         // the secret may lack its variable: one is made in dev
}

// NewLoader computes what must be known at load. What belongs to the machine and is
// missing is a warning when lenient.
func NewLoader(f *expr.Functions, lenient bool) *Loader {
	return &Loader{scope: expr.NewScope(f), lenient: lenient}
}

// LoadTime implements spec.Loader.
func (l *Loader) LoadTime(n *source.Node, ps *diag.Problems) (any, []string, bool) {
	v, from, errs := l.scope.Load(n.Value)
	if len(errs) == 0 {
		if s, ok := v.(string); ok && strings.ContainsRune(s, 0) {
			ps.Add(n.At, "wrong-value", "the value of %s holds a NUL character", strings.Join(from, ", "))
			return nil, nil, false
		}
		return v, from, true
	}
	for _, e := range errs {
		unset := n == l.secret && e.Code == "missing-env"
		if unset && l.made {
			continue
		}
		p := Report(ps, n, e, l.lenient)
		if unset { // a default would be a secret that everybody can read
			p.Suggest("set it to what `openssl rand -base64 48` prints; with --dev it is made for you")
		}
		if e.Code == "unknown-name" && p.Hint == "" {
			p.Suggest("this is read when the manifest is loaded: write env.%s for a variable", n.Value[e.Start:e.End])
		}
	}
	return nil, nil, false
}

// Report places an expression's error in the manifest. What belongs to the machine is a
// warning when lenient.
func Report(ps *diag.Problems, n *source.Node, e expr.Error, lenient bool) *diag.Problem {
	at := n.Span(e.Start, e.End)
	add := ps.Add
	if lenient && OfMachine(e.Code) {
		add = ps.Warn
	}
	p := add(at, e.Code, "%s", e.Message)
	p.Hint = e.Hint
	return p
}

// OfMachine tells a fault of the machine from one of the manifest.
func OfMachine(code string) bool { return code == "missing-env" || code == "missing-file" }

// String names a manifest in logs.
func (m *Manifest) String() string { return fmt.Sprintf("manifest %q (%s)", m.Name, m.Environment) }
