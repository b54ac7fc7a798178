package request

import (
	"errors"
	"path/filepath"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/jsonschema"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// byFile checks by a JSON Schema. What the path captured and the schema does not know is not
// checked: it is the route's, not the client's.
func (o validate) byFile(b *pipeline.Build) pipeline.Plug {
	schema := o.load(b)
	if schema == nil {
		return nil
	}
	b.Result(propertiesOf(schema))
	known := map[string]bool{}
	for _, name := range schema.Names() {
		known[name] = true
	}
	input, channel := inputOf(b), b.Place&pipeline.Channel != 0
	return func(c *pipeline.Context) (any, error) {
		given, ok := input(c)
		if !ok {
			return nil, noObject()
		}
		textual := func(string) bool { return false }
		if !channel {
			given, textual = sent(c, given, known), c.Textual
		}
		fields, err := schema.Check(given, textual)
		var bad *jsonschema.Invalid
		if errors.As(err, &bad) {
			return nil, pipeline.Invalid(bad.Errors)
		}
		if err != nil {
			return nil, err
		}
		return fields, nil
	}
}

// sent is given without the captures of the path that nobody asks for.
func sent(c *pipeline.Context, given map[string]any, known map[string]bool) map[string]any {
	out := make(map[string]any, len(given))
	for name, v := range given {
		if known[name] || !c.FromPath(name) {
			out[name] = v
		}
	}
	return out
}

// load compiles the schema, once for all places of a manifest that use it.
func (o validate) load(b *pipeline.Build) *jsonschema.Schema {
	path := b.Env.Path(o.file)
	schema, _ := b.Env.Memo("jsonschema|"+path, func() any {
		from := jsonschema.Source{Dir: filepath.Clean(b.Env.Path(".")), Read: b.Env.Files.Add, At: o.fileAt, To: b.Problems}
		return jsonschema.Load(path, from)
	}).(*jsonschema.Schema)
	return schema
}

func propertiesOf(s *jsonschema.Schema) expr.Type {
	members := map[string]expr.Type{}
	for _, name := range s.Names() {
		members[name] = expr.Any
	}
	return expr.Record(members)
}
