// Package config holds a manifest as it was written: its sections, decoded and checked
// each for itself, with the place of everything that later stages may have to point at.
// Plug lists stay trees; pkg/pipeline compiles them where the names in reach are known.
package config

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Manifest is one application as written.
type Manifest struct {
	Version   int
	Name      string
	Endpoint  Endpoint
	Stores    []spec.Named[Store]
	Tokens    []spec.Named[Token]
	Schemas   []spec.Named[Schema]
	Upstreams []spec.Named[Upstream]
	Pipelines []Pipeline
	Scopes    []Scope
	Sockets   []Socket
	Pubsub    Pubsub

	Document    *source.Document
	Root        *source.Node // of the document, with the environment laid over
	Environment string       // dev, test, prod
}

// A Pipeline is a named list of plugs, not compiled: that happens at each use.
type Pipeline struct {
	Name string
	At   diag.Pos
	List *source.Node
}

// Pipeline gives the pipeline called name, or nil.
func (m *Manifest) Pipeline(name string) *Pipeline {
	for i := range m.Pipelines {
		if m.Pipelines[i].Name == name {
			return &m.Pipelines[i]
		}
	}
	return nil
}

// PipelineNames lists the declared pipelines.
func (m *Manifest) PipelineNames() []string {
	names := make([]string, 0, len(m.Pipelines))
	for _, p := range m.Pipelines {
		names = append(names, p.Name)
	}
	return names
}

// Environments lists the names of `environments`.
func Environments() []string { return []string{"dev", "test", "prod"} }

// Describe binds the sections of a manifest.
func Describe(f *spec.Fields, m *Manifest) {
	f.Int(&m.Version, "version", 0, 1, 1, "The version of the manifest language: 1.").Require()
	f.String(&m.Name, "name", "", "The name of the application.")
	var include *source.Node
	f.Node(&include, "include", "list of globs", "Files whose sections are joined in, relative to this file.", spec.OneOrMore(spec.Schema{"type": "string"}))
	f.Block("endpoint", "Where the application listens, and what every request passes before it is routed.", m.Endpoint.describe)
	spec.Map(f, &m.Stores, "stores", "store", "Databases. The first is the one used where none is named.", (func(*spec.Fields, *Store))(describeStore))
	spec.Map(f, &m.Tokens, "tokens", "token", "Kinds of tokens that are signed and verified.", describeToken)
	spec.Map(f, &m.Schemas, "schemas", "schema", "Tables, their fields and validations.", describeSchema)
	spec.Map(f, &m.Upstreams, "upstreams", "upstream", "Services that `proxy` passes requests to.", describeUpstream)
	pipelines(f, &m.Pipelines)
	spec.Blocks(f, &m.Scopes, "scopes", "scope", "Routes that share a path prefix, a host and pipelines.", spec.Definition("scope"), describeScope)
	spec.Blocks(f, &m.Sockets, "sockets", "socket", "Where clients connect to channels.", spec.Definition("socket"), describeSocket)
	f.Block("pubsub", "How the processes that serve this application reach each other. Without it each is alone.", m.Pubsub.describe)
	var environments *source.Node
	f.Node(&environments, "environments", "map", "What differs by --env: `endpoint`, `stores`, `upstreams`, `pubsub` of dev, test or prod, laid over the rest.", environmentsSchema())
	f.Later("mailer")
	f.Free(func(key string) bool { return strings.HasPrefix(key, "x-") })
}

func pipelines(f *spec.Fields, p *[]Pipeline) {
	schema := spec.MapOf(spec.Definition("pipeline"))
	schema["propertyNames"] = spec.Schema{"pattern": spec.NamePattern}
	schema["type"] = spec.Types("object", "null")
	f.Add("pipelines", "map of lists of plugs", "Named lists of plugs that scopes and plug lists run.", schema, func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if n.Null() {
			return
		}
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`pipelines` is a map of names")
			return
		}
		for _, e := range n.Entries {
			if !spec.IsName(e.Key.Value) {
				d.Problems.Add(e.Key.At, "bad-name", "%q is not a name", e.Key.Value).Suggest("a name is letters, digits and _, and does not begin with a digit")
			}
			*p = append(*p, Pipeline{Name: e.Key.Value, At: e.Key.At, List: e.Value})
		}
	})
}

// A Scope gives its routes a path prefix, a host and pipelines.
type Scope struct {
	Path        *source.Node // nil: "/"
	Host        *source.Node // nil: any
	PipeThrough []spec.Ref
	Routes      []*source.Node
	Scopes      []Scope
}

func describeScope(f *spec.Fields, s *Scope) {
	f.Node(&s.Path, "path", "path", "Prefix of the paths below. Default: /.", spec.Path())
	f.Node(&s.Host, "host", "host", "Only for this host: `api.example.com`, `*.example.com`, or `{tenant}.example.com`, which is captured into params.", spec.Text(`^[^/:]+$`))
	f.Refs(&s.PipeThrough, "pipe_through", "Pipelines that run, in this order, after a route matched. Inner scopes add to outer ones.")
	f.Add("routes", "list of routes", "The routes of this scope.", spec.OrNothing(spec.OneOrMore(spec.Definition("route"))), func(_ *spec.Decoder, n *source.Node) {
		if !n.Null() {
			s.Routes = spec.Items(n)
		}
	})
	spec.Blocks(f, &s.Scopes, "scopes", "scope", "Scopes inside this one.", spec.Definition("scope"), describeScope)
}

// DescribeScope binds a scope, for the JSON Schema and the reference.
func DescribeScope(f *spec.Fields) { describeScope(f, &Scope{}) }

// environmentsSchema lets each environment hold what it may change.
func environmentsSchema() spec.Schema {
	properties := spec.Schema{}
	for _, name := range Environments() {
		properties[name] = spec.Definition("environment")
	}
	return spec.Schema{"type": spec.Types("object", "null"), "properties": properties, "additionalProperties": false}
}
