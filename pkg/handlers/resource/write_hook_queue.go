package resource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/outbound"
)

// The queue of what hooks are told after a write. It holds so many messages at most, and so
// many are on their way at once. Messages that still wait when an application ends get this
// long.
const (
	maxHooks  = 1000
	hooksOpen = 8
	hooksEnd  = 5 * time.Second
)

// hookQueue tells hooks what was written, apart from the requests that wrote it. A message
// that fails is sent once more, then logged.
type hookQueue struct {
	client *outbound.Client
	log    *slog.Logger
	ctx    context.Context
	end    context.CancelFunc
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	jobs   chan *outbound.Request
}

func openHooks(log *slog.Logger) (*hookQueue, func(), error) {
	ctx, cancel := context.WithCancel(context.Background())
	q := &hookQueue{client: outbound.New(), log: log, ctx: ctx, end: cancel, jobs: make(chan *outbound.Request, maxHooks)}
	for range hooksOpen {
		q.all.Go(q.work)
	}
	return q, q.close, nil
}

var (
	errHooksFull  = errors.New("too many messages wait")
	errHooksEnded = errors.New("the application is ending")
)

func (q *hookQueue) add(r *outbound.Request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return errHooksEnded
	}
	select {
	case q.jobs <- r:
		return nil
	default:
		return errHooksFull
	}
}

func (q *hookQueue) work() {
	for r := range q.jobs {
		err := q.tell(r)
		if err != nil && q.ctx.Err() == nil {
			err = q.tell(r)
		}
		if err != nil {
			q.log.Error("a hook was not told of what was written", "host", r.URL.Host, "error", err)
		}
	}
}

func (q *hookQueue) tell(r *outbound.Request) error {
	answer, err := q.client.Do(q.ctx, r)
	if err == nil && answer.Status >= 300 {
		err = fmt.Errorf("the answer is %d", answer.Status)
	}
	return err
}

// close waits for what is queued, as long as hooksEnd.
func (q *hookQueue) close() {
	q.mu.Lock()
	q.closed = true
	close(q.jobs)
	q.mu.Unlock()
	timer := time.AfterFunc(hooksEnd, q.end)
	q.all.Wait()
	timer.Stop()
	q.end()
	q.client.Close()
}
