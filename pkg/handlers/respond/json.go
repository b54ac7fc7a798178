package respond

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

type jsonAnswer struct{ value *pipeline.Value }

// JSON answers with a value as JSON. Members stand in the order written.
func JSON() *pipeline.Def {
	return pipeline.Define(answers("json", "Answers with JSON."), func(s *pipeline.Settings, o *jsonAnswer) {
		s.Whole(s.Value(&o.value, "value", "What is sent, as JSON."))
	}, func(o jsonAnswer, _ *pipeline.Build) pipeline.Plug {
		if body, constant := o.value.Constant(); constant {
			return func(c *pipeline.Context) (any, error) { return nil, c.Answer(http.StatusOK, pipeline.JSONType, body) }
		}
		return func(c *pipeline.Context) (any, error) { return nil, c.AnswerJSON(http.StatusOK, o.value) }
	})
}
