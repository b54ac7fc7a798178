package channel

import "github.com/openmanifest/gateway/pkg/pipeline"

// ReplyError describes the plug that answers with the status error. In join it refuses.
func ReplyError() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "reply_error", Group: group,
		Doc:    "Answers the client's event with the status `error` and ends the list; in join it refuses the member.",
		Places: pipeline.Join | pipeline.In, Answers: pipeline.Join | pipeline.In,
	}, func(s *pipeline.Settings, r *replied) {
		s.Whole(s.Value(&r.response, "response", "What the client gets, such as `{reason: closed}`; `{}` when it is left out."))
	}, func(r replied, b *pipeline.Build) pipeline.Plug { return r.plug("error", b) })
}
