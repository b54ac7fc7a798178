package channels

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// A sink is a network connection that takes everything at once.
type sink struct{ written *atomic.Int64 }

func (s sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (s sink) Write(p []byte) (int, error)      { s.written.Add(1); return len(p), nil }
func (s sink) Close() error                     { return nil }
func (s sink) LocalAddr() net.Addr              { return nil }
func (s sink) RemoteAddr() net.Addr             { return nil }
func (s sink) SetDeadline(time.Time) error      { return nil }
func (s sink) SetReadDeadline(time.Time) error  { return nil }
func (s sink) SetWriteDeadline(time.Time) error { return nil }

func BenchmarkBroadcast(b *testing.B) {
	for _, members := range []int{1, 1000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			hub := newHub(b)
			hub.Apply(map[string]Rules{"/socket": anyOrigin(room())})
			written := new(atomic.Int64)
			for range members {
				c := &socket{conn: conn{hub: hub, mount: hub.mount("/socket"), identity: &Identity{}}, wire: wire{Conn: sink{written}}}
				c.link = c
				m := &Membership{Topic: "room:a", slot: &slot{conn: &c.conn, topic: "room:a"}}
				if !hub.subscribe(m, func() {}) {
					b.Fatal("not subscribed")
				}
			}
			payload := value.JSON([]byte(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"}`))
			b.ReportAllocs()
			for b.Loop() {
				if err := hub.Broadcast("room:a", "new_msg", payload); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			await.Until(b, "all is written", func() bool { return written.Load() > 0 })
		})
	}
}

// BenchmarkFlush is the whole way of a broadcast, to a device that takes all.
func BenchmarkFlush(b *testing.B) {
	const members = 1000
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer device.Close()
	hub := roomHub(b)
	taken := &tube{File: device}
	for range members {
		c := &socket{conn: conn{hub: hub, mount: hub.mount("/socket"), identity: &Identity{}}, wire: wire{Conn: taken}, raw: rawOf(taken)}
		c.link = c
		hub.subscribe(&Membership{Topic: "room:a", slot: &slot{conn: &c.conn, topic: "room:a"}}, func() {})
	}
	payload := value.JSON([]byte(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"}`))
	b.ReportAllocs()
	for b.Loop() {
		before := hub.stats.sent.Load()
		must(hub.Broadcast("room:a", "new_msg", payload))
		for hub.stats.sent.Load() < before+members {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/members, "ns/delivery")
}

func BenchmarkDecode(b *testing.B) {
	text := []byte(`["12","345","room:lobby","new_msg",{"body":"hello, world","tags":["a","b"],"n":12.5}]`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeArray(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	p, err := ParsePattern("org:{org}:room:{room}")
	if err != nil {
		b.Fatal(err)
	}
	values := make([]string, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.Match("org:acme:room:lobby", values); !ok {
			b.Fatal("no match")
		}
	}
}
