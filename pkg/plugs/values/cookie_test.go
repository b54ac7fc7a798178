package values_test

import (
	"crypto/tls"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/values"
	"github.com/openmanifest/gateway/pkg/tokens"
	"github.com/openmanifest/gateway/pkg/value"
)

func noon() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func TestCookies(t *testing.T) {
	const put = "- put_resp_cookie: "
	tests := []struct {
		name, list, a string
		https         bool
		status        int
		want          []string
	}{
		{"Plug's defaults", put + "{name: a, value: b}\n", "", false, 200, []string{"a=b; Path=/; HttpOnly"}},
		{"by https", put + "{name: a, value: b}\n", "", true, 200, []string{"a=b; Path=/; HttpOnly; Secure"}},
		{"not secure, written", put + "{name: a, value: b, secure: false}\n", "", true, 200, []string{"a=b; Path=/; HttpOnly"}},
		{"secure, written", put + "{name: a, value: b, secure: true}\n", "", false, 200, []string{"a=b; Path=/; HttpOnly; Secure"}},
		{"for scripts", put + "{name: a, value: b, http_only: false}\n", "", false, 200, []string{"a=b; Path=/"}},
		{"max_age", put + "{name: a, value: b, max_age: 1h}\n", "", false, 200, []string{"a=b; Path=/; Expires=Thu, 01 Jan 2026 13:00:00 GMT; Max-Age=3600; HttpOnly"}},
		{"path and domain", put + "{name: a, value: b, path: /x, domain: a.example}\n", "", false, 200, []string{"a=b; Path=/x; Domain=a.example; HttpOnly"}},
		{"same_site", put + "{name: a, value: b, same_site: Strict}\n", "", false, 200, []string{"a=b; Path=/; HttpOnly; SameSite=Strict"}},
		{"same_site None is secure", put + "{name: a, value: b, same_site: None}\n", "", false, 200, []string{"a=b; Path=/; HttpOnly; Secure; SameSite=None"}},
		{"__Host- is secure", put + "{name: __Host-a, value: b}\n", "", false, 200, []string{"__Host-a=b; Path=/; HttpOnly; Secure"}},
		{"a number", put + "{name: a, value: 5}\n", "", false, 200, []string{"a=5; Path=/; HttpOnly"}},
		{"computed", put + "{name: a, value: 'x-${params.a}'}\n", "7", false, 200, []string{"a=x-7; Path=/; HttpOnly"}},
		{"the last one counts", put + "{name: a, value: b}\n" + put + "{name: c, value: d}\n" + put + "{name: a, value: e}\n", "", false, 200, []string{"c=d; Path=/; HttpOnly", "a=e; Path=/; HttpOnly"}},
		{"deleted", "- delete_resp_cookie: a\n", "", false, 200, []string{"a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly"}},
		{"deleted where it was set", "- delete_resp_cookie: {name: a, path: /x, domain: a.example}\n", "", false, 200, []string{"a=; Path=/x; Domain=a.example; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly"}},
		{"set and deleted", put + "{name: a, value: b}\n- delete_resp_cookie: a\n", "", false, 200, []string{"a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly"}},
		{"a line break", put + "{name: a, value: '${params.a}'}\n", "x\r\nset-cookie: y=z", false, 400, nil},
		{"another attribute", put + "{name: a, value: '${params.a}'}\n", "x; Domain=evil.example", false, 400, nil},
		{"beyond ASCII", put + "{name: a, value: '${params.a}'}\n", "ü", false, 400, nil},
		{"nil", put + "{name: a, value: '${request.id}'}\n", "", false, 500, nil},
		{"what was not sent", put + "{name: a, value: '${params.none}'}\n", "", false, 400, nil},
		{"a map", put + "{name: a, value: '${params}'}\n", "", false, 500, nil},
		{"nil, signed", put + "{name: a, value: '${request.id}', sign: true}\n", "", false, 500, nil},
		{"too long", put + "{name: a, value: '${params.a}'}\n", strings.Repeat("x", 4096), false, 500, nil},
		{"just short enough", put + "{name: a, value: '${params.a}'}\n", strings.Repeat("x", 4076), false, 200, []string{"a=" + strings.Repeat("x", 4076) + "; Path=/; HttpOnly"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: values.All(), Sections: "endpoint: {secret_key_base: " + pipetest.Secret + "}", List: tt.list + "- show: 1\n", Now: noon}.Compile(t)
			r := httptest.NewRequest("GET", "/?a="+url.QueryEscape(tt.a), nil)
			if tt.https {
				r.TLS = &tls.ConnectionState{}
			}
			if got := c.Serve(r); got.Status != tt.status || !slices.Equal(got.Header["Set-Cookie"], tt.want) {
				t.Errorf("%d %q (%v), want %d %q", got.Status, got.Header["Set-Cookie"], got.Err, tt.status, tt.want)
			}
		})
	}
}

// Signed and encrypted cookies are tokens with the salt NAME_cookie, as Plug has it, and
// count for a day.
func TestSealedCookies(t *testing.T) {
	tests := []struct {
		name, settings string
		encrypted      bool
		lives          time.Duration
	}{
		{"signed", "sign: true", false, 24 * time.Hour},
		{"signed with an age", "sign: true, max_age: 1h", false, time.Hour},
		{"encrypted", "encrypt: true", true, 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := "- put_resp_cookie: {name: who, value: {id: '${params.a}'}, " + tt.settings + "}\n- show: 1\n"
			c := pipetest.App{Defs: values.All(), Sections: "endpoint: {secret_key_base: " + pipetest.Secret + "}", List: list, Now: noon}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?a=7", nil))
			line := got.Header.Get("Set-Cookie")
			text, _, _ := strings.Cut(strings.TrimPrefix(line, "who="), ";")
			keys := new(tokens.Keys)
			signer, err := keys.NewSigner(pipetest.Secret, "who_cookie", tokens.Options{})
			if err != nil {
				t.Fatal(err)
			}
			sealer, err := keys.Encryptor(pipetest.Secret, "who_cookie")
			if err != nil {
				t.Fatal(err)
			}
			read := func(now time.Time) (any, error) {
				if tt.encrypted {
					return signer.Decrypt(sealer, text, now)
				}
				return signer.Verify(text, now)
			}
			data, err := read(noon().Add(tt.lives))
			if claims, ok := data.(value.Claims); err != nil || !ok || claims["id"] != "7" {
				t.Errorf("%s: %v, %v", line, data, err)
			}
			if data, err := read(noon().Add(tt.lives + time.Second)); err == nil {
				t.Errorf("it still counts after %s: %v", tt.lives, data)
			}
		})
	}
}

func TestDeleteRespHeader(t *testing.T) {
	tests := []struct{ name, list, want string }{
		{"one", "- put_resp_header: {x-a: b}\n- delete_resp_header: x-a\n", ""},
		{"a list", "- put_resp_header: {x-a: b}\n- delete_resp_header: [x-b, X-A]\n", ""},
		{"one that is not there", "- delete_resp_header: x-a\n", ""},
		{"set again afterwards", "- delete_resp_header: x-a\n- put_resp_header: {x-a: b}\n", "b"},
		{"another stays", "- put_resp_header: {x-a: b}\n- delete_resp_header: x-aa\n", "b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: values.All(), List: tt.list + "- show: 1\n"}.Compile(t)
			if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != 200 || got.Header.Get("X-A") != tt.want {
				t.Errorf("%d %v, want %q", got.Status, got.Header, tt.want)
			}
		})
	}
}
