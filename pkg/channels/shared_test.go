package channels

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/openmanifest/gateway/pkg/value"
)

// classes is a channel whose members are of the class that their join says.
func classes(ran *atomic.Int64) *testChannel {
	c := room()
	c.join = func(c *Call) { c.Membership.Names = string(c.Payload.Bytes) }
	c.class = func(m *Membership) string { return m.Names.(string) }
	c.in["become"] = func(c *Call) { c.Membership.Names = string(c.Payload.Bytes) }
	c.out = map[string]func(*Call){"msg": func(c *Call) {
		ran.Add(1)
		switch class := c.Membership.Names.(string); class {
		case `"deaf"`:
		case `"as it is"`:
			must(c.Push(c.Event, c.Payload))
		case `"bytes"`:
			must(c.Push("raw", value.Payload{Bytes: []byte{7}, Binary: true}))
		case `"fails"`:
			c.Stop(StopError)
		case `"panics"`:
			panic("boom")
		default:
			lent := []byte(`{"for":` + class + `,"was":` + string(c.Payload.Bytes) + `}`)
			must(c.Push(c.Event, value.JSON(lent)))
			must(c.Push("also", value.Payload{}))
			clear(lent)
		}
	}}
	return c
}

func enter(t *testing.T, h *Hub, f form, ref, class string) *desk {
	t.Helper()
	d := open(t, h, f)
	if f.isV1() {
		d.says(`{"topic":"room:a","event":"phx_join","payload":"` + class + `","ref":"` + ref + `"}`)
	} else {
		d.says(`["` + ref + `","` + ref + `","room:a","phx_join","` + class + `"]`)
	}
	synctest.Wait()
	d.got()
	return d
}

func TestAFilterRunsOncePerClass(t *testing.T) {
	var ran atomic.Int64
	bubble(t, anyOrigin(classes(&ran)), func(t *testing.T, h *Hub) {
		a1, a2, a3 := enter(t, h, formV2, "1", "ann"), enter(t, h, formV2, "1", "ann"), enter(t, h, formV2, "22", "ann")
		deaf, whole, whole2 := enter(t, h, formV2, "1", "deaf"), enter(t, h, formV2, "1", "as it is"), enter(t, h, formV2, "3", "as it is")
		old, raw, rawOld := enter(t, h, formV1, "1", "ann"), enter(t, h, formV2, "1", "bytes"), enter(t, h, formV1, "1", "bytes")
		shout(t, h, "room:a", "msg", `{"x":1}`)
		shout(t, h, "room:a", "plain", `{}`)
		synctest.Wait()
		if n := ran.Load(); n != 4 {
			t.Errorf("the filter ran %d times for 4 classes", n)
		}
		forAnn := func(ref string) []string {
			return []string{`["` + ref + `",null,"room:a","msg",{"for":"ann","was":{"x":1}}]`, `["` + ref + `",null,"room:a","also",{}]`, `[null,null,"room:a","plain",{}]`}
		}
		a1.gets(forAnn("1")...)
		a2.gets(forAnn("1")...)
		a3.gets(forAnn("22")...)
		deaf.gets(`[null,null,"room:a","plain",{}]`)
		whole.gets(`["1",null,"room:a","msg",{"x":1}]`, `[null,null,"room:a","plain",{}]`)
		whole2.gets(`["3",null,"room:a","msg",{"x":1}]`, `[null,null,"room:a","plain",{}]`)
		old.gets(`{"topic":"room:a","event":"msg","ref":null,"payload":{"for":"ann","was":{"x":1}}}`,
			`{"topic":"room:a","event":"also","ref":null,"payload":{}}`, `{"topic":"room:a","event":"plain","ref":null,"payload":{}}`)
		raw.gets("\x00\x01\x06\x031room:araw\x07", `[null,null,"room:a","plain",{}]`)
		rawOld.gets(`{"topic":"room:a","event":"plain","ref":null,"payload":{}}`)
	})
}

// A class is asked for anew at each broadcast: names may have changed.
// One of a class may be about to leave when the filter runs for it: the others get what it
// makes all the same.
func TestAFilterIsNotTheLeavers(t *testing.T) {
	var ran atomic.Int64
	channel := classes(&ran)
	channel.out["msg"] = func(c *Call) {
		c.Membership.ended.Store(true)
		must(c.Push(c.Event, c.Payload))
	}
	bubble(t, anyOrigin(channel), func(t *testing.T, h *Hub) {
		enter(t, h, formV2, "1", "ann")
		other := enter(t, h, formV2, "2", "ann")
		shout(t, h, "room:a", "msg", `{"x":1}`)
		synctest.Wait()
		other.gets(`["2",null,"room:a","msg",{"x":1}]`)
	})
}

func TestAClassMayChange(t *testing.T) {
	var ran atomic.Int64
	bubble(t, anyOrigin(classes(&ran)), func(t *testing.T, h *Hub) {
		a, b := enter(t, h, formV2, "1", "deaf"), enter(t, h, formV2, "1", "deaf")
		shout(t, h, "room:a", "msg", `1`)
		a.says(`["1","2","room:a","become","as it is"]`)
		synctest.Wait()
		shout(t, h, "room:a", "msg", `2`)
		synctest.Wait()
		a.gets(`["1",null,"room:a","msg",2]`)
		b.gets()
	})
}

