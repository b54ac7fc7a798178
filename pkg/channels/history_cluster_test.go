package channels

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A node's history holds what it hears of the others, and is begun anew where it may not
// have heard all.
func TestHistoriesOfNodes(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		ships := map[string]*ship{"a": f.ship("a"), "b": f.ship("b")}
		for _, s := range ships {
			s.rules = keeping(10, time.Hour)
			s.hub.Apply(map[string]Rules{"/socket": s.rules})
		}
		from := func(name string) {
			t.Helper()
			if err := ships[name].hub.Broadcast("room:a", "msg", value.JSON([]byte(`"`+name+`"`))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		joins := func(name, params string) (told, []string, *desk) {
			t.Helper()
			d := open(t, ships[name].hub, formV2)
			reply, frames := comes(t, d, params)
			return reply, frames, d
		}
		expect := func(what string, got told, frames []string, recovered string, want ...string) {
			t.Helper()
			if !got.says(recovered, got.Offset) || strings.Join(frames, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %+v, then %q", what, got, frames)
			}
		}
		first, _, ann := joins("a", `{}`)
		from("b")
		ann.leaves()
		from("a")
		from("b")
		got, frames, ann := joins("a", point2(first.Epoch, 1))
		expect("back on its node", got, frames, "true", `[null,"h2","room:a","msg","a"]`, `[null,"h3","room:a","msg","b"]`)
		elsewhere, frames, _ := joins("b", point2(first.Epoch, 1))
		expect("on another node", elsewhere, frames, "false")

		f.net.Cut("a")
		synctest.Wait()
		_ = ships["b"].hub.Broadcast("room:a", "msg", value.JSON([]byte(`"lost"`)))
		f.net.Mend("a")
		synctest.Wait()
		got, frames, _ = joins("a", point2(first.Epoch, 3))
		expect("after an outage", got, frames, "false")
		ann.leaves()
		for _, c := range ships["a"].hub.connections() {
			c.close(1001, "")
		}
		pass(time.Minute) // nobody is in the topic on this node, which then hears no more of it
		from("b")
		again, frames, _ := joins("a", point2(got.Epoch, got.Offset))
		switch {
		case again.says("true", again.Offset): // or it does hear of it
			expect("after a while without members", again, frames, "true", `[null,"h1","room:a","msg","b"]`)
		default:
			expect("after a while without members", again, frames, "false")
		}
	})
}
