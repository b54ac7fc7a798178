package messages_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/messages"
)

// echo tells what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprintf(w, "%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body)
}

func TestHTTPAsks(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(echo))
	defer s.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	_, port, _ := strings.Cut(host, ":")
	tests := []struct {
		name, plug, target string
		status             int
		want               string // the body, or the reason
	}{
		{"the short form", "http: 'URL/a?b=c'", "/", 200, "GET /a?b=c  "},
		{"a value in the path is one segment", "http: 'URL/a/${params.x}/b'", "/?x=1%2F..%3Fq%23", 200, "GET /a/1%2F..%3Fq%23/b  "},
		{"two dots in the path", "http: 'URL/a/${params.x}'", "/?x=..", 400, "invalid"},
		{"nothing in the path", "http: 'URL/a/${params.x}'", "/?x=", 400, "invalid"},
		{"a value in the query", "http: 'URL/a?b=${params.x}&c=d'", "/?x=1%26c%3D2", 200, "GET /a?b=1%26c%3D2&c=d  "},
		{"an upstream", "http: {to: svc, path: '/a/${params.x}?b=${params.x}', query: {n: 1}}", "/?x=1%2F2%26", 200, "GET /a/1%2F2&?b=1%2F2%26&n=1  "},
		{"an upstream without a path", "http: {to: svc, json: {}}", "/", 200, "POST / application/json {}"},
		{"two dots in the path at an upstream", "http: {to: svc, path: '/a/${params.x}'}", "/?x=..", 400, "invalid"},
		{"query", "http: {url: 'URL/a', query: {x: \"${params.x}\", n: 1, none: \"${params?.none}\", list: [a, b]}}", "/?x=a%20%26", 200, "GET /a?x=a+%26&n=1&list=a&list=b  "},
		{"query behind a query", "http: {url: 'URL/a?z=0', query: {n: 1}}", "/", 200, "GET /a?z=0&n=1  "},
		{"a query that holds a map", "http: {url: 'URL/a', query: {x: {a: b}}}", "/", 500, ""},
		{"json", "http: {url: 'URL/a', json: {x: \"${params.x}\", n: 1}}", "/?x=a", 200, `POST /a application/json {"x":"a","n":1}`},
		{"form", "http: {url: 'URL/a', form: {x: \"${params.x}\", y: 1}}", "/?x=a%26b", 200, "POST /a application/x-www-form-urlencoded x=a%26b&y=1"},
		{"body", "http: {url: 'URL/a', method: PUT, body: 'x ${params.x}', headers: {content-type: text/x}}", "/?x=a", 200, "PUT /a text/x x a"},
		{"DELETE", "http: {url: 'URL/a', method: DELETE}", "/", 200, "DELETE /a  "},
		{"POST with nothing", "http: {url: 'URL/a', method: POST}", "/", 200, "POST /a  "},
		{"a line break in a header", "http: {url: 'URL/a', headers: {x-a: \"${params.x}\"}}", "/?x=a%0Ab", 400, "invalid"},
		{"a header that is nil", "http: {url: 'URL/a', headers: {x-a: \"${request.id}\"}}", "/", 500, ""},
		{"a header of what was not sent", "http: {url: 'URL/a', headers: {x-a: \"${params?.x}\"}}", "/", 400, "invalid"},
		{"a map in a form", "http: {url: 'URL/a', method: POST, form: {a: \"${params.x}\"}}", "/?x[a]=b", 400, "invalid"},
		{"a computed host that is listed", "http: {url: 'http://${params.h}:PORT/a', hosts: ['HOST']}", "/?h=127.0.0.1", 200, "GET /a  "},
		{"a computed URL whose host is listed", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=http://HOST/a%3Fb=c%23d", 200, "GET /a?b=c  "},
		{"a host that is not listed", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=http://169.254.169.254/", 400, "invalid"},
		{"the right host on another port", "http: {url: '${params.u}', hosts: ['127.0.0.1']}", "/?u=http://HOST/", 400, "invalid"},
		{"a host behind a user", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=http://HOST@evil.example/", 400, "invalid"},
		{"a user before the right host", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=http://evil@HOST/", 400, "invalid"},
		{"another scheme", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=file://HOST/etc/passwd", 400, "invalid"},
		{"no URL", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=/etc/passwd", 400, "invalid"},
		{"a backslash", "http: {url: '${params.u}', hosts: ['HOST']}", "/?u=http://HOST%5C@evil.example/", 400, "invalid"},
		{"a value that ends the host", "http: {url: 'http://${params.h}.example.com/', hosts: ['*.example.com']}", "/?h=evil.test/", 400, "invalid"},
		{"a value that is a user", "http: {url: 'http://${params.h}.example.com/', hosts: ['*.example.com']}", "/?h=a@b", 400, "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plug := strings.NewReplacer("URL", s.URL, "HOST", host, "PORT", port).Replace(tt.plug)
			c := pipetest.App{Defs: messages.All(), Sections: "upstreams: {svc: {targets: ['" + s.URL + "']}}\n", List: "- " + plug + "\n  as: got\n- show: \"${got.body}\"\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", strings.ReplaceAll(tt.target, "HOST", host), nil))
			said, want := got.Body, ""
			if tt.status == 200 {
				want = fmt.Sprintf("%q", tt.want)
			} else if refusal := got.Refusal(); refusal != nil {
				said, want = refusal.Reason, tt.want
			}
			if got.Status != tt.status || said != want {
				t.Errorf("%d %s (%v), want %d %s", got.Status, said, got.Err, tt.status, want)
			}
		})
	}
}

func TestHTTPAnswers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.Header().Set("X-Kind", "a")
			io.WriteString(w, `{"id":12345678901234567,"list":[1]}`)
		case "/text":
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, `{"id":1}`)
		case "/broken":
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":`)
		case "/empty":
			w.Header().Set("Content-Type", "application/json")
		case "/large":
			w.Write(bytes.Repeat([]byte("x"), 1001))
		case "/stream":
			for range 100 {
				w.Write(bytes.Repeat([]byte("x"), 100))
				http.NewResponseController(w).Flush()
			}
		case "/cut":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "x")
		case "/to":
			http.Redirect(w, r, r.URL.Query().Get("u"), http.StatusFound)
		case "/307":
			http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
		case "/echo":
			echo(w, r)
		case "/key":
			io.WriteString(w, r.Header.Get("X-Key"))
		default:
			w.WriteHeader(404)
			io.WriteString(w, "none")
		}
	}))
	defer s.Close()
	elsewhere := httptest.NewServer(s.Config.Handler)
	defer elsewhere.Close()
	other := strings.TrimPrefix(elsewhere.URL, "http://")
	const body, all = "- show: \"${got.body}\"\n", "- show: \"${got}\"\n"
	to := func(u string) string { return "URL/to?u=" + url.QueryEscape(u) }
	tests := []struct {
		name, settings, list string
		status               int
		want                 string // the body, or the reason
	}{
		{"JSON", "'URL/json'", "- show: \"${got.json.id}\"\n", 200, "12345678901234567"},
		{"status", "'URL/json'", "- show: \"${got.status}\"\n", 200, "200"},
		{"a header", "'URL/json'", "- show: \"${got.headers['x-kind']}\"\n", 200, `"a"`},
		{"the whole answer", "'URL/json'", all, 200, `{"status":200,"json":{"id":12345678901234567,"list":[1]}}`},
		{"the whole answer of text", "'URL/text'", all, 200, `{"status":200,"body":"{\"id\":1}"}`},
		{"text is no JSON", "'URL/text'", "- show: \"${got.json}\"\n", 200, "null"},
		{"nothing is no JSON", "'URL/empty'", "- show: \"${got.json}\"\n", 200, "null"},
		{"HEAD", "{url: 'URL/json', method: HEAD}", "- show: \"${got.json}\"\n", 200, "null"},
		{"JSON that is none", "'URL/broken'", body, 502, "status"},
		{"404", "'URL/none'", body, 502, "status"},
		{"404 that is expected", "{url: 'URL/none', accept_status: [404, 410]}", body, 200, `"none"`},
		{"any status", "{url: 'URL/none', accept_status: any}", "- show: \"${got.status}\"\n", 200, "404"},
		{"as large as allowed", "{url: 'URL/large', max: 1001B}", "- show: \"${len(got.body)}\"\n", 200, "1001"},
		{"larger than allowed", "{url: 'URL/large', max: 1KB}", body, 502, "status"},
		{"a stream that is larger than allowed", "{url: 'URL/stream', max: 1KB}", body, 502, "status"},
		{"an answer that is cut", "'URL/cut'", body, 502, "refused"},
		{"a redirect is not followed", "'" + to("/echo") + "'", body, 502, "status"},
		{"a redirect is an answer where that is said", "{url: '" + to("/echo") + "', accept_status: 302}", "- show: \"${got.headers.location}\"\n", 200, `"/echo"`},
		{"a redirect is followed", "{url: '" + to("/echo?a=b#c") + "', redirects: 1}", body, 200, `"GET /echo?a=b  "`},
		{"a POST becomes a GET", "{url: '" + to("/echo") + "', json: {a: 1}, redirects: 1}", body, 200, `"GET /echo  "`},
		{"a POST stays one with 307", "{url: 'URL/307', json: {a: 1}, redirects: 1}", body, 200, `"POST /echo application/json {\"a\":1}"`},
		{"more redirects than allowed", "{url: '" + to("/307") + "', redirects: 1}", body, 502, "status"},
		{"to another host", "{url: '" + to(elsewhere.URL+"/key") + "', redirects: 1}", body, 502, "status"},
		{"to another host that is listed, without the headers", "{url: '" + to(elsewhere.URL+"/key") + "', redirects: 1, hosts: ['" + other + "'], headers: {x-key: secret}}", body, 200, `""`},
		{"on the same host, with the headers", "{url: '" + to("/key") + "', redirects: 1, headers: {x-key: secret}}", body, 200, `"secret"`},
		{"to a file", "{url: '" + to("file:///etc/passwd") + "', redirects: 1}", body, 502, "status"},
		{"an else that continues", "'URL/none'\n  else: continue", "- show: \"${got == nil}\"\n", 200, "true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: messages.All(), List: "- http: " + strings.ReplaceAll(tt.settings, "URL", s.URL) + "\n  as: got\n" + tt.list}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/", nil))
			said := got.Body
			if refusal := got.Refusal(); refusal != nil {
				said = refusal.Reason
			}
			if got.Status != tt.status || said != tt.want {
				t.Errorf("%d %s (%v), want %d %s", got.Status, said, got.Err, tt.status, tt.want)
			}
		})
	}
}

