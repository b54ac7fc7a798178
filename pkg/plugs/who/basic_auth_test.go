package who_test

import (
	"encoding/base64"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

// Hashes of "password" (argon2id, from its reference implementation) and of "correct horse"
// (bcrypt).
const (
	argonHash  = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	bcryptHash = "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
)

func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

func TestBasicAuth(t *testing.T) {
	const plain = "{ann: s3cret, 'bob@example.com': 'pass:word', günther: 'pässwörd', num: 12345}"
	const mixed = "{ann: s3cret, arg: '" + argonHash + "', bcr: " + bcryptHash + "}"
	tests := []struct {
		name, users   string
		authorization []string
		status        int
		said          string // the result, or the reason
	}{
		{"right", plain, []string{basic("ann:s3cret")}, 200, `"ann"`},
		{"an address as a name, a colon in the password", plain, []string{basic("bob@example.com:pass:word")}, 200, `"bob@example.com"`},
		{"not ASCII", plain, []string{basic("günther:pässwörd")}, 200, `"günther"`},
		{"a password that is a number", plain, []string{basic("num:12345")}, 200, `"num"`},
		{"the scheme has no case", plain, []string{strings.Replace(basic("ann:s3cret"), "Basic", "bAsIc", 1)}, 200, `"ann"`},
		{"nothing", plain, nil, 401, "missing"},
		{"another scheme", plain, []string{"Bearer abc"}, 401, "missing"},
		{"wrong password", plain, []string{basic("ann:S3cret")}, 401, "invalid"},
		{"no password", plain, []string{basic("ann:")}, 401, "invalid"},
		{"a beginning of the password", plain, []string{basic("ann:s3cre")}, 401, "invalid"},
		{"the password of another", plain, []string{basic("ann:pass:word")}, 401, "invalid"},
		{"unknown name", plain, []string{basic("eve:s3cret")}, 401, "invalid"},
		{"no name", plain, []string{basic(":s3cret")}, 401, "invalid"},
		{"another case of the name", plain, []string{basic("Ann:s3cret")}, 401, "invalid"},
		{"no colon", plain, []string{basic("ann")}, 401, "invalid"},
		{"no base64", plain, []string{"Basic ann:s3cret"}, 401, "invalid"},
		{"base64 with something behind", plain, []string{basic("ann:s3cret") + "!"}, 401, "invalid"},
		{"no credentials", plain, []string{"Basic"}, 401, "invalid"},
		{"twice", plain, []string{basic("ann:s3cret"), basic("ann:s3cret")}, 401, "invalid"},
		{"argon2id", mixed, []string{basic("arg:password")}, 200, `"arg"`},
		{"argon2id, wrong", mixed, []string{basic("arg:Password")}, 401, "invalid"},
		{"the hash is not the password", mixed, []string{basic("arg:" + argonHash)}, 401, "invalid"},
		{"bcrypt", mixed, []string{basic("bcr:correct horse")}, 200, `"bcr"`},
		{"bcrypt, wrong", mixed, []string{basic("bcr:correct horsf")}, 401, "invalid"},
		{"a plain one beside hashes", mixed, []string{basic("ann:s3cret")}, 200, `"ann"`},
		{"a plain one beside hashes, wrong", mixed, []string{basic("ann:x")}, 401, "invalid"},
		{"a plain name with the password of a hash", mixed, []string{basic("ann:correct horse")}, 401, "invalid"},
		{"an unknown name with the password of a hash", mixed, []string{basic("eve:correct horse")}, 401, "invalid"},
		{"longer than any password", mixed, []string{basic("arg:" + strings.Repeat("x", 5000))}, 401, "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), List: "- basic_auth: {users: " + tt.users + "}\n  as: name\n- show: \"${name}\"\n"}.Compile(t)
			for range 2 { // the second time from what is remembered
				r := httptest.NewRequest("GET", "/", nil)
				r.Header["Authorization"] = tt.authorization
				got := c.Serve(r)
				said, challenge := got.Body, got.Header.Get("Www-Authenticate")
				if refusal := got.Refusal(); refusal != nil {
					said = refusal.Reason
				}
				if got.Status != tt.status || said != tt.said {
					t.Errorf("%d %s (%v), want %d %s", got.Status, said, got.Err, tt.status, tt.said)
				}
				if want := map[int]string{401: `Basic realm="Application"`}[tt.status]; challenge != want {
					t.Errorf("challenge %q, want %q", challenge, want)
				}
			}
		})
	}
}

func TestBasicAuthAsksInAnElseToo(t *testing.T) {
	list := "- basic_auth: {users: {ann: s3cret}, realm: Back office}\n  else: {show: \"${failure.reason}\"}\n- show: 1\n"
	got := pipetest.App{Defs: who.All(), List: list}.Compile(t).Serve(httptest.NewRequest("GET", "/", nil))
	if got.Status != 401 || got.Body != `"missing"` || got.Header.Get("Www-Authenticate") != `Basic realm="Back office"` {
		t.Errorf("%d %s, %q", got.Status, got.Body, got.Header.Get("Www-Authenticate"))
	}
}

