package password

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Hashes of "password" from the test vectors of the reference implementation (test.c,
// version 0x13).
const (
	small = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	large = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	two   = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
)

func TestHash(t *testing.T) {
	h := NewHasher(1)
	for _, password := range []string{"correct horse", "", "pässwörd\x00\xff", strings.Repeat("x", MaxLength)} {
		hash, err := h.Hash(t.Context(), password)
		if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || len(hash) != 97 {
			t.Fatalf("%q (%d), %v", hash, len(hash), err)
		}
		ok, err := h.Verify(t.Context(), password, hash)
		if !ok || err != nil {
			t.Errorf("its own password: %v, %v", ok, err)
		}
		ok, err = h.Verify(t.Context(), password[:max(0, len(password)-1)]+"!", hash)
		if ok || err != nil {
			t.Errorf("another password: %v, %v", ok, err)
		}
	}
	a, errA := h.Hash(t.Context(), "same")
	b, errB := h.Hash(t.Context(), "same")
	if a == b || errA != nil || errB != nil {
		t.Errorf("two hashes of one password: %s, %s, %v, %v", a, b, errA, errB)
	}
}

// The bcrypt hashes were made by libxcrypt.
func TestVerify(t *testing.T) {
	bcrypted := func(minor string) string {
		return "$2" + minor + "$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
	}
	h := NewHasher(1)
	for _, c := range []struct {
		name, password, hash string
		want                 bool
	}{
		{"argon2id", "password", small, true},
		{"argon2id, wrong", "Password", small, false},
		{"argon2id, empty", "", small, false},
		{"argon2id of 64 MiB", "password", large, true},
		{"argon2id of two lanes", "password", two, true},
		{"argon2id, first bit of the tag", "password", strings.Replace(small, "$nf65", "$Hf65", 1), false},
		{"argon2id, a tag of the first bytes", "password", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", false},
		{"bcrypt 2a", "correct horse", bcrypted("a"), true},
		{"bcrypt 2b", "correct horse", bcrypted("b"), true},
		{"bcrypt 2y", "correct horse", bcrypted("y"), true},
		{"bcrypt, wrong", "correct horsf", bcrypted("y"), false},
		{"bcrypt, with a NUL behind", "correct horse\x00", bcrypted("b"), false},
		{"bcrypt of nothing", "", "$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq", true},
		{"bcrypt, not ASCII", "pässwörd", "$2y$10$abcdefghijklmnopqrstuunYspUDVwxKwnshT7FzjzjwI57RV2KKa", true},
		{"bcrypt, the longest", strings.Repeat("x", 72), "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i", true},
		{"no hash", "password", "", false},
		{"no hash, no password", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if ok, err := h.Verify(t.Context(), c.password, c.hash); ok != c.want || err != nil {
				t.Errorf("got %v, %v", ok, err)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	const bcrypted = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i" // of 72 times x
	h := NewHasher(1)
	for _, c := range []struct {
		name, hash string
		length     int
		limit      int
	}{
		{"ours", small, MaxLength + 1, MaxLength},
		{"no hash", "", MaxLength + 1, MaxLength},
		{"bcrypt", bcrypted, MaxLength + 1, MaxLength},
		{"bcrypt, 73", bcrypted, 73, 72},
	} {
		t.Run(c.name, func(t *testing.T) {
			ok, err := h.Verify(t.Context(), strings.Repeat("x", c.length), c.hash)
			if long, is := errors.AsType[*TooLong](err); ok || !is || long.Limit != c.limit {
				t.Errorf("got %v, %v", ok, err)
			}
		})
	}
	_, err := h.Hash(t.Context(), strings.Repeat("x", MaxLength+1))
	if _, is := errors.AsType[*TooLong](err); !is || err.Error() != "a password has at most 4096 bytes" {
		t.Errorf("Hash: %v", err)
	}
}

// TestSameWork compares memory, which does not vary as time does: one argon2id hash is
// 19 MiB.
func TestSameWork(t *testing.T) {
	h := NewHasher(1)
	ours, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, password, hash string }{
		{"a hash", "wrong", ours},
		{"no hash", "wrong", ""},
		{"too long for bcrypt", strings.Repeat("x", 73), "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ok, _ := h.Verify(t.Context(), c.password, c.hash)
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) >> 20; ok || n < 19 || n > 20 {
			t.Errorf("%s: %d MiB, %v", c.name, n, ok)
		}
	}
	own, err := parse(ours)
	if err != nil || own.memory != h.nobody.memory || own.passes != h.nobody.passes || own.lanes != h.nobody.lanes ||
		len(own.tag) != len(h.nobody.tag) || len(own.salt) != len(h.nobody.salt) {
		t.Errorf("nobody's hash %s is not like %s, %v", h.nobody, own, err)
	}
}

func TestStoredHashes(t *testing.T) {
	const rest = "$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	const bc = "abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
	for _, c := range []struct{ name, hash, fault string }{
		{"plain text", "password", "the stored hash is neither argon2id nor bcrypt"},
		{"a space", " ", "the stored hash is neither argon2id nor bcrypt"},
		{"argon2i", "$argon2i$v=19$m=256,t=2,p=1" + rest, "the stored hash is neither argon2id nor bcrypt"},
		{"no version", "$argon2id$m=256,t=2,p=1" + rest, "the stored hash is neither argon2id nor bcrypt"},
		{"one part more", small + "$", "the stored hash is neither argon2id nor bcrypt"},
		{"old version", "$argon2id$v=16$m=256,t=2,p=1" + rest, "the stored hash is of another version of argon2id"},
		{"100 GB", "$argon2id$v=19$m=100000000,t=2,p=1" + rest, "the stored hash asks for more than is allowed: m=100000000, t=2, p=1"},
		{"passes", "$argon2id$v=19$m=256,t=17,p=1" + rest, "the stored hash asks for more than is allowed: m=256, t=17, p=1"},
		{"lanes", "$argon2id$v=19$m=256,t=2,p=17" + rest, "the stored hash asks for more than is allowed: m=256, t=2, p=17"},
		{"lanes beyond a byte", "$argon2id$v=19$m=4096,t=2,p=257" + rest, "the stored hash asks for more than is allowed: m=4096, t=2, p=257"},
		{"both in bounds, the product not", "$argon2id$v=19$m=262144,t=16,p=1" + rest, "the stored hash asks for more than is allowed: m=262144, t=16, p=1"},
		{"beyond 32 bits", "$argon2id$v=19$m=4294967552,t=2,p=1" + rest, "the parameters of the stored hash are not m, t and p"},
		{"no memory", "$argon2id$v=19$m=7,t=2,p=1" + rest, "the stored hash has parameters that argon2id does not know"},
		{"too little for the lanes", "$argon2id$v=19$m=15,t=2,p=2" + rest, "the stored hash has parameters that argon2id does not know"},
		{"no pass", "$argon2id$v=19$m=256,t=0,p=1" + rest, "the stored hash has parameters that argon2id does not know"},
		{"no lane", "$argon2id$v=19$m=256,t=2,p=0" + rest, "the stored hash has parameters that argon2id does not know"},
		{"negative", "$argon2id$v=19$m=256,t=-2,p=1" + rest, "the parameters of the stored hash are not m, t and p"},
		{"leading zero", "$argon2id$v=19$m=0256,t=2,p=1" + rest, "the parameters of the stored hash are not m, t and p"},
		{"other order", "$argon2id$v=19$t=2,m=256,p=1" + rest, "the parameters of the stored hash are not m, t and p"},
		{"a parameter more", "$argon2id$v=19$m=256,t=2,p=1,x=1" + rest, "the parameters of the stored hash are not m, t and p"},
		{"a parameter less", "$argon2id$v=19$m=256,t=2" + rest, "the parameters of the stored hash are not m, t and p"},
		{"padding", small + "=", "the tag of the stored hash: not base64"},
		{"newline", small + "\n", "the tag of the stored hash: not base64"},
		{"no tag", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$", "the tag of the stored hash: 0 bytes, not between 16 and 64"},
		{"short tag", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65", "the tag of the stored hash: 3 bytes, not between 16 and 64"},
		{"short salt", "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEg", "the salt of the stored hash: 3 bytes, not between 8 and 64"},
		{"long", small + strings.Repeat("A", 300), "the stored hash is too long"},
		{"bcrypt 2x", "$2x$04$" + bc, "the stored hash is neither argon2id nor bcrypt"},
		{"bcrypt without a letter", "$2$04$" + bc, "the stored hash is neither argon2id nor bcrypt"},
		{"bcrypt for days", "$2b$31$" + bc, "the stored hash asks for more than is allowed: cost 31"},
		{"bcrypt cost 16", "$2b$16$" + bc, "the stored hash asks for more than is allowed: cost 16"},
		{"bcrypt cost 3", "$2b$03$" + bc, "the stored hash has no valid cost"},
		{"bcrypt cost 99", "$2b$99$" + bc, "the stored hash has no valid cost"},
		{"bcrypt cost +5", "$2b$+x$" + bc, "the stored hash has no valid cost"},
		{"bcrypt cut", "$2b$04$" + bc[:52], "the stored hash is cut or has something behind it"},
		{"bcrypt and more", "$2b$04$" + bc + "x", "the stored hash is cut or has something behind it"},
		{"bcrypt of other letters", "$2b$04$" + "!" + bc[1:], "the stored hash is not bcrypt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ok, err := NewHasher(1).Verify(t.Context(), "password", c.hash)
			if ok || err == nil || err.Error() != "verify password: "+c.fault {
				t.Errorf("got %v, %v", ok, err)
			}
			onlyByHashing := strings.HasPrefix(c.hash, "$2b$04$!")
			if err := Check(c.hash); !onlyByHashing && (err == nil || err.Error() != c.fault) {
				t.Errorf("Check says %v", err)
			}
		})
	}
}

func TestParseString(t *testing.T) {
	for _, text := range []string{small, large, two} {
		if err := Check(text); err != nil {
			t.Errorf("Check of %s: %v", text, err)
		}
		h, err := parse(text)
		if err != nil || h.String() != text {
			t.Errorf("%s came back as %s, %v", text, h, err)
		}
	}
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(2)
		for range 2 {
			if err := h.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := h.Verify(short, "x", "")
		busy, is := errors.AsType[*Busy](err)
		if !is || !errors.Is(busy, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if _, err := h.Hash(short, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that is over: %v", err)
		}
		start = time.Now()
		_, err = h.Hash(t.Context(), "x")
		if _, is := errors.AsType[*Busy](err); !is || time.Since(start) != maxWait || err.Error() != "too many passwords are being checked" {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		done := make(chan error, 1)
		go func() { done <- h.acquire(t.Context()) }()
		synctest.Wait()
		h.release()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := h.waiting.Load(); n != 0 || len(h.slots) != 2 {
			t.Errorf("%d waiting, %d at work", n, len(h.slots))
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher(1)
		if err := h.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		results := make(chan error, maxWaitingPerSlot)
		for range maxWaitingPerSlot {
			go func() { results <- h.acquire(t.Context()) }()
		}
		synctest.Wait()
		start := time.Now()
		err := h.acquire(t.Context())
		if _, is := errors.AsType[*Busy](err); !is || time.Since(start) != 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		for range maxWaitingPerSlot {
			h.release()
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSlotsComeBack(t *testing.T) {
	h := NewHasher(0)
	if cap(h.slots) != runtime.GOMAXPROCS(0) {
		t.Errorf("%d slots", cap(h.slots))
	}
	for _, hash := range []string{small, "", "nonsense", "$2b$04$!bcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"} {
		_, _ = h.Verify(t.Context(), "x", hash)
	}
	if len(h.slots) != 0 {
		t.Errorf("%d slots are still taken", len(h.slots))
	}
}

// FuzzParse runs no hash: it asks that whatever parse lets through is bearable and is
// written back as it was.
func FuzzParse(f *testing.F) {
	for _, s := range []string{small, large, two, "", "$2b$04$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		if isBcrypt(stored) {
			_ = checkBcryptForm(stored)
		}
		h, err := parse(stored)
		if err != nil {
			return
		}
		if h.String() != stored {
			t.Errorf("%q came back as %q", stored, h)
		}
		if h.memory > maxMemoryKiB || uint64(h.memory)*uint64(h.passes) > maxWork || h.lanes < 1 || len(h.tag) < minTag {
			t.Errorf("%q is let through", stored)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := NewHasher(0)
	for b.Loop() {
		if _, err := h.Verify(b.Context(), "password", ""); err != nil {
			b.Fatal(err)
		}
	}
}
