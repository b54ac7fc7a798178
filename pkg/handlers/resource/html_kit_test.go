package resource_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/app"
)

// A visitor is a browser without a window: it keeps cookies and sends the token of the last
// form that it saw.
type visitor struct {
	app     *app.App
	user    string // the header x-user, which says who it is in these tests
	cookies map[string]*http.Cookie
	token   string
}

var tokenField = regexp.MustCompile(`name="_csrf_token" value="([^"]*)"`)

func (v *visitor) do(t *testing.T, method, path, body, contentType string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	} else {
		r.Body = http.NoBody
	}
	r.Header.Set("Accept", "text/html")
	if v.user != "" {
		r.Header.Set("X-User", v.user)
	}
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.app.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if v.cookies == nil {
			v.cookies = map[string]*http.Cookie{}
		}
		v.cookies[c.Name] = c
	}
	if m := tokenField.FindStringSubmatch(w.Body.String()); m != nil {
		v.token = html.UnescapeString(m[1])
	}
	return w
}

// send sends a form. {token} in it is the token of the last form.
func (v *visitor) send(t *testing.T, path, form string) *httptest.ResponseRecorder {
	t.Helper()
	form = strings.ReplaceAll(form, "{token}", "_csrf_token="+url.QueryEscape(v.token))
	return v.do(t, "POST", path, form, "application/x-www-form-urlencoded")
}

// visit is one request of a visitor, and what it must bring.
type visit struct {
	path, form string // with a form it is a POST
	status     int
	want       string // in the page; the Location of a redirect. Several are parted by " & "
	not        string // not in the page
}

func (v *visitor) follow(t *testing.T, visits []visit) {
	t.Helper()
	for i, s := range visits {
		var w *httptest.ResponseRecorder
		if s.form == "" {
			w = v.do(t, "GET", s.path, "", "")
		} else {
			w = v.send(t, s.path, s.form)
		}
		if w.Code != s.status {
			t.Fatalf("visit %d of %s %s: status %d, want %d\n%s", i+1, s.path, s.form, w.Code, s.status, w.Body)
		}
		got := w.Body.String()
		if w.Code >= 300 && w.Code < 400 {
			got = w.Header().Get("Location")
			if got != s.want {
				t.Fatalf("visit %d of %s %s goes to %q, want %q", i+1, s.path, s.form, got, s.want)
			}
			continue
		}
		for part := range strings.SplitSeq(s.want, " & ") {
			if !strings.Contains(got, part) {
				t.Fatalf("visit %d of %s %s gives\n%s\nwant %s in it", i+1, s.path, s.form, got, part)
			}
		}
		if s.not != "" && strings.Contains(got, s.not) {
			t.Fatalf("visit %d of %s %s gives\n%s\nwithout %s wanted", i+1, s.path, s.form, got, s.not)
		}
	}
}
