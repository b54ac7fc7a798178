package channels

import (
	"fmt"
	"slices"
	"testing"
)

// Below, at and above the number from which topics are found by a map.
func TestSlotsAreFoundByTheirTopics(t *testing.T) {
	for _, count := range []int{1, fewSlots, fewSlots + 1, 3 * fewSlots} {
		var s slots
		made := map[string]*slot{}
		check := func(what string) {
			t.Helper()
			for i := range count {
				topic := fmt.Sprint("room:", i)
				if got := s.of([]byte(topic)); got != made[topic] {
					t.Errorf("%d, %s: %s gives %p, want %p", count, what, topic, got, made[topic])
				}
			}
			if len(s.all) != len(made) {
				t.Errorf("%d, %s: %d slots, want %d", count, what, len(s.all), len(made))
			}
		}
		check("none")
		for i := range count {
			one := &slot{topic: fmt.Sprint("room:", i)}
			made[one.topic] = one
			s.add(one)
		}
		check("all")
		for i := 0; i < count; i += 2 {
			one := made[fmt.Sprint("room:", i)]
			delete(made, one.topic)
			s.remove(one)
			s.remove(one) // which is not there any more
		}
		check("every second")
		for i := 0; i < count; i += 2 {
			one := &slot{topic: fmt.Sprint("room:", i)}
			made[one.topic] = one
			s.add(one)
		}
		check("all again")
	}
}

func TestConnectionsOfOneIDEndInAnyOrder(t *testing.T) {
	h := newHub(t)
	who := &Identity{ID: "u"}
	var conns []*conn
	for range 4 {
		c := &conn{hub: h, identity: who}
		h.register(c)
		conns = append(conns, c)
	}
	for left, i := range []int{0, 3, 1, 2} {
		h.unregister(conns[i])
		h.unregister(conns[i]) // which is not there any more
		got := h.ids["u"]
		if len(got) != 3-left || slices.Contains(got, conns[i]) {
			t.Errorf("%d are left when %d ended", len(got), i)
		}
	}
	if len(h.ids) != 0 {
		t.Error("the id stays behind its connections")
	}
}
