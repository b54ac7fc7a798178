package browser

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/session"
)

// FetchFlash binds the messages that an earlier request left.
func FetchFlash() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "fetch_flash", Group: group, Places: pipeline.HTTP, Binds: []string{"flash"},
		Doc: "Binds the messages that the request before left, as `flash`; after this answer they are gone, unless it is a redirect.",
	}, func(*pipeline.Settings, *none) {}, func(_ none, b *pipeline.Build) pipeline.Plug {
		b.Give("flash", expr.OpenMap())
		b.NeedsName("session", "fetch_session", b.At)
		return func(c *pipeline.Context) (any, error) {
			session.Of(c).FetchFlash()
			return nil, nil
		}
	})
}

type putFlash struct {
	messages []spec.Named[*pipeline.Text]
}

// PutFlash leaves messages for this page, or for the one that a redirect leads to.
func PutFlash() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_flash", Group: group, Places: pipeline.HTTP,
		Doc: "Leaves messages for the page that is shown next: this answer or, if it is a redirect, the one after it.",
	}, func(s *pipeline.Settings, o *putFlash) {
		s.Whole(s.Texts(&o.messages, "messages", "Kinds, such as info and error, and their messages."))
	}, func(o putFlash, b *pipeline.Build) pipeline.Plug {
		b.NeedsName("flash", "fetch_flash", b.At)
		b.Reads("session")
		return func(c *pipeline.Context) (any, error) {
			messages := make(map[string]any, len(o.messages))
			for _, m := range o.messages {
				text, err := m.Value.String(c)
				if err != nil {
					return nil, err
				}
				messages[m.Name] = text
			}
			return nil, session.Of(c).PutFlash(messages)
		}
	})
}

// checkMember reports a name that the gateway keeps for itself.
func checkMember(d *spec.Decoder, name string, at diag.Pos) {
	switch {
	case session.Reserved(name):
		d.Problems.Add(at, "reserved-name", "%q is kept by the gateway", name).Suggest("choose another name")
	case name == "":
		d.Problems.Add(at, "bad-name", "a value of the session has a name")
	}
}
