package respond

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/hostname"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type redirect struct {
	to, external *pipeline.Text
	hosts        []string
}

// Redirect sends the client to a path of this application, which must be a declared route,
// or, as `external`, to any URL. The rules against open redirects are those of
// Phoenix.Controller.redirect.
func Redirect() *pipeline.Def {
	return pipeline.Define(answers("redirect", "Sends the client to another path (302)."), redirectSettings, func(o redirect, b *pipeline.Build) pipeline.Plug {
		text, start := o.to, startPath
		if text == nil {
			text, start = o.external, startURL
		} else if pattern, ok := patternOf(text); ok {
			b.VerifyPath(pattern, text.Node.At)
		}
		rest := ""
		if b.Rest != "" {
			rest = "params." + b.Rest
		}
		return func(c *pipeline.Context) (any, error) {
			location, err := locate(text, c, start, rest)
			if err == nil {
				err = o.mayGo(location)
			}
			if err != nil {
				return nil, err
			}
			c.W.Header()["Location"] = []string{location}
			return nil, c.AnswerExactly(http.StatusFound, nil, nil)
		}
	})
}

func redirectSettings(s *pipeline.Settings, o *redirect) {
	s.Main(s.Text(&o.to, "to", "A path such as /users/${id}; computed values are escaped."))
	s.MainField().Schema = spec.Text(`^(/(?![/\\])|\$\{)`)
	s.Text(&o.external, "external", "A URL of another site, with http:// or https://.").Schema = spec.Text(`^([Hh][Tt][Tt][Pp][Ss]?://|\$\{)`)
	var hostsAt diag.Pos
	s.Strings(&o.hosts, "hosts", "The only hosts that `external` may go to, such as example.com or *.example.com. Default: any.").
		Observe(func(n *source.Node) { hostsAt = n.At })
	s.After(func(d *spec.Decoder, n *source.Node) {
		written := !n.Null() && n.Kind != source.Map || n.Get("to") != nil || n.Get("external") != nil
		switch {
		case o.to == nil && o.external == nil && written: // it has a problem already
		case o.to == nil && o.external == nil:
			d.Problems.Add(n.At, "missing-key", "`redirect` needs a path").Suggest("such as `redirect: /users`, or `redirect: {external: https://...}`")
		case o.to != nil && o.external != nil:
			d.Problems.Add(n.At, "wrong-value", "`redirect` goes either to a path or to an external URL")
		case o.to != nil && len(o.hosts) > 0:
			d.Problems.Add(hostsAt, "wrong-value", "`hosts` stands beside `external`")
		case o.to != nil:
			checkText(d, o.to, startPath)
		case o.checkHosts(d, hostsAt):
			checkText(d, o.external, startURL)
		}
	})
}

// checkHosts reports what is no host, and a constant URL that goes to another one.
func (o *redirect) checkHosts(d *spec.Decoder, at diag.Pos) bool {
	for i, host := range o.hosts {
		o.hosts[i] = strings.ToLower(host)
		if !isHost(strings.TrimPrefix(host, "*.")) {
			d.Problems.Add(at, "wrong-value", "%q is not the name of a host", host).Suggest("such as example.com or *.example.com")
			return false
		}
	}
	if text, constant := o.external.Constant(); constant && checkLocation(text, startURL) == nil && o.mayGo(text) != nil {
		d.Problems.Add(o.external.Node.At, "open-redirect", "the host of this URL is not among `hosts`")
		return false
	}
	return true
}

// mayGo refuses a host that is not listed.
func (o *redirect) mayGo(location string) error {
	if len(o.hosts) == 0 {
		return nil
	}
	u, err := url.Parse(location)
	if err == nil {
		host := strings.ToLower(u.Hostname())
		if !isHost(host) {
			host = "" // programs differ in how they read other characters
		}
		for _, allowed := range o.hosts {
			if host != "" && hostname.Matches(allowed, host) {
				return nil
			}
		}
	}
	return pipeline.Refuse(http.StatusBadRequest, "malformed", "a redirect to this host is not allowed")
}

// checkText reports what is wrong with a target whatever its values are.
func checkText(d *spec.Decoder, t *pipeline.Text, start state) {
	if text, constant := t.Constant(); constant {
		if err := checkLocation(text, start); err != nil {
			d.Problems.Add(t.Node.At, "open-redirect", "%v", err).Suggest("%s", start.form())
		}
		return
	}
	if parts := t.Parts(); parts[0].Expr == nil && !start.begins(parts[0].Lit) {
		d.Problems.Add(t.Node.At, "open-redirect", "%s", start.wrong()).Suggest("%s", start.form())
	}
}
