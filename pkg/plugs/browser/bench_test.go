package browser_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a session costs a request, beside a list that has none.
func BenchmarkSession(b *testing.B) {
	const fetch = "- fetch_session\n- fetch_flash\n- protect_from_forgery\n"
	for _, tt := range []struct{ name, list, sections string }{
		{"none", "- show: 1\n", ""},
		{"fetched, not read", "- fetch_session\n- show: 1\n", ""},
		{"read", "- fetch_session\n- show: ${session.user_id}\n", ""},
		{"read, encrypted", "- fetch_session\n- show: ${session.user_id}\n", "endpoint: {secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, session: {encrypt: true}}\n"},
		{"written", "- fetch_session\n- put_session: {n: 1}\n- show: 1\n", ""},
		{"a page with a form", fetch + "- show: ${csrf_token}\n", ""},
	} {
		b.Run(tt.name, func(b *testing.B) {
			c := newClient(b)
			c.serve(c.compile("- fetch_session\n- protect_from_forgery\n- put_session: {user_id: 42}\n- show: ${csrf_token}\n", tt.sections), httptest.NewRequest("GET", "/", nil))
			app := c.compile(tt.list, tt.sections)
			r := httptest.NewRequest("GET", "/", nil)
			for name, v := range c.cookies {
				r.AddCookie(&http.Cookie{Name: name, Value: v})
			}
			b.ReportAllocs()
			for b.Loop() {
				if got := app.Serve(r); got.Status != 200 {
					b.Fatal(got.Status, got.Err)
				}
			}
		})
	}
}
