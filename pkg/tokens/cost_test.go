//go:build !race

// The race detector lets sync.Pool forget at random, so that costs are not what they are.

package tokens

import "testing"

func TestCost(t *testing.T) {
	s := signer(t, Options{})
	for _, c := range []struct {
		token string
		most  float64
	}{
		{vectors()[0].token, 2}, // the string, and its box
		{vectors()[1].token, 0},
		{vectors()[2].token, 14},
		{vectors()[0].token[1:], 1}, // the refusal
	} {
		got := testing.AllocsPerRun(200, func() { _, _ = s.Verify(c.token, signedAt()) })
		if got > c.most+0.5 { // the collector may empty a pool
			t.Errorf("%s costs %v allocations, at most %v", c.token, got, c.most)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, v := range vectors()[:3] {
		b.Run(v.name, func(b *testing.B) {
			s, now := signer(b, Options{}), signedAt()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Verify(v.token, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	s, now, data := signer(b, Options{}), signedAt(), vectors()[2].data
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(data, now); err != nil {
			b.Fatal(err)
		}
	}
}
