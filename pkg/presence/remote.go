package presence

// A view is the entries of one other node, by ref. One goroutine has it.
type view map[string]*entry

// maxView bounds the entries of one other node. What is over is not taken in.
const maxView = 4 << 20

// apply enters what another node says of one topic, under one lock and, without a window,
// in one diff per step. Applying something twice changes nothing: refs are unique, and each
// comes and goes once.
func (t *Table) apply(name string, changes []change, v view) {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.closed.Load() {
		return
	}
	at := s.open(name)
	for _, c := range changes {
		if c.join {
			t.applyJoin(at, c, v)
		} else if e := v[c.ref]; e != nil && e.at.topic == at {
			t.remove(at, e)
			delete(v, c.ref)
		}
	}
	t.noted(s, at)
}

func (t *Table) applyJoin(at *topic, c change, v view) {
	if v[c.ref] != nil {
		return
	}
	if old := v[c.prev]; old != nil && old.at.topic == at && old.at.key == c.key {
		v[c.ref] = t.replace(at, old, c.ref, c.body)
		delete(v, c.prev)
		return
	}
	if len(v) < maxView {
		e := newEntry(nil, c.ref, c.prev, c.body)
		at.insert(c.key, e)
		v[c.ref] = e
	}
}

// replaceView makes a view what a snapshot says, and tells no more than the difference.
func (t *Table) replaceView(snapshot []group, v view) {
	kept := make(map[string]struct{}, len(v))
	byTopic := map[string][]change{}
	for _, g := range snapshot {
		for _, c := range g.changes {
			kept[c.ref] = struct{}{}
			if v[c.ref] == nil {
				byTopic[g.topic] = append(byTopic[g.topic], c)
			}
		}
	}
	for ref, e := range v {
		if _, ok := kept[ref]; !ok {
			name := e.at.topic.name
			byTopic[name] = append(byTopic[name], change{ref: ref})
		}
	}
	for name, changes := range byTopic {
		t.apply(name, changes, v)
	}
}

// locals gives all entries of this node. Clients elsewhere will be shown them, so that from
// here on their leaves are told.
func (t *Table) locals() []*entry {
	var all []*entry
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		if s.local > 0 {
			for _, at := range s.topics {
				all = at.appendLocals(all)
			}
		}
		s.mu.Unlock()
	}
	return all
}

func (at *topic) appendLocals(all []*entry) []*entry {
	if len(at.owners) == 0 {
		return all
	}
	at.shownTo(nil)
	for _, first := range at.owners {
		for e := first; e != nil; e = e.sibling {
			all = append(all, e)
		}
	}
	return all
}
