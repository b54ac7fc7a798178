package who

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	yaml "github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// Where a token can stand.
const (
	bearer  = "bearer"
	param   = "param"
	header  = "header"
	cookie  = "cookie"
	payload = "payload"
	session = "session"

	authToken = "auth_token" // of the client's option authToken, in connect
)

// A source is one entry of `from`.
type source struct {
	kind, name string
	at         diag.Pos
}

// A lookup finds a token. An empty text is none; what is no text at all is a token that is
// not valid.
type lookup func(*pipeline.Context) (text string, present bool)

// notAToken stands for a list or map where a token was looked for.
const notAToken = "\x00"

func fromSetting(s *pipeline.Settings, p *[]source) {
	named := func(kind string) spec.Schema {
		return spec.Schema{"type": "object", "properties": spec.Schema{kind: spec.Schema{"type": spec.Types("string", "number", "boolean")}}, "required": []string{kind}, "additionalProperties": false}
	}
	one := spec.Schema{"anyOf": []any{spec.Schema{"enum": []string{bearer, authToken}}, named(param), named(header), named(cookie), named(payload), named(session)}}
	doc := "Where the token stands; the first place that holds one counts: bearer, auth_token (in `connect`), {param: NAME}, {header: NAME}, {cookie: NAME}, {session: NAME}, {payload: NAME}."
	s.Add("from", "list of places", doc, spec.OneOrMore(one), func(d *spec.Decoder, n *yaml.Node) {
		*p = []source{}
		for _, item := range spec.Items(n) {
			if x, ok := readSource(d, item); ok {
				*p = append(*p, x)
			}
		}
		if n.Kind == yaml.List && len(n.Items) == 0 {
			d.Problems.Add(n.At, "wrong-value", "`from` names no place").Suggest("leave it out for the bearer header")
		}
	}).Default = "[bearer]"
}

func readSource(d *spec.Decoder, n *yaml.Node) (source, bool) {
	const forms = "write bearer or auth_token, or {param: NAME}, {header: NAME}, {cookie: NAME}, {session: NAME} or {payload: NAME}"
	switch {
	case n.Kind == yaml.Scalar && (n.Value == bearer || n.Value == authToken):
		return source{kind: n.Value, at: n.At}, true
	case n.Kind != yaml.Map || len(n.Entries) != 1:
		d.Problems.Add(n.At, "wrong-value", "this is no place where a token can stand").Suggest(forms)
	default:
		key, name := n.Entries[0].Key, n.Entries[0].Value
		switch key.Value {
		case param, header, cookie, payload, session:
			if name.Kind == yaml.Scalar && name.Value != "" {
				return source{key.Value, name.Value, key.At}, true
			}
			d.Problems.Add(name.At, "wrong-type", "expected the name of the %s", key.Value)
		default:
			p := d.Problems.Add(key.At, "unknown-key", "a token cannot stand in %q", key.Value)
			if p.Hint = diag.DidYouMean(key.Value, []string{param, header, cookie, payload, session}); p.Hint == "" {
				p.Suggest(forms)
			}
		}
	}
	return source{}, false
}

// lookup compiles a source for its place. It is nil when a problem was reported.
func (s source) lookup(b *pipeline.Build) lookup {
	at := s.at
	if at.IsZero() {
		at = b.At
	}
	switch {
	case b.Place == pipeline.Connect:
		return s.connecting(b, at)
	case s.kind == bearer && b.Place&pipeline.HTTP != 0:
		return fromBearer
	case s.kind == header && b.Place&pipeline.HTTP != 0:
		name := http.CanonicalHeaderKey(s.name)
		return func(c *pipeline.Context) (string, bool) { return firstOf(c.R.Header[name]) }
	case s.kind == cookie && b.Place&pipeline.HTTP != 0:
		b.Reads("request.cookies")
		return func(c *pipeline.Context) (string, bool) { return fromCookie(c, s.name) }
	case s.kind == session && b.Place&pipeline.HTTP != 0:
		if !b.NeedsName("session", "fetch_session", at) {
			return nil
		}
		b.Reads("session")
		return func(c *pipeline.Context) (string, bool) { return member(c.Slots[pipeline.SlotSession], s.name) }
	case s.kind == param && b.Place != pipeline.Endpoint:
		return s.fromParams(b)
	case s.kind == payload && b.Place&pipeline.Channel != 0:
		return func(c *pipeline.Context) (string, bool) { return member(c.Slots[pipeline.SlotPayload], s.name) }
	}
	p := b.Problem(at, "misplaced-token", "in %s there is no %s to take a token from", b.Place, s.kind)
	switch {
	case b.Place&pipeline.Channel != 0:
		p.Suggest("write `from: [{payload: token}]`, or verify it in `connect`")
	case s.kind == authToken:
		p.Suggest("it comes when a client connects: verify it in `connect` of a socket that has `auth_token: true`")
	case s.kind == param:
		p.Suggest("params are known after the match: put it into a pipeline or route")
	}
	return nil
}

func (s source) fromParams(b *pipeline.Build) lookup {
	b.Reads("params")
	return func(c *pipeline.Context) (string, bool) { return member(c.Slots[pipeline.SlotParams], s.name) }
}

func firstOf(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[0], values[0] != ""
}

// fromBearer reads the credentials of RFC 6750 section 2.1; the scheme is case-insensitive.
func fromBearer(c *pipeline.Context) (string, bool) {
	credentials, _ := firstOf(c.R.Header["Authorization"])
	scheme, token, found := strings.Cut(credentials, " ")
	if !found || !strings.EqualFold(scheme, bearer) {
		return "", false
	}
	token = strings.Trim(token, " ")
	return token, token != ""
}

func fromCookie(c *pipeline.Context, name string) (string, bool) {
	found, err := c.R.Cookie(name)
	if err != nil {
		return "", false
	}
	return found.Value, found.Value != ""
}

// member reads a field of params or of a payload.
func member(of any, name string) (string, bool) {
	if raw, ok := of.(*value.Raw); ok {
		decoded, err := raw.Value()
		if err != nil {
			return "", false
		}
		of = decoded
	}
	switch x := part(of, name).(type) {
	case nil:
		return "", false
	case string:
		return x, x != ""
	}
	return notAToken, true
}

func part(of any, name string) any {
	var v any
	switch x := of.(type) {
	case map[string]any:
		v = x[name]
	case value.Object:
		v, _ = x.Member(name)
	}
	return v
}
