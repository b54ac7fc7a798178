package tokens

import (
	"encoding/hex"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

const (
	secret = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	salt   = "user socket"
	keyHex = "50db58ab47e6e0957ed6912646e685298f442cedc2f693e6b474ddb68f69f2de"
)

// signedAt is when the vectors were signed.
func signedAt() time.Time { return time.UnixMilli(1700000000000) }

func signer(t testing.TB, o Options) *Signer {
	t.Helper()
	s, err := NewSigner(secret, salt, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// vectors were made by plug_crypto 2.1.1 on OTP 25. same tells that we write the very
// bytes; OTP 25 writes atoms in a form that we only read.
func vectors() []struct {
	name    string
	options Options
	data    any
	token   string
	same    bool
} {
	return []struct {
		name    string
		options Options
		data    any
		token   string
		same    bool
	}{
		{"string", Options{}, "alice", "SFMyNTY.g2gDbQAAAAVhbGljZW4GAABo5c-LAWIAAVGA.pQ8MkLc7SIy1wzTnfL-FKEcNCAJSpuBQaTMJ5rx8mV8", true},
		{"int and age", Options{MaxAge: time.Hour}, int64(42), "SFMyNTY.g2gDYSpuBgAAaOXPiwFiAAAOEA.hbQ4d4s1jsfTXp-9wyo3nICNrVj4AHDPrXZ12azXYEY", true},
		{"map", Options{}, value.Claims{"roles": []any{"admin", "x"}, "user_id": int64(7)}, "SFMyNTY.g2gDdAAAAAJtAAAABXJvbGVzbAAAAAJtAAAABWFkbWlubQAAAAF4am0AAAAHdXNlcl9pZGEHbgYAAGjlz4sBYgABUYA.ViYyR1CfNL5pzc5Cyk3yrWisHj2SSbqkUsa2_SE2kQg", true},
		{"tuple and infinity", Options{}, []any{"user", "bob"}, "SFMyNTY.g2gDaAJkAAR1c2VybQAAAANib2JuBgAAaOXPiwFkAAhpbmZpbml0eQ.4Xmu4M91FndRWUY4pJ2ZhJJi8tkP1stcQfrxn6N2wY0", false},
		{"int32", Options{}, int64(70000), "SFMyNTY.g2gDYgABEXBuBgAAaOXPiwFiAAFRgA.PbZn0_v3wLdHFcbDPNHU-REjuanSIxNlqZW7UJurHVs", true},
		{"negative", Options{}, int64(-1), "SFMyNTY.g2gDYv____9uBgAAaOXPiwFiAAFRgA.jFdFeli5A-Ay86PEKSqSqELL8qdoDSUKM0r_k7Shhgc", true},
		{"bytes", Options{}, []any{int64(1), int64(2), int64(3)}, "SFMyNTY.g2gDawADAQIDbgYAAGjlz4sBYgABUYA.fe_ZNMm1nGAy2oVKaioCFisXxnTQ5JBV3XuYPB8p1Jc", true},
		{"float", Options{}, 1.5, "SFMyNTY.g2gDRj_4AAAAAAAAbgYAAGjlz4sBYgABUYA.hhQ0-5du0jABCXCTgYdvjQUO8u-IGv0yn2KUUBfNZgw", true},
		{"bool", Options{}, true, "SFMyNTY.g2gDZAAEdHJ1ZW4GAABo5c-LAWIAAVGA.OvIpkzT0cMD3caqoQ7lj6jvK6QF3wpaoKyASeULR_yk", false},
		{"other key", Options{Digest: "sha512", Iterations: 2000, Length: 64}, "alice", "SFMyNTY.g2gDbQAAAAVhbGljZW4GAABo5c-LAWIAAVGA.chWbwTdJ4x6Z780-sVBpla675YKZM1iifUvina80GxM", true},
	}
}

func TestVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			s := signer(t, v.options)
			got, err := s.Verify(v.token, signedAt())
			if err != nil || !reflect.DeepEqual(got, v.data) {
				t.Errorf("Verify gave %#v, %v", got, err)
			}
			made, err := s.Sign(v.data, signedAt())
			if err != nil || (made == v.token) != v.same {
				t.Errorf("Sign gave %s, %v", made, err)
			}
			back, err := s.Verify(made, signedAt())
			if err != nil || !reflect.DeepEqual(back, v.data) {
				t.Errorf("our own token gave %#v, %v", back, err)
			}
		})
	}
}

func TestKeyVector(t *testing.T) {
	o, err := Options{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	key, err := new(Keys).key(secret, salt, o)
	if err != nil || hex.EncodeToString(key) != keyHex {
		t.Errorf("key %x, %v", key, err)
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name, secret, salt string
		options            Options
		fault              string
	}{
		{"short secret", secret[:19], salt, Options{}, "the secret has 19 bytes, at least 20 are needed"},
		{"shortest secret", secret[:20], salt, Options{}, ""},
		{"no secret", "", salt, Options{}, "the secret has 0 bytes, at least 20 are needed"},
		{"no salt", secret, "", Options{}, "the salt is empty"},
		{"digest", secret, salt, Options{Digest: "md5"}, `unknown digest "md5": sha256, sha384 and sha512 are known`},
		{"sha384", secret, salt, Options{Digest: "sha384"}, ""},
		{"iterations", secret, salt, Options{Iterations: -1}, "-1 iterations: between 1 and 10000000 are possible"},
		{"many iterations", secret, salt, Options{Iterations: maxIterations + 1}, "10000001 iterations: between 1 and 10000000 are possible"},
		{"length", secret, salt, Options{Length: 15}, "a key of 15 bytes: between 16 and 1024 are possible"},
		{"negative age", secret, salt, Options{MaxAge: -time.Second}, "max age -1s: it is counted in whole seconds"},
		{"half a second", secret, salt, Options{MaxAge: 1500 * time.Millisecond}, "max age 1.5s: it is counted in whole seconds"},
		{"both ages", secret, salt, Options{MaxAge: time.Second, Infinity: true}, "both a max age and infinity are set"},
		{"skew", secret, salt, Options{Skew: -1}, "skew -1ns is negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewSigner(c.secret, c.salt, c.options)
			if text := textOf(err); text != c.fault {
				t.Errorf("got %q, want %q", text, c.fault)
			}
		})
	}
}

func TestKeysDeriveOnce(t *testing.T) {
	var keys Keys
	for range 3 {
		for _, o := range []Options{{}, {MaxAge: time.Hour}, {Infinity: true}, {Iterations: 1000}} {
			if _, err := keys.NewSigner(secret, salt, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(keys.derived) != 1 {
		t.Errorf("%d keys for one secret and salt", len(keys.derived))
	}
	for i := range maxKeys + 5 {
		if _, err := keys.NewSigner(secret, salt+string(rune('a'+i)), Options{Iterations: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(keys.derived); n > maxKeys || n == 0 {
		t.Errorf("%d keys remembered", n)
	}
	other, err := keys.NewSigner(secret, "other", Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Verify(vectors()[0].token, signedAt())
	if reasonOf(err) != Invalid {
		t.Errorf("another salt accepts: %v", err)
	}
	if text := textOf(err); text != "the token is invalid" {
		t.Error(text)
	}
}

func reasonOf(err error) Reason {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Reason
	}
	return ""
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
