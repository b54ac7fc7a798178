package traffic

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const (
	headerOrigin       = "Origin"
	headerAllowOrigin  = "Access-Control-Allow-Origin"
	headerCredentials  = "Access-Control-Allow-Credentials"
	headerAllowMethods = "Access-Control-Allow-Methods"
	headerAllowHeaders = "Access-Control-Allow-Headers"
	headerAllowPrivate = "Access-Control-Allow-Private-Network"
	headerExpose       = "Access-Control-Expose-Headers"
	headerMaxAge       = "Access-Control-Max-Age"
	askedMethod        = "Access-Control-Request-Method"
	askedHeaders       = "Access-Control-Request-Headers"
	askedPrivate       = "Access-Control-Request-Private-Network"
)

// maxAsked bounds the list of headers that a preflight may name where any is allowed: it
// is sent back.
const maxAsked = 2 << 10

type cors struct {
	origins origins

	methods, headers, expose []string
	anyHeader, anyExpose     bool
	credentials, private     bool
	maxAge                   time.Duration
}

// Cors lets pages of other origins call, by the rules of the Fetch standard. It runs before
// all other plugs of its list, so that refusals carry its headers too; who is let in is
// decided by those, not by it.
func Cors() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "cors", Group: group, Places: pipeline.HTTP, First: true,
		Doc: "Lets pages of other origins call, and answers their preflight. It runs before all other plugs, wherever it stands.",
	}, corsSettings, func(o cors, _ *pipeline.Build) pipeline.Plug {
		rules := o.compile()
		return func(c *pipeline.Context) (any, error) {
			if c.Preflight {
				return nil, rules.preflight(c)
			}
			rules.mark(c)
			return nil, nil
		}
	})
}

func corsSettings(s *pipeline.Settings, o *cors) {
	at := map[string]diag.Pos{}
	see := func(x *spec.Field) *spec.Field {
		x.Observe(func(n *source.Node) { at[x.Name] = n.At })
		return x
	}
	s.Main(see(originsSetting(s.Fields, &o.origins)).Require())
	s.Strings(&o.methods, "methods", "Methods that a page may use. Default: those that the route takes.").Observe(func(n *source.Node) { at["methods"] = n.At })
	see(s.Strings(&o.headers, "headers", "Headers that a page may send beside the plain ones, or `any`.")).Default = "[authorization, content-type]"
	see(s.Strings(&o.expose, "expose", "Headers of the answer that a page may read beside the plain ones, or `any`."))
	see(s.Bool(&o.credentials, "credentials", false, "Lets a page send cookies and the like along."))
	s.Bool(&o.private, "private_network", false, "Lets public pages call into a private network.")
	s.Duration(&o.maxAge, "max_age", "10m", "How long a browser may keep the answer to a preflight.")
	s.After(func(d *spec.Decoder, _ *source.Node) {
		o.anyHeader, o.anyExpose = slices.Equal(o.headers, []string{anyWord}), slices.Equal(o.expose, []string{anyWord})
		o.check(d, at)
		if !s.Given("headers") {
			o.headers = []string{"authorization", "content-type"}
		}
	})
}

func (o *cors) check(d *spec.Decoder, at map[string]diag.Pos) {
	if o.credentials && o.origins.any {
		d.Problems.Add(at["credentials"], "any-with-credentials", "`credentials` cannot stand with `origins: any`: every site could act as the user").
			Suggest("list the origins")
	}
	if o.credentials && o.anyExpose {
		d.Problems.Add(at["expose"], "any-with-credentials", "`expose: any` cannot stand with `credentials`: browsers then read it as a name").Suggest("list the headers")
	}
	for i, m := range o.methods {
		o.methods[i] = strings.ToUpper(m)
		if !pipeline.ValidHeaderName(m) {
			d.Problems.Add(at["methods"], "wrong-value", "%q is no method", m).Suggest("such as [GET, POST]")
		}
	}
	for _, list := range []struct {
		key   string
		names []string
		any   bool
	}{{"headers", o.headers, o.anyHeader}, {"expose", o.expose, o.anyExpose}} {
		for i, name := range list.names {
			list.names[i] = strings.ToLower(name)
			if !list.any && (!pipeline.ValidHeaderName(name) || name == "*" || name == anyWord) {
				d.Problems.Add(at[list.key], "bad-header", "%q is not the name of a header", name).Suggest("list names, or write `%s: any`", list.key)
			}
		}
	}
}

// corsRules is cors with everything that is sent made beforehand. The values are shared by
// all answers and never changed.
type corsRules struct {
	origins                             origins
	methods, headers, expose, age, star []string
	anyHeader, credentials, private     bool
}

