package pipeline

import (
	"maps"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// asksCookie tells a step that goes by what a browser sends along from any page: the session,
// a cookie, or what endpoint.plugs made of them.
func (b *Build) asksCookie(f *flow) bool {
	if b.uses["session"] || b.uses["request.cookies"] || b.uses["request.*"] {
		return true
	}
	for name := range f.byCookie {
		if b.uses[name] {
			return true
		}
	}
	return false
}

// forgery reports a route that changes something on the word of a cookie and does not ask
// whether a page of another site sent the request. What endpoint.plugs do on that word is
// noted here: no such check can stand before them.
func (l *list) forgery(b *Build, f *flow, at diag.Pos) {
	switch {
	case l.place == Endpoint:
		decides := b.def == nil || b.def.Guard || b.def.Answers&Endpoint != 0
		if decides && f.admitted.IsZero() && b.asksCookie(f) {
			f.admitted = at
		}
	case l.place != Route || !l.unsafe || f.forgery:
	case b.asksCookie(f):
		l.unprotected(f, at)
	case !l.inElse && !f.admitted.IsZero() && b.def != nil && b.def.Answers&Route != 0:
		l.unprotected(f, at).Relate(f.admitted, "it is read here")
	}
}

func (l *list) unprotected(f *flow, at diag.Pos) *diag.Problem {
	return l.ps.Add(at, "needs-csrf", "a route for other methods than GET, HEAD and OPTIONS that reads the session or a cookie needs `protect_from_forgery` before that").
		Suggest("put `protect_from_forgery` into its pipeline")
}

// noteCookie notes the names that a plug of endpoint.plugs makes of a cookie.
func (l *list) noteCookie(b *Build, e *entry, f *flow) {
	if l.place != Endpoint || !b.asksCookie(f) {
		return
	}
	made := maps.Clone(f.byCookie)
	if made == nil {
		made = map[string]bool{}
	}
	if e.as != nil {
		made[e.as.Value] = true
	}
	if e.name == "assign" && e.options != nil {
		for _, x := range e.options.Entries {
			made[x.Key.Value] = true
		}
	}
	f.byCookie = made
}

// mergeCookies gives both arms of a branch what is known of either.
func (f *flow) mergeCookies(a, b *flow) {
	if f.admitted = a.admitted; f.admitted.IsZero() {
		f.admitted = b.admitted
	}
	a.admitted, b.admitted = f.admitted, f.admitted
	if len(a.byCookie)+len(b.byCookie) == 0 {
		return
	}
	f.byCookie = maps.Clone(a.byCookie)
	if f.byCookie == nil {
		f.byCookie = map[string]bool{}
	}
	maps.Copy(f.byCookie, b.byCookie)
	a.byCookie, b.byCookie = f.byCookie, f.byCookie
}
