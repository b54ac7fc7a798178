package app

import (
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// A teller is a database that tells whoever listens when the test says so.
type teller struct {
	opened int
	on     []string
	told   func(channel, payload string)
}

func (d *teller) Listen(told func(channel, payload string), _ func()) store.Listening {
	d.opened++
	d.told = told
	return d
}

func (d *teller) On(channels []string) { d.on = channels }
func (d *teller) Close()               { d.on, d.told = nil, nil }

// An App that could not be opened after all gives the listening back to the one before.
func TestListeningFollowsTheLast(t *testing.T) {
	d := &teller{}
	l := &listening{from: d}
	var heard []string
	following := func(name string, channels ...string) *follower {
		return &follower{channels: channels, told: func(channel, payload string) { heard = append(heard, name+" "+channel+" "+payload) }}
	}
	first, second, third := following("first", "a"), following("second", "a"), following("third", "a", "b")
	for _, step := range []struct {
		what func(*follower)
		who  *follower
		want string
		on   []string
	}{
		{l.follow, first, "first a x", []string{"a"}},
		{l.follow, second, "second a x", []string{"a"}},
		{l.unfollow, first, "second a x", []string{"a"}},
		{l.follow, third, "third a x", []string{"a", "b"}},
		{l.unfollow, third, "second a x", []string{"a"}},
	} {
		step.what(step.who)
		heard = nil
		d.told("a", "x")
		if !slices.Equal(heard, []string{step.want}) || !slices.Equal(d.on, step.on) {
			t.Errorf("heard %q on %q, want %q on %q", heard, d.on, step.want, step.on)
		}
	}
	if d.opened != 1 {
		t.Errorf("%d connections were made", d.opened)
	}
	l.unfollow(second)
	if d.told != nil {
		t.Error("a connection listens for nobody")
	}
	l.told("a", "late") // on its way when the last one left
	if l.follow(first); d.opened != 2 {
		t.Errorf("%d connections were made for who came later, want 1", d.opened-1)
	}
}
