package app

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// A teller is a database that tells whoever listens when the test says so.
type teller struct {
	open [][]string // the channels of each connection that was made
	told func(channel, payload string)
}

func (d *teller) Listen(ctx context.Context, channels []string, told func(channel, payload string), _ func()) {
	d.open = append(d.open, channels)
	d.told = told
	<-ctx.Done()
	d.told = nil
}

// An App that could not be opened after all gives the listening back to the one before.
func TestListeningFollowsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &teller{}
		l := &listening{from: d}
		var heard []string
		following := func(name string, channels ...string) *follower {
			return &follower{channels: channels, told: func(channel, payload string) { heard = append(heard, name+" "+channel+" "+payload) }}
		}
		say := func(want string) {
			t.Helper()
			synctest.Wait()
			heard = nil
			d.told("a", "x")
			if !slices.Equal(heard, []string{want}) {
				t.Errorf("heard %q, want %q", heard, want)
			}
		}
		first, second, third := following("first", "a"), following("second", "a"), following("third", "a", "b")
		l.follow(first)
		say("first a x")
		l.follow(second)
		say("second a x")
		l.unfollow(first)
		say("second a x")
		if len(d.open) != 1 {
			t.Errorf("%d connections were made for the same channels", len(d.open))
		}
		l.follow(third)
		say("third a x")
		l.unfollow(third)
		say("second a x")
		if len(d.open) != 3 || !slices.Equal(d.open[1], []string{"a", "b"}) || !slices.Equal(d.open[2], []string{"a"}) {
			t.Errorf("connections to %q", d.open)
		}
		l.unfollow(second)
		synctest.Wait()
		if d.told != nil {
			t.Error("a connection listens for nobody")
		}
		l.told("a", "late") // on its way when the last one left
	})
}
