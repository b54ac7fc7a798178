package session

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// fetched gives a session of a request that carries a cookie.
func fetched(t testing.TB, c *Cookie, text string) *Session {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if text != "" {
		r.Header.Set("Cookie", c.key+"="+text)
	}
	ctx := pipeline.NewContext(pipeline.FirstNameSlot)
	ctx.Now = noon
	ctx.Start(httptest.NewRecorder(), r)
	Fetch(ctx, c)
	return Of(ctx)
}

func withToken(t testing.TB, c *Cookie, token any) *Session {
	t.Helper()
	text, err := c.seal(map[string]any{tokenKey: token}, noon().Unix())
	if err != nil {
		t.Fatal(err)
	}
	return fetched(t, c, text)
}

// The tokens are those of Plug.CSRFProtection: 24 characters in the session, 56 shown.
func TestTokensOfPlug(t *testing.T) {
	const token, with = "abcdefghijklmnopqrstuvwx", "ABCDEFGHIJKLMNOPQRSTUVWX"
	shown := "ICAgICAgICAgICAgICAgICAgICAgICAg" + with // every character differs by 0x20
	s := withToken(t, cookie(t, nil, secretA), token)
	if !s.ValidToken(shown) {
		t.Error("a token that Plug masks is not taken")
	}
	if got := mask(token, with); got != shown {
		t.Errorf("masked it is %s, want %s", got, shown)
	}
	// The alphabet of tokens that Plug made up to 1.8: + and / where there are now - and _.
	odd := "zzzzzzzzzzzzzzzzzzzzzzzz"
	mixed := make([]byte, tokenLength)
	for i := range mixed {
		mixed[i] = token[i] ^ odd[i]
	}
	if old := base64.StdEncoding.EncodeToString(mixed) + odd; !s.ValidToken(old) {
		t.Error("the plain alphabet is not taken")
	}
}

func TestTokensThatAreNotValid(t *testing.T) {
	c := cookie(t, nil, secretA)
	const token = "abcdefghijklmnopqrstuvwx"
	shown := mask(token, randomToken())
	for name, s := range map[string]*Session{
		"no cookie": fetched(t, c, ""), "a bad cookie": fetched(t, c, "x"), "no token": withToken(t, c, nil), "a short token": withToken(t, c, token[1:]),
		"a long token": withToken(t, c, token+"y"), "an empty token": withToken(t, c, ""), "a number": withToken(t, c, int64(1)),
		"another token": withToken(t, c, strings.ToUpper(token)),
	} {
		if s.ValidToken(shown) || s.ValidToken("") || s.ValidToken(strings.Repeat("A", shownLength)) {
			t.Errorf("%s: a token is taken", name)
		}
	}
	s := withToken(t, c, token)
	for i := range len(shown) {
		changed := []byte(shown)
		changed[i] ^= 1
		if s.ValidToken(string(changed)) {
			t.Errorf("changed at %d it is taken", i)
		}
	}
	for _, wrong := range []string{token, token + token, shown[:55], shown + "=", "\n" + shown[:55], shown[:31] + "\n" + shown[32:], strings.Repeat("\xff", 56)} {
		if s.ValidToken(wrong) {
			t.Errorf("%q is taken", wrong)
		}
	}
	if !s.ValidToken(shown) {
		t.Error("the right one is not taken")
	}
}

func TestTokensDiffer(t *testing.T) {
	c, seen := cookie(t, nil, secretA), map[string]bool{}
	for range 1000 {
		s := fetched(t, c, "")
		shown, err := s.CSRFToken()
		if err != nil || len(shown) != shownLength || seen[shown] || seen[s.token()] || !s.ValidToken(shown) {
			t.Fatalf("%q, %v", shown, err)
		}
		seen[shown], seen[s.token()] = true, true
	}
}

// A session that is full takes no token, and says so.
func TestNoRoomForAToken(t *testing.T) {
	s := fetched(t, cookie(t, nil, secretA), "")
	room := 0
	for n := 3200; n > 0 && room == 0; n-- {
		if s.Put(map[string]any{"a": strings.Repeat("x", n)}) == nil {
			room = n
		}
	}
	if _, err := s.CSRFToken(); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("beside %d bytes: %v", room, err)
	}
	if v, _ := s.Member(tokenKey); v != nil {
		t.Errorf("it is kept: %v", v)
	}
}
