package config

import (
	"net/url"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// A Store is a database.
type Store struct {
	URL    spec.Secret // it may hold a password
	Driver string      // "postgres" or "sqlite", by the URL; "" when the URL is not known
	Pool   int
	// Migrations is the folder of the files of SQL that the database is made by, relative
	// to the manifest; "" for none.
	Migrations   string
	MigrationsAt diag.Pos
	Notify       []spec.Named[Notify] // by the channel of the database
}

// A Notify says what is broadcast when a database notifies one of its channels.
type Notify struct{ Topic, Event, Payload *source.Node }

// maxChannel bounds the name of a channel in bytes: Postgres cuts longer identifiers.
const maxChannel = 63

func describeNotify(f *spec.Fields, x *Notify) {
	text := spec.Schema{"type": spec.Types("string", "number", "boolean")}
	f.Node(&x.Topic, "topic", "text", "Whose members get it, such as orders:${payload.id}.", text).Require()
	f.Node(&x.Event, "event", "text", "The event that they get.", text).Require()
	f.Node(&x.Payload, "payload", "value", "What they get with it. Default: what was notified where that is a JSON object, else {\"payload\": the text}.", spec.Schema{})
}

// DescribeStore binds a store, for the reference.
func DescribeStore(f *spec.Fields) { describeStore(f, &Store{}) }

func describeStore(f *spec.Fields, s *Store) {
	s.Driver = "sqlite"
	f.Add("url", "URL", "`postgres://user@host/database` or `sqlite:path/of/file.db`, relative to the manifest.", spec.OrExpression(spec.Text("^(postgres(ql)?://|sqlite:.)")), func(d *spec.Decoder, n *source.Node) {
		s.Driver = ""
		v, from, ok := d.Scalar(n, "a URL")
		if !ok {
			return
		}
		text, _ := v.(string)
		switch {
		case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
			if _, err := url.Parse(text); err != nil {
				d.Problems.Add(n.At, "wrong-value", "this is not a URL of a database")
				return
			}
			s.Driver = "postgres"
		case strings.HasPrefix(text, "sqlite:") && len(text) > len("sqlite:"):
			s.Driver = "sqlite"
		default:
			what := "this is not a URL of a database"
			if len(from) > 0 {
				what = "the value of " + strings.Join(from, ", ") + " is not a URL of a database"
			}
			d.Problems.Add(n.At, "wrong-value", "%s", what).Suggest("write postgres://user@host/database or sqlite:data/app.db")
			return
		}
		s.URL = spec.Secret(text)
	}).Require()
	f.Int(&s.Pool, "pool", 8, 1, 1000, "Connections at most.")
	f.String(&s.Migrations, "migrations", "", "The folder of the migrations, relative to the manifest.").Observe(func(n *source.Node) { s.MigrationsAt = n.At })
	notify(f, s)
}

// notify binds what a database tells of. The keys are names of the database, not of the
// manifest.
func notify(f *spec.Fields, s *Store) {
	sample := spec.NewFields("channel")
	describeNotify(sample, &Notify{})
	schema := spec.MapOf(sample.Schema())
	schema["type"] = spec.Types("object", "null")
	schema["propertyNames"] = spec.Schema{"minLength": 1, "maxLength": maxChannel}
	doc := "What Postgres notifies (NOTIFY, pg_notify) is broadcast: by the name of its channel, the `topic` and `event`. Expressions see `payload`, which was notified, and `channel`."
	var at diag.Pos
	f.Add("notify", "map of channels", doc, schema, func(d *spec.Decoder, n *source.Node) {
		s.Notify, at = nil, n.At
		if n.Null() {
			return
		}
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`notify` is a map of channels of the database").Suggest("such as `order_changed: {topic: orders, event: changed}`")
			return
		}
		for _, e := range n.Entries {
			if name := e.Key.Value; name == "" || len(name) > maxChannel {
				d.Problems.Add(e.Key.At, "bad-name", "the name of a channel has 1 to %d bytes", maxChannel)
			}
			x := spec.Named[Notify]{Name: e.Key.Value, At: e.Key.At}
			fields := spec.NewFields("channel `" + e.Key.Value + "`")
			describeNotify(fields, &x.Value)
			fields.Decode(d, e.Value, e.Key.At)
			s.Notify = append(s.Notify, x)
		}
	})
	f.After(func(d *spec.Decoder, _ *source.Node) {
		if len(s.Notify) > 0 && s.Driver == "sqlite" && f.Given("url") {
			d.Problems.Add(at, "not-this-store", "SQLite does not notify: `notify` needs a store with Postgres").Suggest("write a url such as postgres://user@host/database, or remove `notify`")
		}
	})
}

