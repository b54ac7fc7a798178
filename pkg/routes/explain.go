package routes

import (
	"cmp"
	"net/http"
	"slices"
)

// An Explanation tells why a request goes where it goes.
type Explanation struct {
	Match  Match
	Losers []Loser // the other routes that have the path, the nearest to winning first
}

// A Loser is a route that has the path of a request and does not answer it.
type Loser struct {
	Route  int
	Reason string
}

// Explain looks a request up and gives a reason for each other route that has its path.
// It tries all routes one by one: it is for people.
func (t *Table) Explain(method, host, path string) Explanation {
	var e Explanation
	t.Lookup(method, host, path, &e.Match)
	var p requestPath
	if p.set(path) != sound {
		return e
	}
	name := hostName(host)
	var all []candidate
	for i := range t.routes {
		if kinds, ok := p.kinds(t.routes[i].Pattern); ok {
			c := candidate{index: i, Route: &t.routes[i], kinds: kinds}
			c.onHost = c.Host.matches(name)
			c.method, c.takes = c.methodRank(method)
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, candidate.compare)
	for _, c := range all {
		if c.index != e.Match.Route {
			e.Losers = append(e.Losers, Loser{c.index, c.reason(all[0], method)})
		}
	}
	return e
}

// candidate is a route that has the path of a request.
type candidate struct {
	*Route
	index  int
	kinds  []kind // how it takes the path, segment by segment
	onHost bool
	takes  bool
	method int
}

// kinds tells how a pattern takes the path; a redirected slash is a segment at the end.
func (r *requestPath) kinds(p Pattern) (kinds []kind, ok bool) {
	for i, s := range p.segments {
		switch {
		case s.kind == rest:
			return append(kinds, rest), true
		case i >= len(r.ends), s.kind == static && r.run(i, i+1)[1:] != s.text:
			return nil, false
		}
		kinds = append(kinds, s.kind)
	}
	if r.slash {
		kinds = append(kinds, slash)
	}
	return kinds, len(p.segments) == len(r.ends)
}

// methodRank orders routes of one shape by how they take the method: lower wins.
func (r *Route) methodRank(method string) (rank int, ok bool) {
	switch {
	case neverRouted(method):
		return 3, false
	case slices.Contains(r.Methods, method):
		return 0, true
	case method == http.MethodHead && slices.Contains(r.Methods, http.MethodGet):
		return 1, true
	}
	return 2, r.any()
}

// compare puts the one that answers first.
func (c candidate) compare(o candidate) int {
	return cmp.Or(
		first(c.onHost, o.onHost),
		first(c.takes, o.takes),
		cmp.Compare(c.Host.rank(), o.Host.rank()),
		slices.Compare(c.kinds, o.kinds),
		cmp.Compare(c.method, o.method),
	)
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// reason tells why c does not answer; best is the route that comes first.
func (c candidate) reason(best candidate, method string) string {
	switch {
	case !c.onHost:
		return "is for the host " + c.Host.String()
	case neverRouted(method):
		return method + " is never routed"
	case !c.takes:
		return "is for " + c.methods()
	case c.index == best.index: // it came first and still is no winner
		return "is redirected to, without the slash"
	case c.Host.rank() != best.Host.rank():
		if c.Host.fixed == "" {
			return "the host " + best.Host.String() + " wins over none"
		}
		return "the host " + best.Host.String() + " wins over " + c.Host.String()
	case !slices.Equal(c.kinds, best.kinds):
		return c.pathReason(best)
	case method == http.MethodHead && !c.any():
		return "HEAD wins over GET"
	}
	return best.methods() + " wins over " + c.methods()
}

// pathReason tells which segment decides.
func (c candidate) pathReason(best candidate) string {
	i := 0
	for i < len(best.kinds) && i < len(c.kinds) && best.kinds[i] == c.kinds[i] {
		i++
	}
	mine := c.part(i)
	switch {
	case i == len(best.kinds):
		return "a path that ends wins over the empty " + mine
	case best.kinds[i] == static:
		return "the static segment " + best.part(i) + " wins over " + mine
	}
	return best.part(i) + " wins over " + mine
}

// part names what takes segment i of the path.
func (c candidate) part(i int) string {
	if c.kinds[i] == slash {
		return "a redirect without the slash"
	}
	return c.Pattern.segments[i].String()
}
