package session

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/tokens"
)

const (
	secretA = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	secretB = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
)

func noon() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func settings(change func(*config.Session)) *config.Session {
	s := &config.Session{SameSite: "Lax", HTTPOnly: true, Path: "/"}
	if change != nil {
		change(s)
	}
	return s
}

func cookie(t testing.TB, change func(*config.Session), secrets ...string) *Cookie {
	t.Helper()
	c, err := NewCookie(secrets, "_app_key", settings(change))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encrypt(s *config.Session) { s.Encrypt = true }

// naive reads cookies without any of the real one's machinery: what must be true of any
// text whatever.
type naive struct {
	key       []byte
	encrypted bool
}

func naiveOf(t testing.TB, secret string, encrypted bool) naive {
	t.Helper()
	salt := "session signing _app_key"
	if encrypted {
		salt = "session encryption _app_key"
	}
	key, err := pbkdf2.Key(sha256.New, secret, []byte(salt), 1000, 32)
	if err != nil {
		t.Fatal(err)
	}
	return naive{key, encrypted}
}

func (n naive) open(t testing.TB, text string) (map[string]any, bool) {
	t.Helper()
	var err error
	var term []byte
	b64 := base64.RawURLEncoding.Strict()
	if n.encrypted {
		raw, err := b64.DecodeString(strings.TrimPrefix(text, "XCP."))
		if err != nil || !strings.HasPrefix(text, "XCP.") || strings.ContainsAny(text, "\r\n") || len(raw) < 40 {
			return nil, false
		}
		aead, err := chacha20poly1305.NewX(n.key)
		if err != nil {
			t.Fatal(err)
		}
		sealed := string(raw[40:]) + string(raw[24:40])
		if term, err = aead.Open(nil, raw[:24], []byte(sealed), []byte("A128GCM")); err != nil {
			return nil, false
		}
	} else {
		parts := strings.Split(text, ".")
		if len(parts) != 3 || parts[0] != "SFMyNTY" || strings.ContainsAny(text, "\r\n") {
			return nil, false
		}
		mac := hmac.New(sha256.New, n.key)
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if parts[2] != b64.EncodeToString(mac.Sum(nil)) {
			return nil, false
		}
		if term, err = b64.DecodeString(parts[1]); err != nil {
			return nil, false
		}
	}
	v, err := tokens.DecodeTerm(term)
	values, is := v.(map[string]any)
	return values, err == nil && is
}

// mutate changes a text at random, in the ways of an attacker who has several cookies.
func mutate(r *rand.Rand, text string, others []string) string {
	b := []byte(text)
	at := func() int { return r.IntN(len(b) + 1) }
	switch r.IntN(8) {
	case 0: // one byte is another
		if len(b) > 0 {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
		}
	case 1: // cut
		b = b[:at()]
	case 2: // one byte more
		i := at()
		b = append(b[:i:i], append([]byte{byte(r.IntN(256))}, b[i:]...)...)
	case 3: // the end is another's
		other := others[r.IntN(len(others))]
		i := min(at(), len(other))
		b = append(b[:min(i, len(b)):min(i, len(b))], other[i:]...)
	case 4: // parts change places with those of another
		mine, theirs := strings.Split(text, "."), strings.Split(others[r.IntN(len(others))], ".")
		i := r.IntN(len(mine))
		mine[i] = theirs[min(i, len(theirs)-1)]
		b = []byte(strings.Join(mine, "."))
	case 5: // other case
		b = []byte(strings.ToUpper(text))
	case 6: // twice
		b = append(b, text...)
	case 7: // a bit in the last character, which may not be part of a byte
		if len(b) > 0 {
			b[len(b)-1] ^= 1
		}
	}
	return string(b)
}

// A cookie that was tampered with is no session: never a panic, never another's data.
func TestTamperedCookies(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, change := range map[string]func(*config.Session){"signed": nil, "encrypted": encrypt} {
		t.Run(name, func(t *testing.T) {
			mine, foreign := cookie(t, change, secretA), cookie(t, change, secretB)
			issued := map[string]string{}
			var own, theirs []string
			for _, user := range []string{"ann", "bob", "cy", "administrator"} {
				text, err := mine.seal(map[string]any{"user": user, "list": []any{int64(1), nil}}, 0)
				if err != nil {
					t.Fatal(err)
				}
				issued[text] = user
				own = append(own, text)
				other, err := foreign.seal(map[string]any{"user": user}, 0)
				if err != nil {
					t.Fatal(err)
				}
				theirs = append(theirs, other)
			}
			for _, text := range theirs {
				if _, why := mine.open(text, noon()); why == "" {
					t.Fatal("a cookie of another secret is taken")
				}
			}
			all := append(append([]string{}, own...), theirs...)
			for range 20_000 {
				text := own[r.IntN(len(own))]
				for range 1 + r.IntN(3) {
					text = mutate(r, text, all)
				}
				o, why := mine.open(text, noon())
				if user, ours := issued[text]; ours {
					if why != "" || o.values["user"] != user {
						t.Fatalf("%q: %v, %s", text, o.values, why)
					}
				} else if why == "" || o.values != nil {
					t.Fatalf("%q is taken: %v", text, o.values)
				}
			}
		})
	}
}

// FuzzSessionCookie holds what is read of a text against a naive reader of the same format.
func FuzzSessionCookie(f *testing.F) {
	kinds := []bool{false, true}
	cookies := map[bool]*Cookie{false: cookie(f, nil, secretA, secretB), true: cookie(f, encrypt, secretA, secretB)}
	references := map[bool][]naive{}
	for _, encrypted := range kinds {
		references[encrypted] = []naive{naiveOf(f, secretA, encrypted), naiveOf(f, secretB, encrypted)}
		text, err := cookies[encrypted].seal(map[string]any{"user": "ann", "n": []any{1.5, nil, map[string]any{}}}, 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, encrypted)
		f.Add(text+"A", encrypted)
		f.Add(text[:len(text)-3], !encrypted)
	}
	f.Add("SFMyNTY.g2o.x", false)
	f.Add("XCP.", true)
	f.Fuzz(func(t *testing.T, text string, encrypted bool) {
		if len(text) > MaxCookie {
			text = text[:MaxCookie]
		}
		want, ok := references[encrypted][0].open(t, text)
		if !ok {
			want, ok = references[encrypted][1].open(t, text)
		}
		o, why := cookies[encrypted].open(text, noon())
		if (why == "") != ok {
			t.Fatalf("%q: %q, want taken: %v", text, why, ok)
		}
		if ok && !reflect.DeepEqual(o.values, want) {
			t.Fatalf("%q: %v, want %v", text, o.values, want)
		}
	})
}

// A term that its owner signed may still be no session: one of a token, of another format,
// or with members of the wrong kind.
func TestTermsThatAreNoSession(t *testing.T) {
	c := cookie(t, func(s *config.Session) { s.MaxAge = time.Hour }, secretA)
	sealed := func(v any) string {
		term, err := tokens.AppendTerm(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		return string(c.sealers[0].Seal(nil, term))
	}
	at := noon().Unix()
	for name, text := range map[string]string{
		"a text":             sealed("x"),
		"a list":             sealed([]any{map[string]any{"a": int64(1)}}),
		"nil":                sealed(nil),
		"no term":            string(c.sealers[0].Seal(nil, []byte("{}"))),
		"nothing":            string(c.sealers[0].Seal(nil, nil)),
		"no time":            sealed(map[string]any{"a": int64(1)}),
		"a text for a time":  sealed(map[string]any{writtenAt: "now"}),
		"a time below zero":  sealed(map[string]any{writtenAt: int64(-1)}),
		"a time far behind":  sealed(map[string]any{writtenAt: int64(1)}),
		"a time far ahead":   sealed(map[string]any{writtenAt: int64(1 << 62)}),
		"a time a bit ahead": sealed(map[string]any{writtenAt: at + 31}),
		"over 4096 bytes":    sealed(map[string]any{writtenAt: at, "a": strings.Repeat("x", 4000)}),
	} {
		if o, why := c.open(text, noon()); why == "" || o.values != nil {
			t.Errorf("%s is taken: %v", name, o.values)
		}
	}
	if o, why := c.open(sealed(map[string]any{writtenAt: at, "a": int64(1)}), noon()); why != "" || !reflect.DeepEqual(o.values, map[string]any{"a": int64(1)}) {
		t.Errorf("a good one: %v, %s", o.values, why)
	}
}

// Without a max_age the text is that of Plug.Session.COOKIE, byte for byte: made by Erlang's
// own crypto and term_to_binary.
func TestCookieOfPlug(t *testing.T) {
	const text = "SFMyNTY.g3QAAAAEbQAAAAtfY3NyZl90b2tlbm0AAAAYYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4bQAAAARjYXJ0bAAAAAN0AAAAAm0AAAACaWRhB20AAAABbkY_-AAAAAAAAGQAA25pbGQABHRydWVqbQAAAA1waG9lbml4X2ZsYXNodAAAAAFtAAAABGluZm9tAAAAB0dyw7zDn2VtAAAAB3VzZXJfaWRhKg.zOzXmugbFp9nuYb2iMrv7sENDUD4yKaHl4k35WRfpVQ"
	c := cookie(t, func(s *config.Session) { s.SigningSalt = "signing salt" }, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_")
	o, why := c.open(text, noon())
	if why != "" || o.values["user_id"] != int64(42) {
		t.Fatalf("%v, %s", o.values, why)
	}
	again, err := c.seal(map[string]any{"user_id": int64(42), "a": "ü"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if o, why = c.open(again, noon()); why != "" || !reflect.DeepEqual(o.values, map[string]any{"user_id": int64(42), "a": "ü"}) {
		t.Errorf("%v, %s", o.values, why)
	}
}

func BenchmarkCookie(b *testing.B) {
	values := map[string]any{"user_id": int64(42), tokenKey: randomToken(), "locale": "de"}
	for name, change := range map[string]func(*config.Session){"signed": nil, "encrypted": encrypt} {
		c := cookie(b, change, secretA)
		text, err := c.seal(values, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("read/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, why := c.open(text, noon()); why != "" {
					b.Fatal(why)
				}
			}
		})
		b.Run("write/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.set(values, 0, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
