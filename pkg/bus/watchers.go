package bus

import "sync"

// Watchers are who wants to know of lost and new connections: what an engine's Watch keeps.
// The zero value is ready.
type Watchers struct {
	telling sync.Mutex // one call at a time
	mu      sync.Mutex
	list    []*watcher
}

type watcher struct{ changed func(up bool) }

// Add has changed called by Tell until stop is called.
func (w *Watchers) Add(changed func(up bool)) (stop func()) {
	one := &watcher{changed}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list[:len(w.list):len(w.list)], one) // Tell may be reading the old list
	return func() { w.remove(one) }
}

func (w *Watchers) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var kept []*watcher
	for _, other := range w.list {
		if other != one {
			kept = append(kept, other)
		}
	}
	w.list = kept
}

// Tell calls all with up, in the order in which they were added.
func (w *Watchers) Tell(up bool) {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.mu.Lock()
	list := w.list
	w.mu.Unlock()
	for _, one := range list {
		one.changed(up)
	}
}
