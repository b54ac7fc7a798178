package tokens

import (
	"reflect"
	"strings"
	"testing"
)

// sealed were made by Erlang's own crypto and term_to_binary (OTP 25), as
// Plug.Crypto.MessageVerifier and MessageEncryptor of plug_crypto 2.1 put them together.
const (
	signedMessage = "SFMyNTY.g3QAAAAEbQAAAAtfY3NyZl90b2tlbm0AAAAYYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4bQAAAARjYXJ0bAAAAAN0AAAAAm0AAAACaWRhB20AAAABbkY_-AAAAAAAAGQAA25pbGQABHRydWVqbQAAAA1waG9lbml4X2ZsYXNodAAAAAFtAAAABGluZm9tAAAAB0dyw7zDn2VtAAAAB3VzZXJfaWRhKg.zOzXmugbFp9nuYb2iMrv7sENDUD4yKaHl4k35WRfpVQ"
	sealedMessage = "XCP.YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4V68Q1kZdsqjoKoZ9pPtG91rq9tJgUhgtTdV7mPVUlKHjjCf-Rhe4aETM9dKJUpS9BY0f7x6VtDPeeGTXJCiotZUrR2xToJg63ROIPfTxqaPgHB6_WXkyy2LOl8WyOY_9Ijgw-iECyB_skQRNPwTN12kOKfnyHf3Dly22ykf7zUMfFzkjzbHkfYAOVCz4H7bs_fmJFRwUx8td0MqBaMAhnuRoe3xG4vb414hQR5o7JkT_jPKnLII"
)

func sealers(t testing.TB) map[string]Sealer {
	t.Helper()
	verifier, err := new(Keys).Verifier(secret, "signing salt")
	if err != nil {
		t.Fatal(err)
	}
	encryptor, err := new(Keys).Encryptor(secret, "encryption salt")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Sealer{signedMessage: verifier, sealedMessage: encryptor}
}

func TestMessagesOfPlug(t *testing.T) {
	want := map[string]any{"_csrf_token": "abcdefghijklmnopqrstuvwx", "user_id": int64(42), "phoenix_flash": map[string]any{"info": "Grüße"},
		"cart": []any{map[string]any{"id": int64(7), "n": 1.5}, nil, true}}
	for text, s := range sealers(t) {
		term, ok := s.Open(nil, text)
		if !ok {
			t.Errorf("%.4s: not read", text)
			continue
		}
		if v, err := DecodeTerm(term); err != nil || !reflect.DeepEqual(v, want) {
			t.Errorf("%.4s: %#v, %v", text, v, err)
		}
		again := string(s.Seal(nil, term))
		if text == signedMessage && again != text {
			t.Errorf("signed anew it is %s", again)
		}
		if text == sealedMessage && (len(again) != len(text) || again == text) {
			t.Errorf("encrypted anew it is %s", again)
		}
	}
}

func TestMessagesThatAreNotOurs(t *testing.T) {
	for text, s := range sealers(t) {
		head, rest, _ := strings.Cut(text, ".")
		for name, wrong := range map[string]string{
			"nothing": "", "the prefix alone": head + ".", "without prefix": rest, "another prefix": "SFMzODQ." + rest, "more behind": text + "A", "less": text[:len(text)-1],
			"padded": text + "=", "a line break": text[:20] + "\n" + text[20:], "a dot": text + ".", "in capitals": strings.ToUpper(text), "too long": text + strings.Repeat("A", MaxToken),
			"NUL": text + "\x00", "the other alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(text), "a blank": " " + text,
		} {
			if got, ok := s.Open([]byte("x"), wrong); ok || string(got) != "x" {
				t.Errorf("%.4s, %s: read as %q", text, name, got)
			}
		}
		for i := range len(text) {
			changed := []byte(text)
			changed[i] ^= 1
			if _, ok := s.Open(nil, string(changed)); ok {
				t.Errorf("%.4s: changed at %d it is taken", text, i)
			}
		}
		for other, o := range sealers(t) {
			if _, ok := o.Open(nil, text); ok && other != text {
				t.Errorf("%.4s is taken by the other kind", text)
			}
		}
	}
}

func TestSealersRefuse(t *testing.T) {
	for _, tt := range []struct{ secret, salt string }{{"short", "salt"}, {secret, ""}} {
		if _, err := new(Keys).Verifier(tt.secret, tt.salt); err == nil {
			t.Errorf("a verifier of %q, %q", tt.secret, tt.salt)
		}
		if _, err := new(Keys).Encryptor(tt.secret, tt.salt); err == nil {
			t.Errorf("an encryptor of %q, %q", tt.secret, tt.salt)
		}
	}
}