// A Token is a kind of token: how it is signed and how long it is valid.
type Token struct {
	Kind   string // "signed"; others are known and not available
	Salt   string
	MaxAge time.Duration
}

// DescribeToken binds a token, for the reference.
func DescribeToken(f *spec.Fields) { describeToken(f, &Token{}) }

func describeToken(f *spec.Fields, t *Token) {
	t.Kind = "signed"
	f.Add("kind", "signed, encrypted, jwt or jwe", "How the token is made. Default: signed, which is Phoenix's.", spec.Schema{"enum": []string{"signed", "encrypted", "jwt", "jwe"}}, func(d *spec.Decoder, n *source.Node) {
		t.Kind = n.Value
		switch n.Value {
		case "signed":
		case "encrypted", "jwt", "jwe":
			spec.Unavailable(d.Problems, n.At, "kind: "+n.Value)
		default:
			d.Problems.Add(n.At, "wrong-value", "expected signed, encrypted, jwt or jwe, found %q", n.Value).
				Hint = diag.DidYouMean(n.Value, []string{"signed", "encrypted", "jwt", "jwe"})
		}
	})
	f.String(&t.Salt, "salt", "", "Sets this kind of token apart from others: a plain text such as `user auth`.")
	f.Duration(&t.MaxAge, "max_age", "24h", "How long a token is valid after it was signed.")
	f.Rule(spec.Schema{"if": spec.Schema{"properties": spec.Schema{"kind": spec.Schema{"const": "signed"}}}, "then": spec.Schema{"required": []string{"salt"}}})
	f.Later("single_use", "algorithms", "issuer", "audience", "keys", "jwks")
	f.After(func(d *spec.Decoder, n *source.Node) {
		if t.Kind == "signed" && t.Salt == "" && !f.Given("salt") && !f.Given("kind") {
			d.Problems.Add(n.At, "missing-key", "a signed token needs `salt`").Suggest("such as `salt: user auth`: it sets this kind of token apart from others")
		}
	})
}

// An Upstream is a service that requests are passed on to.
type Upstream struct {
	Target    *url.URL
	Connect   time.Duration
	FirstByte time.Duration
	Idle      time.Duration
}

// DescribeUpstream binds a upstream, for the reference.
func DescribeUpstream(f *spec.Fields) { describeUpstream(f, &Upstream{}) }

func describeUpstream(f *spec.Fields, u *Upstream) {
	one := spec.OrExpression(spec.Text("^(https?|srv|h2c|unix):"))
	f.Add("targets", "list of URLs", "Where the service listens: `http://127.0.0.1:9001`.", spec.OneOrMore(one), func(d *spec.Decoder, n *source.Node) {
		items := spec.Items(n)
		if len(items) == 0 {
			d.Problems.Add(n.At, "wrong-value", "`targets` is empty").Suggest("name one URL: http://127.0.0.1:9001")
		}
		if len(items) > 1 {
			spec.Unavailable(d.Problems, n.At, "targets: with several entries")
		}
		for _, item := range items {
			if t, ok := readTarget(d, item); ok && u.Target == nil {
				u.Target = t
			}
		}
	}).Require()
	f.Block("timeout", "How long to wait for the service.", func(f *spec.Fields) {
		f.Duration(&u.Connect, "connect", "2s", "For a connection.")
		f.Duration(&u.FirstByte, "first_byte", "30s", "For the first byte of the answer.")
		f.Duration(&u.Idle, "idle", "60s", "Between two pieces of the answer.")
	})
	f.Later("balance", "health", "retry", "circuit_breaker", "sticky", "tls")
}

func readTarget(d *spec.Decoder, n *source.Node) (*url.URL, bool) {
	v, _, ok := d.Scalar(n, "a URL")
	if !ok {
		return nil, false
	}
	text, _ := v.(string)
	for _, later := range []string{"srv:", "h2c:", "unix:"} {
		if strings.HasPrefix(text, later) {
			spec.Unavailable(d.Problems, n.At, "targets: with "+later)
			return nil, false
		}
	}
	t, err := url.Parse(text)
	if err != nil || t.Scheme != "http" && t.Scheme != "https" || t.Host == "" {
		d.Problems.Add(n.At, "wrong-value", "this is not a URL of a service").Suggest("write http://host:port or https://host")
		return nil, false
	}
	if t.User != nil || t.RawQuery != "" || t.Fragment != "" || t.Path != "" && t.Path != "/" {
		d.Problems.Add(n.At, "wrong-value", "a target is scheme, host and port only").Suggest("put a path into `add_prefix` or `path` of `proxy`")
		return nil, false
	}
	return t, true
}
