package who

import (
	"context"
	"runtime"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/password"
)

func directoryOf(t *testing.T, hasher *password.Hasher, users map[string]string, hashed ...string) *directory {
	t.Helper()
	var list []named
	for name, secret := range users {
		for _, h := range hashed {
			if h == name {
				hash, err := hasher.Hash(t.Context(), secret)
				if err != nil {
					t.Fatal(err)
				}
				secret = hash
			}
		}
		list = append(list, named{name: name, secret: spec.Secret(secret)})
	}
	return newDirectory(list)
}

// hashes counts, by the memory that they take, how many hashes are computed meanwhile.
func hashes(work func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return int((after.TotalAlloc - before.TotalAlloc) / (19 << 20))
}

func TestEachRequestDoesNotCostAHash(t *testing.T) {
	hasher := password.NewHasher(1)
	mixed := directoryOf(t, hasher, map[string]string{"ann": "plain text", "bob": "hashed"}, "bob")
	plain := directoryOf(t, hasher, map[string]string{"ann": "plain text"})
	for _, tt := range []struct {
		what        string
		users       *directory
		name, typed string
		ok          bool
		hashes      int
	}{
		{"the first time", mixed, "bob", "hashed", true, 1},
		{"the second time", mixed, "bob", "hashed", true, 0},
		{"a wrong one", mixed, "bob", "Hashed", false, 1},
		{"a wrong one again", mixed, "bob", "Hashed", false, 1},
		{"right again", mixed, "bob", "hashed", true, 0},
		{"a name that is not there takes as long", mixed, "eve", "hashed", false, 1},
		{"and is not remembered", mixed, "eve", "hashed", false, 1},
		{"a plain one", mixed, "ann", "plain text", true, 0},
		{"a wrong plain one takes as long", mixed, "ann", "hashed", false, 1},
		{"where nothing is hashed", plain, "ann", "plain text", true, 0},
		{"where nothing is hashed, wrong", plain, "ann", "x", false, 0},
		{"where nothing is hashed, not there", plain, "eve", "plain text", false, 0},
	} {
		var ok bool
		var err error
		n := hashes(func() { ok, err = tt.users.check(t.Context(), hasher, tt.name, tt.typed) })
		if ok != tt.ok || err != nil || n != tt.hashes {
			t.Errorf("%s: %v, %v and %d hashes, want %v and %d", tt.what, ok, err, n, tt.ok, tt.hashes)
		}
	}
}

// Without a turn to check a password nobody passes.
func TestBusyCloses(t *testing.T) {
	hasher := password.NewHasher(1)
	users := directoryOf(t, hasher, map[string]string{"bob": "hashed"}, "bob")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if ok, err := users.check(over, hasher, "bob", "hashed"); ok || err == nil {
		t.Errorf("%v, %v, want an error", ok, err)
	}
	if ok, err := users.check(t.Context(), hasher, "bob", "hashed"); !ok || err != nil {
		t.Errorf("afterwards: %v, %v", ok, err)
	}
	if ok, err := users.check(over, hasher, "bob", "hashed"); !ok || err != nil {
		t.Errorf("one that is remembered needs no turn: %v, %v", ok, err)
	}
}

func BenchmarkDirectory(b *testing.B) {
	users := newDirectory([]named{{name: "ann", secret: "plain text"}})
	hasher := password.NewHasher(1)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := users.check(b.Context(), hasher, "ann", "plain text"); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
