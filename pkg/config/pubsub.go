package config

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
)

// Pubsub says how the processes that serve one application reach each other.
type Pubsub struct {
	// URL names the servers, with commas between them; "" is this process alone. It may hold
	// a password.
	URL  spec.Secret
	Name string // "": see PubsubName

	PresenceWindow time.Duration // how long changes of presences are collected
}

// maxPresenceWindow bounds how late members may learn who is there.
const maxPresenceWindow = 10 * time.Second

// pubsubLocal is the URL of no server.
const pubsubLocal = "local"

// pubsubName is a token of a NATS subject, and short.
const pubsubName = `^[A-Za-z0-9_-]{1,64}$`

var (
	isPubsubName = regexp.MustCompile(pubsubName)
	noToken      = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

func (p *Pubsub) describe(f *spec.Fields) {
	one := spec.OrExpression(spec.Text(`^((nats|tls)://|local$)`))
	f.Add("url", "URL or list of URLs", "The NATS servers: `nats://host:4222`, or `tls://host:4222`; `local` is this process alone.",
		spec.OneOrMore(one), p.readURL).Default = pubsubLocal
	f.Add("name", "name", "What sets this application apart from others on the same servers. Default: `name` of the manifest, else `gateway`.",
		spec.OrExpression(spec.Text(pubsubName)), p.readName)
	var at *source.Node
	keepNode(f.Duration(&p.PresenceWindow, "presence_window", "25ms", "How long changes of presences in a topic are collected before all are told of them at once; `0s` tells each at once; at most 10s."), &at)
	f.After(func(d *spec.Decoder, _ *source.Node) {
		if at != nil && p.PresenceWindow > maxPresenceWindow {
			d.Problems.Add(at.At, "wrong-value", "`presence_window` is at most 10s").Suggest("members see nobody come for so long; 25ms is the default")
		}
	})
}

func (p *Pubsub) readURL(d *spec.Decoder, n *source.Node) {
	items := spec.Items(n)
	if len(items) == 0 {
		d.Problems.Add(n.At, "wrong-value", "`url` is empty").Suggest("name a server: nats://host:4222")
	}
	var all []string
	for _, item := range items {
		// A user without a password is a token.
		item.Secret = item.Secret || strings.Contains(item.Value, "@")
		v, from, ok := d.Scalar(item, "a URL")
		if !ok {
			continue
		}
		text, _ := v.(string)
		if text == pubsubLocal && len(items) == 1 {
			p.URL = ""
			return
		}
		if !natsURLs(text) {
			what := "this is not a URL of a NATS server"
			if len(from) > 0 {
				what = "the value of " + strings.Join(from, ", ") + " is not a URL of a NATS server"
			}
			d.Problems.Add(item.At, "wrong-value", "%s", what).Suggest("write nats://host:4222 or tls://host:4222")
			continue
		}
		all = append(all, text)
	}
	p.URL = spec.Secret(strings.Join(all, ","))
}

// natsURLs tells one URL of a server, or several with commas between them.
func natsURLs(text string) bool {
	for one := range strings.SplitSeq(text, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			return false
		}
	}
	return true
}

func (p *Pubsub) readName(d *spec.Decoder, n *source.Node) {
	v, from, ok := d.Scalar(n, "a name")
	if !ok {
		return
	}
	name, _ := v.(string)
	if !isPubsubName.MatchString(name) {
		d.Wrong(n, from, v, "a name").Suggest("it is letters, digits, _ and -, at most 64 of them")
		return
	}
	p.Name = name
}

// PubsubName sets the application apart from others on the same servers: a token of subjects.
func (m *Manifest) PubsubName() string {
	if m.Pubsub.Name != "" {
		return m.Pubsub.Name
	}
	name := strings.Trim(noToken.ReplaceAllString(m.Name, "-"), "-")
	if name == "" {
		return "gateway"
	}
	return name[:min(len(name), 64)]
}
