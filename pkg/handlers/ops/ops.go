// Package ops has the answers for those who watch over an application: whether it is well,
// and what it has counted.
package ops

import (
	"context"
	"net/http"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const group = "answer"

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Health(), Metrics()} }

type health struct{ checks []string }

// Health answers 200 while the application is well, else 503. It tells strangers which part
// is not, and never why.
func Health() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "health", Group: group, Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc: "Answers 200 while the application is well; 503 while a part of it is not, or while the gateway stops.",
	}, func(s *pipeline.Settings, o *health) {
		s.Main(s.Strings(&o.checks, "checks", "What is asked: stores, upstreams. Default: nothing beside whether the gateway stops.")).Schema = spec.OneOrMore(spec.Schema{"enum": config.HealthKinds()})
		s.After(func(d *spec.Decoder, n *source.Node) {
			at := n
			if checks := n.Get("checks"); checks != nil {
				at = checks
			}
			config.CheckHealthKinds(d, at, o.checks)
		})
	}, func(o health, b *pipeline.Build) pipeline.Plug {
		asked := b.Env.Observe.Health()
		return func(c *pipeline.Context) (any, error) {
			body, well := report(c.Context(), c.Scratch(), asked, o.checks)
			status := http.StatusOK
			if !well {
				status = http.StatusServiceUnavailable
			}
			c.W.Header()["Cache-Control"] = noStore
			err := c.Answer(status, pipeline.JSONType, body)
			c.Lend(body)
			return nil, err
		}
	})
}

var noStore = []string{"no-store"}

// report appends what is told of the parts of these kinds.
func report(ctx context.Context, b []byte, h *observe.Health, kinds []string) (body []byte, well bool) {
	status := "ok"
	var parts []byte
	for _, kind := range kinds {
		parts = append(append(append(parts, `,"`...), kind...), `":{`...)
		for i, p := range h.Parts(ctx, kind) {
			if i > 0 {
				parts = append(parts, ',')
			}
			how := "ok"
			if p.Err != nil {
				how, status = "unavailable", "unavailable"
			}
			parts = append(append(append(append(append(parts, '"'), p.Name...), `":"`...), how...), '"') // a name is letters and digits
		}
		parts = append(parts, '}')
	}
	if h.Draining() {
		status = "draining"
	}
	b = append(append(append(b, `{"status":"`...), status...), '"')
	return append(append(b, parts...), '}'), status == "ok"
}

// Metrics answers with what was counted.
func Metrics() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "metrics", Group: group, Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc: "Answers with what was counted, in the text format of Prometheus. It is open to who can reach the route: guard it.",
	}, func(*pipeline.Settings, *struct{}) {}, func(_ struct{}, b *pipeline.Build) pipeline.Plug {
		counted := b.Env.Observe
		return func(c *pipeline.Context) (any, error) {
			body := counted.Metrics(c.Scratch())
			c.W.Header()["Cache-Control"] = noStore
			err := c.Answer(http.StatusOK, metricsType, body)
			c.Lend(body)
			return nil, err
		}
	})
}

var metricsType = []string{observe.ContentType}
