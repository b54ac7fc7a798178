//go:build linux

package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// How a server parted with a member that read nothing is told by what is left to read.
func TestStalledEnd(t *testing.T) {
	const one = "\x81\x02[]"
	tests := []struct {
		name, sent string
		close      bool
		want, err  string
	}{
		{"a close frame", one + one + "\x88\x07\x03\xf0slow!", true, "closed with 1008 slow! after 2 frames", ""},
		{"an end between frames", one, true, "cut after 1 frames", ""},
		{"an end in a frame", one + "\x81\x09[", true, "cut within frame 2", ""},
		{"no end", one, false, "", "it was not closed: 1 frames came"},
		{"no frames", "\xff\xff\xff", true, "", errBroken.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			go func() {
				_, _ = far.Write([]byte(tt.sent)) // one that is not read to its end is told by what is
				if tt.close {
					far.Close()
				}
			}()
			most := 20 * time.Second
			if !tt.close {
				most = time.Second
			}
			got, err := (&stalled{Conn: near}).end(most)
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q, %v, want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}
