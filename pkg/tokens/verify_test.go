package tokens

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

// seal signs any text as a body, as only someone with the key can.
func seal(t testing.TB, algorithm int, body string) string {
	t.Helper()
	key, err := hex.DecodeString(keyHex)
	if err != nil {
		t.Fatal(err)
	}
	a := algorithms()[algorithm]
	return sealWith(a.hash, key, a.header+"."+body)
}

func sealWith(h func() hash.Hash, key []byte, text string) string {
	mac := hmac.New(h, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func sealTerm(t testing.TB, term []byte) string {
	t.Helper()
	return seal(t, 0, base64.RawURLEncoding.EncodeToString(term))
}

// TestTampered changes each place of each vector in several ways, cuts and extends it.
func TestTampered(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	tried := 0
	for _, v := range vectors() {
		s := signer(t, v.options)
		refuse := func(token string, want Reason) {
			t.Helper()
			tried++
			if got, err := s.Verify(token, signedAt()); reasonOf(err) != want || got != nil {
				t.Fatalf("%q gave %v, %v", token, got, err)
			}
		}
		for i := range len(v.token) {
			for _, c := range "\x00.=\n+/ \xff" + alphabet[i%8:i%8+12] + alphabet[56:] {
				if changed := v.token[:i] + string(c) + v.token[i+1:]; changed != v.token {
					refuse(changed, Invalid)
				}
				refuse(v.token[:i]+string(c)+v.token[i:], Invalid)
			}
			for bit := range 8 {
				refuse(v.token[:i]+string(v.token[i]^1<<bit)+v.token[i+1:], Invalid)
			}
			if i == 0 {
				refuse("", Missing)
				continue
			}
			refuse(v.token[:i], Invalid)
			refuse(v.token[i:], Invalid)
			refuse(v.token+v.token[:i], Invalid)
		}
	}
	if tried < 30_000 {
		t.Errorf("only %d tried", tried)
	}
}

func TestForm(t *testing.T) {
	good := vectors()[0].token
	header, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	long := strings.Repeat("A", MaxToken)
	for _, c := range []struct {
		name, token string
		want        Reason
	}{
		{"good", good, ""},
		{"none", "", Missing},
		{"SHA-384", seal(t, 1, body), ""},
		{"SHA-512", seal(t, 2, body), ""},
		{"SHA-384 under the header of SHA-256", strings.Replace(seal(t, 1, body), "SFMzODQ", "SFMyNTY", 1), Invalid},
		{"header none", "bm9uZQ." + body + ".", Invalid},
		{"no signature", header + "." + body + ".", Invalid},
		{"no third part", header + "." + body, Invalid},
		{"two dots alone", "..", Invalid},
		{"header alone", "SFMyNTY", Invalid},
		{"header and dot", "SFMyNTY.", Invalid},
		{"header and dots", "SFMyNTY..", Invalid},
		{"empty body, signed", seal(t, 0, ""), Invalid},
		{"four parts", good + "." + signature, Invalid},
		{"a dot in the body, signed", seal(t, 0, body+"."), Invalid},
		{"padding, signed", seal(t, 0, body[:len(body)-2]+"=="), Invalid},
		{"newline in the body, signed", seal(t, 0, body[:8]+"\n"+body[8:]), Invalid},
		{"return in the body, signed", seal(t, 0, body[:8]+"\r"+body[8:]), Invalid},
		{"loose last bits in the body, signed", seal(t, 0, "g2gDYf9uBgAAaOXPiwFiAAFRgB"), Invalid},
		{"loose last bits in the signature", good[:len(good)-1] + "9", Invalid},
		{"newline behind", good + "\n", Invalid},
		{"space before", " " + good, Invalid},
		{"padding behind", good + "=", Invalid},
		{"standard alphabet", strings.ReplaceAll(good, "-", "+"), Invalid},
		{"lower case header", strings.ToLower(header) + "." + rest, Invalid},
		{"encrypted", "XCP.JCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkG6GN83JNdZjh4HQjiaUGX5TJQpsQeIJy1XZDFSblfoD7T4nhYJN4XikbWA", Invalid},
		{"a jwt", "eyJhbGciOiJIUzI1NiJ9." + body + "." + signature, Invalid},
		{"too long", header + "." + long + "." + signature, Invalid},
		{"too long, signed", seal(t, 0, long), Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := signer(t, Options{}).Verify(c.token, signedAt()); reasonOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestAge(t *testing.T) {
	const ms, day = time.Millisecond, 24 * time.Hour
	plain, hour, forever := Options{}, Options{MaxAge: time.Hour}, Options{Infinity: true}
	for _, c := range []struct {
		name               string
		signing, verifying Options
		later              time.Duration
		want               Reason
	}{
		{"a day by default", plain, plain, day, ""},
		{"a day and a moment", plain, plain, day + ms, Expired},
		{"the token's age", hour, plain, time.Hour, ""},
		{"past the token's age", hour, plain, time.Hour + ms, Expired},
		{"the verifier is stricter", plain, hour, time.Hour + ms, Expired},
		{"the verifier is milder", hour, Options{MaxAge: 2 * time.Hour}, 2 * time.Hour, ""},
		{"the token has no end", forever, plain, 10 * 365 * day, ""},
		{"but the verifier has", forever, hour, time.Hour + ms, Expired},
		{"the verifier has no end", hour, forever, 10 * 365 * day, ""},
		{"a fast clock", plain, plain, -30 * time.Second, ""},
		{"too fast a clock", plain, plain, -30*time.Second - ms, Invalid},
		{"no end, but from the future", forever, forever, -time.Minute, Invalid},
		{"a larger skew", plain, Options{Skew: time.Hour}, -time.Hour, ""},
		{"beyond a larger skew", plain, Options{Skew: time.Hour}, -time.Hour - ms, Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			token, err := signer(t, c.signing).Sign("x", signedAt())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signer(t, c.verifying).Verify(token, signedAt().Add(c.later)); reasonOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestEnvelope tells which terms around the data are taken, all rightly signed.
func TestEnvelope(t *testing.T) {
	now := []byte{tagSmallBig, 6, 0, 0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01}
	age := []byte{tagInt, 0, 1, 0x51, 0x80}
	data := []byte{tagSmallInt, 5}
	term := func(parts ...[]byte) []byte {
		out := []byte{tagVersion}
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	three, two := []byte{tagSmallTuple, 3}, []byte{tagSmallTuple, 2}
	pair := []byte{tagMap, 0, 0, 0, 2}
	keyData, keySigned := []byte("\x64\x00\x04data"), []byte("\x77\x06signed")
	infinity := appendAtom(nil, "infinity")
	for _, c := range []struct {
		name string
		term []byte
		want Reason
	}{
		{"three", term(three, data, now, age), ""},
		{"two", term(two, data, now), ""},
		{"map", term(pair, keyData, data, keySigned, now), ""},
		{"map the other way round", term(pair, keySigned, now, keyData, data), ""},
		{"map with binary keys", term(pair, []byte("\x6d\x00\x00\x00\x04data"), data, keySigned, now), Invalid},
		{"map with one key twice", term(pair, keyData, data, keyData, data), Invalid},
		{"map with signed twice", term(pair, keySigned, now, keySigned, now), Invalid},
		{"map with another key", term(pair, keyData, data, []byte("\x77\x01x"), now), Invalid},
		{"map of three", term([]byte{tagMap, 0, 0, 0, 3}, keyData, data, keySigned, now, []byte("\x77\x01x"), data), Invalid},
		{"map of one", term([]byte{tagMap, 0, 0, 0, 1}, keyData, data), Invalid},
		{"large tuple", term([]byte{tagLargeTuple, 0, 0, 0, 3}, data, now, age), Invalid},
		{"one", term([]byte{tagSmallTuple, 1}, data), Invalid},
		{"four", term([]byte{tagSmallTuple, 4}, data, now, age, age), Invalid},
		{"list", term([]byte{tagList, 0, 0, 0, 3}, data, now, age, []byte{tagNil}), Invalid},
		{"data alone", term(data), Invalid},
		{"behind it something", term(three, data, now, age, []byte{0}), Invalid},
		{"cut", term(three, data, now, age[:4]), Invalid},
		{"no age", term(three, data, now), Invalid},
		{"another version", append([]byte{130}, term(three, data, now, age)[1:]...), Invalid},
		{"age zero", term(three, data, now, []byte{tagSmallInt, 0}), Expired},
		{"age negative", term(three, data, now, []byte{tagInt, 255, 255, 255, 255}), Expired},
		{"age a fraction", term(three, data, now, []byte{tagFloat, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}), ""},
		{"age a tiny fraction", term(three, data, now, []byte{tagFloat, 0x3f, 0, 0, 0, 0, 0, 0, 0}), Expired},
		{"age 1.0e300", term(three, data, now, binaryFloat(1e300)), ""},
		{"age infinite as a float", term(three, data, now, binaryFloat(math.Inf(1))), Invalid},
		{"age the largest", term(three, data, now, appendInt(nil, math.MaxInt64)), ""},
		{"age the smallest", term(three, data, now, appendInt(nil, math.MinInt64)), Expired},
		{"age beyond 64 bits", term(three, data, now, []byte{tagSmallBig, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), Invalid},
		{"age another atom", term(three, data, now, appendAtom(nil, "nil")), Invalid},
		{"age infinity as text", term(three, data, now, appendBinary(nil, "infinity")), Invalid},
		{"age infinity", term(three, data, now, infinity), ""},
		{"signed at text", term(three, data, appendBinary(nil, "1700000000000"), age), Invalid},
		{"signed at a float", term(three, data, binaryFloat(1.7e12), age), Invalid},
		{"signed at the start", term(three, data, []byte{tagSmallInt, 0}, age), Expired},
		{"signed at the start, no end", term(three, data, []byte{tagSmallInt, 0}, infinity), ""},
		{"signed at the smallest", term(three, data, appendInt(nil, math.MinInt64), age), Expired},
		{"signed at the smallest, largest age", term(three, data, appendInt(nil, math.MinInt64), appendInt(nil, math.MaxInt64)), Expired},
		{"signed at the largest", term(three, data, appendInt(nil, math.MaxInt64), age), Invalid},
		{"signed beyond 64 bits", term(three, data, []byte{tagSmallBig, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, age), Invalid},
		{"data a process", term(three, []byte{88, 0, 0, 0, 0}, now, age), Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := signer(t, Options{}).Verify(sealTerm(t, c.term), signedAt())
			if reasonOf(err) != c.want {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if err == nil && got != int64(5) {
				t.Errorf("data %v", got)
			}
		})
	}
}

func binaryFloat(f float64) []byte {
	b, err := appendFloat(nil, 0)
	if err != nil {
		return nil
	}
	for i := range 8 {
		b[8-i] = byte(math.Float64bits(f) >> (8 * i))
	}
	return b
}

func TestAtOnce(t *testing.T) {
	s := signer(t, Options{})
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				want := int64(g*1000 + i)
				token, err := s.Sign(want, signedAt())
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := s.Verify(token, signedAt()); err != nil || got != want {
					t.Errorf("got %v, %v, want %d", got, err, want)
					return
				}
			}
		})
	}
	group.Wait()
}