func TestAFilterThatFailsIsRunOnceAndEndsItsMembers(t *testing.T) {
	for _, class := range []string{"fails", "panics"} {
		var ran atomic.Int64
		bubble(t, anyOrigin(classes(&ran)), func(t *testing.T, h *Hub) {
			a, b, other := enter(t, h, formV2, "1", class), enter(t, h, formV2, "2", class), enter(t, h, formV2, "3", "as it is")
			shout(t, h, "room:a", "msg", `1`)
			shout(t, h, "room:a", "plain", `2`)
			synctest.Wait()
			a.gets(`["1","1","room:a","phx_error",{}]`)
			b.gets(`["2","2","room:a","phx_error",{}]`)
			other.gets(`["3",null,"room:a","msg",1]`, `[null,null,"room:a","plain",2]`)
			if n := ran.Load(); n != 2 {
				t.Errorf("%s: the filter ran %d times for 2 classes", class, n)
			}
			a.says(`["4","4","room:a","phx_join","as it is"]`)
			synctest.Wait()
			a.gets(`["4","4","room:a","phx_reply",{"status":"ok","response":{}}]`)
		})
	}
}

// While rules of a member run nothing is read of its names, and what comes stays in order.
func TestFilteredEventsKeepTheirOrder(t *testing.T) {
	var ran atomic.Int64
	channel := classes(&ran)
	hold := make(chan struct{})
	channel.in["slow"] = func(c *Call) { <-hold; c.Membership.Names = `"as it is"` }
	bubble(t, anyOrigin(channel), func(t *testing.T, h *Hub) {
		hold = make(chan struct{})
		a, b := enter(t, h, formV2, "1", "deaf"), enter(t, h, formV2, "1", "as it is")
		a.says(`["1","2","room:a","slow",{}]`)
		synctest.Wait()
		var want, plainly []string
		for i := range 5 {
			shout(t, h, "room:a", "msg", fmt.Sprint(i))
			shout(t, h, "room:a", "plain", fmt.Sprint(i))
			want = append(want, fmt.Sprintf(`["1",null,"room:a","msg",%d]`, i), fmt.Sprintf(`[null,null,"room:a","plain",%d]`, i))
		}
		plainly = append(plainly, want...)
		b.gets(plainly...)
		a.gets()
		close(hold)
		synctest.Wait()
		a.gets(want...)
	})
}

func TestRulesThatWereReplacedFilterNothing(t *testing.T) {
	var ran atomic.Int64
	channel := classes(&ran)
	hold := make(chan struct{})
	channel.in["slow"] = func(*Call) { <-hold }
	bubble(t, anyOrigin(channel), func(t *testing.T, h *Hub) {
		hold = make(chan struct{})
		a := enter(t, h, formV2, "1", "as it is")
		a.says(`["1","2","room:a","slow",{}]`)
		synctest.Wait()
		shout(t, h, "room:a", "msg", `1`) // waits, with the outcome of the old rules
		next := classes(&ran)
		next.out["msg"] = func(c *Call) { must(c.Push("new", c.Payload)) }
		h.Apply(map[string]Rules{"/socket": anyOrigin(next)})
		shout(t, h, "room:a", "msg", `2`)
		open := room()
		close(hold)
		synctest.Wait()
		a.gets(`["1",null,"room:a","new",1]`, `["1",null,"room:a","new",2]`)
		h.Apply(map[string]Rules{"/socket": anyOrigin(open)})
		shout(t, h, "room:a", "msg", `3`)
		synctest.Wait()
		a.gets(`[null,null,"room:a","msg",3]`)
	})
}

func TestAFilterEndsWithTheMembership(t *testing.T) {
	var ran atomic.Int64
	bubble(t, anyOrigin(classes(&ran)), func(t *testing.T, h *Hub) {
		a := enter(t, h, formV2, "1", "as it is")
		a.says(`["1","2","room:a","phx_leave",{}]`)
		synctest.Wait()
		a.got()
		shout(t, h, "room:a", "msg", `1`)
		synctest.Wait()
		a.gets()
		if ran.Load() != 0 {
			t.Error("the filter ran for nobody")
		}
	})
}

// BenchmarkFilteredBroadcast is a broadcast to a thousand members of some classes, up to
// their outboxes.
func BenchmarkFilteredBroadcast(b *testing.B) {
	const members = 1000
	for _, tt := range []struct {
		name    string
		classes int
	}{{"plain", 0}, {"classes=1", 1}, {"classes=10", 10}, {"classes=1000", 1000}} {
		b.Run(tt.name, func(b *testing.B) {
			channel := room()
			channel.class = func(m *Membership) string { return m.Names.(string) }
			if tt.classes > 0 {
				channel.out = map[string]func(*Call){"msg": func(c *Call) { _ = c.Push(c.Event, c.Payload) }}
			}
			h := newHub(b)
			rules := anyOrigin(channel)
			h.Apply(map[string]Rules{"/socket": rules})
			var desks []*desk
			for i := range members {
				d := open(b, h, formV2)
				s := &slot{conn: d.conn, topic: "room:a"}
				s.member = &Membership{Topic: "room:a", slot: s, joinRef: []byte(`"1"`), Names: strings.Repeat("x", 1+i%max(tt.classes, 1))}
				s.find()
				h.subscribe(s.member, func() {})
				desks = append(desks, d)
			}
			payload := value.JSON([]byte(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"}`))
			b.ReportAllocs()
			for b.Loop() {
				_ = h.Broadcast("room:a", "msg", payload)
				for _, d := range desks {
					d.mu.Lock()
					d.out.frames, d.out.bytes = d.out.frames[:0], 0
					d.mu.Unlock()
				}
			}
		})
	}
}
