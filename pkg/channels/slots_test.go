package channels

import (
	"fmt"
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
