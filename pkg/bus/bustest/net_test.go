package bustest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

func TestNet(t *testing.T) {
	bustest.Contract(t, func(t *testing.T) (a, b bus.Bus) {
		var net bustest.Net
		return net.Node("a"), net.Node("b")
	})
}

func TestNetOutages(t *testing.T) {
	bustest.Outages(t, func(t *testing.T) (a, b bus.Bus, cut, mend func()) {
		var net bustest.Net
		return net.Node("a"), net.Node("b"), func() { net.Cut("a"); net.Cut("b") }, func() { net.Mend("a"); net.Mend("b") }
	})
}

// In a bubble all that a test set off has happened when Wait returns.
func TestNetInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var net bustest.Net
		a, b, c := net.Node("a"), net.Node("b"), net.Node("c")
		var got []string
		for _, x := range []bus.Bus{b, c} {
			if _, err := x.Subscribe("x", func(data []byte) { got = append(got, x.Node()+" "+string(data)) }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		say := func(text string) {
			t.Helper()
			if err := a.Publish("x", []byte(text)); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		net.Cut("c")
		say("1") // c is cut off
		net.Mend("c")
		c.Close()
		say("2") // c has ended
		if len(got) != 2 || got[0] != "b 1" || got[1] != "b 2" {
			t.Errorf("%q came", got)
		}
		again := net.Node("c")
		if again.Node() == c.Node() {
			t.Errorf("two nodes are called %q", c.Node())
		}
		if _, err := b.Answer("never", func(ctx context.Context, _ []byte) []byte { <-ctx.Done(); return nil }); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := a.Ask(ctx, "never", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		for _, x := range []bus.Bus{a, b, again} {
			x.Close()
		}
	})
}
