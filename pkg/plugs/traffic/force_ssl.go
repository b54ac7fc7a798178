package traffic

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/hostname"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type forceSSL struct {
	hsts, subdomains, preload bool
	expires                   time.Duration
	host                      string
	exclude                   []string
}

// aYear is what browsers ask of a site before they take it into their preload lists.
const aYear = 365 * 24 * time.Hour

// ForceSSL redirects http to https and tells browsers to come by https alone, as Plug.SSL
// does.
func ForceSSL() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "force_ssl", Group: group, Places: pipeline.HTTP,
		Doc: "Redirects http to https, and over https sends Strict-Transport-Security.",
	}, forceSSLSettings, buildForceSSL)
}

func forceSSLSettings(s *pipeline.Settings, o *forceSSL) {
	var hostAt, preloadAt, excludeAt diag.Pos
	s.Bool(&o.hsts, "hsts", true, "Sends Strict-Transport-Security.")
	s.Duration(&o.expires, "expires", "365d", "How long browsers remember to come by https alone.")
	s.Bool(&o.subdomains, "subdomains", false, "They do so for subdomains too.")
	s.Bool(&o.preload, "preload", false, "Allows browsers to ship with that knowledge.").Observe(func(n *source.Node) { preloadAt = n.At })
	s.String(&o.host, "host", "", "Host to redirect to. Default: the one that was asked for.").Observe(func(n *source.Node) { hostAt = n.At })
	exclude := s.Strings(&o.exclude, "exclude", "Hosts that may be reached by http.")
	exclude.Default = "[localhost, 127.0.0.1, '::1']"
	exclude.Observe(func(n *source.Node) { excludeAt = n.At })
	s.After(func(d *spec.Decoder, _ *source.Node) {
		if !s.Given("exclude") {
			o.exclude = []string{"localhost", "127.0.0.1", "::1"}
		}
		if o.host != "" && !isHostPort(o.host) {
			d.Problems.Add(hostAt, "wrong-value", "%q is no host", o.host).Suggest("write it without scheme and path, such as www.example.com")
		}
		if o.preload && (!o.subdomains || !o.hsts || o.expires < aYear) {
			d.Problems.Add(preloadAt, "wrong-value", "`preload` needs `subdomains: true` and `expires` of a year: browsers take no other site")
		}
		for _, host := range o.exclude {
			if !isHostPort(host) && !isIP(host) || strings.Contains(host, ":") && !isIP(host) {
				d.Problems.Add(excludeAt, "wrong-value", "%q is no host", host).Suggest("write it without scheme, port and path, such as internal.example.com")
			}
		}
	})
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isHostPort(text string) bool {
	host := text
	if h, port, err := net.SplitHostPort(text); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = h
	}
	return isIP(strings.Trim(host, "[]")) || hostname.Labels(strings.ToLower(host))
}

func buildForceSSL(o forceSSL, _ *pipeline.Build) pipeline.Plug {
	for i, host := range o.exclude {
		o.exclude[i] = strings.ToLower(host)
	}
	policy := []string{o.policy()}
	return func(c *pipeline.Context) (any, error) {
		host := hostOnly(c.Request.Host())
		if slices.Contains(o.exclude, strings.ToLower(strings.Trim(host, "[]"))) {
			return nil, nil
		}
		if c.Request.Scheme() == "https" {
			if o.hsts {
				c.W.Header()["Strict-Transport-Security"] = policy
			}
			return nil, nil
		}
		if o.host != "" {
			host = o.host
		}
		if host == "" {
			return nil, pipeline.Refuse(http.StatusBadRequest, "malformed", "the request names no host")
		}
		return nil, redirect(c, host)
	}
}

func (o *forceSSL) policy() string {
	policy := "max-age=" + strconv.FormatInt(int64(o.expires/time.Second), 10)
	if o.subdomains {
		policy += "; includeSubDomains"
	}
	if o.preload {
		policy += "; preload"
	}
	return policy
}

// hostOnly cuts the port off: the one that http came to is not that of https.
func hostOnly(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		if strings.Contains(h, ":") {
			return "[" + h + "]"
		}
		return h
	}
	return host
}

// redirect keeps method and body of what is no plain reading: 307 (RFC 9110 section
// 15.4.8).
func redirect(c *pipeline.Context, host string) error {
	status := http.StatusTemporaryRedirect
	if c.R.Method == http.MethodGet || c.R.Method == http.MethodHead {
		status = http.StatusMovedPermanently
	}
	target := c.R.URL.RequestURI()
	if !strings.HasPrefix(target, "/") { // OPTIONS *
		target = "/"
	}
	if err := c.SetHeader("Location", "https://"+host+target); err != nil {
		return err
	}
	return c.AnswerExactly(status, nil, nil)
}
