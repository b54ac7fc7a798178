package bus_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/bus"
)

func TestIsSubject(t *testing.T) {
	tests := []struct {
		subject string
		want    bool
	}{
		{"a", true},
		{"topic.Room_7-x.0", true},
		{strings.Repeat("a", bus.MaxSubject), true},
		{strings.Repeat("a", bus.MaxSubject+1), false},
		{"", false},
		{".", false},
		{"a.", false},
		{".a", false},
		{"a..b", false},
		{"a b", false},
		{"a.*", false},
		{"a.>", false},
		{"a\r\nPUB b", false},
		{"ä", false},
		{"$SYS", false},
	}
	for _, tt := range tests {
		if got := bus.IsSubject(tt.subject); got != tt.want {
			t.Errorf("IsSubject(%q) = %v", tt.subject, got)
		}
	}
}

func TestWatchers(t *testing.T) {
	var w bus.Watchers
	var got []string
	note := func(name string) func(bool) {
		return func(up bool) {
			if up {
				got = append(got, name+" up")
			} else {
				got = append(got, name+" down")
			}
		}
	}
	stopA := w.Add(note("a"))
	var stopB func()
	stopB = w.Add(func(up bool) { note("b")(up); stopB() }) // once
	w.Add(note("c"))
	w.Tell(false)
	stopA()
	stopA()
	w.Tell(true)
	if want := []string{"a down", "b down", "c down", "c up"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
