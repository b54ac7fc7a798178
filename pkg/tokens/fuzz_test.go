package tokens

import (
	"reflect"
	"testing"
)

func FuzzTerm(f *testing.F) {
	for _, v := range vectors() {
		b, err := appendTerm([]byte{tagVersion}, v.data, 0)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x83\x50\x00\x00\x00\x02\x78\x9c\x4b\x64\x00\x00\x00\xc4\x00\x62"))
	f.Add([]byte("\x83\x74\x00\x00\x00\x02\x77\x01a\x46\x3f\xf8\x00\x00\x00\x00\x00\x00\x6d\x00\x00\x00\x01b\x6c\x00\x00\x00\x01\x6a\x6a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decodeTerm(b)
		if err != nil {
			return
		}
		written, err := appendTerm([]byte{tagVersion}, v, 0)
		if err != nil {
			t.Fatalf("%x was read as %#v and cannot be written: %v", b, v, err)
		}
		again, err := decodeTerm(written)
		if err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%#v came back as %#v, %v", v, again, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	for _, v := range vectors() {
		f.Add(v.token)
	}
	f.Add("SFMyNTY..")
	known := make(map[string]bool)
	for _, v := range vectors() {
		known[v.token] = true
	}
	s := signer(f, Options{})
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := s.Verify(token, signedAt()); err == nil && !known[token] {
			t.Fatalf("%q is accepted", token)
		}
		// The same text as a signed body: what only a holder of the key can send.
		if v, err := s.Verify(seal(t, 0, token), signedAt()); err != nil && (v != nil || reasonOf(err) == "") {
			t.Fatalf("%q gave %v, %v", token, v, err)
		}
	})
}
