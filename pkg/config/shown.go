package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/redact"
)

// Shown is the manifest as it may be shown: all files joined, the environment laid over, no
// secrets. What comes from a variable or a file stays as the expression that names it: its
// value is not in it, whatever it is.
func (m *Manifest) Shown() *source.Node {
	s := shower{tokens: spec.NamesOf(m.Tokens)}
	out := source.NewMap(m.Root.At)
	for _, e := range m.Root.Entries {
		if e.Key.Value != "environments" {
			out.Entries = append(out.Entries, source.Entry{Key: e.Key, Value: s.node(e.Value, e.Key.Value, false)})
		}
	}
	return out
}

// A shower copies a tree without its secrets.
type shower struct{ tokens []string }

// node copies what stands under key. secret says that all below is.
func (s shower) node(n *source.Node, key string, secret bool) *source.Node {
	if n == nil {
		return nil
	}
	secret = secret || n.Secret
	switch n.Kind {
	case source.Map:
		out := source.NewMap(n.At)
		for _, e := range n.Entries {
			inner := (secret || holdsSecrets(key)) && !namesPlace(e.Key.Value)
			out.Entries = append(out.Entries, source.Entry{Key: e.Key, Value: s.node(e.Value, e.Key.Value, inner)})
		}
		return out
	case source.List:
		out := source.NewList(n.At)
		for _, item := range n.Items {
			out.Items = append(out.Items, s.node(item, key, secret))
		}
		return out
	}
	return s.scalar(n, key, secret)
}

// holdsSecrets tells the settings whose values are credentials whatever their names.
func holdsSecrets(key string) bool {
	switch key {
	case "api_key", "basic_auth", "credentials", "users":
		return true
	}
	return false
}

// namesPlace tells the settings that say where a credential is, and not which it is.
func namesPlace(key string) bool {
	switch key {
	case "header", "param", "query", "cookie", "from", "realm", "as", "when", "else", "do", "status", "hash", "username":
		return true
	}
	return false
}

func (s shower) scalar(n *source.Node, key string, secret bool) *source.Node {
	hidden := source.NewString(n.At, redact.Hidden)
	text, isText := n.Scalar().(string)
	switch {
	case !isText && !secret:
		return n
	case !secret && redact.Name(key):
		secret = !s.names(key, text)
	}
	switch {
	case secret && !reference(n.Value), redact.Text(text) && !reference(n.Value):
		return hidden
	case strings.Contains(n.Value, "://"):
		return source.NewString(n.At, redact.URLs(n.Value))
	}
	return n
}

// names tells a setting that holds the name of something, though it is called like a secret.
func (s shower) names(key, text string) bool {
	switch key {
	case "token", "verify_token", "sign_token", "revoke_token":
		return slices.Contains(s.tokens, text)
	case "session", "key", "salt", "state", "code", "hash", "delete_session", "delete_resp_cookie", "fetch_session", "unique", "same_site":
		return !redact.Text(text)
	}
	return false
}

// expressions finds ${...} without a nested brace.
var expressions = regexp.MustCompile(`\$\{[^{}]*\}`)

// reference tells a text that only names where a secret is: expressions without a text of
// their own, such as a default, and nothing beside but the name of a scheme.
func reference(text string) bool {
	if !strings.Contains(text, "${") {
		return false
	}
	beside := expressions.ReplaceAllStringFunc(text, func(e string) string {
		if file := strings.TrimSpace(e[2 : len(e)-1]); strings.HasPrefix(file, "file('") && strings.Count(file, "'") == 2 && strings.HasSuffix(file, "')") {
			return ""
		}
		if strings.ContainsAny(e, `'"`+"`") || strings.Contains(e, "??") {
			return e
		}
		return ""
	})
	switch strings.TrimSpace(beside) {
	case "", "Bearer", "Basic", "Token":
		return true
	}
	return false
}
