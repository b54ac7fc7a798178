package browser

import (
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/session"
)

type putSession struct {
	values []spec.Named[*pipeline.Value]
}

// PutSession sets members of the session.
func PutSession() *pipeline.Def {
	return pipeline.Define(onSession("put_session", "Sets values of the session, by name."), func(s *pipeline.Settings, o *putSession) {
		s.Whole(s.Values(&o.values, "values", "Names and their values: anything that JSON can say."))
		s.After(func(d *spec.Decoder, _ *source.Node) {
			for _, v := range o.values {
				checkMember(d, v.Name, v.At)
			}
		})
	}, func(o putSession, b *pipeline.Build) pipeline.Plug {
		changesSession(b)
		return func(c *pipeline.Context) (any, error) {
			members := make(map[string]any, len(o.values))
			for _, v := range o.values {
				x, err := v.Value.Eval(c.Frame)
				if err != nil {
					return nil, err
				}
				members[v.Name] = x
			}
			return nil, session.Of(c).Put(members)
		}
	})
}

type deleteSession struct{ names []string }

// DeleteSession removes members of the session.
func DeleteSession() *pipeline.Def {
	return pipeline.Define(onSession("delete_session", "Removes values of the session."), func(s *pipeline.Settings, o *deleteSession) {
		s.Main(s.Strings(&o.names, "names", "The name of a value, or a list of names.").Require())
		s.After(func(d *spec.Decoder, n *source.Node) {
			for _, name := range o.names {
				checkMember(d, name, n.At)
			}
			list := n
			if n.Kind == source.Map {
				list = n.Get("names")
			}
			if list != nil && list.Kind == source.List && len(list.Items) == 0 {
				d.Problems.Add(n.At, "wrong-value", "`delete_session` names nothing to remove").Suggest("`clear_session` removes all")
			}
		})
	}, func(o deleteSession, b *pipeline.Build) pipeline.Plug {
		changesSession(b)
		return func(c *pipeline.Context) (any, error) {
			session.Of(c).Delete(o.names...)
			return nil, nil
		}
	})
}

// ClearSession removes all members of the session, so that its cookie goes away.
func ClearSession() *pipeline.Def {
	return pipeline.Define(onSession("clear_session", "Removes all that is in the session, and its cookie."), func(*pipeline.Settings, *none) {},
		func(_ none, b *pipeline.Build) pipeline.Plug {
			changesSession(b)
			return func(c *pipeline.Context) (any, error) {
				session.Of(c).Clear()
				return nil, nil
			}
		})
}

// RenewSession gives the session a new CSRF token.
func RenewSession() *pipeline.Def {
	return pipeline.Define(onSession("renew_session", "Gives the session a new CSRF token and writes its cookie anew; the values stay. For use at a login."), func(*pipeline.Settings, *none) {},
		func(_ none, b *pipeline.Build) pipeline.Plug {
			changesSession(b)
			return func(c *pipeline.Context) (any, error) {
				session.Of(c).Renew()
				return nil, nil
			}
		})
}

func onSession(name, doc string) pipeline.Traits {
	return pipeline.Traits{Name: name, Group: group, Doc: doc, Places: pipeline.HTTP}
}

// changesSession notes that the plug works on the session. On a route that changes things a
// stranger must not bring it about either: it counts as reading.
func changesSession(b *pipeline.Build) {
	b.NeedsName("session", "fetch_session", b.At)
	b.Reads("session")
}
