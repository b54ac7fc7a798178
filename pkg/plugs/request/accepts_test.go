package request_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

func TestAcceptsPicksTheFormat(t *testing.T) {
	tests := []struct {
		list, target, accept string
		status               int
		format               string
	}{
		{"[html, json]", "/", "", 200, "html"},
		{"[html, json]", "/", "*/*", 200, "html"},
		{"[json, html]", "/", " */* ", 200, "json"},
		{"[html, json]", "/", "application/json", 200, "json"},
		{"[html, json]", "/", "Application/JSON; charset=utf-8", 200, "json"},
		{"[html, json]", "/", "application/*", 200, "json"},
		{"[html, json]", "/", "application/vnd.pgrst.object+json", 200, "json"}, // `.single()` of PostgREST's clients
		{"json", "/", "application/vnd.pgrst.array+json;nulls=stripped", 200, "json"},
		{"[html]", "/", "application/vnd.pgrst.object+json", 406, ""},
		{"[html, json]", "/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200, "html"},
		{"[json]", "/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 200, "json"},
		{"[json]", "/", "text/html", 406, ""},
		{"[html, json]", "/", "image/png", 406, ""},
		{"[html, json]", "/", "text/html;q=0.5, application/json;q=0.9", 200, "json"},
		{"[html, json]", "/", "text/html;q=0.5, application/json;q=0.5", 200, "html"},
		{"[html, json]", "/", "application/json, text/html", 200, "json"}, // the first of equals
		{"[html, json]", "/", "text/html;q=0", 406, ""},
		{"[html, json]", "/", "text/html;q=0, */*;q=0.1", 200, "json"}, // a wildcard does not bring it back
		{"[html, json]", "/", "text/html;q=abc", 406, ""},
		{"[html, json]", "/", "text/html;q=NaN", 406, ""},
		{"[text, xml]", "/", "text/xml", 200, "xml"},
		{"[html, json]", "/?_format=json", "text/html", 200, "json"},
		{"[html, json]", "/?_format=json&_format=html", "application/json", 200, "html"},
		{"[html, json]", "/?_format=xml", "text/html", 406, ""},
		{"[html, json]", "/?a=_format", "application/json", 200, "json"},
		{"json", "/", "", 200, "json"},
	}
	for _, tt := range tests {
		t.Run(tt.list+" "+tt.target+" "+tt.accept, func(t *testing.T) {
			list := "- accepts: " + tt.list + "\n- show: ${format}\n"
			c := pipetest.App{Defs: request.All(), List: list}.Compile(t)
			r := httptest.NewRequest("GET", tt.target, nil)
			if tt.accept != "" {
				r.Header.Set("Accept", tt.accept)
			}
			got := c.Serve(r)
			want := `"` + tt.format + `"`
			if got.Status != tt.status || tt.status == 200 && got.Body != want {
				t.Errorf("%d %s, want %d %s", got.Status, got.Body, tt.status, want)
			}
			if refusal := got.Refusal(); tt.status == 406 && (refusal == nil || refusal.Reason != "not_acceptable") {
				t.Errorf("refused with %v, want not_acceptable", got.Err)
			}
		})
	}
}

func TestAcceptsWithSeveralLines(t *testing.T) {
	c := pipetest.App{Defs: request.All(), List: "- accepts: [html, json]\n- show: ${format}\n"}.Compile(t)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Accept"] = []string{"image/png", "application/json"}
	if got := c.Serve(r); got.Body != `"json"` {
		t.Errorf("%d %s, want json", got.Status, got.Body)
	}
}

func TestAcceptsElseAnswers(t *testing.T) {
	list := "- accepts: [json]\n  else: {show: \"${failure.reason}\"}\n- show: ${format}\n"
	c := pipetest.App{Defs: request.All(), List: list}.Compile(t)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "image/png")
	if got := c.Serve(r); got.Status != 406 || got.Body != `"not_acceptable"` {
		t.Errorf("%d %s, want the else with 406", got.Status, got.Body)
	}
}

func TestSettingsThatDoNotFit(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- accepts: [htm]", `1:13: unknown format "htm" (did you mean "html"?)`},
		{"- accepts: [pdf]", `1:13: unknown format "pdf" (known are html, json, text, xml, csv or js)`},
		{"- accepts", "1:3: `accepts` needs \"formats\" (Formats that can be answered; the first is taken when the client does not say.)"},
		{"- accepts: []", "1:12: `accepts` needs at least one format (such as [html, json])"},
		{"- parsers: [jsn]", `1:13: expected json, urlencoded or multipart, found "jsn" (did you mean "json"?)`},
		{"- parsers: {accept: [json], multipart: {max: 1MB}}", "1:40: `accept` does not list multipart, so that this bounds nothing (add multipart to `accept`, or remove this)"},
		{"- parsers: {json: {max: 0B}}", "1:25: `max` of 0B refuses every body (write a size such as 1MB)"},
		{"- parsers: {multipart: {max_files: 0}}", `1:36: expected a whole number from 1 to 10000, found "0"`},
		{"- parsers: {pass: [json]}", `1:20: "json" is not a media type (such as text/csv, image/* or */*)`},
		{"- parsers: {pass: [text/c*]}", `1:20: "text/c*" is not a media type (such as text/csv, image/* or */*)`},
		{"- parsers: {decode: br}", `1:21: expected gzip, found "br"`},
		{"- parsers: {max_body: 8}", `1:23: expected a size, found "8" (write a unit: 512B, 64KB, 8MB or 1GiB (KB is 1000))`},
		{"- parsers: {limit: 8MB}", "1:13: unknown setting \"limit\" of `parsers` (its settings are accept, max_body, json, urlencoded, multipart, pass, decode or idle)"},
		{"- parsers: {}\n  else: {show: 1}", "2:3: `parsers` cannot fail, so `else` would never run"},
		{"- request_id: 5", "1:15: `request_id` takes a map of settings (its settings are )"},
		{"- timeout: 5", `1:12: expected a duration, found "5" (write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m)`},
		{"- timeout: 0s", "1:12: a timeout of nothing would end every request (write a time such as 30s)"},
		{"- timeout: {after: 5s}\n  else: {show: 1}", "2:3: `timeout` cannot fail, so `else` would never run"},
		{"- max_body", "1:3: `max_body` needs \"size\" (How large the body may be; 0B refuses every body.)"},
		{"- max_body: 8", `1:13: expected a size, found "8" (write a unit: 512B, 64KB, 8MB or 1GiB (KB is 1000))`},
		{"- put_req_header: {host: a}", "1:20: \"host\" belongs to the connection and cannot be changed (remove it: it is set as the request needs it)"},
		{"- put_req_header: {Content_Length: '5'}", "1:20: \"Content_Length\" belongs to the connection and cannot be changed (remove it: it is set as the request needs it)"},
		{"- put_req_header: {x-forwarded-for: a}", "1:20: \"x-forwarded-for\" says who asked, and is set by the gateway alone (`endpoint.trusted_proxies` says whose word counts; use another name for something of your own)"},
		{"- put_req_header: {a b: c}", `1:20: "a b" is not the name of a header`},
		{"- put_req_header: {x-a: \"b\\nc\"}", "1:25: a header cannot hold a line break or another control character"},
		{"- delete_req_header: [upgrade]", "1:23: \"upgrade\" belongs to the connection and cannot be changed (remove it: it is set as the request needs it)"},
		{"- delete_req_header: []", "1:22: `delete_req_header` needs at least one name (such as [cookie])"},
		{"- method_override", "1:3: `method_override` cannot stand in a route or pipeline (it stands in endpoint.plugs)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: request.All(), List: tt.list + "\n- show: 1\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, request.All()) }
