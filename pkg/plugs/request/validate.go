package request

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/openapi"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

type validate struct {
	fields []spec.Named[config.Field]
	schema spec.Ref
	file   string
	fileAt diag.Pos
	given  []string // which of the three
	last   diag.Pos // of the last one
}

// Validate checks what the client sent, as Ecto's cast and validations do, and gives the
// declared fields alone, cast to their types.
func Validate() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "validate", Group: group, Places: pipeline.Route | pipeline.Connect | pipeline.Channel,
		Doc:    "Checks params, or in a channel the payload, and refuses with errors by field.",
		Fails:  []pipeline.Reason{{Name: "invalid", Status: http.StatusUnprocessableEntity}},
		Result: "the declared fields, cast to their types; nil where nothing was given",
	}, func(s *pipeline.Settings, o *validate) {
		spec.Map(s.Fields, &o.fields, "fields", "field", "The fields, with the rules of a schema's.", config.DescribeField).
			Observe(o.saw("fields"))
		s.Declared(&o.schema, "schema", "schema", "The schema whose fields a client may write.", pipeline.SchemaNames).
			Observe(o.saw("schema"))
		s.String(&o.file, "file", "", "A file with a JSON Schema, relative to the manifest.").Observe(o.saw("file"))
	}, buildValidate)
}

// saw notes which forms are used.
func (o *validate) saw(form string) func(*source.Node) {
	return func(n *source.Node) {
		o.given, o.last = append(o.given, form), n.At
		if form == "file" {
			o.fileAt = n.At
		}
	}
}

func buildValidate(o validate, b *pipeline.Build) pipeline.Plug {
	switch {
	case len(o.given) > 1:
		b.Problem(o.last, "both-forms", "`validate` takes one of `fields`, `schema` and `file`").Suggest("remove all but one")
		return nil
	case len(o.given) == 0:
		b.Problem(b.At, "missing-key", "`validate` needs `fields`, `schema` or `file`").Suggest("such as `fields: {email: {type: string, required: true}}`")
		return nil
	case o.given[0] == "file":
		return o.byFile(b)
	}
	set := o.set(b)
	if set == nil {
		return nil
	}
	b.Result(resultOf(set))
	openapi.Of(b.Env).Takes(b.At, set)
	input := inputOf(b)
	compute := o.schema.Name == ""
	return func(c *pipeline.Context) (any, error) {
		given, ok := input(c)
		if !ok {
			return nil, noObject()
		}
		changes, err := set.Cast(changeset.Input{Keys: changeset.Loose, Given: given})
		switch {
		case err != nil:
		case compute:
			err = set.Compute(changeset.Create, changes, nil)
		default: // what a schema computes is for the write
			err = set.Check(changeset.Create, changes)
		}
		var bad *changeset.Invalid
		if errors.As(err, &bad) {
			return nil, pipeline.Invalid(bad.Errors)
		}
		if err != nil {
			return nil, records.Busy(err)
		}
		return changes.Map(), nil
	}
}

// inputOf gives the way to what the client sent.
func inputOf(b *pipeline.Build) func(*pipeline.Context) (map[string]any, bool) {
	input := paramsOf
	if b.Place&pipeline.Channel != 0 {
		b.Reads("payload")
		input = payloadOf
	} else {
		b.Reads("params")
	}
	return input
}

func noObject() *pipeline.Refusal {
	return pipeline.Refuse(http.StatusUnprocessableEntity, "invalid", "expected an object with fields")
}

// set gives the compiled fields, nil when a problem was reported.
func (o *validate) set(b *pipeline.Build) *changeset.Set {
	before := b.Problems.Len()
	var set *changeset.Set
	if o.schema.Name != "" {
		set = records.SetOf(b.Env, o.schema.Name, b.Problems)
	} else {
		set = changeset.Compile(o.fields, changeset.Options{Functions: b.Env.Functions, Schemas: b.Env.Manifest.Schemas, Problems: b.Problems, Lenient: b.Env.Lenient})
	}
	if b.Problems.Len() > before {
		return nil
	}
	return set
}

// resultOf is what is known of the fields that a client may write: all of them are what it sent.
func resultOf(set *changeset.Set) expr.Type {
	members := map[string]expr.Type{}
	for i := range set.Fields {
		if f := &set.Fields[i]; set.Shows(i) {
			members[f.Name] = f.ExprType()
		}
	}
	return expr.Sent(expr.Record(members))
}

func paramsOf(c *pipeline.Context) (map[string]any, bool) {
	m, ok := c.Slots[pipeline.SlotParams].(map[string]any)
	return m, ok
}

// payloadOf reads the payload of an event; no payload is one without fields.
func payloadOf(c *pipeline.Context) (map[string]any, bool) {
	v := c.Slots[pipeline.SlotPayload]
	if raw, ok := v.(*value.Raw); ok {
		v, _ = raw.Value() // the codec has checked it; what is no JSON is no object either
	}
	if v == nil {
		return nil, true
	}
	m, ok := v.(map[string]any)
	return m, ok
}