func TestHTTPWithoutAService(t *testing.T) {
	stuck := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer s.Close()
	defer close(stuck)
	for _, tt := range []struct {
		name, settings string
		status         int
		reason         string
	}{
		{"it does not answer", "{url: '" + s.URL + "/?secret=1', timeout: 50ms}", 504, "timeout"},
		{"it does not answer twice", "{url: '" + s.URL + "/?secret=1', timeout: 20ms, retry: {attempts: 2, on: timeout}}", 504, "timeout"},
		{"it is not there", "'http://127.0.0.1:1/?secret=1'", 502, "refused"},
		{"it is not there, asked again", "{url: 'http://127.0.0.1:1/?secret=1', retry: 2}", 502, "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			app := pipetest.App{Defs: messages.All(), List: "- http: " + tt.settings + "\n- show: 1\n", Log: &log}
			got := app.Compile(t).Serve(httptest.NewRequest("GET", "/", nil))
			if refusal := got.Refusal(); got.Status != tt.status || refusal == nil || refusal.Reason != tt.reason {
				t.Errorf("%d (%v), want %d %s", got.Status, got.Err, tt.status, tt.reason)
			}
			if text := log.String(); !strings.Contains(text, tt.reason) || strings.Contains(text, "secret") {
				t.Errorf("the log tells %s", text)
			}
		})
	}
}

