package respond

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

type textAnswer struct{ text *pipeline.Text }

// Text answers with plain text.
func Text() *pipeline.Def {
	return pipeline.Define(answers("text", "Answers with plain text."), func(s *pipeline.Settings, o *textAnswer) {
		s.Whole(s.Text(&o.text, "text", "What is sent."))
	}, func(o textAnswer, _ *pipeline.Build) pipeline.Plug {
		if text, constant := o.text.Constant(); constant {
			body := []byte(text)
			return func(c *pipeline.Context) (any, error) { return nil, c.Answer(http.StatusOK, pipeline.TextType, body) }
		}
		return func(c *pipeline.Context) (any, error) {
			body, err := o.text.Append(c.Scratch(), c.Frame)
			if err == nil {
				err = c.Answer(http.StatusOK, pipeline.TextType, body)
			}
			c.Lend(body)
			return nil, err
		}
	})
}
