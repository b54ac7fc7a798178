package postgres

import (
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// Who comes while a pipe that lingers is told to let its connection go finds it still
// counted, and starts no other: the pipe must look once more before it ends.
func TestAPipeThatIsLetGoLooksOnceMore(t *testing.T) {
	s := &Store{options: store.Options{}.WithDefaults()}
	p := newPipes(s, 1)
	p.running, p.idle = 1, 1
	p.letGo()
	p.queue = append(p.queue, s.newCall(&store.Statement{}, nil, 0, wantNothing))
	if !p.linger(time.NewTimer(time.Hour)) || p.running != 1 {
		t.Error("the pipe ended, and the statement waits for nobody")
	}
	p.queue, p.idle = nil, 1
	p.letGo()
	if p.linger(time.NewTimer(time.Hour)) || p.running != 0 {
		t.Error("a pipe that nobody wants goes on")
	}
}
