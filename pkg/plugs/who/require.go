package who

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type require struct{ condition *expr.Expr }

// Require refuses unless a condition is true. Its expression is read strictly: what cannot
// be decided refuses.
func Require() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "require", Group: group, Places: pipeline.Anywhere, Guard: true, Pure: true,
		Doc:   "Refuses unless the condition is true; what cannot be computed refuses too.",
		Fails: []pipeline.Reason{{Name: "forbidden", Status: http.StatusForbidden}},
	}, func(s *pipeline.Settings, o *require) {
		s.Main(s.Condition(&o.condition, "condition", "What must be true, such as `user.role == 'admin'`.").Require())
	}, func(o require, _ *pipeline.Build) pipeline.Plug {
		forbidden := pipeline.Refuse(http.StatusForbidden, "forbidden", "this is not allowed")
		return func(c *pipeline.Context) (any, error) {
			ok, err := o.condition.Test(c.Frame)
			if err != nil || ok {
				return nil, err
			}
			return nil, forbidden
		}
	})
}
