package browser_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func TestSessionIsKept(t *testing.T) {
	const fetch = "- fetch_session\n"
	tests := []struct {
		name  string
		lists []string // one request each
		want  string   // of the last answer
	}{
		{"what is put is there at once", []string{"- put_session: {a: 1}\n- show: ${session.a}"}, `1`},
		{"what is put is there in the next request", []string{"- put_session: {a: one}\n- show: 1", "- show: ${session.a}"}, `"one"`},
		{"any JSON is kept", []string{"- put_session: {a: {b: [1, 2.5, null, true, 'ü']}}\n- show: 1", "- show: ${session.a}"}, `{"b":[1,2.5,null,true,"ü"]}`},
		{"what was not put is nil", []string{"- show: ${session.a}"}, `null`},
		{"and reads with ?.", []string{"- show: ${session?.a ?? 'none'}"}, `"none"`},
		{"a value is replaced, the others stay", []string{"- put_session: {a: 1, b: 2}\n- show: 1", "- put_session: {a: 3}\n- show: 1", "- show: '${session.a}${session.b}'"}, `"32"`},
		{"values of one plug see what was before it", []string{"- put_session: {a: 1}\n- show: 1", "- put_session: {a: 2, b: '${session.a}'}\n- show: ${session.b}"}, `1`},
		{"delete removes one", []string{"- put_session: {a: 1, b: 2}\n- show: 1", "- delete_session: a\n- show: 1", "- show: ${session}"}, `{"b":2}`},
		{"or several", []string{"- put_session: {a: 1, b: 2, c: 3}\n- show: 1", "- delete_session: [a, c]\n- show: 1", "- show: ${session}"}, `{"b":2}`},
		{"clear removes all", []string{"- put_session: {a: 1, b: 2}\n- show: 1", "- clear_session\n- show: ${session}"}, `{}`},
		{"and what is put after it stays", []string{"- put_session: {a: 1}\n- show: 1", "- clear_session\n- put_session: {b: 2}\n- show: 1", "- show: ${session}"}, `{"b":2}`},
		{"renew keeps the values", []string{"- put_session: {a: 1}\n- show: 1", "- renew_session\n- show: 1", "- show: ${session}"}, `{"a":1}`},
		{"fetched twice it is one", []string{"- put_session: {a: 1}\n- fetch_session\n- show: ${session.a}"}, `1`},
		{"a guard reads it strictly", []string{"- require: session.user_id == 1\n- show: 1"}, "refused"},
		{"a guard passes on what is there", []string{"- put_session: {user_id: 1}\n- show: 1", "- require: session.user_id == 1\n- show: in"}, `"in"`},
		{"the token of the session is not shown with it", []string{"- protect_from_forgery\n- show: ${len(csrf_token)}", "- show: ${session}"}, `{}`},
		{"a time reads the same in this request and the next", []string{"- put_session: {at: '${now()}'}\n- show: ${session.at}"}, `"2026-01-01T12:00:00Z"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			var got pipetest.Result
			for _, list := range tt.lists {
				got = c.get(fetch + list + "\n")
			}
			if tt.want == "refused" {
				if got.Status != 403 {
					t.Errorf("%d %s, want a refusal", got.Status, got.Body)
				}
			} else if got.Status != 200 || got.Body != tt.want {
				t.Errorf("%d %s (%v), want %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

// The cookie is written when the session changed, and only then.
func TestSetCookie(t *testing.T) {
	const keep = "- fetch_session\n- put_session: {a: 1}\n- show: 1\n"
	tests := []struct {
		name, settings, list string
		https                bool
		before               string // the list of an earlier request
		want                 string // of Set-Cookie, VALUE in place of the value
	}{
		{"the defaults", "", keep, false, "", "_shop_key=VALUE; Path=/; HttpOnly; SameSite=Lax"},
		{"by https it is secure", "", keep, true, "", "_shop_key=VALUE; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"unless told not to", "secure: false", keep, true, "", "_shop_key=VALUE; Path=/; HttpOnly; SameSite=Lax"},
		{"or to be so always", "secure: true", keep, false, "", "_shop_key=VALUE; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"None is always secure", "same_site: None", keep, false, "", "_shop_key=VALUE; Path=/; HttpOnly; Secure; SameSite=None"},
		{"with all there is", "key: sid, same_site: Strict, max_age: 1h, path: /app, domain: example.com, http_only: false", keep, false, "",
			"sid=VALUE; Path=/app; Domain=example.com; Max-Age=3600; SameSite=Strict"},
		{"nothing was changed", "", "- fetch_session\n- show: ${session.a}\n", false, "", ""},
		{"nothing was changed of one that is there", "", "- fetch_session\n- show: ${session.a}\n", false, keep, ""},
		{"nothing was there to remove", "", "- fetch_session\n- delete_session: x\n- show: 1\n", false, keep, ""},
		{"nothing was there to clear", "", "- fetch_session\n- clear_session\n- show: 1\n", false, "", ""},
		{"it is never fetched", "", "- show: 1\n", false, keep, ""},
		{"cleared, it is taken away", "", "- fetch_session\n- clear_session\n- show: 1\n", false, keep, "_shop_key=VALUE; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax"},
		{"so it is when the last value goes", "", "- fetch_session\n- delete_session: a\n- show: 1\n", false, keep, "_shop_key=VALUE; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Lax"},
		{"an answer of an else carries it", "", "- fetch_session\n- put_session: {a: 1}\n- require: false\n  else: {text: no}\n- show: 1\n", false, "", "_shop_key=VALUE; Path=/; HttpOnly; SameSite=Lax"},
		{"a redirect carries it", "", "- fetch_session\n- put_session: {a: 1}\n- redirect: {external: 'https://a.example'}\n", false, "", "_shop_key=VALUE; Path=/; HttpOnly; SameSite=Lax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			sections := "name: shop\nendpoint: {secret_key_base: " + pipetest.Secret + ", session: {" + tt.settings + "}}\n"
			if tt.before != "" {
				c.serve(c.compile(tt.before, sections), httptest.NewRequest("GET", "/", nil))
			}
			target := "/"
			if tt.https {
				target = "https://example.com/"
			}
			got := c.serve(c.compile(tt.list, sections), httptest.NewRequest("GET", target, nil))
			set := strings.Join(got.Header["Set-Cookie"], "|")
			if name, rest, found := strings.Cut(set, "="); found {
				_, rest, _ = strings.Cut(rest, ";")
				set = name + "=VALUE;" + rest
			}
			if set != tt.want {
				t.Errorf("Set-Cookie %q, want %q", set, tt.want)
			}
		})
	}
}

func TestSessionIsTooLarge(t *testing.T) {
	c := newClient(t)
	c.get("- fetch_session\n- put_session: {a: 1}\n- show: 1\n")
	kept := c.cookies["_shop_key"]
	var log strings.Builder
	list := "- fetch_session\n- put_session: {b: '${params.big}'}\n- show: 1\n"
	app := pipetest.App{Defs: defs(), Sections: secrets, List: list, Now: c.now, Log: &log}.Compile(t)
	got := c.serve(app, httptest.NewRequest("GET", "/?big="+strings.Repeat("x", 4000), nil))
	if got.Status != 500 || got.Err == nil || !strings.Contains(got.Err.Error(), "the session is too large for its cookie _shop_key") {
		t.Errorf("%d, %v", got.Status, got.Err)
	}
	if set := got.Header["Set-Cookie"]; set != nil || c.cookies["_shop_key"] != kept {
		t.Errorf("Set-Cookie %q", set)
	}
	got = c.get("- fetch_session\n- fetch_flash\n- put_flash: {info: '" + strings.Repeat("y", 4000) + "'}\n- show: 1\n")
	if got.Status != 500 || got.Header["Set-Cookie"] != nil {
		t.Errorf("a message: %d, Set-Cookie %q", got.Status, got.Header["Set-Cookie"])
	}
	if got = c.get("- fetch_session\n- put_session: {b: '" + strings.Repeat("z", 2000) + "'}\n- show: 1\n"); got.Status != 200 {
		t.Errorf("one that fits: %d, %v", got.Status, got.Err)
	}
}

// Whatever is wrong with a cookie, the request has an empty session, and an answer.
func TestCookiesThatAreNotTaken(t *testing.T) {
	endpoint := func(secret, session string) string {
		return "name: shop\nendpoint: {secret_key_base: " + secret + ", session: {" + session + "}}\n"
	}
	other := strings.Repeat("other-secret-", 6)
	tests := []struct {
		name             string
		written, read    string // sections
		later            time.Duration
		want             string
		rewritten, taken bool
	}{
		{"the same application", endpoint(pipetest.Secret, ""), endpoint(pipetest.Secret, ""), 0, `1`, false, true},
		{"encrypted", endpoint(pipetest.Secret, "encrypt: true"), endpoint(pipetest.Secret, "encrypt: true"), 0, `1`, false, true},
		{"of another secret", endpoint(other, ""), endpoint(pipetest.Secret, ""), 0, `null`, false, false},
		{"encrypted with another secret", endpoint(other, "encrypt: true"), endpoint(pipetest.Secret, "encrypt: true"), 0, `null`, false, false},
		{"of another application with the same secret", strings.Replace(endpoint(pipetest.Secret, ""), "shop", "news", 1), endpoint(pipetest.Secret, ""), 0, `null`, false, false},
		{"which shares key and salt", endpoint(pipetest.Secret, "key: k, signing_salt: s"), endpoint(pipetest.Secret, "key: k, signing_salt: s"), 0, `1`, false, true},
		{"of another salt", endpoint(pipetest.Secret, "signing_salt: a"), endpoint(pipetest.Secret, "signing_salt: b"), 0, `null`, false, false},
		{"signed, where encrypted is asked for", endpoint(pipetest.Secret, ""), endpoint(pipetest.Secret, "encrypt: true"), 0, `null`, false, false},
		{"encrypted, where signed is asked for", endpoint(pipetest.Secret, "encrypt: true"), endpoint(pipetest.Secret, ""), 0, `null`, false, false},
		{"before it expires", endpoint(pipetest.Secret, "max_age: 1h"), endpoint(pipetest.Secret, "max_age: 1h"), 59 * time.Minute, `1`, false, true},
		{"expired, and replayed", endpoint(pipetest.Secret, "max_age: 1h"), endpoint(pipetest.Secret, "max_age: 1h"), time.Hour, `null`, false, false},
		{"without a time, where there is a max_age", endpoint(pipetest.Secret, ""), endpoint(pipetest.Secret, "max_age: 1h"), 0, `null`, false, false},
		{"from the future", endpoint(pipetest.Secret, "max_age: 1h"), endpoint(pipetest.Secret, "max_age: 1h"), -time.Minute, `null`, false, false},
		{"of a clock that is a little ahead", endpoint(pipetest.Secret, "max_age: 1h"), endpoint(pipetest.Secret, "max_age: 1h"), -10 * time.Second, `1`, false, true},
		{"of an earlier secret", endpoint(other, ""), endpoint(pipetest.Secret, "rotate: ["+other+"]"), 0, `1`, true, true},
		{"of an earlier secret, encrypted", endpoint(other, "encrypt: true"), endpoint(pipetest.Secret, "encrypt: true, rotate: "+other), 0, `1`, true, true},
		{"of an earlier secret, expired", endpoint(other, "max_age: 1h"), endpoint(pipetest.Secret, "max_age: 1h, rotate: ["+other+"]"), 2 * time.Hour, `null`, false, false},
		{"of a secret that is no longer read", endpoint(other, ""), endpoint(pipetest.Secret, "rotate: ["+strings.Repeat("x", 64)+"]"), 0, `null`, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			c.serve(c.compile("- fetch_session\n- put_session: {a: 1}\n- show: 1\n", tt.written), httptest.NewRequest("GET", "/", nil))
			if name := "_news_key"; c.cookies[name] != "" {
				c.cookies["_shop_key"] = c.cookies[name]
			}
			c.at = c.at.Add(tt.later)
			got := c.serve(c.compile("- fetch_session\n- show: ${session.a}\n", tt.read), httptest.NewRequest("GET", "/", nil))
			if got.Status != 200 || got.Body != tt.want {
				t.Errorf("%d %s, want %s", got.Status, got.Body, tt.want)
			}
			if rewritten := got.Header["Set-Cookie"] != nil; rewritten != tt.rewritten {
				t.Errorf("Set-Cookie %q", got.Header["Set-Cookie"])
			}
		})
	}
}

// A cookie of an earlier secret is written with the present one, and does not live longer
// for it: after that the earlier secret can go.
func TestRotation(t *testing.T) {
	older := strings.Repeat("other-secret-", 6)
	was := "name: shop\nendpoint: {secret_key_base: " + older + ", session: {max_age: 1h}}\n"
	both := "name: shop\nendpoint: {secret_key_base: " + pipetest.Secret + ", session: {max_age: 1h, rotate: [" + older + "]}}\n"
	is := "name: shop\nendpoint: {secret_key_base: " + pipetest.Secret + ", session: {max_age: 1h}}\n"
	c := newClient(t)
	show := "- fetch_session\n- show: ${session.a}\n"
	visit := func(list, sections string) string {
		return c.serve(c.compile(list, sections), httptest.NewRequest("GET", "/", nil)).Body
	}
	visit("- fetch_session\n- put_session: {a: 1}\n- show: 1\n", was)
	old := c.cookies["_shop_key"]
	c.at = c.at.Add(40 * time.Minute)
	bodies := []string{visit(show, both), visit(show, is)}
	c.at = c.at.Add(40 * time.Minute)
	bodies = append(bodies, visit(show, is))
	c.cookies["_shop_key"], c.at = old, c.at.Add(-40*time.Minute)
	bodies = append(bodies, visit(show, is))
	if want := []string{"1", "1", "null", "null"}; !slices.Equal(bodies, want) {
		t.Errorf("%q, want %q", bodies, want)
	}
}

func TestVerifyTokenFromTheSession(t *testing.T) {
	sections := secrets + "tokens: {user: {salt: s, max_age: 1h}}\n"
	const put = "- fetch_session\n- sign_token: {token: user, data: 7}\n  as: t\n- put_session: {token: '${t}', list: ['${t}']}\n- show: 1\n"
	verify := func(name string) string {
		return "- fetch_session\n- verify_token: {token: user, from: [{session: " + name + "}]}\n  as: id\n- show: ${id}\n"
	}
	tests := []struct {
		name, put, verify string
		later             time.Duration
		want              string
	}{
		{"a token that is there", put, verify("token"), 0, "7"},
		{"one that has expired", put, verify("token"), 2 * time.Hour, "expired"},
		{"none", put, verify("other"), 0, "missing"},
		{"a list for a token", put, verify("list"), 0, "invalid"},
		{"no session", "- show: 1\n", verify("token"), 0, "missing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			c.serve(c.compile(tt.put, sections), httptest.NewRequest("GET", "/", nil))
			c.at = c.at.Add(tt.later)
			got := c.serve(c.compile(tt.verify, sections), httptest.NewRequest("GET", "/", nil))
			is := got.Body
			if refusal := got.Refusal(); refusal != nil {
				is = refusal.Reason
			}
			if is != tt.want {
				t.Errorf("%d %s (%v), want %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
	t.Run("on a route that changes something it needs the check", func(t *testing.T) {
		got := (pipetest.App{Defs: defs(), Sections: sections, Unsafe: true, List: verify("token")}).Problems(t)
		want := []string{"2:3: a route for other methods than GET, HEAD and OPTIONS that reads the session or a cookie needs `protect_from_forgery` before that (put `protect_from_forgery` into its pipeline)"}
		if !slices.Equal(got, want) {
			t.Errorf("problems %q, want %q", got, want)
		}
	})
}

// max_age counts from the last change, not from the first visit, and not from the last one.
func TestMaxAge(t *testing.T) {
	sections := "name: shop\nendpoint: {secret_key_base: " + pipetest.Secret + ", session: {max_age: 1h}}\n"
	const read, write = "- fetch_session\n- show: ${session.a}\n", "- fetch_session\n- put_session: {a: 1}\n- show: 1\n"
	tests := []struct {
		name  string
		lists []string // 40 minutes between them
		want  string
	}{
		{"a change begins anew", []string{write, write, read}, "1"},
		{"a visit does not", []string{write, read, read}, "null"},
	}
	for _, tt := range tests {
		c, got := newClient(t), ""
		for _, list := range tt.lists {
			got = c.serve(c.compile(list, sections), httptest.NewRequest("GET", "/", nil)).Body
			c.at = c.at.Add(40 * time.Minute)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// An answer that may hold what is one visitor's alone is kept by no cache on the way.
func TestPrivateAnswers(t *testing.T) {
	const private = "max-age=0, private, must-revalidate"
	tests := []struct{ name, list, want string }{
		{"the session was read", "- fetch_session\n- show: ${session.a}\n", private},
		{"it was written", "- fetch_session\n- put_session: {a: 1}\n- show: 1\n", private},
		{"a token is shown", "- fetch_session\n- protect_from_forgery\n- show: ${csrf_token}\n", private},
		{"messages may be shown", "- fetch_session\n- fetch_flash\n- show: 1\n", private},
		{"nothing was asked of it", "- fetch_session\n- protect_from_forgery\n- show: 1\n", ""},
		{"there is none", "- show: 1\n", ""},
		{"the manifest knows better", "- fetch_session\n- put_resp_header: {cache-control: public}\n- show: ${session.a}\n", "public"},
	}
	for _, tt := range tests {
		if got := newClient(t).get(tt.list).Header.Get("Cache-Control"); got != tt.want {
			t.Errorf("%s: Cache-Control %q, want %q", tt.name, got, tt.want)
		}
	}
}
