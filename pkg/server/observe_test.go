package server

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/presence"
)

// Every count of the hub is told under its own name.
func TestSocketCounts(t *testing.T) {
	got := sockets(channels.Stats{
		Websockets: 1, Polls: 2, Members: 3, Topics: 4, Joins: 5, Refused: 6, Received: 7, Sent: 8,
		Broadcasts: 9, Delivered: 10, Unsayable: 11, Slow: 12, Flooded: 13, Malformed: 14, Limited: 15,
		Cluster: channels.ClusterStats{Tied: true, Up: true, Topics: 18, Published: 19, Crossed: 20, NotCrossed: 21, Unconfirmed: 22, Unreadable: 23,
			Presence: presence.Stats{Nodes: 24, Gaps: 25}},
	}, presence.Size{Local: 16, Remote: 17})
	want := observe.Sockets{
		Websockets: 1, Longpolls: 2, Members: 3, Topics: 4, Joins: 5, JoinsRefused: 6, Received: 7, Sent: 8,
		Broadcasts: 9, Deliveries: 10, Unsayable: 11, Slow: 12, Flooded: 13, Malformed: 14, RateLimited: 15, Presences: 16, RemotePresences: 17,
	}
	cluster := observe.Cluster{Up: true, Topics: 18, Published: 19, Received: 20, NotCrossed: 21, Unconfirmed: 22, Unreadable: 23, Nodes: 24, Gaps: 25}
	if got.Cluster == nil || *got.Cluster != cluster {
		t.Errorf("%+v, want %+v", got.Cluster, cluster)
	}
	if got.Cluster = nil; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
