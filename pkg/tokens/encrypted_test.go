package tokens

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestEncrypt(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	keys := new(Keys)
	signer, err := keys.NewSigner(secret, "k_cookie", Options{MaxAge: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	own, err := keys.Encryptor(secret, "k_cookie")
	if err != nil {
		t.Fatal(err)
	}
	other, err := keys.Encryptor(secret, "other_cookie")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	token, err := signer.Encrypt(own, map[string]any{"id": int64(7)}, now)
	if err != nil || strings.Contains(token, "id") {
		t.Fatal(token, err)
	}
	data, err := signer.Decrypt(own, token, now.Add(time.Minute))
	if claims, ok := data.(value.Claims); err != nil || !ok || claims["id"] != int64(7) {
		t.Errorf("%v, %v", data, err)
	}
	signed, err := signer.Sign("x", now)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		by    Sealer
		token string
		after time.Duration
		want  Reason
	}{
		{"expired", own, token, time.Minute + time.Millisecond, Expired},
		{"another key", other, token, 0, Invalid},
		{"changed", own, token[:len(token)-2] + "AA", 0, Invalid},
		{"cut short", own, token[:20], 0, Invalid},
		{"only signed", own, signed, 0, Invalid},
		{"none", own, "", 0, Missing},
	}
	for _, tt := range tests {
		var refused *Refused
		if data, err := signer.Decrypt(tt.by, tt.token, now.Add(tt.after)); !errors.As(err, &refused) || refused.Reason != tt.want || data != nil {
			t.Errorf("%s: %v, %v, want %s", tt.name, data, err, tt.want)
		}
	}
	if _, err := signer.Encrypt(own, strings.Repeat("x", MaxToken), now); err == nil {
		t.Error("a token that is too long is made")
	}
	if _, err := signer.Encrypt(own, make(chan int), now); err == nil {
		t.Error("a channel is encrypted")
	}
}
