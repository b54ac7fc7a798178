package nats

import (
	"strconv"
	"testing"

	client "github.com/nats-io/nats.go"
)

// What waits to be handled is bounded in number and in bytes, what is being handled included.
func TestIntakeIsBounded(t *testing.T) {
	large := MaxUnhandledBytes / 4
	tests := []struct {
		name  string
		sizes []int // of what is put, one after the other
		took  int   // of them
	}{
		{"small ones", make([]int, MaxUnhandled+3), MaxUnhandled},
		{"large ones", []int{large, large, large, large, large}, 3},
		{"a small one beside large ones", []int{large, large, large, large, 10}, 4},
		{"one that is larger than the bound", []int{2 * MaxUnhandledBytes, 0}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q, took := newIntake(), 0
			for i, size := range tt.sizes {
				if q.put(&client.Msg{Subject: strconv.Itoa(i), Data: make([]byte, size)}) {
					took++
				}
			}
			if lost := q.lost(); took != tt.took || lost != len(tt.sizes)-took || q.lost() != 0 {
				t.Errorf("took %d and counted %d as lost of %d, want %d", took, lost, len(tt.sizes), tt.took)
			}
			batch := q.take(nil)
			if len(batch) != took {
				t.Fatalf("%d are there", len(batch))
			}
			if q.count != took {
				t.Errorf("the places of %d are free before they are handled", took-q.count)
			}
			for _, m := range batch {
				q.handled(m)
			}
			if q.count != 0 || q.bytes != 0 || !q.put(batch[0]) {
				t.Errorf("%d messages with %d bytes are left of none", q.count, q.bytes)
			}
		})
	}
}
