package presence

import "time"

// noted is called after each change, with the lock.
func (t *Table) noted(s *shard, at *topic) {
	window := time.Duration(t.window.Load())
	if window == 0 || t.closed.Load() {
		t.tell(at)
		s.sweep(at)
		return
	}
	if !at.queued {
		at.queued = true
		s.changed = append(s.changed, at)
	}
	if t.armed.CompareAndSwap(false, true) {
		t.timer.Reset(window)
	}
}

// flush tells what was collected in all topics. One window serves them all, so that there
// is one timer and one message to the other nodes.
func (t *Table) flush() {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.armed.Store(false) // before looking: what comes later starts the next window
	for i := range t.shards {
		t.flushShard(&t.shards[i])
	}
	t.publish()
}

// flushShard holds the lock for one topic at a time. What is noted meanwhile waits for the
// next window, or this one might never end.
func (t *Table) flushShard(s *shard) {
	s.mu.Lock()
	changed := s.changed
	s.changed = nil
	for _, at := range changed {
		at.queued = false
		t.tell(at)
		s.sweep(at)
		s.mu.Unlock() // whoever waits for this shard comes in between
		s.mu.Lock()
	}
	s.mu.Unlock()
}

// tell emits what is pending in a topic and hands what is of this node to the cluster.
func (t *Table) tell(at *topic) {
	if !t.closed.Load() {
		for step := range at.steps + 1 {
			if diff := at.diff(step); diff != nil {
				t.emit(at.name, diff)
			}
		}
		if c := t.cluster.Load(); c != nil {
			c.collect(at)
		}
	}
	at.told()
}

// publish sends the other nodes what tell handed over.
func (t *Table) publish() {
	if c := t.cluster.Load(); c != nil {
		c.publish()
	}
}

// Close ends the table: what is pending is emitted, no emit runs when it returns, and none
// follows. Who leaves later is still taken out, and nobody is tracked any more.
func (t *Table) Close() {
	t.flush()
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.closed.Store(true)
	t.timer.Stop()
	for i := range t.shards { // who tells at this moment does it under such a lock
		s := &t.shards[i]
		s.mu.Lock()
		for _, at := range s.changed {
			at.queued = false
			at.told()
			s.sweep(at)
		}
		s.changed = nil
		s.mu.Unlock()
	}
}
