// Package openapi describes the routes of an application as an OpenAPI 3.1 document, and
// answers with it.
package openapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
)

// Version is that of the OpenAPI Specification which documents follow.
const Version = "3.1.0"

// A Description is what a document is made from.
type Description struct {
	Title, Version, Summary string
	Server                  string // the URL before all paths; / is where the document comes from
	Phoenix                 bool   // errors have Phoenix's form, but for those of resources
	Routes                  []Route
}

// A Route is one line of the routing table.
type Route struct {
	Methods  []string // nil: any
	Host     string   // as in a manifest; "" for all
	Path     string   // as in a manifest: /posts/:id
	Answer   string   // the plug that answers, with what it is told: "json", "redirect /"
	Security []Requirement
	Refuses  []int   // statuses of the plugs before the answer
	Takes    []Field // what the plugs read of params
	Rows     *Rows   // nil: it is no action of a resource
	Call     *Call   // nil: it calls no function of the database
	Batch    *Batch  // nil: it is no batch
}

// A Requirement is one thing that a caller must show: one of the schemes.
type Requirement struct {
	Schemes  []Scheme
	Optional bool // a caller who shows nothing passes too
}

// A Scheme is a way to tell who one is: a Security Scheme Object.
type Scheme struct {
	Type   string // http or apiKey
	Scheme string // of http: bearer or basic
	Format string // of bearer, such as JWT; "" for none
	In     string // of apiKey: header, query or cookie
	Name   string // of the header, parameter or cookie
}

// An Action is what a resource does.
type Action string

// The actions.
const (
	Index  Action = "index"
	Show   Action = "show"
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Rows are what an action of a resource is about.
type Rows struct {
	Name    string // of one row
	Action  Action
	OneRow  bool // the path leads to one row
	Fields  []Field
	Wrap    string // the member that holds the answer; "" for none
	MaxRows int
	Embeds  []string // the relations that may be embedded
	Pages   bool     // browsers get pages
	Forms   bool     // bodies may be forms: of files, and of pages
}

// A Field is a column, or a value that is only sent.
type Field struct {
	Name      string
	Schema    map[string]any // of what is sent, JSON Schema 2020-12
	Answered  map[string]any // of what is answered; nil: it never is
	Required  bool           // on create
	Create    bool           // a client sets it on create
	Update    bool           // and on update
	Key       bool           // a path leads by it
	Confirmed string         // the key under which it is sent twice; "" for none
}

// FieldOf describes a field. Those of rows that an entry keeps back are for it to take away.
func FieldOf(f *changeset.Field) Field {
	out := Field{Name: f.Name, Schema: f.JSONSchema(f.Nullable()), Required: f.Required, Create: f.Writable, Update: f.Writable && !f.Immutable, Confirmed: f.Confirmation()}
	if !f.Virtual && !f.Hidden {
		out.Answered = out.Schema
	}
	return out
}

// Generate makes the document, with line breaks. The same description gives the same bytes.
func Generate(d *Description) ([]byte, error) {
	g := &generator{phoenix: d.Phoenix, operations: make(map[string]bool), dialect: make(map[string]bool)}
	paths := g.paths(d.Routes)
	doc := object{
		{"openapi", Version},
		{"info", info(d)},
		{"servers", []any{object{{"url", d.Server}}}},
		{"tags", g.tagObjects()},
		{"paths", paths},
		{"components", g.components()},
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func info(d *Description) object {
	o := object{{"title", d.Title}, {"version", d.Version}}
	if d.Summary != "" {
		o = append(o, member{"description", d.Summary})
	}
	return o
}

// generator collects what the operations refer to.
type generator struct {
	tags       object          // descriptions by name
	operations map[string]bool // ids that are taken
	schemas    object
	parameters object
	security   object
	dialect    map[string]bool // parameters of the dialect that are used
	rows       bool            // there are resources, or what else speaks their dialect
	batch      bool            // there are batches
	plain      bool            // and routes of other kinds
	phoenix    bool
}

func (g *generator) tagObjects() []any {
	out := []any{}
	for _, t := range g.tags {
		out = append(out, object{{"name", t.name}, {"description", t.value}})
	}
	return out
}

// tag notes the group of an operation: a resource, or the first part of the path.
func (g *generator) tag(r *Route) string {
	name, doc := "root", "What stands at the top."
	switch first := firstWord(r.Path); {
	case r.Rows != nil:
		name, doc = r.Rows.Name, "The rows of "+r.Rows.Name+"."
	case r.Call != nil:
		name, doc = "rpc", "Functions of the database."
	case first != "":
		name, doc = first, "What stands below /"+first+"."
	}
	if g.tags.get(name) == nil {
		g.tags = append(g.tags, member{name, doc})
	}
	return name
}

func firstWord(path string) string {
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" && segment[0] != ':' && segment[0] != '*' {
			return segment
		}
	}
	return ""
}

// operationID makes an id that no other operation has.
func (g *generator) operationID(method, path string) string {
	words := []string{strings.ToLower(method)}
	for segment := range strings.SplitSeq(path, "/") {
		if segment = strings.Trim(segment, ":*{}"); segment != "" {
			words = append(words, strings.Map(idCharacter, segment))
		}
	}
	first := strings.Join(words, "_")
	id := first
	for n := 2; g.operations[id]; n++ {
		id = first + "_" + strconv.Itoa(n)
	}
	g.operations[id] = true
	return id
}

func idCharacter(r rune) rune {
	if r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' {
		return r
	}
	return '_'
}

// component makes a name for a component.
func component(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' {
			return r
		}
		return idCharacter(r)
	}, name)
}
