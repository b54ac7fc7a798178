package pipeline

import (
	"net/http/httptest"
	"reflect"
	"slices"
	"testing"
)

// A pooled context takes nothing of one request into the next.
func TestResetForgetsTheRun(t *testing.T) {
	c := NewContext(FirstNameSlot + 1)
	c.Start(httptest.NewRecorder(), httptest.NewRequest("POST", "/x?a=1", nil))
	if err := c.SetParams([]string{"id"}, []string{"7"}); err != nil {
		t.Fatal(err)
	}
	c.Request.ID = "an id"
	c.body.raw, c.body.read = []byte("secret"), true
	c.Slots[FirstNameSlot] = "bound"
	c.Halt()
	var order []int
	c.Defer(func() { order = append(order, 1) })
	c.Defer(func() { order = append(order, 2) })
	c.Reset()
	if !slices.Equal(order, []int{2, 1}) {
		t.Errorf("deferred functions ran as %v, expected the last first", order)
	}
	if !reflect.ValueOf(c.run).IsZero() {
		t.Errorf("of the run is left: %+v", c.run)
	}
	if len(c.Params) > 0 || c.Slots[FirstNameSlot] != nil || c.Slots[SlotParams] != nil || c.Slots[SlotRequest] != nil {
		t.Errorf("params %v and slots %v are left", c.Params, c.Slots)
	}
	if kept := c.deferred[:cap(c.deferred)]; slices.ContainsFunc(kept, func(f func()) bool { return f != nil }) {
		t.Error("a deferred function is kept")
	}
	c.Reset()
	if len(order) != 2 {
		t.Errorf("deferred functions ran again: %v", order)
	}
}

// What is held is released with the run, or by the connection that takes it over.
func TestHeld(t *testing.T) {
	c := NewContext(FirstNameSlot)
	var order []int
	hold := func(n int) { c.Hold(func() { order = append(order, n) }) }
	hold(1)
	hold(2)
	c.Reset()
	if c.Reset(); !slices.Equal(order, []int{2, 1}) {
		t.Errorf("released %v with the run, want the last first and once", order)
	}
	order = nil
	hold(3)
	release := c.HandOver()
	hold(4)
	if c.Reset(); !slices.Equal(order, []int{4}) {
		t.Errorf("released %v with the run, want what was not handed over", order)
	}
	if release(); !slices.Equal(order, []int{4, 3}) {
		t.Errorf("released %v, want also what was handed over", order)
	}
	if c.HandOver() != nil {
		t.Error("nothing is handed over again")
	}
}
