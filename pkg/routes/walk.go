package routes

// walk is the state of one search. It goes through all that match a path, most specific
// first, until one takes the method.
type walk struct {
	path   *requestPath
	slot   *slot
	method methodCode

	onlyRest bool       // only a *name may answer
	visit    func(take) // set: nothing answers, all are shown

	found    take
	captured []int32 // the segments that a :name takes
	rest     int     // the segment that a *name begins at, -1 without one
	redirect bool
}

// through tries one tree after the other.
func (w *walk) through(trees []*node) bool {
	for _, n := range trees {
		if w.from(n, 0) {
			return true
		}
	}
	return false
}

// from tries the runs that begin at segment i.
func (w *walk) from(n *node, i int) bool {
	left := len(w.path.ends) - i
	for k := range n.few {
		r := &n.few[k]
		if r.length <= left && w.path.run(i, i+r.length) == r.key && w.at(&r.branch, i+r.length) {
			return true
		}
	}
	if n.many != nil && w.fromMany(n.many, i) {
		return true
	}
	return w.at(&n.here, i)
}

func (w *walk) fromMany(t *runTree, i int) bool {
	left := len(w.path.ends) - i
	for _, r := range t.lengths {
		if r.length > left || r.length == left && !r.ends || r.length < left && !r.goesOn {
			continue
		}
		if t.find(w.path.run(i, i+r.length), w.slot) && w.at(&w.slot.branch, i+r.length) {
			return true
		}
	}
	return false
}

// at goes on behind a run, where segment i is next. What it tries further on may write
// over b, which can be the slot's.
func (w *walk) at(b *branch, i int) bool {
	left, on := len(w.path.ends)-i, b.on
	if left == 0 {
		return w.plainEnd() && w.takes(&b.end, false) || w.takesRest(on, i) || w.slashEnd(&b.end)
	}
	w.captured = append(w.captured, int32(i))
	switch {
	case left > 1:
		if on != nil && w.from(&on.next, i+1) {
			return true
		}
	case w.plainEnd() && w.takes(&b.paramEnd, false), w.takesRest(on.behindParam(), i+1), w.slashEnd(&b.paramEnd):
		return true
	}
	w.captured = w.captured[:len(w.captured)-1]
	return w.takesRest(on, i)
}

func (w *walk) plainEnd() bool { return !w.path.slash && !w.onlyRest }

// slashEnd answers a path with one slash too many, where no *name takes the slash.
func (w *walk) slashEnd(l *leaf) bool {
	return w.path.slash && !w.onlyRest && w.takes(l, true)
}

func (w *walk) takesRest(on *beyond, i int) bool {
	if on == nil || !w.takes(&on.rest, false) {
		return false
	}
	w.rest = i
	return true
}

func (w *walk) takes(l *leaf, redirect bool) (ok bool) {
	if w.visit != nil {
		l.each(w.visit)
		return false
	}
	w.found, ok = l.choose(w.method)
	w.redirect = redirect
	return ok
}

func (l *leaf) each(visit func(take)) {
	for ; l != nil; l = l.more {
		for _, t := range l.takes {
			if t.method != noMethod {
				visit(t)
			}
		}
	}
}