func TestBasicAuthOfASocket(t *testing.T) {
	c := pipetest.App{Defs: who.All(), Place: pipeline.Connect, List: "- basic_auth: {users: {ann: s3cret}}\n  as: name\n- show: \"${name}\"\n"}.Compile(t)
	r := httptest.NewRequest("GET", "/", nil)
	if got := c.Serve(r); got.Refusal() == nil || got.Refusal().Reason != "missing" {
		t.Errorf("%v, want missing", got.Err)
	}
	r.Header.Set("Authorization", basic("ann:s3cret"))
	if got := c.Serve(r); got.Err != nil || !slices.Equal(got.Shown, []string{`"ann"`}) {
		t.Errorf("%v, shown %q", got.Err, got.Shown)
	}
}

func TestCallerProblems(t *testing.T) {
	const long = "0123456789abcdef"
	tests := []struct{ plug, want string }{
		{"basic_auth", "1:3: `basic_auth` needs \"users\""},
		{"basic_auth: {users: {}}", "1:23: `users` is a map of names to secrets"},
		{"basic_auth: {users: [ann]}", "1:23: `users` is a map of names to secrets"},
		{"basic_auth: {users: {ann: ''}}", "1:29: `ann` is empty"},
		{"basic_auth: {users: {ann: }}", "1:24: `ann` has no password"},
		{"basic_auth: {users: {ann: []}}", "1:29: `ann` has no password"},
		{"basic_auth: {users: {ann: [a, b]}}", "1:24: the user \"ann\" has two passwords"},
		{"basic_auth: {users: {'a:b': x}}", "1:24: \"a:b\" cannot be a user name here"},
		{"basic_auth: {users: {ann: $2y$04$abc}}", "1:24: the password of \"ann\": the stored hash is cut or has something behind it"},
		{"basic_auth: {users: {ann: $argon2i$v=19$m=256}}", "1:24: the password of \"ann\": the stored hash is neither argon2id nor bcrypt"},
		{"basic_auth: {users: {ann: $apr1$abc$def}}", "1:24: the password of \"ann\" looks like a hash that cannot be verified"},
		{"basic_auth: {users: {ann: '{SHA}abc'}}", "1:24: the password of \"ann\" looks like a hash that cannot be verified"},
		{"basic_auth: {users: {ann: '${env.ANN}'}}", "1:36: the environment variable ANN is not set"},
		{"basic_auth: {users: {ann: x}, realm: 'a\"b'}", "1:40: `realm` is plain text without quotes"},
		{"basic_auth: {users: {ann: x}, user: y}", "1:33: unknown setting \"user\" of `basic_auth`"},
		{"api_key", "1:3: `api_key` needs \"keys\""},
		{"api_key: {keys: {ann: short}}", "1:20: the key \"ann\" has 5 bytes and needs at least 16"},
		{"api_key: {keys: {ann: ''}}", "1:25: `ann` is empty"},
		{"api_key: {keys: {ann: " + long + ", bob: " + long + "}}", "1:43: the key \"bob\" is the same as that of \"ann\""},
		{"api_key: {keys: {ann: sha256:abc}}", "1:20: the key \"ann\" is sha256: without 64 hex digits"},
		{"api_key: {keys: {ann: " + long + "}, from: [{parm: k}]}", "1:52: a token cannot stand in \"parm\""},
		{"api_key: {keys: {ann: " + long + "}, from: [{payload: k}]}", "1:52: in a route or pipeline there is no payload"},
		{"forward_auth", "1:3: `forward_auth` needs \"to\""},
		{"forward_auth: auht", "1:3: there is no upstream \"auht\" (did you mean \"auth\"?)"},
		{"forward_auth: other", "1:3: there is no upstream \"other\" (declare it under `upstreams`, or write a URL)"},
		{"forward_auth: ftp://a.example", "1:17: this is no URL of a service"},
		{"forward_auth: http://u:p@a.example", "1:17: this is no URL of a service"},
		{"forward_auth: http://", "1:17: this is no URL of a service"},
		{"forward_auth: {to: auth, path: verify}", "1:34: a path begins with /"},
		{"forward_auth: {to: 'http://a.example/verify', path: /x}", "1:55: `to` has a path already"},
		{"forward_auth: {to: auth, copy_headers: ['x y']}", "1:43: expected the name of a header, found \"x y\""},
		{"forward_auth: {to: auth, copy_headers: ['*']}", "1:43: expected the name of a header, found \"*\""},
		{"forward_auth: {to: auth, send_headers: 'x-*-y'}", "1:42: expected the name of a header, found \"x-*-y\""},
		{"forward_auth: {to: auth, timeout: 5}", "1:37: expected a duration"},
	}
	for _, tt := range tests {
		t.Run(tt.plug, func(t *testing.T) {
			app := pipetest.App{Defs: who.All(), Sections: "upstreams: {auth: {targets: 'http://127.0.0.1:1'}}", List: "- " + tt.plug + "\n- show: 1\n"}
			if got := app.Problems(t); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
