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

// from tries the runs that begin at segment i.
func (w *walk) from(n *node, i int) bool {
	left := len(w.path.ends) - i
	for _, r := range n.runs {
		switch {
		case r.length > left || r.length == left && !r.ends || r.length < left && !r.goesOn:
			continue
		case r.length == 0:
			if w.at(&n.here, i) {
				return true
			}
		case n.find(w.path.run(i, i+r.length), w.slot):
			b := w.slot.branch // a copy: what comes next writes into the slot
			if w.at(&b, i+r.length) {
				return true
			}
		}
	}
	return false
}

// at goes on behind a run, where segment i is next.
func (w *walk) at(b *branch, i int) bool {
	left := len(w.path.ends) - i
	if left == 0 {
		return w.plainEnd() && w.takes(&b.end, false) || w.takesRest(b.rest(), i) || w.slashEnd(&b.end)
	}
	w.captured = append(w.captured, int32(i))
	if left == 1 && w.plainEnd() && w.takes(&b.paramEnd, false) {
		return true
	}
	if left == 1 && (w.takesRest(b.paramRest(), i+1) || w.slashEnd(&b.paramEnd)) {
		return true
	}
	if left > 1 && b.on != nil && w.from(&b.on.next, i+1) {
		return true
	}
	w.captured = w.captured[:len(w.captured)-1]
	return w.takesRest(b.rest(), i)
}

func (w *walk) plainEnd() bool { return !w.path.slash && !w.onlyRest }

// slashEnd answers a path with one slash too many, where no *name takes the slash.
func (w *walk) slashEnd(l *leaf) bool {
	return w.path.slash && !w.onlyRest && w.takes(l, true)
}

func (w *walk) takesRest(l *leaf, i int) bool {
	if l == nil || !w.takes(l, false) {
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
