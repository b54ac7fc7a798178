package who

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	yaml "github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type apiKey struct {
	keys []named
	from []source
}

// digestPrefix begins a key of which only the digest is written.
const digestPrefix = "sha256:"

// minKey is the least length of a key in bytes: a shorter one can be guessed.
const minKey = 16

// APIKey asks for a key of those that are listed.
func APIKey() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "api_key", Group: group, Places: pipeline.HTTP | pipeline.Connect, Guard: true,
		Doc:    "Asks for a key of those that are listed; its result is the name of the key.",
		Result: "the name of the key",
		Fails:  []pipeline.Reason{{Name: "invalid", Status: http.StatusUnauthorized}, {Name: "missing", Status: http.StatusUnauthorized}},
	}, func(s *pipeline.Settings, o *apiKey) {
		s.Main(secretsSetting(s.Fields, &o.keys, "keys", "key",
			"Names with their keys, or `sha256:` and the digest of a key in hex. A list of keys lets an old one go on for a while.").Require())
		fromSetting(s, &o.from)
		from := s.List()[len(s.List())-1]
		from.Default = "[{header: x-api-key}]"
		from.Doc = strings.Replace(from.Doc, "the token", "the key", 1)
		s.After(func(d *spec.Decoder, _ *yaml.Node) { o.check(d) })
	}, buildAPIKey)
}

func (o *apiKey) check(d *spec.Decoder) {
	seen := map[digest]string{}
	for _, k := range o.keys {
		sum, ok := digestOf(string(k.secret))
		switch owner, twice := seen[sum]; {
		case k.secret == "": // reported already
		case !ok:
			d.Problems.Add(k.at, "wrong-value", "the key %q is %s without 64 hex digits behind", k.name, digestPrefix).Suggest("printf %%s \"$KEY\" | sha256sum")
		case twice:
			d.Problems.Add(k.at, "duplicate-key", "the key %q is the same as that of %q, so that nobody could tell them apart", k.name, owner)
		case len(k.secret) < minKey:
			d.Problems.Add(k.at, "short-secret", "the key %q has %d bytes and needs at least %d", k.name, len(k.secret), minKey).Suggest("make one: openssl rand -hex 24")
		}
		seen[sum] = k.name
	}
}

func digestOf(secret string) (sum digest, ok bool) {
	if text, is := strings.CutPrefix(secret, digestPrefix); is {
		raw, err := hex.DecodeString(text)
		return digest(append(raw, make([]byte, sha256.Size)...)), err == nil && len(raw) == sha256.Size
	}
	return sha256.Sum256([]byte(secret)), true
}

func buildAPIKey(o apiKey, b *pipeline.Build) pipeline.Plug {
	if o.from == nil {
		o.from = []source{{kind: header, name: "x-api-key", at: diag.Pos{}}}
	}
	places := make([]lookup, 0, len(o.from))
	for _, s := range o.from {
		if find := s.lookup(b); find != nil {
			places = append(places, find)
		}
	}
	describe(b, o.from)
	b.Result(expr.String)
	names, sums := make([]string, len(o.keys)), make([]digest, len(o.keys))
	for i, k := range o.keys {
		names[i] = k.name
		sums[i], _ = digestOf(string(k.secret))
	}
	missing := pipeline.Refuse(http.StatusUnauthorized, "missing", "an API key is needed")
	invalid := pipeline.Refuse(http.StatusUnauthorized, "invalid", "the API key is not valid")
	for _, s := range o.from {
		if s.kind == bearer && b.Place&pipeline.HTTP != 0 {
			missing.Headers = http.Header{"Www-Authenticate": {"Bearer"}}
			invalid.Headers = missing.Headers
		}
	}
	return func(c *pipeline.Context) (any, error) {
		for _, find := range places {
			text, present := find(c)
			if !present {
				continue
			}
			if i := indexOf(sums, sha256.Sum256([]byte(text))); i >= 0 {
				return names[i], nil
			}
			return nil, invalid
		}
		return nil, missing
	}
}

// indexOf compares with all, so that the time does not tell which one is near.
func indexOf(sums []digest, sum digest) int {
	found := -1
	for i := range sums {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sums[i][:], sum[:]), i, found)
	}
	return found
}