func TestHTTPAsksAgain(t *testing.T) {
	tests := []struct {
		name, settings string
		answers        []int // 0: the connection breaks
		status, asked  int
	}{
		{"not unless it is said", "", []int{503, 200}, 502, 1},
		{"once more", "retry: 2", []int{503, 200}, 200, 2},
		{"until there is no attempt left", "retry: 2", []int{503, 503, 200}, 502, 2},
		{"not after what the caller did", "retry: 3", []int{404, 200}, 502, 1},
		{"not after 500", "retry: 3", []int{500, 200}, 502, 1},
		{"after 500 where that is said", "retry: {attempts: 2, on: [500]}", []int{500, 200}, 200, 2},
		{"after a connection that broke", "retry: 2", []int{0, 200}, 200, 2},
		{"not after a connection that broke, where only 503 is said", "retry: {attempts: 2, on: [503]}", []int{0, 200}, 502, 1},
		{"a POST once", "json: {}", []int{0, 200}, 502, 1},
		{"a POST with a key that makes it known once", "json: {}, headers: {idempotency-key: a}", []int{0, 200}, 502, 1},
		{"a POST again where that is said", "json: {}, retry: {attempts: 2, unsafe: true}", []int{0, 200}, 200, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var asked atomic.Int32
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := int(asked.Add(1)) - 1
				if status := tt.answers[min(n, len(tt.answers)-1)]; status != 0 {
					w.WriteHeader(status)
					return
				}
				panic(http.ErrAbortHandler)
			}))
			defer s.Close()
			settings := "{url: '" + s.URL + "/'"
			if tt.settings != "" {
				settings += ", " + tt.settings
			}
			got := pipetest.App{Defs: messages.All(), List: "- http: " + settings + "}\n- show: 1\n"}.Compile(t).Serve(httptest.NewRequest("GET", "/", nil))
			if n := int(asked.Load()); got.Status != tt.status || n != tt.asked {
				t.Errorf("%d (%v) after %d attempts, want %d after %d", got.Status, got.Err, n, tt.status, tt.asked)
			}
		})
	}
}

