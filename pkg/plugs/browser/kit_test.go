package browser_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/handlers/respond"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/browser"
	"github.com/openmanifest/gateway/pkg/plugs/crypto"
	"github.com/openmanifest/gateway/pkg/plugs/request"
	"github.com/openmanifest/gateway/pkg/plugs/values"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

const secrets = "endpoint: {secret_key_base: " + pipetest.Secret + "}\nname: shop\n"

func defs() []*pipeline.Def {
	var all []*pipeline.Def
	for _, group := range [][]*pipeline.Def{browser.All(), crypto.All(), values.All(), request.All(), who.All(), respond.All()} {
		all = append(all, group...)
	}
	return all
}

// A client is a browser: it keeps cookies, and a clock.
type client struct {
	t       testing.TB
	cookies map[string]string
	at      time.Time
}

func newClient(t testing.TB) *client {
	return &client{t: t, cookies: map[string]string{}, at: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *client) now() time.Time { return c.at }

// compile makes the list of a route. sections may be "".
func (c *client) compile(list, sections string) *pipetest.Compiled {
	if sections == "" {
		sections = secrets
	}
	return pipetest.App{Defs: defs(), Sections: sections, List: list, Now: c.now}.Compile(c.t)
}

func (c *client) serve(app *pipetest.Compiled, r *http.Request) pipetest.Result {
	for name, v := range c.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	got := app.Serve(r)
	for _, set := range (&http.Response{Header: got.Header}).Cookies() {
		if set.MaxAge < 0 {
			delete(c.cookies, set.Name)
			continue
		}
		c.cookies[set.Name] = set.Value
	}
	return got
}

func (c *client) get(list string) pipetest.Result {
	return c.serve(c.compile(list, ""), httptest.NewRequest("GET", "/", nil))
}

// body is the text of a JSON answer without its quotes.
func body(r pipetest.Result) string { return strings.Trim(r.Body, `"`) }