func (o *cors) compile() *corsRules {
	list := func(names []string) []string {
		if len(names) == 0 {
			return nil
		}
		return []string{strings.Join(names, ", ")}
	}
	r := &corsRules{
		origins: o.origins, methods: list(o.methods), headers: list(o.headers), expose: list(o.expose),
		age: []string{strconv.Itoa(int(o.maxAge / time.Second))}, anyHeader: o.anyHeader, credentials: o.credentials, private: o.private,
	}
	if o.anyExpose {
		r.expose = []string{"*"}
	}
	if o.origins.any {
		r.star = []string{"*"}
	}
	return r
}

// preflight answers a preflight of an origin that is listed. Any other is left to a cors
// further in, and at the end to the answer that says nothing of CORS, which refuses.
func (r *corsRules) preflight(c *pipeline.Context) error {
	asked := c.R.Header
	origin := asked[headerOrigin]
	if !r.allows(origin) {
		return nil
	}
	h := c.W.Header()
	r.vary(h)
	r.admit(h, origin)
	if h[headerAllowMethods] = r.methods; r.methods == nil {
		h[headerAllowMethods] = asked[askedMethod][:1:1] // a route takes it
	}
	h[headerAllowHeaders] = r.headers
	if r.anyHeader {
		addVary(h, askedHeaders)
		delete(h, headerAllowHeaders)
		if list := strings.Join(asked[askedHeaders], ","); list != "" && len(list) <= maxAsked && isNameList(list) {
			h[headerAllowHeaders] = []string{list}
		}
	}
	if r.private && len(asked[askedPrivate]) == 1 && asked[askedPrivate][0] == "true" {
		h[headerAllowPrivate] = []string{"true"}
	}
	h[headerMaxAge] = r.age
	return c.AnswerExactly(http.StatusNoContent, nil, nil)
}

func isNameList(list string) bool {
	for name := range strings.SplitSeq(list, ",") {
		if !pipeline.ValidHeaderName(strings.Trim(name, " \t")) {
			return false
		}
	}
	return true
}

type corsKey struct{}

// A corsMark is what the cors plugs of one request share: the first of them that lists the
// origin speaks for all, as it does in a preflight.
type corsMark struct{ admitted bool }

// mark puts the headers on whatever answer is sent, in place of those that a service
// behind has set.
func (r *corsRules) mark(c *pipeline.Context) {
	origin := c.R.Header[headerOrigin]
	if len(origin) == 0 {
		c.BeforeSend(r.plain)
		return
	}
	mark, _ := c.Context().Value(corsKey{}).(*corsMark)
	if mark == nil {
		mark = &corsMark{}
		c.SetContext(context.WithValue(c.Context(), corsKey{}, mark))
	}
	mine := !mark.admitted && r.allows(origin)
	mark.admitted = mark.admitted || mine
	c.BeforeSend(func(c *pipeline.Context, _ int) {
		if c.OwnCORS {
			return
		}
		h := c.W.Header()
		r.vary(h)
		switch {
		case mine:
			strip(h)
			r.admit(h, origin)
			if r.expose != nil {
				h[headerExpose] = r.expose
			}
		case !mark.admitted:
			strip(h)
		}
	})
}

// plain is for requests that name no origin: caches have to know that it counts.
func (r *corsRules) plain(c *pipeline.Context, _ int) {
	if c.OwnCORS {
		return
	}
	h := c.W.Header()
	strip(h)
	r.vary(h)
	if r.star != nil {
		h[headerAllowOrigin] = r.star
	}
}

func strip(h http.Header) {
	for _, name := range [...]string{headerAllowOrigin, headerCredentials, headerAllowMethods, headerAllowHeaders, headerAllowPrivate, headerExpose, headerMaxAge} {
		delete(h, name)
	}
}

func (r *corsRules) allows(origin []string) bool {
	return len(origin) == 1 && r.origins.allows(origin[0])
}

func (r *corsRules) admit(h http.Header, origin []string) {
	if h[headerAllowOrigin] = origin[:1:1]; r.star != nil {
		h[headerAllowOrigin] = r.star
	}
	if r.credentials {
		h[headerCredentials] = []string{"true"}
	}
}

// vary tells caches that the answer depends on the origin, unless it is one for all.
func (r *corsRules) vary(h http.Header) {
	if r.star == nil {
		addVary(h, headerOrigin)
	}
}

func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for word := range strings.SplitSeq(line, ",") {
			if word = strings.TrimSpace(word); word == "*" || strings.EqualFold(word, name) {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), name)
}
