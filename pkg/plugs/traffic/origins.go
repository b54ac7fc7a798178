package traffic

import (
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/hostname"
)

// anyWord opens what is else a list, in writing.
const anyWord = "any"

// origins is a set of origins as browsers send them (RFC 6454 section 6.1).
type origins struct {
	any   bool
	exact map[string]bool
	below []subdomains
}

// subdomains are all origins with this scheme whose host ends so: `https://`, `.example.com:8443`.
type subdomains struct{ scheme, suffix string }

func (o *origins) allows(origin string) bool {
	if o.any || o.exact[origin] {
		return true
	}
	for _, s := range o.below {
		if len(origin) > len(s.scheme)+len(s.suffix) && strings.HasPrefix(origin, s.scheme) && strings.HasSuffix(origin, s.suffix) &&
			hostname.Labels(origin[len(s.scheme):len(origin)-len(s.suffix)]) {
			return true
		}
	}
	return false
}

func originsSetting(f *spec.Fields, o *origins) *spec.Field {
	doc := "Origins of the pages: `https://a.example`, `https://*.example.com`, `null`; or `any`."
	return f.Add("origins", "list of origins", doc, spec.OneOrMore(spec.Schema{"type": spec.Types("string", "null")}), func(d *spec.Decoder, n *source.Node) {
		*o = origins{exact: map[string]bool{}}
		items := spec.Items(n)
		if len(items) == 0 {
			d.Problems.Add(n.At, "wrong-value", "`origins` is empty").Suggest("name one, such as https://app.example.com, or write `origins: any`")
		}
		for _, item := range items {
			o.read(d, item, n.Kind == source.List, len(items) == 1)
		}
	})
}

func (o *origins) read(d *spec.Decoder, n *source.Node, listed, alone bool) {
	if listed && n.Null() && n.Value == "null" { // without quotes
		o.exact["null"] = true
		return
	}
	v, from, ok := d.Scalar(n, "an origin")
	if !ok {
		return
	}
	text, _ := v.(string)
	switch {
	case text == "null":
		o.exact["null"] = true
	case text == anyWord && alone:
		o.any = true
	case text == anyWord || text == "*":
		d.Wrong(n, from, v, "an origin").Suggest("write `origins: any` alone for every origin")
	default:
		// A variable may hold several.
		for one := range strings.SplitSeq(text, ",") {
			if !o.add(strings.ToLower(strings.TrimSpace(one))) {
				d.Wrong(n, from, v, "an origin").Suggest("write scheme, host and port alone, such as https://app.example.com or https://*.example.com")
			}
		}
	}
}

func (o *origins) add(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != text {
		return false
	}
	host := u.Host
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	scheme := u.Scheme + "://"
	switch rest, wild := strings.CutPrefix(host, "*."); {
	case strings.ContainsAny(rest, "*%"), rest == "":
		return false
	case wild:
		o.below = append(o.below, subdomains{scheme, "." + rest})
	default:
		o.exact[scheme+host] = true
	}
	return true
}
