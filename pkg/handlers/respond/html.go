package respond

import (
	"html"
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// HTML answers with a piece of HTML. What is computed is escaped as text between tags and
// inside quoted attributes; a page with scripts or styles belongs into a template, which
// knows the difference.
func HTML() *pipeline.Def {
	return pipeline.Define(answers("html", "Answers with HTML; computed values are escaped."), func(s *pipeline.Settings, o *textAnswer) {
		s.Whole(s.Text(&o.text, "html", "What is sent; for more than a line use `render`."))
	}, func(o textAnswer, _ *pipeline.Build) pipeline.Plug {
		return func(c *pipeline.Context) (any, error) {
			body, err := o.text.AppendWith(c.Scratch(), c.Frame, escapeHTML)
			if err == nil {
				err = c.Answer(http.StatusOK, pipeline.HTMLType, body)
			}
			c.Lend(body)
			return nil, err
		}
	})
}

func escapeHTML(dst []byte, s string) ([]byte, error) {
	return append(dst, html.EscapeString(s)...), nil
}
