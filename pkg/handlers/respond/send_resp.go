package respond

import (
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

type sendResp struct {
	status int
	body   *pipeline.Text
}

// SendResp answers with a status and, in HTTP, a text. In a socket's connect it refuses the
// connection with that status.
func SendResp() *pipeline.Def {
	t := answers("send_resp", "Answers with a status and a text; in `connect` it refuses with the status.")
	t.Places |= pipeline.Connect
	t.Answers |= pipeline.Connect
	return pipeline.Define(t, func(s *pipeline.Settings, o *sendResp) {
		s.Main(s.Int(&o.status, "status", 0, 200, 599, "The status of the answer.").Require()).Default = ""
		s.Text(&o.body, "body", "The text of the answer. Default: none.")
	}, buildSendResp)
}

func buildSendResp(o sendResp, b *pipeline.Build) pipeline.Plug {
	if b.Place == pipeline.Connect {
		return o.refuse(b)
	}
	if o.body == nil {
		return func(c *pipeline.Context) (any, error) { return nil, c.AnswerExactly(o.status, nil, nil) }
	}
	if o.status == http.StatusNoContent || o.status == http.StatusNotModified {
		b.Problem(o.body.Node.At, "wrong-value", "an answer with the status %d has no body", o.status).Suggest("leave `body` out")
		return nil
	}
	return func(c *pipeline.Context) (any, error) {
		body, err := o.body.Append(c.Scratch(), c.Frame)
		if err == nil {
			err = c.AnswerExactly(o.status, pipeline.TextType, body)
		}
		c.Lend(body)
		return nil, err
	}
}

func (o *sendResp) refuse(b *pipeline.Build) pipeline.Plug {
	if o.status < http.StatusBadRequest {
		b.Problem(b.At, "wrong-value", "in `connect` send_resp refuses, so its status is from 400 to 599").Suggest("leave it out to let the client in")
		return nil
	}
	if o.body != nil {
		b.Problem(o.body.Node.At, "wrong-value", "a refused connection has no body").Suggest("leave `body` out")
		return nil
	}
	refusal := &pipeline.Refusal{Status: o.status, Reason: "refused", Message: http.StatusText(o.status)}
	return func(*pipeline.Context) (any, error) { return nil, refusal }
}