func TestHTTPInChannels(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(echo))
	defer s.Close()
	for _, place := range []pipeline.Place{pipeline.Join, pipeline.AfterJoin, pipeline.In, pipeline.Out, pipeline.Leave} {
		c := pipetest.App{Defs: messages.All(), Place: place, List: "- http: '" + s.URL + "/${topic}'\n  as: got\n- show: \"${got.body}\"\n"}.Compile(t)
		got := c.Handle(pipetest.Event{Topic: "room:1", Event: "new_msg", Payload: "{}"})
		if got.Err != nil || !slices.Equal(got.Shown, []string{`"GET /room:1  "`}) {
			t.Errorf("%s: %v, shown %q", place, got.Err, got.Shown)
		}
	}
}

const services = "upstreams: {svc: {targets: ['http://127.0.0.1:9']}}\n"

func TestHTTPProblems(t *testing.T) {
	const form = "1:9: this is no URL to ask (write http:// or https:// and a host)"
	const computed = ": the host of `url` is computed, so that a caller could choose whom to ask (write the host out, or list those that may be asked in `hosts`)"
	tests := []struct{ plug, want string }{
		{"", "1:8: `http` needs `url` or `to`"},
		{"{json: {}}", "1:9: `http` needs `url` or `to`"},
		{"{to: svc, url: 'http://a.example/'}", "1:9: `url` and `to` cannot stand together"},
		{"{url: 'http://a.example/', path: /x}", "1:9: `path` stands beside `to`"},
		{"{to: svc, path: x}", "1:25: `path` begins with a slash"},
		{"{to: svc, path: '${params.x}'}", "1:25: `path` begins with a slash"},
		{"/users", form},
		{"ftp://a.example/", form},
		{"'http://'", form},
		{"'https:///x'", form},
		{"https://u:p@a.example/", "1:9: this is no URL to ask (put credentials into `headers`)"},
		{"'${params.u}'", "1:9" + computed},
		{"'https://${params.h}/x'", "1:9" + computed},
		{"'https://a.example${params.p}'", "1:9" + computed},
		{"'https://a.example:${params.p}/'", "1:9" + computed},
		{"'ftp://${params.h}/x'", form},
		{"{url: '${params.u}', hosts: ['https://a.example']}", `1:37: "https://a.example" is no host`},
		{"{url: '${params.u}', hosts: ['*']}", `1:37: "*" is no host`},
		{"{url: '${params.u}', hosts: [a.example/x]}", `1:37: "a.example/x" is no host`},
		{"{url: 'http://a.example', json: {}, body: x}", "1:9: `json` and `body` cannot stand together: there is one body"},
		{"{url: 'http://a.example', method: GET, json: {}}", "1:9: a GET has no body (leave `method` out for a POST, or put the values into `query`)"},
		{"{url: 'http://a.example', method: TRACE}", `1:43: expected GET, HEAD, POST, PUT, PATCH or DELETE, found "TRACE"`},
		{"{url: 'http://a.example', headers: {content-length: 5}}", `1:45: "content-length" frames the answer and cannot be set`},
		{"{url: 'http://a.example', headers: {Host: b.example}}", "1:45: the host is the one of `url`"},
		{"{url: 'http://a.example', json: {}, retry: 2}", "1:52: a POST that is sent again may be done twice"},
		{"{url: 'http://a.example', method: PATCH, retry: {attempts: 2}}", "1:68: a PATCH that is sent again may be done twice"},
		{"{url: 'http://a.example', retry: 9}", `1:42: expected a whole number from 1 to 5, found "9"`},
		{"{url: 'http://a.example', retry: {attempts: 2, on: [reset]}}", `1:60: "reset" is no failure to ask again after`},
		{"{url: 'http://a.example', retry: {attempts: 2, on: [200]}}", `1:60: "200" is no failure to ask again after`},
		{"{url: 'http://a.example', accept_status: [200]}", `1:51: expected a status from 300 to 599, found "200"`},
		{"{url: 'http://a.example', redirects: 11}", `1:46: expected a whole number from 0 to 10, found "11"`},
		{"{url: 'http://a.example', max: 1}", `1:40: expected a size, found "1"`},
		{"{to: svk}", "1:14: there is no upstream \"svk\" (did you mean \"svc\"?)"},
	}
	for _, tt := range tests {
		t.Run(tt.plug, func(t *testing.T) {
			got := pipetest.App{Defs: messages.All(), Sections: services, List: "- http: " + tt.plug + "\n- show: 1\n"}.Problems(t)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
