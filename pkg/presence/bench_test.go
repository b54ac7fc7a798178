package presence

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func benchTable(b *testing.B, window time.Duration, members int) *Table {
	b.Helper()
	refs, err := NewRefs(strings.NewReader("abcdef"), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	p := NewTable(Options{Refs: refs, Emit: func(string, []byte) {}, Window: window})
	for i := range members {
		if err := p.Track("t", fmt.Sprint("there", i), &member{}, []byte(`{"status":"online"}`), nil); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

// 500 members join a topic with 500 members and get the state each.
func BenchmarkCrowd(b *testing.B) {
	for _, window := range []time.Duration{0, DefaultWindow} {
		b.Run(window.String(), func(b *testing.B) {
			p := benchTable(b, window, 500)
			keys, crowd := make([]string, 500), make([]*member, 500)
			for i := range keys {
				keys[i], crowd[i] = fmt.Sprint("user", i), &member{}
			}
			meta, bytes := []byte(`{"status":"online"}`), 0
			b.ReportAllocs()
			for b.Loop() {
				for i, m := range crowd {
					if err := p.Track("t", keys[i], m, meta, func(state []byte) { bytes += len(state) }); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				for _, m := range crowd {
					p.Leave("t", m)
				}
				p.flush()
				b.StartTimer()
			}
			p.Close()
		})
	}
}

func BenchmarkState(b *testing.B) {
	p := benchTable(b, 0, 500)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(p.State("t"))))
	}
}

func BenchmarkTrackAndLeave(b *testing.B) {
	p := benchTable(b, DefaultWindow, 500)
	m, meta := &member{}, []byte(`{"status":"online"}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Track("t", "me", m, meta, nil); err != nil {
			b.Fatal(err)
		}
		p.Leave("t", m)
	}
	p.Close()
}
