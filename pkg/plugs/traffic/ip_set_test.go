package traffic

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestIPSetAgainstPrefixes compares with asking each prefix.
func TestIPSetAgainstPrefixes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		var b [16]byte
		for i := range b {
			b[i] = byte(random.IntN(3)) * 127
		}
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte(b[:4]))
		}
		return netip.AddrFrom16(b)
	}
	for range 2000 {
		var prefixes []netip.Prefix
		for range random.IntN(8) {
			a := address()
			prefixes = append(prefixes, netip.PrefixFrom(a, random.IntN(a.BitLen()+1)))
		}
		set := newIPSet(prefixes)
		for range 20 {
			a, want := address(), false
			for _, p := range prefixes {
				want = want || p.Contains(a.Unmap())
			}
			if got := set.has(a); got != want {
				t.Fatalf("%s in %v: %v, want %v (%v)", a, prefixes, got, want, set)
			}
		}
	}
}

func TestParseRange(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"192.0.2.1", "192.0.2.1/32"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:db8::1", "2001:db8::1/128"},
		{"::ffff:10.0.0.0/104", "10.0.0.0/8"},
		{"::ffff:192.0.2.1", "192.0.2.1/32"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"::/0", "::/0"},
		{"10.0.0.1/8", ""},
		{"fe80::1%eth0", ""},
		{"fe80::/10%eth0", ""},
		{"::ffff:0:0/90", ""},
		{"10.0.0.0/33", ""},
		{"010.0.0.1", ""},
		{"10.0.0", ""},
		{"localhost", ""},
		{"", ""},
	} {
		p, hint := parseRange(tt.text)
		if ok := hint == ""; ok != (tt.want != "") || ok && p.String() != tt.want {
			t.Errorf("%q: %s, hint %q, want %q", tt.text, p, hint, tt.want)
		}
	}
}
