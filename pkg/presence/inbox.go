package presence

import (
	"sync"
	"time"
)

// maxInbox bounds what waits to be read of other nodes' messages, in bytes. What is over is
// lost, and the gap is found.
const maxInbox = 32 << 20

// maxWaiting bounds it in messages.
const maxWaiting = 100_000

type arrival struct {
	data []byte
	at   time.Time
}

// An inbox lets the bus go on while a large change is applied.
type inbox struct {
	ready chan struct{} // of one place: there is something

	mu      sync.Mutex
	waiting []arrival
	bytes   int
}

func (i *inbox) put(data []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.bytes+len(data) > maxInbox || len(i.waiting) >= maxWaiting {
		return false
	}
	i.bytes += len(data)
	i.waiting = append(i.waiting, arrival{data, time.Now()})
	select {
	case i.ready <- struct{}{}:
	default:
	}
	return true
}

func (i *inbox) take() []arrival {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.waiting
	i.waiting, i.bytes = nil, 0
	return all
}
