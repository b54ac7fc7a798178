package messages

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/outbound"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// acceptedStatus says which answers beside 2xx are results and no failures.
type acceptedStatus struct {
	any  bool
	list []int
}

func (a *acceptedStatus) describe(f *spec.Fields) {
	number := spec.Schema{"type": "integer", "minimum": 300, "maximum": 599}
	schema := spec.OneOrMore(spec.Schema{"anyOf": []any{number, spec.Schema{"const": "any"}, spec.OrExpression(number)}})
	f.Add("accept_status", "list of numbers", "Statuses beside 2xx that are a result and no failure: `[404]`, or `any`.", schema, func(d *spec.Decoder, n *source.Node) {
		*a = acceptedStatus{}
		for _, item := range spec.Items(n) {
			v, from, ok := d.Scalar(item, "a status")
			if !ok {
				continue
			}
			if v == "any" {
				a.any = true
				continue
			}
			if text, is := v.(string); is && len(from) > 0 {
				v = source.Resolve(text)
			}
			status, is := v.(int64)
			if !is || status < 300 || status > 599 {
				d.Wrong(item, from, v, "a status from 300 to 599")
				continue
			}
			a.list = append(a.list, int(status))
		}
	})
}

func (a *acceptedStatus) has(status int) bool {
	return status >= 200 && status < 300 || a.any || slices.Contains(a.list, status)
}

// An answer is the result of http. It does not change, so that several may read it.
type answer struct {
	status  int64
	headers pipeline.Headers
	body    string
	json    any
}

// Member implements value.Object.
func (a *answer) Member(name string) (any, bool) {
	switch name {
	case "status":
		return a.status, true
	case "headers":
		return a.headers, true
	case "body":
		return a.body, true
	case "json":
		return a.json, true
	}
	return nil, false
}

// Names lists what goes into an answer that shows this one whole: headers may hold cookies.
func (a *answer) Names() []string {
	if a.json != nil {
		return []string{"status", "json"}
	}
	return []string{"status", "body"}
}

func (o *httpSettings) result(got *outbound.Answer) (any, error) {
	if !o.accepted.has(got.Status) {
		return nil, pipeline.Refuse(http.StatusBadGateway, outbound.Status, "the service answered %s", strconv.Itoa(got.Status))
	}
	a := &answer{status: int64(got.Status), headers: pipeline.Headers{Header: got.Header}, body: string(got.Body)}
	if len(got.Body) == 0 || !saysJSON(got.Header.Get("Content-Type")) {
		return a, nil
	}
	var err error
	if a.json, err = value.DecodeJSON(got.Body); err != nil {
		return nil, pipeline.Refuse(http.StatusBadGateway, outbound.Status, "the service gave an answer that is not the JSON it claims to be")
	}
	return a, nil
}

func saysJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}
