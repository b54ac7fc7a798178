package resource

import (
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// Hook is one of `hooks` as written.
type Hook struct {
	At       diag.Pos
	URL      *source.Node // nil: there is none
	Timeout  time.Duration
	Continue bool // when the service gives no answer
	Values   []spec.Named[*source.Node]
	on       [actions]bool
}

func describeHooks(f *spec.Fields, e *Entry) {
	schema := spec.Schema{"type": "object", "additionalProperties": false, "properties": spec.Schema{
		"before": hookFields(&Hook{}, true).Schema(), "after": hookFields(&Hook{}, false).Schema()}}
	f.Add("hooks", "map of `before` and `after`", "Services that are told of writes by a POST of JSON: `before` may refuse one, by a status of 4xx; `after` is told of the rows once they are kept.",
		schema, func(d *spec.Decoder, n *source.Node) {
			if n.Kind != source.Map {
				d.Problems.Add(n.At, "not-a-map", "`hooks` takes a map")
				return
			}
			for _, x := range n.Entries {
				h := &e.Before
				switch x.Key.Value {
				case "before":
				case "after":
					h = &e.After
				default:
					d.Problems.Add(x.Key.At, "unknown-key", "unknown key %q", x.Key.Value).Suggest("it is before or after")
					continue
				}
				hookFields(h, x.Key.Value == "before").Decode(d, x.Value, x.Value.At)
			}
		})
}

func hookFields(h *Hook, before bool) *spec.Fields {
	f := spec.NewFields("a hook")
	h.on = [actions]bool{Create: true, Update: true, Delete: true}
	f.Node(&h.URL, "url", "URL", "Where to POST to.", pipeline.TextValue()).Require().Observe(func(n *source.Node) { h.At = n.At })
	f.Add("on", "list of actions", "The actions, of create, update and delete, that it is told of. Default: all.", spec.OneOrMore(spec.Schema{"enum": []string{"create", "update", "delete"}}),
		func(d *spec.Decoder, n *source.Node) {
			h.on = [actions]bool{}
			for _, item := range spec.Items(n) {
				a, known := named(ruled(), item.Value)
				if !known || a.Reads() {
					unknownAction(d.Problems, item.At, item.Value, []string{"create", "update", "delete"})
					continue
				}
				h.on[a] = true
			}
		})
	f.Duration(&h.Timeout, "timeout", "5s", "For one attempt, to the end of the answer.")
	nodes(f, &h.Values, "values", "map of names to values", "What it is told beside, such as who asks; values see the names of the request.", spec.MapOf(pipeline.AnyValue()))
	if before {
		var policy string
		f.Enum(&policy, "on_failure", "refuse", "What becomes of a write when there is no answer.", "refuse", "continue")
		f.After(func(*spec.Decoder, *source.Node) { h.Continue = policy == "continue" })
	}
	return f
}
