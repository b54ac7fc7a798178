package request

import (
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

type putReqHeader struct{ headers []spec.Named[*pipeline.Text] }

// PutReqHeader sets headers of the request, for the expressions that follow and for a proxy.
func PutReqHeader() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "put_req_header", Group: group, Places: pipeline.HTTP,
		Doc:   "Sets headers of the request for what follows, in place of those that the client sent under these names.",
		Fails: []pipeline.Reason{{Name: "malformed", Status: http.StatusBadRequest}},
	}, func(s *pipeline.Settings, o *putReqHeader) {
		s.Whole(s.Texts(&o.headers, "headers", "Names of headers and their texts."))
		s.After(func(d *spec.Decoder, _ *source.Node) {
			for _, h := range o.headers {
				checkReqHeader(d, h.At, h.Name)
				if h.Value == nil {
					continue
				}
				if text, ok := h.Value.Constant(); ok && !soundValue(text) {
					d.Problems.Add(h.Value.Node.At, "bad-header", "a header cannot hold a line break or another control character")
				}
			}
		})
	}, func(o putReqHeader, _ *pipeline.Build) pipeline.Plug {
		for i := range o.headers {
			o.headers[i].Name = http.CanonicalHeaderKey(o.headers[i].Name)
		}
		return func(c *pipeline.Context) (any, error) {
			for _, h := range o.headers {
				text, err := h.Value.String(c)
				if err != nil {
					return nil, err
				}
				if !soundValue(text) {
					return nil, pipeline.Refuse(http.StatusBadRequest, "malformed", "a header cannot hold a line break or another control character")
				}
				forget(c.R.Header, h.Name)
				c.R.Header[h.Name] = []string{text}
			}
			return nil, nil
		}
	})
}

type deleteReqHeader struct{ names []string }

// DeleteReqHeader removes headers of the request, for the expressions that follow and for a
// proxy.
func DeleteReqHeader() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "delete_req_header", Group: group, Places: pipeline.HTTP,
		Doc: "Removes headers of the request for what follows.",
	}, func(s *pipeline.Settings, o *deleteReqHeader) {
		var written *source.Node
		names := s.Strings(&o.names, "names", "Names of headers.")
		names.Observe(func(n *source.Node) { written = n })
		s.Main(names.Require())
		s.After(func(d *spec.Decoder, _ *source.Node) {
			if written == nil {
				return
			}
			items := spec.Items(written)
			if len(items) == 0 {
				d.Problems.Add(written.At, "wrong-value", "`delete_req_header` needs at least one name").Suggest("such as [cookie]")
			}
			for i, name := range o.names {
				at := written.At
				if len(items) == len(o.names) {
					at = items[i].At
				}
				checkReqHeader(d, at, name)
			}
		})
	}, func(o deleteReqHeader, _ *pipeline.Build) pipeline.Plug {
		for i, name := range o.names {
			o.names[i] = http.CanonicalHeaderKey(name)
		}
		return func(c *pipeline.Context) (any, error) {
			for _, name := range o.names {
				forget(c.R.Header, name)
			}
			return nil, nil
		}
	})
}

// checkReqHeader reports names that cannot be changed: those that frame the request or
// concern one connection, and those by which a proxy says who asked.
func checkReqHeader(d *spec.Decoder, at diag.Pos, name string) {
	lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch {
	case !pipeline.ValidHeaderName(name):
		d.Problems.Add(at, "bad-header", "%q is not the name of a header", name)
	case framesRequest(lower):
		d.Problems.Add(at, "bad-header", "%q belongs to the connection and cannot be changed", name).Suggest("remove it: it is set as the request needs it")
	case lower == "forwarded" || lower == "x-real-ip" || lower == "x-forwarded" || strings.HasPrefix(lower, "x-forwarded-"):
		d.Problems.Add(at, "bad-header", "%q says who asked, and is set by the gateway alone", name).Suggest("`endpoint.trusted_proxies` says whose word counts; use another name for something of your own")
	}
}

func framesRequest(lower string) bool {
	switch lower {
	case "host", "content-length", "transfer-encoding", "connection", "proxy-connection", "keep-alive", "te", "trailer", "upgrade", "expect",
		"proxy-authenticate", "proxy-authorization":
		return true
	}
	return false
}

func soundValue(text string) bool {
	for i := range len(text) {
		if b := text[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// forget removes a header in all spellings that a service behind may take for the same, and
// from Connection, by which a client could have a proxy drop the one that is set.
func forget(h http.Header, name string) {
	for k := range h {
		if k == name || len(k) == len(name) && strings.EqualFold(strings.ReplaceAll(k, "_", "-"), strings.ReplaceAll(name, "_", "-")) {
			delete(h, k)
		}
	}
	unlist(h, name)
}

// unlist takes a name out of Connection, which has a proxy drop what it lists.
func unlist(h http.Header, name string) {
	lines, listed := h["Connection"]
	if !listed {
		return
	}
	var kept []string
	for _, line := range lines {
		for word := range strings.SplitSeq(line, ",") {
			if word = strings.TrimSpace(word); word != "" && !strings.EqualFold(word, name) {
				kept = append(kept, word)
			}
		}
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}
